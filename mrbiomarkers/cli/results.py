"""Options that commands which make maps share."""

from __future__ import annotations

import argparse


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the identity columns of the table, ``--out`` and ``--overwrite``."""
    parser.add_argument("--subject", default="", help="name written into the table")
    parser.add_argument("--timepoint", default="", help="time point written into the table")
    parser.add_argument("--reader", default="", help="who drew the regions, written into the table")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
