"""A simulated sagittal multi-echo series of the lumbar spine whose water and fat are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_echo_times, check_field_strength
from mrbiomarkers.phantom.anatomy import SagittalGrid, tissue_fractions
from mrbiomarkers.phantom.fatwater_tissues import MARROW_SIGNAL, MARROWS, FatWaterTissue, fat_water_tissues
from mrbiomarkers.phantom.gradient_echo import add_noise, decaying_echoes, fat_phasor, turn_by_field, turn_by_readout
from mrbiomarkers.phantom.scene import Scene, check_noise, region_means
from mrbiomarkers.phantom.signal import smooth_variation
from mrbiomarkers.phantom.susceptibility import field_in_body, susceptibility_map
from mrbiomarkers.series import EchoSeries

ECHO_TIMES = (1.24e-3, 2.22e-3, 3.20e-3, 4.18e-3, 5.16e-3, 6.14e-3)
"""Six echo times [s] of a common protocol at 3 T."""

_FAINT = 0.15  # signal of a voxel, relative to marrow, below which it is not body

_Fractions = dict[str, NDArray[np.float32]]
_Maps = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class FatWaterPhantom:
    """A simulated lumbar spine with what is true of it.

    Attributes
    ----------
    series : EchoSeries
        complex64 or float32 signal (K, J, I, N) [a.u.] on the grid of :func:`mrbiomarkers.phantom.lumbar_diffusion`: k
        counts sagittal slices from left to right, rows run from superior to inferior, columns from anterior to
        posterior.
    regions : dict of (K, J, I) boolean arrays
        ``"L1"`` to ``"L5"`` and, if asked for, ``"lesion"``: only voxels that hold nothing but this marrow (or lesion).
        The five lie on the middle slice and its neighbours (on the middle two of an even number).
    body : (K, J, I) boolean array
        Voxels with signal: at most half air and gas, and not only cortical bone or ligament.
    truth : dict of (K, J, I) float64 arrays
        ``"water"`` and ``"fat"`` [a.u.] at echo time 0 with the coil sensitivity in them, and ``"field_map"`` [Hz],
        known everywhere; ``"PDFF"`` [%] and ``"R2star"`` [1/s], NaN in air and gas and where a voxel mixes tissues, for
        there no single value is true.
    region_truth : dict of dict of float
        Mean of the truth maps over each region, in the same units.
    sigma : float [a.u.]
        Standard deviation of the noise in each channel; 0 without noise.
    """

    series: EchoSeries
    regions: dict[str, NDArray[np.bool_]]
    body: NDArray[np.bool_]
    truth: dict[str, NDArray[np.float64]]
    region_truth: dict[str, dict[str, float]]
    sigma: float


def lumbar_fat_water(
    *,
    shape: tuple[int, int, int] = (24, 256, 256),
    echo_times: ArrayLike = ECHO_TIMES,
    field_strength: float = 3.0,
    snr: float | None = 40.0,
    seed: int = 0,
    scale: float = 1.0,
    field_range: float = 400.0,
    lesion: bool = False,
    kind: str = "complex",
    pdff: Mapping[str, float] | None = None,
    r2star: Mapping[str, float] | None = None,
    heterogeneity: float = 0.04,
    bipolar_phase: float = 0.0,
    field_of_view: float = 250.0,
) -> FatWaterPhantom:
    """Simulate a sagittal spoiled gradient echo series of the lumbar spine with several echoes.

    Each voxel is the mean of 27 points of a drawn anatomy, so edges mix tissues as in life. Every tissue is a sum of
    exponentials: water, nine peaks of marrow fat, one R2*. The field is that of the air around the trunk and of the gas
    in the bowel after an imperfect shim; it is constant in a voxel. Geometry, truth and noise are the same whenever the
    arguments are the same; the noise changes with ``seed``, and so do the pattern of marrow and the shim.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows and columns (K, J, I). Slices are 4 mm thick with gaps of 0.5 mm.
    echo_times : (N,) array_like [s]
        Ascending.
    field_strength : float [T]
        Static field. It moves the peaks of fat; R2* and the field map stay as given.
    snr : float or None
        Water and fat of marrow at echo time 0 at the centre of L3 over ``sigma``. None or infinity: no noise.
    seed : int
        Seed of the random numbers, 0 or more.
    scale : float
        Size of the patient, 1 for an adult, about 0.6 for a child of five years; from 0.4 to 1.2.
    field_range : float [Hz]
        What 99.5 % of the absolute field in the body stays below, 0 to 2000; the rest is close to gas.
    lesion : bool
        Whether L3 holds a focal lesion (PDFF 4 %, R2* 60 1/s).
    kind : str
        ``"complex"``, or ``"magnitude"``: the magnitude of the same noisy images, which is Rician.
    pdff : mapping of str to float [%], optional
        Fat fraction of ``"L1"`` to ``"L5"``, ``"thoracic"``, ``"sacrum"``, ``"posterior"`` (arches) or ``"lesion"``;
        what is not named keeps its own (22 % in L1 to 55 % in L5).
    r2star : mapping of str to float [1/s], optional
        R2* of the same (150 1/s in L1 to 80 1/s in L5).
    heterogeneity : float
        Relative standard deviation of signal, PDFF and R2* inside marrow, 0 to 0.2.
    bipolar_phase : float [rad]
        Phase at the lower edge of the picture by which readouts of alternating direction (along the rows' axis) turn
        odd echoes one way and even ones the other; -pi to pi. It falls to its negative at the upper edge.
    field_of_view : float [mm]
        Length of both sides of a slice.

    Returns
    -------
    FatWaterPhantom

    Raises
    ------
    ValueError
        When an argument is out of its range, or the picture does not hold all five bodies.

    References
    ----------
    Signal: Yu et al. 2008, MRM 60:1122. Fat: Ren et al. 2008, J Lipid Res 49:2055. Field: Marques and Bowtell 2005,
    Concepts Magn Reson 25B:65. Noise: Gudbjartsson and Patz 1995, MRM 34:910. Values of the tissues and their sources
    stand in ``fatwater_tissues.py``.
    """
    scene = Scene(shape, scale=scale, field_of_view=field_of_view, lesion=lesion)
    times, field_strength = check_echo_times(echo_times), check_field_strength(field_strength)
    check_noise(snr, seed, heterogeneity)
    _check(kind, field_range, bipolar_phase)
    tissues = fat_water_tissues(pdff, r2star)
    grid = scene.grid
    fractions = tissue_fractions(grid, lesion=lesion)
    regions = scene.regions(fractions)
    # Three streams, so that another noise level leaves marrow and field as they were.
    variation = smooth_variation(scene.shape, scene.patch, heterogeneity, np.random.default_rng([seed, 0]))
    fat = fat_phasor(times, field_strength)
    signal, truth = _on_resonance(fractions, tissues, variation, scene.sensitivity, times, fat)
    body = _body(fractions, (truth["water"] + truth["fat"]) / scene.sensitivity)
    susceptibility = susceptibility_map(fractions, tissues)
    shim = np.random.default_rng([seed, 2])
    truth["field_map"] = field_in_body(susceptibility, scene.spacing, grid, body, field_range, shim)
    turn_by_field(signal, times, truth["field_map"], _coil_phase(grid))
    turn_by_readout(signal, bipolar_phase)
    sigma = 0.0 if snr is None or math.isinf(snr) else MARROW_SIGNAL / snr
    add_noise(signal, sigma, np.random.default_rng([seed, 1]))
    images = abs(signal).astype(np.float32) if kind == "magnitude" else signal.astype(np.complex64)
    series = EchoSeries(images, times, field_strength, scene.affine, kind=kind, readout_axis=1, precession=1)
    return FatWaterPhantom(series, regions, body, truth, region_means(regions, truth), sigma)


def _check(kind: str, field_range: float, bipolar_phase: float) -> None:
    """Raise ValueError for an argument that only the water-fat phantom has and that cannot be used."""
    check_choice("kind", kind, ("complex", "magnitude"))
    if not 0 <= field_range <= 2000:
        raise ValueError(f"field_range: expected 0 to 2000 Hz, got {field_range}")
    if not abs(bipolar_phase) <= math.pi:
        raise ValueError(f"bipolar_phase: expected -pi to pi radians, got {bipolar_phase}")


def _on_resonance(
    fractions: _Fractions,
    tissues: Mapping[str, FatWaterTissue],
    variation: NDArray[np.float64],
    sensitivity: NDArray[np.float64],
    times: NDArray[np.float64],
    fat: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], _Maps]:
    """Return the noise-free signal (K, J, I, N) [a.u.] without field or phase, and the truth maps (K, J, I)."""
    shape = variation.shape[1:]
    signal = np.zeros((*shape, times.size), dtype=np.complex128)
    truth = {key: np.full(shape, np.nan) for key in ("PDFF", "R2star")}
    truth |= {key: np.zeros(shape) for key in ("water", "fat")}
    for name, fraction in fractions.items():
        if tissues[name].signal == 0:
            continue
        inside = fraction > 0
        total, percent, rate = _tissue_values(tissues[name], variation[:3, inside], vary=name in MARROWS)
        total = total * fraction[inside] * np.broadcast_to(sensitivity, shape)[inside]
        water, lipid = total * (1 - percent / 100), total * (percent / 100)
        signal[inside] += decaying_echoes(times, fat, (water, lipid), rate)
        truth["water"][inside] += water
        truth["fat"][inside] += lipid
        pure = fraction[inside] == 1
        truth["PDFF"][fraction == 1] = percent[pure]
        truth["R2star"][fraction == 1] = rate[pure]
    return signal, truth


def _tissue_values(
    tissue: FatWaterTissue, deviation: NDArray[np.float64], *, vary: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return signal [a.u.], PDFF [%] and R2* [1/s] of V voxels from their relative deviations (3, V)."""
    means = np.array([tissue.signal, tissue.pdff, tissue.r2star])[:, None]
    total, percent, rate = means * (1 + deviation) if vary else np.broadcast_to(means, deviation.shape)
    return total, np.clip(percent, 0, 100), rate


def _body(fractions: _Fractions, signal: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the voxels (K, J, I) that are mostly tissue and give ``signal`` [a.u.] in a coil of sensitivity 1."""
    empty = sum((fractions[name] for name in ("air", "gas") if name in fractions), np.zeros(signal.shape, np.float32))
    return np.asarray((empty <= 0.5) & (signal > _FAINT * MARROW_SIGNAL))


def _coil_phase(grid: SagittalGrid) -> NDArray[np.float64]:
    """Return the phase (K, J, I) [rad] of coil and transmitter at echo time 0, smooth in space."""
    x, v, u = (grid.x / 50)[:, None, None], (grid.v / 100)[None, :, None], (grid.u / 100)[None, None, :]
    return np.asarray(0.7 + 0.4 * x + 1.1 * u - 0.9 * v + 0.6 * u * v - 0.5 * v**2 + 0.3 * x * u)
