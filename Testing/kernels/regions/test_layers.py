import numpy as np
import pytest

from mrbiomarkers.regions.layers import check_regions, layers_of


def line(*voxels):
    mask = np.zeros((1, 1, 6), bool)
    mask[0, 0, list(voxels)] = True
    return mask


def test_regions_that_do_not_overlap_share_a_layer():
    assert layers_of({"L1": line(0, 1), "L2": line(2), "L3": line(3, 4)}) == [["L1", "L2", "L3"]]


def test_a_region_goes_into_the_first_layer_where_it_fits():
    regions = {"L1": line(0, 1), "lesion": line(1, 2), "L2": line(3), "other": line(2, 3)}

    assert layers_of(regions) == [["L1", "L2"], ["lesion"], ["other"]]


def test_numbers_become_booleans():
    found = check_regions({"L1": np.array([[[0, 2, 1]]])})

    assert found["L1"].dtype == bool
    assert found["L1"].tolist() == [[[False, True, True]]]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({}, "at least one region"),
        ({" ": line(0)}, "expected a name"),
        ({"L1": line()}, "0 voxels"),
        ({"L1": line(0), "L2": np.ones((1, 2, 6))}, "L2"),
        ({"L1": np.ones((2, 3))}, "3 dimensions"),
    ],
)
def test_bad_regions_are_named(masks, words):
    with pytest.raises(ValueError, match=words):
        check_regions(masks)
