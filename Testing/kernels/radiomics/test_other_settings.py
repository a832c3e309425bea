"""Settings and filters one by one: values of PyRadiomics 3.0.1 for a made image."""

import numpy as np
import pytest

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

# One feature a family; Mean in place of the volume for filters.
OF_SETTINGS = (
    "shape_MeshVolume",
    "firstorder_RobustMeanAbsoluteDeviation",
    "glcm_Imc1",
    "glcm_MCC",
    "gldm_DependenceEntropy",
    "glrlm_RunEntropy",
    "glszm_ZoneVariance",
    "ngtdm_Busyness",
)
OF_FILTERS = ("firstorder_Mean", *OF_SETTINGS[1:])

SETTINGS = [
    (
        {"bin_width": 10},
        "594.9075 42.733871 -0.247654916 0.536225287 5.66037048 4.49145127 0.716735254 0.459895126",
    ),
    (
        {"bin_count": 16},
        "594.9075 42.733871 -0.19469799 0.470095171 5.35152709 4.11735334 1.21412836 0.884589844",
    ),
    (
        {"force_2d": True},
        "594.9075 42.733871 -0.300395291 0.606240503 3.65351071 3.23149293 0.081754058 3.44138526",
    ),
    (
        {"weighting_norm": "euclidean"},
        "594.9075 42.733871 -0.0521949899 0.265986094 5.02304923 3.49891144 10.056213 3.14765948",
    ),
    (
        {"weighting_norm": "manhattan"},
        "594.9075 42.733871 -0.0845093151 0.375085849 5.02304923 3.51230561 10.056213 3.14765948",
    ),
    (
        {"weighting_norm": "infinity"},
        "594.9075 42.733871 -0.0330490025 0.171174336 5.02304923 3.49449046 10.056213 3.14765948",
    ),
    (
        {"weighting_norm": "no_weighting"},
        "594.9075 42.733871 -0.00529691026 0.0779642393 5.02304923 3.46453195 10.056213 3.14765948",
    ),
    (
        {"distances": (1, 2), "gldm_alpha": 1},
        "594.9075 42.733871 -0.105496135 0.368416264 7.17552849 3.41635125 10.056213 3.08409224",
    ),
    (
        {"symmetrical_glcm": False},
        "594.9075 42.733871 -0.263206981 0.583651405 5.02304923 3.41635125 10.056213 3.14765948",
    ),
    (
        {"resegment_range": (40, 170)},
        "594.9075 25.222973 -0.185215731 0.511983229 4.23396726 2.75589037 9.23966942 3.32856767",
    ),
    (
        {"resegment_range": (-1.2,), "resegment_mode": "sigma", "resegment_shape": True},
        "525.7725 35.4234106 -0.157479553 0.463934823 4.78693167 3.22981897 8.27841369 3.16230147",
    ),
    (
        {"spacing": (1, 1, 1), "pad_distance": 4},
        "579.5 33.0478449 -0.0597500913 0.357978054 5.55056572 3.470715 124.228943 2.79900858",
    ),
    (
        {"spacing": (0.7, 0.7, 0), "interpolator": "linear"},
        "597.759167 22.755008 -0.0431356767 0.262775833 5.48937578 3.30708241 479.529525 3.4159056",
    ),
    (
        {"normalize": True, "normalize_scale": 100, "remove_outliers": 1.5},
        "594.9075 70.7508171 -0.16566058 0.449367762 5.29428359 3.86118645 3.34976853 1.61979393",
    ),
]

FILTERS = {
    "original": "106.003247 42.733871 -0.14204158 0.406618683 5.02304923 3.41635125 10.056213 3.14765948",
    "wavelet-LLH": "-2.27130013 24.4332646 -0.111528164 0.475101079 5.55933964 3.48917927 118.479718 0.592858828",
    "wavelet-LHL": "2.86995477 27.8760308 -0.141706722 0.54317215 5.28311196 3.37124227 77.6353149 1.42237709",
    "wavelet-LHH": "-1.15377197 30.7129538 -0.131481743 0.526600857 5.51629903 3.53307781 56.9382623 1.36805572",
    "wavelet-HLL": "1.34440611 39.4151997 -0.131385028 0.456250537 5.49711816 3.8045488 33.5466043 0.624487354",
    "wavelet-HLH": "-0.879223771 43.5991783 -0.154589843 0.497295327 5.75701046 3.95374372 32.3519114 0.537086637",
    "wavelet-HHL": "-1.96354658 32.9978078 -0.109059297 0.412252696 5.53331527 3.67721124 44.0002126 0.612383685",
    "wavelet-HHH": "1.82472784 43.6358857 -0.134315108 0.471196643 5.59250655 3.86038858 34.9804883 0.625470025",
    "wavelet-LLL": "298.040146 25.551293 -0.105934853 0.523839704 5.64229531 3.55245065 151.5744 0.486600409",
    "log-sigma-1-5-mm-3D": "-0.814687809 5.05543417 -0.0645417831 0.293782724 5.19877473 2.75151088 4777.5556 9.964851",
    "square": "71.3233302 43.6451861 -0.125426549 0.403570723 4.93826725 3.34065251 110.604543 15.6782606",
    "squareroot": "140.473671 31.8090158 -0.138048234 0.408424126 4.94088536 3.30336094 98.3364412 1.31544855",
    "logarithm": "171.654888 18.4201909 -0.11628894 0.388697377 4.84201527 3.06021683 331.037807 0.811179415",
    "exponential": "40.4833572 26.2257461 -0.092997022 0.35191094 4.77368764 3.2558515 462.228395 12.2429487",
    "gradient": "70.5153905 11.6281935 -0.0625128165 0.320673306 5.34251239 3.02332178 1873.59763 8.59949588",
}
LEVELS = {
    "wavelet-HLH": "-0.564397828 13.5410284 -0.0946777891 0.417376509 5.47028018 3.24716812 515.246914 1.24499573",
    "wavelet2-LHL": "10.7261061 29.7254714 -0.115086583 0.501691275 5.79039389 3.70638181 73.2561728 0.394696657",
    "wavelet2-LLL": "2383.79909 95.388575 -0.311053742 0.764433271 6.31963346 4.98379422 4.20040404 0.0409368367",
}
SINGLE = {
    "wavelet-LLH": "0.123923107982 -14.6845341918",
    "wavelet-LHL": "0.261215955019 5.56815333545",
    "wavelet-HLL": "-0.131568223238 21.6030089065",
    "wavelet-HHH": "-0.382768020034 19.0090638031",
    "wavelet-LLL": "42.2293262482 -5.45984765571",
}
EVERY_FILTER = ("original", "wavelet", "log", "square", "squareroot", "logarithm", "exponential", "gradient")


