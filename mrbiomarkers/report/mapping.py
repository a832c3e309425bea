"""Regions before and after they were brought onto another image: the picture that tells whether they still fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_mask, check_real_array
from mrbiomarkers.report.planes import SlicePlane, crop_window, slice_plane
from mrbiomarkers.report.regions import chosen_slices
from mrbiomarkers.report.slices import View, add_axes, draw_outline, draw_slice, finish
from mrbiomarkers.report.style import figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]
Volume = tuple[ArrayLike, ArrayLike]
Pair = tuple[View, View]

_GAP, _HEADING, _TITLE, _NOTE = 0.16, 0.27, 0.34, 0.26  # between panels, above a panel, of the figure, below [inch]
_LARGE, _SMALLEST = 3.6, 1.2  # longer side of a panel [inch]
_WIDEST, _TALLEST = 11.0, 10.5  # of all panels, to fit a printed page [inch]
_FINEST = 8  # pixels of the image that was drawn on in one of the target, at most
_EDGE = "#FFFFFF"  # of the region as drawn, over the target
_NOTE_TEXT = "Right: coloured, the voxels that are measured; white, where it differs, the region as drawn."


def mapping_figure(
    source: Volume,
    target: Volume,
    drawn: Mapping[str, ArrayLike],
    mapped: Mapping[str, ArrayLike],
    *,
    transform: ArrayLike | None = None,
    names: tuple[str, str] = ("Drawn on", "Mapped to"),
    title: str = "",
    most: int = 4,
) -> Figure:
    """Draw slices of the target with the mapped regions, and beside each the image that was drawn on, at that place.

    The image that was drawn on is shown in the plane of the target's slice, where the transform puts it, each pixel
    with the value of the nearest voxel: so outlines and anatomy can be compared from panel to panel whatever the
    orientation of both images. Over the target a thin white line is the region as it was drawn, where it differs.

    Parameters
    ----------
    source, target : (values, affine)
        The image that was drawn on, and the other: (K, J, I) array and its voxel-to-RAS matrix [mm]. What is not finite
        stays white, and what lies outside the image that was drawn on, too.
    drawn, mapped : mapping of str to (K, J, I) array_like
        Masks on the grid of the source and of the target, above 0 inside; the same names.
    transform : (4, 4) array_like [mm], optional
        RAS of the source to RAS of the target, as :attr:`mrbiomarkers.jobs.MaskMapping.transform`; by default the same.
    names : (str, str)
        Headings of the two images.
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
        When there is no region, one is empty or has another shape than its image, the names differ, or ``most`` is
        below 1.
    """
    images = [check_real_array(name, pair[0], ndim=3) for name, pair in (("source", source), ("target", target))]
    affines = [check_affine(source[1]), check_affine(target[1])]
    before = _masks("drawn", drawn, images[0].shape)
    after = _masks("mapped", mapped, images[1].shape)
    if list(before) != list(after):
        raise ValueError(f"mapped: expected the regions {', '.join(before)}, got {', '.join(after)}")
    if most < 1:
        raise ValueError(f"most: expected 1 slice or more, got {most}")
    moved = (np.eye(4) if transform is None else check_affine(transform)) @ affines[0]
    counts = np.array([mask.sum(axis=(1, 2)) for mask in after.values()])
    slices = chosen_slices(counts, most)
    plane = slice_plane(affines[1])
    window = crop_window(plane.picture(np.any([mask.any(axis=0) for mask in after.values()], axis=0)), plane)
    longest = _longest(len(slices), window)
    pairs: list[Pair] = []
    for k in slices:
        shown = {name: np.asarray(plane.picture(mask[k]), dtype=bool) for name, mask in after.items()}
        grey = np.asarray(plane.picture(images[1][k]), dtype=np.float64)
        right = View(plane, grey, window, shown, longest=longest, brightest=99.0)
        pairs.append((_source_view(right, images[0], before, moved, affines[1], k, images[1].shape), right))
    headings = [(names[0], f"{names[1]}, {plane.name} slice {k + 1} of {len(images[1])}") for k in slices]
    n_held = int(np.count_nonzero(counts.any(axis=0)))
    note = f"{len(slices)} of the {n_held} slices that hold a region. " if len(slices) < n_held else ""
    return _draw(pairs, headings, title, note + _NOTE_TEXT)


def _masks(what: str, masks: Mapping[str, ArrayLike], shape: tuple[int, ...]) -> dict[str, Mask]:
    checked = {name: check_mask(f"{what} region {name}", mask, shape) for name, mask in masks.items()}
    empty = [name for name, mask in checked.items() if not mask.any()]
    if not checked or empty:
        raise ValueError(f"{what}: expected at least one region, none empty; empty are {', '.join(empty) or 'all'}")
    return checked


def _source_view(
    right: View, values: NDArray[np.generic], masks: dict[str, Mask], moved: Matrix, goal: Matrix, k: int,
    shape: tuple[int, ...],
) -> View:  # fmt: skip
    """Return the image that was drawn on in the plane of a slice of the target, in pixels as fine as its own."""
    fine = [
        int(np.clip(np.ceil(step / np.linalg.norm(moved[:3, :3], axis=0).min() - 0.01), 1, _FINEST))
        for step in np.linalg.norm(goal[:3, :2], axis=0)
    ]
    inside = [(np.arange(n * parts) + 0.5) / parts - 0.5 for n, parts in zip(shape[:0:-1], fine, strict=True)]
    j, i = np.meshgrid(inside[1], inside[0], indexing="ij")
    to_source = np.linalg.inv(moved) @ goal
    index = np.stack([i, j, np.full(i.shape, float(k))], axis=-1) @ to_source[:3, :3].T + to_source[:3, 3]
    nearest = np.floor(index + 0.5 + 1e-6).astype(np.intp)
    size = np.array(values.shape[::-1])
    known = np.all((nearest >= 0) & (nearest < size), axis=-1)
    column, row, slab = nearest[known].T
    grey = np.full(known.shape, np.nan)
    grey[known] = values[slab, row, column]
    outlines = {}
    for name, mask in masks.items():
        shown = np.zeros(known.shape, dtype=bool)
        shown[known] = mask[slab, row, column]
        outlines[name] = np.asarray(right.plane.picture(shown), dtype=bool)
    plane = _finer(right.plane, fine)
    return replace(
        right, plane=plane, grey=np.asarray(plane.picture(grey), dtype=np.float64), masks=outlines, brightest=99.0
    )


def _finer(plane: SlicePlane, fine: list[int]) -> SlicePlane:
    """Return the plane with pixels cut into ``fine`` parts along i and j."""
    down, across = (fine[0], fine[1]) if plane.transposed else (fine[1], fine[0])
    return replace(plane, row_height=plane.row_height / down, column_width=plane.column_width / across)


def _layout(n_pairs: int) -> tuple[int, int]:
    """Return rows and columns of pairs."""
    columns = 1 if n_pairs <= 2 else 2
    return -(-n_pairs // columns), columns


def _longest(n_pairs: int, window: tuple[float, float, float, float]) -> float:
    """Return the longer side of a panel [inch], so that all fit a page."""
    rows, columns = _layout(n_pairs)
    left, right, top, bottom = window
    longer = max(right - left, bottom - top)
    by_width = ((_WIDEST - _GAP) / (2 * columns) - _GAP) * longer / (right - left)
    by_height = (_TALLEST / rows - _HEADING - _GAP / 2) * longer / (bottom - top)
    return min(_LARGE, by_width, max(by_height, _SMALLEST))


def _draw(pairs: list[Pair], headings: list[tuple[str, str]], title: str, note: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = _layout(len(pairs))
    width, height = pairs[0][1].size()
    cell = (max(width, 2.3) + _GAP, height + _HEADING + _GAP / 2)
    above = _TITLE if title else 0.05
    with figure_style():
        figure = Figure(figsize=(max(2 * columns * cell[0] + _GAP, 4.6), rows * cell[1] + above + _NOTE))
        FigureCanvasAgg(figure)
        for n, (pair, words) in enumerate(zip(pairs, headings, strict=True)):
            row, column = divmod(n, columns)
            for side, (view, heading) in enumerate(zip(pair, words, strict=True)):
                left = _GAP + (2 * column + side) * cell[0] + (cell[0] - _GAP - width) / 2
                axes = add_axes(figure, left, _NOTE + (rows - row - 1) * cell[1], width, height)
                if side:  # first, so that what is measured lies on top
                    for mask in pair[0].masks.values():
                        draw_outline(axes, pair[0], mask, _EDGE, 0.7)
                draw_slice(axes, view)
                axes.set_title(typeset(heading), fontsize=8.5)
                finish(axes, view)
        w, h = figure.get_size_inches()
        if title:
            figure.text(_GAP / w, 1 - 0.22 / h, typeset(title), fontsize=10)
        figure.text(_GAP / w, 0.09 / h, note, fontsize=8)
        figure.draw_without_rendering()
    return figure
