"""``mrbiomarkers regions measure``: maps measured in regions that were drawn once, by one reader or several."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from mrbiomarkers.cli.scanner_maps import read_map_to_measure
from mrbiomarkers.files import (
    check_output,
    prepare_output,
    read_mask,
    read_regions,
    write_json,
    write_rows,
    write_text,
)
from mrbiomarkers.jobs import DrawnRegion, MeasuredMaps, measure_maps
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.regions import LESION_AREA, compare_regions, copy_mask, lesion_size
from mrbiomarkers.report import region_figure, save_figure
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study import file_name
from mrbiomarkers.tables import LUMBAR

EXAMPLE = """\
examples:
  mrbiomarkers regions measure results/D.nii.gz results/PDFF.nii.gz --regions lumbar.seg.nrrd --reader A --out measured
  mrbiomarkers regions measure results/*.nii.gz --readers A=readerA.seg.nrrd B=readerB.seg.nrrd --mean --out measured
  mrbiomarkers regions measure ADC=adc.nii.gz --map-scale ADC=um2/ms --regions L3=l3.nii.gz --out measured
  mrbiomarkers regions measure D=workstation#7 f=workstation#8 --map-scale D=um2/s f=permille \\
      --regions lumbar.seg.nrrd --out measured

MAP: what it is stands in the JSON file beside it or in its DICOM header, as other commands write it; else give it as
NAME=FILE, NAME=FOLDER or NAME=FOLDER#SERIES (DICOM; mrbiomarkers inventory lists the numbers), and its unit with
--map-scale. Where the unit is missing the message says which one the numbers speak for; nothing is scaled unasked.
Every region is copied to the grid of every map by physical position; --by-index is for images that lost their
geometry. --out receives measurements.csv, a figure of every reader's regions on the first map and, with two readers,
comparison.csv (overlap and distance of their regions). --lesions adds lesions.csv (area of each slice, largest
diameter).
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "measure",
        help="measure maps in regions, of one reader or several",
        description="Measure maps in regions that were drawn once, on whatever image.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("maps", nargs="+", metavar="MAP", help="maps to measure: FILE, NAME=FILE or NAME=FOLDER")
    parser.add_argument(
        "--map-scale",
        nargs="+",
        default=[],
        metavar="NAME=UNIT",
        help="units of maps that do not say it: mm2/s, um2/ms, um2/s; %%, fraction, permille; 1/s, 1/ms; s, ms; 1; or "
        "FACTOR*UNIT, as PDFF=0.1*%%",
    )
    drawn = parser.add_mutually_exclusive_group(required=True)
    drawn.add_argument(
        "--regions", nargs="+", metavar="NAME=MASK", help="masks with a name each, or one label map or .seg.nrrd"
    )
    drawn.add_argument("--readers", nargs="+", metavar="READER=FILE", help="label map or .seg.nrrd of each reader")
    parser.add_argument("--by-index", action="store_true", help="copy regions voxel for voxel, whatever the geometry")
    parser.add_argument("--per-slice", action="store_true", help="also a row for each slice of a region")
    parser.add_argument(
        "--mean", nargs="*", metavar="REGION", help="also the mean over these regions (L1 to L5 where none is named)"
    )
    parser.add_argument(
        "--weights", default="voxels", choices=("voxels", "equal"), help="weights of that mean (voxels)"
    )
    parser.add_argument(
        "--lesions", nargs="+", default=[], metavar="NAME", help="regions that are lesions: lesions.csv"
    )
    parser.add_argument("--outer", metavar="MASK", help="outer contour (bone, body) that a lesion must not touch")
    parser.add_argument(
        "--lesion-area",
        nargs=2,
        type=float,
        default=LESION_AREA,
        metavar=("LOW", "HIGH"),
        help=f"usual area of a lesion in mm2 ({LESION_AREA[0]:g} {LESION_AREA[1]:g})",
    )
    parser.add_argument("--subject", default="", help="name written into the table")
    parser.add_argument("--timepoint", default="", help="time point written into the table")
    parser.add_argument("--reader", default="", help="who drew --regions, written into the table")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
    parser.set_defaults(run=run, command="regions measure")


def run(options: argparse.Namespace) -> None:
    """Run the sub-command; nothing is written before all is measured."""
    check_output(options.out, overwrite=options.overwrite)
    maps, notes = _read_maps(options)
    regions = _read_readers(options)
    identity = MeasureSettings(subject=options.subject, timepoint=options.timepoint, per_slice=options.per_slice)
    result = measure_maps(
        maps,
        regions,
        identity=identity,
        by="index" if options.by_index else "position",
        mean_of=() if options.mean is None else tuple(options.mean) or LUMBAR,
        weights=options.weights,
    )
    result.warnings[:0] = notes
    comparisons = _compare(result, maps[0])
    lesions = _lesions(options, regions, result)
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    if comparisons:
        write_rows(out / "comparison.csv", comparisons)
    if lesions:
        write_rows(out / "lesions.csv", lesions)
    how = "index" if options.by_index else "position"
    write_json(out / "run.json", {"command": options.command, "copied by": how, "warnings": result.warnings})
    _draw(out, result, maps[0])
    _say(out, result)


def _pairs(option: str, words: list[str], what: str) -> list[tuple[str, str]]:
    """Return the names and values of words NAME=VALUE; each name once."""
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value:
            raise ValueError(f"{option}: expected NAME={what}, got {word!r}")
        if name in found:
            raise ValueError(f"{option}: expected {name} once, got it twice")
        found[name] = value
    return list(found.items())


def _read_maps(options: argparse.Namespace) -> tuple[list[ParameterMap], list[str]]:
    """Return the maps in known units, and what a user has to know of them."""
    scales = dict(_pairs("--map-scale", options.map_scale, "UNIT"))
    words = [_name_and_path(word) for word in options.maps]
    stray = [name for name in scales if name not in [named for named, _ in words]]
    if stray:
        raise ValueError(f"--map-scale: expected names of maps given as NAME=MAP, got {', '.join(stray)}")
    maps, notes = [], []
    for name, path in words:
        read, said = read_map_to_measure(name, path, scales.get(name))
        maps.append(read)
        notes.extend(said)
    return maps, notes


def _name_and_path(word: str) -> tuple[str, str]:
    name, separator, path = word.partition("=")
    return (name, path) if separator and not Path(word).exists() else ("", word)


def _read_readers(options: argparse.Namespace) -> dict[str, dict[str, DrawnRegion]]:
    """Return the regions of each reader by name."""
    if options.readers:
        if options.reader:
            raise ValueError("--reader: expected with --regions only; --readers names its readers itself")
        if "mean" in dict(_pairs("--readers", options.readers, "FILE")):
            raise ValueError("--readers: expected other names than 'mean', which is that of the mean of readers")
        return {name: _read_regions([path]) for name, path in _pairs("--readers", options.readers, "FILE")}
    return {options.reader: _read_regions(options.regions)}


def _read_regions(words: list[str]) -> dict[str, DrawnRegion]:
    found: dict[str, DrawnRegion] = {}
    for word in words:
        name, separator, path = word.partition("=")
        read = {name: read_mask(path)} if separator and not Path(word).exists() else read_regions(word)
        for key, volume in read.items():
            if not key.strip() or key in found:
                raise ValueError(f"--regions: expected a name of its own for each region, got {key!r}")
            found[key] = DrawnRegion(np.greater(volume.values, 0), volume.affine)
    return found


def _compare(result: MeasuredMaps, first: ParameterMap) -> list[dict[str, Any]]:
    """Return overlap and distances of the regions of every two readers, on the grid of the first map."""
    readers = list(result.copies)
    rows: list[dict[str, Any]] = []
    for n, one in enumerate(readers):
        for other in readers[n + 1 :]:
            masks = [{name: copy.mask for name, copy in result.copies[who].items()} for who in (one, other)]
            if not set(masks[0]) & set(masks[1]):
                continue
            compared = compare_regions(masks[0], masks[1], first.affine)
            result.warnings.extend(f"readers {one!r} and {other!r}: {line}" for line in compared.warnings)
            for row in compared.rows:
                rows.append(
                    {
                        "reader_a": one,
                        "reader_b": other,
                        "region": row.region,
                        "n_voxels_a": row.n_voxels_first,
                        "n_voxels_b": row.n_voxels_second,
                        "volume_a_mm3": row.volume_first,
                        "volume_b_mm3": row.volume_second,
                        "dice": row.dice,
                        "mean_distance_mm": row.mean_distance,
                        "distance_95_mm": row.distance_95,
                        "max_distance_mm": row.max_distance,
                    }
                )
    return rows


def _lesions(
    options: argparse.Namespace, regions: dict[str, dict[str, DrawnRegion]], result: MeasuredMaps
) -> list[dict[str, Any]]:
    """Return the sizes of the lesions, on the grids they were drawn on; what is unusual becomes a warning."""
    if options.outer and not options.lesions:
        raise ValueError("--outer: expected with --lesions only")
    outer = read_mask(options.outer) if options.outer else None
    rows: list[dict[str, Any]] = []
    for reader, drawn in regions.items():
        for name in options.lesions:
            if name not in drawn:
                raise ValueError(f"--lesions: expected a region ({', '.join(drawn)}), got {name!r}")
            mask, affine = drawn[name]
            inside = None
            if outer is not None:
                inside = copy_mask(np.greater(outer.values, 0), outer.affine, mask.shape, affine).mask
            size = lesion_size(mask, affine, name=name, outline=inside, area_range=tuple(options.lesion_area))
            result.warnings.extend(f"reader {reader!r}, {line}" if reader else line for line in size.warnings)
            row: dict[str, Any] = {"subject": options.subject, "timepoint": options.timepoint, "reader": reader}
            row |= {"region": name, "area_mm2": size.area_mm2, "diameter_mm": size.diameter_mm}
            row |= {"diameter_slice": size.diameter_slice + 1, "volume_mm3": size.volume_mm3}
            areas = " ".join(f"{k + 1}:{area:.1f}" for k, area in size.areas.items())
            rows.append({**row, "areas_by_slice_mm2": areas, "n_touching": size.n_touching})
    return rows


def _draw(out: Path, result: MeasuredMaps, first: ParameterMap) -> None:
    """Draw the regions of each reader on the first map."""
    for reader, copies in result.copies.items():
        masks = {name: copy.mask for name, copy in copies.items()}
        title = f"Regions{f' of reader {reader}' if reader else ''} on {first.quantity.name}"
        figure = region_figure(first.values, masks, first.affine, title=title)
        save_figure(figure, out / f"regions{'_' + file_name(reader) if reader else ''}.png")


def _say(out: Path, result: MeasuredMaps) -> None:
    for row in result.rows:
        if row.slice == "all":
            who = f"{row.reader:>6} " if row.reader else ""
            count = "1 voxel" if row.n_voxels == 1 else f"{row.n_voxels} voxels"
            unit = "" if row.unit == "1" else f" {row.unit}"
            print(f"{who}{row.region:>12}  {row.quantity:<8} {row.value:9.3f} +- {row.sd:.3f}{unit}  [{count}]")
    for line in result.warnings:
        print(f"warning: {line}")
    print(f"results in {out.resolve()}")
