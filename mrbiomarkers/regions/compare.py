"""How alike two readers drew a region: overlap, volumes, and the distance between the outlines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial

from mrbiomarkers.checks import check_affine, check_choice, check_mask

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

_NAN = float("nan")
# Neighbours [k, j, i] that must be inside for a voxel not to be on the boundary.
_IN_SLICE = np.array([[[0, 0, 0]] * 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[0, 0, 0]] * 3], dtype=bool)
_NEIGHBOURS = {"slice": _IN_SLICE, "volume": ndimage.generate_binary_structure(3, 1)}


@dataclass(frozen=True)
class MaskComparison:
    """One region of two readers side by side.

    Attributes
    ----------
    region : str
        Name of the region.
    n_voxels_first, n_voxels_second : int
        Voxels inside.
    volume_first, volume_second : float [mm3]
        Volumes.
    dice, jaccard : float
        Overlap from 0 to 1: twice the shared volume over the sum of both; the shared volume over that of the union.
        NaN where both masks are empty.
    mean_distance : float [mm]
        Mean over the boundary voxels of both masks of the distance to the boundary of the other mask.
    distance_95 : float [mm]
        95 % of the boundary voxels of a mask are at most so far from the boundary of the other; the larger of both
        directions.
    max_distance : float [mm]
        Largest distance of a boundary voxel to the boundary of the other mask (Hausdorff distance of the boundaries).
    note : str
        Why figures are missing; empty where none is.
    """

    region: str
    n_voxels_first: int
    n_voxels_second: int
    volume_first: float
    volume_second: float
    dice: float
    jaccard: float
    mean_distance: float
    distance_95: float
    max_distance: float
    note: str = ""


@dataclass(frozen=True)
class RegionsComparison:
    """The region sets of two readers, matched by name.

    Attributes
    ----------
    rows : tuple of MaskComparison
        Regions that both readers have, in the order of the first.
    only_first, only_second : tuple of str
        Names that only one of them has.
    """

    rows: tuple[MaskComparison, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each reader with regions the other lacks, and for each region with missing figures."""
        lines = [f"region {row.region!r}: {row.note}" for row in self.rows if row.note]
        for who, names in (("first", self.only_first), ("second", self.only_second)):
            if names:
                lines.append(f"only the {who} reader has {', '.join(repr(name) for name in names)}")
        return tuple(lines)


def compare_masks(
    first: NDArray[np.generic],
    second: NDArray[np.generic],
    affine: NDArray[np.floating],
    *,
    boundary: str = "slice",
    region: str = "",
) -> MaskComparison:
    """Compare two masks of the same region on the same grid.

    Distances run from the centre of a boundary voxel to the centre of the nearest boundary voxel of the other mask, in
    millimetres, through all slices. A boundary voxel lies inside the mask and has a neighbour across a face that does
    not, or lies at the edge of the image. Two outlines within the same voxels are therefore 0 mm apart, and a distance
    is known to about one voxel.

    Parameters
    ----------
    first, second : (K, J, I) array
        Values above 0 inside.
    affine : (4, 4) array [mm]
        Voxel to RAS; voxels may be anisotropic and oblique.
    boundary : {"slice", "volume"}
        ``"slice"``: neighbours within the slice (i, j) count, so the boundary is the outline that a reader drew on each
        slice. ``"volume"``: neighbours in the next slices too, the surface of the body, as other programs take it. Of a
        region drawn on one slice every voxel is surface, and the voxels that both masks share at 0 mm hide how far
        apart the outlines are.
    region : str
        Name for the row and for messages.

    Returns
    -------
    MaskComparison
        With one mask empty the overlap is 0 and there is no distance; with both empty there is no overlap either.

    Raises
    ------
    ValueError
        When the masks are not three-dimensional or differ in shape, or the affine or ``boundary`` is not valid.

    References
    ----------
    Dice, Ecology 1945;26:297. Taha and Hanbury, BMC Med Imaging 2015;15:29. Maier-Hein et al., Nat Methods 2024;21:195.
    """
    check_choice("boundary", boundary, _NEIGHBOURS)
    matrix = check_affine(affine)
    label = f"region {region!r}, " if region else ""
    shape = np.shape(first)
    if len(shape) != 3:
        raise ValueError(f"{label}first: expected shape (K, J, I), got {shape}")
    masks = check_mask(f"{label}first", first, shape), check_mask(f"{label}second", second, shape)
    n_first, n_second = (int(np.count_nonzero(mask)) for mask in masks)
    shared, voxel = int(np.count_nonzero(masks[0] & masks[1])), float(abs(np.linalg.det(matrix[:3, :3])))
    total = n_first + n_second
    empty = [who for who, count in (("first", n_first), ("second", n_second)) if count == 0]
    mean, percentile, largest = (_NAN,) * 3 if empty else _distances(*masks, matrix, boundary)
    return MaskComparison(
        region=region,
        n_voxels_first=n_first,
        n_voxels_second=n_second,
        volume_first=n_first * voxel,
        volume_second=n_second * voxel,
        dice=2 * shared / total if total else _NAN,
        jaccard=shared / (total - shared) if total else _NAN,
        mean_distance=mean,
        distance_95=percentile,
        max_distance=largest,
        note=f"the mask of the {' and of the '.join(empty)} reader is empty" if empty else "",
    )


def compare_regions(
    first: Mapping[str, NDArray[np.generic]],
    second: Mapping[str, NDArray[np.generic]],
    affine: NDArray[np.floating],
    *,
    boundary: str = "slice",
) -> RegionsComparison:
    """Compare the regions of two readers; regions are matched by name.

    Parameters
    ----------
    first, second : mapping of str to (K, J, I) array
        Masks of each reader, all on one grid.
    affine : (4, 4) array [mm]
        Voxel to RAS.
    boundary : {"slice", "volume"}
        As for :func:`compare_masks`.

    Returns
    -------
    RegionsComparison
        A row for every name that both have; the other names are listed.

    Raises
    ------
    ValueError
        When no name is shared, or as for :func:`compare_masks`.
    """
    shared = [name for name in first if name in second]
    if not shared:
        listed = [", ".join(repr(name) for name in names) or "none" for names in (first, second)]
        raise ValueError(
            f"second: expected at least one region with a name of the first reader's ({listed[0]}), got {listed[1]}"
        )
    rows = tuple(compare_masks(first[name], second[name], affine, boundary=boundary, region=name) for name in shared)
    return RegionsComparison(
        rows, tuple(name for name in first if name not in second), tuple(name for name in second if name not in first)
    )


def _distances(first: Mask, second: Mask, affine: NDArray[np.float64], boundary: str) -> tuple[float, float, float]:
    """Return mean, 95 % and largest distance [mm] between the boundaries of two masks that are not empty."""
    points = [_boundary(mask, affine, _NEIGHBOURS[boundary]) for mask in (first, second)]
    there, back = (spatial.cKDTree(b).query(a)[0] for a, b in (points, points[::-1]))
    both = np.concatenate([there, back])
    return float(both.mean()), float(max(np.percentile(there, 95), np.percentile(back, 95))), float(both.max())


def _boundary(mask: Mask, affine: NDArray[np.float64], neighbours: Mask) -> Points:
    """Return the centres (N, 3) [mm] of the boundary voxels of a mask."""
    inner = ndimage.binary_erosion(mask, neighbours, border_value=0)
    index = np.argwhere(mask & ~inner)[:, ::-1]
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3])
