"""The outline of a vertebral body in an image, from its middle and its expected size.

Dynamic programming on rays from the middle: of all closed curves, the one that costs least. A curve is cheap where it
runs along edges, holds values like those in the middle and few others, stays near the expected box, and is smooth
relative to that box. The contrast may have any sign. Polar dynamic programming is common practice; the costs are our
own, chosen on six spine images (T1, T2, water): ``Testing/benchmarks/README.md``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from mrbiomarkers.regions.superellipse import superellipse_radius

Values = NDArray[np.floating]
Sampler = Callable[[Values, Values], Values]

# The expected box, as shares of the spacing of the points, and how square it is.
_DEPTH, HEIGHT, _POWER = 0.86, 0.68, 8.0
_RAYS = 72
_STEP = 0.025  # along a ray; 1 is the edge of the box
_NEAREST, _FARTHEST = 0.5, 1.5
_CORE = (0.1, 0.6)  # where the values of the marrow are taken
_UNLIKE = 3.0  # robust standard deviations at which a value counts as wholly different from the marrow
_SMOOTHING = 1.5  # steps
_REGION_WEIGHT, _EDGE_WEIGHT, _BOX_WEIGHT = 2.0, 2.0, 6.25
_BEND = np.array([0.0, 0.02, 0.08, 0.2])  # cost of 0, 1, 2, 3 steps from one ray to the next; more is not allowed
_SLACK = 1e-6  # mm, for rounding
_ROUNDS = 2  # the second one starts from the middle of the first outline, not from the click


def find_outline(sample: Sampler, spacing: float) -> Values:
    """Find the outline of a body.

    Parameters
    ----------
    sample : callable
        Takes positions forward and up [mm] from the point in the body, arrays of one shape, and gives the image there.
    spacing : float [mm]
        Distance from one vertebra to the next: the box around the body is expected 0.86 of it deep and 0.68 high.

    Returns
    -------
    (72, 2) float64 array [mm]
        Corners of the outline, forward and up of the point.

    Raises
    ------
    ValueError
        When the image has the same value everywhere in the body's surroundings.
    """
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    box = superellipse_radius(angles, _DEPTH * spacing / 2, HEIGHT * spacing / 2, _POWER)
    share = np.arange(0, _FARTHEST + _STEP / 2, _STEP)
    centre: Values = np.zeros(2)
    for _ in range(_ROUNDS):
        places = centre + (box[:, None] * share)[..., None] * rays[:, None]
        values = sample(places[..., 0], places[..., 1])
        if np.ptp(values) <= 1e-9 * np.abs(values).max():
            raise ValueError(f"image: expected different values around a body, got {values.flat[0]:g} everywhere")
        allowed = share >= _NEAREST
        path = _cheapest_circle(_cost(values, share)[:, allowed])
        corners = centre + (share[allowed][path] * box)[:, None] * rays
        centre = _centroid(corners)
    return corners


def inside_outline(corners: Values, forward: Values, up: Values, margin: float = 0.0) -> NDArray[np.bool_]:
    """Return which points lie inside a closed outline and at least ``margin`` from it.

    Parameters
    ----------
    corners : (C, 2) array [mm]
        Corners of the outline, joined by straight lines.
    forward, up : (N,) arrays [mm]
        The points.
    margin : float [mm]
        0 or more.

    Returns
    -------
    (N,) bool array
    """
    edges = np.roll(corners, -1, axis=0) - corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = (low[0] <= forward) & (forward <= high[0]) & (low[1] <= up) & (up <= high[1])
    # Most points lie so near the middle that they need not be held against every edge.
    middle = corners.mean(axis=0)
    safe = 0.0
    if _holds(corners, edges, *middle[:, None])[0]:
        safe = float(_distance(corners, edges, *middle[:, None])[0]) - margin - _SLACK
    unclear = np.flatnonzero(inside & (np.hypot(forward - middle[0], up - middle[1]) >= safe))
    inside[unclear] = _holds(corners, edges, forward[unclear], up[unclear])
    if margin > 0:
        unclear = unclear[inside[unclear]]
        inside[unclear] = _distance(corners, edges, forward[unclear], up[unclear]) >= margin
    return np.asarray(inside)


def _holds(corners: Values, edges: Values, forward: Values, up: Values) -> NDArray[np.bool_]:
    """Return which points lie inside: a line from there crosses the outline an odd number of times."""
    ahead, above = forward[:, None] - corners[:, 0], up[:, None] - corners[:, 1]
    crosses = (above < 0) != (above < edges[:, 1])
    slope = np.divide(edges[:, 0], edges[:, 1], out=np.zeros(len(edges)), where=edges[:, 1] != 0)
    return np.asarray(np.count_nonzero(crosses & (ahead < slope * above), axis=1) % 2 == 1)


def _distance(corners: Values, edges: Values, forward: Values, up: Values) -> Values:
    """Return how far points are from the outline [mm]."""
    ahead, above = forward[:, None] - corners[:, 0], up[:, None] - corners[:, 1]
    along = np.clip((ahead * edges[:, 0] + above * edges[:, 1]) / (edges**2).sum(axis=1), 0, 1)
    ahead -= along * edges[:, 0]
    above -= along * edges[:, 1]
    return np.asarray(np.sqrt((ahead * ahead + above * above).min(axis=1)))


def _cost(values: Values, share: Values) -> Values:
    """Return what it costs to put the edge at each place, (rays, places)."""
    core = values[:, (share > _CORE[0]) & (share < _CORE[1])]
    middle = np.median(core)
    scatter = 1.4826 * np.median(np.abs(core - middle)) + 0.02 * abs(middle) + 1e-12
    unlike = np.minimum(np.abs(values - middle) / (_UNLIKE * scatter), 1)
    # Unlike values that the curve encloses cost as much as like ones that it leaves out.
    region = np.cumsum(unlike - 0.5, axis=1) * _STEP
    edge = np.abs(np.gradient(gaussian_filter1d(values, _SMOOTHING, axis=1), axis=1))
    edge = np.minimum(edge / (np.percentile(edge[:, share > _NEAREST], 95) + 1e-12), 1)
    return np.asarray(_REGION_WEIGHT * region - _EDGE_WEIGHT * edge + _BOX_WEIGHT * (share - 1) ** 2)


def _cheapest_circle(cost: Values) -> NDArray[np.intp]:
    """Return the place on each ray of the closed curve that costs least, exactly.

    What the cheapest way from any start to a place costs is the least that a closed curve through it can; only starts
    that can still be the best are followed one by one.
    """
    least = _follow(cost, np.arange(cost.shape[1])[None])[0][0]
    starts = np.array([least.argmin()])
    best = _follow(cost, starts[:, None])[0][0, starts[0]]
    starts = np.flatnonzero(least <= best)  # the same sums in the same order: no curve is cheaper than its bound
    total, came = _follow(cost, starts[:, None])
    number = int(total[np.arange(len(starts)), starts].argmin())
    path = np.zeros(len(cost), dtype=np.intp)
    place = int(starts[number])
    for ray in range(len(cost), 0, -1):
        place -= int(came[ray, number, place])
        path[ray - 1] = place
    return path


def _follow(cost: Values, starts: NDArray[np.intp]) -> tuple[Values, NDArray[np.int8]]:
    """Return what the cheapest ways once around cost, (groups, places), and the move to each place on each ray.

    ``starts`` (groups, S) are the places on the first ray from which a group of ways may begin.
    """
    n_rays, n_places = cost.shape
    reach = len(_BEND) - 1
    moves = np.arange(-reach, reach + 1, dtype=np.int8)
    # Padded by places that cost too much, so that every move stays within the array.
    padded = np.full((len(starts), n_places + 2 * reach), np.inf)
    total = padded[:, reach:-reach]
    np.put_along_axis(total, starts, cost[0][starts], axis=1)
    origins = np.lib.stride_tricks.sliding_window_view(padded, n_places, axis=1)[:, ::-1]  # (groups, moves, places)
    bend = _BEND[np.abs(moves)][:, None]
    came = np.zeros((n_rays + 1, len(starts), n_places), dtype=np.int8)
    ways = np.empty(origins.shape)
    for ray in range(1, n_rays + 1):
        np.add(origins, bend, out=ways)
        came[ray] = moves[ways.argmin(axis=1)]
        ways.min(axis=1, out=total)
        if ray < n_rays:
            total += cost[ray]
    return total, came


def _centroid(corners: Values) -> Values:
    after = np.roll(corners, -1, axis=0)
    area = corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]
    return np.asarray(((corners + after) * area[:, None]).sum(axis=0) / (3 * area.sum()))
