"""The figure of signal against b."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.report import decay_figure

B = np.array([0, 10, 25, 50, 100, 200, 400, 800, 1200], float)


def ivim(b):
    return 300 * (0.85 * np.exp(-b * 0.4e-3) + 0.15 * np.exp(-b * 30e-3))


def mono(b):
    return 270 * np.exp(-b * 0.45e-3)


CURVES = {"ADC 0.45 x10^-3 mm2/s": mono, "IVIM f 0.15, D 0.40, D* 30 (10^-3 mm2/s)": ivim}


def draw(b=B, mean=None, sd=None, curves=CURVES, **options):
    values = ivim(b) if mean is None else mean
    return decay_figure("L3", b, values, np.full(len(b), 12.0) if sd is None else sd, curves, **options)


def test_four_panels_with_units_on_every_axis():
    figure = draw(n_voxels=57, subtitle="Subject 7, b in s/mm2")
    whole, zoom, below, below_zoom = figure.axes
    assert whole.get_yscale() == "log"
    assert zoom.get_yscale() == "linear"
    assert whole.get_ylabel() == "Signal [a.u.], logarithmic axis"
    assert below.get_ylabel() == "Data − curve\n[% at lowest b]"
    assert [axes.get_xlabel() for axes in (below, below_zoom)] == ["b [s/mm²]"] * 2
    assert below.get_xlim()[1] >= 1200
    assert 200 <= zoom.get_xlim()[1] < 220
    assert figure.get_suptitle() == "L3 (57 voxels): mean ± SD over voxels\nSubject 7, b in s/mm²"


def test_legend_is_typeset_and_starts_with_the_data():
    (legend,) = draw().legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "Measured: mean ± SD",
        "ADC 0.45 × 10⁻³ mm²/s",
        "IVIM f 0.15, D 0.40, D* 30 (10⁻³ mm²/s)",
    ]


def test_curves_are_drawn_on_a_fine_grid_and_residuals_are_in_percent():
    figure = draw()
    line = figure.axes[0].lines[0]
    assert len(line.get_xdata()) > 400
    np.testing.assert_allclose(line.get_ydata(), mono(line.get_xdata()))
    zero, first, second = figure.axes[2].lines
    np.testing.assert_allclose(first.get_ydata(), 100 * (ivim(B) - mono(B)) / 270)
    np.testing.assert_allclose(second.get_ydata(), 0, atol=1e-12)
    low, high = figure.axes[2].get_ylim()
    assert low == -high
    assert figure.axes[3].get_ylim() == (low, high)
    assert set(zero.get_ydata()) == {0}


def test_order_of_b_values_does_not_matter():
    order = np.random.default_rng(0).permutation(B.size)
    shuffled = draw(B[order], ivim(B)[order])
    np.testing.assert_array_equal(shuffled.axes[2].lines[1].get_xdata(), B)


@pytest.mark.parametrize("negative", ["mean", "curve"])
def test_a_signal_that_is_not_positive_falls_back_to_a_linear_axis(negative):
    mean = ivim(B) - (250 if negative == "mean" else 0)
    curves = {"offset": lambda b: mono(b) - 260} if negative == "curve" else CURVES
    figure = draw(mean=mean, curves=curves)
    assert figure.axes[0].get_yscale() == "linear"
    assert figure.axes[0].get_ylabel() == "Signal [a.u.], linear axis"


def test_bars_that_reach_below_zero_do_not_stretch_the_logarithmic_axis():
    figure = draw(sd=np.full(B.size, 180.0))
    low, high = figure.axes[0].get_ylim()
    assert low > 20
    assert high < 700


@pytest.mark.parametrize(
    ("b", "panels"),
    [((0, 400, 800), 2), ((0, 50, 100, 150), 2), ((0, 0, 800), 2), ((0, 100, 800), 4)],
    ids=["one low b-value", "all low", "repeats of one", "two"],
)
def test_the_enlarged_panel_comes_only_when_it_shows_something(b, panels):
    assert len(draw(np.array(b, float)).axes) == panels


def test_without_curves_there_are_no_residuals():
    figure = draw(curves={})
    assert len(figure.axes) == 2
    assert figure.axes[0].get_xlabel() == "b [s/mm²]"
    assert not figure.legends


def test_points_and_spreads_that_are_missing_are_left_out():
    mean, sd = ivim(B), np.full(B.size, 5.0)
    mean[2], sd[3] = np.nan, np.nan
    figure = draw(mean=mean, sd=sd, curves=CURVES | {"failed": lambda b: np.full_like(b, np.nan)})
    assert figure.axes[0].get_yscale() == "log"
    assert np.isfinite(figure.axes[2].get_ylim()).all()


def test_many_ticks_but_none_that_overlap():
    figure = draw()
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        low, high = axes.get_ylim()
        shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
        assert 3 <= len(shown) <= 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": np.ones(3)}, "mean: expected 9 values, one for each b-value, got 3"),
        ({"sd": np.ones(4)}, "sd: expected 9 values"),
        ({"sd": np.full(9, -1.0)}, "sd: expected values of 0 or more, got -1"),
        ({"mean": np.full(9, np.nan)}, "mean: expected at least one finite value"),
        ({"curves": {"x": lambda b: 1.0}}, "curve 'x': expected shape"),
        ({"b": np.array([5.0, 5.0]), "mean": np.ones(2)}, "bvalues: expected at least two different"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(**changes)


def test_legend_of_a_single_panel_stays_inside_the_picture():
    b = np.array([0.0, 500, 1000, 2000])
    label = "Kurtosis: MD 2.43 × 10^-3 mm2/s, MK 0.38"
    curves = {label: lambda x: 100 * np.exp(-x * 1e-3), f"{label[:-4]}0.40": lambda x: 90 * np.exp(-x * 1e-3)}
    figure = decay_figure("L3", b, 100 * np.exp(-b * 1e-3), np.ones(4), curves)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
