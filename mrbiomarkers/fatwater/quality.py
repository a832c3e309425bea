"""What a user has to know: of the echoes before a fit, and of its result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.signal import GYROMAGNETIC_RATIO
from mrbiomarkers.fatwater.spectra import SPECTRA, FatSpectrum

Array = NDArray[np.float64]

_AMBIGUOUS = 60.0  # distance of an alias of water to the main fat peak below which the two cannot be told apart [Hz]
_GOOD_CYCLES = (0.25, 0.45)  # of fat against water between two echoes
_LOW_SNR = 10.0
_MIXED = 0.2  # of the signal: voxels that hold so much of each tell of their phases
_TURNED = np.deg2rad(20.0)
_MANY = 100  # voxels needed to speak of their phases
_UNSETTLED = 0.001  # of the voxels; fewer are only flagged
# Largest shift of PDFF [points] and R2* [1/s] in noise-free marrow (ren-marrow, R2* 100 1/s, PDFF 5 to 95 %, 3 T, six
# echoes 1.24 + 0.98 n ms).
_IN_MARROW = {
    "hamilton-liver-9": (-2.2, 21),
    "hamilton-liver-6": (-2.8, 34),
    "ismrm-6": (-2.3, 26),
    "hernando-6": (-2.8, 43),
    "karampinos-8": (0.6, -3),
    "single": (-10.7, 121),
}


def main_shift(peaks: FatSpectrum, field_strength: float) -> float:
    """Return the frequency of the main fat peak relative to water [Hz]."""
    return GYROMAGNETIC_RATIO * field_strength * peaks.shifts[int(np.argmax(peaks.amplitudes))]


def echo_warnings(echo_times: Array, field_strength: float, peaks: FatSpectrum) -> list[str]:
    """Return what is wrong with the echoes (N,) [s], or with the spectrum, for a field strength [T]."""
    found = []
    if echo_times.size < 4:
        found.append(
            f"{echo_times.size} echoes: water, fat, field and R2* take up all that they tell, so errors cannot be seen "
            "and swaps are more likely; use 4 or more, better 6."
        )
    spacing = np.diff(echo_times)
    shift = abs(main_shift(peaks, field_strength))
    alias = shift * spacing.mean() % 1.0
    distance = min(alias, 1.0 - alias) / spacing.mean()
    if np.ptp(spacing) <= 0.01 * spacing.mean() and distance < _AMBIGUOUS:
        low, high = (1e3 * cycles / shift for cycles in _GOOD_CYCLES)
        found.append(
            f"Echo spacing {1e3 * spacing.mean():.2f} ms: at {field_strength:g} T water and fat differ by nearly a "
            f"whole number of turns between echoes (within {distance:.0f} Hz), so they cannot be told apart reliably; "
            f"use a spacing of {low:.2f} to {high:.2f} ms."
        )
    found += _spectrum_warnings(peaks)
    return found


def _spectrum_warnings(peaks: FatSpectrum) -> list[str]:
    """Return what a published spectrum other than that of marrow does to marrow."""
    if peaks.name == "ren-marrow" or (peaks.name not in SPECTRA and peaks.intended_for in ("marrow", "any")):
        return []
    meant = {"any": "no tissue in particular"}.get(peaks.intended_for, peaks.intended_for)
    shift = "shifts PDFF and R2* by an amount that was not measured"
    if peaks.name in _IN_MARROW:
        pdff, rate = _IN_MARROW[peaks.name]
        shift = f"shifts PDFF by up to {pdff:+g} points and R2* by up to {rate:+g} 1/s beside ren-marrow"
    return [f"Fat spectrum {peaks.name} is meant for {meant}: in marrow it {shift}."]


def noise_level(sum_of_squares: NDArray[np.floating], n_echoes: int, n_unknowns: int = 6) -> float:
    """Return the standard deviation of the noise in each channel from the residuals of many voxels.

    The median is used, so that voxels the model cannot describe do not count. NaN for three echoes, which leave no
    residual.
    """
    degrees = 2 * n_echoes - n_unknowns
    if degrees < 1 or sum_of_squares.size == 0:
        return float("nan")
    typical = degrees * (1 - 2 / (9 * degrees)) ** 3  # median of the chi-squared distribution (Wilson and Hilferty)
    return float(np.sqrt(np.median(sum_of_squares) / typical))


def phase_difference(water: NDArray[np.complexfloating], fat: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Return the angles [rad] between water and fat in the voxels that hold much of both."""
    both = np.minimum(abs(water), abs(fat)) > _MIXED * (abs(water) + abs(fat))
    return np.abs(np.angle(fat[both] * np.conj(water[both])))


def fit_warnings(
    signal: NDArray[np.floating], noise: float, angles: NDArray[np.floating], unconverged: int
) -> list[str]:
    """Return what is doubtful in a fit: its in-phase signal (V,) [a.u.], noise [a.u.], and phase differences [rad]."""
    found = []
    snr = float(np.median(signal)) / noise if noise > 0 and signal.size else np.inf
    if snr < _LOW_SNR:
        found.append(
            f"Low signal-to-noise ratio, about {snr:.1f}: some voxels may be swapped, and single voxels of R2* tell "
            "little; trust means of regions."
        )
    if angles.size >= _MANY and np.median(angles) > _TURNED:
        found.append(
            f"Water and fat differ in phase by {np.rad2deg(np.median(angles)):.0f} degrees (median where both are "
            "present), although they are excited alike: phase errors of single echoes pull PDFF; look at the residual "
            "map."
        )
    if unconverged > _UNSETTLED * signal.size:
        found.append(f"{unconverged} of {signal.size} voxels reached the iteration limit.")
    return found
