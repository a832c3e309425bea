"""``mrbiomarkers regions map``: regions drawn on one image, brought onto the grid of another."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.cli.region_commands.inputs import check_beside, read_picture
from mrbiomarkers.files import (
    Volume,
    check_output,
    prepare_output,
    read_regions,
    write_json,
    write_regions,
    write_rows,
)
from mrbiomarkers.jobs import MappedMask, MaskMapping, map_masks
from mrbiomarkers.regions import describe_grid, is_same_lattice, place_mask
from mrbiomarkers.report import mapping_figure, save_figure

EXAMPLE = """\
examples:
  mrbiomarkers regions map --image T2.nii.gz --mask T2_roi.nrrd --target ADC.nii.gz --out mapped
  mrbiomarkers regions map --image exam#4 --mask tumour.seg.nrrd --target exam#9 --register --out mapped
  mrbiomarkers regions map --image T2.nii.gz --mask T2_roi.nrrd --target ADC.nii.gz --register --partner b0.nii.gz \\
      --suffix .nii.gz --out mapped

Position in the scanner decides, unless --register is given: where the images agree already, position is better. The
registration compares the images around the regions. It is refused where it does not improve on position or moves too
far: position is kept then, and a warning says so. An ADC map is too flat to be compared; its b = 0 image can be
(--partner, which must lie where the map lies).

--out receives mapped.seg.nrrd (on the grid of the target, for "mrbiomarkers radiomics" or 3D Slicer), mapping.csv (a
line a region: voxels and volume before and after, how far it was moved), mapping.json (what made it) and mapping.png
(both images with the outlines, slice by slice: look at it).
"""
_SUFFIXES = (".seg.nrrd", ".nrrd", ".nii.gz", ".nii")


def add_parser(commands: Any) -> None:
    """Add the sub-command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "map",
        help="regions of one image on the grid of another (T2-weighted to ADC)",
        description="Bring regions drawn on one image onto the grid of another image of the same examination.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    dicom = "(FOLDER#5: series 5 of a DICOM folder)"
    parser.add_argument("--image", required=True, metavar="IMAGE", help=f"3-D image that was drawn on {dicom}")
    parser.add_argument("--mask", required=True, metavar="FILE", help="its regions: label map or .seg.nrrd")
    parser.add_argument("--target", required=True, metavar="IMAGE", help="the other 3-D image or map")
    parser.add_argument("--register", action="store_true", help="register the images around the regions first")
    parser.add_argument(
        "--partner", metavar="IMAGE", help="with --register: what IMAGE is compared with in place of the target"
    )
    parser.add_argument("--suffix", default=_SUFFIXES[0], choices=_SUFFIXES, help="format of the mapped regions")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
    parser.set_defaults(run=run, command="regions map")


def run(options: argparse.Namespace) -> None:
    """Run the sub-command; nothing is written before the regions are mapped."""
    check_output(options.out, overwrite=options.overwrite)
    if options.partner is not None and not options.register:
        raise ValueError("--partner: expected only together with --register")
    image = read_picture("--image", options.image)
    target = read_picture("--target", options.target)
    partner = None if options.partner is None else read_picture("--partner", options.partner)
    drawn = {name: _on_image(name, region, image) for name, region in read_regions(options.mask).items()}
    found = map_masks(
        drawn,
        image.affine,
        (target.values, target.affine),
        image=image.values if options.register else None,
        partner=None if partner is None else (partner.values, partner.affine),
        register=options.register,
        progress=terminal_progress("Registering, levels") if options.register else None,
    )
    mapped = {name: region.mask for name, region in found.regions.items()}
    figure = mapping_figure(
        (image.values, image.affine),
        (target.values, target.affine),
        drawn,
        mapped,
        transform=found.transform,
        title=f"Regions brought onto another image by {found.by}",
    )
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_regions(out / f"mapped{options.suffix}", mapped, target.affine)
    write_rows(out / "mapping.csv", [_row(name, region, found) for name, region in found.regions.items()])
    write_json(out / "mapping.json", _record(options, found, target))
    save_figure(figure, out / "mapping.png", dpi=200)
    _say(out, options.suffix, found)


def _on_image(name: str, region: Volume, image: Volume) -> NDArray[np.bool_]:
    """Return a region on the grid of the image that was drawn on; it may have been cropped."""
    mask = np.greater(region.values, 0)
    if not is_same_lattice(mask.shape, region.affine, image.values.shape, image.affine):
        check_beside("--mask", region, image, "IMAGE, on which it was drawn")
    placed, outside = place_mask(f"--mask, {name}", mask, region.affine, image.values.shape, image.affine)
    if outside:
        raise ValueError(f"--mask, {name}: expected a region inside IMAGE, got {outside:.0%} of it outside")
    return placed


def _row(name: str, region: MappedMask, found: MaskMapping) -> dict[str, Any]:
    numbers = {
        field.name: getattr(region, field.name) for field in fields(region) if field.name not in ("mask", "warnings")
    }
    change = {"volume_change": region.volume_change}
    return {"region": name, "by": found.by, **numbers, **change, "warnings": "; ".join(region.warnings)}


def _record(options: argparse.Namespace, found: MaskMapping, target: Volume) -> dict[str, Any]:
    """Return what made the result; it names no file."""
    record: dict[str, Any] = {
        "software": f"MRBiomarkers {__version__}",
        "command": options.command,
        "by": found.by,
        "decision": found.decision,
        "compared with": None if found.registration is None else "partner" if options.partner else "target",
        "transform of RAS positions [mm]": found.transform.tolist(),
        "regions": [_row(name, region, found) for name, region in found.regions.items()],
        "grid": describe_grid(target.values.shape, target.affine),
        "warnings": list(found.warnings),
    }
    if found.registration is not None:
        registration = found.registration
        names = ("kind", "displacement", "metric_before", "metric_after", "peak")
        record["registration"] = {name: getattr(registration, name) for name in names} | dict(registration.record)
    return record


def _say(out: Path, suffix: str, found: MaskMapping) -> None:
    print(f"{'region':<16}{'voxels':>16}{'volume [mm3]':>20}{'change':>8}{'moved [mm]':>12}{'outside':>9}")
    for name, region in found.regions.items():
        voxels = f"{region.n_voxels_before} > {region.n_voxels}"
        volume = f"{region.volume_before_mm3:.0f} > {region.volume_mm3:.0f}"
        moved = f"{region.shift_mm:.1f}"
        print(
            f"{name:<16}{voxels:>16}{volume:>20}{region.volume_change:>+8.1%}{moved:>12}{region.outside_fraction:>9.1%}"
        )
    if not any(found.decision in line for line in found.warnings):
        print(found.decision)
    for line in found.warnings:
        print(f"warning: {line}")
    print(f"mapped{suffix}, mapping.csv, mapping.json and mapping.png (look at it) in {out.resolve()}")
