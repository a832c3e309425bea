"""``mrbiomarkers regions place``: regions from one point in each vertebral body."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from mrbiomarkers.cli.region_commands.inputs import add_shift, read_picture
from mrbiomarkers.cli.region_commands.outputs import add_output, check_outputs, say, write_results
from mrbiomarkers.files import Volume, read_points
from mrbiomarkers.regions import PlacedRegions, copy_mask, is_same_grid, place_vertebrae, region_size, shift_levels
from mrbiomarkers.settings import PLACEMENT_METHODS, PlacementSettings

EXAMPLE = """\
examples:
  mrbiomarkers regions place clicks.mrk.json --image t2.nii.gz --out regions.seg.nrrd
  mrbiomarkers regions place F.fcsv --levels L1 L2 L3 L4 L5 --image t2.nii.gz --like PDFF.nii.gz --out regions.seg.nrrd
  mrbiomarkers regions place points.csv --image t1.nrrd --method outline --levels L2 L3 L4 --out regions.seg.nrrd

POINTS: a point list of 3D Slicer (.mrk.json, .fcsv), or a table with the columns level,r,a,s [mm]. One point in the
middle of each body, named L1, L2 ...; points that Slicer named by numbers (F-1, F-2 ...) need --levels in their order.
Beside regions.seg.nrrd are written regions.json (what made them) and regions.png (every region on the image: look at
it). The regions can be edited in 3D Slicer.
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the parser."""
    defaults = PlacementSettings()
    parser: argparse.ArgumentParser = commands.add_parser(
        "place",
        help="regions from one point in each vertebral body",
        description="Place a region in every vertebral body that has a point, on the slice of the point and its "
        "neighbours.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("points", metavar="POINTS", help="one point in each body (.mrk.json, .fcsv, .csv)")
    parser.add_argument(
        "--image",
        required=True,
        metavar="IMAGE",
        help="3-D image on which the points were set (FOLDER#5: series 5 of a DICOM folder)",
    )
    parser.add_argument("--like", metavar="MAP", help="make the regions on the grid of this map; default: of IMAGE")
    parser.add_argument(
        "--method",
        default=defaults.method,
        choices=PLACEMENT_METHODS,
        help="super-ellipse (a rounded box of expected size, default), or outline (the edge of the body in IMAGE, "
        "less a margin)",
    )
    parser.add_argument(
        "--levels",
        nargs="+",
        default=[],
        metavar="LEVEL",
        help="levels that get a region (all); names, in order, of points without names",
    )
    parser.add_argument(
        "--neighbours", type=int, default=defaults.neighbours, metavar="N", help="slices on each side of the point (1)"
    )
    parser.add_argument("--size", type=float, metavar="SHARE", help="super-ellipse: share of the body box (0.62)")
    parser.add_argument("--margin", type=float, metavar="MM", help="outline: what is taken off its edge (3)")
    parser.add_argument(
        "--spacing", type=float, default=0.0, metavar="MM", help="from one body to the next; default: from the points"
    )
    add_shift(parser)
    add_output(parser)
    parser.set_defaults(run=run, command="regions place")


def run(options: argparse.Namespace) -> None:
    """Run the sub-command; nothing is written before the regions are made."""
    check_outputs(options, [options.points, options.image, options.like])
    settings = _settings(options)
    if options.shift:  # --levels then are the names after it, not those of nameless points
        points = shift_levels(read_points(options.points), options.shift)
    else:
        points = dict(read_points(options.points, levels=options.levels))
    image = read_picture("--image", options.image)
    target = image if options.like is None else read_picture("--like", options.like)
    outlined = settings.method == "outline"
    grid = image if outlined else target
    values = image.values if outlined else None
    placed = place_vertebrae(points, grid.affine, grid.values.shape, settings, values)
    if outlined and options.like is not None:
        placed = _copied(placed, image, target, settings)
    record = {**placed.record, "shift": options.shift, "points_mm": points}
    what = "the map" if options.like else "the image"
    title = f"Regions from points ({settings.method}) on {what}"
    write_results(options, placed.masks, target, record, placed.warnings, title)
    shown = {name: facts | ({} if outlined else {"margin_mm": None}) for name, facts in record["regions"].items()}
    say(options, shown, placed.warnings)


def _settings(options: argparse.Namespace) -> PlacementSettings:
    """Return the settings of the options; an option of the other method is refused."""
    defaults = PlacementSettings()
    unused = "size" if options.method == "outline" else "margin"
    if getattr(options, unused) is not None:
        raise ValueError(f"--{unused}: has no meaning for the method {options.method}")
    return PlacementSettings(
        method=options.method,
        levels=tuple(options.levels),
        neighbours=options.neighbours,
        size=defaults.size if options.size is None else options.size,
        margin=defaults.margin if options.margin is None else options.margin,
        spacing=options.spacing,
    )


def _copied(placed: PlacedRegions, image: Volume, target: Volume, settings: PlacementSettings) -> PlacedRegions:
    """Return the regions that were found in the image on the grid of the map, by physical position."""
    if is_same_grid(image.values.shape, image.affine, target.values.shape, target.affine):
        return placed
    masks, warnings = {}, list(placed.warnings)
    facts: dict[str, Any] = {}
    for name, mask in placed.masks.items():
        try:
            copy = copy_mask(mask, image.affine, target.values.shape, target.affine)
        except ValueError as error:
            raise ValueError(f"{name} on --like: {error}") from None
        masks[name] = copy.mask
        size = region_size(name, copy.mask, target.affine)
        of_image = {f"{key}_of_image": placed.record["regions"][name][key] for key in ("n_voxels", "area_mm2")}
        facts[name] = placed.record["regions"][name] | of_image | size | {"outside_fraction": copy.outside_fraction}
        warnings += [f"{name}: {line}" for line in copy.warnings]
        if copy.area_mm2 < settings.min_area or copy.n_voxels < settings.min_voxels:
            warnings.append(
                f"{name}: small region of {copy.area_mm2:.1f} mm2 and {copy.n_voxels} voxels on the map (expected "
                f"{settings.min_area:g} mm2 and {settings.min_voxels} voxels or more)"
            )
    record = placed.record | {"copied": "from the grid of the image, by position", "regions": facts}
    return replace(placed, masks=masks, warnings=tuple(warnings), record=record)
