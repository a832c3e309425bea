"""The look of all figures: colours, sizes, typeset units, and the file they are saved to."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#555555")
"""Colours that colour-blind readers tell apart (Okabe and Ito 2008)."""

ON_GREY = ("#FFB000", "#56C1FF", "#F0E442", "#3DDC97", "#FF8A5B", "#E9A6D0", "#FFFFFF", "#B5A8FF")
"""Bright colours for outlines and names on a grey image."""

_SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.5,
}
# Settings that change a figure; the others, such as the backend, are not touched.
_FAMILIES = {"axes", "errorbar", "figure", "font", "grid", "image", "legend", "lines", "mathtext", "patch", "path"}
_FAMILIES |= {"savefig", "text", "xtick", "ytick"}
_RAISED = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the house style, whatever the user's own settings are, and leave those as they were."""
    import matplotlib

    names = (name for name in matplotlib.rcParamsDefault if name.split(".")[0] in _FAMILIES)
    defaults: dict[Any, Any] = {name: matplotlib.rcParamsDefault[name] for name in names}
    with matplotlib.rc_context(defaults | _SETTINGS):
        yield


def typeset(text: str) -> str:
    """Return a text with the exponents of its units raised and the index of S0 lowered.

    ``"D [10^-3 mm2/s]"`` becomes ``"D [10⁻³ mm²/s]"``.
    """
    text = re.sub(r"\^([-+]?\d+)", lambda found: found[1].translate(_RAISED), text)
    text = re.sub(r"\bx(?=10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺])", "× ", text)
    text = re.sub(r"\b(mm|cm|m)([23])\b", lambda found: found[1] + found[2].translate(_RAISED), text)
    return re.sub(r"\bS0\b", "S₀", text)


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> None:
    """Write a figure as PNG; an interrupted run leaves no half-written file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path-like
        Ends in ``.png``; the folder must exist. An existing file is replaced.
    dpi : int
        Dots per inch.

    Raises
    ------
    ValueError
        When the name does not end in ``.png`` or dpi is not above 0.
    OSError
        When the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise ValueError(f"path: expected a name that ends in .png, got {target.name!r}")
    if not dpi > 0:
        raise ValueError(f"dpi: expected a number above 0, got {dpi}")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with figure_style():
            figure.savefig(part, format="png", dpi=dpi, facecolor="white")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
