"""The stationary wavelet transform, computed in the box around the region only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Region
from mrbiomarkers.radiomics.volume import Volume
from mrbiomarkers.settings import RadiomicsSettings

Numbers = NDArray[Any]  # of single or double precision

# Coiflet of length six (Daubechies, Ten Lectures on Wavelets, 1992, table 8.1), with the digits of PyWavelets: they
# decide whether a flat part of an image comes to lie just above or just below 0. The first weight is that of the voxel
# three after, the last that of the voxel two before.
_LOW = np.array(
    [
        *[-0.015655728135791993, -0.07273261951252645, 0.3848648468648578],
        *[0.8525720202116004, 0.3378976624574818, -0.07273261951252645],
    ]
)
# In single precision PyWavelets has one digit different, and an image in single precision is filtered so.
_LOW_SINGLE = np.array([*_LOW[:3], 0.852571964263916, *_LOW[4:]], dtype=np.float32)
_SIGNS = np.array([-1, 1, -1, 1, -1, 1], dtype=np.float32)
_BEFORE, _AFTER = 2, 3


def wavelet_bands(volume: Volume, region: Region, settings: RadiomicsSettings) -> Iterator[tuple[str, Numbers]]:
    """Yield name and values of the bands in the voxels of a region, the approximation last.

    As in PyRadiomics, the image is taken as periodic; an axis of odd length is first made longer by its first voxel,
    and each level is the same filter on the approximation of the one before. Letters stand for the axes i, j, k.

    Parameters
    ----------
    volume : Volume
        The image.
    region : Region
        Where the bands are wanted.
    settings : RadiomicsSettings
        ``wavelet_start_level``, ``wavelet_levels``, ``force_2d``, ``force_2d_axis``.
    """
    axes = [axis for axis in (2, 1, 0) if not (settings.force_2d and axis == settings.force_2d_axis)]
    steps = settings.wavelet_start_level + settings.wavelet_levels
    data = volume.take(_indices(volume, region, axes, steps))
    if data.dtype != np.float32:
        data = data.astype(np.float64)
    low: Numbers = _LOW_SINGLE if data.dtype == np.float32 else _LOW
    weights = {"L": low, "H": _SIGNS * low[::-1]}
    for step in range(steps):
        level = step - settings.wavelet_start_level + 1
        rest = steps - step - 1
        if level > 0:
            near = _without_margin(data, axes, rest)
            for letters in list(product("LH", repeat=len(axes)))[1:]:
                band = near
                for axis, letter in zip(axes, letters, strict=True):
                    band = _filtered(band, axis, weights[letter])
                yield f"{_prefix(level)}-{''.join(letters)}", band[region.mask]
        for axis in axes:
            data = _filtered(data, axis, low)
    yield f"{_prefix(settings.wavelet_levels)}-{'L' * len(axes)}", data[region.mask]


def _prefix(level: int) -> str:
    return "wavelet" if level == 1 else f"wavelet{level}"


def _indices(
    volume: Volume, region: Region, axes: list[int], steps: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the voxels along each axis that the box needs, on an image that repeats itself."""
    rows = []
    for axis, length in enumerate(volume.shape):
        index = np.arange(region.start[axis], region.stop[axis])
        if axis in axes:
            index = np.arange(region.start[axis] - _BEFORE * steps, region.stop[axis] + _AFTER * steps)
        index = index % (length + length % 2)
        rows.append(np.where(index == length, 0, index))
    return rows[0], rows[1], rows[2]


def _without_margin(data: Numbers, axes: list[int], steps: int) -> Numbers:
    """Return the part of the data that the box needs when so many steps are left out."""
    cut = [slice(None)] * 3
    for axis in axes:
        cut[axis] = slice(_BEFORE * steps, data.shape[axis] - _AFTER * steps)
    return data[tuple(cut)]


def _filtered(data: Numbers, axis: int, weights: Numbers) -> Numbers:
    """Return the sum of six neighbours along an axis, where all of them are there; in the order of PyWavelets."""
    length = data.shape[axis] - weights.size + 1
    total = np.zeros(1, dtype=data.dtype)
    for first, weight in zip(range(weights.size - 1, -1, -1), weights, strict=True):
        part: list[slice] = [slice(None)] * 3
        part[axis] = slice(first, first + length)
        total = total + weight * data[tuple(part)]
    return total
