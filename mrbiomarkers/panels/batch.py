"""Many cases from the Python console or a script: each read, fitted, measured and written to a folder. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import EchoFiles, EchoInput, read_echo_series, read_regions, suffix_of
from mrbiomarkers.files.dicom_read import read_dicom_echoes
from mrbiomarkers.jobs import DrawnRegion, run_diffusion, run_fatwater
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.mrml import diffusion_series, drawn_regions, echo_series, masks_on
from mrbiomarkers.panels.packages import ensure_package
from mrbiomarkers.panels.series_files import read_diffusion_files
from mrbiomarkers.series import DiffusionSeries, EchoSeries, combine
from mrbiomarkers.settings import DiffusionSettings, FatWaterSettings, MeasureSettings
from mrbiomarkers.study import (
    BatchReport,
    Case,
    file_name,
    map_suffix,
    run_cases,
    write_diffusion_results,
    write_fatwater_results,
)

Progress = Callable[[int, int], bool]
Given = Mapping[str, Any]
Mask = NDArray[np.bool_]
_PARTS = ("magnitude", "phase", "real", "imaginary")
_NAMES = ("subject", "timepoint", "reader")
_COMMON = (*_NAMES, "regions", "series", "dicomSeries")
_MATPLOTLIB = "matplotlib>=3.8"
_BESIDE = (".bval", ".bvals", ".json", ".raw", ".raw.gz")  # what is read with an image of the same name
_READING = 0.1  # of the time of a case whose files have to be found and sorted first


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

        Nodes are read before the first case begins, so the scene may change meanwhile; files are read when it is their
        turn. A case that is done already, from the same inputs with the same settings, is not made again.

        Each case receives the files that the command of the same kind writes: maps in the format of the series, of
        nodes ``.nrrd``.

        Parameters
        ----------
        cases : sequence of dict
            As ``runBatch`` of the module says. What is None counts as not given.
        work : CaseWork
            What is done with each.
        outputFolder : path
            Made where it does not exist.
        progress : callable, optional
            ``progress(done, total) -> bool`` in hundredths of a case; False cancels: cases that are done stay.
        overwrite : bool
            Make cases anew that are there with other settings or inputs, or with figures where now without.
        figures : bool
            Also write figures; they need matplotlib, which Slicer does not bundle: it is asked for.

        Returns
        -------
        BatchReport
            Which cases were done, resumed, cancelled, and why others failed; and the rows of all. What is wrong with
            the data of a case (a missing file, one b-value, an empty region) is the failure of that case.

        Raises
        ------
        TypeError, ValueError
            When a case has an unknown key, no subject or no series, a node of a wrong kind, two share a name, or one is
            there with other settings; before any work. The message names the case.
        ImportError
            When figures are asked for and matplotlib was not installed; before any work.
        OSError
            When the output folder cannot be written.
        """
        if figures:
            ensure_package("matplotlib", _MATPLOTLIB, "A batch with figures")
        work.figures = figures
        prepared = [_case(number, given, work) for number, given in enumerate(cases, start=1)]
        settings = {**asdict(work.settings), **({"figures": True} if figures else {})}
        return run_cases(prepared, work, outputFolder, settings=settings, progress=progress, overwrite=overwrite)


