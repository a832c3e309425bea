"""One slice with its regions, and the parameter maps beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import Quantity
from mrbiomarkers.report.planes import crop_window, slice_plane
from mrbiomarkers.report.slices import View, add_axes, draw_grey, draw_outline, draw_slice, finish
from mrbiomarkers.report.style import figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_BAR, _GAP, _LINE, _TITLE = 0.62, 0.16, 0.17, 0.38  # colour bar with text, gap, line of a heading, title [inch]
_PER_ROW = 4
_DIM = 0.45  # how bright the picture under a map is
_TINT = "#1f2d4a"  # under a grey map, where the picture itself would look like values


def map_panel(
    background: ArrayLike,
    maps: Sequence[ParameterMap],
    regions: Mapping[str, ArrayLike],
    affine: ArrayLike,
    slice_index: int,
    *,
    title: str = "",
    region: str | None = None,
) -> Figure:
    """Draw one slice with the outlines of the regions, and each parameter map over the dimmed slice.

    The slice is shown the usual anatomical way, cropped to the regions where they are small. Maps are shown in their
    reported unit with the colour map and window of their quantity; NaN shows the slice, dimmed, or dark blue where the
    map itself is grey. A quantity without a window of
    its own is shown from the 1st to the 99th percentile of what is seen. Those of one family (water, fat, in phase,
    opposed phase) have one window, from 0 to the 97th percentile of all of them.

    Parameters
    ----------
    background : (K, J, I) array_like [a.u.]
        For example the image with the lowest b-value.
    maps : sequence of ParameterMap
        On the grid of ``background``, in the kernel or the reported unit.
    regions : mapping of str to (K, J, I) array_like
        Masks; above 0 is inside.
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    slice_index : int
        Which slice ``[k]``, from 0.
    title : str
        Heading of the figure.
    region : str, optional
        Crop to this region alone and draw its outline thicker.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When shapes differ, the slice does not exist, or ``region`` is not among ``regions``.
    """
    view = _view(background, maps, regions, affine, slice_index, region)
    reported = (to_reported(shown).values[slice_index] for shown in maps)
    pictures = [np.asarray(view.plane.picture(values), dtype=np.float64) for values in reported]
    windows = _windows(view, pictures, [shown.quantity for shown in maps])
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_panels, n_slices = 1 + len(maps), np.shape(background)[0]
    rows = -(-n_panels // _PER_ROW)
    columns = -(-n_panels // rows)
    width, height = view.size()
    headings = [f"{view.plane.name.capitalize()} slice {slice_index + 1} of {n_slices}"]
    headings += [textwrap.fill(shown.quantity.name, max(16, int(13.5 * width))) for shown in maps]
    lines = 1 + max(heading.count("\n") for heading in headings)
    cell = (max(width, 1.7) + _GAP, height + _LINE * (lines + 0.6) + _BAR)
    above = _TITLE if title else 0.0
    with figure_style():
        figure = Figure(figsize=(columns * cell[0] + _GAP, rows * cell[1] + above))
        FigureCanvasAgg(figure)
        for n in range(n_panels):
            row, column = divmod(n, columns)
            left = _GAP + column * cell[0] + (cell[0] - _GAP - width) / 2
            bottom = (rows - row - 1) * cell[1] + _BAR
            axes = add_axes(figure, left, bottom, width, height)
            if n == 0:
                draw_slice(axes, view)
            else:
                image = _draw_map(axes, view, pictures[n - 1], maps[n - 1].quantity, windows[n - 1])
                bar = add_axes(figure, left + 0.08 * width, bottom - 0.17, 0.84 * width, 0.09)
                _draw_bar(figure, bar, image, maps[n - 1])
            axes.set_title(headings[n])
            finish(axes, view)
        if title:
            figure.text(_GAP / figure.get_figwidth(), 1 - 0.24 / figure.get_figheight(), typeset(title), fontsize=10)
        figure.draw_without_rendering()
    return figure


def _view(
    background: ArrayLike,
    maps: Sequence[ParameterMap],
    regions: Mapping[str, ArrayLike],
    affine: ArrayLike,
    slice_index: int,
    region: str | None,
) -> View:
    """Check the arguments of :func:`map_panel` and lay the slice out."""
    image = check_real_array("background", background, ndim=3)
    for parameter_map in maps:
        if parameter_map.values.shape != image.shape:
            key = parameter_map.quantity.key
            raise ValueError(f"map of {key}: expected shape {image.shape}, got {parameter_map.values.shape}")
    if not 0 <= slice_index < image.shape[0]:
        raise ValueError(f"slice_index: expected 0 to {image.shape[0] - 1}, got {slice_index}")
    if region is not None and region not in regions:
        raise ValueError(f"region: expected one of {', '.join(regions) or 'no region'}; got {region!r}")
    plane = slice_plane(affine)
    masks = {name: check_mask(f"region {name}", mask, image.shape) for name, mask in regions.items()}
    wanted = [mask for name, mask in masks.items() if region in (None, name)]
    # All slices count, so that the pictures of a series of slices show the same part.
    marked = np.any([mask.any(axis=0) for mask in wanted], axis=0) if wanted else np.zeros(image.shape[1:], bool)
    shown = {name: np.asarray(plane.picture(mask[slice_index]), dtype=bool) for name, mask in masks.items()}
    grey = np.asarray(plane.picture(image[slice_index]), dtype=np.float64)
    return View(plane, grey, crop_window(plane.picture(marked), plane), shown, region)


def _draw_tint(axes: Axes, view: View) -> None:
    """Fill the picture with one dark colour."""
    from matplotlib.colors import to_rgb

    axes.imshow(np.array([[to_rgb(_TINT)]]), extent=view.extent, interpolation="nearest")


def _windows(
    view: View, pictures: Sequence[NDArray[np.float64]], known: Sequence[Quantity]
) -> list[tuple[float, float]]:
    """Return the display window of every map."""
    windows = []
    for picture, quantity in zip(pictures, known, strict=True):
        low, high = quantity.display_range
        if not (np.isfinite(low) and np.isfinite(high)):
            if quantity.family is None:
                low, high = view.grey_window([picture], 1, 99)
            else:
                pairs = zip(pictures, known, strict=True)
                relatives = [other for other, its in pairs if its.family == quantity.family]
                # Fat under the skin, next to the coil, is many times brighter than marrow: it may go beyond.
                high = view.grey_window(relatives, 1, 97)[1]
                low = 0.0
        windows.append((low, high))
    return windows


def _draw_map(
    axes: Axes, view: View, picture: NDArray[np.float64], known: Quantity, window: tuple[float, float]
) -> AxesImage:
    """Draw one map over the dimmed picture, a grey one over dark blue; NaN is transparent."""
    if known.colour_map == "gray":
        _draw_tint(axes, view)
    else:
        draw_grey(axes, view, _DIM)
    shown = np.ma.masked_invalid(picture)
    look: dict[str, Any] = {"cmap": known.colour_map, "vmin": window[0], "vmax": window[1], "interpolation": "nearest"}
    image = axes.imshow(shown, extent=view.extent, **look)
    for name, mask in view.masks.items():
        draw_outline(axes, view, mask, "white", 1.6 if name == view.chosen else 0.9)
    return image


def _draw_bar(figure: Figure, axes: Axes, image: AxesImage, parameter_map: ParameterMap) -> None:
    """Draw the colour bar of a map with symbol and unit; its ends are pointed where values go beyond."""
    values, (low, high) = image.get_array(), image.get_clim()
    finite = np.ma.compressed(values) if values is not None else np.zeros(0)
    below, above = bool(np.any(finite < low)), bool(np.any(finite > high))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    bar = figure.colorbar(image, cax=axes, orientation="horizontal", extend=extend[below, above])
    bar.ax.tick_params(labelsize=7.5, length=2.5, pad=2)
    bar.ax.locator_params(nbins=5)
    known = parameter_map.quantity
    unit = "no unit" if known.reported_unit == "1" else known.reported_unit
    bar.set_label(typeset(f"{known.symbol} [{unit}]"), fontsize=8.5, labelpad=1)
