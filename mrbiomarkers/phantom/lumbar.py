"""A simulated sagittal diffusion series of the lumbar spine whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues
from mrbiomarkers.phantom.anatomy import SagittalGrid, core_mask, tissue_fractions
from mrbiomarkers.phantom.signal import decay, rician, smooth_variation, tissue_maps
from mrbiomarkers.phantom.tissues import MARROW_S0, TISSUES
from mrbiomarkers.series import DiffusionSeries

B_ALL = (0.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0)
"""b-values [s/mm2] of a published study of childhood leukaemia (3 T, sagittal)."""

LEVELS = ("L1", "L2", "L3", "L4", "L5")
"""The five bodies that have regions."""

_THICKNESS, _GAP = 4.0, 0.5  # [mm]
_PATCH = 6.0  # length over which marrow varies [mm]
_ORIGIN = (4.0, 8.0, -12.0)  # RAS position of the centre of the volume [mm]
_CENTRE = (14.0, -13.0)  # anterior and superior distance from L3 to the centre of the picture [mm of an adult]
_YAW, _ROLL, _PITCH = (math.radians(angle) for angle in (5.0, -3.0, 2.0))


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
    _check(shape, snr, seed, scale, heterogeneity, field_of_view)
    spacing = (_THICKNESS + _GAP, field_of_view / shape[1], field_of_view / shape[2])
    grid = _grid(shape, spacing, scale)
    fractions = tissue_fractions(grid, lesion=lesion)
    correlation = (_PATCH / spacing[0], _PATCH / spacing[1], _PATCH / spacing[2])
    # Two streams, so that another noise level leaves the marrow as it was.
    variation = smooth_variation(shape, correlation, heterogeneity, np.random.default_rng([seed, 0]))
    signal, truth = _scan(fractions, variation, _sensitivity(grid), b)
    sigma = 0.0 if snr is None or math.isinf(snr) else MARROW_S0 / snr
    noisy = rician(signal, sigma, np.random.default_rng([seed, 1])).astype(np.float32)
    series = DiffusionSeries(noisy, b, _affine(shape, spacing), source=("simulated",) * b.size)
    regions = {level: core_mask(level, grid) & (fractions[level] == 1) for level in LEVELS}
    if lesion:
        regions["lesion"] = fractions["lesion"] == 1
    empty = [name for name, mask in regions.items() if not mask.any()]
    if empty:
        raise ValueError(f"shape: expected voxels small enough to fit into {', '.join(empty)}, got shape {shape}")
    means = {name: {key: float(values[mask].mean()) for key, values in truth.items()} for name, mask in regions.items()}
    return LumbarPhantom(series, regions, truth, means, sigma)


def _check(
    shape: tuple[int, int, int], snr: float | None, seed: int, scale: float, heterogeneity: float, field_of_view: float
) -> None:
    """Raise ValueError for an argument of :func:`lumbar_diffusion` that is out of its range."""
    if len(shape) != 3 or shape[0] < 1 or min(shape[1:]) < 16 or any(n != int(n) for n in shape):
        raise ValueError(
            f"shape: expected three whole numbers (1 or more slices, 16 or more rows, columns), got {shape}"
        )
    if snr is not None and not snr > 0:
        raise ValueError(f"snr: expected a number above 0, or None for no noise, got {snr}")
    if seed < 0 or seed != int(seed):
        raise ValueError(f"seed: expected a whole number, 0 or more, got {seed}")
    for name, value, low, high in (
        ("scale", scale, 0.4, 1.2),
        ("heterogeneity", heterogeneity, 0.0, 0.2),
        ("field_of_view", field_of_view, 100.0, 400.0),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {value}")


def _grid(shape: tuple[int, int, int], spacing: tuple[float, float, float], scale: float) -> SagittalGrid:
    """Return voxel centres in millimetres of an adult: rows run down, columns run back."""
    k, j, i = (
        (np.arange(n, dtype=np.float64) - (n - 1) / 2) * (step / scale) for n, step in zip(shape, spacing, strict=True)
    )
    return SagittalGrid(k, _CENTRE[1] - j, _CENTRE[0] - i, (_THICKNESS / scale, spacing[1] / scale, spacing[2] / scale))


def _affine(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the voxel-to-RAS matrix [mm]: sagittal, turned a few degrees about all three axes.

    The technician has turned the slices to fit the spine, so the anatomy is turned with them.
    """
    cos, sin = math.cos, math.sin
    yaw = np.array([[cos(_YAW), -sin(_YAW), 0], [sin(_YAW), cos(_YAW), 0], [0, 0, 1]])
    roll = np.array([[cos(_ROLL), 0, sin(_ROLL)], [0, 1, 0], [-sin(_ROLL), 0, cos(_ROLL)]])
    pitch = np.array([[1, 0, 0], [0, cos(_PITCH), -sin(_PITCH)], [0, sin(_PITCH), cos(_PITCH)]])
    straight = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # i to posterior, j to inferior, k to the right
    affine = np.eye(4)
    affine[:3, :3] = yaw @ roll @ pitch @ straight * np.array(spacing[::-1])
    affine[:3, 3] = np.array(_ORIGIN) - affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return affine


def _sensitivity(grid: SagittalGrid) -> NDArray[np.float64]:
    """Return the sensitivity (1, J, I) of a coil behind the back, 1 at the centre of L3."""
    along = np.exp(-grid.v * (grid.v - 2 * _CENTRE[1]) / 190.0**2)
    return np.asarray((np.exp(-grid.u / 105.0)[None, :] * along[:, None])[None])


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
