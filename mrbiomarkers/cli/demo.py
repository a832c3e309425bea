"""``mrbiomarkers demo``: simulate a lumbar spine, write it as a scanner would, and run the main job on it."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="simulate a subject and run the main job on it",
        description="Simulate a sagittal lumbar spine with 11 b-values, then fit, measure and draw it. No download.",
        epilog="example:\n  mrbiomarkers demo --out demo_output",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default="demo_output", metavar="DIR", help="folder for data and results (demo_output)")
    parser.add_argument("--snr", type=float, default=40.0, help="signal-to-noise ratio of marrow at b = 0 (40)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier demo")
    parser.set_defaults(run=run, command="demo")
