"""The search for the motion between two images by mutual information, and how distinct what it finds is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.registration.compared import ComparedImage
from mrbiomarkers.settings import RegistrationSettings

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float64]

_STEP = 0.5  # first step as a share of the level: 2 mm at the level of 4 mm
_STEP_END, _RELAXATION, _ITERATIONS = 0.005, 0.7, 100  # [mm], -, -
_AFFINE_STEP = 0.5  # first step of the affine search [mm]
_PUSH = 10.0  # how far the images are pushed apart to see what chance gives: off every body, not onto the next [mm]


class Matcher:
    """Compares two images by mutual information and searches for the motion that makes it largest.

    Mutual information of Mattes over points drawn once with a fixed seed; gradient descent with shortening steps, on
    smoothed and thinned images first. One thread, so the result is the same on every run.

    Parameters
    ----------
    fixed, moving : ComparedImage
        The parts of the images that are compared.
    centre : (3,) array [mm]
        RAS position about which the search turns.
    settings : RegistrationSettings
        Levels, bins, points and seed.

    References
    ----------
    Mattes et al., IEEE Trans Med Imaging 2003;22:120.
    """

    def __init__(
        self, fixed: ComparedImage, moving: ComparedImage, centre: Vectors, settings: RegistrationSettings
    ) -> None:
        self._centre = centre.tolist()
        self._settings = settings
        self._levels = [(level, fixed.at_level(level), moving.at_level(level)) for level in settings.levels]

    def rigid(self, start: Matrix, step: Callable[[], None]) -> Matrix:
        """Return the rigid motion found from ``start``; ``step()`` is called after each level.

        Parameters
        ----------
        start : (4, 4) array [mm]
            RAS of the moving image to RAS of the fixed one, rigid.
        step : callable
            May raise to cancel.

        Raises
        ------
        RuntimeError
            When the search leaves the image.
        """
        transform = sitk.Euler3DTransform()
        transform.SetCenter(self._centre)
        for number, (level, _, _) in enumerate(self._levels):
            self._search(number, transform, start, _STEP * level)
            step()
        return np.asarray(np.linalg.inv(_matrix(transform)) @ start)

    def affine(self, start: Matrix, step: Callable[[], None]) -> Matrix:
        """Return the affine motion found from ``start`` on the last level; as :meth:`rigid`."""
        transform = sitk.AffineTransform(3)
        transform.SetCenter(self._centre)
        self._search(len(self._levels) - 1, transform, start, _AFFINE_STEP)
        step()
        return np.asarray(np.linalg.inv(_matrix(transform)) @ start)

    def information(self, motion: Matrix) -> float:
        """Return the mutual information [nat] under a motion (moving to fixed); NaN where too little is in common."""
        method = self._method(len(self._levels) - 1)
        _, (fixed, _), (moving, _) = self._levels[-1]
        method.SetMovingInitialTransform(_transform(np.linalg.inv(motion)))
        method.SetInitialTransform(sitk.Euler3DTransform())
        try:
            return float(-method.MetricEvaluate(fixed, moving))
        except RuntimeError as error:
            if "samples" not in str(error):  # anything but "all (or too many) samples map outside"
                raise
            return float("nan")

    def peak(self, motion: Matrix, axes: Matrix) -> float:
        """Return the mutual information over the mean of what is left when the images are pushed 10 mm apart.

        About 1: any other place would do as well, so the images have nothing in common there. T1- and T2-weighted
        images of one patient gave 3.7 or more, those of two patients 2.0 or less.

        Parameters
        ----------
        motion : (4, 4) array [mm]
            Moving to fixed.
        axes : (3, 3) array
            Columns: the directions of the pushes, there and back.
        """
        elsewhere = []
        for direction in (*axes.T, *-axes.T):
            pushed = motion.copy()
            pushed[:3, 3] += _PUSH * direction
            elsewhere.append(self.information(pushed))
        known = [value for value in elsewhere if not np.isnan(value)]
        return float(self.information(motion) / np.mean(known)) if known else float("nan")

    def _search(self, number: int, transform: sitk.Transform, start: Matrix, first_step: float) -> None:
        """Bring ``transform``, which comes before ``start``, to the best of a level."""
        method = self._method(number)
        _, (fixed, _), (moving, _) = self._levels[number]
        method.SetOptimizerAsRegularStepGradientDescent(
            first_step, _STEP_END, _ITERATIONS, relaxationFactor=_RELAXATION
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetMovingInitialTransform(_transform(np.linalg.inv(start)))
        method.SetInitialTransform(transform, inPlace=True)
        with _one_thread():
            method.Execute(fixed, moving)

    def _method(self, number: int) -> sitk.ImageRegistrationMethod:
        _, (fixed, fixed_known), (_, moving_known) = self._levels[number]
        method = sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)
        method.SetMetricAsMattesMutualInformation(self._settings.bins)
        share = self._settings.samples / fixed.GetNumberOfPixels()
        if share < 1:
            method.SetMetricSamplingStrategy(method.RANDOM)
            method.SetMetricSamplingPercentage(share, self._settings.seed)
        if fixed_known is not None:
            method.SetMetricFixedMask(fixed_known)
        if moving_known is not None:
            method.SetMetricMovingMask(moving_known)
        method.SetInterpolator(sitk.sitkLinear)
        method.MetricUseFixedImageGradientFilterOff()  # gradients at the points alone cost less
        method.MetricUseMovingImageGradientFilterOff()
        return method


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run SimpleITK on one thread.

    The method's own number of threads does not reach all of the search: its results then differ in the last digits.
    """
    usual = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(usual)


def _transform(matrix: NDArray[np.floating]) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3].tolist())
    return transform


def _matrix(transform: sitk.Euler3DTransform | sitk.AffineTransform) -> Matrix:
    """Return a transform with a centre as a (4, 4) matrix."""
    matrix = np.eye(4)
    centre = np.array(transform.GetCenter())
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = np.array(transform.GetTranslation()) + centre - matrix[:3, :3] @ centre
    return matrix
