"""A diffusion series as the panel reads it: edited b-values, some left out, residual fat from a fat fraction map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.diffusion import eta_from_pdff
from mrbiomarkers.jobs import ResidualFat
from mrbiomarkers.mrml import diffusion_series, parameter_map
from mrbiomarkers.mrml.frames import open_frames
from mrbiomarkers.mrml.nodes import said
from mrbiomarkers.regions import map_on_grid
from mrbiomarkers.series import DiffusionSeries, combine
from mrbiomarkers.series import exclude as without


@dataclass(frozen=True)
class FatMap:
    """A fat fraction map and how its fat shows in a diffusion series.

    Attributes
    ----------
    node : vtkMRMLScalarVolumeNode
        Map of PDFF of this extension, in any place and resolution.
    residue : float
        Part of the fat signal that suppression leaves, -1 to 1.
    echo_time, T2_fat, T2_water : float [s]
        As for :func:`mrbiomarkers.diffusion.eta_from_pdff`.
    """

    node: Any
    residue: float
    echo_time: float
    T2_fat: float
    T2_water: float

    def on(self, shape: tuple[int, ...], affine: NDArray[np.float64]) -> ResidualFat:
        """Return the share of fat on a grid; NaN where the map has no value, and there no voxel is fitted.

        Raises
        ------
        TypeError, ValueError
            When the node is no map of PDFF, a number does not fit, or the map does not meet the grid.
        """
        found = parameter_map(self.node, quantity="PDFF")
        pdff = map_on_grid(found.values, found.affine, shape, affine)
        if not np.isfinite(pdff).any():
            raise ValueError(f"fat: expected a fat fraction map that meets the series, got {said(self.node)}")
        clipped = np.clip(pdff, 0.0, 100.0)  # noise goes beyond
        return ResidualFat(eta_from_pdff(clipped, self.residue, self.echo_time, self.T2_fat, self.T2_water).eta)


@dataclass(frozen=True, eq=False)
class FatDiffusionSeries(DiffusionSeries):
    """A diffusion series with what is known of its residual fat, on its grid."""

    fat: ResidualFat | None = field(default=None, kw_only=True)


def read_diffusion(
    source: Any,
    *,
    bvalues: Sequence[float] | None = None,
    averages: Sequence[float] | None = None,
    exclude: Sequence[float] = (),
    fat: ResidualFat | FatMap | None = None,
) -> FatDiffusionSeries:
    """Return the series of nodes, repeats and directions combined.

    Parameters
    ----------
    source : node or sequence of nodes
        As for :func:`mrbiomarkers.mrml.diffusion_series`.
    bvalues, averages : sequence of float, optional
        b-values [s/mm2] and averages in the order of the images, in place of what the nodes say. Those that differ are
        "edited" in the source of the series.
    exclude : sequence of float [s/mm2]
        b-values to leave out.
    fat : ResidualFat or FatMap, optional
        Residual fat.

    Raises
    ------
    TypeError, ValueError
        When something does not fit.
    """
    read = diffusion_series(source, bvalues=bvalues, averages=averages)
    if bvalues is not None:
        read = replace(read, source=_edited_sources(source, read.bvalues))
    if len(exclude):
        read = without(read, list(exclude))
    read = combine(read)
    share = fat.on(read.grid_shape, read.affine) if isinstance(fat, FatMap) else fat
    known = {one.name: getattr(read, one.name) for one in fields(DiffusionSeries)}
    return FatDiffusionSeries(**known, fat=share)


def _edited_sources(source: Any, bvalues: NDArray[np.float64]) -> tuple[str, ...]:
    """Return where each b-value comes from: the series, or the user where it is another one there."""
    stack = open_frames("source", source)
    own = stack.known.values if stack.known.quantity != "TE" else None
    if own is None:
        return ("caller",) * len(bvalues)
    return tuple(
        told if np.isclose(given, value, rtol=1e-9, atol=0) else f"caller, edited (was {value:g})"
        for given, value, told in zip(bvalues, own, stack.source, strict=True)
    )
