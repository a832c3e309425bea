"""``mrbiomarkers radiomics``: radiomic features of many cases as one table."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mrbiomarkers.settings.radiomics_presets import (
    RADIOMICS_PRESETS,
    RadiomicsRecipe,
    radiomics_preset,
    with_standard,
)
from mrbiomarkers.study.radiomics import RadiomicsReport, run_radiomics_cases
from mrbiomarkers.tables.features import FeatureRow

EXAMPLE = """\
examples:
  mrbiomarkers radiomics cases.csv --settings rectal-t2 --out features.csv --jobs 4
  mrbiomarkers radiomics cases.csv --settings Params.yaml --out features.csv --standard ibsi --bin-minimum 0

cases.csv, one image and mask a line; paths are absolute or relative to the table:
  subject,timepoint,series,image,mask,region,label
  S01,before,T2w,S01/t2.nii.gz,S01/tumour.seg.nrrd,,
  S01,before,ADC,S01/adc_dicom,S01/tumour_on_adc.nii.gz,tumour,1
Needed are subject, image and mask. An image is NIfTI, NRRD, MetaImage or a folder of DICOM files (dicomSeries chooses
one of several series). Without region or label every label or segment of the mask is measured, a row each. A map is
known by the JSON file beside it, or by columns quantity and unit: it gets the bin width of its quantity. A region drawn
on another image of the examination is brought onto this one by mrbiomarkers regions map.