class CaseWork:
    """What is done with one case; a module's own part is reading the series, fitting and writing."""

    keys: ClassVar[tuple[str, ...]] = _COMMON
    kind: ClassVar[type]
    figures = False

    def __init__(self, settings: Any) -> None:
        if not isinstance(settings, self.kind):
            raise TypeError(f"settings: expected {self.kind.__name__}, got {type(settings).__name__}")
        self.settings: Any = settings

    def check(self, given: Given) -> None:
        """Raise ValueError or TypeError where keys do not go together; no node is read yet."""
        raise NotImplementedError

    def take(self, given: Given) -> dict[str, Any]:
        """Return what is given with every node read and every text that names a file as a path."""
        raise NotImplementedError

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Read, fit, measure, and write into ``out``."""
        raise NotImplementedError

    def regions_on(self, case: Case, series: DiffusionSeries | EchoSeries) -> tuple[dict[str, Mask], dict[str, float]]:
        """Return the masks of a case on the grid of its series, and how much of each lies outside."""
        regions = case.data.get("regions", {})
        if isinstance(regions, Path):
            regions = {
                name: DrawnRegion(np.asarray(volume.values, dtype=bool), volume.affine)
                for name, volume in read_regions(regions).items()
            }
        taken: dict[str, str] = {}
        for name in regions if self.figures else ():
            other = taken.setdefault(file_name(name).lower(), name)
            if other != name:
                raise ValueError(
                    f"regions: {other!r} and {name!r} would give figures of the same file name; rename one"
                )
        return masks_on(regions, series.grid_shape, series.affine) if regions else ({}, {})


class DiffusionWork(CaseWork):
    """Diffusion series, as for the command ``diffusion``."""

    keys = (*_COMMON, "bvalues")
    kind = DiffusionSettings

    def check(self, given: Given) -> None:
        """Check that there is a series."""
        if "series" not in given:
            raise ValueError("series: expected a node, an image file or a DICOM folder, got none")
        if "dicomSeries" in given and not _is_file(given["series"]):
            raise ValueError("dicomSeries: expected with a DICOM folder only, got a node")

    def take(self, given: Given) -> dict[str, Any]:
        """Return the case with nodes read."""
        taken = _with_regions(given)
        if _is_file(given["series"]):
            return {**taken, "series": Path(given["series"])}
        with _naming("series", "source: "):
            return {**taken, "series": combine(diffusion_series(given["series"], bvalues=given.get("bvalues")))}

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Fit every model and measure every region."""
        _check_taken(case)
        source = case.data["series"]
        series, acquisition, notes = self._read(case.data, _part(progress, 0.0, _READING))
        masks, outside = self.regions_on(case, series)
        result = run_diffusion(
            series,
            masks,
            settings=self.settings,
            identity=_identity(case),
            outside=outside,
            progress=_part(progress, _READING, 1.0),
        )
        write_diffusion_results(
            out,
            series,
            masks,
            result,
            self.settings,
            suffix=map_suffix(str(source)) if isinstance(source, Path) else ".nrrd",
            acquisition=acquisition,
            notes=notes,
            figures=self.figures,
        )
        return result.rows

    def _read(self, given: Given, progress: Progress) -> tuple[DiffusionSeries, dict[str, Any], Sequence[str]]:
        source, bvalues = given["series"], given.get("bvalues")
        if isinstance(source, DiffusionSeries):
            return source, {}, ()
        read = read_diffusion_files(source, bvalues=bvalues, chosen=given.get("dicomSeries"), progress=progress)
        return combine(read.series), read.parameters, (*read.table, *read.notes)


class FatWaterWork(CaseWork):
    """Multi-echo series, as for the command ``fatwater``."""

    keys = (*_COMMON, *_PARTS, "echoTimes", "fieldStrength")
    kind = FatWaterSettings

    def check(self, given: Given) -> None:
        """Check that the parts make a series."""
        parts = [name for name in _PARTS if name in given]
        if ("series" in given) == bool(parts):
            raise ValueError(f"expected either series, or some of {', '.join(_PARTS)}")
        if not parts and not _is_file(given["series"]):
            raise TypeError("series: expected a DICOM folder; give nodes as magnitude and phase")
        if parts and "dicomSeries" in given:
            raise ValueError(f"dicomSeries: expected with a DICOM folder as series only, got {', '.join(parts)}")
        if len({_are_files(given[name]) for name in parts}) > 1:
            raise TypeError("expected magnitude and phase (real and imaginary) both as nodes or both as files")

    def take(self, given: Given) -> dict[str, Any]:
        """Return the case with nodes read."""
        taken = _with_regions(given)
        parts = {name: given[name] for name in _PARTS if name in given}
        if not parts:
            return {**taken, "series": Path(given["series"])}
        if all(map(_are_files, parts.values())):
            return {**taken, **{name: _paths(value) for name, value in parts.items()}}
        times, field = given.get("echoTimes"), given.get("fieldStrength")
        echoes = echo_series(**parts, echo_times=times, field_strength=field)
        return {**{key: value for key, value in taken.items() if key not in _PARTS}, "series": echoes}

    def __call__(self, case: Case, out: Path, progress: Progress) -> Sequence[Measurement]:
        """Fit water and fat and measure every region."""
        _check_taken(case)
        series, notes, mask, _ = self._read(case.data, _part(progress, 0.0, _READING))
        masks, outside = self.regions_on(case, series)
        result = run_fatwater(
            series,
            masks,
            settings=self.settings,
            identity=_identity(case),
            mask=mask,
            outside=outside,
            progress=_part(progress, _READING, 1.0),
        )
        files = _image_files(case.data)
        write_fatwater_results(
            out,
            series,
            masks,
            result,
            self.settings,
            suffix=map_suffix(str(files[0])) if files else ".nrrd",
            notes=notes,
            figures=self.figures,
        )
        return result.rows

    def _read(self, given: Given, progress: Progress) -> EchoInput:
        source = given.get("series")
        if isinstance(source, EchoSeries):
            return EchoInput(source, ())
        told = {"echo_times": given.get("echoTimes"), "field_strength": given.get("fieldStrength")}
        if source is not None:
            return read_dicom_echoes(source, series=given.get("dicomSeries"), progress=progress, **told)
        return read_echo_series(EchoFiles(**{name: given[name] for name in _PARTS if name in given}), **told)


