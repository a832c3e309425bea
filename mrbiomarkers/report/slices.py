"""What the figures of slices share: the picture and its window, outlines, names, scale and letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.report.planes import SlicePlane, outline
from mrbiomarkers.report.style import ON_GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class View:
    """What is shown of one slice.

    Attributes
    ----------
    plane : SlicePlane
        Which way up it is shown.
    grey : (R, C) array
        The slice as a picture.
    window : tuple of float [mm]
        Left, right, top and bottom of the part that is shown, from the top left corner of the picture.
    masks : dict of str to (R, C) bool array
        The regions as pictures; their order gives the colours.
    chosen : str or None
        The region whose outline is thicker.
    longest : float [inch]
        Longer side of the panel on paper.
    brightest : float
        Percentile of what is shown from which on the picture is white.
    """

    plane: SlicePlane
    grey: NDArray[np.float64]
    window: tuple[float, float, float, float]
    masks: dict[str, NDArray[np.bool_]]
    chosen: str | None = None
    longest: float = 3.3
    brightest: float = 99.0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the whole picture [mm] as matplotlib wants them."""
        rows, columns = self.grey.shape
        return 0.0, columns * self.plane.column_width, rows * self.plane.row_height, 0.0

    def size(self) -> tuple[float, float]:
        """Return width and height of one panel [inch]."""
        left, right, top, bottom = self.window
        scale = self.longest / max(right - left, bottom - top)
        return (right - left) * scale, (bottom - top) * scale

    def inside(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return the pixels of a picture that lie in the window."""
        left, right, top, bottom = self.window
        height, width = self.plane.row_height, self.plane.column_width
        rows = slice(int(top / height), int(np.ceil(bottom / height)))
        return picture[rows, int(left / width) : int(np.ceil(right / width))]

    def grey_window(self, pictures: Sequence[NDArray[np.float64]], low: float, high: float) -> tuple[float, float]:
        """Return the percentiles ``low`` and ``high`` of what is finite and shown of pictures; never the same."""
        shown = np.stack([self.inside(picture) for picture in pictures])
        finite = shown[np.isfinite(shown)]
        if finite.size == 0:
            return 0.0, 1.0
        bottom, top = (float(value) for value in np.percentile(finite, (low, high)))
        return bottom, top if top > bottom else bottom + 1.0


def add_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes whose place is given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def draw_slice(axes: Axes, view: View) -> None:
    """Draw the picture with coloured outlines and names."""
    draw_grey(axes, view, 1.0)
    present = {name: mask for name, mask in view.masks.items() if mask.any()}
    for n, (name, mask) in enumerate(view.masks.items()):
        if name in present:
            draw_outline(axes, view, mask, ON_GREY[n % len(ON_GREY)], 2.0 if name == view.chosen else 1.2)
    _name_regions(axes, view, present)
    _draw_scale(axes, view)


def draw_grey(axes: Axes, view: View, brightness: float) -> None:
    """Draw the picture in grey; below 1, ``brightness`` is that of its whitest part."""
    low, high = view.grey_window([view.grey], 0.5, view.brightest)
    # Fluid is many times brighter than marrow: the power lifts the marrow out of the dark.
    shades = brightness * np.clip((view.grey - low) / (high - low), 0, 1) ** 0.7
    axes.imshow(shades, cmap="gray", vmin=0, vmax=1, extent=view.extent, interpolation="nearest")


def draw_outline(axes: Axes, view: View, mask: NDArray[np.bool_], colour: str, width: float) -> None:
    """Draw the border of a region along the pixel edges, with a dark rim that shows on any colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import Normal, withStroke

    segments = outline(mask) * (view.plane.column_width, view.plane.row_height)
    effects = [withStroke(linewidth=width + 1.0, foreground="black", alpha=0.6), Normal()]
    look: dict[str, Any] = {"colors": colour, "linewidths": width, "capstyle": "round", "path_effects": effects}
    axes.add_collection(LineCollection(list(segments), **look), autolim=False)


def finish(axes: Axes, view: View) -> None:
    """Crop to the window, take the ticks away and write the letters of the directions."""
    left, right, top, bottom = view.window
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_axis_off()
    plane, look = view.plane, {"transform": axes.transAxes, "color": "white", "fontsize": 8}
    _stroked(axes, 0.015, 0.5, plane.left, ha="left", va="center", **look)
    _stroked(axes, 0.985, 0.5, plane.right, ha="right", va="center", **look)
    _stroked(axes, 0.5, 0.985, plane.top, ha="center", va="top", **look)
    _stroked(axes, 0.5, 0.015, plane.bottom, ha="center", va="bottom", **look)


def _draw_scale(axes: Axes, view: View) -> None:
    """Draw a bar of known length in the lower left corner."""
    left, right, top, bottom = view.window
    length = next((size for size in (50, 20, 10, 5) if size < 0.4 * (right - left)), 2)
    inch = (bottom - top) / view.size()[1]
    x, y = left + 0.1 * inch, bottom - 0.1 * inch
    axes.plot([x, x + length], [y, y], color="white", linewidth=2, solid_capstyle="butt")
    _stroked(axes, x, y - 0.05 * inch, f"{length} mm", color="white", fontsize=7.5, ha="left", va="bottom")


def _name_regions(axes: Axes, view: View, present: Mapping[str, NDArray[np.bool_]]) -> None:
    """Write the names of the regions beside them, in one column, moved apart where they would touch."""
    if not present:
        return
    width, height = view.plane.column_width, view.plane.row_height
    _, right, top, bottom = view.window
    millimetres = (bottom - top) / view.size()[1]  # of one inch
    starts, middles = {}, {}
    for name, mask in present.items():
        rows, columns = np.nonzero(mask)
        outermost = rows[columns == columns.max()]
        starts[name] = (columns.max() + 1) * width, (outermost[np.argmin(abs(outermost - rows.mean()))] + 0.5) * height
        middles[name] = (rows.mean() + 0.5) * height
    column = min(max(x for x, _ in starts.values()) + 0.16 * millimetres, right - 0.55 * millimetres)
    order = sorted(middles, key=lambda name: middles[name])
    heights = _apart([middles[name] for name in order], 0.16 * millimetres)
    names = list(view.masks)
    for name, y in zip(order, heights, strict=True):
        colour = ON_GREY[names.index(name) % len(ON_GREY)]
        x, start = starts[name]
        axes.plot([x, column], [start, y], color=colour, linewidth=0.8)
        _stroked(axes, column + 0.03 * millimetres, y, name, color=colour, ha="left", va="center", fontsize=8.5)


def _apart(positions: Sequence[float], distance: float) -> list[float]:
    """Return ascending positions moved as little as needed to be ``distance`` apart, keeping their middle."""
    moved = np.array(positions, dtype=np.float64)
    steps = np.arange(moved.size) * distance
    moved = np.maximum.accumulate(moved - steps) + steps
    return list(moved - (moved.mean() - np.mean(positions)))


def _stroked(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Write a text with a dark rim."""
    from matplotlib.patheffects import Normal, withStroke

    rim = [withStroke(linewidth=2.0, foreground="black"), Normal()]
    axes.text(x, y, text, path_effects=rim, fontweight="bold", clip_on=True, **look)
