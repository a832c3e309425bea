"""Reference values of the Image Biomarker Standardisation Initiative: the digital phantom and the CT phantom."""

import csv
from math import floor, log10

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

SHAPE = {
    "MeshVolume": "volume",
    "VoxelVolume": "vol_approx",
    "SurfaceArea": "area_mesh",
    "SurfaceVolumeRatio": "av",
    "Sphericity": "sphericity",
    "Maximum3DDiameter": "diam",
    "MajorAxisLength": "pca_maj_axis",
    "MinorAxisLength": "pca_min_axis",
    "LeastAxisLength": "pca_least_axis",
    "Elongation": "pca_elongation",
    "Flatness": "pca_flatness",
}
FIRST_ORDER = {
    "Mean": "mean",
    "Variance": "var",
    "Skewness": "skew",
    "Kurtosis": "kurt",
    "Median": "median",
    "Minimum": "min",
    "10Percentile": "p10",
    "90Percentile": "p90",
    "Maximum": "max",
    "InterquartileRange": "iqr",
    "Range": "range",
    "MeanAbsoluteDeviation": "mad",
    "RobustMeanAbsoluteDeviation": "rmad",
    "Energy": "energy",
    "RootMeanSquared": "rms",
}
CO_OCCURRENCE = {
    "MaximumProbability": "joint_max",
    "JointAverage": "joint_avg",
    "SumSquares": "joint_var",
    "JointEntropy": "joint_entr",
    "DifferenceAverage": "diff_avg",
    "DifferenceVariance": "diff_var",
    "DifferenceEntropy": "diff_entr",
    "SumAverage": "sum_avg",
    "SumEntropy": "sum_entr",
    "JointEnergy": "energy",
    "Contrast": "contrast",
    "Id": "inv_diff",
    "Idn": "inv_diff_norm",
    "Idm": "inv_diff_mom",
    "Idmn": "inv_diff_mom_norm",
    "InverseVariance": "inv_var",
    "Correlation": "corr",
    "Autocorrelation": "auto_corr",
    "ClusterTendency": "clust_tend",
    "ClusterShade": "clust_shade",
    "ClusterProminence": "clust_prom",
    "Imc1": "info_corr1",
    "Imc2": "info_corr2",
}
DIFFERENCES = {name: name.lower() for name in ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")}


def sized(size, level, sizes, names):
    """Features of runs, zones and dependences: ours, and the tags of IBSI by its letters."""
    found = {}
    for ours, first in ((f"{size[0]}{sizes}", names[0]), (f"{size[1]}{sizes}", names[1])):
        found[f"{ours}Emphasis"] = f"{first}e"
        found[f"{ours}LowGrayLevelEmphasis"] = f"{first}lge"
        found[f"{ours}HighGrayLevelEmphasis"] = f"{first}hge"
    found[f"LowGrayLevel{level}Emphasis"] = names[2]
    found[f"HighGrayLevel{level}Emphasis"] = names[3]
    return found


RUNS = {
    **sized(("Short", "Long"), "Run", "Run", ("sr", "lr", "lgre", "hgre")),
    "GrayLevelNonUniformity": "glnu",
    "GrayLevelNonUniformityNormalized": "glnu_norm",
    "RunLengthNonUniformity": "rlnu",
    "RunLengthNonUniformityNormalized": "rlnu_norm",
    "RunPercentage": "r_perc",
    "GrayLevelVariance": "gl_var",
    "RunVariance": "rl_var",
    "RunEntropy": "rl_entr",
}
ZONES = {
    **sized(("Small", "Large"), "Zone", "Area", ("sz", "lz", "lgze", "hgze")),
    "GrayLevelNonUniformity": "glnu",
    "GrayLevelNonUniformityNormalized": "glnu_norm",
    "SizeZoneNonUniformity": "zsnu",
    "SizeZoneNonUniformityNormalized": "zsnu_norm",
    "ZonePercentage": "z_perc",
    "GrayLevelVariance": "gl_var",
    "ZoneVariance": "zs_var",
    "ZoneEntropy": "zs_entr",
}
DEPENDENCES = {
    **sized(("Small", "Large"), "", "Dependence", ("ld", "hd", "lgce", "hgce")),
    "GrayLevelNonUniformity": "glnu",
    "DependenceNonUniformity": "dcnu",
    "DependenceNonUniformityNormalized": "dcnu_norm",
    "GrayLevelVariance": "gl_var",
    "DependenceVariance": "dc_var",
    "DependenceEntropy": "dc_entr",
}


def tags(aggregation):
    """Our names and the tags of IBSI: ``avg`` over directions, or ``comb``, merged."""
    families = [
        ("shape", "morph", SHAPE, ""),
        ("firstorder", "stat", FIRST_ORDER, ""),
        ("firstorder", "ih", {"Entropy": "entropy", "Uniformity": "uniformity"}, ""),
        ("glcm", "cm", CO_OCCURRENCE, f"_3D_{aggregation}"),
        ("glrlm", "rlm", RUNS, f"_3D_{aggregation}"),
        ("glszm", "szm", ZONES, "_3D"),
        ("gldm", "ngl", DEPENDENCES, "_3D"),
        ("ngtdm", "ngt", DIFFERENCES, "_3D"),
    ]
    return {
        f"original_{family}_{name}": f"{prefix}_{tag}{end}"
        for family, prefix, names, end in families
        for name, tag in names.items()
    }


def references(folder, name):
    path = folder / "radiomics" / "ibsi1_reference_values" / f"ibsi_1_{name}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return {
        row["tag"]: (float(row["reference value"]), float(row["tolerance"])) for row in rows if row["reference value"]
    }


def outside(found, expected, aggregation):
    """What lies outside the tolerance; the references are rounded to three digits."""
    wrong = {}
    for name, tag in tags(aggregation).items():
        value, tolerance = expected[tag]
        rounding = 0.5 * 10.0 ** (floor(log10(abs(value))) - 2)
        if not abs(found[name] - value) <= tolerance + 1.001 * rounding:
            wrong[name] = (found[name], value, tolerance)
    return wrong


def phantom(folder, name):
    return [sitk.ReadImage(folder / "radiomics" / name / f"{kind}.nii.gz") for kind in ("phantom", "mask")]


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
