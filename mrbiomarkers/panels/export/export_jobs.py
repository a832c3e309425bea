"""What an export reads of the nodes before it writes, and the steps in which it writes. No Qt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import Volume, write_json, write_points, write_regions, write_rows, write_text, write_volume
from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement, measurements_to_csv
from mrbiomarkers.mrml import drawn_regions, frames_of, level_points, masks_on, measurements_of, parameter_map
from mrbiomarkers.mrml.agreement_out import agreement_records
from mrbiomarkers.mrml.segments import label_names
from mrbiomarkers.mrml.volumes import voxels_of
from mrbiomarkers.panels.export.export_contents import Results, charted, table_rows
from mrbiomarkers.panels.export.export_dicom import (
    DicomSource,
    DicomWish,
    check_grids,
    check_image,
    read_source,
    write_objects,
)
from mrbiomarkers.panels.export.export_figures import Picture, agreement_figures, decay_figures, map_figures
from mrbiomarkers.report import save_figure
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study.results import file_name, write_maps, write_status

Mask = NDArray[np.bool_]
Progress = Callable[[int, int], bool]
Job = Callable[[Path, Progress], None]

_FORMAT = ".nrrd"
_COUNTS = ("n", "n_incomplete")  # whole numbers, which table nodes hold as others


@dataclass(eq=False)
class Material:
    """What was read of the nodes before anything is written."""

    picture: Picture | None = None
    drawn: dict[str, DrawnRegion] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    maps: dict[str, ParameterMap] = field(default_factory=dict)
    rows: list[Measurement] = field(default_factory=list)
    source: DicomSource | None = None
    on_source: dict[str, Mask] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def gathered(results: Results, parts: Collection[str], dicom: DicomWish | None, tell: Progress) -> Material:
    """Read everything that is needed of the nodes, so that what is wrong with them is said before files are made.

    Raises
    ------
    TypeError, ValueError
        When a node cannot be used, or the DICOM folder is not that of the maps.
    InterruptedError
        When ``tell``, over the files of the DICOM folder, returned False.
    """
    wanted, found = set(parts), Material()
    if wanted & {"maps", "figures", "dicom"}:
        found.maps = {name: parameter_map(node) for name, node in results.maps.items()}
    if wanted & {"regions", "figures", "dicom"} and results.regions is not None:
        found.drawn = drawn_regions(results.regions)
    if wanted & {"regions", "figures"} and found.drawn:
        found.picture = _picture(results.image, found.maps or _maps_for_grid(results))
        found.masks, outside = masks_on(found.drawn, found.picture.image.shape, found.picture.affine)
        found.notes += [
            f"region {name}: {100 * share:.0f} % of it lies outside the image and is not in the files"
            for name, share in outside.items()
            if share > 0
        ]
    if "dicom" in wanted and dicom is not None:
        if results.measurements is not None:
            found.rows = measurements_of(results.measurements)
        found.source = read_source(dicom, found.drawn, results.identity, tell)
        check_grids(found.source, found.maps)
        if results.image is not None:
            check_image(found.source, _picture(results.image, {}).image)
        if found.drawn:
            found.on_source, _ = masks_on(found.drawn, found.source.shape, found.source.affine)
    return found


def _maps_for_grid(results: Results) -> dict[str, ParameterMap]:
    return {name: parameter_map(node) for name, node in list(results.maps.items())[:1]} if results.image is None else {}


def _picture(image: Any, maps: Mapping[str, ParameterMap]) -> Picture:
    """Return the image of the lowest b-value or first echo; without a series, the first map."""
    if image is not None:
        frames = frames_of(image)
        return Picture(frames.first, frames.affine)
    if not maps:
        raise ValueError("regions: expected a series or a map, on whose voxels they are written, got none")
    first_map = next(iter(maps.values()))
    return Picture(np.nan_to_num(first_map.values), first_map.affine)


def jobs_of(results: Results, parts: Collection[str], found: Material) -> Iterator[Job]:
    """Yield what is to be written, in steps: ``job(folder, progress)``."""
    if "table" in parts:
        yield partial(_write_table, results.table)
    if "maps" in parts:
        yield from _map_jobs(results, found)
    if "regions" in parts and found.picture is not None:
        yield partial(_write_regions, results.regions, found.masks, found.picture)
    if "regions" in parts and results.has_points:
        yield partial(_write_points, results.points)
    if "figures" in parts:
        yield from _figure_jobs(results, found)
    if "dicom" in parts and found.source is not None:
        yield partial(_write_dicom, found, found.source, results.identity)


def _map_jobs(results: Results, found: Material) -> Iterator[Job]:
    for name, one in found.maps.items():
        yield partial(_write_map, name, one)
    for name, own in _statuses(found.maps, results.is_echo).items():
        yield partial(_write_status, name, own)
    if results.best_model is not None:
        yield partial(_write_best_model, results.best_model)


def _figure_jobs(results: Results, found: Material) -> Iterator[Job]:
    decays, compared = charted(results.is_echo, results.charts)
    figures = [*decay_figures(decays), *agreement_figures(compared)]
    if found.picture is not None:
        figures += map_figures(found.picture, found.maps, found.masks)
    for name, draw in figures:
        yield partial(_write_figure, name, draw, found.notes)


def _write_table(table: Any, out: Path, tell: Progress) -> None:
    kind = table.GetAttribute("MRBiomarkers.Table")
    if kind == "measurements":
        write_text(out / "measurements.csv", measurements_to_csv(measurements_of(table)))
        return
    agreement = agreement_records(table)
    rows = agreement or table_rows(table)
    for row in rows:
        row.update({name: int(row[name]) for name in _COUNTS if isinstance(row.get(name), float)})
    write_rows(out / ("agreement.csv" if agreement else f"{file_name(kind or 'table')}.csv"), rows)


def _write_map(name: str, one: ParameterMap, out: Path, tell: Progress) -> None:
    write_maps(out, {name: one}, _FORMAT)


def _statuses(maps: Mapping[str, ParameterMap], is_echo: bool) -> dict[str, list[ParameterMap]]:
    """Return the maps of each model, by the name of the file of its status."""
    models: dict[str, list[ParameterMap]] = defaultdict(list)
    for one in maps.values():
        if one.quantity.key != "R2":  # of a comparison of models, not of a fit
            models[str(one.provenance.get("model") or "")].append(one)
    alone = is_echo and len(models) == 1
    return {"status" if alone or not model else f"status_{file_name(model)}": own for model, own in models.items()}


def _write_status(name: str, maps: list[ParameterMap], out: Path, tell: Progress) -> None:
    """Write all flags that the maps of a model have."""
    flags = np.bitwise_or.reduce([np.asarray(one.status) for one in maps if one.values.shape == maps[0].values.shape])
    write_status(out / name, flags, maps[0].affine, _FORMAT, model=maps[0].provenance.get("model"))


def _write_best_model(node: Any, out: Path, tell: Progress) -> None:
    voxels, affine = voxels_of("best_model", node)
    values = voxels[..., 0].astype(np.uint8)
    write_volume(out / f"best_model{_FORMAT}", Volume(values, affine))
    numbers = {0: "not compared", **{int(label): name for label, name in label_names(node, np.unique(values)).items()}}
    write_json(out / "best_model.json", {"criterion": node.GetAttribute("MRBiomarkers.Criterion"), "numbers": numbers})


def _write_regions(node: Any, masks: Mapping[str, Mask], picture: Picture, out: Path, tell: Progress) -> None:
    content = node.GetSegmentation() if node.IsA("vtkMRMLSegmentationNode") else None
    segments = [] if content is None else [content.GetSegment(identifier) for identifier in content.GetSegmentIDs()]
    colours = {segment.GetName(): tuple(segment.GetColor()) for segment in segments}
    write_regions(out / "regions.seg.nrrd", masks, picture.affine, colours=colours)


def _write_points(node: Any, out: Path, tell: Progress) -> None:
    write_points(out / "points.mrk.json", level_points(node))


def _write_figure(name: str, draw: Callable[[], Any], notes: list[str], out: Path, tell: Progress) -> None:
    try:
        figure = draw()
    except (TypeError, ValueError, ImportError) as error:
        notes.append(f"figure {name}: not drawn; {error}")
        return
    save_figure(figure, free_path(out / f"{name}.png"))


def _write_dicom(found: Material, source: DicomSource, identity: MeasureSettings, out: Path, tell: Progress) -> None:
    found.notes += write_objects(out / "dicom", source, found.maps, found.on_source, found.rows, identity, tell)


def free_path(path: Path) -> Path:
    """Return the path, or one with a number where it is taken."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return free