Settings: a parameter file of PyRadiomics (YAML; needs PyYAML), or a preset:
"""
_MOST_FAILURES = 20
_OF_LEVELS = re.compile(r"^(\S+): (\d+) grey levels? in the region, (.+)$")
_BAR = 30


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    presets = "".join(
        f"  {name}: {', '.join(recipe.settings[0].filters)}; bin width {recipe.settings[0].bin_width:g}"
        f"{f'; z-scores times {recipe.settings[0].normalize_scale:g}' if recipe.settings[0].normalize else ''}\n"
        for name, recipe in RADIOMICS_PRESETS.items()
    )
    parser: argparse.ArgumentParser = commands.add_parser(
        "radiomics",
        help="radiomic features of many cases: a table in, a table out",
        description="Measure radiomic features, as PyRadiomics or IBSI define and name them, of every case of "
        "a table. A run that was stopped goes on where it was when the same command is given again.",
        epilog=EXAMPLE + presets,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", metavar="CASES.csv", help="table of cases, see below")
    parser.add_argument("--out", required=True, metavar="FEATURES.csv", help="table of features")
    parser.add_argument(
        "--settings", metavar="FILE|PRESET", help="what is measured; default: PyRadiomics' 107 features of the image"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="cases at a time; default: one for each processor")
    parser.add_argument("--standard", choices=("pyradiomics", "ibsi"), help="in place of that of the settings")
    parser.add_argument(
        "--bin-minimum", type=float, metavar="VALUE", help="where the first bin starts with --standard ibsi"
    )
    parser.add_argument("--ibsi-names", action="store_true", help="add IBSI codes to the names of features")
    parser.add_argument(
        "--keep-bin-width", action="store_true", help="take the bin width of the settings for maps of a quantity, too"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results of other settings")
    parser.set_defaults(run=run, command="radiomics")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    recipe = _recipe(options)
    for note in recipe.notes:
        print(f"note: {note}")
    report = run_radiomics_cases(
        options.cases,
        options.out,
        recipe,
        n_jobs=_processors() if options.jobs is None else options.jobs,
        ibsi_names=options.ibsi_names,
        keep_bin_width=options.keep_bin_width,
        overwrite=options.overwrite,
        progress=bar_progress("Radiomics, cases"),
    )
    _say(report, Path(options.out), recipe)
    if not report.cancelled and all(row.status == "failed" for row in report.rows):
        raise ValueError("expected at least one region that can be measured, got none; the table says why")
    if report.cancelled:
        raise InterruptedError(
            f"cancelled with {report.cancelled} cases left; those that are done are kept: the same command goes on"
        )


def _recipe(options: argparse.Namespace) -> RadiomicsRecipe:
    recipe = RadiomicsRecipe("PyRadiomics' defaults")
    if options.settings in RADIOMICS_PRESETS:
        recipe = radiomics_preset(options.settings)
    elif options.settings is not None:
        if not Path(options.settings).suffix and not Path(options.settings).exists():
            raise ValueError(
                f"--settings: expected a file or one of {', '.join(RADIOMICS_PRESETS)}; got {options.settings!r}"
            )
        from mrbiomarkers.files.radiomics_settings import read_radiomics_settings

        try:
            recipe = read_radiomics_settings(options.settings)
        except ModuleNotFoundError as error:
            raise ValueError(f"--settings: {error}") from None
    if options.standard is None and options.bin_minimum is None:
        return recipe
    return with_standard(recipe, options.standard or recipe.settings[0].standard, options.bin_minimum)


def _say(report: RadiomicsReport, out: Path, recipe: RadiomicsRecipe) -> None:
    for note in report.notes:
        if note not in recipe.notes:
            print(f"note: {note}")
    for name, reason in list(report.failed.items())[:_MOST_FAILURES]:
        print(f"failed: {name}: {reason}")
    if len(report.failed) > _MOST_FAILURES:
        print(f"failed: {len(report.failed) - _MOST_FAILURES} more cases; the table has all")
    for line in (*_about_levels(report.rows), *_about_others(report.rows)):
        print(f"warning: {line}")
    if not report.cancelled:
        good = sum(row.status == "measured" for row in report.rows)
        print(f"{good} of {len(report.rows)} regions measured ({report.resumed} cases were there already): {out}")


def _about_levels(rows: Sequence[FeatureRow]) -> Iterator[str]:
    """Yield which images have so few or so many grey levels that textures say little, and in how many regions."""
    found: dict[str, dict[str, list[int]]] = {}
    for row in rows:
        for warning in row.warnings:
            match = _OF_LEVELS.search(warning)
            if match:
                found.setdefault(match[3], {}).setdefault(match[1], []).append(int(match[2]))
    for what, images in found.items():
        shown = []
        for image, counts in images.items():
            ends = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
            shown.append(f"{image} in {len(counts)} ({ends})")
        limit, _, meaning = what.partition(": ")
        yield f"{limit} grey levels ({meaning}), of {len(rows)} regions: {', '.join(shown)}"


def _about_others(rows: Sequence[FeatureRow]) -> Iterator[str]:
    """Yield the other warnings, those of most regions first."""
    warned = Counter(line for row in rows for line in row.warnings if not _OF_LEVELS.search(line))
    for warning, count in warned.most_common(_MOST_FAILURES):
        yield f"{count} of {len(rows)} regions: {warning}"


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def bar_progress(what: str) -> Callable[[int, int], bool]:
    """Return a ``progress(done, total) -> True`` that draws a bar on standard error, with the time that is left.

    Where standard error is not a terminal, one line is written when the work is done.
    """
    begin = time.monotonic()
    live = sys.stderr.isatty()
    last = (-1, -1.0)

    def show(done: int, total: int) -> bool:
        nonlocal last
        now = time.monotonic() - begin
        if done == total != last[0]:
            line = f"{what}: {total:,} in {now:.1f} s"
            print(f"\r\033[K{line}" if live else line, file=sys.stderr, flush=True)
        elif live and done < total and (done != last[0] or now - last[1] >= 1):
            filled = _BAR * done // total
            left = f", {now / done * (total - done):.0f} s left" if done else ""
            bar = "#" * filled + "." * (_BAR - filled)
            print(f"\r\033[K{what}: [{bar}] {done:,} of {total:,}{left}", end="", file=sys.stderr, flush=True)
        else:
            return True
        last = (done, now)
        return True

    return show
