"""The Laplacian of Gaussian, computed in the box around the region only.

PyRadiomics takes the recursive filter of ITK. Along each axis it is a sum of decaying waves on a line that goes on with
its end values, so that its weights are known in closed form: the filter is a small matrix along each axis, from the
voxels nearby to those of the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Region
from mrbiomarkers.radiomics.products import along_first
from mrbiomarkers.radiomics.volume import Volume

Numbers = NDArray[np.float64]

# Farnebäck and Westin 2006, as in ITK: the two waves, and their amplitudes for the Gaussian and its second derivative.
_FREQUENCY = (0.6681, 2.0787)
_DECAY = (-1.3932, -1.3732)
_COSINES = {0: (1.3530, -0.3531), 2: (-1.3563, 0.3446)}
_SINES = {0: (1.8151, 0.0902), 2: (5.2318, -2.2355)}
# The weights have fallen by 1e9 at 15 widths, and by 1e18 at 32.
_REACH = 15.0
_SUM_REACH = 32.0
_LEAST_VOXELS = 4


def laplacian_of_gaussian(volume: Volume, region: Region, sigma: float) -> NDArray[np.float32]:
    """Return sigma^2 times the Laplacian of the image smoothed by a Gaussian, in the voxels of a region.

    Parameters
    ----------
    volume : Volume
        The image.
    region : Region
        Where it is wanted.
    sigma : float [mm]
        Width of the Gaussian.

    Returns
    -------
    (N,) array of float32
        In the order of the voxels of ``region.mask``; equal to ITK's filter to its rounding.

    Raises
    ------
    ValueError
        When the image has fewer than four voxels, or no more than ``sigma`` in voxels, along an axis.

    References
    ----------
    Deriche, INRIA report 1893, 1993. Farnebäck and Westin, J Math Imaging Vis 2006;26:293.
    """
    problem = missing_length(volume, sigma)
    if problem:
        raise ValueError(f"log_sigma: {problem}")
    axes = [
        _matrices(volume.shape[axis], region.start[axis], region.stop[axis], sigma / volume.spacing[axis])
        for axis in range(3)
    ]
    data = volume.read(tuple(axis.part for axis in axes))
    total = np.zeros(region.mask.shape, dtype=np.float32)
    # ITK takes the axes in the order i, j, k, and keeps what it has in single precision after every step: with the same
    # roundings, values near 0 are equal to more digits.
    for axis in (2, 1, 0):
        part = _along(axes[axis].bent * sigma**2, data, axis)
        for other in (2, 1, 0):
            if other != axis:
                part = _along(axes[other].smooth, part, other)
        total += part / np.float64(volume.spacing[axis] ** 2)
    return total[region.mask]


def missing_length(volume: Volume, sigma: float) -> str:
    """Return why the filter cannot be applied to an image, as PyRadiomics has it; empty if it can."""
    least = np.maximum(np.ceil(sigma / np.array(volume.spacing)) + 1, _LEAST_VOXELS)
    if np.all(np.array(volume.shape) >= least):
        return ""
    expected = " x ".join(f"{number:.0f}" for number in least)
    came = " x ".join(str(number) for number in volume.shape)
    return (
        f"a width of {sigma:g} mm needs an image of {expected} voxels (k, j, i) or more, got {came}; with resampling, "
        "a larger pad_distance keeps more voxels"
    )


@dataclass(frozen=True, eq=False)
class _Axis:
    """What is read of an axis, and the matrices from there to the box."""

    part: slice
    smooth: Numbers
    bent: Numbers


def _along(matrix: Numbers, data: NDArray[Any], axis: int) -> NDArray[np.float32]:
    moved = along_first(matrix, np.ascontiguousarray(np.moveaxis(data, axis, 0), dtype=np.float64))
    return np.moveaxis(moved.astype(np.float32), 0, axis)


def _matrices(length: int, start: int, stop: int, sigma: float) -> _Axis:
    """Return the matrices of smoothing and second derivative; sigma in voxels."""
    reach = int(np.ceil(_REACH * sigma)) + 2
    low, high = max(start - reach, 0), min(stop + reach, length)
    steps = np.abs(np.arange(low, high)[np.newaxis, :] - np.arange(start, stop)[:, np.newaxis])
    matrices = []
    for weights in _weights(sigma, max(int(np.ceil(_SUM_REACH * sigma)), int(steps.max())) + 2):
        # tails[n]: sum of the weights from n on, for the end values with which the line goes on.
        tails = np.cumsum(weights[::-1])[::-1]
        matrix = weights[steps]
        matrix[:, 0] = tails[steps[:, 0]]
        matrix[:, -1] = tails[steps[:, -1]]
        matrices.append(matrix)
    return _Axis(slice(low, high), matrices[0], matrices[1])


def _weights(sigma: float, count: int) -> tuple[Numbers, Numbers]:
    """Return the weights of smoothing and second derivative at distances 0, 1, ... [voxels]."""
    n = np.arange(count, dtype=np.float64)
    waves = {}
    for derivative in (0, 2):
        wave = np.zeros(count)
        for a, b, w, decay in zip(_COSINES[derivative], _SINES[derivative], _FREQUENCY, _DECAY, strict=True):
            wave += (a * np.cos(w * n / sigma) + b * np.sin(w * n / sigma)) * np.exp(decay * n / sigma)
        waves[derivative] = wave
    sums = {derivative: 2 * wave.sum() - wave[0] for derivative, wave in waves.items()}
    smooth = waves[0] / sums[0]
    bent = waves[2] - waves[0] * (sums[2] / sums[0])
    return smooth, bent / np.sum(n**2 * bent)
