"""How regions are made, and what is written into the rows of the measurement table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mrbiomarkers.checks import check_choice

PLACEMENT_METHODS = ("super-ellipse", "outline")


@dataclass(frozen=True)
class PlacementSettings:
    """How regions are placed in vertebral bodies from a point in each.

    Attributes
    ----------
    method : str
        ``"super-ellipse"`` (a rounded box of expected size; needs no image) or ``"outline"`` (the outline of the body
        found in the image, less a margin).
    levels : tuple of str
        Levels that get a region; empty: every level that has a point. The others still shape the curve of the spine.
    neighbours : int
        Slices on each side of the one through the point.
    size : float
        Size of the super-ellipse as a share of the expected body box, along each axis; 0.2 to 1.
    margin : float
        What is taken off the outline [mm], 0 to 10. Less is taken off small bodies, which is recorded.
    spacing : float
        Distance from one body to the next [mm], 8 to 60, from which the size is expected; 0: from the points, of which
        there must be two then.
    min_area, min_voxels : float, int
        Area [mm2] and number of voxels of a region below which a warning is given.
    """

    method: str = "super-ellipse"
    levels: tuple[str, ...] = ()
    neighbours: int = 1
    size: float = 0.62
    margin: float = 3.0
    spacing: float = 0.0
    min_area: float = 60.0
    min_voxels: int = 30

    def __post_init__(self) -> None:
        check_choice("method", self.method, PLACEMENT_METHODS)
        if self.neighbours != int(self.neighbours) or self.neighbours < 0:
            raise ValueError(f"neighbours: expected a number of slices, 0 or more, got {self.neighbours}")
        if not 0.2 <= self.size <= 1:
            raise ValueError(f"size: expected a share of the body of 0.2 to 1, got {self.size}")
        if not 0 <= self.margin <= 10:
            raise ValueError(f"margin: expected 0 to 10 mm, got {self.margin}")
        if self.spacing != 0 and not 8 <= self.spacing <= 60:
            raise ValueError(f"spacing: expected 0 or 8 to 60 mm, got {self.spacing}")


@dataclass(frozen=True)
class BodySettings:
    """How regions are made from vertebrae.

    Attributes
    ----------
    margin : float
        What is taken off the edge of the body in sagittal planes [mm], 0 or more. Less is taken off small bodies: a
        sixth of the width, but not below 1.5 mm; both are recorded.
    neighbours : int or None
        Slices on each side of the mid-sagittal one, on the target grid; None: the whole body.
    thickness : float or None
        Thickness of the region across the mid-sagittal plane [mm], in place of ``neighbours``.
    without_vein : bool
        Leave out the central third of the height in the posterior third of the depth (basivertebral vein).
    outlier_limit : float or None
        Leave out voxels of the image that lie more than so many scaled median absolute deviations off the median of
        their region; None: none. 3 is usual.
    """

    margin: float = 3.0
    neighbours: int | None = 1
    thickness: float | None = None
    without_vein: bool = False
    outlier_limit: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 20:
            raise ValueError(f"margin: expected 0 to 20 mm, got {self.margin}")
        if self.neighbours is not None and (self.neighbours != int(self.neighbours) or self.neighbours < 0):
            raise ValueError(f"neighbours: expected a number of slices, 0 or more, or None, got {self.neighbours}")
        for name in ("thickness", "outlier_limit"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name}: expected a number above 0 or None, got {value}")


@dataclass(frozen=True)
class MeasureSettings:
    """What is written into each row of the measurement table, and when to warn.

    Attributes
    ----------
    subject, timepoint, series, reader : str
        Identity columns of the rows.
    bound_warning : float
        Fraction of voxels on a bound above which a warning is given.
    per_slice : bool
        Whether each slice of a region has a row of its own beside the row of the whole region, for rows of a map.
    """

    subject: str = ""
    timepoint: str = ""
    series: str = ""
    reader: str = ""
    bound_warning: float = 0.10
    per_slice: bool = False

    def identity(self) -> dict[str, Any]:
        """Return the identity columns of a row."""
        return {"subject": self.subject, "timepoint": self.timepoint, "series": self.series, "reader": self.reader}
