"""The static field in the body: what air and fat do to it, and what a shim leaves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from mrbiomarkers.phantom.anatomy import SagittalGrid
from mrbiomarkers.phantom.fatwater_tissues import FatWaterTissue

# Volume susceptibilities (SI). Water at 37 C -9.05e-6 and air +0.36e-6: Schenck 1996, Med Phys 23:815. Fat is taken
# 0.6e-6 above water. At 3 T these alone, well shimmed, keep 99.5 % of an adult's body within 350 Hz, and with the error
# of the shim below within 400 to 700 Hz: the field is scaled to the range that is asked for, but not by much.
_AIR, _WATER, _FAT = 0.36e-6, -9.05e-6, -8.45e-6
_SHIM = 1.5  # spread of the smooth field that a poor shim leaves, relative to that of the field of the tissues
_PERCENTILE = 99.5  # of the absolute field in the body, which the range refers to
_SAMPLES = 50_000  # voxels of the body that the shim looks at


def susceptibility_map(
    fractions: Mapping[str, NDArray[np.float32]], tissues: Mapping[str, FatWaterTissue]
) -> NDArray[np.float32]:
    """Return the volume susceptibility (K, J, I), SI, relative to that of water.

    Parameters
    ----------
    fractions : mapping of str to (K, J, I) array
        Shares of the tissues in each voxel.
    tissues : mapping of str to FatWaterTissue
        Their fat fractions; air and gas have the susceptibility of air.
    """
    total = np.zeros(next(iter(fractions.values())).shape, dtype=np.float32)
    for name, fraction in fractions.items():
        value = _AIR - _WATER if name in ("air", "gas") else (_FAT - _WATER) * tissues[name].pdff / 100
        if value:
            total += np.float32(value) * fraction
    return total


def dipole_field(susceptibility: NDArray[np.float32], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Return the field that a susceptibility makes where nuclei feel it, relative to B0.

    The unit dipole is applied in k-space as 1/3 - kz^2/k^2, with the sphere of Lorentz taken out (Salomir 2003,
    Concepts Magn Reson 19B:26; Marques and Bowtell 2005, ibid. 25B:65). What leaves the array on one side comes in on
    the other: the caller pads. The mean of the field, which k-space leaves open, is 0.

    Parameters
    ----------
    susceptibility : (K, J, I) float32 array
        SI, small against 1. B0 lies along the rows' axis J.
    spacing : tuple of float [mm]
        Distance of the voxel centres along each axis.

    Returns
    -------
    (K, J, I) float32 array
    """
    shape = susceptibility.shape
    kx = fft.fftfreq(shape[0], spacing[0]).astype(np.float32)[:, None, None]
    kz = fft.fftfreq(shape[1], spacing[1]).astype(np.float32)[None, :, None]
    ky = fft.rfftfreq(shape[2], spacing[2]).astype(np.float32)[None, None, :]
    square = kx**2 + kz**2 + ky**2
    square[0, 0, 0] = 1
    kernel = np.float32(1 / 3) - kz**2 / square
    kernel[0, 0, 0] = 0
    return np.asarray(fft.irfftn(fft.rfftn(susceptibility) * kernel, s=shape), dtype=np.float32)


def field_in_body(
    susceptibility: NDArray[np.float32],
    spacing: tuple[float, float, float],
    grid: SagittalGrid,
    body: NDArray[np.bool_],
    field_range: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the deviation of the field after a shim of second order that is not quite right.

    The trunk goes on beyond the picture as its mirror image, head- and footwards and to both sides; before and behind
    it there is what the first and last column hold. B0 is taken along the rows, from which it is a few degrees away
    in this oblique volume.

    Parameters
    ----------
    susceptibility : (K, J, I) float32 array
        SI, relative to water.
    spacing : tuple of float [mm]
        Distance of the voxel centres along each axis.
    grid : SagittalGrid
        Where the voxels are.
    body : (K, J, I) boolean array
        Where the shim looks and the range holds.
    field_range : float [Hz]
        What 99.5 % of the absolute field in the body stays below. The field is scaled to it, so that the
        same phantom can be made easy or hard.
    generator : numpy.random.Generator
        Where the error of the shim comes from.

    Returns
    -------
    (K, J, I) float64 array [Hz]
    """
    slices, rows, columns = susceptibility.shape
    before = columns // 2
    padded = np.pad(susceptibility, ((0, 0), (0, 0), (before, columns - before)), mode="edge")
    padded = np.pad(padded, ((0, slices), (0, rows), (0, 0)), mode="symmetric")
    field = dipole_field(padded, spacing)[:slices, :rows, before : before + columns].astype(np.float64)
    terms = _shim_terms(grid)
    step = max(1, np.count_nonzero(body) // _SAMPLES)
    columns_of_fit = np.stack([np.broadcast_to(term, body.shape)[body][::step] for term in terms], axis=1)
    shim = np.linalg.lstsq(columns_of_fit, field[body][::step], rcond=None)[0]
    field -= _combined(terms, shim.astype(np.float64))
    error = _combined(terms, generator.standard_normal(len(terms)))
    spread = error[body].std()
    if spread > 0:
        field += _SHIM * field[body].std() / spread * error
    reached = np.percentile(abs(field[body]), _PERCENTILE)
    return np.asarray(field * (field_range / reached))


def _shim_terms(grid: SagittalGrid) -> list[NDArray[np.float64]]:
    """Return the solid harmonics up to second order that shim coils make, each broadcastable to (K, J, I)."""
    x, v, u = grid.x[:, None, None], grid.v[None, :, None], grid.u[None, None, :]
    length = max(np.ptp(grid.v), np.ptp(grid.u)) / 2
    x, z, y = (x - x.mean()) / length, (v - v.mean()) / length, (u - u.mean()) / length
    first = [np.ones((1, 1, 1)), x, y, z]
    return [*first, x * y, y * z, z * x, x**2 - y**2, 2 * z**2 - x**2 - y**2]


def _combined(terms: list[NDArray[np.float64]], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted sum (K, J, I) of shim terms."""
    return np.asarray(sum(weight * term for weight, term in zip(weights, terms, strict=True)))
