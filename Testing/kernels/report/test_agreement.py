"""The Bland-Altman figure: what stands on it is what was computed."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman
from mrbiomarkers.report.agreement import bland_altman_figure
from mrbiomarkers.report.style import save_figure

SCALES = ("difference", "percent", "log")


@pytest.fixture
def readings():
    rng = np.random.default_rng(0)
    true = rng.uniform(5, 50, 30)
    return true * np.exp(rng.normal(0.05, 0.08, 30)), true * np.exp(rng.normal(0, 0.08, 30))


def level_lines(axes):
    """Heights of the horizontal lines across the axes."""
    return [line.get_ydata()[0] for line in axes.lines if tuple(line.get_xdata()) == (0, 1)]


def bands(axes):
    return [(patch.get_y(), patch.get_y() + patch.get_height()) for patch in axes.patches]


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("scale", SCALES)
def test_points_lines_and_bands_are_the_figures(readings, scale):
    result = bland_altman(*readings, scale=scale)
    (axes,) = bland_altman_figure(result, "PDFF").axes
    points = axes.lines[0]
    np.testing.assert_array_equal(points.get_xdata(), result.means)
    np.testing.assert_array_equal(points.get_ydata(), result.differences)
    estimates = (result.upper_limit, result.bias, result.lower_limit)
    none = 1.0 if scale == "log" else 0.0
    assert level_lines(axes) == pytest.approx([none, *(float(estimate.value) for estimate in estimates)])
    for band, estimate in zip(bands(axes), estimates, strict=True):
        assert band == pytest.approx((float(estimate.ci_low), float(estimate.ci_high)))
    low, high = axes.get_ylim()
    assert low < float(result.lower_limit.ci_low) < float(result.upper_limit.ci_high) < high


@pytest.mark.parametrize(
    ("key", "scale", "x_label", "y_label"),
    [
        ("PDFF", "difference", "Mean of A and B, PDFF [%]", "A − B [percentage points]"),
        ("Dstar", "difference", "Mean of A and B, D* [10⁻³ mm²/s]", "A − B [10⁻³ mm²/s]"),
        ("R2star", "percent", "Mean of A and B, R2* [1/s]", "A − B [% of the mean]"),
        ("f", "difference", "Mean of A and B, f", "A − B"),
        ("D", "log", "Mean of A and B, D [10⁻³ mm²/s]", "A / B"),
        ("volume [mm3]", "difference", "Mean of A and B, volume [mm³]", "A − B [mm³]"),
        ("Entropy", "difference", "Mean of A and B, Entropy", "A − B"),
    ],
)
def test_axes_say_what_they_show_in_which_unit(readings, key, scale, x_label, y_label):
    (axes,) = bland_altman_figure(bland_altman(*readings, scale=scale), key, readers=("A", "B")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x_label, y_label)
    assert (axes.get_xscale(), axes.get_yscale()) == (("log", "log") if scale == "log" else ("linear", "linear"))


def test_the_heading_tells_how_many_pairs_and_how_many_are_left_out(readings):
    a, b = (x.copy() for x in readings)
    a[3] = b[7] = np.nan
    result = bland_altman(a, b, confidence=0.9)
    heading = bland_altman_figure(result, "PDFF").get_suptitle().split("\n")
    assert heading[0] == "Proton density fat fraction"
    p = float(result.slope_p)
    assert heading[1] == f"n = 28 pairs (2 left out), slope p = {p:.{3 if p < 0.1 else 2}f}, bands: 90 % confidence"
    assert bland_altman_figure(result, "PDFF", title="L1-L5").get_suptitle().startswith("L1-L5\n")


def test_values_stand_beside_their_lines_and_do_not_overlap():
    b = np.arange(10.0, 30.0)
    # limits far closer together than the bias is to 0
    figure = bland_altman_figure(bland_altman(b - 25 + 0.1 * np.sin(b), b), "PDFF")
    (axes,) = figure.axes
    assert [text.split("\n")[0] for text in texts(axes)] == ["upper limit", "bias", "lower limit"]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes[0].y0 >= boxes[1].y1
    assert boxes[1].y0 >= boxes[2].y1
    assert texts(axes)[1].endswith("−25.0")
    assert all(figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("scale", SCALES)
def test_a_bias_that_changes_with_size_is_drawn(scale):
    rng = np.random.default_rng(1)
    true = rng.uniform(5, 50, 40)
    a = true ** {"difference": 1, "percent": 1.2, "log": 1.2}[scale] * 1.2 + rng.normal(0, 0.2, 40)
    result = bland_altman(a, true, scale=scale)
    figure = bland_altman_figure(result, "PDFF")
    assert "slope p < 0.001" in figure.get_suptitle()
    (axes,) = figure.axes
    (line,) = [line for line in axes.lines if line.get_label() == "regression"]
    ends = np.array([result.means.min(), result.means.max()])
    x, y = (np.log(ends), np.log(line.get_ydata())) if scale == "log" else (ends, line.get_ydata())
    np.testing.assert_array_equal(line.get_xdata(), ends)
    np.testing.assert_allclose(y, float(result.intercept) + float(result.slope.value) * x, rtol=1e-10)


def test_without_a_slope_no_line_is_drawn():
    figure = bland_altman_figure(bland_altman([5.0, 4.0, 6.0, 3.0], [4.0, 5.0, 5.0, 4.0]), "PDFF")
    assert all(line.get_label() != "regression" for line in figure.axes[0].lines)
    assert figure.axes[0].get_legend() is None
    assert "slope not determined" in bland_altman_figure(bland_altman([1, 2], [2, 1]), "PDFF").get_suptitle()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_readers_that_always_agree_can_be_drawn(scale, factor, tmp_path):
    b = np.array([1.0, 2.0, 4.0]) if scale != "difference" else np.full(3, 2.0)
    figure = bland_altman_figure(bland_altman(factor * b, b, scale=scale), "PDFF")
    low, high = figure.axes[0].get_ylim()
    assert high - low > 0.05
    save_figure(figure, tmp_path / "agreement.png", dpi=50)
    assert (tmp_path / "agreement.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_named(readings):
    with pytest.raises(ValueError, match=r"result: expected one column, got leading shape \(2,\)"):
        bland_altman_figure(bland_altman(*np.ones((2, 2, 5))), "PDFF")
    with pytest.raises(ValueError, match="result: expected at least two pairs, got 1"):
        bland_altman_figure(bland_altman([1, np.nan], [1, 2]), "PDFF")
