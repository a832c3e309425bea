"""``mrbiomarkers convert``: a DICOM series to files that hold no name of the patient."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from mrbiomarkers import __version__
from mrbiomarkers.cli.dicom import add_series_choice, series_choice
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.files import (
    EchoInput,
    echo_times_from_ms,
    suffix_of,
    write_echo_series,
    write_json,
    write_nifti_series,
    write_nrrd_sequence,
)
from mrbiomarkers.files.bvectors import write_bvectors
from mrbiomarkers.files.dicom_read import DicomDiffusion, inventory, read_dicom_diffusion, read_dicom_echoes
from mrbiomarkers.series import DiffusionSeries, combine

EXAMPLE = """\
examples:
  mrbiomarkers convert dicom_folder --dicom-series 5 --out dwi.seq.nrrd
      a sequence for 3D Slicer, one volume a b-value (directions and repeats are combined)
  mrbiomarkers convert dicom_folder --dicom-series 5 --out dwi.nii.gz
      every volume, with dwi.bval, dwi.bvec where directions are known, and dwi.json
  mrbiomarkers convert dicom_folder --dicom-series 7 8 --out echoes.nii.gz
      magnitudes, echoes_phase.nii.gz where there are phases, and echoes.json with echo times and field strength;
      echoes.seq.nrrd: the same as sequences for 3D Slicer, one volume an echo

