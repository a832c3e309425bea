"""A simulated sagittal diffusion series of the lumbar spine whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues
from mrbiomarkers.phantom.anatomy import tissue_fractions
from mrbiomarkers.phantom.scene import Scene, check_noise, region_means
from mrbiomarkers.phantom.signal import decay, rician, smooth_variation, tissue_maps
from mrbiomarkers.phantom.tissues import MARROW_S0, TISSUES
from mrbiomarkers.series import DiffusionSeries

B_ALL = (0.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0)
"""b-values [s/mm2] of a published study of childhood leukaemia (3 T, sagittal)."""


@dataclass(frozen=True, eq=False)
class LumbarPhantom:
    """A simulated lumbar spine with what is true of it.

    Attributes
    ----------
    series : DiffusionSeries
        float32 signal (K, J, I, B) [a.u.]; k counts sagittal slices from left to right, rows run from superior to
        inferior, columns from anterior to posterior.
    regions : dict of (K, J, I) boolean arrays
        ``"L1"`` to ``"L5"`` and, if asked for, ``"lesion"``: only voxels that hold nothing but this marrow (or lesion).
        The five lie on the middle slice and its neighbours.
    truth : dict of (K, J, I) float64 arrays
        ``"S0"`` [a.u.] with the coil sensitivity in it, known everywhere; ``"f"``, ``"D"`` and ``"Dstar"`` [mm2/s], NaN
        in air and where a voxel mixes tissues, for there no single value is true.
    region_truth : dict of dict of float
        Mean of the truth maps over each region, in the same units.
    sigma : float [a.u.]
        Standard deviation of the noise in each channel; 0 without noise.
    """

    series: DiffusionSeries
    regions: dict[str, NDArray[np.bool_]]
    truth: dict[str, NDArray[np.float64]]
    region_truth: dict[str, dict[str, float]]
    sigma: float


def lumbar_diffusion(
    *,
    shape: tuple[int, int, int] = (11, 96, 96),
    snr: float | None = 40.0,
    seed: int = 0,
    bvalues: ArrayLike = B_ALL,
    scale: float = 1.0,
    lesion: bool = False,
    heterogeneity: float = 0.04,
    field_of_view: float = 250.0,
) -> LumbarPhantom:
    """Simulate a sagittal diffusion series of the lumbar spine.

    Each voxel is the mean of 27 points of a drawn anatomy, so edges mix tissues as in life. The signal of a tissue is
    a sum of two exponentials, the coil lies behind the back, and the noise is Rician. Geometry, truth and noise are
    the same whenever the arguments are the same; the noise changes with ``seed``, and so does the pattern of marrow.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows and columns (K, J, I). Slices are 4 mm thick with gaps of 0.5 mm. (11, 256, 228) is as fine as a
        clinical protocol.
    snr : float or None
        Signal of marrow at b = 0 at the centre of L3 over ``sigma``. None or infinity: no noise.
    seed : int
        Seed of the random numbers, 0 or more.
    bvalues : (B,) array_like [s/mm2]
        The b-values to simulate, each once.
    scale : float
        Size of the patient, 1 for an adult, about 0.6 for a child of five years; from 0.4 to 1.2.
    lesion : bool
        Whether L3 holds a focal lesion (D 0.95 10^-3 mm2/s, f 0.08).
    heterogeneity : float
        Relative standard deviation of S0, f, D and D* inside a tissue, 0 to 0.2.
    field_of_view : float [mm]
        Length of both sides of a slice.

    Returns
    -------
    LumbarPhantom

    Raises
    ------
    ValueError
        When an argument is out of its range.

    References
    ----------
    Sizes of bodies and discs follow adult anatomy (L3: 27 mm high, 33 mm deep, 45 mm wide). Tissue values and their
    sources stand in ``tissues.py``.
    """
    b = check_bvalues(bvalues)
    scene = Scene(shape, scale=scale, field_of_view=field_of_view, lesion=lesion)
    check_noise(snr, seed, heterogeneity)
    fractions = tissue_fractions(scene.grid, lesion=lesion)
    regions = scene.regions(fractions)
    # Two streams, so that another noise level leaves the marrow as it was.
    variation = smooth_variation(scene.shape, scene.patch, heterogeneity, np.random.default_rng([seed, 0]))
    signal, truth = _scan(fractions, variation, scene.sensitivity, b)
    sigma = 0.0 if snr is None or math.isinf(snr) else MARROW_S0 / snr
    noisy = rician(signal, sigma, np.random.default_rng([seed, 1])).astype(np.float32)
    series = DiffusionSeries(noisy, b, scene.affine, source=("simulated",) * b.size)
    return LumbarPhantom(series, regions, truth, region_means(regions, truth), sigma)


def _scan(
    fractions: dict[str, NDArray[np.float32]],
    variation: NDArray[np.float64],
    sensitivity: NDArray[np.float64],
    b: NDArray[np.float64],
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return the noise-free signal (K, J, I, B) [a.u.] and the truth maps (K, J, I)."""
    shape = variation.shape[1:]
    signal = np.zeros((*shape, b.size))
    truth = {"S0": np.zeros(shape)} | {key: np.full(shape, np.nan) for key in ("f", "D", "Dstar")}
    for name, fraction in fractions.items():
        if name == "air":
            continue
        inside = fraction > 0
        maps = tissue_maps(TISSUES[name], variation, inside)
        weight = fraction[inside] * maps["S0"] * np.broadcast_to(sensitivity, shape)[inside]
        signal[inside] += weight[:, None] * decay(b, maps["f"], maps["D"], maps["Dstar"])
        truth["S0"][inside] += weight
        pure = fraction[inside] == 1
        for key in ("f", "D", "Dstar"):
            truth[key][fraction == 1] = maps[key][pure]
    return signal, truth
