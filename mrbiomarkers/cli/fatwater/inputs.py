"""What ``mrbiomarkers fatwater`` reads: a multi-echo series, or maps of a scanner."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mrbiomarkers.cli.dicom import check_no_choice, series_choice, split_series
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.cli.scanner_maps import read_scanner_map
from mrbiomarkers.files import (
    EchoFiles,
    EchoInput,
    echo_times_from_ms,
    is_complex_image,
    read_echo_series,
    suffix_of,
)
from mrbiomarkers.files.dicom_read import read_dicom_echoes
from mrbiomarkers.files.paths import is_dicom
from mrbiomarkers.jobs import VendorInput
from mrbiomarkers.study import map_suffix
from mrbiomarkers.vendor_maps import UNITS


class ScannerMaps(NamedTuple):
    """Maps of a scanner.

    Attributes
    ----------
    maps : dict of str to VendorInput
        By quantity.
    instances : dict of str to tuple of Path
        The DICOM files of each; none of a map that was an image file.
    suffix : str
        Format of the first.
    """

    maps: dict[str, VendorInput]
    instances: dict[str, tuple[Path, ...]]
    suffix: str


def read_input_echoes(options: argparse.Namespace) -> EchoInput:
    """Read the series that the options name.

    Raises
    ------
    ValueError
        When the options name none, or it does not fit what they say of it.
    """
    if not options.series:
        raise ValueError("SERIES: expected images, or --maps with maps of a scanner; got none")
    if is_dicom(options.series[0]):
        return _read_dicom(options)
    check_no_choice(options, options.series[0])
    return read_echo_series(
        _files(options),
        echo_times=None if options.echo_times is None else _echo_times(options.echo_times),
        field_strength=options.field_strength,
        repetition_time=None if options.repetition_time is None else options.repetition_time / 1000,
        flip_angle=options.flip_angle,
        phase_range=None if options.phase_range is None else tuple(options.phase_range),
        spacing=options.spacing,
    )


def _read_dicom(options: argparse.Namespace) -> EchoInput:
    """Read a series from DICOM folders."""
    given = {"--phase": options.phase, "--imaginary": options.imaginary, "--spacing": options.spacing}
    stray = [name for name, value in given.items() if value]
    if stray:
        raise ValueError(f"{', '.join(stray)}: expected with image files only; DICOM headers say what each image is")
    read = read_dicom_echoes(
        options.series,
        series=series_choice(options),
        echo_times=None if options.echo_times is None else _echo_times(options.echo_times),
        field_strength=options.field_strength,
        phase_range=None if options.phase_range is None else tuple(options.phase_range),
        progress=terminal_progress("Reading headers, files"),
    )
    protocol: dict[str, Any] = {"flip_angle": options.flip_angle}
    if options.repetition_time is not None:
        protocol["repetition_time"] = options.repetition_time / 1000
    told = {name: value for name, value in protocol.items() if value is not None}
    return read._replace(series=replace(read.series, **told))


def map_paths(options: argparse.Namespace) -> dict[str, str]:
    """Return the path that ``--maps`` gives for each quantity, with the series where one is named.

    Raises
    ------
    ValueError
        When an option does not fit.
    """
    return _pairs("--maps", options.maps, "MAP")


def read_scanner_maps(options: argparse.Namespace) -> ScannerMaps:
    """Read the maps that ``--maps`` names, with their scales.

    Raises
    ------
    ValueError
        When an option does not fit, or something is given that has a meaning for SERIES only.
    """
    if options.series or options.phase or options.imaginary:
        raise ValueError("--maps: expected maps of a scanner in place of SERIES, not both")
    scales = _pairs("--map-scale", options.map_scale, "UNIT")
    paths = map_paths(options)
    stray = [name for name in scales if name not in paths]
    if stray:
        raise ValueError(f"--map-scale: expected names of --maps ({', '.join(paths)}), got {', '.join(stray)}")
    choice = series_choice(options)
    found = {name: read_scanner_map(name, path, scales.get(name), series=choice) for name, path in paths.items()}
    return ScannerMaps(
        {name: one.given for name, one in found.items()},
        {name: one.instances for name, one in found.items()},
        map_suffix(split_series(next(iter(paths.values())))[0]),
    )


def _pairs(option: str, words: list[str], what: str) -> dict[str, str]:
    """Return the values by the names of maps that an option gives them."""
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in UNITS or not value:
            raise ValueError(f"{option}: expected NAME={what} with a name of {', '.join(UNITS)}, got {word!r}")
        if name in found:
            raise ValueError(f"{option}: expected {name} once, got it twice")
        found[name] = value
    return found


def _files(options: argparse.Namespace) -> EchoFiles:
    """Return the files by what they hold: as the options say, else by their suffix and the type of their numbers."""
    series = tuple(options.series)
    if suffix_of(series[0]) == ".mat":
        if options.phase or options.imaginary:
            raise ValueError(f"{series[0]}: expected no --phase and no --imaginary with a .mat file, got some")
        return EchoFiles(matlab=series)
    if options.phase:
        return EchoFiles(magnitude=series, phase=tuple(options.phase))
    if options.imaginary:
        return EchoFiles(real=series, imaginary=tuple(options.imaginary))
    return EchoFiles(complex=series) if is_complex_image(series[0]) else EchoFiles(magnitude=series)


def _echo_times(words: list[str]) -> list[float]:
    """Return the echo times [s] of an option, which may be separated by blanks or commas."""
    values = []
    for word in " ".join(words).replace(",", " ").split():
        try:
            values.append(float(word))
        except ValueError:
            raise ValueError(f"--echo-times: expected numbers in ms, got {word!r}") from None
    try:
        return echo_times_from_ms(values).tolist()
    except ValueError as error:
        raise ValueError(f"--{str(error).replace('echo times', 'echo-times', 1)}") from None
