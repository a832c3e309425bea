"""The options of ``mrbiomarkers fatwater``, and the settings that they make."""

from __future__ import annotations

import argparse
from typing import Any

from mrbiomarkers.cli.bids_out import add_bids_output
from mrbiomarkers.cli.dicom import add_series_choice
from mrbiomarkers.cli.dicom_out import add_dicom_output
from mrbiomarkers.cli.regions import add_regions
from mrbiomarkers.cli.results import add_output
from mrbiomarkers.fatwater import SPECTRA
from mrbiomarkers.settings import FAT_WATER_METHODS, FatWaterSettings

EXAMPLE = """\
examples:
  mrbiomarkers fatwater mag.nii.gz --phase phase.nii.gz --echo-times 1.24 2.22 3.20 4.18 5.16 6.14 \\
      --field-strength 3 --regions L3=l3.nii.gz L4=l4.nii.gz --out results
  mrbiomarkers fatwater mag_e1.nii mag_e2.nii mag_e3.nii mag_e4.nii \\
      --phase phase_e1.nii phase_e2.nii phase_e3.nii phase_e4.nii --out results
      reads echo times and field strength from the JSON files beside the images
  mrbiomarkers fatwater real.nrrd --imaginary imaginary.nrrd --echo-times 1.2 2.4 3.6 4.8 --field-strength 1.5 \\
      --out results
  mrbiomarkers fatwater imdata.mat --spacing 1.5 1.5 5 --spectrum ismrm-6 --out results
  mrbiomarkers fatwater dicom_folder --regions lumbar.seg.nrrd --subject S01 --dicom --out results
      also writes results/dicom: maps, regions and measurements for an archive, without the patient's identity
  mrbiomarkers fatwater --maps PDFF=pdff.nii.gz R2star=r2star.nii.gz --map-scale PDFF=% R2star=1/s \\
      --regions lumbar.seg.nrrd --out results
  mrbiomarkers fatwater --maps PDFF=dicom_folder#6 R2star=dicom_folder#7 --map-scale PDFF=permille R2star=1/s \\
      --regions lumbar.seg.nrrd --subject S01 --dicom --out results
      the scanner's maps in known units, with regions and measurements, back to DICOM; each refers to its own series

--out receives PDFF, R2*, water, fat, in-phase, opposed-phase, field and residual maps in the format of the series with
a JSON file beside each (unit, spectrum, echo times, what was corrected), measurements.csv (one row for each region,
quantity and method), map panels and, for each region, a decay figure.
"""
_AXES = {"k": 0, "j": 1, "i": 2}


def make_parser(commands: Any) -> argparse.ArgumentParser:
    """Return the parser of the command, added to ``commands``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "fatwater",
        help="fat fraction and R2* maps, a table and figures from multi-echo images, or from a scanner's maps",
        description="Separate water and fat, voxel by voxel and region by region; write maps, a table and figures.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_input(parser)
    _add_protocol(
        parser.add_argument_group("acquisition", "default: the JSON files beside the images, or the .mat file")
    )
    _add_fit(parser.add_argument_group("fit"))
    _add_maps(parser.add_argument_group("maps of a scanner, in place of SERIES"))
    _add_output(parser)
    return parser


def settings_of(options: argparse.Namespace) -> FatWaterSettings:
    """Return the settings that the options ask for."""
    if (options.t1_water is None) != (options.t1_fat is None):
        raise ValueError("--t1-water and --t1-fat: expected both or neither")
    bipolar = {"auto": None, "off": False}.get(options.bipolar, _AXES.get(options.bipolar))
    return FatWaterSettings(
        spectrum=options.spectrum,
        method=options.method,
        precession=None if options.precession == "auto" else int(options.precession),
        bipolar=bipolar,
        errors=options.errors,
        t1_water=_seconds(options.t1_water) or 0.0,
        t1_fat=_seconds(options.t1_fat) or 0.0,
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "series",
        nargs="*",
        metavar="SERIES",
        help="complex or magnitude images (one 4-D file, or one file an echo; NIfTI or NRRD), a .mat file of the "
        "ISMRM fat-water toolbox, or DICOM folders",
    )
    add_series_choice(parser)
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--phase", nargs="+", default=[], metavar="FILE", help="phase images; SERIES are magnitudes")
    other.add_argument(
        "--imaginary", nargs="+", default=[], metavar="FILE", help="imaginary parts; SERIES are the real parts"
    )
    parser.add_argument(
        "--phase-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="stored values that stand for -pi and pi"
    )
    parser.add_argument(
        "--spacing", nargs=3, type=float, metavar=("X", "Y", "Z"), help="voxel size in mm of a .mat file (1 1 1)"
    )
    add_regions(parser, mask="voxels to fit; default: all with a signal")


def _add_protocol(group: Any) -> None:
    group.add_argument("--echo-times", nargs="+", metavar="MS", help="echo times in ms, in the order of the images")
    group.add_argument("--field-strength", type=float, metavar="T", help="static field in T")
    group.add_argument("--repetition-time", type=float, metavar="MS", help="repetition time in ms")
    group.add_argument("--flip-angle", type=float, metavar="DEG", help="flip angle in degrees")


def _add_fit(group: Any) -> None:
    group.add_argument("--spectrum", default="ren-marrow", choices=sorted(SPECTRA), help="peaks of fat (ren-marrow)")
    group.add_argument(
        "--method",
        choices=FAT_WATER_METHODS,
        help="complex, mixed (phase of the first echo not used) or magnitude; default: complex where there is a phase",
    )
    group.add_argument(
        "--precession",
        default="auto",
        choices=("auto", "1", "-1"),
        help="1: phase grows with the field; -1: it falls; auto: told by the data (default)",
    )
    group.add_argument(
        "--bipolar",
        default="auto",
        choices=("auto", "off", "i", "j", "k"),
        help="phase that alternates from echo to echo along the readout: auto (corrected where clearly seen, default), "
        "off, or the axis of the file (i is the first)",
    )
    group.add_argument("--t1-water", type=float, metavar="MS", help="T1 of water in ms: correct the T1 bias of PDFF")
    group.add_argument("--t1-fat", type=float, metavar="MS", help="T1 of fat in ms, with --t1-water")
    group.add_argument("--errors", action="store_true", help="also maps of the standard errors (sd_PDFF, sd_R2star)")


def _add_maps(group: Any) -> None:
    group.add_argument(
        "--maps",
        nargs="+",
        default=[],
        metavar="NAME=MAP",
        help="maps to measure: PDFF, R2star, T2star, ADC, D, Dstar, f, DDC, alpha, MD, MK; FOLDER#5 is series 5 of a "
        "DICOM folder",
    )
    group.add_argument(
        "--map-scale",
        nargs="+",
        default=[],
        metavar="NAME=UNIT",
        help="unit of the stored numbers: %%, fraction, permille; 1/s, 1/ms; s, ms; mm2/s, um2/ms, um2/s; 1; "
        "or FACTOR*UNIT, as PDFF=0.1*%%",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    add_output(parser)
    add_dicom_output(parser)
    add_bids_output(parser)