def _case(number: int, given: Given, work: CaseWork) -> Case:
    """Return a case of the batch, checked, with its nodes read; what is wrong with its data is kept for its turn."""
    if not isinstance(given, Mapping):
        raise TypeError(f"case number {number}: expected a dict, got {type(given).__name__}")
    names = [str(given[key]) for key in _NAMES if given.get(key) not in (None, "")]
    with _naming(f"case {' '.join(names) if given.get('subject') else f'number {number}'}"):
        unknown = [key for key in given if key not in work.keys]
        if unknown:
            raise ValueError(f"expected keys among {', '.join(work.keys)}; got {', '.join(map(str, unknown))}")
        known = {key: given[key] for key in work.keys if given.get(key) is not None}  # one order for the fingerprint
        subject, timepoint, reader = (_name(key, known.pop(key, "")) for key in _NAMES)
        if not subject:
            raise ValueError("subject: expected the code of a subject, got none")
        work.check(known)
        try:
            data = work.take(known)
        except ValueError as error:
            data = {"fault": str(error)}
        beside = [path for image in _image_files(data) for path in _beside(image)]
        return Case(subject, timepoint, reader, data=data, inputs={**data, **({"beside": beside} if beside else {})})


def _name(key: str, value: Any) -> str:
    if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{key}: expected a text or a whole number, got {value!r}")  # a table's empty cell is NaN


@contextmanager
def _naming(what: str, instead: str = "") -> Iterator[None]:
    """Put what is meant before the message of an error, in place of the argument that the message names."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {str(error).removeprefix(instead)}") from error


def _check_taken(case: Case) -> None:
    """Raise ValueError where the nodes of a case could not be used."""
    if "fault" in case.data:
        raise ValueError(case.data["fault"])


def _identity(case: Case) -> MeasureSettings:
    return MeasureSettings(subject=case.name, timepoint=case.timepoint, reader=case.reader)


def _part(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress of a part of the work."""

    def show(done: int, total: int) -> bool:
        share = start + (end - start) * (done / total if total > 0 else 0.0)
        return progress(round(1000 * share), 1000)

    return show


def _is_file(value: Any) -> bool:
    return isinstance(value, (str, Path))


def _are_files(value: Any) -> bool:
    return _is_file(value) or (isinstance(value, (list, tuple)) and bool(value) and all(map(_is_file, value)))


def _paths(value: Any) -> Path | list[Path]:
    return Path(value) if _is_file(value) else [Path(one) for one in value]


def _image_files(data: Given) -> list[Path]:
    """Return the image files or the DICOM folder of a case; none where it was given as nodes."""
    given = [data.get(key) for key in ("series", *_PARTS)]
    listed = [one for value in given for one in (value if isinstance(value, list) else [value])]
    return [one for one in listed if isinstance(one, Path)]


def _beside(image: Path) -> list[Path]:
    """Return the files beside an image that are read with it: they count where it is asked whether data changed."""
    stem = image.name[: len(image.name) - len(suffix_of(image))]
    return [path for path in (image.with_name(stem + ending) for ending in _BESIDE) if path.is_file()]


def _with_regions(given: Given) -> dict[str, Any]:
    """Return what is given with the regions as a path, or as what their node holds."""
    if "regions" not in given:
        return dict(given)
    with _naming("regions", "node: "):
        value = given["regions"]
        return {**given, "regions": Path(value) if _is_file(value) else drawn_regions(value)}
