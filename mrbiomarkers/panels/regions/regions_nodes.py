"""What the section Regions does with nodes: the grid, a model's labels as regions, the points of a preview. No Qt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.mrml import add_segmentation, frames_of, level_points, undo_on_error
from mrbiomarkers.mrml.model_labels import model_labels
from mrbiomarkers.mrml.preview import add_preview, set_grid
from mrbiomarkers.mrml.views import display_regions
from mrbiomarkers.regions import vertebra_bodies
from mrbiomarkers.settings import BodySettings

LESION_COLOUR = (0.86, 0.24, 0.20)
POINTS = "MRBiomarkers.Points"  # of a segmentation: role of the points that it follows, and where they were
_MOVED = 0.01  # mm: positions in files are rounded


class GridReader:
    """Voxels and matrix of an image; read once, and not at each step of the mouse."""

    def __init__(self) -> None:
        self._known: tuple[Any, ...] = ()

    def read(self, node: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return voxels and matrix of an image; of a series those of the lowest b-value or first echo."""
        if self._known[:2] != (node, node.GetMTime()):
            frames = frames_of(node)
            self._known = (node, node.GetMTime(), np.ascontiguousarray(frames.first), frames.affine)
        return self._known[2], self._known[3]


@contextmanager
def preview_in(segmentation: Any, name: str) -> Iterator[Any]:
    """Give a segmentation for a preview; a new one, for None, is taken back when the block does not end well."""
    if segmentation is not None:
        yield segmentation
        return
    with undo_on_error():
        regions = add_preview(name)
        display_regions(regions)
        yield regions


def regions_of_model(parameters: Any, table: str | None, target: Mapping[str, Any]) -> tuple[Any, int, tuple[str, ...]]:
    """Make regions from a model's segmentation, as a new segmentation.

    Parameters
    ----------
    parameters : RegionsParameterNode
        Model, shift, margin and neighbours.
    table : str, optional
        What the labels mean.
    target : mapping
        ``target_shape`` and ``target_affine`` of the grid, or nothing for the model's own.

    Returns
    -------
    segmentation node, int, tuple of str
        The regions, how many there are, and what to look at.
    """
    settings = BodySettings(margin=parameters.margin, neighbours=parameters.neighbours)
    labels, affine, segments = model_labels(parameters.model)
    made = vertebra_bodies(
        labels, affine, table=table, segments=segments, shift=parameters.shift, settings=settings, **target
    )
    with undo_on_error():
        grid = target.get("target_affine", affine)
        regions = add_segmentation(f"Regions of {parameters.model.GetName()}", made.masks, grid)
        display_regions(regions)
    return regions, len(made.masks), tuple(made.warnings)


def add_lesion(regions: Any, affine: NDArray[np.float64], shape: tuple[int, ...]) -> str:
    """Add an empty segment for a lesion, to be drawn on a grid, and return its ID."""
    set_grid(regions, affine, shape)
    content = regions.GetSegmentation()
    taken = {content.GetSegment(identifier).GetName() for identifier in content.GetSegmentIDs()}
    name = next(name for n in range(1, len(taken) + 2) if (name := f"Lesion {n}") not in taken)
    return str(content.AddEmptySegment("", name, LESION_COLOUR))


def remember_points(regions: Any, points: Any, places: Mapping[str, NDArray[np.float64]]) -> None:
    """Note on a segmentation which points its preview was made of, and where they were."""
    told = {level: [round(float(value), 3) for value in place] for level, place in places.items()}
    regions.SetAttribute(POINTS, json.dumps(told))
    regions.SetNodeReferenceID(POINTS, points.GetID())


def points_moved(regions: Any, points: Any) -> bool:
    """Tell whether these points made the last preview of a segmentation, and are not where they were then."""
    if regions is None or points is None or regions.GetNodeReference(POINTS) is not points:
        return False
    before = json.loads(regions.GetAttribute(POINTS) or "{}")
    try:
        now = level_points(points)
    except ValueError:
        now = {}
    if set(now) != set(before):
        return True
    return any(not np.allclose(now[level], before[level], rtol=0, atol=_MOVED) for level in now)
