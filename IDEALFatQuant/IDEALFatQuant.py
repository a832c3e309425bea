"""Slicer module: fat fraction, R2*, water, fat, in-phase and opposed-phase images, measured in vertebral bodies."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Optional

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

try:
    import mrbiomarkers  # noqa: F401
except ModuleNotFoundError:  # a source checkout: the package lies beside the module folders
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from mrbiomarkers.jobs import run_fatwater
from mrbiomarkers.mrml import (
    FitNodes,
    ImportedNodes,
    add_echo_decay,
    add_echo_sequences,
    add_fit,
    add_level_points,
    add_segmentation,
    echo_series,
    measurements_of,
    place_in_study,
    undo_on_error,
)
from mrbiomarkers.panels.batch import BatchLogic, FatWaterWork
from mrbiomarkers.panels.echoes.echo_choices import DATA, by_magnitude, fat_water_settings, main_series
from mrbiomarkers.panels.echoes.echo_input import series_arguments
from mrbiomarkers.panels.echoes.echo_parameters import EchoParameterNode
from mrbiomarkers.panels.echoes.echo_section import EchoSection
from mrbiomarkers.panels.echoes.echo_words import voxel_lines
from mrbiomarkers.panels.fit_panel import FitPanel
from mrbiomarkers.panels.logic import RegionFits, RegionLogic, masks_of_node
from mrbiomarkers.panels.start import register_layout, register_sample, register_statistics, working_order
from mrbiomarkers.phantom import LEVELS, FatWaterPhantom, lumbar_fat_water, region_centres
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings, MeasureSettings

Progress = Optional[Callable[[int, int], bool]]


class IDEALFatQuant(ScriptedLoadableModule):
    """The module: what Slicer shows of it before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("IDEAL Fat Quant")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["SegmentStatistics"]
        parent.contributors = ["MRBiomarkers developers"]
        parent.helpText = _(
            "Maps of proton density fat fraction, R2*, water, fat, in-phase and opposed-phase signal from multi-echo "
            "gradient echo images, measured in L1-L5 and lesions. The series are sequences whose index "
            "values are echo times, or a folder of DICOM files.<p>The logic class IDEALFatQuantLogic does the same in "
            "the Python console. Research software, not a medical device. It sends nothing anywhere."
        )
        parent.helpText += working_order()
        parent.acknowledgementText = _("Made by the MRBiomarkers developers. License: Apache 2.0.")
        slicer.app.connect("startupCompleted()", _registerAtStart)


def _registerAtStart() -> None:
    """Offer the sample data and the statistics of segments, when all modules are there."""
    register_sample("MRBiomarkersEchoes", _("Simulated lumbar spine, 6 echoes"), _makeSample)
    register_statistics()
    register_layout()


def _makeSample(source: Any = None) -> list[Any]:
    return list(IDEALFatQuantLogic().createSampleData().values())


class IDEALFatQuantParameterNode(EchoParameterNode):
    """What the panel keeps in the scene."""


class IDEALFatQuantWidget(FitPanel):
    """The panel: its own input and fit, and the sections that both modules have."""

    kind = "multi-echo"

    def makeLogic(self) -> "IDEALFatQuantLogic":
        """Return the module's logic."""
        return IDEALFatQuantLogic()

    def makeSections(self) -> list[Any]:
        """Return what keeps the form of input and fit right, and the sections that both modules have."""
        self.echoes = EchoSection(self)
        return [self.echoes, *super().makeSections()]

    def missing(self, parameters: Any) -> list[str]:
        """Return what has to be chosen or mended before a fit."""
        return self.echoes.missing(parameters)

    def image(self) -> Any:
        """Return the magnitudes, or the real parts."""
        return None if self._parameterNode is None else main_series(self._parameterNode)

    def series(self) -> dict[str, Any]:
        """Return the images with what was edited of them; empty where none are chosen."""
        return {} if self._parameterNode is None else series_arguments(self._parameterNode)

    def settings(self) -> FatWaterSettings:
        """Return the settings of the fit."""
        return fat_water_settings(self._parameterNode)

    def fitOptions(self) -> dict[str, Any]:
        """Return the mask, and the regions, whose voxels decide together where magnitudes are fitted."""
        parameters = self._parameterNode
        regions = self.regions.regions if by_magnitude(parameters) else None
        options = {"mask": parameters.mask, "regions": regions}
        return {name: node for name, node in options.items() if node is not None}

    def take(self, nodes: Mapping[str, Any]) -> None:
        """Choose a series, of the kind of data that these nodes are."""
        with slicer.util.NodeModify(self._parameterNode):
            for part in ("magnitude", "phase", "real", "imaginary"):
                setattr(self._parameterNode, part, nodes.get(part))
            self._parameterNode.data = next(data for data, parts in DATA.items() if set(parts) == set(nodes))


