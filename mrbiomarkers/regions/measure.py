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
        Identity columns of the rows.
    outside : mapping of str to float, optional
        Fraction of each region that fell outside the map when it was copied to its grid.

    Returns
    -------
    list of Measurement
        One row a region. ``mean``, ``sd`` (n - 1), ``median``, ``p25``, ``p75``, ``min`` and ``max`` are over the
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
        labels: dict[str, Any] = {
            **settings.identity(),
            "region": name,
            "slice": "all",
            "quantity": reported.quantity.key,
            "unit": reported.unit,
            "model": str(reported.provenance.get("model", "")),
            "fit": str(reported.provenance.get("method", "")),
            "method": "mean of map",
        }
        size = region_size(name, inside, reported.affine)
        cut = (outside or {}).get(name, 0.0)
        rows.append(Measurement(**labels, **size, **_statistics(reported, inside), outside_fraction=cut))
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
    bound, and regions that lie partly outside the map.
    """
    limit = (settings or MeasureSettings()).bound_warning
    lines = []
    cut = set()
    for row in rows:
        what = f"region {row.region!r}, {row.quantity} ({row.model}, {row.method})"
        n_fitted = row.n_voxels - row.n_unfitted
        if row.method == "fit of mean signal":
            if row.n_on_bound:
                lines.append(f"{what}: the fit ended on a bound")
        elif n_fitted == 0:
            lines.append(f"{what}: none of {row.n_voxels} voxels holds a value")
        elif row.n_on_bound > limit * n_fitted:
            lines.append(
                f"{what}: {row.n_on_bound} of {n_fitted} voxels ({row.n_on_bound / n_fitted:.0%}) are on a bound"
            )
        if row.outside_fraction > 0 and row.region not in cut:
            cut.add(row.region)
            lines.append(f"region {row.region!r}: {row.outside_fraction:.1%} of it lies outside the map")
    return lines


def _statistics(reported: ParameterMap, inside: Mask) -> dict[str, Any]:
    """Return the distribution columns of a row."""
    assert reported.status is not None  # set when the map was made
    status = reported.status[inside]
    values = reported.values[inside].astype(np.float64)
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
