"""One image for each echo from the images of several receiver coils, with the phase between the echoes kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEPS = 12  # of the power method; a second signal of half the size is then at 2^-12 of the first in amplitude
_NUMBERS = 2**23  # of one block of covariance matrices: 64 MB of complex64


def combine_coils(images: ArrayLike, *, neighbourhood: int = 5) -> NDArray[Any]:
    """Return the images of several coils as one, weighted by the sensitivities that the images themselves show.

    The weights ``w`` of a voxel are the first eigenvector of the coils' covariance, the sum of ``s s^H`` over all
    echoes of the voxel and its neighbours, and the result is ``w^H s``: the combination with the best signal-to-noise
    ratio where the noise of all coils is equal and independent. All echoes have the same weights, so what differs
    between them stays. Each voxel is turned so that its first echo is real and positive: the phase of the coils is not
    known. Without noise the magnitude is the root of the sum of squares of the coils.

    More than the voxel itself is needed: weights from its own first echo alone follow the noise in it, which makes that
    echo larger and all others smaller, and R2* with it too high.

    Parameters
    ----------
    images : (..., C, N) array_like [a.u.]
        Complex signals of C coils at N echoes. Of the axes before them the last two are a slice.
    neighbourhood : int
        Width of the square of neighbours in the slice, in voxels; odd. 1: the voxel alone.

    Returns
    -------
    (..., N) array [a.u.]
        A new array of the same type: complex64 stays complex64. A voxel that is not finite does not reach its
        neighbours.

    Raises
    ------
    TypeError
        When the images are not complex.
    ValueError
        When there are fewer than two axes or no coil, or ``neighbourhood`` is not an odd number above 0.

    References
    ----------
    Walsh et al., Magn Reson Med 2000;43:682 (adaptive combination); Roemer et al., Magn Reson Med 1990;16:192.
    """
    signal = np.asarray(images)
    if signal.dtype.kind != "c":
        raise TypeError(f"images: expected complex numbers, got an array of type {signal.dtype}")
    if signal.ndim < 2 or signal.size == 0:
        raise ValueError(f"images: expected coils and echoes as the last two axes, got shape {signal.shape}")
    if neighbourhood != int(neighbourhood) or neighbourhood < 1 or neighbourhood % 2 == 0:
        raise ValueError(f"neighbourhood: expected an odd number of voxels above 0, got {neighbourhood}")
    *leading, n_coils, n_echoes = signal.shape
    if n_coils == 1:
        return np.array(signal[..., 0, :], order="C")
    rows, columns = (1, 1, *leading)[-2:]
    slices = signal.reshape(-1, rows, columns, n_coils, n_echoes)
    combined = np.empty((len(slices), rows, columns, n_echoes), signal.dtype)
    reach, height = int(neighbourhood) // 2, max(1, _NUMBERS // (columns * n_coils**2))
    for image, target in zip(slices, combined, strict=True):
        for begin in range(0, rows, height):
            end, above = min(begin + height, rows), max(begin - reach, 0)
            weights = _weights(image[above : end + reach], int(neighbourhood))[begin - above : end - above]
            target[begin:end] = _weighted(image[begin:end], weights)
    return combined.reshape(*leading, n_echoes)


def _weights(image: NDArray[Any], width: int) -> NDArray[Any]:
    """Return weights (J, I, C) of length 1 for a part (J, I, C, N) of a slice; 0 where there is no signal around."""
    from scipy.ndimage import uniform_filter

    finite = np.isfinite(image).all(axis=(-2, -1), keepdims=True)
    clean = np.where(finite, image, 0)
    largest = float(np.abs(clean).max(initial=0.0))
    clean = clean / (largest if largest > 0 else 1.0)  # squares of any unit stay in the range of the type
    matrices = clean @ np.conj(np.swapaxes(clean, -2, -1))
    if width > 1:
        matrices = uniform_filter(matrices, (width, width, 1, 1), mode="constant")
    strongest = np.einsum("...cc->...c", matrices).real.argmax(axis=-1)
    weights = np.take_along_axis(matrices, strongest[..., None, None], axis=-1)  # a column: never at right angles to it
    for _ in range(_STEPS):
        length = np.sqrt(np.sum(np.square(np.abs(weights)), axis=-2, keepdims=True))
        weights = matrices @ (weights / np.where(length > 0, length, 1))
    length = np.sqrt(np.sum(np.square(np.abs(weights)), axis=-2, keepdims=True))
    return np.asarray((weights / np.where(length > 0, length, 1))[..., 0])


def _weighted(image: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return ``w^H s`` (J, I, N), turned so that the first echo is real and positive."""
    with np.errstate(invalid="ignore"):  # infinite voxels
        sums = np.einsum("jic,jicn->jin", np.conj(weights), image)
        size = np.abs(sums[..., :1])
        return np.asarray(sums * np.where(size > 0, np.conj(sums[..., :1]) / np.where(size > 0, size, 1), 1))
