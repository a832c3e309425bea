"""What a step gives back: the nodes that it made, and what to know before using them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class FitNodes:
    """Maps of a fit.

    Attributes
    ----------
    maps : dict of str to vtkMRMLScalarVolumeNode
        By name: the quantity where only one model has it, else quantity and model (``"S0_ivim"``).
    warnings : tuple of str
        What a reader must know before using a number.
    """

    maps: dict[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PlacedNodes:
    """Regions that were placed.

    Attributes
    ----------
    segmentation : vtkMRMLSegmentationNode
        One segment a level.
    warnings : tuple of str
        What the reader should look at.
    """

    segmentation: Any
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MeasuredNodes:
    """What was measured.

    Attributes
    ----------
    table : vtkMRMLTableNode
        The measurement table: one row for each region, quantity and method.
    summary : vtkMRMLTableNode
        To be read: one row for each reader and region, one column for each quantity.
    charts : dict of str to vtkMRMLPlotChartNode
        The signal of each region with the fitted curves; empty where only maps were measured.
    warnings : tuple of str
        What a reader must know before using a number.
    """

    table: Any
    summary: Any
    charts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AgreementNodes:
    """How far two readers agree.

    Attributes
    ----------
    table : vtkMRMLTableNode
        One row for each quantity and method.
    charts : dict of str to vtkMRMLPlotChartNode
        Bland-Altman plots, by quantity and method.
    warnings : tuple of str
        What a reader must know before using a number.
    """

    table: Any
    charts: dict[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ImportedNodes:
    """A series read from files.

    Attributes
    ----------
    series : dict of str to vtkMRMLSequenceNode
        ``"diffusion"``; or ``"magnitude"`` and, for complex images, ``"phase"``.
    notes : tuple of str
        Where each b-value came from; what was set apart or assumed.
    """

    series: dict[str, Any]
    notes: tuple[str, ...] = ()