Of the headers, only b-values, directions, geometry and parameters of the acquisition are written. The pixels stay as
they are: a face, or text that is part of the picture, stays too.
"""
_SUFFIXES = (".seq.nrrd", ".nii.gz", ".nii")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert",
        help="a diffusion or multi-echo series from DICOM to NIfTI or a 3D Slicer sequence, without the patient's name",
        description="Write a diffusion or multi-echo DICOM series to files that hold nothing of who the patient is.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("series", nargs="+", metavar="DICOM", help="DICOM folders, with all below them, and files")
    add_series_choice(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help=".seq.nrrd, .nii.gz or .nii")
    parser.add_argument(
        "--repeats",
        choices=("averages", "directions", "keep"),
        help="images at one b-value: combined as averages (default of .seq.nrrd) or directions, or all kept (default)",
    )
    parser.add_argument("--bvalues", nargs="+", type=float, metavar="B", help="b-values in s/mm2, one for each volume")
    parser.add_argument("--echo-times", nargs="+", type=float, metavar="MS", help="echo times in ms")
    parser.add_argument("--field-strength", type=float, metavar="T", help="static field in T")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.set_defaults(run=run, command="convert")


def run(options: argparse.Namespace) -> None:
    """Run the command; nothing is written before the series is read whole."""
    _check(options)
    found = _read(options)
    if isinstance(found, DicomDiffusion):
        written, notes = _write_diffusion(options, found)
    else:
        written, notes = _write_echoes(options, found)
    for path in _files(Path(options.out)):
        if path not in written:  # of an earlier series: it would be taken for a part of this one
            path.unlink(missing_ok=True)
    for line in notes:
        print(f"note: {line}")
    print(f"written: {', '.join(str(path) for path in written)}")


def _check(options: argparse.Namespace) -> None:
    """Check all that can be known before reading."""
    out = Path(options.out)
    if suffix_of(out) not in _SUFFIXES or len(out.name) == len(suffix_of(out)):
        raise ValueError(f"--out {out}: expected a file name that ends in {', '.join(_SUFFIXES)}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"--out {out}: the folder {out.parent} does not exist")
    if not os.access(out.parent, os.W_OK):
        raise PermissionError(f"--out {out}: the folder {out.parent} is not writable")
    there = [path.name for path in _files(out) if path.exists()]
    if there and not options.overwrite:
        raise FileExistsError(f"--out {out}: {', '.join(there)} exists; --overwrite replaces it")
    if options.bvalues and (options.echo_times or options.field_strength):
        raise ValueError("--bvalues: expected without --echo-times and --field-strength, got both")


def _files(out: Path) -> list[Path]:
    """Return every file that the command can write under a name."""
    suffix = suffix_of(out)
    stem = out.name[: len(out.name) - len(suffix)]
    names = [f"{stem}.json", f"{stem}_phase{suffix}"]
    if suffix != ".seq.nrrd":
        names += [f"{stem}.bval", f"{stem}.bvec"]
    return [out, *(out.with_name(name) for name in names)]


def _read(options: argparse.Namespace) -> DicomDiffusion | EchoInput:
    choice = series_choice(options)
    if _is_diffusion(options):
        return read_dicom_diffusion(
            options.series, series=choice, bvalues=options.bvalues, progress=terminal_progress("Reading, files")
        )
    return read_dicom_echoes(
        options.series,
        series=choice,
        echo_times=None if options.echo_times is None else echo_times_from_ms(options.echo_times),
        field_strength=options.field_strength,
        progress=terminal_progress("Reading, files"),
    )


def _is_diffusion(options: argparse.Namespace) -> bool:
    """Whether diffusion is meant: by the options, else by what the named series hold."""
    if options.bvalues or options.echo_times or options.field_strength:
        return bool(options.bvalues)
    found = inventory(options.series, progress=terminal_progress("Reading headers, files"))
    named = set(options.dicom_series)
    meant = [entry for entry in found.series if not named or {str(entry.number), entry.uid} & named]
    kinds = {entry.kind for entry in meant} & {"diffusion", "multi-echo"}
    if len(kinds) > 1:
        listed = ", ".join(f"{entry.number} ({entry.kind})" for entry in meant if entry.kind in kinds)
        raise ValueError(f"--dicom-series: expected the series to convert, for there are several: {listed}")
    if kinds or not meant:
        return kinds != {"multi-echo"}  # where nothing is found, the reader tells what there is
    if len({time for entry in meant if entry.kind == "anatomical" for time in entry.echo_times}) > 1:
        return False  # each echo can be a series of its own, of one contrast each
    listed = "; ".join(f"series {entry.number}: {entry.kind}, {entry.reason}" for entry in meant)
    raise ValueError(
        f"DICOM: expected a diffusion or multi-echo series, got {listed}. If one is a diffusion series without "
        "b-values in its headers, give them with --bvalues"
    )


def _write_diffusion(options: argparse.Namespace, found: DicomDiffusion) -> tuple[list[Path], list[str]]:
    out = Path(options.out)
    is_sequence = suffix_of(out) == ".seq.nrrd"
    series, notes = _combined(options, found.series, is_sequence=is_sequence)
    written = _files(out)[:2]
    if is_sequence:
        write_nrrd_sequence(out, series)
    else:
        write_nifti_series(out, series)
        *_, bval, bvec = _files(out)
        written.append(bval)
        if series.directions is not None:
            write_bvectors(bvec, series)
            written.append(bvec)
            notes += _without_direction(series)
    record = {
        "software": f"MRBiomarkers {__version__}",
        "bvalues_s_per_mm2": series.bvalues,
        "images": series.source,
        "averages": series.averages,
        "acquisition": found.parameters,
        "notes": [*found.notes, *notes],
    }
    write_json(written[1], record)
    table = [
        f"b {row.bvalue:g} s/mm2: {row.n_volumes} volume{'s' if row.n_volumes > 1 else ''}, from {row.source}"
        for row in found.table
    ]
    return written, [*table, *found.notes, *notes]


def _combined(
    options: argparse.Namespace, series: DiffusionSeries, *, is_sequence: bool
) -> tuple[DiffusionSeries, list[str]]:
    """Return the series as it is to be written; a sequence can hold one volume for each b-value."""
    repeated = np.unique(series.bvalues).size < series.bvalues.size
    asked = options.repeats or ("averages" if is_sequence and repeated else "keep")
    if asked != "keep":
        one = combine(series, repeats=asked)
        return one, [f"{series.bvalues.size} volumes combined to {one.bvalues.size}, one for each b-value"]
    if is_sequence and repeated:
        raise ValueError(
            "--repeats: expected averages or directions for a sequence, for b-values come several times and 3D Slicer "
            "keeps one volume for each, got keep"
        )
    return series, []


def _without_direction(series: DiffusionSeries) -> list[str]:
    """Return a note on weighted images without a direction: 0 0 0 in a .bvec."""
    if series.directions is None:
        return []
    count = np.count_nonzero(np.isnan(series.directions).any(axis=1) & (series.bvalues > 0))
    return [f"{count} weighted volumes have no direction: 0 0 0 in the .bvec file"] if count else []


def _write_echoes(options: argparse.Namespace, found: EchoInput) -> tuple[list[Path], list[str]]:
    out = Path(options.out)
    if options.repeats:
        raise ValueError(f"--repeats: expected with a diffusion series only, got echoes and {options.repeats}")
    image, record, phase, *_ = _files(out)
    is_complex = found.series.kind == "complex"
    write_echo_series(out, found.series, phase_path=phase if is_complex else None)
    return [image, record, *([phase] if is_complex else [])], list(found.notes)
