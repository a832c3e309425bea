"""A map on another grid: against a field that is known everywhere, and beside voxels without a value."""

import numpy as np
import pytest

from mrbiomarkers.regions import map_on_grid


def test_a_field_that_is_linear_in_space_is_the_same_on_every_grid():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    affine, target = np.eye(4), np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * [1.5, 2.0, 3.0], [-30, -40, 20]
    target[:3, :3] = np.diag([2.5, 2.5, 4.0])
    target[:3, 3] = (affine @ [12, 12, 6, 1])[:3] - 5

    def field(shape, matrix):
        k, j, i = np.indices(shape)
        ras = np.einsum("ab,b...->a...", matrix, np.stack([i, j, k, np.ones_like(i)]))
        return 20 + 0.3 * ras[0] - 0.2 * ras[1] + 0.1 * ras[2]

    known = field((14, 25, 26), affine)
    found, true = map_on_grid(known, affine, (9, 12, 11), target), field((9, 12, 11), target)
    inside = np.isfinite(found)
    assert 20 < inside.sum() < inside.size
    np.testing.assert_allclose(found[inside], true[inside], atol=1e-4)
    places = np.stack([*np.indices((9, 12, 11))[::-1], np.ones((9, 12, 11))])
    voxels = np.einsum("ab,b...->a...", np.linalg.inv(affine) @ target, places)[:3]
    edges = np.array([25, 24, 13])[:, None, None, None]
    np.testing.assert_array_equal(inside, np.all((voxels >= 0) & (voxels <= edges), axis=0))
    assert map_on_grid(known, affine, known.shape, affine) is known


def test_beside_a_voxel_without_a_value_there_is_none():
    known = np.arange(60.0).reshape(3, 4, 5)
    known[1, 2, 3] = np.nan
    half = np.eye(4)
    half[0, 3] = 0.5
    found = map_on_grid(known, np.eye(4), (3, 4, 4), half)

    wanted = (known[..., :-1] + known[..., 1:]) / 2
    np.testing.assert_allclose(found, wanted)
    assert np.isnan(found).sum() == 2


def test_integers_and_arguments_stay_as_they_are():
    known = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    found = map_on_grid(known, np.eye(4), known.shape, np.eye(4))

    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, known)


@pytest.mark.parametrize(
    ("values", "affine", "shape", "message"),
    [
        (np.ones((3, 4)), np.eye(4), (2, 2, 2), "three axes"),
        (np.ones((2, 3, 4)), np.eye(4), (2, 2), "three axes"),
        (np.ones((2, 3, 4)), np.zeros((4, 4)), (2, 2, 2), "affine"),
    ],
)
def test_what_is_no_map_or_grid_is_refused(values, affine, shape, message):
    with pytest.raises(ValueError, match=message):
        map_on_grid(values, affine, shape, np.eye(4))
