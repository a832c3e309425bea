"""What ``mrbiomarkers diffusion`` reads: the series, regions and masks on its grid, what is known of residual fat."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.cli.diffusion.outputs import file_name
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.diffusion import eta_from_pdff
from mrbiomarkers.files import Volume, read_mask, read_regions, read_series, read_volume
from mrbiomarkers.jobs import ResidualFat
from mrbiomarkers.regions import describe_grid, is_same_grid, place_mask
from mrbiomarkers.registration import MotionResult, correct_motion
from mrbiomarkers.series import DiffusionSeries, combine, exclude
from mrbiomarkers.settings import DIFFUSION_PRESETS

Mask = NDArray[np.bool_]


@dataclass
class Regions:
    """Masks on the grid of the series, and the fraction of each that fell outside it."""

    masks: dict[str, Mask] = field(default_factory=dict)
    outside: dict[str, float] = field(default_factory=dict)


def read_input_series(options: argparse.Namespace) -> tuple[DiffusionSeries, MotionResult | None]:
    """Read the series, leave out b-values, correct motion and combine repeats, as the options say."""
    preset = DIFFUSION_PRESETS.get(options.preset)
    bvalues, averages = _bvalues("--bvalues", options.bvalues), _bvalues("--averages", options.averages)
    if preset and bvalues is None and options.bval is None:
        bvalues = list(preset.bvalues)
    if preset and averages is None and preset.averages:
        averages = list(preset.averages)
    series = read_series(options.series, bvalues=bvalues, bval_file=options.bval)
    if averages is not None:
        series = replace(series, averages=np.array(averages))
    left_out = _bvalues("--exclude-b", options.exclude_b)
    if left_out:
        series = exclude(series, left_out)
    motion = None
    if options.motion:
        motion = correct_motion(series, progress=terminal_progress("Looking for motion, images"))
        series = motion.series
    if options.repeats == "keep":
        return combine(series, directions="keep", averages="keep"), motion
    return combine(series, repeats=options.repeats), motion


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


def read_input_regions(words: list[str], series: DiffusionSeries, *, resample: bool) -> Regions:
    """Read ``--regions`` and bring every mask to the grid of the series."""
    found: dict[str, Volume] = {}
    for word in words:
        name, separator, path = word.partition("=")
        read = {name: read_mask(path)} if separator and not Path(word).exists() else read_regions(word)
        for key, volume in read.items():
            if not key.strip():
                raise ValueError(f"--regions {word}: expected NAME=MASK with a name before the equals sign")
            if key in found:
                raise ValueError(f"--regions: expected a different name for each region, got {key!r} twice")
            found[key] = volume
    regions = Regions()
    file_names: dict[str, str] = {}
    for name, volume in found.items():
        other = file_names.setdefault(file_name(name).lower(), name)
        if other != name:
            raise ValueError(f"--regions: {other!r} and {name!r} would give figures of the same file name; rename one")
        what = f"region {name!r} ({volume.name})"
        regions.masks[name], regions.outside[name] = _on_series_grid(what, volume, series, resample=resample)
    return regions


def read_fit_mask(path: str | None, series: DiffusionSeries, *, resample: bool) -> Mask | None:
    """Read ``--mask`` and bring it to the grid of the series."""
    return None if path is None else _on_series_grid(f"--mask {path}", read_mask(path), series, resample=resample)[0]


def _on_series_grid(what: str, volume: Volume, series: DiffusionSeries, *, resample: bool) -> tuple[Mask, float]:
    inside = check_mask(what, volume.values, volume.values.shape)
    return place_mask(what, inside, volume.affine, series.grid_shape, series.affine, resample=resample)


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
    pdff = _map_on_grid("--pdff", options.pdff, series)
    times = (1e-3 * value for value in (options.echo_time, options.t2_fat, options.t2_water))
    return ResidualFat(eta_from_pdff(pdff, options.residue, *times).eta, options.eta_sd)


def _number_or_map(text: str, series: DiffusionSeries) -> float | NDArray[np.generic]:
    try:
        return float(text)
    except ValueError:
        return _map_on_grid("--eta", text, series)


def _map_on_grid(option: str, path: str, series: DiffusionSeries) -> NDArray[np.generic]:
    volume = read_volume(path)
    if not is_same_grid(volume.values.shape, volume.affine, series.grid_shape, series.affine):
        ours, theirs = (
            describe_grid(series.grid_shape, series.affine),
            describe_grid(volume.values.shape, volume.affine),
        )
        raise ValueError(f"{option} {path}: expected the grid of the series ({ours}), got {theirs}")
    return volume.values
