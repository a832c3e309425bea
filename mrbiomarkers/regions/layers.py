"""Named regions that are to be stored together: checked, and in layers where they overlap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask

Mask = NDArray[np.bool_]


def check_regions(masks: Mapping[str, ArrayLike]) -> dict[str, Mask]:
    """Return regions as boolean masks on one grid.

    Parameters
    ----------
    masks : mapping of str to (K, J, I) array_like
        The regions by name, above 0 inside.

    Raises
    ------
    ValueError
        When there is none, one has no name or no voxel, or shapes differ.
    """
    regions: dict[str, Mask] = {}
    for name, mask in masks.items():
        shape = next(iter(regions.values())).shape if regions else np.shape(mask)
        inside = check_mask(f"region {name!r}", mask, shape)
        if not name.strip() or inside.ndim != 3 or not inside.any():
            raise ValueError(
                f"region {name!r}: expected a name, 3 dimensions and a voxel above 0, got shape {inside.shape} and "
                f"{np.count_nonzero(inside)} voxels"
            )
        regions[name] = inside
    if not regions:
        raise ValueError("masks: expected at least one region, got none")
    return regions


def layers_of(regions: Mapping[str, Mask]) -> list[list[str]]:
    """Return the names of the regions in as few layers without overlap as this order gives.

    Parameters
    ----------
    regions : mapping of str to (K, J, I) bool array
        On one grid.
    """
    layers: list[tuple[Mask, list[str]]] = []
    for name, mask in regions.items():
        free = next((layer for layer in layers if not np.any(layer[0] & mask)), None)
        if free is None:
            free = (np.zeros(mask.shape, dtype=bool), [])
            layers.append(free)
        free[0][mask] = True
        free[1].append(name)
    return [names for _, names in layers]
