"""The command line ``mrbiomarkers``: one file a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mrbiomarkers import __version__
from mrbiomarkers.cli import (
    convert_series,
    demo,
    diffusion,
    fatwater,
    inventory,
    plan_bvalues,
    radiomics,
    region_commands,
)

_COMMANDS = (inventory, convert_series, diffusion, fatwater, plan_bvalues, region_commands, radiomics, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default those of the process.

    Returns
    -------
    int
        0 done; 2 an argument or a file that cannot be used (one line on standard error); 130 cancelled.
    """
    parser = argparse.ArgumentParser(
        prog="mrbiomarkers", description="Quantitative MR biomarkers: maps, regions, tables and pictures."
    )
    parser.add_argument("--version", action="version", version=f"mrbiomarkers {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, TypeError, OSError) as error:
        text = " ".join(str(error).split())
        print(f"mrbiomarkers {options.command}: error: {text}", file=sys.stderr)
        return 130 if isinstance(error, InterruptedError) else 2
    except KeyboardInterrupt:
        print(f"\nmrbiomarkers {options.command}: cancelled; files already written are whole", file=sys.stderr)
        return 130
    return 0
