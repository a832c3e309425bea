"""Motion in the slice plane between the images of a diffusion series: found, tabled, undone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_mask
from mrbiomarkers.registration.inplane import Aligner, InPlaneMotion, Spacing, undo_motion
from mrbiomarkers.series import DiffusionSeries

Mask = NDArray[np.bool_]

_MARGIN = 15.0  # in the plane, around the mask [mm]
_LIMIT = 15.0  # a shift beyond it is a failed search, not a patient's motion between two images [mm]
_BODY = 0.1  # of the 99th percentile: what is brighter counts as anatomy
_SKEW = 1e-3  # largest cosine between the axes i and j
_COLUMNS = (
    "image",
    "b_s_per_mm2",
    "dx_mm",
    "dy_mm",
    "rotation_deg",
    "shift_mm",
    "shift_voxels",
    "applied",
    "outcome",
    "metric_before_nat",
    "metric_after_nat",
)


@dataclass(frozen=True, eq=False)
class ImageShift:
    """What was found for one image of the series, and what was done.

    Attributes
    ----------
    image : int
        Position on the measurement axis, from 0.
    bvalue : float [s/mm2]
        Its b-value.
    motion : InPlaneMotion
        Where its anatomy lies against the reference, in the image's own axes; NaN where it could not be compared.
    shift_mm, shift_voxels : float
        Root mean square displacement over the anatomy [mm], [voxel].
    metric_before, metric_after : float [nat]
        Mutual information with the reference as acquired, and with the motion undone; NaN for the reference.
    outcome : str
        ``"reference"``, ``"applied"``, or why the image was left as it was: ``"below threshold"``, ``"no better"``,
        ``"not credible"`` (more than 15 mm), ``"not comparable"`` (too little in common with the reference).
    matrix : (4, 4) array [mm]
        The motion in RAS: takes a point of the reference to the same anatomy in this image.
    """

    image: int
    bvalue: float
    motion: InPlaneMotion
    shift_mm: float
    shift_voxels: float
    metric_before: float
    metric_after: float
    outcome: str
    matrix: NDArray[np.float64]

    @property
    def applied(self) -> bool:
        """Whether the image was resampled."""
        return self.outcome == "applied"


@dataclass(frozen=True, eq=False)
class MotionResult:
    """What :func:`correct_motion` returns.

    Attributes
    ----------
    series : DiffusionSeries
        The corrected series; the same object when nothing was resampled.
    shifts : tuple of ImageShift
        One for each image, in the order of the series.
    """

    series: DiffusionSeries
    shifts: tuple[ImageShift, ...]


def correct_motion(
    series: DiffusionSeries,
    *,
    mask: ArrayLike | None = None,
    threshold: float = 0.3,
    reference: str | int = "lowest b",
    progress: Callable[[int, int], bool] | None = None,
) -> MotionResult:
    """Undo motion in the slice plane between the images: two shifts and a rotation about the slice normal for each.

    Every image is compared with the reference by mutual information. An image that moved less than ``threshold`` is
    returned bit for bit; the others are resampled once (cubic B-spline), NaN where they hold nothing. Correct before
    directions are combined. This is not for motion through the slice, nor for distortion.

    In simulated lumbar images (voxels of 2.6 mm, b up to 1200 s/mm2, signal-to-noise ratio 40) that moved by up to 3 mm
    and 2 degrees, the median error is 0.07 mm (largest 0.2 mm) without a mask and 0.16 mm (0.3 mm) with one. Contrast
    that changes with b pretends a shift of up to 0.2 mm there; it can be more in other organs. Comparing with the
    previous image or with the mean of those before gave larger errors, and gradient descent diverged.

    Parameters
    ----------
    series : DiffusionSeries
        The series; is not changed.
    mask : (K, J, I) array, optional
        What must lie still, for example the vertebral bodies. Images are compared in its bounding box with a margin of
        15 mm in the plane. Default: the whole image, which finds motion more precisely as long as all of it moves
        alike.
    threshold : float [voxel]
        Root mean square displacement of the anatomy below which an image is left as it is, 0 or more. The anatomy is
        the mask, or what is brighter than a tenth of the 99th percentile of the reference.
    reference : str or int
        ``"lowest b"`` (the first of these images) or the position of an image.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the images to align; False cancels.

    Returns
    -------
    MotionResult

    Raises
    ------
    ValueError
        When the mask has another shape or is empty, an image has no contrast where images are compared (all NaN, or
        constant), the axes i and j of the affine are not at right angles, or another argument is out of its range.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Mattes et al., IEEE Trans Med Imaging 2003;22:120.
    """
    if not 0 <= threshold < np.inf:
        raise ValueError(f"threshold: expected a number of voxels, 0 or more, got {threshold}")
    chosen = _reference_index(series, reference)
    spacing = _spacing(series.affine)
    still = series.signal[..., chosen]
    inside, anatomy = _where(mask, still, spacing)
    _check_contrast(series, inside)
    anatomy = anatomy & np.isfinite(still) if anatomy is not None else _bright(still)
    aligner = Aligner(still, inside, spacing)
    shifts, corrected, total = [], None, series.bvalues.size - 1
    for number in range(series.bvalues.size):
        shift = _found(series, number, chosen, aligner, anatomy, spacing, threshold)
        shifts.append(shift)
        if shift.applied:
            corrected = series.signal.copy() if corrected is None else corrected
            corrected[..., number] = undo_motion(series.signal[..., number], shift.motion, spacing)
        done = number + (number < chosen)
        if number != chosen and progress is not None and not progress(done, total):
            raise InterruptedError(f"motion correction was cancelled after {done} of {total} images")
    return MotionResult(series if corrected is None else replace(series, signal=corrected), tuple(shifts))


def shift_table_csv(result: MotionResult) -> str:
    """Return the table of shifts as CSV text, a line for each image, units in the column names.

    Parameters
    ----------
    result : MotionResult
        From :func:`correct_motion`.

    Returns
    -------
    str
        Columns ``image`` (from 1), ``b_s_per_mm2``, ``dx_mm``, ``dy_mm``, ``rotation_deg``, ``shift_mm``,
        ``shift_voxels``, ``applied`` (yes or no), ``outcome``, ``metric_before_nat``, ``metric_after_nat``; empty where
        there is no number.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for shift in result.shifts:
        motion = shift.motion
        sizes = (motion.dx, motion.dy, motion.rotation, shift.shift_mm, shift.shift_voxels)
        metrics = (shift.metric_before, shift.metric_after)
        done = ("yes" if shift.applied else "no", shift.outcome)
        numbers = ["" if np.isnan(value) else f"{value:.4f}" for value in (*sizes, *metrics)]
        writer.writerow((shift.image + 1, f"{shift.bvalue:g}", *numbers[:5], *done, *numbers[5:]))
    return text.getvalue()


