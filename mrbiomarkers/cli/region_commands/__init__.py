"""``mrbiomarkers regions``: regions made, maps measured in them, readers compared; one file a sub-command."""

from __future__ import annotations

from typing import Any

from mrbiomarkers.cli.region_commands import agree, convert, mapping, measure, place

_COMMANDS = (place, convert, mapping, measure, agree)


def add_parser(commands: Any) -> None:
    """Add the command and its sub-commands to the parser."""
    parser = commands.add_parser(
        "regions",
        help="regions from points, a segmentation or another image; maps measured in them; agreement of readers",
        description="Make regions in vertebral bodies, bring regions onto another image, measure maps in them, and "
        "compare readers.",
    )
    parts = parser.add_subparsers(title="sub-commands", metavar="SUB-COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(parts)
