"""Shapes with known size, and distances against all pairs of points."""

from math import pi

import numpy as np
import pytest

from mrbiomarkers.radiomics.inputs import Region
from mrbiomarkers.radiomics.mesh import border_points, outline_mesh, surface_mesh
from mrbiomarkers.radiomics.shape import shape_features
from mrbiomarkers.radiomics.shape2d import flat_axis, shape2d_features
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import notched_ellipsoid

SETTINGS = RadiomicsSettings()
SPACING = (2.0, 1.1, 0.9)  # k, j, i


def all_distances(points, spacing):
    points = points * np.array(spacing) / 2
    return np.sqrt(((points[:, np.newaxis] - points) ** 2).sum(axis=2)), points


def test_one_voxel_is_an_octahedron():
    mesh = surface_mesh(np.ones((1, 1, 1), dtype=bool), (1, 1, 1))

    assert mesh.content == pytest.approx(1 / 6)
    assert mesh.border == pytest.approx(8 * np.sqrt(3) / 8)


def test_a_box_has_its_volume_but_for_the_cut_edges():
    mesh = surface_mesh(np.ones((4, 5, 6), dtype=bool), (1, 1, 1))

    # Edges are cut at half a voxel: a prism of 1/8 for each voxel along an edge, corners of 1/8 - 1/48 = 5/48 once.
    edges = 4 * (3 + 4 + 5) / 8 + 8 * 5 / 48
    assert mesh.content == pytest.approx(4 * 5 * 6 - edges)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
def test_a_ball_has_nearly_the_measures_of_a_ball(axes):
    spacing = np.array((1.0, 0.5, 2.0))[list(axes)]
    size = np.indices((41, 81, 21)).transpose(1, 2, 3, 0) - np.array([20, 40, 10])
    mask = np.sum((size * np.array((1.0, 0.5, 2.0))) ** 2, axis=3) <= 18**2
    found = shape_features(mask.transpose(axes), tuple(spacing), SETTINGS)

    assert found["MeshVolume"] == pytest.approx(4 / 3 * pi * 18**3, rel=0.01)
    assert found["VoxelVolume"] == pytest.approx(4 / 3 * pi * 18**3, rel=0.01)
    # Steps of the voxels make it rougher.
    assert 1 < found["SurfaceArea"] / (4 * pi * 18**2) < 1.2
    # At most one voxel of the longest side more.
    assert 36 <= found["Maximum3DDiameter"] <= 38
    # Four standard deviations of a ball: 4 r / sqrt(5).
    assert found["MajorAxisLength"] == pytest.approx(4 * 18 / 5**0.5, rel=0.01)
    assert found["Flatness"] == pytest.approx(1, abs=0.02)
    assert 0.8 < found["Sphericity"] <= 1


def test_volume_and_area_scale_with_the_voxel():
    small, large = (surface_mesh(notched_ellipsoid(), spacing) for spacing in ((1, 1, 1), (3, 3, 3)))

    assert large.content == pytest.approx(27 * small.content)
    assert large.border == pytest.approx(9 * small.border)


def test_diameters_are_the_largest_of_all_pairs():
    mask = notched_ellipsoid()
    found = shape_features(mask, SPACING, SETTINGS)
    apart, points = all_distances(border_points(mask), SPACING)

    assert found["Maximum3DDiameter"] == pytest.approx(apart.max())
    for axis, name in enumerate(("Slice", "Column", "Row")):
        same = points[:, np.newaxis, axis] == points[:, axis]
        assert found[f"Maximum2DDiameter{name}"] == pytest.approx(apart[same].max())


def test_border_points_lie_between_inside_and_outside():
    points = border_points(np.ones((1, 1, 2), dtype=bool))

    assert len(points) == 10
    assert sorted(points[:, 2].tolist()) == [1, 2, 2, 2, 2, 4, 4, 4, 4, 5]


def test_a_flat_region_has_an_axis_of_no_length():
    mask = np.zeros((1, 5, 6), dtype=bool)
    mask[0, 1:4, 1:5] = True
    found = shape_features(mask, SPACING, SETTINGS)

    assert found["LeastAxisLength"] == pytest.approx(0, abs=1e-6)
    assert found["Maximum3DDiameter"] > 0
    assert np.isfinite(list(found.values())).all()


def test_axes_over_one_voxel_less_are_longer():
    mask = notched_ellipsoid()
    count = mask.sum()
    ours, ibsi = (shape_features(mask, SPACING, RadiomicsSettings(standard=name)) for name in ("pyradiomics", "ibsi"))

    assert ibsi["MinorAxisLength"] / ours["MinorAxisLength"] == pytest.approx(np.sqrt(count / (count - 1)))


def test_the_outline_of_a_rectangle_has_cut_corners():
    mesh = outline_mesh(np.ones((3, 4), dtype=bool), (1, 1))

    assert mesh.content == pytest.approx(12 - 4 / 8)
    assert mesh.border == pytest.approx(2 * (2 + 3) + 4 * np.sqrt(0.5))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_has_the_values_of_pyradiomics_along_any_axis(axis):
    # PyRadiomics 3.0.1, slice 4 of the made image, pixels of 0.9 x 1.1 mm.
    expected = {
        "Elongation": 0.737240257879,
        "MajorAxisLength": 11.4052118924,
        "MaximumDiameter": 12.2331516789,
        "MeshSurface": 67.815,
        "MinorAxisLength": 8.4083813567,
        "Perimeter": 41.3402726457,
        "PerimeterSurfaceRatio": 0.609603666529,
        "PixelSurface": 68.31,
        "Sphericity": 0.70614595958,
    }
    mask = np.expand_dims(notched_ellipsoid()[4], axis)
    spacing = [1.1, 0.9]
    spacing.insert(axis, 7.0)

    found = shape2d_features(mask, tuple(spacing), axis, SETTINGS)

    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-11)


@pytest.mark.parametrize(
    ("shape", "asked", "expected"), [((1, 4, 5), 0, 0), ((4, 1, 5), 0, 1), ((1, 1, 5), 1, 1), ((2, 4, 5), 0, None)]
)
def test_the_thin_axis_is_found(shape, asked, expected):
    region = Region(np.ones(shape, dtype=bool), (0, 0, 0))

    assert flat_axis(region.mask, RadiomicsSettings(force_2d_axis=asked)) == expected
