"""Many cases from the Python console or a script: each read, fitted, measured and written to a folder. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import EchoFiles, read_echo_series, read_regions, read_series
from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes
from mrbiomarkers.jobs import DrawnRegion, run_diffusion, run_fatwater
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.mrml import diffusion_series, drawn_regions, echo_series, masks_on
from mrbiomarkers.panels.packages import ensure_package
from mrbiomarkers.series import DiffusionSeries, EchoSeries, combine
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study import BatchReport, Case, run_cases, write_diffusion_results, write_fatwater_results

Progress = Callable[[int, int], bool]
Given = Mapping[str, Any]
_PARTS = ("magnitude", "phase", "real", "imaginary")
_COMMON = ("subject", "timepoint", "reader", "regions", "series", "dicomSeries")
_MATPLOTLIB = "matplotlib>=3.8"


class BatchLogic:
    """Batches: the part of the logic that both modules have."""

    def runCases(
        self,
        cases: Sequence[Given],
        work: CaseWork,
        outputFolder: Any,
        *,
        progress: Progress | None = None,
        overwrite: bool = False,
        figures: bool = False,
    ) -> BatchReport:
        """Run cases one after the other; a bad one is named and the rest goes on.

        Nodes are read before the first case begins, so the scene may change meanwhile. A case that is done already,
        from the same inputs with the same settings, is not made again.

        Parameters
        ----------
        cases : sequence of dict
            As ``runBatch`` of the module says.
        work : CaseWork
            What is done with each.
        outputFolder : path
            Made where it does not exist.
        progress : callable, optional
            ``progress(done, total) -> bool`` in hundredths of a case; False cancels: cases that are done stay.
        overwrite : bool
            Make cases anew that are there with other settings or inputs.
        figures : bool
            Also write figures; they need matplotlib, which Slicer does not bundle: it is asked for.

        Returns
        -------
        BatchReport
            Which cases were done, resumed, cancelled, and why others failed; and the rows of all.

        Raises
        ------
        TypeError, ValueError
            When a case has an unknown key, no subject or no series, two share a name, or one is there with other
            settings; before any work.
        ImportError
            When figures are asked for and matplotlib was not installed.
        OSError
            When the output folder cannot be written.
        """
        if figures:
            ensure_package("matplotlib", _MATPLOTLIB, "A batch with figures")
        work.figures = figures
        prepared = [_case(number, given, work) for number, given in enumerate(cases, start=1)]
        return run_cases(prepared, work, outputFolder, settings=work.settings, progress=progress, overwrite=overwrite)


class CaseWork:
    """What is done with one case; a module's own part is reading the series, fitting and writing."""

    keys: ClassVar[tuple[str, ...]] = _COMMON
    figures = False

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def take(self, given: Given) -> dict[str, Any]:
        """Return what is given with every node read and every text that names a file as a path."""
        raise NotImplementedError

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Read, fit, measure, and write into ``out``."""
        raise NotImplementedError


class DiffusionWork(CaseWork):
    """Diffusion series, as for the command ``diffusion``."""

    keys = (*_COMMON, "bvalues")

    def take(self, given: Given) -> dict[str, Any]:
        """Return the case with nodes read."""
        taken = {**given, "regions": _regions_of(given.get("regions"))}
        if _is_file(given.get("series")):
            return {**taken, "series": Path(given["series"])}
        return {**taken, "series": combine(diffusion_series(given.get("series"), bvalues=given.get("bvalues")))}

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Fit every model and measure every region."""
        series, acquisition, notes = self._read(case.data)
        masks, outside = _on_grid(case.data["regions"], series)
        result = run_diffusion(
            series, masks, settings=self.settings, identity=_identity(case), outside=outside, progress=progress
        )
        write_diffusion_results(
            out,
            series,
            masks,
            result,
            self.settings,
            suffix=".nrrd",
            acquisition=acquisition,
            notes=notes,
            figures=self.figures,
        )
        return result.rows

    def _read(self, given: Given) -> tuple[DiffusionSeries, dict[str, Any], Sequence[str]]:
        source = given["series"]
        if isinstance(source, DiffusionSeries):
            return source, {}, ()
        if source.is_dir():
            found = read_dicom_diffusion(source, series=given.get("dicomSeries"), bvalues=given.get("bvalues"))
            return combine(found.series), found.parameters, found.notes
        return combine(read_series(source, bvalues=given.get("bvalues"))), {}, ()