def numbers(text):
    return [float(number) for number in text.split()]


@pytest.fixture(scope="module")
def images():
    return as_images(pattern(), notched_ellipsoid())


@pytest.mark.parametrize(
    ("settings", "expected"), SETTINGS, ids=lambda item: ", ".join(item) if isinstance(item, dict) else ""
)
def test_a_setting_does_what_it_does_in_pyradiomics(images, settings, expected):
    found = extract(*images, RadiomicsSettings(**settings))

    assert [found[f"original_{name}"] for name in OF_SETTINGS] == pytest.approx(numbers(expected), rel=1e-8)


def test_the_filters_are_those_of_pyradiomics_in_its_order(images):
    found = extract(*images, RadiomicsSettings(filters=EVERY_FILTER, log_sigma=(1.5,)))

    assert len(found) == 14 + 15 * 93
    assert list(found.levels) == list(FILTERS)
    for title, expected in FILTERS.items():
        assert [found[f"{title}_{name}"] for name in OF_FILTERS] == pytest.approx(numbers(expected), rel=1e-7), title


def test_later_levels_of_the_wavelet_have_their_names_and_values(images):
    found = extract(*images, RadiomicsSettings(filters=("wavelet",), wavelet_levels=2, wavelet_start_level=1))

    assert [title for title in found.levels if "LLL" in title] == ["wavelet2-LLL"]
    for title, expected in LEVELS.items():
        assert [found[f"{title}_{name}"] for name in OF_FILTERS] == pytest.approx(numbers(expected), rel=1e-8), title


def test_an_image_in_single_precision_is_filtered_in_single_precision():
    image = (pattern() / np.float32(7)).astype(np.float32)
    found = extract(*as_images(image, notched_ellipsoid()), RadiomicsSettings(filters=("wavelet",), bin_width=2))

    for title, expected in SINGLE.items():
        names = (f"{title}_firstorder_Median", f"{title}_glcm_ClusterShade")
        # Next to 0, a median of double precision would be off by 1e-6 and more.
        assert [found[name] for name in names] == pytest.approx(numbers(expected), rel=2e-9), title


def test_within_slices_the_wavelet_has_four_bands(images):
    found = extract(*images, RadiomicsSettings(filters=("wavelet",), force_2d=True))

    assert list(found.levels) == ["wavelet-LH", "wavelet-HL", "wavelet-HH", "wavelet-LL"]


@pytest.mark.parametrize("sign", [1, -1])
def test_without_weights_the_merged_matrix_is_the_sum_of_all_directions(images, sign):
    values = sign * pattern().astype(np.int32)
    merged, weighted = (
        extract(*as_images(values, notched_ellipsoid()), RadiomicsSettings(**changes))
        for changes in ({"aggregation": "merge"}, {"weighting_norm": "no_weighting"})
    )

    assert merged == weighted
    assert merged != extract(*as_images(values, notched_ellipsoid()))


def test_after_resegmentation_shape_is_that_of_the_region_in_the_box_of_what_is_left():
    mask = notched_ellipsoid()
    values = np.where(np.indices(mask.shape)[0] < 5, 100, 0)
    values[4, 8, 8] = 0
    images, voxel = as_images(values.astype(np.int16), mask), 0.9 * 1.1 * 2.0
    volumes = {
        (standard, shape): extract(
            *images,
            RadiomicsSettings(
                standard=standard, resegment_range=(50, 150), resegment_shape=shape, families=("shape",), bin_count=8
            ),
        )["original_shape_VoxelVolume"]
        for standard in ("pyradiomics", "ibsi")
        for shape in (False, True)
    }

    assert volumes["pyradiomics", False] == pytest.approx(mask[:5].sum() * voxel)
    assert volumes["ibsi", False] == pytest.approx(mask.sum() * voxel)
    assert volumes["pyradiomics", True] == volumes["ibsi", True] == pytest.approx((mask[:5].sum() - 1) * voxel)
