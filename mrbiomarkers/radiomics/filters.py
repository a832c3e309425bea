"""The filtered images on which features are measured: their names and their values in the region."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Region
from mrbiomarkers.radiomics.laplacian import laplacian_of_gaussian, missing_length
from mrbiomarkers.radiomics.volume import Volume
from mrbiomarkers.radiomics.wavelet import wavelet_bands
from mrbiomarkers.settings import RadiomicsSettings

Values = NDArray[Any]
Named = Iterator[tuple[str, Values | str]]  # the name, and the values or why there are none


@dataclass(frozen=True, eq=False)
class Filtered:
    """A filtered image in the region.

    Attributes
    ----------
    name : str
        As in PyRadiomics: ``"original"``, ``"wavelet-LLH"``, ``"log-sigma-1-0-mm-3D"`` ...
    values : (N,) array
        In the order of the voxels of the region's mask.
    problem : str
        Why it cannot be measured; empty if it can.
    """

    name: str
    values: Values
    problem: str = ""


def filtered_values(volume: Volume, region: Region, settings: RadiomicsSettings) -> Iterator[Filtered]:
    """Yield each image that the settings ask for, one after the other.

    Values are computed in the box around the region only, from as many voxels around it as have an influence.

    Parameters
    ----------
    volume : Volume
        The image, (K, J, I).
    region : Region
        N voxels.
    settings : RadiomicsSettings
        ``filters`` and their options.
    """
    for name in settings.filters:
        images = _FILTERS[name](volume, region, settings)
        while True:
            # Infinite voxels beside the region are told of below.
            with np.errstate(invalid="ignore", over="ignore"):
                item = next(images, None)
            if item is None:
                break
            title, found = item
            problem = found if isinstance(found, str) else ""
            values = np.full(region.size, np.nan) if isinstance(found, str) else found
            if not problem and values.dtype.kind == "f":
                bad = values.size - int(np.count_nonzero(np.isfinite(values)))
                if bad:
                    problem = f"NaN or infinite in {bad} of {values.size} voxels of the region, or next to it"
            yield Filtered(title, values, problem)


def _inside(volume: Volume, region: Region) -> Values:
    box = tuple(slice(first, stop) for first, stop in zip(region.start, region.stop, strict=True))
    values: Values = volume.read(box)[region.mask]
    return values


def _original(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    yield "original", _inside(volume, region)


def _log(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    for sigma in settings.log_sigma:
        name = f"log-sigma-{float(sigma)}-mm-3D".replace(".", "-")
        yield name, missing_length(volume, sigma) or laplacian_of_gaussian(volume, region, sigma)


def _square(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    largest = volume.largest()
    values = _inside(volume, region).astype(np.float64)
    yield "square", (values * (1 / np.sqrt(largest))) ** 2 if largest != 0 else values


def _square_root(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    values = _inside(volume, region).astype(np.float64)
    yield "squareroot", np.sign(values) * np.sqrt(np.abs(values) * volume.largest())


def _logarithm(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    largest = volume.largest()
    values = _inside(volume, region).astype(np.float64)
    scale = largest / np.log(largest + 1) if largest != 0 else 1.0
    yield "logarithm", np.sign(values) * np.log(np.abs(values) + 1) * scale


def _exponential(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    largest = volume.largest()
    if largest == 0:
        yield "exponential", "the image is 0 everywhere"
    else:
        yield "exponential", np.exp(np.log(largest) / largest * _inside(volume, region).astype(np.float64))


def _gradient(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    bounds = zip(region.start, region.stop, volume.shape, strict=True)
    box = [(max(first - 1, 0), min(stop + 1, length)) for first, stop, length in bounds]
    image = sitk.GetImageFromArray(volume.read(tuple(slice(*ends) for ends in box)))
    image.SetSpacing(volume.spacing[::-1])
    gradient = sitk.GetArrayFromImage(sitk.GradientMagnitude(image, settings.gradient_use_spacing))
    inner = zip(box, region.start, region.mask.shape, strict=True)
    cut = tuple(slice(first - ends[0], first - ends[0] + length) for ends, first, length in inner)
    yield "gradient", gradient[cut][region.mask]


def _wavelet(volume: Volume, region: Region, settings: RadiomicsSettings) -> Named:
    yield from wavelet_bands(volume, region, settings)


_FILTERS: dict[str, Callable[[Volume, Region, RadiomicsSettings], Named]] = {
    "original": _original,
    "wavelet": _wavelet,
    "log": _log,
    "square": _square,
    "squareroot": _square_root,
    "logarithm": _logarithm,
    "exponential": _exponential,
    "gradient": _gradient,
}
