import itertools

import numpy as np
import pytest

from mrbiomarkers.regions.sagittal import mid_slab, sagittal_view
from Testing.support.volumes import oblique_affine, positions, turned

SHAPE = (5, 6, 7)


ALL_WAYS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for n in range(4)
    for flips in itertools.combinations(range(3), n)
]


def test_a_view_looks_the_same_however_the_volume_is_stored():
    affine = oblique_affine((4.0, 1.2, 1.5))
    values = np.random.default_rng(0).random(SHAPE)
    first = sagittal_view(SHAPE, affine)
    for axes, flips in ALL_WAYS:
        stored, matrix = turned(values, affine, axes, flips)
        view = sagittal_view(stored.shape, matrix)
        np.testing.assert_array_equal(view.look(stored), first.look(values))
        np.testing.assert_array_equal(view.back(view.look(stored)), stored)
        np.testing.assert_allclose(view.steps, first.steps, atol=1e-9)
        np.testing.assert_allclose(view.origin, first.origin, atol=1e-9)


def test_steps_of_a_view_go_to_the_right_up_and_forwards():
    affine = oblique_affine((4.0, 1.2, 1.5))
    view = sagittal_view(SHAPE, affine)
    np.testing.assert_allclose(np.sort(view.spacing), [1.2, 1.5, 4.0])
    assert view.steps[0, 0] > 0
    assert view.steps[2, 1] > 0
    assert view.steps[1, 2] > 0
    assert view.normal[0] > 0
    np.testing.assert_allclose(view.normal @ view.steps[:, 1:], 0, atol=1e-12)
    index = np.stack(np.indices(view.look(np.zeros(SHAPE)).shape), -1)
    np.testing.assert_allclose(view.positions(index), np.moveaxis(np.stack(
        [view.look(positions(SHAPE, affine)[..., n]) for n in range(3)]), 0, -1), atol=1e-9)  # fmt: skip


def sagittal_grid(n=9, apart=4.4):
    """Sagittal slices, k to the left, j down, i backwards."""
    affine = np.zeros((4, 4))
    affine[0, 2], affine[2, 1], affine[1, 0], affine[3, 3] = -apart, -1.5, -1.5, 1
    affine[:3, 3] = 20, 30, 50
    return (n, 20, 20), affine


@pytest.mark.parametrize("neighbours", [0, 1, 2])
def test_slab_of_sagittal_slices_holds_whole_slices(neighbours):
    shape, affine = sagittal_grid()
    for x in (1.0, 2.4, 4.0):  # nearest slice: 20 - 4.4 k
        middle = round((20 - x) / 4.4)
        slab = mid_slab(shape, affine, np.array([x, 0, 40]), np.array([1.0, 0, 0]), neighbours)
        held = slab.holds(shape, affine)
        slices = np.flatnonzero(held.any(axis=(1, 2)))
        assert list(slices) == list(range(middle - neighbours, middle + neighbours + 1))
        assert held[slices].all()


def test_slab_of_axial_slices_is_as_thick_as_these_and_centred():
    affine = np.diag([1.5, 1.5, 4.0, 1.0])
    shape = (6, 30, 31)
    slab = mid_slab(shape, affine, np.array([22.0, 10, 10]), np.array([1.0, 0, 0]), 1)
    held = np.flatnonzero(slab.holds(shape, affine).any(axis=(0, 1)))
    assert 2 * slab.half == pytest.approx(12.0)
    np.testing.assert_array_equal(held, [i for i in range(31) if abs(1.5 * i - 22) <= 6])


def test_thickness_in_mm_replaces_the_slices():
    shape, affine = sagittal_grid()
    slab = mid_slab(shape, affine, np.array([2.4, 0, 40]), np.array([1.0, 0, 0]), 1, thickness=5.0)
    held = np.flatnonzero(slab.holds(shape, affine).any(axis=(1, 2)))
    assert list(held) == [4]  # at 2.4 mm; the next ones lie 4.4 mm off
    oblique = oblique_affine((1.0, 1.0, 1.0))
    normal = np.array([0.6, 0.8, 0.0])
    slab = mid_slab((9, 9, 9), oblique, oblique[:3, 3], normal, 1, thickness=7.0)
    distance = (positions((9, 9, 9), oblique) - oblique[:3, 3]) @ normal
    np.testing.assert_array_equal(slab.holds((9, 9, 9), oblique), np.abs(distance) <= 3.5)
