"""Slicer module: ADC, IVIM, stretched-exponential and kurtosis maps, measured in vertebral bodies and lesions."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

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

from mrbiomarkers.diffusion import MODELS
from mrbiomarkers.jobs import ResidualFat, run_diffusion
from mrbiomarkers.mrml import (
    FitNodes,
    ImportedNodes,
    add_diffusion_decay,
    add_diffusion_sequence,
    add_fit,
    add_level_points,
    add_segmentation,
    measurements_of,
    place_in_study,
    undo_on_error,
)
from mrbiomarkers.panels.batch import BatchLogic, DiffusionWork
from mrbiomarkers.panels.diffusion.bvalue_table import BValueTable
from mrbiomarkers.panels.diffusion.diffusion_parameters import (
    DiffusionParameterNode,
    fat_of,
    lacking,
    models_of,
    settings_of,
)
from mrbiomarkers.panels.diffusion.fat_share import FatDiffusionSeries, FatMap, read_diffusion
from mrbiomarkers.panels.fit_panel import FitPanel
from mrbiomarkers.panels.logic import RegionFits, RegionLogic, masks_of_node
from mrbiomarkers.panels.section import Section
from mrbiomarkers.panels.start import register_layout, register_sample, register_statistics, working_order
from mrbiomarkers.phantom import LEVELS, LumbarPhantom, lumbar_diffusion, region_centres
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings

Progress = Optional[Callable[[int, int], bool]]


class IVIMBoneMarrow(ScriptedLoadableModule):
    """The module: what Slicer shows of it before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("IVIM Bone Marrow")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["SegmentStatistics"]
        parent.contributors = ["MRBiomarkers developers"]
        parent.helpText = _(
            "Maps of ADC, IVIM (f, D, D*), stretched-exponential and kurtosis models from a diffusion series with "
            "several b-values, measured in L1-L5 and lesions. The series is a sequence whose index values are "
            "b-values, or a folder of DICOM files.<p>The logic class IVIMBoneMarrowLogic does the same in the Python "
            "console. Research software, not a medical device. It sends nothing anywhere."
        )
        parent.helpText += working_order()
        parent.acknowledgementText = _("Made by the MRBiomarkers developers. License: Apache 2.0.")
        slicer.app.connect("startupCompleted()", _registerAtStart)


def _registerAtStart() -> None:
    """Offer the sample data and the statistics of segments, when all modules are there."""
    register_sample("MRBiomarkersDiffusion", _("Simulated lumbar spine, 11 b-values"), _makeSample)
    register_statistics()
    register_layout()


def _makeSample(source: Any = None) -> list[Any]:
    return list(IVIMBoneMarrowLogic().createSampleData().values())


class IVIMBoneMarrowParameterNode(DiffusionParameterNode):
    """What the panel keeps in the scene."""


