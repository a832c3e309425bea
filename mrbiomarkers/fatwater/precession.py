"""The sign of the phase: whether it grows or falls with the field, found from the residuals of both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.phases import common_phases
from mrbiomarkers.fatwater.refine import Refined, Refiner
from mrbiomarkers.fatwater.residual import FieldResidual

Array = NDArray[np.float64]
Complex = NDArray[np.complexfloating]

_RATES = (0.0, 600.0)  # [1/s]
_GROUPS = 40  # of neighbouring voxels: the unit of scatter, as the errors of neighbours are alike
_FEW = 20  # voxels: less tell nothing of their scatter
_CLEAR = 3.5  # standard errors
_CLEAR_RATIO = 1.03  # of the residuals: a smaller difference may be one of the model
_CLEAR_FOUR = 1.2  # the same with four echoes, which phase errors can make fit the wrong sign
_KEPT, _STRONG = 0.65, 1.4  # of the squared residuals after phases were set free; ratio that is clear even so
_AGREE = 0.75  # of the groups that must lean to the same side
_ROUNDING = 1e-4  # of the signal: smaller residuals are those of float32
_PHASE_STEPS = 3


class PrecessionEvidence(NamedTuple):
    """What the residuals say of the sign of the phase.

    Attributes
    ----------
    sign : int
        1: as it is, the phase grows with the field; -1: the signal has to be conjugated. 1 where it is not clear.
    residual_as_is, residual_conjugated : float
        Root of the least squared residuals over the squared signal, all voxels.
    is_clear : bool
        Whether the difference is beyond chance, and no phase error of single echoes makes it up.
    text : str
        The finding in words.
    """

    sign: int
    residual_as_is: float
    residual_conjugated: float
    is_clear: bool
    text: str


def detect_precession(
    signal: Complex, times: Array, of_fat: NDArray[np.complex128], field_strength: float, given: int | None = None
) -> PrecessionEvidence:
    """Find out from the residuals whether the phase grows or falls with the field.

    Most of fat is below water; with the wrong sign the model fits worse. The two sums of squares are compared in 40
    groups of neighbouring voxels. Clear is a difference of more than 3.5 standard errors and 3 % (four echoes: 20 %),
    three groups in four on its side, and the same again with a free phase of each echo, common to all voxels. Where
    such phases explain more than 35 % of the squared residuals, the difference has to be 40 %. Pure water has no sign,
    one mixture throughout has none beside free phases, three echoes fit either way. Four echoes with large errors can
    still mislead in an object of pure water and pure fat.

    Parameters
    ----------
    signal : (N, V) complex array [a.u.]
        Finite signals of voxels well above the noise, in the order of the image; some thousand are enough.
    times : (N,) array [s]
        Echo times, three or more.
    of_fat : (N,) complex array
        Signal of fat beside water.
    field_strength : float [T]
        Static field.
    given : int, optional
        A sign that is only to be contradicted: where the residuals do not speak against it, no more is looked for.

    Returns
    -------
    PrecessionEvidence

    References
    ----------
    Signs as ``PrecessionIsClockwise`` of the ISMRM fat-water toolbox (Hu et al., Magn Reson Med 2012;68:378).
    """
    power = abs(signal.astype(np.complex128)) ** 2
    scaled = (signal / np.sqrt(power.mean())).astype(np.complex64)
    descent = _Descent(times, of_fat, field_strength)
    plain = [descent.search(part) for part in (scaled, scaled.conj())]
    if given is not None and given == np.sign(np.diff([fit.sum_of_squares.sum() for fit in plain])):
        first, second = (float(np.sqrt(fit.sum_of_squares.sum() / power.sum() * power.mean())) for fit in plain)
        return PrecessionEvidence(given, first, second, False, f"as given ({_shown(first, second)})")
    freed = [descent.free(part, fit) for part, fit in zip((scaled, scaled.conj()), plain, strict=True)]
    # One mixture throughout fits either sign where the phases are free: then each leads to the other.
    other = [descent.mirrored(part, fit) for part, fit in zip((scaled, scaled.conj()), freed[::-1], strict=True)]
    freed = [min(pair, key=lambda fit: fit.sum_of_squares.sum()) for pair in zip(freed, other, strict=True)]
    total = float((abs(scaled) ** 2).sum(dtype=np.float64))
    as_is, conjugated = (
        np.stack([one.sum_of_squares, two.sum_of_squares]).astype(np.float64) / total
        for one, two in zip(plain, freed, strict=True)
    )
    return _judge(as_is, conjugated, times.size)


class _Descent:
    """Least squares of voxels, with and without phases of the echoes that they share."""

    def __init__(self, times: Array, of_fat: NDArray[np.complex128], tesla: float) -> None:
        self._times, self._of_fat = times, of_fat
        self._residual = FieldResidual(times, of_fat, tesla)
        self._refiner = Refiner(times, of_fat, np.float32, _RATES)

    def search(self, signal: Complex) -> Refined:
        """Return the best fit of each voxel."""
        found = self._residual.candidates(signal)
        fits = [self._refiner.fit(signal, start, found.rate) for start in found.field]
        best = np.argmin([fit.sum_of_squares for fit in fits], axis=0)[None]
        return Refined(*(np.take_along_axis(np.stack(part), best, axis=0)[0] for part in zip(*fits, strict=True)))

    def free(self, signal: Complex, fit: Refined) -> Refined:
        """Return the fit with the phases of the echoes free, from a start."""
        for _ in range(_PHASE_STEPS):
            phases = common_phases(signal, fit.field, fit.rate, self._times, self._of_fat)
            signal = signal * np.exp(-1j * phases).astype(np.complex64)[:, None]
            fit = self._refiner.fit(signal, fit.field, fit.rate)
        return fit

    def mirrored(self, signal: Complex, other: Refined) -> Refined:
        """Return the fit with free phases from that of the other sign: the same water, fat and R2*."""
        t = self._times[:, None]
        mixed = other.water.conj() + other.fat.conj() * self._of_fat[:, None]
        model = mixed * np.exp(-t * (other.rate + 2j * np.pi * other.field))
        phases = np.angle((np.conj(model) * signal).sum(axis=1))
        turned = signal * np.exp(-1j * phases).astype(np.complex64)[:, None]
        return self.free(turned, self._refiner.fit(turned, -other.field, other.rate))


def _judge(as_is: Array, conjugated: Array, n_echoes: int) -> PrecessionEvidence:
    """Return the evidence in least squared residuals (2, V), parts of the squared signal of all voxels."""
    first, second = float(np.sqrt(as_is[0].sum())), float(np.sqrt(conjugated[0].sum()))
    # A phase error of an echo can favour either sign: that of the residuals must outlast setting such errors free.
    least = _CLEAR_FOUR if n_echoes == 4 else _CLEAR_RATIO
    leans = {_lean(*pair, least) for pair in zip(as_is, conjugated, strict=True)}
    clear = n_echoes > 3 and max(first, second) > _ROUNDING and len(leans) == 1 and 0 not in leans
    clear = clear and not _spoilt(*((as_is, conjugated) if leans == {1} else (conjugated, as_is)))
    sign = leans.pop() if clear else 1
    shown = _shown(first, second)
    found = "as it is" if sign == 1 else "reversed"
    text = f"{found} ({shown})" if clear else f"not clear from {as_is.shape[1]} voxels of {n_echoes} echoes ({shown})"
    return PrecessionEvidence(sign, first, second, clear, text)


def _shown(first: float, second: float) -> str:
    return f"residual {100 * first:.2f} % of the signal as it is, {100 * second:.2f} % with the phase reversed"


def _spoilt(favoured: Array, other: Array) -> bool:
    """Return whether phase errors of the echoes make up much of the residuals, and the difference is not large."""
    (plain, freed), unlike = favoured.sum(axis=1), other[1].sum()
    return bool(freed < _KEPT * plain and unlike < _STRONG**2 * freed)


def _lean(as_is: Array, conjugated: Array, least: float) -> int:
    """Return the sign that squared residuals (V,), in the order of the image, favour beyond chance, or 0."""
    low, high = sorted((float(as_is.sum()), float(conjugated.sum())))
    if as_is.size < _FEW or high <= least**2 * low:
        return 0
    n_groups = min(_GROUPS, as_is.size)
    first, second = (
        np.array([group.sum() for group in np.array_split(part, n_groups)]) for part in (as_is, conjugated)
    )
    groups = (second - first) / np.maximum(
        first + second, np.finfo(float).tiny
    )  # so that no bright group decides alone
    mean, error = groups.mean(), groups.std(ddof=1) / np.sqrt(n_groups)
    same = np.mean(np.sign(groups) == np.sign(mean))
    clear = abs(mean) > _CLEAR * error and same >= _AGREE and (mean > 0) == (conjugated.sum() > as_is.sum())
    return int(np.sign(mean)) if clear else 0
