"""The independent forward model: what a scanner would measure in known tissue, and its noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mrbiomarkers.phantom.tissues import Tissue


def decay(
    bvalues: NDArray[np.float64],
    f: NDArray[np.float64],
    D: NDArray[np.float64],
    Dstar: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the attenuation of two pools, a plain sum of two exponentials.

    Parameters
    ----------
    bvalues : (B,) array [s/mm2]
    f : (...) array
        Perfusion fraction.
    D, Dstar : (...) array [mm2/s]

    Returns
    -------
    (..., B) array
        ``(1 - f) exp(-b D) + f exp(-b D*)`` (Le Bihan 1988, Radiology 168:497, with D* itself).
    """
    slow = np.exp(-D[..., None] * bvalues)
    fast = np.exp(-Dstar[..., None] * bvalues)
    return np.asarray((1 - f[..., None]) * slow + f[..., None] * fast)


def tissue_maps(
    tissue: Tissue, variation: NDArray[np.float64], inside: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Return S0 [a.u.], f, D and D* [mm2/s] of one tissue in N voxels.

    Parameters
    ----------
    tissue : Tissue
        Its mean values.
    variation : (4, K, J, I) array
        Relative deviation of S0, f, D and D* from the mean.
    inside : (K, J, I) boolean array
        The N voxels that are wanted.
    """
    keys = ("S0", "f", "D", "Dstar")
    return {key: getattr(tissue, key) * (1 + variation[n][inside]) for n, key in enumerate(keys)}


def smooth_variation(
    shape: tuple[int, int, int], correlation: tuple[float, float, float], sd: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return smooth random relative deviations of the four parameters.

    Parameters
    ----------
    shape : tuple of int
        (K, J, I) of the grid.
    correlation : tuple of float [voxels]
        Standard deviation of the smoothing kernel along each axis.
    sd : float
        Standard deviation of the result; deviations stop at three of it.
    generator : numpy.random.Generator
        Where the random numbers come from.

    Returns
    -------
    (4, K, J, I) array
        Deviations of S0, f, D and D*.
    """
    fields = np.zeros((4, *shape))
    if sd == 0:
        return fields
    for field in fields:
        field[...] = gaussian_filter(generator.standard_normal(shape), correlation, mode="wrap")
        field /= field.std()
    return np.clip(fields, -3, 3) * sd


def rician(signal: NDArray[np.float64], sigma: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the magnitude of the signal with complex Gaussian noise (Gudbjartsson 1995, MRM 34:910).

    Parameters
    ----------
    signal : (...) array [a.u.]
        Noise-free magnitude.
    sigma : float [a.u.]
        Standard deviation of the noise in each of the two channels.
    generator : numpy.random.Generator
        Where the random numbers come from.

    Returns
    -------
    (...) array [a.u.]
    """
    if sigma == 0:
        return signal
    real = signal + sigma * generator.standard_normal(signal.shape)
    return np.hypot(real, sigma * generator.standard_normal(signal.shape))