class IVIMBoneMarrowWidget(FitPanel):
    """The panel: input, models, Apply, results."""

    def makeLogic(self) -> "IVIMBoneMarrowLogic":
        """Return the module's logic."""
        return IVIMBoneMarrowLogic()

    kind = "diffusion"

    def makeSections(self) -> list[Section]:
        """Return the sections that both modules have; the form is there now, so its table is filled from here on."""
        ui = self.ui
        self.bvalues = BValueTable(
            ui.bvalueTable, ui.bvalueReset, ui.bvalueMessage, lambda: self._parameterNode, lambda: self.check()
        )
        return super().makeSections()

    def check(self, caller: Any = None, event: Any = None) -> None:
        """Show the b-values of the series that is chosen now, and enable what can be done."""
        self.bvalues.update()
        super().check(caller, event)

    def missing(self, parameters: Any) -> list[str]:
        """Return what has to be chosen before a fit."""
        models = {MODELS[key].name: needed for key, needed in models_of(parameters).items()}
        missing = [] if parameters.series is not None else [_("a diffusion series")]
        missing += [*self.bvalues.missing(models), *lacking(parameters, self.bvalues.left)]
        if parameters.method == "shrinkage" and parameters.ivim and self.regions.regions is None:
            missing.append(_("regions, which the method shrinkage needs"))
        return missing

    def image(self) -> Any:
        """Return the series."""
        return None if self._parameterNode is None else self._parameterNode.series

    def series(self) -> dict[str, Any]:
        """Return the series with its edited b-values and residual fat: the arguments of ``fit`` and ``measure``."""
        node = self.image()
        return {} if node is None else {"series": node, **self.bvalues.arguments(), **fat_of(self._parameterNode)}

    def settings(self) -> DiffusionSettings:
        """Return models, method, bounds."""
        return settings_of(self._parameterNode)

    def fitOptions(self) -> dict[str, Any]:
        """Return the mask, and the regions where the method needs them."""
        parameters = self._parameterNode
        found = {} if parameters.mask is None else {"mask": parameters.mask}
        needed = parameters.method == "shrinkage" and parameters.ivim
        return {**found, "regions": self.regions.regions} if needed else found

    def take(self, nodes: Mapping[str, Any]) -> None:
        """Choose a series."""
        self._parameterNode.series = nodes["diffusion"]


