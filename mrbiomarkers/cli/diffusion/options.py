"""The options of ``mrbiomarkers diffusion``, and the settings that they make."""

from __future__ import annotations

import argparse
from typing import Any

from mrbiomarkers.cli.bids_out import add_bids_output
from mrbiomarkers.cli.dicom import add_series_choice
from mrbiomarkers.cli.dicom_out import add_dicom_output
from mrbiomarkers.cli.regions import add_regions
from mrbiomarkers.cli.results import add_output
from mrbiomarkers.maps import kernel_value
from mrbiomarkers.quantities import QUANTITIES
from mrbiomarkers.settings import (
    DEFAULT_MODELS,
    DIFFUSION_METHODS,
    DIFFUSION_MODELS,
    DIFFUSION_PRESETS,
    DiffusionSettings,
)

EXAMPLE = """\
examples:
  mrbiomarkers diffusion dwi.nii.gz --regions L3=l3.nii.gz L4=l4.nii.gz --out results
      reads the b-values from dwi.bval beside the series
  mrbiomarkers diffusion dwi.nii.gz --bvalues 0 50 100 200 400 800 --regions readerA.seg.nrrd --out results
  mrbiomarkers diffusion dicom_folder --dicom-series 5 --regions readerA.seg.nrrd --out results
  mrbiomarkers diffusion dicom_folder --regions readerA.seg.nrrd --subject S01 --dicom --out results
      also writes results/dicom: maps, regions and measurements for an archive, without the patient's identity
  mrbiomarkers diffusion dwi.seq.nrrd --models ivim --mask body.nrrd --out results

--out receives, for each model, maps in the format of the series with a JSON file beside each (unit, model, b-values,
software), measurements.csv (one row for each region, quantity and method) and, for each region, a decay figure and a
map panel.
"""


