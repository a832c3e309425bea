"""The figure that a reader checks: which slices, whether each region is seen where it lies, and what is written."""

import numpy as np
import pytest

from mrbiomarkers.report import region_figure, save_figure
from mrbiomarkers.report.style import ON_GREY

SHAPE = (30, 40, 24)
# Sagittal: i to superior, j to posterior, k to the left.
AFFINE = np.array([[0.0, 0.0, -4.0, 5.0], [0.0, -3.0, 0.0, 7.0], [2.0, 0.0, 0.0, -9.0], [0, 0, 0, 1.0]])
IMAGE = np.random.default_rng(0).uniform(50, 100, SHAPE)


def box(k, j, i):
    mask = np.zeros(SHAPE, bool)
    mask[k, j, i] = True
    return mask


def two(k=slice(3, 6)):
    return {"L1": box(k, slice(18, 23), slice(14, 18)), "L2": box(k, slice(18, 23), slice(6, 10))}


def shown(figure):
    """Titles of the panels, and the names of regions written in each."""
    return {
        axes.get_title(): [text.get_text() for text in axes.texts if text.get_text().startswith("L")]
        for axes in figure.axes
    }


def test_every_slice_with_a_region_is_shown():
    regions = two() | {"L3": box(slice(8, 9), slice(18, 23), slice(1, 4))}
    figure = region_figure(IMAGE, regions, AFFINE, title="Reader A")
    assert {title: sorted(names) for title, names in shown(figure).items()} == {
        "Sagittal slice 4 of 30": ["L1", "L2"],
        "Sagittal slice 5 of 30": ["L1", "L2"],
        "Sagittal slice 6 of 30": ["L1", "L2"],
        "Sagittal slice 9 of 30": ["L3"],
    }
    assert [text.get_text() for text in figure.texts] == ["Reader A"]


def test_letters_and_scale_are_in_every_panel():
    for axes in region_figure(IMAGE, two(), AFFINE).axes:
        written = [text.get_text() for text in axes.texts]
        assert {"A", "P", "S", "I"} <= set(written)
        assert any(text.endswith(" mm") for text in written)


def test_many_slices_are_chosen_evenly_and_it_is_said():
    figure = region_figure(IMAGE, two(slice(2, 28)), AFFINE)
    slices = [int(title.split()[2]) for title in shown(figure)]
    assert len(slices) == 9
    assert slices == sorted(set(slices))
    assert min(slices) >= 3
    assert max(slices) <= 28
    assert max(np.diff([2, *slices, 29])) <= 2 * 26 / 9
    assert [text.get_text() for text in figure.texts] == ["9 of the 26 slices that hold a region"]


def test_a_region_in_one_slice_among_many_is_seen():
    regions = two(slice(2, 28))
    for n, k in enumerate((5, 6, 23)):
        regions[f"L{n + 3}"] = box(slice(k, k + 1), slice(18, 19), slice(2 * n, 2 * n + 1))
    seen = {name for names in shown(region_figure(IMAGE, regions, AFFINE, most=4)).values() for name in names}
    assert seen == set(regions)


def test_more_slices_than_asked_where_regions_need_them():
    regions = {f"L{k + 1}": box(slice(3 * k, 3 * k + 2), slice(18, 22), slice(8, 12)) for k in range(5)}
    figure = region_figure(IMAGE, regions, AFFINE, most=2)
    assert sorted(name for names in shown(figure).values() for name in names) == sorted(regions)
    assert figure.texts[0].get_text() == "5 of the 10 slices that hold a region"


def test_a_thick_region_does_not_take_the_slices_of_a_thin_one():
    regions = {
        "L1": box(slice(0, 24), slice(18, 22), slice(8, 12)),
        "L2": box(slice(24, 28), slice(18, 22), slice(2, 6)),
    }
    names = [name for names in shown(region_figure(IMAGE, regions, AFFINE, most=8)).values() for name in names]
    assert sorted(names) == 4 * ["L1"] + 4 * ["L2"]


def test_outlines_run_along_the_voxels_of_the_region():
    regions = two()
    for axes in region_figure(IMAGE, regions, AFFINE).axes:
        assert len(axes.collections) == 2
        for collection, mask, colour in zip(axes.collections, regions.values(), ON_GREY, strict=False):
            corners = np.concatenate(collection.get_segments())
            rows, columns = np.nonzero(mask[4].T[::-1])  # superior on top, anterior on the left
            np.testing.assert_allclose(corners.min(axis=0), (columns.min() * 3, rows.min() * 2))
            np.testing.assert_allclose(corners.max(axis=0), ((columns.max() + 1) * 3, (rows.max() + 1) * 2))
            assert collection.get_colors()[0][:3] == pytest.approx(
                [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
            )


@pytest.mark.parametrize("height", [1, 10])  # wide and tall pictures
@pytest.mark.parametrize("n_slices", [1, 2, 4, 9, 12])
def test_panels_do_not_overlap_and_the_figure_fits_a_page(n_slices, height):
    affine = AFFINE @ np.diag([height, 1, 1, 1])
    figure = region_figure(IMAGE, two(slice(3, 3 + n_slices)), affine, title="t", most=12)
    assert len(figure.axes) == n_slices
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= b.x0 < b.x1 <= 1 and 0 <= b.y0 < b.y1 <= 1 for b in boxes)
    for n, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[:n])
    width, height = figure.get_size_inches()
    assert width <= 11.1
    assert height <= 11.7


def test_it_is_written_as_a_picture_even_where_the_image_has_no_value(tmp_path):
    image = IMAGE.copy()
    image[4] = np.nan
    save_figure(region_figure(image, two(), AFFINE), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("regions", "most", "message"),
    [
        ({}, 9, "expected at least one, none empty; empty are no regions"),
        (two() | {"L5": np.zeros(SHAPE, bool)}, 9, "empty are L5"),
        ({"L1": np.ones((3, 4, 5), bool)}, 9, "region L1"),
        (two(), 0, "most: expected 1 slice or more, got 0"),
    ],
)
def test_bad_input(regions, most, message):
    with pytest.raises(ValueError, match=message):
        region_figure(IMAGE, regions, AFFINE, most=most)
