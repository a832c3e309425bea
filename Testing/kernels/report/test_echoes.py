"""The figure of signal against the echo time."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.report import echo_figure
from Testing.support.echoes import SIX_ECHOES, echo_signal

TE = np.array(SIX_ECHOES)


def marrow(times):
    """The magnitude of marrow with 40 % fat at 3 T."""
    return abs(echo_signal(times, 3.0, 40.0, 100.0, 0.0, size=200.0))


def watery(times):
    return abs(echo_signal(times, 3.0, 5.0, 60.0, 0.0, size=200.0))


CURVES = {"PDFF 5 %, R2* 60 1/s": watery, "PDFF 40 %, R2* 100 1/s": marrow}


def draw(times=TE, mean=None, sd=None, curves=CURVES, **options):
    values = marrow(TE) if mean is None else mean
    return echo_figure("L3", times, values, np.full(len(times), 6.0) if sd is None else sd, curves, **options)


def test_two_panels_with_units_on_every_axis():
    figure = draw(n_voxels=57, subtitle="Subject 7")
    signal, residual = figure.axes
    assert signal.get_ylabel() == "Signal magnitude [a.u.]"
    assert residual.get_ylabel() == "Data − curve\n[% at TE 0]"
    assert residual.get_xlabel() == "Echo time [ms]"
    assert signal.get_ylim()[0] == 0
    assert signal.get_xlim()[0] == 0
    assert 6.14 < signal.get_xlim()[1] < 6.5
    assert figure.get_suptitle() == "L3 (57 voxels): mean ± SD over voxels\nSubject 7"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Measured: mean ± SD", *CURVES]


def test_the_beat_is_drawn_finely_and_residuals_are_percent_of_water_plus_fat():
    signal, residual = draw().axes
    line = signal.lines[1]
    assert max(np.diff(line.get_xdata())) < 2.3 / 100  # of a period at 3 T
    np.testing.assert_allclose(line.get_ydata(), marrow(line.get_xdata() / 1e3))
    dips = np.flatnonzero(np.diff(np.sign(np.diff(line.get_ydata()))) > 0)
    assert len(dips) == 3  # 1.15, 3.45 and 5.76 ms
    _, first, second = residual.lines
    np.testing.assert_allclose(first.get_xdata(), 1e3 * TE)
    np.testing.assert_allclose(first.get_ydata(), 100 * (marrow(TE) - watery(TE)) / 200)
    np.testing.assert_allclose(second.get_ydata(), 0, atol=1e-9)


def test_complex_signals_are_drawn_as_magnitudes():
    turned = {label: (lambda t, curve=curve: curve(t) * np.exp(2j - 300j * t)) for label, curve in CURVES.items()}
    plain, complex_valued = draw(), draw(mean=marrow(TE) * np.exp(1j * TE * 1e3), curves=turned)
    for one, other in zip(plain.axes, complex_valued.axes, strict=True):
        for line, same in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), same.get_ydata(), atol=1e-9)


@pytest.mark.parametrize(("tesla", "period"), [(3.0, 2.3026), (1.5, 4.6053)])
def test_marks_stand_where_water_and_fat_are_in_phase_and_opposed(tesla, period):
    figure = draw(field_strength=tesla)
    names = {round(text.xy[0], 2): text.get_text() for text in figure.axes[0].texts}
    halves = np.arange(1, int(2 * 1.03 * 6.14 / period) + 1)
    assert names == {round(n * period / 2, 2): "OP" if n % 2 else "IP" for n in halves}
    assert "IP, OP: water and fat in phase, opposed" in [text.get_text() for text in figure.legends[0].get_texts()]
    left = [line.get_xdata()[0] for line in figure.axes[1].lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(sorted(left)[1:], sorted(halves * period / 2), rtol=1e-4)


def test_marks_that_would_stand_too_close_are_left_out():
    times = np.linspace(2e-3, 40e-3, 6)
    figure = draw(times, marrow(times), field_strength=3.0)
    assert not figure.axes[0].texts
    assert "opposed" not in " ".join(text.get_text() for text in figure.legends[0].get_texts())


def test_without_curves_there_are_no_residuals():
    figure = draw(curves={})
    assert len(figure.axes) == 1
    assert figure.axes[0].get_xlabel() == "Echo time [ms]"
    assert not figure.legends
    assert draw(curves={}, field_strength=3.0).legends


def test_points_and_spreads_that_are_missing_are_left_out():
    mean, sd = marrow(TE), np.full(TE.size, 5.0)
    mean[2], sd[3] = np.nan, np.nan
    figure = draw(mean=mean, sd=sd, curves=CURVES | {"failed": lambda t: np.full_like(t, np.nan)})
    assert np.isfinite(figure.axes[1].get_ylim()).all()


def test_nothing_stands_outside_the_picture():
    figure = draw(field_strength=3.0, n_voxels=7, subtitle="Subject 7")
    (legend,) = figure.legends
    for box in [legend.get_window_extent(), *(text.get_window_extent() for text in figure.axes[0].texts)]:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": 1e3 * TE}, "are these milliseconds"),
        ({"mean": np.ones(3)}, "mean: expected 6 values, one for each echo time, got 3"),
        ({"sd": np.ones(4)}, "sd: expected 6 values"),
        ({"sd": np.full(6, -1.0)}, "sd: expected values of 0 or more, got -1"),
        ({"mean": np.full(6, np.nan)}, "mean: expected at least one finite value"),
        ({"curves": {"x": lambda t: 1.0}}, r"curve 'x': expected shape \(601,\), as its echo times have, got \(\)"),
        ({"field_strength": 3000}, "field_strength: expected 0.05 to 20 T"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(**changes)