def make_parser(commands: Any) -> argparse.ArgumentParser:
    """Return the parser of the command, added to ``commands``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diffusion",
        help="ADC and IVIM maps, a table and figures from a diffusion series",
        description="Fit a diffusion series, voxel by voxel and region by region; write maps, a table and figures.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_input(parser)
    _add_fit(parser)
    _add_fat(parser.add_argument_group("residual fat", "what is known of the fat that suppression has left"))
    _add_output(parser)
    return parser


def settings_of(options: argparse.Namespace) -> DiffusionSettings:
    """Return the settings that the options ask for.

    Raises
    ------
    ValueError
        When an option does not fit, or ``--fit-eta`` comes without its prior.
    """
    if options.fit_eta:
        _check_prior(options)
    preset = DIFFUSION_PRESETS.get(options.preset)
    models = options.models or (preset.models if preset else DEFAULT_MODELS)
    return DiffusionSettings(
        models=tuple(models),
        method=options.method,
        bounds={**(preset.bounds if preset else {}), **_bounds(options.bounds)},
        noise_sigma=options.noise_sigma,
        n_coils=options.coils,
        averaged=options.averaged or "",
        adc_bvalues=tuple(options.adc_bvalues),
        errors=options.errors,
        selection=options.selection,
        fit_eta=options.fit_eta,
        reference_region=options.reference_region,
    )


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "series", metavar="SERIES", help="4-D NIfTI or NRRD, .seq.nrrd, MultiVolume NRRD, or a DICOM folder"
    )
    add_series_choice(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bvalues", nargs="+", metavar="B", help="b-values in s/mm2, in the order of the images")
    source.add_argument("--bval", metavar="FILE", help="text file of b-values; default: the .bval beside the series")
    parser.add_argument("--averages", nargs="+", metavar="N", help="averages (NEX) of each image: weights of the fits")
    parser.add_argument(
        "--preset",
        choices=sorted(DIFFUSION_PRESETS),
        help="b-values, averages, models and bounds of a study; what is given otherwise goes first",
    )
    parser.add_argument("--exclude-b", nargs="+", default=[], metavar="B", help="b-values in s/mm2 to leave out")
    parser.add_argument(
        "--repeats",
        default="averages",
        choices=("averages", "directions", "keep"),
        help="images of the same b-value: averages (arithmetic mean, default), directions (geometric mean), or keep",
    )
    parser.add_argument("--motion", action="store_true", help="correct in-plane motion between b-values first")
    add_regions(parser, mask="voxels to fit; default: all")


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", nargs="+", choices=DIFFUSION_MODELS, help="default: adc ivim, or those of the preset"
    )
    parser.add_argument("--method", default="nlls", choices=DIFFUSION_METHODS, help="method of the IVIM maps (nlls)")
    parser.add_argument(
        "--bounds",
        nargs="+",
        default=[],
        metavar="NAME=LOW,HIGH",
        help="bounds of single parameters; diffusion coefficients in 10^-3 mm2/s, for example Dstar=5,300 f=0,0.7",
    )
    parser.add_argument(
        "--noise-sigma",
        type=float,
        default=0.0,
        metavar="SD",
        help="noise of the series, in its units: its floor is taken off the mean signals of regions",
    )
    parser.add_argument("--coils", type=int, default=1, help="coils whose squares were summed, for the noise floor (1)")
    parser.add_argument(
        "--averaged", choices=("magnitude", "complex"), help="what the scanner averaged, for the noise floor"
    )
    parser.add_argument(
        "--adc-bvalues", nargs="+", type=float, default=[], metavar="B", help="b-values of the ADC fit (all)"
    )
    parser.add_argument("--errors", action="store_true", help="also maps of the standard errors (sd_D, ...)")
    parser.add_argument(
        "--selection",
        action="store_true",
        help="also a map of the model that each voxel supports (AICc), and F tests of the region fits",
    )
    parser.add_argument("--reference-region", default="", metavar="NAME", help="relate all other regions to this one")


def _add_fat(group: Any) -> None:
    share = group.add_mutually_exclusive_group()
    share.add_argument("--eta", metavar="VALUE|MAP", help="share of fat in the signal, -1 to 1, for the IVIM fits")
    share.add_argument("--pdff", metavar="MAP", help="fat fraction map in %% from which that share is computed")
    group.add_argument("--eta-sd", type=float, metavar="SD", help="standard deviation of that share")
    group.add_argument(
        "--fit-eta", action="store_true", help="fit that share too; --eta or --pdff and --eta-sd are its prior"
    )
    group.add_argument("--residue", type=float, help="with --pdff: part of the fat that suppression leaves, -1 to 1")
    group.add_argument("--echo-time", type=float, metavar="MS", help="with --pdff: echo time of the series in ms")
    group.add_argument("--t2-fat", type=float, metavar="MS", help="with --pdff: T2 of fat in ms")
    group.add_argument("--t2-water", type=float, metavar="MS", help="with --pdff: T2 of marrow water in ms")


def _check_prior(options: argparse.Namespace) -> None:
    if options.eta is None and options.pdff is None:
        raise ValueError("--fit-eta: expected --eta or --pdff with it, the mean of its prior")
    if options.eta_sd is None or not 0 < options.eta_sd < float("inf"):
        got = "none" if options.eta_sd is None else f"{options.eta_sd:g}"
        raise ValueError(f"--fit-eta: expected a finite --eta-sd above 0 with it, the width of its prior; got {got}")


def _add_output(parser: argparse.ArgumentParser) -> None:
    add_output(parser)
    add_dicom_output(parser)
    add_bids_output(parser)


def _bounds(words: list[str]) -> dict[str, tuple[float, float]]:
    """Return the bounds of ``--bounds`` in kernel units."""
    bounds = {}
    for word in words:
        name, _, pair = word.partition("=")
        parts = pair.split(",")
        try:
            low, high = (float(part) for part in parts)
        except ValueError:
            raise ValueError(f"--bounds: expected NAME=LOW,HIGH with two numbers, got {word!r}") from None
        bounds[name] = (kernel_value(name, low), kernel_value(name, high)) if name in QUANTITIES else (low, high)
    return bounds
