import numpy as np
import pytest

from mrbiomarkers.regions import place_vertebrae
from mrbiomarkers.settings import PlacementSettings

POINTS = {"L1": (0, 0, 100), "L2": (0, 0, 70), "L3": (0, 0, 40)}
SHAPE = (150, 100, 5)
AFFINE = np.array([[4.0, 0, 0, -8], [0, 1, 0, -50], [0, 0, 1, -20], [0, 0, 0, 1]])


def place(points, **options):
    image = options.pop("image", None)
    return place_vertebrae(points, AFFINE, SHAPE, PlacementSettings(**options), image)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({**POINTS, "L2": (0, 0, 110)}, "points: expected L1, L2, L3 from head to feet, got L2, L1, L3"),
        ({"L1": (0, 0, 40), "L2": (0, 0, 70), "L3": (0, 0, 100)}, "from head to feet, got L3, L2, L1"),
        ({**POINTS, "L2": (1, 1, 98)}, "8 to 60 mm from one body to the next, got 2.4 mm between L1 and L2"),
        ({**POINTS, "L1": (0, 0, 131)}, "8 to 60 mm .* got 61.0 mm between L1 and L2"),
        ({**POINTS, "S1": (0, 0, 10)}, "names T1 to T13 and L1 to L6, got 'S1'"),
        ({**POINTS, "l4": (0, 0, 10), 5: (0, 0, 0)}, "got 'l4', '5'"),
        ({"L3": (0, 0, 40)}, "two or more, or one and settings.spacing, .*; got L3"),
        ({}, "two or more.*; got none"),
        ({**POINTS, "L3": (0, 40)}, r"points\['L3'\]: expected three finite numbers"),
        ({**POINTS, "L3": (0, np.nan, 40)}, r"points\['L3'\]: expected three finite numbers"),
        ({**POINTS, "L3": (0, 50.5, 40)}, "inside the image .*; outside are L3"),
        ({**POINTS, "L1": (11, 0, 100), "L3": (-11, 0, 40)}, "inside the image .*; outside are L1, L3"),
    ],
)
def test_wrong_points_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        place(points)


def test_points_of_another_type_are_refused():
    with pytest.raises(TypeError, match=r"points\['L3'\]: expected real numbers"):
        place({**POINTS, "L3": ("a", "b", "c")})


def test_fewer_points_than_asked_for():
    with pytest.raises(ValueError, match="one for each of L2, L3, L4, L5; got none for L4, L5"):
        place(POINTS, levels=("L2", "L3", "L4", "L5"))


def test_a_point_outside_the_image_only_shapes_the_curve_where_it_is_not_asked_for():
    placed = place({**POINTS, "L4": (0, 0, 10), "L5": (0, 0, -25)}, levels=("L1", "L2"))

    assert tuple(placed.masks) == ("L1", "L2")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "image: expected an image on the target grid for method 'outline', got none"),
        (np.ones(SHAPE[::-1]), r"image: expected the shape \(150, 100, 5\) of the target grid, got \(5, 100, 150\)"),
        (np.ones(SHAPE), "image: expected different values around a body, got 1 everywhere"),
        (np.full(SHAPE, np.nan), "image: expected finite values around each point, got none"),
    ],
)
def test_wrong_images_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        place(POINTS, method="outline", image=image)


def test_a_complex_image_is_refused():
    with pytest.raises(TypeError, match="image: expected real numbers"):
        place(POINTS, method="outline", image=np.ones(SHAPE, dtype=complex))


def test_wrong_grids_are_refused():
    with pytest.raises(ValueError, match="shape: expected the three sizes"):
        place_vertebrae(POINTS, AFFINE, (150, 100))
    with pytest.raises(ValueError, match="affine: expected three independent axes"):
        place_vertebrae(POINTS, np.diag([1.0, 0, 1, 1]), SHAPE)


def test_a_grid_too_coarse_for_the_bodies_is_refused():
    affine = np.diag([100.0, 40.0, 40.0, 1.0])
    points = {"L1": (0, 20, 90), "L2": (0, 20, 75)}

    with pytest.raises(ValueError, match=r"region of one voxel or more, got none; spacing 15.0 mm"):
        place_vertebrae(points, affine, (6, 6, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "snake"}, "method: expected one of outline, super-ellipse; got 'snake'"),
        ({"neighbours": -1}, "neighbours: .* got -1"),
        ({"neighbours": 0.5}, "neighbours: .* got 0.5"),
        ({"size": 1.2}, "size: .* got 1.2"),
        ({"margin": -1}, "margin: .* got -1"),
        ({"spacing": 3}, "spacing: expected 0 or 8 to 60 mm, got 3"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PlacementSettings(**options)
