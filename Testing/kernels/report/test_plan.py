"""The figure of a plan: what stands on its axes, and that nothing is left out."""

import numpy as np
import pytest

from mrbiomarkers.diffusion.planning import TISSUES, plan_bvalues
from mrbiomarkers.report import plan_figure, save_figure
from Testing.support.simulate import B_ALL

MARROW = {"marrow": TISSUES["ivim"]["marrow"]}


@pytest.fixture
def plan():
    return plan_bvalues("ivim", MARROW, snr=50, n_images=22, compare=B_ALL)


def panels(figure):
    return figure.axes[0], figure.axes[1], figure.axes[2]


def test_axes_say_what_they_show_in_which_unit(plan):
    signal, images, precision = panels(plan_figure(plan, subtitle="Protocol 3"))
    assert signal.get_ylabel() == "Signal [fraction of S₀]"
    assert images.get_xlabel() == "b [s/mm²]"
    assert images.get_ylabel() == "Number of images"
    assert precision.get_ylabel() == "Predicted coefficient of variation [%]"
    heading = plan_figure(plan, subtitle="Protocol 3").get_suptitle()
    assert heading == "IVIM: 22 images, signal-to-noise ratio 50 in one image at b = 0\nProtocol 3"


def test_marks_stand_on_the_curve_and_stems_are_the_averages(plan):
    signal, images, _ = panels(plan_figure(plan))
    curve, points = signal.lines[:2]
    values = MARROW["marrow"]
    for line in (curve, points):
        b = line.get_xdata()
        expected = (1 - values["f"]) * np.exp(-b * values["D"]) + values["f"] * np.exp(-b * values["Dstar"])
        np.testing.assert_allclose(line.get_ydata(), expected)
    np.testing.assert_array_equal(points.get_xdata(), plan.proposal.bvalues)
    np.testing.assert_array_equal(images.lines[0].get_ydata(), plan.proposal.averages)
    first, count = plan.proposal.bvalues[0], plan.proposal.averages[0]
    assert f"{count:g}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}b\N{NO-BREAK SPACE}{first:g}" in images.get_title(loc="left")


def test_bars_are_the_predictions_of_both_sets(plan):
    _, _, precision = panels(plan_figure(plan))
    heights = [bar.get_height() for bar in precision.patches]
    expected = [100 * cv for given in (plan.proposal, plan.comparison) for cv in given.relative["marrow"].values()]
    np.testing.assert_allclose(heights, expected)
    assert [text.get_text() for text in precision.texts] == [f"{height:.1f}" for height in expected]
    assert [label.get_text() for label in precision.get_xticklabels()] == ["f", "D", "D*"]


def test_several_tissues_are_named_and_what_is_not_optimised_stands_in_brackets():
    plan = plan_bvalues("ivim", TISSUES["ivim"], snr=20, n_images=20, weights={"f": 1, "D": 1})
    signal, _, precision = panels(plan_figure(plan))
    assert [text.get_text() for text in signal.get_legend().get_texts()] == list(TISSUES["ivim"])
    assert [label.get_text() for label in precision.get_xticklabels()] == ["f", "D", "(D*)"] * 4
    assert set(TISSUES["ivim"]) <= {text.get_text() for text in precision.texts}
    assert "in brackets: not optimised" in precision.get_title(loc="left")
    assert max(bar.get_height() for bar in precision.patches) <= 150  # beyond, only the number tells


def test_what_a_set_does_not_determine_is_said(tmp_path):
    plan = plan_bvalues("ivim", MARROW, snr=50, n_images=20, compare=[0, 500, 800])
    figure = plan_figure(plan)
    texts = [text.get_text() for text in panels(figure)[2].texts]
    assert texts.count("not\ndeter-\nmined") == 3
    save_figure(figure, tmp_path / "plan.png", dpi=60)
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", ["adc", "stretched", "kurtosis"])
def test_every_model_can_be_drawn(model):
    values = {"adc": {"ADC": 1e-3}, "stretched": {"DDC": 1e-3, "alpha": 0.8}, "kurtosis": {"MD": 1e-3, "MK": 0.7}}
    figure = plan_figure(plan_bvalues(model, values[model], snr=30, n_images=9))
    assert len(panels(figure)[2].patches) == len(values[model])
