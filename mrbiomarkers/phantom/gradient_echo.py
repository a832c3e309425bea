"""The independent forward model of water and fat at several echo times, summed peak by peak, and its noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GYROMAGNETIC = 42.577478518  # gamma / 2 pi of the proton [MHz/T]
_WATER = 4.70  # [ppm]
# Chemical shift [ppm] and relative amplitude of the triglyceride of vertebral marrow: Ren et al. 2008, J Lipid Res
# 49:2055, as tabulated by Hamilton et al. 2016. Typed here, not imported: a fit must not check itself.
_MARROW_FAT = (
    (0.90, 90),
    (1.30, 584),
    (1.60, 60),
    (2.02, 85),
    (2.24, 60),
    (2.75, 15),
    (4.20, 40),
    (5.19, 10),
    (5.29, 57),
)


def fat_phasor(echo_times: NDArray[np.float64], field_strength: float) -> NDArray[np.complex128]:
    """Return the signal of unit fat relative to water, a direct sum over nine peaks.

    Parameters
    ----------
    echo_times : (N,) array [s]
    field_strength : float [T]

    Returns
    -------
    (N,) array
        ``sum_p a_p exp(i 2 pi f_p t)`` with ``sum_p a_p = 1`` and ``f_p`` below 0 for the main peak.
    """
    total = sum(amplitude for _, amplitude in _MARROW_FAT)
    phasor = np.zeros(len(echo_times), dtype=np.complex128)
    for ppm, amplitude in _MARROW_FAT:
        frequency = _GYROMAGNETIC * field_strength * (ppm - _WATER)  # MHz times ppm is Hz
        phasor += amplitude / total * np.exp(2j * np.pi * frequency * echo_times)
    return phasor


def decaying_echoes(
    echo_times: NDArray[np.float64],
    fat: NDArray[np.complex128],
    amplitudes: tuple[NDArray[np.float64], NDArray[np.float64]],
    r2star: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Return the signal of one tissue on resonance.

    Parameters
    ----------
    echo_times : (N,) array [s]
    fat : (N,) array
        Signal of unit fat, from :func:`fat_phasor`.
    amplitudes : tuple of two (V,) arrays [a.u.]
        Water and fat of V voxels at echo time 0.
    r2star : (V,) array [1/s]
        Rate at which both decay.

    Returns
    -------
    (V, N) array [a.u.]
        ``(W + F c_n) exp(-R2* t_n)`` (Yu et al. 2008, MRM 60:1122).
    """
    water, lipid = amplitudes
    return np.asarray((water[:, None] + lipid[:, None] * fat) * np.exp(-r2star[:, None] * echo_times))


def turn_by_field(
    signal: NDArray[np.complex128],
    echo_times: NDArray[np.float64],
    field_map: NDArray[np.float64],
    phase: NDArray[np.float64],
) -> None:
    """Turn the phase of the echoes, in place: a positive field makes it grow.

    Parameters
    ----------
    signal : (K, J, I, N) array [a.u.]
        Echoes on resonance; is changed.
    echo_times : (N,) array [s]
    field_map : (K, J, I) array [Hz]
        Deviation of the static field.
    phase : (K, J, I) array [rad]
        Phase at echo time 0.
    """
    for n, time in enumerate(echo_times):
        signal[..., n] *= np.exp(1j * (2 * np.pi * time * field_map + phase))


def turn_by_readout(signal: NDArray[np.complex128], edge_phase: float) -> None:
    """Turn every other echo back and the others on, in place, as readouts of alternating direction do.

    Parameters
    ----------
    signal : (K, J, I, N) array [a.u.]
        The echoes, read along the rows' axis J; is changed.
    edge_phase : float [rad]
        ``theta`` of the last row; it grows from ``-edge_phase`` in the first. Echo n, counted from 0, is multiplied by
        ``exp(-i (-1)^n theta)``.
    """
    theta = edge_phase * np.linspace(-1, 1, signal.shape[1])[:, None, None]
    signal *= np.exp(-1j * theta * (-1.0) ** np.arange(signal.shape[3]))


def add_noise(signal: NDArray[np.complex128], sigma: float, generator: np.random.Generator) -> None:
    """Add Gaussian noise of standard deviation ``sigma`` [a.u.] to both channels of the echoes (..., N), in place."""
    if sigma == 0:
        return
    for n in range(signal.shape[-1]):
        signal.real[..., n] += sigma * generator.standard_normal(signal.shape[:-1])
        signal.imag[..., n] += sigma * generator.standard_normal(signal.shape[:-1])
