"""The voxels that filters read: a view of the image, with its z-scores computed only where they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.settings import RadiomicsSettings

Array = NDArray[Any]


@dataclass(frozen=True)
class ZScore:
    """What turns the values of an image into scaled z-scores.

    Attributes
    ----------
    mean, sd : float
        Mean and standard deviation (over N - 1) of all voxels of the image.
    limit : float
        Z-scores beyond it are set to it.
    scale : float
        What z-scores are multiplied by.
    """

    mean: float
    sd: float
    limit: float
    scale: float

    def __call__(self, values: Array) -> NDArray[np.float64]:
        """Return the z-scores of values of the image."""
        scores = (values.astype(np.float64) - self.mean) * (1 / self.sd)
        if self.limit < np.inf:
            np.clip(scores, -self.limit, self.limit, out=scores)
        return scores * self.scale


@dataclass(frozen=True, eq=False)
class Volume:
    """The voxels of an image.

    Attributes
    ----------
    voxels : (K, J, I) array
        As stored; not to be written to.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i.
    zscore : ZScore or None
        What is done to the voxels as they are read.
    owner : object
        What keeps the memory of ``voxels`` alive.
    """

    voxels: Array
    spacing: tuple[float, float, float]
    zscore: ZScore | None = None
    owner: object = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along k, j, i."""
        return self.voxels.shape

    def read(self, box: tuple[slice, ...]) -> Array:
        """Return the values in a box."""
        part = self.voxels[box]
        return part if self.zscore is None else self.zscore(part)

    def take(self, indices: tuple[Array, Array, Array]) -> Array:
        """Return the values where rows of indices along k, j, i cross."""
        part = self.voxels[np.ix_(*indices)]
        return part if self.zscore is None else self.zscore(part)

    def largest(self) -> float:
        """Return the largest absolute value of all voxels; NaN where one is not finite."""
        ends = np.array([self.voxels.min(), self.voxels.max()])
        ends = ends.astype(np.float64) if self.zscore is None else self.zscore(ends)
        largest = float(np.abs(ends).max())
        return largest if np.isfinite(largest) else np.nan


def z_score(image: sitk.Image, settings: RadiomicsSettings) -> ZScore | None:
    """Return the z-score of an image, None where it is not asked for.

    Raises
    ------
    ValueError
        When the image is constant or has voxels that are not finite.
    """
    if not settings.normalize:
        return None
    statistics = sitk.StatisticsImageFilter()
    statistics.Execute(image)
    mean, sd = statistics.GetMean(), statistics.GetSigma()
    if not (np.isfinite(mean) and 0 < sd < np.inf):
        raise ValueError(
            f"image: expected finite values that differ, for z-scores; got mean {mean:g}, standard deviation {sd:g}"
        )
    limit = np.inf if settings.remove_outliers is None else settings.remove_outliers
    return ZScore(mean, sd, limit, settings.normalize_scale)


def volume_of(image: sitk.Image, zscore: ZScore | None) -> Volume:
    """Return the voxels of an image, without a copy."""
    spacing = tuple(float(length) for length in image.GetSpacing()[::-1])
    return Volume(sitk.GetArrayViewFromImage(image), spacing, zscore, image)  # type: ignore[arg-type]
