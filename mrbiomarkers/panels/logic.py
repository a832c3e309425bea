"""What the logic classes of both modules do with regions, tables and readers. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.jobs import DrawnRegion, agree_readers, measure_maps
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.mrml import (
    AgreementNodes,
    FitNodes,
    MeasuredNodes,
    PlacedNodes,
    add_agreement_chart,
    add_agreement_table,
    add_fit,
    add_measurement_table,
    add_segmentation,
    add_summary_table,
    check_node,
    display_regions,
    drawn_regions,
    frames_of,
    level_points,
    masks_on,
    measurements_of,
    parameter_map,
    undo_on_error,
)
from mrbiomarkers.mrml.volumes import check_present
from mrbiomarkers.regions import place_vertebrae
from mrbiomarkers.settings import MeasureSettings, PlacementSettings

Mask = NDArray[np.bool_]
# Rows of one reader's region fits, what to warn of, and the functions that draw their charts.
RegionFits = tuple[list[Measurement], list[str], dict[str, Callable[[], Any]]]


class RegionLogic:
    """Regions, tables and readers: the part of the logic that both modules have."""

    def placeVertebrae(self, points: Any, reference: Any, *, settings: PlacementSettings | None = None) -> PlacedNodes:
        """Place a region in every vertebral body that has a point.

        Parameters
        ----------
        points : vtkMRMLMarkupsFiducialNode
            One point in the middle of each body, named L1 to L5 (or another level); only those that are placed count.
        reference : vtkMRMLSequenceNode or volume node
            The image on whose grid the regions are made. Of a series, the image with the lowest b-value or the first
            echo is used.
        settings : PlacementSettings, optional
            Method, levels, slices, size and margin.

        Returns
        -------
        PlacedNodes
            A new segmentation with one segment a level, and what to look at.

        Raises
        ------
        TypeError, ValueError
            When a node is of the wrong kind, no point is placed, or a region would be empty; the scene is as before.
        """
        check_node("points", points, "vtkMRMLMarkupsFiducialNode")
        frames = frames_of(reference)
        image = frames.first
        placed = place_vertebrae(level_points(points), frames.affine, image.shape, settings, image)
        with undo_on_error():
            segmentation = add_segmentation(f"Regions of {frames.name}", placed.masks, frames.affine)
            display_regions(segmentation)
        return PlacedNodes(segmentation, placed.warnings)

    def adoptMap(self, volume: Any, quantity: str, scale: Any = None) -> FitNodes:
        """Make a map in known units of one that a scanner or workstation has made; its volume stays as it is.

        Parameters
        ----------
        volume : vtkMRMLScalarVolumeNode
            The map as it was loaded.
        quantity : str
            What it shows: ``"PDFF"``, ``"R2star"``, ``"T2star"``, ``"ADC"``, ``"D"``, ``"Dstar"``, ``"f"``, ``"DDC"``,
            ``"alpha"``, ``"MD"`` or ``"MK"``.
        scale : str or MapScale
            What its numbers stand for: a unit (``"%"``), or a factor and a unit (``"0.1*%"``). It is never guessed.

        Returns
        -------
        FitNodes
            One map, and what to know of it.

        Raises
        ------
        TypeError, ValueError
            When the node is no scalar volume or under a transform, or the scale is not given: the message then holds
            the one that the values speak for, with the reason, to be confirmed.
        """
        notes: list[str] = []
        known = parameter_map(volume, quantity=quantity, scale=scale, notes=notes)
        return add_fit({quantity: known}, volume, "Scanner map", notes)

    def measure(
        self,
        maps: Mapping[str, Any] | Sequence[Any],
        segmentations: Any,
        *,
        series: Any = None,
        settings: Any = None,
        identity: MeasureSettings | None = None,
        meanOf: Sequence[str] = (),
        progress: Callable[[int, int], bool] | None = None,
    ) -> MeasuredNodes:
        """Measure maps in regions that were drawn once; they are copied to the grid of every map.

        Parameters
        ----------
        maps : dict or sequence of volume nodes
            Maps of this extension; of a scanner's own make one with :meth:`adoptMap`.
        segmentations : segmentation or label map node, or dict of str to node
            The regions; with several readers by the reader's name. Then the mean of the readers is in the table, too.
        series : node or dict, optional
            The series that the maps were fitted to, as given to ``fit``; with more than one argument (``bvalues``, or
            magnitude and phase) a dict of them. Given: the mean signal of each region is
            fitted as well, with its error, and has a chart.
        settings : optional
            How it is fitted, as given to ``fit``.
        identity : MeasureSettings, optional
            Subject and time point of the rows, and whether each slice has a row.
        meanOf : sequence of str
            Regions over which a mean is made, too, as L1 to L5.
        progress : callable, optional
            ``progress(done, total) -> bool`` over the fits; False cancels.

        Returns
        -------
        MeasuredNodes
            Tables, charts and warnings, all new nodes.

        Raises
        ------
        TypeError, ValueError
            When a node is of the wrong kind, a map is not known, a segment is empty or lies outside a map; the message
            names the region. The scene is as before.
        InterruptedError
            When ``progress`` returned False; the scene is as before.
        """
        nodes = list(maps.values() if isinstance(maps, Mapping) else maps)
        known = [parameter_map(node) for node in nodes]
        readers = segmentations if isinstance(segmentations, Mapping) else {"": segmentations}
        for node in readers.values():
            check_node("segmentations", node, "vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode")
            check_present("segmentations", node)  # it may have been deleted while the series was fitted
        drawn = {reader: drawn_regions(node) for reader, node in readers.items()}
        identity = identity or MeasureSettings()
        fits: list[RegionFits] = []
        if series is not None:
            read = self.readSeries(series)
            _goOn(progress)
            for reader, regions in drawn.items():
                own = replace(identity, reader=reader)
                fits.append(self._fitRegions(read, regions, settings, own, progress))
                _goOn(progress)
        rows = [row for found, _, _ in fits for row in found]
        measured = measure_maps(known, drawn, identity=identity, mean_of=meanOf, more_rows=rows)
        _goOn(progress)  # the last time: no event is served while nodes are added
        warnings = [*measured.warnings, *(line for _, lines, _ in fits for line in lines)]
        name = f"of {next(iter(readers.values())).GetName()}"
        with undo_on_error():
            table = add_measurement_table(measured.rows, f"Measurements {name}")
            summary = add_summary_table(measured.rows, f"Summary {name}")
            charts = {key: draw() for _, _, found in fits for key, draw in found.items()}
        return MeasuredNodes(table, summary, charts, tuple(dict.fromkeys(warnings)))

    def agreement(
        self,
        table: Any,
        readerA: str,
        readerB: str,
        *,
        quantities: Sequence[str] = (),
        regions: Sequence[str] = (),
        kind: str = "3,1",
    ) -> AgreementNodes:
        """Compare two readers in every quantity that both have measured.

        Parameters
        ----------
        table : vtkMRMLTableNode
            Measurement table with the rows of both readers, one subject or many.
        readerA, readerB : str
            The readers.
        quantities, regions : sequence of str
            What is compared; default all.
        kind : str
            Intraclass correlation, as for ``mrbiomarkers.agreement.icc``.

        Returns
        -------
        AgreementNodes
            A table with a row for each quantity, a Bland-Altman chart for each, and what to be careful with.

        Raises
        ------
        TypeError, ValueError
            When the node is no measurement table, a reader is not in it, or nothing can be compared.
        """
        rows = measurements_of(check_node("table", table, "vtkMRMLTableNode"))
        found, notes = agree_readers(rows, readerA, readerB, quantities=quantities, regions=regions, kind=kind)
        with undo_on_error():
            result = add_agreement_table(found, f"Agreement of {readerA} and {readerB}")
            charts = {}
            for one in found:
                name = ", ".join(text for text in (one.quantity, one.model, one.method) if text)
                charts[name] = add_agreement_chart(
                    one.limits, one.quantity, readers=one.pairs.readers, name=f"Agreement in {name}"
                )
        return AgreementNodes(result, charts, tuple(notes))

    def readSeries(self, series: Any) -> Any:
        """Return what ``fit`` is given as a series of the package; each module has its own."""
        raise NotImplementedError

    def fitRegions(
        self,
        series: Any,
        masks: dict[str, Mask],
        outside: dict[str, float],
        settings: Any,
        identity: MeasureSettings,
        progress: Callable[[int, int], bool] | None,
    ) -> RegionFits:
        """Fit the mean signal of regions on the grid of a series; each module has its own."""
        raise NotImplementedError

    def _fitRegions(
        self,
        series: Any,
        regions: Mapping[str, DrawnRegion],
        settings: Any,
        identity: MeasureSettings,
        progress: Callable[[int, int], bool] | None,
    ) -> RegionFits:
        masks, outside = masks_on(regions, series.grid_shape, series.affine)
        rows, warnings, charts = self.fitRegions(series, masks, outside, settings, identity, progress)
        who = identity.reader
        fitted = [row for row in rows if row.method == "fit of mean signal"]
        return (
            fitted,
            [f"reader {who!r}, {line}" if who else line for line in warnings],
            {f"{who} {name}".strip(): draw for name, draw in charts.items()},
        )


def _goOn(progress: Callable[[int, int], bool] | None) -> None:
    """Let events be served; InterruptedError where the rest is not wanted any more."""
    if progress is not None and progress(99, 100) is False:
        raise InterruptedError("measuring was cancelled")


def masks_of_node(node: Any, shape: tuple[int, ...], affine: NDArray[np.float64]) -> dict[str, Mask]:
    """Return the regions of a segmentation or label map node on a grid; none for None."""
    return {} if node is None else masks_on(drawn_regions(node), shape, affine)[0]
