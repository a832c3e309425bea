"""Figures of what a scene holds: decays and agreement from the numbers of charts, regions and maps from voxels. No Qt.

matplotlib is needed, which 3D Slicer does not bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from mrbiomarkers.agreement import bland_altman
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.mrml.charts_in import DecayNumbers, PairNumbers, Points
from mrbiomarkers.quantities import QUANTITIES
from mrbiomarkers.report import bland_altman_figure, decay_figure, echo_figure, map_panel, region_figure
from mrbiomarkers.study.results import file_name

Mask = NDArray[np.bool_]
Figure = tuple[str, Callable[[], Any]]
"""Name of the file without its ending, and the function that draws."""

_HIDDEN = frozenset({"S0", "rmse", "R2", "AICc", "p_F", "in_phase", "opposed_phase"})


@dataclass(frozen=True, eq=False)
class Picture:
    """The image on which maps and regions are shown.

    Attributes
    ----------
    image : (K, J, I) array [a.u.]
        For example that of the lowest b-value.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    """

    image: NDArray[Any]
    affine: NDArray[np.float64]


def decay_figures(decays: list[DecayNumbers]) -> Iterator[Figure]:
    """Yield the decay of each region: means, spread, curves and what the curves leave over."""
    for one in decays:
        yield f"decay_{file_name(one.region)}", partial(_decay, one)


def agreement_figures(compared: list[PairNumbers]) -> Iterator[Figure]:
    """Yield a Bland-Altman plot of each comparison of two readers, but of what only serves the fit."""
    for one in compared:
        if not _is_shown(one.quantity):
            continue
        yield f"agreement_{file_name(one.name)}", partial(_agreement, one)


def map_figures(picture: Picture, maps: Mapping[str, ParameterMap], regions: Mapping[str, Mask]) -> Iterator[Figure]:
    """Yield all slices with a region, and for each region its largest slice with the maps.

    Parameters
    ----------
    picture : Picture
        The image.
    maps : mapping of str to ParameterMap
        Those on another grid are left out, and those that only serve the fit.
    regions : mapping of str to (K, J, I) array
        Masks on the grid of the image.
    """
    shown = [one for one in maps.values() if _is_shown(one.quantity.key) and one.values.shape == picture.image.shape]
    if regions:
        yield "regions", partial(region_figure, picture.image, regions, picture.affine)
    for region, mask in regions.items() if shown else ():
        index = int(mask.sum(axis=(1, 2)).argmax())
        draw = partial(map_panel, picture.image, shown, regions, picture.affine, index, region=region)
        yield f"maps_{file_name(region)}", draw


def _is_shown(key: str) -> bool:
    return key not in _HIDDEN and not key.startswith("sd_")


def _decay(one: DecayNumbers) -> Any:
    curves = {label: _curve(points) for label, points in one.curves.items()}
    named: dict[str, Any] = {"n_voxels": one.n_voxels, "subtitle": one.note}
    if not one.is_echo:
        return decay_figure(one.region, one.x, one.mean, one.sd, curves, **named)
    in_seconds = {label: partial(_at_seconds, curve) for label, curve in curves.items()}
    return echo_figure(one.region, one.x / 1e3, one.mean, one.sd, in_seconds, **named)


def _at_seconds(curve: Callable[[Any], Any], times: NDArray[np.float64]) -> Any:
    return curve(1e3 * times)


def _curve(points: Points) -> Callable[[Any], Any]:
    """Return a smooth function through the points of a curve, which lie close together."""
    known = np.isfinite(points[0]) & np.isfinite(points[1])
    x, first = np.unique(points[0][known], return_index=True)
    y = points[1][known][first]
    if x.size < 2:
        raise ValueError(f"curve: expected at least two points, got {x.size}")
    smooth: Callable[[Any], Any] = CubicSpline(x, y)
    return smooth


def _agreement(one: PairNumbers) -> Any:
    result = bland_altman(one.a, one.b, scale=one.scale)
    known = QUANTITIES.get(one.quantity)
    aside = one.name.partition(", ")[2]
    name = known.name if known else one.quantity.partition(" [")[0]
    return bland_altman_figure(result, one.quantity, readers=one.readers, title=f"{name} ({aside})" if aside else name)