class IVIMBoneMarrowLogic(RegionLogic, BatchLogic, ScriptedLoadableModuleLogic):
    """From a diffusion series to maps, regions, tables and agreement: nodes in, new nodes out.

    In Slicer's Python console::

        from IVIMBoneMarrow import IVIMBoneMarrowLogic
        from mrbiomarkers.mrml import measurements_of
        from mrbiomarkers.settings import DiffusionSettings

        logic = IVIMBoneMarrowLogic()
        sample = logic.createSampleData()  # or: logic.importFolder("/data/S01/dwi").series
        settings = DiffusionSettings(models=("adc", "ivim"))
        fitted = logic.fit(sample["series"], settings=settings)
        placed = logic.placeVertebrae(sample["points"], sample["series"])
        measured = logic.measure(fitted.maps, placed.segmentation, series=sample["series"], settings=settings)
        print(measured.warnings)
        for row in measurements_of(measured.table):
            if row.quantity == "D":
                print(row.region, row.method, row.value, row.unit)
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> IVIMBoneMarrowParameterNode:
        """Return what the panel keeps in the scene."""
        return IVIMBoneMarrowParameterNode(super().getParameterNode())

    def fit(
        self,
        series: Any,
        *,
        bvalues: Optional[Sequence[float]] = None,
        averages: Optional[Sequence[float]] = None,
        exclude: Sequence[float] = (),
        settings: Optional[DiffusionSettings] = None,
        mask: Any = None,
        regions: Any = None,
        fat: Union[ResidualFat, FatMap, None] = None,
        progress: Progress = None,
    ) -> FitNodes:
        """Fit a diffusion series voxel by voxel.

        Parameters
        ----------
        series : vtkMRMLSequenceNode, MultiVolume, diffusion weighted volume, or list of scalar volumes
            The series. Repeats and directions at one b-value are combined first.
        bvalues, averages : sequence of float, optional
            b-values [s/mm2] and averages (NEX) in the order of the images, in place of what the nodes say.
        exclude : sequence of float
            b-values [s/mm2] to leave out; maps and charts say so.
        settings : DiffusionSettings, optional
            Models, method, bounds.
        mask : segmentation or label map node, optional
            Voxels to fit; default all.
        regions : segmentation or label map node, optional
            Populations of the method ``"shrinkage"``.
        fat : ResidualFat or FatMap, optional
            Residual fat that the IVIM fit takes into account, on the grid of the series, or a fat fraction map of any.
        progress : callable, optional
            ``progress(done, total) -> bool`` over voxels; False cancels.

        Returns
        -------
        FitNodes
            The maps in a folder beside the series.

        Raises
        ------
        TypeError, ValueError
            When a node is of the wrong kind, b-values are missing or too few, or nodes do not fit together.
        InterruptedError
            When ``progress`` returned False. After any error the scene is as before.
        """
        read = self.readSeries(series, bvalues=bvalues, averages=averages, exclude=exclude, fat=fat)
        populations = masks_of_node(regions, read.grid_shape, read.affine)
        inside = masks_of_node(mask, read.grid_shape, read.affine)
        result = run_diffusion(
            read,
            populations if settings and settings.method == "shrinkage" else {},
            settings=settings,
            mask=np.logical_or.reduce(list(inside.values())) if inside else None,
            fat=read.fat,
            progress=progress,
        )
        return add_fit(result.maps, series, "Diffusion", result.warnings, selection=result.selection)

    def readSeries(self, series: Any, **given: Any) -> FatDiffusionSeries:
        """Return the series of ``fit``, repeats and directions combined; also given as a dict of its arguments."""
        if isinstance(series, Mapping):
            given = {key: value for key, value in series.items() if key != "series"}
            unknown = set(given) - {"bvalues", "averages", "exclude", "fat"}
            if unknown:
                raise ValueError(f"series: expected the arguments of fit, got {', '.join(sorted(unknown))}, too")
            series = series.get("series")
        return read_diffusion(series, **given)

    def fitRegions(
        self,
        series: FatDiffusionSeries,
        masks: Mapping[str, Any],
        outside: Mapping[str, float],
        settings: Optional[DiffusionSettings],
        identity: MeasureSettings,
        progress: Progress,
    ) -> RegionFits:
        """Fit the mean signal of each region; voxels are fitted only within them."""
        union = np.logical_or.reduce(list(masks.values()))
        options = {"identity": identity, "mask": union, "outside": outside, "fat": series.fat, "progress": progress}
        result = run_diffusion(series, masks, settings=settings, **options)
        charts = {
            name: partial(add_diffusion_decay, f"{identity.reader} {name}".strip(), series, decay)
            for name, decay in result.decays.items()
        }
        return result.rows, result.warnings, charts

    def importFolder(
        self,
        folder: Any,
        *,
        series: Any = None,
        bvalues: Optional[Sequence[float]] = None,
        subject: str = "",
        progress: Progress = None,
    ) -> ImportedNodes:
        """Read a diffusion series out of a folder of DICOM files.

        Parameters
        ----------
        folder : path
            With all below it.
        series : int, str or sequence of these, optional
            Number or UID of the series; default: the only diffusion series.
        bvalues : sequence of float, optional
            b-values [s/mm2] in the order of acquisition, in place of what the headers say.
        subject : str
            Code of the subject, the name of the patient item; nothing of the patient's identity is taken over.
        progress : callable, optional
            ``progress(done, total) -> bool`` over the files; False cancels.

        Returns
        -------
        ImportedNodes
            A sequence with b-values as index values, repeats and directions combined, and where each b-value came from.

        Raises
        ------
        FileNotFoundError, ValueError
            When there is no such folder, or no (or more than one) diffusion series in it.
        """
        from mrbiomarkers.files.dicom_read import read_dicom_diffusion, study_of

        read = read_dicom_diffusion(folder, series=series, bvalues=bvalues, progress=progress)
        number = read.parameters["series_number"]
        name = "DWI" if number is None else f"DWI {number:g}"
        with undo_on_error():
            node = add_diffusion_sequence(read.series, name, browser=True)
            place_in_study([node], subject, study_uid=study_of(read.instances[0][0]))
        return ImportedNodes({"diffusion": node}, (*map(str, read.table), *read.notes))

    def runBatch(
        self,
        cases: Sequence[Mapping[str, Any]],
        settings: Optional[DiffusionSettings],
        outputFolder: Any,
        **options: Any,
    ) -> Any:
        """Fit and measure many cases; see :meth:`BatchLogic.runCases` for ``options``.

        Parameters
        ----------
        cases : sequence of dict
            Each with ``"subject"`` and ``"series"`` (a node, an image file or a DICOM folder), and where known
            ``"regions"`` (a node or file), ``"timepoint"``, ``"reader"``, ``"bvalues"`` [s/mm2], ``"dicomSeries"``
            (number or UID of the series in a DICOM folder).
        settings : DiffusionSettings or None
            The same for all.
        outputFolder : path
            Receives a folder for each case, ``measurements.csv`` of all and ``batch.csv``.
        """
        return self.runCases(cases, DiffusionWork(settings or DiffusionSettings()), outputFolder, **options)

    def createSampleData(self, *, shape: tuple[int, int, int] = (11, 96, 96), snr: float = 40.0) -> dict[str, Any]:
        """Simulate a lumbar spine: a sequence of 11 b-values (``"series"``) and five named points (``"points"``)."""
        return _sampleNodes(lumbar_diffusion(shape=shape, snr=snr))


def _sampleNodes(phantom: LumbarPhantom) -> dict[str, Any]:
    middles = region_centres(phantom.regions, phantom.series.affine)
    with undo_on_error():
        return {
            "series": add_diffusion_sequence(phantom.series, "Simulated DWI", browser=True),
            "points": add_level_points("Simulated L1-L5", points=middles),
        }


class IVIMBoneMarrowTest(ScriptedLoadableModuleTest):
    """Self test: a simulated subject through the whole logic, in Slicer by Reload and Test."""

    def setUp(self) -> None:
        """Start with an empty scene."""
        slicer.mrmlScene.Clear()
        self.logic = IVIMBoneMarrowLogic()

    def test_measured_values_are_the_simulated_ones(self) -> None:
        """D of each vertebra is the truth within 3 %, by the fit of the region's mean signal."""
        phantom = lumbar_diffusion(shape=(11, 96, 96))
        sample = _sampleNodes(phantom)
        regions = add_segmentation("Vertebrae", phantom.regions, phantom.series.affine)
        settings = DiffusionSettings(models=("ivim",))
        fitted = self.logic.fit(sample["series"], settings=settings)
        measured = self.logic.measure(fitted.maps, regions, series=sample["series"], settings=settings)
        rows = [row for row in measurements_of(measured.table) if row.quantity == "D"]
        fits = {row.region: row.value for row in rows if row.method == "fit of mean signal"}
        self.assertEqual(sorted(fits), list(LEVELS))
        for level, value in fits.items():
            self.assertAlmostEqual(value / (1e3 * phantom.region_truth[level]["D"]), 1.0, delta=0.03)

    def test_regions_are_placed_and_measured(self) -> None:
        """Five points give five regions and a row of D for each."""
        sample = self.logic.createSampleData()
        fitted = self.logic.fit(sample["series"], settings=DiffusionSettings(models=("adc",)))
        placed = self.logic.placeVertebrae(sample["points"], sample["series"])
        measured = self.logic.measure(fitted.maps, placed.segmentation)
        rows = [row for row in measurements_of(measured.table) if row.quantity == "ADC"]
        self.assertEqual([row.region for row in rows], list(LEVELS))
        self.assertTrue(all(0.2 < row.value < 1.0 and row.n_voxels > 30 for row in rows))

    def test_a_cancelled_fit_leaves_the_scene_as_it_was(self) -> None:
        """No node is left when the progress callback says no."""
        sample = self.logic.createSampleData()
        before = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(InterruptedError):
            self.logic.fit(sample["series"], progress=lambda done, total: False)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def test_one_image_is_refused(self) -> None:
        """A series with one b-value gives an error that names b-values."""
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "one")
        slicer.util.updateVolumeFromArray(volume, np.ones((2, 3, 4), dtype=np.float32))
        with self.assertRaisesRegex(ValueError, "b-value"):
            self.logic.fit([volume], bvalues=[0.0], settings=replace(DiffusionSettings(), models=("adc",)))
