"""The panel of one slice: what lands where, what it is called, and what it refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report import map_panel, save_figure

SHAPE = (4, 30, 24)
# Sagittal and oblique: i to superior (!), j to posterior, k to the left.
AFFINE = np.array([[0.3, 0.2, -4.0, 5.0], [0.1, -3.0, -0.2, 7.0], [2.0, 0.1, 0.2, -9.0], [0, 0, 0, 1.0]])


def parameter_map(key="D", values=None, unit=None):
    known = quantity(key)
    filled = np.full(SHAPE, 1e-3) if values is None else values
    return ParameterMap(filled, known, unit or known.unit, AFFINE)


def regions():
    mask = np.zeros(SHAPE, bool)
    mask[1, 12:16, 10:14] = True
    return {"L3": mask}


def background():
    return np.random.default_rng(0).uniform(50, 100, SHAPE)


def panels(figure):
    """The axes that hold pictures; the others are colour bars."""
    return [axes for axes in figure.axes if axes.get_title()]


@pytest.mark.parametrize("end", ["anterior superior", "posterior inferior"])
def test_a_marked_voxel_is_printed_in_its_anatomical_corner(end):
    values = np.full(SHAPE, np.nan)
    j, i = (0, SHAPE[2] - 1) if end == "anterior superior" else (SHAPE[1] - 1, 0)
    values[1, j, i] = 1.2e-3
    figure = map_panel(background(), [parameter_map(values=values)], {}, AFFINE, 1)
    figure.draw_without_rendering()
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    box = panels(figure)[1].get_window_extent()
    rows = slice(int(image.shape[0] - box.y1) + 2, int(image.shape[0] - box.y0) - 2)
    inside = image[rows, int(box.x0) + 2 : int(box.x1) - 2]
    coloured = np.argwhere(np.ptp(inside, axis=-1) > 60)  # everything else there is grey
    assert len(coloured) > 20
    y, x = coloured.mean(axis=0) / inside.shape[:2]
    expected = (0.05, 0.05) if end == "anterior superior" else (0.95, 0.95)
    assert (x, y) == pytest.approx(expected, abs=0.05)


def test_the_picture_has_the_shape_of_the_anatomy():
    figure = map_panel(background(), [parameter_map()], {}, AFFINE, 1)
    figure.draw_without_rendering()
    for axes in panels(figure):
        box = axes.get_window_extent()
        # 30 voxels of 3.01 mm from front to back, 24 of 2.02 mm from bottom to top.
        across, down = 30 * np.linalg.norm(AFFINE[:3, 1]), 24 * np.linalg.norm(AFFINE[:3, 0])
        assert box.width / box.height == pytest.approx(across / down, rel=1e-3)


def test_letters_slice_and_unit_are_written():
    figure = map_panel(background(), [parameter_map(), parameter_map("f")], regions(), AFFINE, 1, title="Subject 7")
    first, second, third = panels(figure)
    written = [text.get_text() for text in first.texts]
    assert written[-4:] == ["A", "P", "S", "I"]
    assert "L3" in written
    assert any(text.endswith(" mm") for text in written)
    assert first.get_title() == "Sagittal slice 2 of 4"
    assert second.get_title().replace("\n", " ") == "Diffusion coefficient"
    assert third.get_title() == "Perfusion fraction"
    bars = [axes.get_xlabel() for axes in figure.axes if axes not in (first, second, third)]
    assert bars == ["D [10⁻³ mm²/s]", "f [no unit]"]
    assert figure.texts[0].get_text() == "Subject 7"


def test_kernel_and_reported_units_give_the_same_panel():
    kernel = map_panel(background(), [parameter_map()], regions(), AFFINE, 1)
    reported = parameter_map(values=np.full(SHAPE, 1.0), unit="10^-3 mm2/s")
    as_reported = map_panel(background(), [reported], regions(), AFFINE, 1)
    for figure in (kernel, as_reported):
        image = panels(figure)[1].images[-1]
        np.testing.assert_allclose(image.get_array(), 1.0)
        assert image.get_clim() == (0.0, 2.0)
        assert image.get_cmap().name == "viridis"


def test_nan_is_transparent_over_the_dimmed_picture():
    values = np.full(SHAPE, 1e-3)
    values[1, :10] = np.nan
    figure = map_panel(background(), [parameter_map(values=values)], {}, AFFINE, 1)
    plain, mapped = panels(figure)
    shown = mapped.images[-1].get_array()
    assert shown.mask.sum() == 10 * SHAPE[2]
    below = mapped.images[0].get_array()
    np.testing.assert_allclose(below, 0.45 * plain.images[0].get_array())


def test_window_from_the_data_where_the_quantity_has_none():
    values = np.arange(np.prod(SHAPE), dtype=float).reshape(SHAPE)
    figure = map_panel(background(), [parameter_map("S0", values)], {}, AFFINE, 2)
    low, high = panels(figure)[1].images[-1].get_clim()
    assert (low, high) == pytest.approx(np.percentile(values[2], (1, 99)))


def test_water_and_fat_have_one_window_from_zero():
    random = np.random.default_rng(5)
    values = {"water": random.uniform(50, 100, SHAPE), "fat": random.uniform(0, 400, SHAPE)}
    values["fat"][1, 0] = np.nan
    maps = [parameter_map(key, values[key]) for key in ("water", "fat")] + [parameter_map("S0", values["fat"])]
    figure = map_panel(background(), maps, {}, AFFINE, 1)
    water, fat, other = (axes.images[-1].get_clim() for axes in panels(figure)[1:])
    assert water == fat
    both = np.concatenate([values[key][1].ravel() for key in ("water", "fat")])
    assert water == pytest.approx((0, np.nanpercentile(both, 97)))
    assert other == pytest.approx(np.nanpercentile(values["fat"][1], (1, 99)))
    alone = panels(map_panel(background(), maps[:1], {}, AFFINE, 1))[1].images[-1].get_clim()
    assert alone == pytest.approx((0, np.percentile(values["water"][1], 97)))


def test_nothing_grey_lies_under_a_grey_map():
    values = np.full(SHAPE, np.nan)
    figure = map_panel(background(), [parameter_map("water", values), parameter_map("PDFF", values)], {}, AFFINE, 1)
    _, water, pdff = panels(figure)
    assert water.images[0].get_array().shape == (1, 1, 3)
    assert np.ptp(water.images[0].get_array()) > 0.1  # a colour, not a grey
    assert pdff.images[0].get_array().shape == SHAPE[:0:-1]  # the picture, transposed by this affine


def test_a_water_fat_subject_takes_two_rows_of_four():
    keys = ("water", "fat", "PDFF", "R2star", "field_map", "residual")
    figure = map_panel(background(), [parameter_map(key, np.full(SHAPE, 10.0)) for key in keys], {}, AFFINE, 1)
    tops = [round(axes.get_position().y0, 3) for axes in panels(figure)]
    assert [tops.count(top) for top in sorted(set(tops), reverse=True)] == [4, 3]
    ranges = [axes.images[-1].get_clim() for axes in panels(figure)[3:]]
    assert ranges == [(0, 100), (0, 250), (-300, 300), (0, 20)]
    labels = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert labels == ["W [a.u.]", "F [a.u.]", "PDFF [%]", "R2* [1/s]", "Δf [Hz]", "RES [%]"]


def test_without_regions_the_whole_slice_is_shown():
    figure = map_panel(np.ones((2, 60, 80)), [], {}, np.diag([-2.0, -1.5, 3.0, 1.0]), 0)
    (picture,) = panels(figure)
    assert sorted(picture.get_xlim()) == [0, 160]
    assert sorted(picture.get_ylim()) == [0, 90]


def test_a_map_without_any_value_is_drawn_empty():
    figure = map_panel(background(), [parameter_map("S0", np.full(SHAPE, np.nan))], regions(), AFFINE, 0)
    assert panels(figure)[1].images[-1].get_array().mask.all()


def test_a_constant_or_infinite_picture_is_drawn_without_warnings():
    flat = np.zeros(SHAPE)
    flat[0, 0, 0] = np.nan
    map_panel(flat, [], regions(), AFFINE, 0)


def test_small_regions_are_shown_with_their_neighbourhood():
    shape = (2, 200, 200)
    mask = np.zeros(shape, bool)
    mask[1, 90:100, 90:100] = True
    figure = map_panel(np.ones(shape), [], {"lesion": mask}, np.diag([-1.0, -1.0, 3.0, 1.0]), 1)
    left, right = panels(figure)[0].get_xlim()
    bottom, top = panels(figure)[0].get_ylim()
    assert (left, right) == (50, 140)
    assert (top, bottom) == (50, 140)


def test_one_region_can_be_chosen_for_the_crop():
    shape = (2, 200, 200)
    masks = {name: np.zeros(shape, bool) for name in ("L1", "L5")}
    masks["L1"][1, 10:20, 90:100] = True
    masks["L5"][1, 180:190, 90:100] = True
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    figure = map_panel(np.ones(shape), [], masks, affine, 1, region="L5")
    assert min(panels(figure)[0].get_ylim()) > 100


def test_names_of_neighbouring_regions_do_not_overlap():
    masks = {}
    for n in range(4):
        masks[f"region {n}"] = np.zeros(SHAPE, bool)
        masks[f"region {n}"][1, 10 + 2 * n, 10:13] = True  # columns of the picture: all at the same height
    figure = map_panel(background(), [], masks, AFFINE, 1)
    boxes = [text.get_window_extent() for text in panels(figure)[0].texts if text.get_text().startswith("region")]
    ordered = sorted(boxes, key=lambda box: box.y0)
    assert len(ordered) == 4
    for lower, upper in itertools.pairwise(ordered):
        assert upper.y0 >= lower.y0 + 0.6 * lower.height


def test_many_maps_go_on_in_a_second_row(tmp_path):
    maps = [parameter_map(key) for key in ("ADC", "f", "D", "Dstar")]
    figure = map_panel(background(), maps, regions(), AFFINE, 1)
    tops = {round(axes.get_position().y0, 3) for axes in panels(figure)}
    assert len(tops) == 2
    save_figure(figure, tmp_path / "panel.png", dpi=60)
    assert (tmp_path / "panel.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_arguments_are_not_changed():
    image, masks, shown = background(), regions(), parameter_map()
    copies = image.copy(), masks["L3"].copy(), shown.values.copy()
    map_panel(image, [shown], masks, AFFINE, 1)
    for before, after in zip(copies, (image, masks["L3"], shown.values), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slice_index": 4}, "slice_index: expected 0 to 3, got 4"),
        ({"region": "L9"}, "region: expected one of L3; got 'L9'"),
        ({"background": np.zeros((4, 30, 25))}, "map of D: expected shape"),
        ({"background": np.zeros((30, 24))}, "background: expected 3 dimensions"),
        ({"regions": {"L3": np.zeros((2, 2, 2))}}, "region L3: expected shape"),
        ({"affine": np.zeros((4, 4))}, "affine: expected"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {
        "background": background(),
        "maps": [parameter_map()],
        "regions": regions(),
        "affine": AFFINE,
        "slice_index": 1,
    } | changes
    with pytest.raises(ValueError, match=message):
        map_panel(**arguments)
