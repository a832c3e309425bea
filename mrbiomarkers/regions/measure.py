"""Statistics of a parameter map in regions: rows of the measurement table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.maps import NOT_FITTED, ParameterMap, Status, to_reported
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.settings import MeasureSettings

Mask = NDArray[np.bool_]


def measure(
    parameter_map: ParameterMap,
    regions: Mapping[str, Mask],
    settings: MeasureSettings | None = None,
    *,
    outside: Mapping[str, float] | None = None,
) -> list[Measurement]:
    """Measure one map in every region.

    Parameters
    ----------
    parameter_map : ParameterMap
        In kernel or reported unit; the rows are in the reported unit.
    regions : mapping of str to (K, J, I) array
        Masks on the map's grid, values above 0 inside.
    settings : MeasureSettings, optional
        Identity columns of the rows; ``per_slice`` asks for the rows of single slices.
    outside : mapping of str to float, optional
        Fraction of each region that fell outside the map when it was copied to its grid.

    Returns
    -------
    list of Measurement
        One row a region, with ``slice`` "all"; with ``per_slice`` it is followed by a row for each slice that holds
        voxels of the region. There ``slice`` is ``k + 1`` for the array index k: slices are counted from 1, as in the
        figures ("slice 6 of 12"). The statistics, voxels, area and volume are those of the slice; its
        ``outside_fraction`` is empty where a part of the region was lost, for nothing tells from which slice.

        ``mean``, ``sd`` (n - 1), ``median``, ``p25``, ``p75``, ``min`` and ``max`` are over the
        voxels that hold a value; voxels on a bound are among them and counted; those whose value is not identifiable at
        their noise are among them too, for leaving them out would bias the mean. Voxels that were not fitted, or whose
        parameter has no influence on the signal, are counted in ``n_unfitted``. ``se`` and its interval are empty:
        neighbouring voxels are not independent.

    Raises
    ------
    TypeError
        When the map is not a ParameterMap (a bare array has no unit).
    ValueError
        When a mask has another shape or is empty.
    """
    if not isinstance(parameter_map, ParameterMap):
        raise TypeError(
            f"parameter_map: expected a ParameterMap, which knows its unit; got {type(parameter_map).__name__}"
        )
    settings = settings or MeasureSettings()
    reported = to_reported(parameter_map)
    rows = []
    for name, mask in regions.items():
        inside = check_mask(f"region {name!r}", mask, reported.values.shape)
        cut = (outside or {}).get(name, 0.0)
        rows.append(_row(reported, name, inside, slice(None), settings, cut))
        if settings.per_slice:
            cut = cut if cut == 0 else float("nan")
            used = np.flatnonzero(inside.any(axis=(1, 2)))
            rows.extend(_row(reported, name, inside, slice(k, k + 1), settings, cut) for k in used.tolist())
    return rows


def region_size(name: str, mask: Mask, affine: NDArray[np.float64]) -> dict[str, Any]:
    """Return the size columns of a row: voxels, slices, area of the largest slice [mm2], volume [mm3].

    Parameters
    ----------
    name : str
        Region, for the message.
    mask : (K, J, I) bool array
        The region; k counts the slices.
    affine : (4, 4) array [mm]
        Voxel to RAS.

    Raises
    ------
    ValueError
        When the region holds no voxel.
    """
    in_slice = mask.sum(axis=(1, 2))
    n_voxels = int(in_slice.sum())
    if n_voxels == 0:
        raise ValueError(f"region {name!r}: expected at least one voxel above 0, got an empty mask")
    area = float(np.linalg.norm(np.cross(affine[:3, 0], affine[:3, 1])))
    volume = float(abs(np.linalg.det(affine[:3, :3])))
    return {
        "n_voxels": n_voxels,
        "n_slices": int(np.count_nonzero(in_slice)),
        "area_mm2": float(in_slice.max()) * area,
        "volume_mm3": n_voxels * volume,
    }


def warnings_of(rows: Iterable[Measurement], settings: MeasureSettings | None = None) -> list[str]:
    """Return one line for each row that a reader must not take at face value.

    These are rows without a fitted voxel, rows with more than ``bound_warning`` (default 10 %) of the voxels on a
    bound, and regions that lie partly outside the map. A single slice gets a line only where the row of its whole
    region, which comes before it, has none of its own.
    """
    limit = (settings or MeasureSettings()).bound_warning
    lines = []
    cut, doubted = set(), set()
    for row in rows:
        kind = (row.subject, row.timepoint, row.series, row.reader, row.region, row.quantity, row.model, row.method)
        is_whole = row.slice == "all"
        doubt = _doubt(row, limit)
        if doubt and (is_whole or kind not in doubted):
            where = "" if is_whole else f", slice {row.slice}"
            lines.append(f"region {row.region!r}{where}, {row.quantity} ({row.model}, {row.method}): {doubt}")
            if is_whole:
                doubted.add(kind)
        if row.outside_fraction > 0 and row.region not in cut:
            cut.add(row.region)
            lines.append(f"region {row.region!r}: {row.outside_fraction:.1%} of it lies outside the map")
    return lines


def _doubt(row: Measurement, bound_warning: float) -> str:
    """Return why a row must not be taken at face value; empty where nothing speaks against it."""
    n_fitted = row.n_voxels - row.n_unfitted
    if row.method == "fit of mean signal":
        return "the fit ended on a bound" if row.n_on_bound else ""
    if n_fitted == 0:
        return f"none of {row.n_voxels} voxels holds a value"
    if row.n_on_bound > bound_warning * n_fitted:
        return f"{row.n_on_bound} of {n_fitted} voxels ({row.n_on_bound / n_fitted:.0%}) are on a bound"
    return ""


def _row(
    reported: ParameterMap, name: str, inside: Mask, part: slice, settings: MeasureSettings, outside_fraction: float
) -> Measurement:
    """Return the row of the slices ``part`` of a region: all of them, or one."""
    assert reported.status is not None  # set when the map was made
    chosen = inside[part]
    return Measurement(
        **settings.identity(),
        region=name,
        slice="all" if part.start is None else str(part.start + 1),
        quantity=reported.quantity.key,
        unit=reported.unit,
        model=str(reported.provenance.get("model", "")),
        fit=str(reported.provenance.get("method", "")),
        method="mean of map",
        **region_size(name, chosen, reported.affine),
        **_statistics(reported.values[part][chosen], reported.status[part][chosen]),
        outside_fraction=outside_fraction,
    )


def _statistics(values: NDArray[Any], status: NDArray[Any]) -> dict[str, Any]:
    """Return the distribution columns of a row from the voxels of a region (V,)."""
    values = values.astype(np.float64)
    known = np.isfinite(values) & ((status & (NOT_FITTED | Status.UNDETERMINED)) == 0)
    values = values[known]
    counts = {
        "n_unfitted": int(known.size - values.size),
        "n_on_bound": int(np.count_nonzero(status[known] & Status.ON_BOUND)),
    }
    if values.size == 0:
        return counts
    p25, median, p75 = np.percentile(values, (25, 50, 75))
    mean = float(values.mean())
    return {
        **counts,
        "value": mean,
        "mean": mean,
        "sd": float(values.std(ddof=1)) if values.size > 1 else float("nan"),
        "median": float(median),
        "p25": float(p25),
        "p75": float(p75),
        "min": float(values.min()),
        "max": float(values.max()),
    }
