"""``--bids`` of the commands that make maps: the maps once more, under the names of BIDS derivatives."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mrbiomarkers import __version__
from mrbiomarkers.files import bids_name, bids_sidecar, prepare_output, write_json, write_map, write_text
from mrbiomarkers.maps import ParameterMap

_IGNORED = ("*_dwimap.*", "*_PDFFmap.*", "*_map.*")  # what a validator of the standard does not know yet


def add_bids_output(parser: Any) -> None:
    """Add ``--bids`` and ``--session``."""
    parser.add_argument(
        "--bids", metavar="SUBJECT", help="also write the maps into OUT/bids, named as BIDS derivatives (sub-SUBJECT)"
    )
    parser.add_argument("--session", default="", metavar="S", help="with --bids: the session (ses-S)")


def check_bids_options(options: argparse.Namespace) -> None:
    """Check, before anything is read, that the labels can stand in BIDS names.

    Raises
    ------
    ValueError
        When one holds something else than letters and digits, or ``--session`` comes alone.
    """
    if options.bids is None:
        if options.session:
            raise ValueError("--session: expected together with --bids only")
        return
    try:
        bids_name("R2star", options.bids, session=options.session)
    except ValueError as error:
        raise ValueError(f"--bids: {error}") from None


def write_bids(out: Path, options: argparse.Namespace, maps: Mapping[str, ParameterMap]) -> None:
    """Write the maps with their side files into ``out/bids``; nothing without ``--bids``."""
    if options.bids is None:
        return
    folder = f"sub-{options.bids}" + (f"/ses-{options.session}" if options.session else "")
    top = prepare_output(out / "bids", overwrite=True)
    for parameter_map in maps.values():
        model = str(parameter_map.provenance.get("model") or "")
        names = [
            bids_name(parameter_map.quantity.key, options.bids, session=options.session, model=model, suffix=suffix)
            for suffix in (".nii.gz", ".json")
        ]
        place = prepare_output(top / folder / ("dwi" if "dwimap" in names[0] else "anat"), overwrite=True)
        write_map(place / names[0], parameter_map)
        write_json(place / names[1], bids_sidecar(parameter_map))
    made_by = {"Name": "MRBiomarkers", "Version": __version__}
    description = {"Name": "Maps of MRBiomarkers", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
    write_json(top / "dataset_description.json", {**description, "GeneratedBy": [made_by]})
    write_text(top / ".bidsignore", "\n".join(_IGNORED) + "\n")
