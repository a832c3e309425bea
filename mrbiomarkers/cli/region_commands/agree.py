"""``mrbiomarkers regions agree``: the agreement of two readers, from their measurement tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrbiomarkers.files import check_output, prepare_output, write_rows, write_text
from mrbiomarkers.jobs import ReaderAgreement, agree_readers
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.report import bland_altman_figure, save_figure
from mrbiomarkers.study import file_name
from mrbiomarkers.tables import mean_over_readers, read_tables

EXAMPLE = """\
examples:
  mrbiomarkers regions agree readerA.csv readerB.csv --readers A B --out agreement
  mrbiomarkers regions agree cohort.csv --readers A B --quantities D f PDFF --icc 2,1 --scale percent --out agreement

TABLE: measurements.csv of one run or several, of any number of subjects; rows are matched by subject, timepoint,
series and region. --out receives agreement.csv (intraclass correlation, bias, limits of agreement and repeatability of
every quantity), averaged.csv (all rows, and those of reader "mean"), and a Bland-Altman figure for each quantity.
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "agree",
        help="agreement of two readers, from their tables",
        description="Intraclass correlation and Bland-Altman analysis of two readers' measurements.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="measurements.csv of both readers")
    parser.add_argument("--readers", nargs=2, required=True, metavar=("A", "B"), help="the readers, as in the tables")
    parser.add_argument("--quantities", nargs="+", default=[], metavar="NAME", help="what is compared (all)")
    parser.add_argument("--regions", nargs="+", default=[], metavar="NAME", help="regions that are compared (all)")
    parser.add_argument(
        "--icc",
        default="3,1",
        choices=("1,1", "2,1", "3,1", "1,k", "2,k", "3,k"),
        help="intraclass correlation after Shrout and Fleiss (3,1)",
    )
    parser.add_argument(
        "--scale",
        default="difference",
        choices=("difference", "percent", "log"),
        help="differences as they are (default), in percent of the mean, or as ratios",
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="level of the intervals (0.95)")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
    parser.set_defaults(run=run, command="regions agree")


def run(options: argparse.Namespace) -> None:
    """Run the sub-command; nothing is written before all is compared."""
    check_output(options.out, overwrite=options.overwrite)
    rows = read_tables(options.tables)
    found, notes = agree_readers(
        rows,
        *options.readers,
        quantities=options.quantities,
        regions=options.regions,
        kind=options.icc,
        scale=options.scale,
        confidence=options.confidence,
    )
    averages = mean_over_readers([row for row in rows if row.reader != "mean"], options.readers)
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_rows(out / "agreement.csv", [agreement.record() for agreement in found])
    write_text(out / "averaged.csv", measurements_to_csv(averages.rows))
    for agreement in found:
        figure = bland_altman_figure(agreement.limits, agreement.quantity, readers=agreement.pairs.readers)
        save_figure(figure, out / f"bland_altman_{_name(agreement)}.png")
    _say(out, found, [*notes, *averages.notes])


def _name(agreement: ReaderAgreement) -> str:
    """Return what tells the figure of a quantity from others."""
    parts = (agreement.quantity, agreement.model, agreement.method)
    return file_name("_".join(part for part in parts if part))


def _say(out: Path, found: list[ReaderAgreement], notes: list[str]) -> None:
    print(f"{'quantity':<14}{'n':>5}  {'ICC (interval)':<26}{'bias':>9}  limits of agreement")
    for agreement in found:
        row = agreement.record()
        icc = f"{row['icc']:.3f} ({row['icc_low']:.3f} to {row['icc_high']:.3f})"
        limits = f"{row['lower_limit']:.3g} to {row['upper_limit']:.3g}"
        unit = {"difference": agreement.unit, "percent": "%", "log": "(ratio)"}[row["scale"]]
        label = f"[{', '.join(part for part in (agreement.model, agreement.method) if part)}]"
        unit = "" if unit == "1" else f" {unit}"
        print(f"{agreement.quantity:<14}{row['n']:>5}  {icc:<26}{row['bias']:>9.3g}  {limits}{unit}  {label}")
    for line in notes:
        print(f"warning: {line}")
    print(f"results in {out.resolve()}")
