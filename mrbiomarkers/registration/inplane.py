"""A rigid motion in the plane of the slices: its geometry, its estimate and one resampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Spacing = tuple[float, float]

_BINS = 32
_SAMPLES = 5000
_SMOOTHING = 1.5  # standard deviation before comparing [mm]
_CLIP = 99.8  # percentile above which brightness no longer counts: a few bright voxels would use up the histogram
_SEED = 20
_STEP, _STEP_END, _VALUE_END = 0.5, 0.02, 1e-5  # [mm], [mm], relative change of the metric
_LENGTH = 40.0  # mm of shift that count like one radian
_FROZEN = 1e12  # scale of the three parameters that are not wanted: with 1e6, Powell's search walks along them


@dataclass(frozen=True)
class InPlaneMotion:
    """Where the anatomy has gone: turned about the centre of the image, then shifted.

    Attributes
    ----------
    dx, dy : float [mm]
        Shift along the image's own axes i and j.
    rotation : float [deg]
        Turn in the plane; positive from +i towards +j.
    """

    dx: float = 0.0
    dy: float = 0.0
    rotation: float = 0.0

    def displacement(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return how far points moved along i and j [mm]; ``x``, ``y`` (N,) [mm] are seen from the image centre."""
        cos, sin = math.cos(math.radians(self.rotation)), math.sin(math.radians(self.rotation))
        return (cos - 1) * x - sin * y + self.dx, sin * x + (cos - 1) * y + self.dy

    def index_matrix(self, shape: tuple[int, int, int], spacing: Spacing) -> Array:
        """Return the (4, 4) matrix that takes ``(i, j, k, 1)`` of the still anatomy to where it lies after the motion.

        Parameters
        ----------
        shape : tuple of int
            Size (K, J, I).
        spacing : tuple of float
            Length of a voxel along i and j [mm].
        """
        cos, sin = math.cos(math.radians(self.rotation)), math.sin(math.radians(self.rotation))
        centre = np.array([(shape[2] - 1) / 2, (shape[1] - 1) / 2])
        turn = np.array([[cos, -sin * spacing[1] / spacing[0]], [sin * spacing[0] / spacing[1], cos]])
        matrix = np.eye(4)
        matrix[:2, :2] = turn
        matrix[:2, 3] = centre - turn @ centre + np.array([self.dx / spacing[0], self.dy / spacing[1]])
        return matrix


class Aligner:
    """Finds the motion of images against one reference by mutual information.

    Mutual information of Mattes with 32 bins over 5,000 points drawn once with a fixed seed, in-plane smoothing by
    1.5 mm, the direction-set search of Powell. One thread, so the result is the same on every run.

    Parameters
    ----------
    reference : (K, J, I) array
        The still image.
    inside : (K, J, I) bool array
        Voxels of the reference that are compared.
    spacing : tuple of float
        Length of a voxel along i and j [mm].

    References
    ----------
    Mattes et al., IEEE Trans Med Imaging 2003;22:120. Powell, Comput J 1964;7:155.
    """

    def __init__(self, reference: NDArray[np.floating], inside: Mask, spacing: Spacing) -> None:
        finite = np.isfinite(reference)
        self._spacing = spacing
        self._fixed = _image(_prepared(reference, finite, spacing), spacing)
        self._mask = _image((inside & finite).astype(np.uint8), spacing)
        self._share = min(1.0, _SAMPLES / np.count_nonzero(inside & finite))
        _, j, i = np.nonzero(inside & finite)
        shape = reference.shape
        self._centre = ((i.mean() - (shape[2] - 1) / 2) * spacing[0], (j.mean() - (shape[1] - 1) / 2) * spacing[1])

    def find(self, moving: NDArray[np.floating]) -> tuple[InPlaneMotion, float, float]:
        """Return the motion of ``moving`` (K, J, I), and its mutual information [nat] before and after.

        Raises
        ------
        RuntimeError
            When the two images share too few voxels to be compared.
        """
        finite = np.isfinite(moving)
        image = _image(_prepared(moving, finite, self._spacing), self._spacing)
        transform = sitk.Euler3DTransform()
        transform.SetCenter((*self._centre, 0.0))
        method = self._method(finite)
        method.SetInitialTransform(transform, inPlace=True)
        before = -method.MetricEvaluate(self._fixed, image)
        method.Execute(self._fixed, image)
        after = -method.MetricEvaluate(self._fixed, image)
        return self._motion(transform), before, after

    def _method(self, finite: Mask) -> sitk.ImageRegistrationMethod:
        method = sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricFixedMask(self._mask)
        if not finite.all():
            method.SetMetricMovingMask(_image(finite.astype(np.uint8), self._spacing))
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(self._share, _SEED)
        method.SetInterpolator(sitk.sitkLinear)
        method.MetricUseFixedImageGradientFilterOff()  # the search needs no gradient, and its filter four slices
        method.MetricUseMovingImageGradientFilterOff()
        method.SetOptimizerAsPowell(
            numberOfIterations=8,
            maximumLineIterations=40,
            stepLength=_STEP,
            stepTolerance=_STEP_END,
            valueTolerance=_VALUE_END,
        )
        method.SetOptimizerScales([_FROZEN, _FROZEN, _LENGTH, 1.0, 1.0, _FROZEN])
        return method

    def _motion(self, transform: sitk.Euler3DTransform) -> InPlaneMotion:
        """Return the transform, which turns about the centre of what is compared, as a turn about the image centre."""
        angle, shift = transform.GetAngleZ(), transform.GetTranslation()
        x, y = self._centre
        cos, sin = math.cos(angle), math.sin(angle)
        dx = shift[0] + x - (cos * x - sin * y)
        dy = shift[1] + y - (sin * x + cos * y)
        return InPlaneMotion(float(dx), float(dy), math.degrees(angle))


