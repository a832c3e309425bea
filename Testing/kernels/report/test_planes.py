"""Which way up a slice is shown: every storage order of an oblique, anisotropic volume."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mrbiomarkers.report.planes import crop_window, outline, slice_plane

SHAPE = (3, 5, 7)  # K, J, I: three different sizes
SPACING = (1.5, 2.5, 4.0)  # of i, j, k [mm]
# Axes that point to the left edge and to the top of the picture: name -> (axis, sign), (axis, sign).
LEFT_TOP = {"axial": ((0, 1), (1, 1)), "sagittal": ((1, 1), (2, 1)), "coronal": ((0, 1), (2, 1))}
ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def oblique_affine(order, signs):
    """Column n points along RAS axis order[n], turned 12 degrees about one axis and 9 about another."""
    a, b = np.radians((12, 9))
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.eye(3)[:, order] * np.array(signs) * SPACING
    affine[:3, 3] = (11.0, -7.0, 5.0)
    return affine


def corner_index(affine, name):
    """The corner (j, i) of a slice that lies furthest towards the left edge and the top of the picture."""
    corners = list(itertools.product((0, SHAPE[1] - 1), (0, SHAPE[2] - 1)))
    (across, x), (down, y) = LEFT_TOP[name]
    middle = affine @ ((SHAPE[2] - 1) / 2, (SHAPE[1] - 1) / 2, 0, 1)

    def towards(corner):
        offset = affine @ (corner[1], corner[0], 0, 1) - middle
        return int(offset[across] * x > 0) + int(offset[down] * y > 0)

    return max(corners, key=towards)


@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_the_known_corner_lands_in_the_top_left(order, signs):
    affine = oblique_affine(order, signs)
    plane = slice_plane(affine)
    assert plane.name == ("sagittal", "coronal", "axial")[order[2]]
    image = np.zeros(SHAPE[1:])
    image[corner_index(affine, plane.name)] = 1
    picture = plane.picture(image)
    assert picture[0, 0] == 1
    assert picture.sum() == 1
    sizes = (SPACING[0], SPACING[1]) if plane.transposed else (SPACING[1], SPACING[0])
    assert (plane.row_height, plane.column_width) == pytest.approx(sizes)
    assert picture.shape == (SHAPE[1:][::-1] if plane.transposed else SHAPE[1:])


@pytest.mark.parametrize(
    ("normal", "letters"), [(2, "RLAP"), (0, "APSI"), (1, "RLSI")], ids=("axial", "sagittal", "coronal")
)
def test_letters_name_left_right_top_and_bottom(normal, letters):
    order = [axis for axis in range(3) if axis != normal] + [normal]
    plane = slice_plane(oblique_affine(order, (1, -1, 1)))
    assert plane.left + plane.right + plane.top + plane.bottom == letters


def test_affine_must_be_invertible():
    with pytest.raises(ValueError, match="affine: expected"):
        slice_plane(np.zeros((4, 4)))


def test_outline_follows_the_edges_of_the_pixels():
    mask = np.zeros((4, 5), bool)
    mask[1, 2:4] = True  # one row high, two columns wide
    segments = outline(mask)
    assert len(segments) == 6
    found = {tuple(sorted(map(tuple, segment.tolist()))) for segment in segments}
    assert ((2.0, 1.0), (3.0, 1.0)) in found
    assert ((2.0, 1.0), (2.0, 2.0)) in found
    assert ((4.0, 1.0), (4.0, 2.0)) in found


def test_outline_closes_at_the_border_of_the_image():
    assert len(outline(np.ones((2, 3), bool))) == 10


def test_crop_leaves_a_margin_and_a_sound_shape():
    plane = slice_plane(np.diag([-1.0, -2.0, 3.0, 1.0]))  # pixels 1 mm wide, 2 mm high
    mask = np.zeros((150, 300), bool)
    mask[70:80, 140:150] = True  # 10 mm wide from 140 mm, 20 mm high from 140 mm
    left, right, top, bottom = crop_window(mask, plane)
    assert (left, right) == (100, 190)
    assert (top, bottom) == (100, 200)


def test_crop_stays_inside_the_picture():
    plane = slice_plane(np.diag([-1.0, -1.0, 3.0, 1.0]))
    mask = np.zeros((300, 300), bool)
    mask[0:5, 290:300] = True
    left, right, top, bottom = crop_window(mask, plane)
    assert (right, top) == (300, 0)
    assert left >= 0
    assert bottom >= 45


def test_nothing_marked_or_little_to_gain_shows_the_whole_picture():
    plane = slice_plane(np.diag([-1.0, -1.0, 3.0, 1.0]))
    assert crop_window(np.zeros((100, 120), bool), plane) == (0, 120, 0, 100)
    mask = np.zeros((100, 120), bool)
    mask[20:80, 20:100] = True
    assert crop_window(mask, plane) == (0, 120, 0, 100)