class IDEALFatQuantLogic(RegionLogic, BatchLogic, ScriptedLoadableModuleLogic):
    """From a multi-echo series to maps, regions, tables and agreement: nodes in, new nodes out.

    In Slicer's Python console::

        from IDEALFatQuant import IDEALFatQuantLogic
        from mrbiomarkers.mrml import measurements_of

        logic = IDEALFatQuantLogic()
        sample = logic.createSampleData()  # or: logic.importFolder("/data/S01/dixon").series
        series = {"magnitude": sample["magnitude"], "phase": sample["phase"]}
        fitted = logic.fit(**series)
        placed = logic.placeVertebrae(sample["points"], sample["magnitude"])
        measured = logic.measure(fitted.maps, placed.segmentation, series=series)
        print(measured.warnings)
        for row in measurements_of(measured.table):
            if row.quantity == "PDFF":
                print(row.region, row.method, row.value, row.unit)
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> IDEALFatQuantParameterNode:
        """Return what the panel keeps in the scene."""
        return IDEALFatQuantParameterNode(super().getParameterNode())

    def fit(
        self,
        *,
        magnitude: Any = None,
        phase: Any = None,
        real: Any = None,
        imaginary: Any = None,
        echoTimes: Optional[Sequence[float]] = None,
        fieldStrength: Optional[float] = None,
        phaseRange: Optional[tuple[float, float]] = None,
        settings: Optional[FatWaterSettings] = None,
        mask: Any = None,
        regions: Any = None,
        progress: Progress = None,
    ) -> FitNodes:
        """Fit a multi-echo series voxel by voxel.

        Parameters
        ----------
        magnitude, phase, real, imaginary : vtkMRMLSequenceNode, MultiVolume or list of scalar volumes
            Magnitudes, magnitudes and phases [rad], or real and imaginary parts.
        echoTimes : sequence of float, optional
            Echo times [s] in the order of the images, in place of what the nodes say.
        fieldStrength : float, optional
            Static field [T], in place of what the nodes say.
        phaseRange : (float, float), optional
            The values of the phases that stand for -pi and pi, as (-180, 180) for degrees; default: as their range
            tells.
        settings : FatWaterSettings, optional
            Spectrum, method, corrections.
        mask : segmentation or label map node, optional
            Voxels to fit; default those with at least 5 % of the brightest signal.
        regions : segmentation or label map node, optional
            Regions of one kind of tissue each, whose voxels decide together where magnitudes are fitted.
        progress : callable, optional
            ``progress(done, total) -> bool`` over voxels; False cancels.

        Returns
        -------
        FitNodes
            The maps in a folder beside the series.

        Raises
        ------
        TypeError, ValueError
            When a node is of the wrong kind, echo times or the field are missing, or nodes do not fit together.
        InterruptedError
            When ``progress`` returned False. After any error the scene is as before.
        """
        parts = {"magnitude": magnitude, "phase": phase, "real": real, "imaginary": imaginary}
        notes: list[str] = []
        given = {"echoTimes": echoTimes, "fieldStrength": fieldStrength, "phaseRange": phaseRange}
        read = self.readSeries({**parts, **given}, notes)
        masks = masks_of_node(regions, read.grid_shape, read.affine)
        inside = masks_of_node(mask, read.grid_shape, read.affine)
        by_magnitude = read.kind == "magnitude" or (settings is not None and settings.method == "magnitude")
        result = run_fatwater(
            read,
            masks if by_magnitude else {},
            settings=settings,
            mask=np.logical_or.reduce(list(inside.values())) if inside else None,
            progress=progress,
        )
        source = magnitude if magnitude is not None else real
        return add_fit(result.maps, source, "Water and fat", [*notes, *result.warnings, *voxel_lines(result.status)])

    def readSeries(self, series: Mapping[str, Any], notes: Optional[list[str]] = None) -> EchoSeries:
        """Return the series of ``fit``, given as a dict of its arguments; ``notes`` receives what was assumed."""
        parts = {name: series.get(name) for name in ("magnitude", "phase", "real", "imaginary")}
        given = {"echoTimes": "echo_times", "fieldStrength": "field_strength", "phaseRange": "phase_range"}
        unknown = set(series) - {*parts, *given}
        if unknown:
            raise ValueError(f"series: expected the arguments of fit, got {', '.join(sorted(unknown))}, too")
        return echo_series(**parts, **{name: series.get(key) for key, name in given.items()}, notes=notes)

    def fitRegions(
        self,
        series: EchoSeries,
        masks: Mapping[str, Any],
        outside: Mapping[str, float],
        settings: Optional[FatWaterSettings],
        identity: MeasureSettings,
        progress: Progress,
    ) -> RegionFits:
        """Fit the mean signal of each region; the field of the whole image is found for that."""
        result = run_fatwater(series, masks, settings=settings, identity=identity, outside=outside, progress=progress)
        charts = {
            name: partial(add_echo_decay, f"{identity.reader} {name}".strip(), series, decay)
            for name, decay in result.decays.items()
        }
        return result.rows, result.warnings, charts

    def importFolder(
        self,
        folder: Any,
        *,
        series: Any = None,
        fieldStrength: Optional[float] = None,
        subject: str = "",
        progress: Progress = None,
    ) -> ImportedNodes:
        """Read a multi-echo series out of a folder of DICOM files.

        Parameters
        ----------
        folder : path
            With all below it.
        series : int, str or sequence of these, optional
            Numbers or UIDs of the series (magnitudes and phases are often two); default: the only ones.
        fieldStrength : float, optional
            Static field [T], in place of what the headers say.
        subject : str
            Code of the subject, the name of the patient item; nothing of the patient's identity is taken over.
        progress : callable, optional
            ``progress(done, total) -> bool`` over the files; False cancels.

        Returns
        -------
        ImportedNodes
            Sequences of magnitudes and, for complex images, phases [rad] with echo times as index values.

        Raises
        ------
        FileNotFoundError, ValueError
            When there is no such folder, or no (or more than one) multi-echo series in it.
        """
        from mrbiomarkers.files.dicom_read import read_dicom_echoes, study_of

        read = read_dicom_echoes(folder, series=series, field_strength=fieldStrength, progress=progress)
        with undo_on_error():
            nodes = add_echo_sequences(read.series, "Echoes", browser=True)
            place_in_study(list(nodes.values()), subject, study_uid=study_of(read.instances[0]))
        return ImportedNodes(nodes, tuple(read.notes))

    def runBatch(
        self,
        cases: Sequence[Mapping[str, Any]],
        settings: Optional[FatWaterSettings],
        outputFolder: Any,
        **options: Any,
    ) -> Any:
        """Fit and measure many cases; see :meth:`BatchLogic.runCases` for ``options``.

        Parameters
        ----------
        cases : sequence of dict
            Each with ``"subject"`` and ``"series"`` (a DICOM folder) or ``"magnitude"``, ``"phase"``, ``"real"``,
            ``"imaginary"`` (nodes or image files), and where known ``"regions"`` (a node or file), ``"timepoint"``,
            ``"reader"``, ``"echoTimes"`` [s], ``"fieldStrength"`` [T], ``"dicomSeries"`` (numbers or UIDs of the series
            in a DICOM folder).
        settings : FatWaterSettings or None
            The same for all.
        outputFolder : path
            Receives a folder for each case, ``measurements.csv`` of all and ``batch.csv``.
        """
        return self.runCases(cases, FatWaterWork(settings or FatWaterSettings()), outputFolder, **options)

    def createSampleData(self, *, shape: tuple[int, int, int] = (12, 96, 96), snr: float = 40.0) -> dict[str, Any]:
        """Simulate a lumbar spine: six echoes (``"magnitude"``, ``"phase"``) and five named points (``"points"``)."""
        return _sampleNodes(lumbar_fat_water(shape=shape, snr=snr))


def _sampleNodes(phantom: FatWaterPhantom) -> dict[str, Any]:
    middles = region_centres(phantom.regions, phantom.series.affine)
    with undo_on_error():
        nodes = add_echo_sequences(phantom.series, "Simulated echoes", browser=True)
        return {**nodes, "points": add_level_points("Simulated L1-L5", points=middles)}


class IDEALFatQuantTest(ScriptedLoadableModuleTest):
    """Self test: a simulated subject through the whole logic, in Slicer by Reload and Test."""

    def setUp(self) -> None:
        """Start with an empty scene."""
        slicer.mrmlScene.Clear()
        self.logic = IDEALFatQuantLogic()

    def test_measured_values_are_the_simulated_ones(self) -> None:
        """PDFF of each vertebra is the truth within 0.3 points, R2* within 3 1/s."""
        phantom = lumbar_fat_water(shape=(12, 96, 96))
        sample = _sampleNodes(phantom)
        regions = add_segmentation("Vertebrae", phantom.regions, phantom.series.affine)
        fitted = self.logic.fit(magnitude=sample["magnitude"], phase=sample["phase"])
        measured = self.logic.measure(fitted.maps, regions)
        for key, tolerance in (("PDFF", 0.3), ("R2star", 3.0)):
            rows = [row for row in measurements_of(measured.table) if row.quantity == key]
            self.assertEqual([row.region for row in rows], list(LEVELS))
            for row in rows:
                self.assertAlmostEqual(row.value, phantom.region_truth[row.region][key], delta=tolerance)

    def test_regions_are_placed_and_fitted(self) -> None:
        """Five points give five regions; the fit of their mean signals is in the table."""
        sample = self.logic.createSampleData()
        series = {"magnitude": sample["magnitude"], "phase": sample["phase"]}
        fitted = self.logic.fit(**series)
        placed = self.logic.placeVertebrae(sample["points"], sample["magnitude"])
        measured = self.logic.measure(fitted.maps, placed.segmentation, series=series)
        rows = [row for row in measurements_of(measured.table) if row.quantity == "PDFF"]
        fits = [row for row in rows if row.method == "fit of mean signal"]
        self.assertEqual([row.region for row in fits], list(LEVELS))
        self.assertEqual(sorted(measured.charts), list(LEVELS))

    def test_a_cancelled_fit_leaves_the_scene_as_it_was(self) -> None:
        """No node is left when the progress callback says no."""
        sample = self.logic.createSampleData()
        before = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(InterruptedError):
            self.logic.fit(magnitude=sample["magnitude"], phase=sample["phase"], progress=lambda done, total: False)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def test_a_missing_field_is_named(self) -> None:
        """Volumes without a field strength give an error that asks for it."""
        volumes = []
        for echo in range(3):
            volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"echo {echo}")
            slicer.util.updateVolumeFromArray(volume, np.ones((2, 3, 4), dtype=np.float32))
            volumes.append(volume)
        with self.assertRaisesRegex(ValueError, "field"):
            self.logic.fit(magnitude=volumes, echoTimes=[0.001, 0.002, 0.003])
