"""Every region on its image: the picture that a reader checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.report.planes import crop_window, slice_plane
from mrbiomarkers.report.slices import View, add_axes, draw_slice, finish
from mrbiomarkers.report.style import figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mask = NDArray[np.bool_]

_GAP, _HEADING, _TITLE, _NOTE = 0.16, 0.27, 0.34, 0.26  # between panels, above a panel, of the figure, below [inch]
_PER_ROW = 3
_LARGE, _SMALL = 4.6, 3.3  # longer side of a panel in one row, and in several [inch]
_SMALLEST = 1.2  # however many rows there are [inch]
_WIDEST, _TALLEST = 11.0, 10.5  # of all panels, to fit a printed page [inch]


def region_figure(
    background: ArrayLike,
    regions: Mapping[str, ArrayLike],
    affine: ArrayLike,
    *,
    title: str = "",
    most: int = 9,
) -> Figure:
    """Draw every slice that holds a region, with the outlines and names of the regions.

    Slices are shown the usual anatomical way, all cropped to the same part around the regions. Of more than ``most``
    slices, some are chosen so that every region is seen, the others evenly over regions and slices; a line below
    says so.

    Parameters
    ----------
    background : (K, J, I) array_like [a.u.]
        The image; what is not finite stays white.
    regions : mapping of str to (K, J, I) array_like
        Masks on its grid; above 0 is inside. Their order gives the colours.
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    title : str
        Heading of the figure.
    most : int
        Slices that are shown at most, or more where not all regions can be seen in so few.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When there is no region, one is empty, shapes differ, or ``most`` is below 1.
    """
    image = check_real_array("background", background, ndim=3)
    masks = {name: check_mask(f"region {name}", mask, image.shape) for name, mask in regions.items()}
    empty = [name for name, mask in masks.items() if not mask.any()]
    if not masks or empty:
        raise ValueError(f"regions: expected at least one, none empty; empty are {', '.join(empty) or 'no regions'}")
    if most < 1:
        raise ValueError(f"most: expected 1 slice or more, got {most}")
    counts = np.array([mask.sum(axis=(1, 2)) for mask in masks.values()])
    slices = chosen_slices(counts, most)
    plane = slice_plane(affine)
    window = crop_window(plane.picture(np.any([mask.any(axis=0) for mask in masks.values()], axis=0)), plane)
    longest = _longest(len(slices), window)
    views = []
    for k in slices:
        shown = {name: np.asarray(plane.picture(mask[k]), dtype=bool) for name, mask in masks.items()}
        grey = np.asarray(plane.picture(image[k]), dtype=np.float64)
        views.append(View(plane, grey, window, shown, longest=longest, brightest=97.0))
    headings = [f"{plane.name.capitalize()} slice {k + 1} of {len(image)}" for k in slices]
    n_held = int(np.count_nonzero(counts.any(axis=0)))
    note = f"{len(slices)} of the {n_held} slices that hold a region" if len(slices) < n_held else ""
    return _draw(views, headings, title, note)


def chosen_slices(counts: NDArray[np.integer], most: int) -> list[int]:
    """Return which slices to show, from the voxels of each region in each slice, (regions, slices)."""
    held = [int(k) for k in np.flatnonzero(counts.any(axis=0))]
    if len(held) <= most:
        return held
    chosen: list[int] = []
    unseen = np.ones(len(counts), dtype=bool)
    share = counts / counts.max(axis=1, keepdims=True)
    while unseen.any():  # the slice that shows most of what is not seen yet
        chosen.append(int(share[unseen].sum(axis=0).argmax()))
        unseen &= counts[:, chosen[-1]] == 0
    while len(chosen) < most:  # of the region that is seen least, the slice that lies farthest from those
        seen = np.count_nonzero(counts[:, chosen], axis=1)
        left = [k for k in held if k not in chosen]
        chosen.append(min(left, key=lambda k: (seen[counts[:, k] > 0].min(), -np.abs(np.subtract(chosen, k)).min())))
    return sorted(chosen)


def _layout(n_panels: int) -> tuple[int, int]:
    """Return rows and columns."""
    rows = -(-n_panels // _PER_ROW)
    return rows, -(-n_panels // rows)  # four panels: two and two


def _longest(n_panels: int, window: tuple[float, float, float, float]) -> float:
    """Return the longer side of a panel [inch], so that all fit a page."""
    rows, columns = _layout(n_panels)
    left, right, top, bottom = window
    longer = max(right - left, bottom - top)
    by_width = ((_WIDEST - _GAP) / columns - _GAP) * longer / (right - left)
    by_height = (_TALLEST / rows - _HEADING - _GAP / 2) * longer / (bottom - top)
    return min(_LARGE if rows == 1 else _SMALL, by_width, max(by_height, _SMALLEST))


def _draw(views: list[View], headings: list[str], title: str, note: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = _layout(len(views))
    width, height = views[0].size()
    cell = (max(width, 1.9) + _GAP, height + _HEADING + _GAP / 2)
    above, below = _TITLE if title else 0.05, _NOTE if note else 0.1
    with figure_style():
        figure = Figure(figsize=(columns * cell[0] + _GAP, rows * cell[1] + above + below))
        FigureCanvasAgg(figure)
        for n, view in enumerate(views):
            row, column = divmod(n, columns)
            left = _GAP + column * cell[0] + (cell[0] - _GAP - width) / 2
            axes = add_axes(figure, left, below + (rows - row - 1) * cell[1], width, height)
            draw_slice(axes, view)
            axes.set_title(headings[n])
            finish(axes, view)
        w, h = figure.get_size_inches()
        if title:
            figure.text(_GAP / w, 1 - 0.22 / h, typeset(title), fontsize=10)
        if note:
            figure.text(_GAP / w, 0.09 / h, note, fontsize=8)
        figure.draw_without_rendering()
    return figure
