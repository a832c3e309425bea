"""Reference values of the Image Biomarker Standardisation Initiative: the digital phantom and the CT phantom."""

from math import floor, log10

import numpy as np
import pytest

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.ibsi import phantom, references, tags
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern


def outside(found, expected, aggregation):
    """What lies outside the tolerance; the references are rounded to three digits."""
    wrong = {}
    for name, tag in tags(aggregation).items():
        value, tolerance = expected[tag]
        rounding = 0.5 * 10.0 ** (floor(log10(abs(value))) - 2)
        if not abs(found[name] - value) <= tolerance + 1.001 * rounding:
            wrong[name] = (found[name], value, tolerance)
    return wrong


@pytest.mark.parametrize(("aggregation", "tag"), [(None, "comb"), ("merge", "comb"), ("average", "avg")])
def test_the_digital_phantom_has_its_reference_values(shared_data, aggregation, tag):
    settings = RadiomicsSettings(standard="ibsi", aggregation=aggregation, bin_width=1, bin_minimum=1)

    found = extract(*phantom(shared_data, "ibsi1_digital_phantom"), settings)

    assert len(tags(tag)) == 102
    assert outside(found, references(shared_data, "dig_phantom"), tag) == {}
    assert found.levels == {"original": 6}


@pytest.mark.parametrize(
    ("configuration", "changes"),
    [
        ("chest_config_c", {"resegment_range": (-1000, 400), "bin_width": 25}),
        ("chest_config_d", {"resegment_range": (-3, 3), "resegment_mode": "sigma", "bin_count": 32}),
    ],
)
@pytest.mark.parametrize(("aggregation", "tag"), [("merge", "comb"), ("average", "avg")])
def test_the_ct_phantom_has_its_reference_values(shared_data, configuration, changes, aggregation, tag):
    settings = RadiomicsSettings(
        standard="ibsi", aggregation=aggregation, spacing=(2, 2, 2), interpolator="linear", **changes
    )

    found = extract(*phantom(shared_data, "ibsi1_ct_phantom"), settings)

    assert outside(found, references(shared_data, configuration), tag) == {}


def test_pyradiomics_and_ibsi_differ_where_they_are_known_to(shared_data):
    images = phantom(shared_data, "ibsi1_digital_phantom")
    ours = extract(*images, RadiomicsSettings(bin_width=1))
    ibsi = extract(*images, RadiomicsSettings(standard="ibsi", aggregation="average", bin_width=1, bin_minimum=1))

    assert ours["original_firstorder_Kurtosis"] == pytest.approx(ibsi["original_firstorder_Kurtosis"] + 3)
    assert ibsi["original_shape_MajorAxisLength"] == pytest.approx(
        ours["original_shape_MajorAxisLength"] * (74 / 73) ** 0.5, rel=1e-12
    )
    same = [name for name in ours if "Kurtosis" not in name and "AxisLength" not in name]
    assert [ours[name] for name in same] == pytest.approx([ibsi[name] for name in same], rel=1e-12)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_whole_numbers_stay_whole_when_resampled(dtype):
    images = as_images(pattern().astype(dtype), notched_ellipsoid())
    settings = RadiomicsSettings(standard="ibsi", bin_count=16, spacing=(1.3, 1.3, 1.3))

    found = extract(*images, settings)

    assert found["original_firstorder_Maximum"] == round(found["original_firstorder_Maximum"])
    assert found == extract(*as_images(pattern().astype(np.float64), notched_ellipsoid()), settings)


def test_bins_of_a_filtered_image_start_at_its_smallest_value():
    images = as_images(pattern(), notched_ellipsoid())
    settings = RadiomicsSettings(standard="ibsi", bin_width=7, bin_minimum=0, filters=("original", "wavelet"))

    found = extract(*images, settings)

    assert found.levels["original"] == found["original_firstorder_Maximum"] // 7 + 1
    assert found.levels["wavelet-LHL"] == found["wavelet-LHL_firstorder_Range"] // 7 + 1
