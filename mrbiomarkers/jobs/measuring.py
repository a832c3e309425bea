"""Maps measured in regions that one or more readers drew, each on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.regions import CopiedMask, copy_mask, measure, warnings_of
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.tables import mean_over_readers, mean_over_regions

Mask = NDArray[np.bool_]


class DrawnRegion(NamedTuple):
    """A mask (K, J, I) and the voxel-to-RAS matrix (4, 4) [mm] of the grid that it was drawn on."""

    mask: Mask
    affine: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuredMaps:
    """What :func:`measure_maps` returns.

    Attributes
    ----------
    rows : list of Measurement
        Rows of every reader, region and map; then those of the means, where they were asked for.
    copies : dict of str to (dict of str to CopiedMask)
        For each reader the regions on the grid of the first map.
    warnings : list of str
        What a reader must know before using a number.
    """

    rows: list[Measurement]
    copies: dict[str, dict[str, CopiedMask]]
    warnings: list[str] = field(default_factory=list)


def measure_maps(
    maps: Sequence[ParameterMap],
    regions: Mapping[str, Mapping[str, DrawnRegion]],
    *,
    identity: MeasureSettings | None = None,
    by: Literal["position", "index"] = "position",
    mean_of: Sequence[str] = (),
    weights: str = "voxels",
    more_rows: Sequence[Measurement] = (),
) -> MeasuredMaps:
    """Measure maps in regions that were drawn once: each is copied to the grid of every map, same size and position.

    Parameters
    ----------
    maps : sequence of ParameterMap
        On grids of their own.
    regions : mapping of str to (mapping of str to DrawnRegion)
        The regions of each reader, by name.
    identity : MeasureSettings, optional
        Identity columns of the rows (the reader's name is put in), and whether slices have rows of their own.
    by : str
        ``"position"``: through physical space, nearest neighbour. ``"index"``: voxel for voxel, for images that lost
        their geometry.
    mean_of : sequence of str
        Regions over which a mean is made, too (:func:`~mrbiomarkers.tables.mean_over_regions`); empty: none.
    weights : str
        Of that mean: ``"voxels"`` or ``"equal"``.
    more_rows : sequence of Measurement
        What was measured in the same regions otherwise (fits of the mean signal): it goes into the table and the means.

    Returns
    -------
    MeasuredMaps
        With two or more readers also the rows of their mean, reader ``"mean"``.

    Raises
    ------
    ValueError
        When there is no map, no reader or no region, or a region cannot be copied; the message names reader and region.
    """
    if not maps:
        raise ValueError("maps: expected at least one, got none")
    if not regions or not all(regions.values()):
        raise ValueError("regions: expected a region of each reader, got none")
    identity = identity or MeasureSettings()
    rows: list[Measurement] = []
    warnings: list[str] = []
    copies: dict[str, dict[str, CopiedMask]] = {}
    for reader, drawn in regions.items():
        own = replace(identity, reader=reader)
        for parameter_map in maps:
            copied = {name: _copy(reader, name, region, parameter_map, by) for name, region in drawn.items()}
            copies.setdefault(reader, copied)
            masks = {name: copy.mask for name, copy in copied.items()}
            outside = {name: copy.outside_fraction for name, copy in copied.items()}
            found = measure(parameter_map, masks, own, outside=outside)
            rows.extend(found)
            who = f"reader {reader!r}, " if reader else ""
            lines = [f"region {name!r}: {line}" for name, copy in copied.items() for line in copy.warnings]
            warnings.extend(f"{who}{line}" for line in (*lines, *warnings_of(found, own)))
    rows.extend(more_rows)
    if mean_of:
        averages = mean_over_regions(rows, mean_of, weights=weights)
        rows, warnings = averages.rows, warnings + averages.notes
    if len(regions) > 1:
        averages = mean_over_readers(rows)
        rows, warnings = averages.rows, warnings + averages.notes
    return MeasuredMaps(rows, copies, list(dict.fromkeys(warnings)))


def _copy(
    reader: str, name: str, region: DrawnRegion, target: ParameterMap, by: Literal["position", "index"]
) -> CopiedMask:
    """Return a region on the grid of a map."""
    try:
        return copy_mask(region.mask, region.affine, target.values.shape, target.affine, by=by)
    except ValueError as error:
        who = f"reader {reader!r}, " if reader else ""
        raise ValueError(f"{who}region {name!r} on the map of {target.quantity.key}: {error}") from None