def undo_motion(
    image: NDArray[np.floating], motion: InPlaneMotion, spacing: Spacing, *, interpolator: int = sitk.sitkBSpline
) -> NDArray[np.floating]:
    """Return the image resampled once to where the anatomy would lie without the motion, slice by slice.

    Parameters
    ----------
    image : (K, J, I) array
        The image as acquired; any voxel may be NaN.
    motion : InPlaneMotion
        The motion of its anatomy.
    spacing : tuple of float
        Length of a voxel along i and j [mm].
    interpolator : int
        SimpleITK's interpolator; default cubic B-spline, which keeps edges and noise.

    Returns
    -------
    (K, J, I) array
        Of the same floating point type. NaN where the source lies outside the image or takes part of a voxel that is
        not finite. No value lies beyond the smallest and largest of its slice.
    """
    transform = sitk.Euler2DTransform()
    transform.SetAngle(math.radians(motion.rotation))
    transform.SetTranslation((motion.dx, motion.dy))
    resample = sitk.ResampleImageFilter()
    resample.SetNumberOfThreads(1)
    resample.SetTransform(transform)
    resample.SetDefaultPixelValue(float("nan"))
    return np.stack([_resampled(part, resample, spacing, interpolator) for part in image]).astype(image.dtype)


def _resampled(
    part: NDArray[np.floating], resample: sitk.ResampleImageFilter, spacing: Spacing, interpolator: int
) -> NDArray[np.floating]:
    """Return one slice (J, I) resampled."""
    finite = np.isfinite(part)
    if not finite.any():
        return np.full_like(part, np.nan)
    low, high = part[finite].min(), part[finite].max()
    filled = part
    if not finite.all():
        nearest = ndimage.distance_transform_edt(~finite, return_distances=False, return_indices=True)
        filled = part[tuple(nearest)]
    source = _image(filled, spacing)
    resample.SetReferenceImage(source)
    resample.SetInterpolator(interpolator if min(part.shape) >= 4 else sitk.sitkLinear)
    values = np.clip(sitk.GetArrayFromImage(resample.Execute(source)), low, high)
    if not finite.all():
        resample.SetInterpolator(sitk.sitkLinear)
        share = sitk.GetArrayFromImage(resample.Execute(_image((~finite).astype(np.float32), spacing)))
        values[share > 1e-6] = np.nan
    return np.asarray(values)


def _prepared(image: NDArray[np.floating], finite: Mask, spacing: Spacing) -> NDArray[np.float32]:
    """Return an image for comparison: clipped, smoothed in the plane, 0 where not finite."""
    top = np.percentile(image[finite], _CLIP)
    filled = np.where(finite, np.minimum(image, top), 0).astype(np.float32)
    sigma = (0, _SMOOTHING / spacing[1], _SMOOTHING / spacing[0])
    return np.asarray(ndimage.gaussian_filter(filled, sigma), dtype=np.float32)


def _image(values: NDArray[np.generic], spacing: Spacing) -> sitk.Image:
    """Return a slice or volume in the frame of its own axes [mm], with the origin at its centre."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    steps = (*spacing, 1.0)[: values.ndim]
    image.SetSpacing(steps)
    image.SetOrigin([-(n - 1) / 2 * step for n, step in zip(values.shape[::-1], steps, strict=True)])
    return image
