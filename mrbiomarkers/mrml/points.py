"""Points in vertebral bodies: read from a list of control points, and a list to be filled by clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.mrml.nodes import add_node, check_node, said, undo_on_error
from mrbiomarkers.regions.levels import LEVELS, LUMBAR

_DEFINED = 2  # vtkMRMLMarkupsNode::PositionDefined; a point under the moving cursor has 1 (preview)


def level_points(markups: Any) -> dict[str, NDArray[np.float64]]:
    """Return one point for each vertebra of a list of control points.

    Points without a position, and the one under the moving cursor, are left out. Transforms of the list count.

    Parameters
    ----------
    markups : vtkMRMLMarkupsFiducialNode
        Its labels are levels ("L1" ... "L5", "T12", "S1"); capitals and blanks do not matter.

    Returns
    -------
    dict of str to (3,) float64 array [mm]
        Positions in RAS, in the order of the list.

    Raises
    ------
    TypeError
        When the node is no list of points.
    ValueError
        When no point has a position, or a label is no level or comes twice.
    """
    check_node("markups", markups, "vtkMRMLMarkupsFiducialNode")
    points: dict[str, NDArray[np.float64]] = {}
    for index in range(markups.GetNumberOfControlPoints()):
        if markups.GetNthControlPointPositionStatus(index) != _DEFINED:
            continue
        label = markups.GetNthControlPointLabel(index) or ""
        level = _level(label)
        if level is None:
            raise ValueError(
                f"{said(markups)}: point {index + 1}: expected the name of a level, as L1 or T12, got {label!r}"
            )
        if level in points:
            raise ValueError(f"{said(markups)}: point {index + 1}: expected each level once, got {level} twice")
        points[level] = np.array(markups.GetNthControlPointPositionWorld(index), dtype=np.float64)
    if not points:
        raise ValueError(f"{said(markups)}: expected at least one point with a position, got none")
    return points


def add_level_points(
    name: str = "L1-L5", levels: Sequence[str] | None = None, points: Mapping[str, ArrayLike] | None = None
) -> Any:
    """Add a list with a named point for each level; clicks fill those without a position, in this order.

    The number of points is fixed, so that placing ends when all have a position.

    Parameters
    ----------
    name : str
        Name of the node; a number is added where it is taken.
    levels : sequence of str, optional
        Levels, in the order of the clicks; default those of ``points``, else L1 to L5.
    points : mapping of str to (3,) array_like [mm], optional
        RAS positions by level.

    Returns
    -------
    vtkMRMLMarkupsFiducialNode

    Raises
    ------
    ValueError
        When there is no level, one is not known or comes twice, or a position is not three finite numbers or of a level
        that is not in ``levels``.
    """
    given = {_known("points", level): _position(level, point) for level, point in (points or {}).items()}
    wanted = [_known("levels", level) for level in (levels if levels is not None else list(given) or LUMBAR[:5])]
    if not wanted or len(set(wanted)) < len(wanted) or len(given) < len(points or {}):
        raise ValueError(f"levels: expected levels, each once, got {', '.join(wanted) or 'none'}")
    beyond = [level for level in given if level not in wanted]
    if beyond:
        raise ValueError(f"points: expected points of {', '.join(wanted)}, got one of {', '.join(beyond)}")
    with undo_on_error():
        node = add_node("vtkMRMLMarkupsFiducialNode", name)
        node.CreateDefaultDisplayNodes()
        for level in wanted:
            index = node.AddControlPoint(vtk.vtkVector3d(*given.get(level, (0.0, 0.0, 0.0))), level)
            if level not in given:
                node.UnsetNthControlPointPosition(index)
        node.SetFixedNumberOfControlPoints(True)
    return node


def _level(label: str) -> str | None:
    name = "".join(label.split()).upper()
    return name if name in LEVELS else None


def _known(argument: str, level: str) -> str:
    name = _level(level)
    if name is None:
        raise ValueError(f"{argument}: expected levels as L1 or T12, got {level!r}")
    return name


def _position(level: str, point: ArrayLike) -> NDArray[np.float64]:
    position = check_real_array(f"points[{level!r}]", point).astype(np.float64)
    if position.shape != (3,) or not np.all(np.isfinite(position)):
        raise ValueError(f"points[{level!r}]: expected three finite numbers (RAS, mm), got {position.tolist()}")
    return position
