"""The readings of a case on disk: regions, points and measurements, saved whole and restored as they were. No Qt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrbiomarkers.files import Volume, atomic_path, read_points, read_regions, suffix_of, write_text
from mrbiomarkers.files.itk import read_array, read_header
from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.measurements import Measurement, measurements_from_csv, measurements_to_csv
from mrbiomarkers.mrml import add_level_points, add_segmentation, display_regions, masks_on
from mrbiomarkers.mrml.nodes import check_untransformed
from mrbiomarkers.mrml.segments import segment_region
from mrbiomarkers.panels.cases.case_changes import attributes_of
from mrbiomarkers.regions.levels import LEVELS, LUMBAR
from mrbiomarkers.study.worklist import Places

_HEAD = "MRBiomarkers.Attributes"  # field of the file's header


def save_regions(node: Any, path: Path) -> None:
    """Write a segmentation as Slicer does, with the attributes of this extension; the node is not touched.

    Raises
    ------
    OSError
        When it cannot be written; what was there stays.
    ValueError
        When the node is under a transform.
    """
    check_untransformed("regions", node)
    copy = slicer.vtkMRMLSegmentationNode()  # Slicer's writer puts layers together in the node that it writes
    copy.GetSegmentation().DeepCopy(node.GetSegmentation())
    store = slicer.vtkMRMLSegmentationStorageNode()
    told = json.dumps(attributes_of(node)).replace("\\", "\\\\")  # as NRRD writes it
    with atomic_path(path) as temporary:
        _write(store, copy, temporary, path)
        head, gap, voxels = temporary.read_bytes().partition(b"\n\n")
        temporary.write_bytes(head + f"\n{_HEAD}:={told}".encode() + gap + voxels)
        _flush(temporary)


def save_points(node: Any, path: Path) -> None:
    """Write a list of points as Slicer does; a point under the moving cursor has no position yet.

    Raises
    ------
    OSError
        When it cannot be written; what was there stays.
    """
    copy = slicer.vtkMRMLMarkupsFiducialNode()
    copy.CopyContent(node)
    for index in range(copy.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
            copy.UnsetNthControlPointPosition(index)
        elif node.GetParentTransformNode() is not None:
            copy.SetNthControlPointPosition(index, node.GetNthControlPointPositionWorld(index))
    with atomic_path(path) as temporary:
        _write(slicer.vtkMRMLMarkupsJsonStorageNode(), copy, temporary, path)
        _flush(temporary)


def save_rows(rows: Iterable[Measurement], path: Path) -> None:
    """Write measurements; OSError when this fails, and what was there stays."""
    write_text(path, measurements_to_csv(rows))


class Found:
    """The readings of a case, or what it starts from, read but in no scene yet.

    Parameters
    ----------
    places : Places
        Where the reader's own are.
    start : mapping
        What the case's row names: ``regions`` and ``points``, for a reader who has neither yet.
    shape : (3,) tuple of int
        Size (K, J, I) of the series.
    affine : (4, 4) array [mm]
        Voxel to RAS of the series.

    Attributes
    ----------
    regions, points : node or None
        In the scene after :meth:`add`.
    rows : list of Measurement
        Saved measurements.
    is_saved : bool
        Whether the reader has regions or points of his own.

    Raises
    ------
    ValueError, OSError
        When a file cannot be read, or all its regions lie outside the series. Nothing is changed.
    """

    def __init__(self, places: Places, start: Mapping[str, Any], shape: tuple[int, ...], affine: Any) -> None:
        self.regions: Any = None
        self.points: Any = None
        self._masks: dict[str, Volume] = {}
        self._levels: dict[str, Any] = {}
        self.is_saved = places.regions.exists() or places.points.exists()
        if self.is_saved:
            self._read_own(places)
        else:
            self._read_start(start)
        self._check_place(shape, affine)
        self.rows = read_rows(places.measurements)

    def add(self, name: str) -> None:
        """Add what was found to the scene, named after the series; in a block that undoes it after an error."""
        if self._masks:
            first = next(iter(self._masks.values()))
            self.regions = add_segmentation(
                f"Regions of {name}", {region: one.values for region, one in self._masks.items()}, first.affine
            )
            display_regions(self.regions)
        elif self.regions is not None:
            self.regions = _into_scene(self.regions, f"Regions of {name}")
            display_regions(self.regions)
        if self._levels:
            levels = [level for level in LEVELS if level in self._levels or level in LUMBAR[:5]]
            self.points = add_level_points(f"L1-L5 of {name}", levels, self._levels)
        elif self.points is not None:
            self.points = _into_scene(self.points, f"L1-L5 of {name}")

    def _read_own(self, places: Places) -> None:
        if places.regions.exists():
            self.regions = _read_segmentation(places.regions)
            _give_attributes(self.regions, places.regions)
        if places.points.exists():
            with _saying_which(places.points, "points"):
                json.loads(places.points.read_text(encoding="utf-8"))
                self.points = slicer.vtkMRMLMarkupsFiducialNode()
                _read(slicer.vtkMRMLMarkupsJsonStorageNode(), self.points, places.points)

    def _read_start(self, start: Mapping[str, Any]) -> None:
        path = start.get("regions")
        if path is not None and suffix_of(path) == ".seg.nrrd":
            self.regions = _read_segmentation(path)
        elif path is not None:
            self._masks = read_regions(path)
        if start.get("points") is not None:
            self._levels = read_points(start["points"])

    def _check_place(self, shape: tuple[int, ...], affine: Any) -> None:
        """Refuse regions that all lie outside the series: they belong to another one."""
        regions = {name: DrawnRegion(np.asarray(one.values, bool), one.affine) for name, one in self._masks.items()}
        if self.regions is not None:
            content = self.regions.GetSegmentation()
            regions = {name: segment_region(self.regions, name) for name in content.GetSegmentIDs()}
        drawn = [region for region in regions.values() if region.mask.any()]
        if drawn and not any(_is_inside(region, shape, affine) for region in drawn):
            raise ValueError(_("the regions lie outside the images: they were drawn on other ones"))


def read_rows(path: Path) -> list[Measurement]:
    """Return saved measurements; none where there is no file, ValueError where it is damaged."""
    if not path.exists():
        return []
    try:
        return measurements_from_csv(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name}: the saved measurements cannot be read ({error}); move the file away") from None


def _is_inside(region: DrawnRegion, shape: tuple[int, ...], affine: Any) -> bool:
    try:
        masks_on({"one": region}, shape, affine)
    except ValueError:
        return False
    return True


def _write(store: Any, node: Any, temporary: Path, path: Path) -> None:
    store.SetFileName(str(temporary))
    if not store.WriteData(node):
        raise OSError(_("{name}: cannot be written; is the disk full?").format(name=path.name))


def _flush(path: Path) -> None:
    """Bring a file to the disk, so that after a power failure it is there as a whole."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _read(store: Any, node: Any, path: Path) -> None:
    store.SetFileName(str(path))
    if not store.ReadData(node):
        raise ValueError(_("Slicer cannot read it"))


