import pytest

from mrbiomarkers.settings import RadiomicsSettings


def test_the_defaults_are_those_of_pyradiomics():
    settings = RadiomicsSettings()

    assert (settings.bin_width, settings.label, settings.pad_distance, settings.minimum_dimensions) == (25, 1, 5, 2)
    assert settings.filters == ("original",)
    assert not settings.merges


def test_ibsi_merges_unless_told_otherwise():
    assert RadiomicsSettings(standard="ibsi").merges
    assert not RadiomicsSettings(standard="ibsi", aggregation="average").merges
    assert RadiomicsSettings(weighting_norm="euclidean").merges


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"standard": "pyrad"}, "standard: expected one of ibsi, pyradiomics; got 'pyrad'"),
        ({"filters": ("original", "wavlet")}, "filters: expected one of .*; got 'wavlet'"),
        ({"filters": ()}, "filters: expected at least one of original, wavelet"),
        ({"families": ("glcm", "glcm")}, "families: expected each name once, got glcm, glcm"),
        ({"filters": ("log",)}, "log_sigma: expected at least one width in mm"),
        ({"filters": ("log",), "log_sigma": (1, 0)}, "log_sigma: expected widths in mm above 0"),
        ({"bin_width": 0}, "bin_width: expected a number above 0, got 0"),
        ({"bin_width": float("nan")}, "bin_width: expected a number above 0, got nan"),
        ({"bin_count": 0}, "bin_count: expected 1 or more, got 0"),
        ({"bin_minimum": float("inf")}, "bin_minimum: expected a finite number, got inf"),
        ({"label": 0}, "label: expected 1 or more, got 0"),
        ({"spacing": (1, 1)}, "spacing: expected three voxel sizes in mm"),
        ({"spacing": (1, 1, -1)}, "spacing: expected three voxel sizes in mm"),
        ({"interpolator": "cubic"}, "interpolator: expected one of bspline, linear, nearest; got 'cubic'"),
        ({"resegment_range": (1, 2, 3)}, "resegment_range: expected one or two limits"),
        ({"distances": ()}, "distances: expected whole numbers of voxels, 1 or more"),
        ({"distances": (0,)}, "distances: expected whole numbers of voxels, 1 or more"),
        ({"force_2d_axis": 3}, "force_2d_axis: expected 0, 1 or 2"),
        ({"minimum_dimensions": 4}, "minimum_dimensions: expected 1, 2 or 3, got 4"),
        ({"weighting_norm": "l2"}, "weighting_norm: expected one of .*; got 'l2'"),
        ({"wavelet": "db4"}, "wavelet: expected one of coif1; got 'db4'"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RadiomicsSettings(**changes)
