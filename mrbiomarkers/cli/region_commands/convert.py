"""``mrbiomarkers regions convert``: regions of marrow from a model's segmentation of vertebrae."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.cli.region_commands.inputs import add_shift, check_beside, read_picture
from mrbiomarkers.cli.region_commands.outputs import add_output, check_outputs, say, write_results
from mrbiomarkers.files import Volume, read_mask, read_segments
from mrbiomarkers.regions import LABEL_TABLES, vertebra_bodies
from mrbiomarkers.settings import BodySettings

EXAMPLE = """\
examples:
  mrbiomarkers regions convert vertebrae_mr.nii.gz --table totalsegmentator-mr --image t1.nii.gz --out regions.seg.nrrd
  mrbiomarkers regions convert vert.nii.gz --table spineps --subregions subreg.nii.gz --like PDFF.nii.gz
      --out regions.seg.nrrd
  mrbiomarkers regions convert vertebrae.seg.nrrd --without-vein --outliers 3 --image t2.nrrd --out regions.nii.gz

LABELS: a segmentation of whole vertebrae. Levels are found by SNOMED code, then by ID or name, then by --table; without
these nothing is guessed. A table of your own is a JSON file such as {"7": "L1", "6": "L2", "20": "canal"}; its keys may
be label values, IDs or names. Beside regions.seg.nrrd are written regions.json (what made them) and regions.png (every
region on the image: look at it). The regions can be edited in 3D Slicer.
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert",
        help="regions of marrow from a segmentation of vertebrae",
        description="Make regions of marrow from a segmentation of whole vertebrae: bodies only,\nless a margin, on "
        "the mid-sagittal slice and its neighbours.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", metavar="LABELS", help="label map or .seg.nrrd of whole vertebrae")
    parser.add_argument(
        "--table", metavar="NAME|FILE", help=f"what the labels mean: {', '.join(LABEL_TABLES)}, or a JSON file"
    )
    parser.add_argument("--subregions", metavar="FILE", help="SPINEPS' map of subregions, on the grid of LABELS")
    parser.add_argument("--canal", metavar="FILE", help="mask of the spinal canal or cord, on the grid of LABELS")
    parser.add_argument("--image", metavar="FILE", help="the image that was segmented, on the grid of LABELS")
    parser.add_argument("--like", metavar="MAP", help="make the regions on the grid of this map; default: of LABELS")
    parser.add_argument("--levels", nargs="+", metavar="LEVEL", help="levels that get a region; default: L1 to L6")
    add_shift(parser)
    _add_settings(parser)
    add_output(parser)
    parser.set_defaults(run=run, command="regions convert")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    defaults = BodySettings()
    parser.add_argument(
        "--margin", type=float, default=defaults.margin, metavar="MM", help="what is taken off the edge of a body (3)"
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--neighbours", type=int, default=defaults.neighbours, metavar="N", help="slices on each side of the middle (1)"
    )
    depth.add_argument("--whole", action="store_true", help="the whole body, not only its middle slices")
    depth.add_argument("--thickness", type=float, metavar="MM", help="thickness of the region from right to left")
    parser.add_argument("--without-vein", action="store_true", help="leave out the wedge of the basivertebral vein")
    parser.add_argument(
        "--outliers",
        type=float,
        metavar="N",
        help="leave out voxels of --image more than N scaled median absolute deviations off the median (3 is usual)",
    )


def run(options: argparse.Namespace) -> None:
    """Run the sub-command; nothing is written before the regions are made."""
    inputs = (options.labels, options.table, options.subregions, options.canal, options.image, options.like)
    check_outputs(options, inputs)
    settings = BodySettings(
        margin=options.margin,
        neighbours=None if options.whole or options.thickness is not None else options.neighbours,
        thickness=options.thickness,
        without_vein=options.without_vein,
        outlier_limit=options.outliers,
    )
    if options.outliers is not None and options.image is None:
        raise ValueError("--outliers: expected --image with it, the image that was segmented; got none")
    table = _table(options.table)
    labels, segments = read_segments(options.labels)
    image = _beside("--image", options.image, labels)
    subregions = _beside("--subregions", options.subregions, labels)
    target = labels if options.like is None else read_picture("--like", options.like)
    bodies = vertebra_bodies(
        labels.values,
        labels.affine,
        table=table,
        segments=segments,
        levels=options.levels,
        shift=options.shift,
        subregions=None if subregions is None else subregions.values,
        canal=_canal(options.canal, labels),
        image=None if image is None else image.values,
        target_shape=target.values.shape,
        target_affine=target.affine,
        settings=settings,
    )
    record = {"software": f"MRBiomarkers {__version__}", **bodies.record}
    if isinstance(table, dict):
        record["table"] = table
    background, what = _background(options, labels, image, target)
    title = f"Regions from a segmentation on {what}"
    write_results(options, bodies.masks, background, record, bodies.warnings, title)
    say(options, {name: bodies.record["levels"][name] for name in bodies.masks}, bodies.warnings)


def _table(text: str | None) -> str | dict[int | str, str] | None:
    """Return the name of a table, or the table of a file."""
    if text is None or text in LABEL_TABLES:
        return text
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"--table: expected {', '.join(LABEL_TABLES)} or a JSON file, got {text!r}")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        read = None
    if not isinstance(read, dict) or not read or not all(isinstance(level, str) for level in read.values()):
        raise ValueError(f'--table {text}: expected JSON as {{"7": "L1", "6": "L2"}}, got something else')
    return {int(key) if key.isdecimal() else key: level for key, level in read.items()}


def _beside(option: str, path: str | None, labels: Volume) -> Volume | None:
    if path is None:
        return None
    volume = read_picture(option, path)
    check_beside(option, volume, labels, "LABELS")
    return volume


def _canal(path: str | None, labels: Volume) -> NDArray[np.generic] | None:
    if path is None:
        return None
    mask = read_mask(path)
    check_beside("--canal", mask, labels, "LABELS")
    return mask.values


def _background(
    options: argparse.Namespace, labels: Volume, image: Volume | None, target: Volume
) -> tuple[Volume, str]:
    """Return what the figure shows behind the regions, on their grid, and what it is."""
    if options.like is not None:
        return target, "the map"
    if image is not None:
        return image, "the image"
    return Volume(np.greater(labels.values, 0), labels.affine), "the segmentation (no --image was given)"
