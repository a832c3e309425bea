"""A proposed set of b-values over the signal of the tissue, and the precision it promises."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from mrbiomarkers.diffusion.models import MODELS
from mrbiomarkers.diffusion.planning import BValuePlan, BValueSet
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report.style import COLOURS, figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_TALLEST = 150.0  # bars are cut off here [%]: beyond, a parameter is simply not measurable
_GREY = "#9A9A9A"
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


def plan_figure(plan: BValuePlan, *, subtitle: str = "") -> Figure:
    """Draw a plan: signal and proposed b-values on the left, predicted precision on the right.

    Top left the signal of each tissue with marks at the proposed b-values, beneath it the number of images of each, in
    grey those of the comparison. On the right the predicted coefficient of variation (Cramer-Rao bound divided by the
    parameter) of every parameter, for the proposal and the comparison with as many images. Bars end at 150 %.

    Parameters
    ----------
    plan : BValuePlan
        What :func:`mrbiomarkers.diffusion.planning.plan_bvalues` returns.
    subtitle : str
        A second line of the heading.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_groups = sum(len(values) for values in plan.proposal.relative.values())
    width = 0.42 * max(n_groups, 4) * (1 if plan.comparison is None else 1.5) + 0.9
    with figure_style():
        figure = Figure(figsize=(4.6 + width, 4.9), layout="constrained")
        FigureCanvasAgg(figure)
        parts: Any = figure.subfigures(1, 2, width_ratios=(4.6, width))
        left, right = parts
        upper, lower = left.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
        _draw_signal(upper, plan)
        _draw_images(lower, plan)
        left.align_ylabels()
        _draw_precision(right, right.subplots(), plan)
        heading = (
            f"{MODELS[plan.model].name}: {plan.proposal.n_images:g} images, "
            f"signal-to-noise ratio {plan.snr:g} in one image at b = 0"
        )
        figure.suptitle(heading + (f"\n{subtitle}" if subtitle else ""), fontsize=10)
        figure.draw_without_rendering()
    return figure


def _last_b(plan: BValuePlan) -> float:
    """Return the largest b-value of both sets."""
    return max(float(given.bvalues[-1]) for given in (plan.proposal, plan.comparison) if given is not None)


def _draw_signal(axes: Axes, plan: BValuePlan) -> None:
    """Draw the signal of every tissue, with marks at the proposed b-values."""
    last = _last_b(plan)
    fine = np.union1d(np.linspace(0, min(200.0, last), 201), np.linspace(0, last, 301))
    for n, (name, values) in enumerate(plan.tissues.items()):
        look: dict[str, Any] = {"color": COLOURS[(n + 1) % len(COLOURS)], "zorder": 2}
        curve = MODELS[plan.model].signal(fine, *values.values())
        axes.plot(fine, curve, linestyle=_DASHES[n % len(_DASHES)], linewidth=1.6, label=name, **look)
        points = MODELS[plan.model].signal(plan.proposal.bvalues, *values.values())
        axes.plot(plan.proposal.bvalues, points, "o", markersize=4.5, **look)
    for b in plan.proposal.bvalues:
        axes.axvline(b, color="0.85", linewidth=0.8, zorder=0)
    axes.set_ylim(bottom=0, top=1.05)
    axes.set_ylabel(typeset("Signal [fraction of S0]"))
    axes.set_title("Signal of the tissue, marks at the proposed b-values", loc="left")
    axes.legend(loc="lower left", frameon=False)


def _draw_images(axes: Axes, plan: BValuePlan) -> None:
    """Draw the number of images at every b-value as stems, and list them."""
    from matplotlib.ticker import MaxNLocator

    last = _last_b(plan)
    if plan.comparison is not None:
        axes.vlines(plan.comparison.bvalues, 0, plan.comparison.averages, color=_GREY, linewidth=5, alpha=0.6, zorder=1)
    axes.vlines(plan.proposal.bvalues, 0, plan.proposal.averages, color=COLOURS[0], linewidth=1.8, zorder=2)
    axes.plot(plan.proposal.bvalues, plan.proposal.averages, "o", color=COLOURS[0], markersize=5, zorder=3)
    tallest = max(float(given.averages.max()) for given in (plan.proposal, plan.comparison) if given is not None)
    axes.set_ylim(0, 1.12 * tallest)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlim(-0.03 * last, 1.03 * last)
    axes.set_xlabel(typeset("b [s/mm2]"))
    axes.set_ylabel("Number of images")
    cells = [f"{n:g} × b {b:g}" for b, n in zip(plan.proposal.bvalues, plan.proposal.averages, strict=True)]
    listed = textwrap.fill(", ".join(cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in cells), 62)
    grey = "; grey: comparison" if plan.comparison is not None else ""
    axes.set_title(f"Images at each b-value{grey}\n{listed}", loc="left")


def _draw_precision(figure: SubFigure, axes: Axes, plan: BValuePlan) -> None:
    """Draw the predicted coefficients of variation as bars, one group for each tissue and parameter."""
    sets = [("Proposal", plan.proposal, COLOURS[0])]
    if plan.comparison is not None:
        sets.append((_comparison_name(plan.comparison), plan.comparison, _GREY))
    labels, tops = [], [1.0]
    wide = 0.8 / len(sets)
    for k, (name, given, colour) in enumerate(sets):
        heights = 100 * np.array([cv for values in given.relative.values() for cv in values.values()])
        shown = np.minimum(heights, _TALLEST)
        x = np.arange(shown.size) + (k - (len(sets) - 1) / 2) * wide
        axes.bar(x, shown, width=0.92 * wide, color=colour, label=name)
        for place, height, top in zip(x, heights, shown, strict=True):
            text = f"{height:.1f}" if np.isfinite(height) else "not\ndeter-\nmined"
            axes.text(place, top, text, ha="center", va="bottom", fontsize=7.5)
        tops += shown.tolist()
    for values in plan.proposal.relative.values():
        symbols = {key: quantity(key).symbol for key in values}
        labels += [symbol if key in plan.weights else f"({symbol})" for key, symbol in symbols.items()]
    axes.set_xticks(np.arange(len(labels)), labels)
    _name_tissues(axes, plan)
    axes.set_ylim(0, 1.12 * max(tops))
    middle, half = (len(labels) - 1) / 2, max(0.5 * len(labels) + 0.1, 1.1)
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylabel("Predicted coefficient of variation [%]")
    aside = "\nin brackets: not optimised" if len(plan.weights) < len(MODELS[plan.model].parameters) - 1 else ""
    axes.set_title(f"Precision (Cramér-Rao bound){aside}", loc="left")
    # Beneath the axes it hides no bar.
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False)


def _comparison_name(comparison: BValueSet) -> str:
    """Return the legend text of the comparison."""
    listed = "b " + " ".join(f"{b:g}" for b in comparison.bvalues)
    return "Comparison with as many images:\n" + textwrap.fill(textwrap.shorten(listed, 90, placeholder=" …"), 32)


def _name_tissues(axes: Axes, plan: BValuePlan) -> None:
    """Write the names of the tissues under their groups, and part them by lines, where there are several."""
    if len(plan.tissues) < 2:
        return
    size = len(MODELS[plan.model].parameters) - 1
    for n, name in enumerate(plan.tissues):
        middle = n * size + (size - 1) / 2
        axes.text(middle, -0.08, name, transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=8.5)
        if n:
            axes.axvline(n * size - 0.5, color="0.8", linewidth=0.8)
