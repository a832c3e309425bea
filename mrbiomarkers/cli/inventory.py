"""``mrbiomarkers inventory``: what a folder of DICOM files holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.files import json_text
from mrbiomarkers.files.dicom_read import Inventory, SeriesEntry, inventory

EXAMPLE = """\
examples:
  mrbiomarkers inventory /data/subject01
  mrbiomarkers inventory /data/subject01 --json > inventory.json

Every file below the folder is looked at, whatever its name. A series is then used by its number:
  mrbiomarkers diffusion /data/subject01 --dicom-series 5 --out results
"""
_MOST = 12  # values of a series that are listed
_PROBLEMS = 20


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "inventory",
        help="what a folder of DICOM files holds: each series, what it is, and why",
        description="List the series of DICOM folders. No pixels are read, and nothing is shown of who the patient is.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders, with all below them, and files")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table, with every detail")
    parser.set_defaults(run=run, command="inventory")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    found = inventory(options.folders, progress=terminal_progress("Reading headers, files"))
    if options.json:
        problems = [{"file": str(problem.path), "reason": problem.reason} for problem in found.problems]
        print(json_text({"series": list(found.series), "passed over": problems}, indent=2))
    else:
        _say(found)


def _say(found: Inventory) -> None:
    rows = [("series", "what", "images", "slices", "details", "scanner"), *map(_row, found.series)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for entry in found.series:
        for note in entry.notes:
            print(f"note: series {_name(entry)}: {note}")
    for problem in found.problems[:_PROBLEMS]:
        print(f"passed over: {problem.path}: {problem.reason}")
    if len(found.problems) > _PROBLEMS:
        print(f"passed over: {len(found.problems) - _PROBLEMS} more files; --json lists all")
    if not found.series:
        print("no DICOM images found")


def _row(entry: SeriesEntry) -> tuple[str, ...]:
    parameters = entry.parameters
    field = parameters.get("field_strength")
    scanner = " ".join(text for text in (parameters.get("vendor"), f"{field:g} T" if field else "") if text)
    slices = "" if entry.n_slices is None else str(entry.n_slices)
    return _name(entry), entry.kind, str(entry.n_images), slices, _details(entry), scanner


def _name(entry: SeriesEntry) -> str:
    return entry.uid if entry.number is None else str(entry.number)


def _details(entry: SeriesEntry) -> str:
    """Return what a person looks for: b-values, echo times, or why it is what it is."""
    if entry.kind == "diffusion":
        return f"b {_listed(entry.bvalues)} s/mm2; {entry.reason}"
    if entry.kind == "multi-echo":
        return f"TE {_listed([1e3 * time for time in entry.echo_times])} ms; {', '.join(entry.components)}"
    return entry.reason


def _listed(values: Sequence[float]) -> str:
    shown = " ".join(f"{value:g}" for value in values[:_MOST])
    return f"{shown} ... ({len(values)})" if len(values) > _MOST else shown
