"""The patient in the scanner: what both phantoms share."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom.anatomy import tissue_fractions
from mrbiomarkers.phantom.scene import LEVELS, Scene, region_means


def test_grid_is_centred_and_in_millimetres_of_an_adult():
    scene = Scene((4, 20, 25), scale=0.5, field_of_view=100.0)
    assert scene.spacing == (4.5, 5.0, 4.0)
    np.testing.assert_allclose(scene.grid.x, (-13.5, -4.5, 4.5, 13.5))
    np.testing.assert_allclose(np.diff(scene.grid.v), -10.0)
    np.testing.assert_allclose(np.diff(scene.grid.u), -8.0)
    assert scene.grid.size == (8.0, 10.0, 8.0)


def test_sensitivity_is_one_at_the_centre_of_l3_and_falls_towards_the_belly():
    scene = Scene((1, 251, 251))
    sensitivity, grid = scene.sensitivity[0], scene.grid
    row, column = abs(grid.v).argmin(), abs(grid.u).argmin()
    assert sensitivity[row, column] == pytest.approx(1.0, abs=0.01)  # the voxel lies within 0.5 mm of the centre
    assert np.all(np.diff(sensitivity, axis=1) > 0)  # columns run back


@pytest.mark.parametrize("arguments", [{"field_of_view": 100.0}, {"scale": 1.2, "field_of_view": 150.0}])
def test_a_picture_without_all_bodies_is_refused(arguments):
    scene = Scene((3, 96, 96), **arguments)
    with pytest.raises(ValueError, match=r"field_of_view: expected a picture that holds L1 to L5, got .* without L1"):
        scene.regions(tissue_fractions(scene.grid))


def test_means_are_those_of_the_masks():
    values = np.arange(8.0).reshape(2, 2, 2)
    mask = values > 5
    assert region_means({"L1": mask}, {"D": values}) == {"L1": {"D": 6.5}}
    assert LEVELS == ("L1", "L2", "L3", "L4", "L5")
