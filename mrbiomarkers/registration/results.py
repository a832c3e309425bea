"""What a registration gives: the transform, where it started, how good it is and why it was kept or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Registration:
    """How a moving image is brought onto a fixed one.

    Attributes
    ----------
    transform : (4, 4) array [mm]
        Takes the RAS position of a spot in the moving image to that of the same anatomy in the fixed image.
    start : (4, 4) array [mm]
        Where the search set out from, the same way round.
    started_from : str
        ``"points"``, or ``"scanner"``: both images as they lie in scanner coordinates.
    kind : str
        ``"rigid"`` or ``"affine"``, or ``"start"`` where the gate refused what was found.
    decision : str
        What was kept, and why.
    displacement : float [mm]
        Mean distance by which the result moves the bodies from the start; of a refused one, would have moved. NaN where
        the search failed.
    metric_before, metric_after : float [nat]
        Mutual information at the start, and of what was found, kept or not.
    peak : float
        Mutual information of what was found over the mean of what is left when the images are pushed 10 mm apart.
    tre_scanner, tre_before, tre_after : float [mm]
        Target registration error: mean distance of the points that both images have, in scanner coordinates, at the
        start and by ``transform``; NaN without such points. It holds the scatter of the clicks too, and the start is
        fitted to them: a good refinement need not lower it.
    point_errors : mapping of str to float [mm]
        The distance after, point by point.
    warnings : tuple of str
        What the user should look at.
    record : mapping
        What made the result: settings, seed, points, the box that was compared, version of SimpleITK.
    """

    transform: NDArray[np.float64]
    start: NDArray[np.float64]
    started_from: str
    kind: str
    decision: str
    displacement: float
    metric_before: float
    metric_after: float
    peak: float
    tre_scanner: float
    tre_before: float
    tre_after: float
    point_errors: Mapping[str, float]
    warnings: tuple[str, ...]
    record: Mapping[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether the refinement passed the gate."""
        return self.kind != "start"