def _reference_index(series: DiffusionSeries, reference: str | int) -> int:
    if isinstance(reference, str):
        check_choice("reference", reference, ("lowest b",))
        return int(np.argmin(series.bvalues))
    if not 0 <= reference < series.bvalues.size:
        raise ValueError(f"reference: expected 'lowest b' or 0 to {series.bvalues.size - 1}, got {reference}")
    return int(reference)


def _spacing(affine: NDArray[np.float64]) -> Spacing:
    """Return the lengths of a voxel along i and j [mm]."""
    along_i, along_j = np.linalg.norm(affine[:3, :2], axis=0)
    cosine = float(affine[:3, 0] @ affine[:3, 1] / (along_i * along_j))
    if abs(cosine) > _SKEW:
        raise ValueError(f"affine: expected axes i and j at right angles, got a cosine of {cosine:.3g} between them")
    return float(along_i), float(along_j)


def _where(mask: ArrayLike | None, still: NDArray[np.floating], spacing: Spacing) -> tuple[Mask, Mask | None]:
    """Return the voxels to compare, and the anatomy that was given."""
    if mask is None:
        return np.ones(still.shape, bool), None
    given = check_mask("mask", mask, still.shape)
    if not given.any():
        raise ValueError("mask: expected at least one voxel, got an empty mask")
    box = np.zeros(still.shape, bool)
    margins = (0, int(np.ceil(_MARGIN / spacing[1])), int(np.ceil(_MARGIN / spacing[0])))
    found = np.nonzero(given)
    box[tuple(slice(max(x.min() - m, 0), x.max() + m + 1) for x, m in zip(found, margins, strict=True))] = True
    return box, given


def _bright(image: NDArray[np.floating]) -> Mask:
    """Return what is not air."""
    finite = np.isfinite(image)
    return np.asarray(finite & (np.where(finite, image, 0) > _BODY * np.percentile(image[finite], 99)))


def _check_contrast(series: DiffusionSeries, inside: Mask) -> None:
    """Raise ValueError for an image that has nothing to compare."""
    for number, bvalue in enumerate(series.bvalues):
        values = series.signal[..., number][inside]
        values = values[np.isfinite(values)]
        if values.size == 0 or values.min() == values.max():
            got = "only NaN or infinite values" if values.size == 0 else f"only {values[0]:g}"
            raise ValueError(
                f"signal: expected images with contrast where they are compared, got {got} in image {number + 1} "
                f"(b {bvalue:g} s/mm2)"
            )


def _found(
    series: DiffusionSeries,
    number: int,
    reference: int,
    aligner: Aligner,
    anatomy: Mask,
    spacing: Spacing,
    threshold: float,
) -> ImageShift:
    """Return what is found for one image, and whether it is to be resampled."""
    bvalue = float(series.bvalues[number])
    if number == reference:
        return ImageShift(number, bvalue, InPlaneMotion(), 0.0, 0.0, np.nan, np.nan, "reference", np.eye(4))
    try:
        motion, before, after = aligner.find(series.signal[..., number])
    except RuntimeError as error:
        if "samples" not in str(error):  # anything but "all (or too many) samples map outside moving image buffer"
            raise
        motion, before, after = InPlaneMotion(np.nan, np.nan, np.nan), np.nan, np.nan
    shift_mm, shift_voxels = _size(motion, anatomy, spacing)
    outcome = _outcome(shift_mm, shift_voxels < threshold, after > before)
    matrix = series.affine @ motion.index_matrix(series.grid_shape, spacing) @ np.linalg.inv(series.affine)
    return ImageShift(number, bvalue, motion, shift_mm, shift_voxels, before, after, outcome, matrix)


def _outcome(shift_mm: float, is_small: bool, is_better: bool) -> str:
    """Return whether a motion is to be undone, or why not."""
    if np.isnan(shift_mm):
        return "not comparable"
    if is_small:
        return "below threshold"
    if not is_better:
        return "no better"
    return "not credible" if shift_mm > _LIMIT else "applied"


def _size(motion: InPlaneMotion, anatomy: Mask, spacing: Spacing) -> tuple[float, float]:
    """Return the root mean square displacement of the anatomy [mm], [voxel]."""
    _, j, i = np.nonzero(anatomy)
    x = (i - (anatomy.shape[2] - 1) / 2) * spacing[0]
    y = (j - (anatomy.shape[1] - 1) / 2) * spacing[1]
    dx, dy = motion.displacement(x, y)
    in_voxels = (dx / spacing[0]) ** 2 + (dy / spacing[1]) ** 2
    return float(np.sqrt(np.mean(dx**2 + dy**2))), float(np.sqrt(np.mean(in_voxels)))
