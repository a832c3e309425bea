"""The figure of a mapped region: both images at one place, the outlines where the regions lie, and bad input."""

import numpy as np
import pytest

from mrbiomarkers.jobs import map_masks
from mrbiomarkers.report import mapping_figure, save_figure

SHAPE, FINE = (8, 60, 50), np.diag([1.0, 1.0, 5.0, 1.0])
COARSE_SHAPE = (5, 20, 25)
COARSE = np.array([[2.0, 0, 0, 0.5], [0, 3.0, 0, 1.0], [0, 0, 8.0, 1.5], [0, 0, 0, 1.0]])


def lesion():
    k, j, i = np.indices(SHAPE)
    return ((i - 25) / 9) ** 2 + ((j - 30) / 12) ** 2 + ((k - 4) / 2.4) ** 2 <= 1


def images():
    mask = lesion()
    noise = np.random.default_rng(0).uniform(0, 20, SHAPE)
    return (noise + 100 * mask, FINE), (np.random.default_rng(1).uniform(0, 1, COARSE_SHAPE), COARSE)


def figure_of(**options):
    source, target = images()
    mapping = map_masks({"lesion": lesion()}, FINE, target)
    masks = {name: region.mask for name, region in mapping.regions.items()}
    return mapping_figure(source, target, {"lesion": lesion()}, masks, **options), masks["lesion"]


def corners(collection):
    return np.concatenate(collection.get_segments())


def test_each_slice_of_the_target_has_the_other_image_beside_it():
    figure, mask = figure_of(names=("T2-weighted", "ADC"), title="Case 7")

    held = np.flatnonzero(mask.any(axis=(1, 2)))
    assert len(held) == 3
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[::2] == ["T2-weighted"] * 3
    assert titles[1::2] == [f"ADC, axial slice {k + 1} of 5" for k in held]
    assert figure.texts[0].get_text() == "Case 7"
    assert "coloured, the voxels that are measured" in figure.texts[1].get_text()


def test_outlines_lie_where_the_voxels_are_in_both_panels():
    figure, mask = figure_of()
    left, right = figure.axes[:2]
    k = np.flatnonzero(mask.any(axis=(1, 2)))[0]
    slab = round((COARSE[2, 2] * k + COARSE[2, 3]) / FINE[2, 2])

    drawn, white, measured = left.collections[0], right.collections[0], right.collections[1]
    # Pictures begin at the edge of the target, the patient's right on the left: i runs to the left of the picture.
    edge = COARSE[0, 3] - 1 + 2 * COARSE_SHAPE[2]
    columns = np.flatnonzero(lesion()[slab].any(axis=0))
    np.testing.assert_allclose(corners(drawn)[:, 0].min(), edge - (columns.max() + 0.5), atol=1e-9)
    np.testing.assert_allclose(corners(drawn)[:, 0].max(), edge - (columns.min() - 0.5), atol=1e-9)
    np.testing.assert_allclose(corners(white), corners(drawn))
    columns = np.flatnonzero(mask[k].any(axis=0))
    assert corners(measured)[:, 0].min() == pytest.approx(2 * (COARSE_SHAPE[2] - 1 - columns.max()))
    assert corners(measured)[:, 0].max() == pytest.approx(2 * (COARSE_SHAPE[2] - columns.min()))


def test_the_image_that_was_drawn_on_is_shown_as_it_is_at_that_place():
    figure, mask = figure_of()
    k = np.flatnonzero(mask.any(axis=(1, 2)))[0]
    slab = round((COARSE[2, 2] * k + COARSE[2, 3]) / FINE[2, 2])

    shown = np.asarray(figure.axes[0].images[0].get_array(), dtype=float)
    inside = lesion()[slab, : shown.shape[0], : shown.shape[1]][::-1, ::-1]
    assert shown.shape == (60, 50)
    assert shown[inside].min() > shown[~inside].max()


def test_a_transform_moves_the_image_that_was_drawn_on():
    source, target = images()
    shift = np.eye(4)
    shift[0, 3] = 4.0
    mask = map_masks({"lesion": lesion()}, shift @ FINE, target).regions["lesion"].mask

    figures = [
        mapping_figure(image, target, {"lesion": lesion()}, {"lesion": mask}, transform=transform)
        for image, transform in ((source, shift), ((source[0], shift @ FINE), None))
    ]

    for one, other in zip(figures[0].axes, figures[1].axes, strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), other.images[0].get_array())
        np.testing.assert_array_equal(corners(one.collections[0]), corners(other.collections[0]))


@pytest.mark.parametrize("turn", [(2, 0, 1), (1, 2, 0), (0, 2, 1)])
def test_any_pair_of_orientations_is_drawn(turn, tmp_path):
    source, target = images()
    values, affine = np.transpose(source[0], turn), FINE[:, [*(2 - np.array(turn))[::-1], 3]]
    drawn = np.transpose(lesion(), turn)
    mask = map_masks({"lesion": drawn}, affine, target).regions["lesion"].mask
    np.testing.assert_array_equal(mask, map_masks({"lesion": lesion()}, FINE, target).regions["lesion"].mask)

    figure = mapping_figure((values, affine), target, {"lesion": drawn}, {"lesion": mask})

    usual, _ = figure_of()
    for one, other in zip(figure.axes, usual.axes, strict=True):
        np.testing.assert_allclose(one.images[0].get_array(), other.images[0].get_array())
    save_figure(figure, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000


@pytest.mark.parametrize("n_slices", [1, 2, 5, 9])
def test_panels_do_not_overlap_and_the_figure_fits_a_page(n_slices):
    image = (np.random.default_rng(0).uniform(size=(12, 40, 30)), np.diag([2.0, 2.0, 4.0, 1.0]))
    mask = np.zeros((12, 40, 30), bool)
    mask[1 : 1 + n_slices, 10:20, 8:20] = True

    figure = mapping_figure(image, image, {"a": mask}, {"a": mask}, most=12, title="t")

    assert len(figure.axes) == 2 * n_slices
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    for n, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[:n])
    width, height = figure.get_size_inches()
    assert width <= 11.2
    assert height <= 11.8


def test_of_many_slices_some_are_shown_and_it_is_said():
    figure, _ = figure_of(most=2)

    assert len(figure.axes) == 4
    assert figure.texts[0].get_text().startswith("2 of the 3 slices that hold a region. ")


@pytest.mark.parametrize(
    ("drawn", "mapped", "most", "message"),
    [
        ({}, {}, 4, "drawn: expected at least one region, none empty"),
        ({"a": lesion()}, {"a": np.zeros(COARSE_SHAPE)}, 4, "mapped: expected at least one region, none empty"),
        ({"a": lesion()}, {"b": np.ones(COARSE_SHAPE)}, 4, "mapped: expected the regions a, got b"),
        ({"a": lesion()}, {"a": lesion()}, 4, "mapped region a: expected shape"),
        ({"a": lesion()}, {"a": np.ones(COARSE_SHAPE)}, 0, "most: expected 1 slice or more, got 0"),
    ],
)
def test_bad_input(drawn, mapped, most, message):
    with pytest.raises(ValueError, match=message):
        mapping_figure(*images(), drawn, mapped, most=most)
