"""The mean of a subject's regions: L1 to L5 as one value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables.averages import NO_MEAN, Averages, NoteBook, labels_of, listed
from mrbiomarkers.tables.rowkeys import check_names, describe, group_rows

Array = NDArray[np.float64]

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
WEIGHTS = ("voxels", "equal")
_NAN = float("nan")


def mean_over_regions(
    rows: Iterable[Measurement],
    regions: Sequence[str] = LUMBAR,
    *,
    weights: str = "voxels",
    name: str = "",
) -> Averages:
    """Average the values of several regions, for each subject, timepoint, series, reader and quantity.

    Rows of different models, fits and methods are kept apart. Rows of single slices have no mean over regions, nor have
    p values and Akaike criteria.

    Parameters
    ----------
    rows : iterable of Measurement
        The table; other regions may be in it.
    regions : sequence of str
        Names of the regions that are averaged.
    weights : str
        ``"voxels"``: each region counts as much as it has voxels in its value (``n_voxels - n_unfitted``); the mean of
        a map is then that of all voxels of the regions together. ``"equal"``: each region counts the same.
    name : str
        Region of the new rows; default ``"L1-L5"`` for the five lumbar bodies, else the names joined by ``+``.

    Returns
    -------
    Averages
        Rows of the means, with ``slice`` "all". Where regions are missing or have no value, the mean is that of the
        others, and a note names them; where no region has a value, the row has none either.

        - ``value``: the weighted mean; of rows of a map it is ``mean``, too.
        - ``sd``: of rows of a map weighted by voxels the standard deviation over all voxels, exactly (from the number,
          mean and sd of each region: the sum of squares within regions and between them, by n - 1). Else empty, as for
          the mean of two readers, whose sd is not that of one set of voxels.
        - ``se``: ``sqrt(sum (w se)^2)`` where every region has a standard error, ``w`` the weights with sum 1. The
          regions are taken to be independent: they share no voxel, and errors common to all are not in ``se``. The
          interval is empty: a row does not tell the level of its own.
        - ``min`` and ``max``: over all regions. ``median``, ``p25`` and ``p75`` cannot be had from those of the regions
          and are empty.
        - ``n_voxels``, ``n_unfitted``, ``n_on_bound`` and ``volume_mm3``: sums over the regions in the mean.
          ``area_mm2`` and ``n_slices``: the largest of a region. ``outside_fraction``: of all their voxels together.

    Raises
    ------
    TypeError
        When ``regions`` is a text.
    ValueError
        When a name is there twice, none of the regions is in the table, the new name is that of a region in it, units
        differ, a row is there twice, or a row that has a value counts no voxels by which to weight it.
    """
    given = list(rows)
    wanted = check_names("regions", regions, 1)
    check_choice("weights", weights, WEIGHTS)
    name = name or ("L1-L5" if wanted == LUMBAR else "+".join(wanted))
    found = list(dict.fromkeys(row.region for row in given))
    if not set(wanted) & set(found):
        raise ValueError(f"regions: expected at least one of those in the table ({listed(found)}), got {list(wanted)}")
    if name in found:
        raise ValueError(f"name: expected one that no region of the table has, got {name!r}")
    means, notes = [], NoteBook()
    whole = (row for row in given if row.slice == "all" and row.quantity not in NO_MEAN)
    for group in group_rows(whole, "region"):
        inside = [group[region] for region in wanted if region in group]
        _note(notes, group, wanted, name)
        if inside:
            means.append(_mean_row(inside, name, weights))
    return Averages(given, means, notes.lines())


def _note(notes: NoteBook, group: Mapping[str, Measurement], wanted: Sequence[str], name: str) -> None:
    """Note which regions a mean lacks."""
    row = next(iter(group.values()))
    missing = [region for region in wanted if region not in group]
    empty = [region for region in wanted if region in group and not math.isfinite(group[region].value)]
    if len(missing) == len(wanted):
        notes.add(row, f"none of the regions of {name}, no mean", "region")
    elif missing:
        notes.add(row, f"mean of {name} without {', '.join(missing)}, which the table lacks", "region")
    if empty:
        notes.add(row, f"mean of {name} without the value of {', '.join(empty)}, which is empty", "region")


def _mean_row(inside: Sequence[Measurement], name: str, weights: str) -> Measurement:
    """Return the mean of the rows that have a value; without a value where none has."""
    known = [row for row in inside if math.isfinite(row.value)]
    size = _size(known or inside)
    labels = labels_of(inside[0], region=name)
    return Measurement(**labels, **size, **_statistics(known, weights) if known else {})


def _statistics(rows: Sequence[Measurement], weights: str) -> dict[str, Any]:
    """Return value, error and distribution columns of a mean."""
    counts = np.array([row.n_voxels - row.n_unfitted for row in rows])
    if weights == "equal":
        share = np.full(len(rows), 1 / len(rows))
    else:
        for row, count in zip(rows, counts, strict=True):
            if count <= 0:
                raise ValueError(
                    f"weights: expected voxels in every row that has a value, got {count} in {describe(row)}; weight "
                    "the regions equally"
                )
        share = counts / counts.sum()
    means = np.array([row.mean for row in rows])
    is_pooled = weights == "voxels" and rows[0].reader != "mean"
    sds = np.array([row.sd for row in rows])
    return {
        "value": float(share @ [row.value for row in rows]),
        "se": math.sqrt(sum((w * row.se) ** 2 for w, row in zip(share.tolist(), rows, strict=True))),
        "mean": float(share @ means),
        "sd": _pooled_sd(counts, means, sds) if is_pooled else _NAN,
        "min": float(np.min([row.min for row in rows])),
        "max": float(np.max([row.max for row in rows])),
    }


def _pooled_sd(counts: NDArray[np.int64], means: Array, sds: Array) -> float:
    """Return the standard deviation (n - 1) over the voxels of all regions together."""
    total = int(counts.sum())
    if total < 2:
        return _NAN
    within = np.where(counts == 1, 0.0, sds)  # one voxel has no spread of its own
    centre = counts @ means / total
    squares = (counts - 1) @ within**2 + counts @ (means - centre) ** 2
    return math.sqrt(squares / (total - 1))


def _size(rows: Sequence[Measurement]) -> dict[str, Any]:
    """Return the size and count columns of a mean."""
    return {
        **{name: sum(getattr(row, name) for row in rows) for name in ("n_voxels", "n_unfitted", "n_on_bound")},
        "n_slices": max(row.n_slices for row in rows),
        "area_mm2": float(np.max([row.area_mm2 for row in rows])),
        "volume_mm3": sum(row.volume_mm3 for row in rows),
        "outside_fraction": _outside(rows),
    }


def _outside(rows: Sequence[Measurement]) -> float:
    """Return the fraction of all voxels of the regions, those lost included, that fell outside the map."""
    if all(row.outside_fraction == 0 for row in rows):
        return 0.0
    n_inside = sum(row.n_voxels for row in rows)
    if n_inside == 0 or not all(0 <= row.outside_fraction < 1 for row in rows):
        return _NAN
    n_lost = sum(row.n_voxels * row.outside_fraction / (1 - row.outside_fraction) for row in rows)
    return n_lost / (n_inside + n_lost)