def _read_segmentation(path: Path) -> Any:
    with _saying_which(path, "regions"):
        read_array(read_header(path))  # Slicer would take a file that was cut off for a good one
        aside = slicer.vtkMRMLScene()  # a segmentation that is read wants a scene for its display
        read = aside.AddNewNodeByClass("vtkMRMLSegmentationNode")
        _read(slicer.vtkMRMLSegmentationStorageNode(), read, path)
        node = slicer.vtkMRMLSegmentationNode()
        node.SetAndObserveSegmentation(read.GetSegmentation())
    return node


@contextmanager
def _saying_which(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise ValueError(
            _("{name}: the {what} cannot be read ({why}); put a copy in its place, or move it away").format(
                name=path.name, what=what, why=why
            )
        ) from None


def _give_attributes(node: Any, path: Path) -> None:
    try:
        told = json.loads(read_header(path).metadata.get(_HEAD, "{}"))
    except ValueError:
        told = {}  # only says how the regions were placed
    for name, value in told.items():
        node.SetAttribute(name, value)


def _into_scene(node: Any, name: str) -> Any:
    scene = slicer.mrmlScene
    node.SetName(scene.GetUniqueNameByString(name) or name)
    added = scene.AddNode(node)
    added.CreateDefaultDisplayNodes()
    return added