class FatWaterWork(CaseWork):
    """Multi-echo series, as for the command ``fatwater``."""

    keys = (*_COMMON, *_PARTS, "echoTimes", "fieldStrength")

    def take(self, given: Given) -> dict[str, Any]:
        """Return the case with nodes read."""
        taken = {**given, "regions": _regions_of(given.get("regions"))}
        parts = {name: given[name] for name in _PARTS if given.get(name) is not None}
        if (given.get("series") is None) == (not parts):
            raise ValueError(f"expected either series, or some of {', '.join(_PARTS)}")
        if not parts:
            if not _is_file(given["series"]):
                raise TypeError("series: expected a DICOM folder; give nodes as magnitude and phase")
            return {**taken, "series": Path(given["series"])}
        files = {name: _paths(value) for name, value in parts.items() if _are_files(value)}
        if files and len(files) < len(parts):
            raise TypeError("expected magnitude and phase (real and imaginary) both as nodes or both as files")
        if files:
            return {**taken, **files}
        times, field = given.get("echoTimes"), given.get("fieldStrength")
        echoes = echo_series(**parts, echo_times=times, field_strength=field)
        return {**{key: value for key, value in taken.items() if key not in _PARTS}, "series": echoes}

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Fit water and fat and measure every region."""
        series, notes, mask = self._read(case.data)
        masks, outside = _on_grid(case.data["regions"], series)
        result = run_fatwater(
            series,
            masks,
            settings=self.settings,
            identity=_identity(case),
            mask=mask,
            outside=outside,
            progress=progress,
        )
        write_fatwater_results(
            out, series, masks, result, self.settings, suffix=".nrrd", notes=notes, figures=self.figures
        )
        return result.rows

    def _read(self, given: Given) -> tuple[EchoSeries, Sequence[str], NDArray[np.bool_] | None]:
        source = given.get("series")
        if isinstance(source, EchoSeries):
            return source, (), None
        told = {"echo_times": given.get("echoTimes"), "field_strength": given.get("fieldStrength")}
        if source is not None:
            found = read_dicom_echoes(source, series=given.get("dicomSeries"), **told)
        else:
            files = {name: given[name] for name in _PARTS if given.get(name) is not None}
            found = read_echo_series(EchoFiles(**files), **told)
        return found.series, found.notes, found.mask


def _case(number: int, given: Given, work: CaseWork) -> Case:
    """Return a case of the batch, checked, with its nodes read."""
    name = given.get("subject") or f"number {number}" if isinstance(given, Mapping) else f"number {number}"
    try:
        if not isinstance(given, Mapping):
            raise TypeError(f"expected a dict, got {type(given).__name__}")
        unknown = [key for key in given if key not in work.keys]
        if unknown:
            raise ValueError(f"expected keys among {', '.join(work.keys)}; got {', '.join(map(str, unknown))}")
        taken = work.take(given)
        subject, timepoint, reader = (str(given.get(key, "")) for key in _COMMON[:3])
        inputs = {key: taken[key] for key in taken if key not in _COMMON[:3]}
        return Case(subject, timepoint, reader, data=taken, inputs=inputs)
    except (TypeError, ValueError) as error:
        raise type(error)(f"case {name}: {error}") from error


def _identity(case: Case) -> MeasureSettings:
    return MeasureSettings(subject=case.name, timepoint=case.timepoint, reader=case.reader)


def _is_file(value: Any) -> bool:
    return isinstance(value, (str, Path))


def _are_files(value: Any) -> bool:
    return _is_file(value) or (isinstance(value, (list, tuple)) and all(map(_is_file, value)))


def _paths(value: Any) -> Path | list[Path]:
    return Path(value) if _is_file(value) else [Path(one) for one in value]


def _regions_of(value: Any) -> Any:
    """Return a path, or what a node holds."""
    if value is None or not _is_file(value):
        return {} if value is None else drawn_regions(value)
    return Path(value)


def _on_grid(
    regions: Path | Mapping[str, DrawnRegion], series: DiffusionSeries | EchoSeries
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, float]]:
    """Return the regions on the grid of the series; those of a file are read first."""
    if isinstance(regions, Path):
        regions = {
            name: DrawnRegion(np.asarray(volume.values, dtype=bool), volume.affine)
            for name, volume in read_regions(regions).items()
        }
    return masks_on(regions, series.grid_shape, series.affine) if regions else ({}, {})
