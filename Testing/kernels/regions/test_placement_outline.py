import numpy as np
import pytest

from mrbiomarkers.regions import place_vertebrae
from mrbiomarkers.regions.outline import find_outline, inside_outline
from mrbiomarkers.regions.superellipse import superellipse_radius
from mrbiomarkers.settings import PlacementSettings
from Testing.kernels.regions.test_placement import GRIDS, LUMBAR, OUTLINE, TURNED, Subject, grid, image_of, purity

BODY = PlacementSettings(method="outline", margin=0)


def dice(region, drawn):
    slices = drawn & region.any(axis=(1, 2), keepdims=True)
    return 2 * np.count_nonzero(region & drawn) / (np.count_nonzero(region) + np.count_nonzero(slices))


def jittered(points, seed, sd=2.0):
    rng = np.random.default_rng(seed)
    return {level: point + rng.normal(0, sd, 3) for level, point in points.items()}


@pytest.mark.parametrize("contrast", [1.0, -1.0])
def test_the_outline_is_found_from_clicks_beside_the_middle(contrast):
    subject = Subject(turn=TURNED)
    affine, shape = grid(subject, (1.0, 1.0, 4.0), tilt=0.2)
    drawn = subject.masks(affine, shape)
    image = 200 + contrast * image_of(drawn, shape)

    placed = [place_vertebrae(jittered(subject.points(), n), affine, shape, BODY, image) for n in range(6)]

    found = [dice(each.masks[level], drawn[level]) for each in placed for level in LUMBAR]
    assert np.median(found) > 0.93
    assert min(found) > 0.8


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("size", [1.0, 0.66])
def test_eroded_regions_lie_in_the_bodies_on_any_grid(name, size):
    subject = Subject(size)
    affine, shape = grid(subject, **GRIDS[name])
    drawn = subject.masks(affine, shape)

    placed = place_vertebrae(subject.points(), affine, shape, OUTLINE, image_of(drawn, shape))

    assert min(purity(placed.masks[level], drawn[level]) for level in LUMBAR) > 0.98


def test_no_voxel_is_in_two_regions():
    subject = Subject()
    affine, shape = grid(subject, (1.0, 1.0, 4.0))
    noise = np.random.default_rng(0).normal(0, 1, shape)

    placed = place_vertebrae(subject.points(), affine, shape, BODY, noise)

    assert np.sum(list(placed.masks.values()), axis=0).max() == 1


def test_the_margin_is_smaller_in_small_bodies_and_recorded():
    margins = {}
    for size in (1.0, 0.5):
        subject = Subject(size)
        affine, shape = grid(subject, (1.0, 1.0, 4.0))
        image = image_of(subject.masks(affine, shape), shape)
        placed = place_vertebrae(subject.points(), affine, shape, OUTLINE, image)
        margins[size] = placed.record["regions"]["L3"]["margin_mm"]
        assert placed.record["margin"] == 3.0

    # a sixth of the expected height, 0.68 of the spacing (32.9 mm in the adult), but not more than asked for
    assert margins[1.0] == 3.0
    assert margins[0.5] == pytest.approx(0.68 * placed.record["regions"]["L3"]["spacing_mm"] / 6, abs=0.01)


def test_voxels_without_a_value_do_not_spoil_the_outline():
    subject = Subject()
    affine, shape = grid(subject, (1.5, 1.5, 4.0))
    drawn = subject.masks(affine, shape)
    image = np.where(np.any(list(drawn.values()), axis=0), 1.0, np.nan)

    placed = place_vertebrae(subject.points(), affine, shape, BODY, image)

    assert min(dice(placed.masks[level], drawn[level]) for level in LUMBAR) > 0.85


def test_the_outline_of_a_known_shape():
    angles = np.arange(72) * np.deg2rad(5)
    truth = superellipse_radius(angles, 17.0, 10.0, 5.0)

    corners = find_outline(lambda p, q: 1.0 / (1 + np.exp(8 * ((p / 17) ** 6 + (q / 10) ** 6 - 1))), 33.0)

    # compared along the rays of the truth: the share of its area that is inside
    forward, up = (axis.ravel() for axis in np.meshgrid(np.linspace(-25, 25, 201), np.linspace(-20, 20, 161)))
    inside = inside_outline(corners, forward, up)
    real = (forward / 17) ** 6 + (up / 10) ** 6 <= 1
    assert 2 * np.count_nonzero(inside & real) / (inside.sum() + real.sum()) > 0.97
    assert truth.max() > 17


def test_inside_a_square_and_its_margin():
    square = np.array([[-5.0, -5.0], [5.0, -5.0], [5.0, 5.0], [-5.0, 5.0]])
    forward, up = (axis.ravel() for axis in np.meshgrid(np.arange(-8.05, 8, 0.1), np.arange(-8.05, 8, 0.1)))
    largest = np.maximum(abs(forward), abs(up))

    np.testing.assert_array_equal(inside_outline(square, forward, up), largest < 5)
    np.testing.assert_array_equal(inside_outline(square, forward, up, 2.0), largest < 3)


def test_an_outline_with_a_dent():
    dent = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [5.0, 2.0], [0.0, 10.0]])

    inside = inside_outline(dent, np.array([5.0, 5.0, 1.0, 9.0, 12.0]), np.array([1.0, 5.0, 5.0, 5.0, 1.0]))

    assert inside.tolist() == [True, False, True, True, False]
