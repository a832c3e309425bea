"""What ``mrbiomarkers diffusion`` reads: the series, and what is known of residual fat."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.cli.dicom import check_no_choice, series_choice
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.cli.regions import map_on_grid
from mrbiomarkers.diffusion import eta_from_pdff
from mrbiomarkers.files import read_series
from mrbiomarkers.files.dicom_read import read_dicom_diffusion
from mrbiomarkers.files.paths import is_dicom
from mrbiomarkers.jobs import ResidualFat
from mrbiomarkers.registration import MotionResult, correct_motion
from mrbiomarkers.series import DiffusionSeries, combine, exclude
from mrbiomarkers.settings import DIFFUSION_PRESETS


@dataclass(frozen=True, eq=False)
class InputSeries:
    """The series to fit, what motion correction found, how it was acquired, how it was read, and from which files."""

    series: DiffusionSeries
    motion: MotionResult | None = None
    acquisition: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    instances: tuple[tuple[Path, ...], ...] = ()  # DICOM files of each image that is used


def read_input_series(options: argparse.Namespace) -> InputSeries:
    """Read the series, leave out b-values, correct motion and combine repeats, as the options say."""
    preset = DIFFUSION_PRESETS.get(options.preset)
    bvalues, averages = _bvalues("--bvalues", options.bvalues), _bvalues("--averages", options.averages)
    if preset and bvalues is None and options.bval is None:
        bvalues = list(preset.bvalues)
    if preset and averages is None and preset.averages:
        averages = list(preset.averages)
    read = _read(options, bvalues)
    series = read.series
    if averages is not None:
        series = replace(series, averages=np.array(averages))
    left_out = _bvalues("--exclude-b", options.exclude_b)
    if left_out:
        series = exclude(series, left_out)
    used = np.isin(read.series.bvalues, series.bvalues)  # all images of a b-value are left out together
    instances = tuple(files for files, kept in zip(read.instances, used, strict=False) if kept)
    motion = None
    if options.motion:
        motion = correct_motion(series, progress=terminal_progress("Looking for motion, images"))
        series = motion.series
    if options.repeats == "keep":
        series = combine(series, directions="keep", averages="keep")
    else:
        series = combine(series, repeats=options.repeats)
    return replace(read, series=series, motion=motion, instances=instances)


def _read(options: argparse.Namespace, bvalues: list[float] | None) -> InputSeries:
    """Read the images as they are stored."""
    if not is_dicom(options.series):
        check_no_choice(options, options.series)
        return InputSeries(read_series(options.series, bvalues=bvalues, bval_file=options.bval))
    if options.bval is not None:
        raise ValueError("--bval: expected with an image file only; give b-values of a DICOM folder with --bvalues")
    found = read_dicom_diffusion(
        options.series,
        series=series_choice(options),
        bvalues=bvalues,
        progress=terminal_progress("Reading headers, files"),
    )
    return InputSeries(
        found.series,
        acquisition=found.parameters,
        notes=(*map(str, found.table), *found.notes),
        instances=found.instances,
    )


def _bvalues(option: str, words: list[str] | None) -> list[float] | None:
    """Return the numbers of an option, which may be separated by blanks or commas."""
    if words is None:
        return None
    values = []
    for word in " ".join(words).replace(",", " ").split():
        try:
            values.append(float(word))
        except ValueError:
            raise ValueError(f"{option}: expected numbers in s/mm2, got {word!r}") from None
    return values


def read_fat(options: argparse.Namespace, series: DiffusionSeries) -> ResidualFat | None:
    """Return what the options say of residual fat; None where they say nothing."""
    given = {"--residue": options.residue, "--echo-time": options.echo_time}
    given.update({"--t2-fat": options.t2_fat, "--t2-water": options.t2_water})
    if options.pdff is None:
        stray = [name for name, value in given.items() if value is not None]
        if stray:
            raise ValueError(f"{', '.join(stray)}: expected together with --pdff only")
        if options.eta is None:
            if options.eta_sd is not None:
                raise ValueError("--eta-sd: expected together with --eta or --pdff only")
            return None
        return ResidualFat(_number_or_map(options.eta, series), options.eta_sd)
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise ValueError(f"--pdff: expected {', '.join(missing)} with it: none of them has a safe default")
    pdff = map_on_grid("--pdff", options.pdff, series.grid_shape, series.affine)
    times = (1e-3 * value for value in (options.echo_time, options.t2_fat, options.t2_water))
    return ResidualFat(eta_from_pdff(pdff, options.residue, *times).eta, options.eta_sd)


def _number_or_map(text: str, series: DiffusionSeries) -> float | NDArray[np.generic]:
    try:
        return float(text)
    except ValueError:
        return map_on_grid("--eta", text, series.grid_shape, series.affine)
