"""What the scanner did to the phase, settled for a whole volume: its sign, and that of a readout to and fro."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.bipolar import AlternatingPhase, alternating, detect_bipolar
from mrbiomarkers.fatwater.complex_fit import R2STAR_BOUNDS, ComplexFit
from mrbiomarkers.fatwater.phases import bright_voxels
from mrbiomarkers.fatwater.precession import detect_precession
from mrbiomarkers.fatwater.refine import Refiner
from mrbiomarkers.fatwater.volume import EchoVolume

Array = NDArray[np.float64]
Found = tuple[dict[str, Any], list[str]]

_SIGN_VOXELS, _BIPOLAR_VOXELS = 4000, 6000  # enough to tell; more cost time
_SIGN_TO_WARN = 600  # where the sign is given, and only a warning depends on them: in small volumes they take long
_PASSES = 3  # fits of the whole volume with a correction
_STEPS = 6  # of the phase between them, on some voxels
_SMALL = np.deg2rad(0.1)  # a smaller change of the phase ends the search [rad]


def settle_precession(
    volume: EchoVolume, times: Array, of_fat: NDArray[np.complex128], field_strength: float, given: int | None
) -> Found:
    """Set the sign of the phase with which a volume hands out its signals.

    Parameters
    ----------
    volume : EchoVolume
        The voxels; its ``conjugate`` is set.
    times : (N,) array [s]
        Echo times.
    of_fat : (N,) complex array
        Signal of fat beside water.
    field_strength : float [T]
        Static field.
    given : int or None
        The sign that the caller knows, or None.

    Returns
    -------
    dict, list of str
        ``sign``, ``source`` and ``evidence`` for the record; what the user has to know.
    """
    volume.conjugate = False
    some = volume.signals(bright_voxels(volume, _SIGN_VOXELS if given is None else _SIGN_TO_WARN))
    sign, source, warnings, evidence = given or 1, "assumed" if given is None else "given", [], "no voxel can be used"
    if some.shape[1]:
        found = detect_precession(some, times, of_fat, field_strength, given)
        evidence = found.text
        if given is None and found.is_clear:
            sign, source = found.sign, "detected"
        warnings = _sign_warnings(given, sign, found.sign, found.is_clear, evidence)
    volume.conjugate = sign == -1
    return {"sign": sign, "source": source, "evidence": evidence}, warnings


def _sign_warnings(given: int | None, sign: int, seen: int, is_clear: bool, evidence: str) -> list[str]:
    if given is not None:
        if not is_clear or seen == given:
            return []
        return [
            f"Sign of the phase: precession={given} was given, but the signals say {seen}: {evidence}. With the wrong "
            "sign water and fat are exchanged; look at the water and fat images."
        ]
    if not is_clear:
        return [
            f"Sign of the phase: {evidence}; taken as it is (precession=1). If water and fat come out exchanged, give "
            "precession=-1."
        ]
    if sign == -1:
        return [
            f"Sign of the phase: {evidence}; the phase falls with the field in these data, so the conjugate was fitted "
            "(precession=-1)."
        ]
    return []


def fit_and_correct(
    fit: ComplexFit, volume: EchoVolume, times: Array, of_fat: NDArray[np.complex128], asked: int | bool | None
) -> Found:
    """Fit a volume, look for the phase of a bipolar readout, and fit again without it where that is due.

    Parameters
    ----------
    fit : ComplexFit
        The fit, not yet made.
    volume : EchoVolume
        Its voxels, whose signals are turned back where they are corrected.
    times : (N,) array [s]
        Echo times.
    of_fat : (N,) complex array
        Signal of fat beside water.
    asked : int, False or None
        Axis of the readout; False: nothing is corrected; None: corrected where clear.

    Returns
    -------
    dict, list of str
        ``axis``, ``corrected``, ``phase_deg`` and ``evidence`` for the record; what the user has to know.
    """
    entry: dict[str, Any] = {"axis": None, "corrected": False, "phase_deg": 0.0}
    if times.size < 4 or not volume.is_image:
        fit.fit()
        few = times.size < 4
        return entry | {"evidence": f"not looked for: {'three echoes' if few else 'no image'} cannot tell"}, []
    by_hand = asked is not None and asked is not False
    volume.span = 0.0, 0.5 if by_hand else (1.0 if asked is False else 0.95)
    fit.fit()
    readout = _Readout(fit, volume, times, of_fat)
    if readout.is_empty:
        return entry | {"evidence": "not looked for: no voxel can be used"}, []
    seen = detect_bipolar(readout.voxels())
    entry |= {"axis": seen.axis if seen.is_clear else None, "evidence": seen.text}
    entry["phase_deg"] = float(np.rad2deg(seen.size)) if seen.is_clear else 0.0
    warnings = []
    if by_hand:
        assert isinstance(asked, int)
        if seen.is_clear and seen.axis != asked:
            warnings.append(f"Bipolar readout: axis {asked} was given, but the signals show a {seen.text}.")
        entry |= {"axis": asked, "corrected": True, "evidence": readout.voxels().estimate(asked).text}
        entry |= readout.correct(asked)
    elif seen.is_clear and asked is None:
        entry |= {"corrected": True, **readout.correct(seen.axis)}
        warnings.append(f"Bipolar readout: {seen.text}. It was corrected; bipolar=False leaves it.")
    elif seen.is_clear:
        warnings.append(f"Bipolar readout: {seen.text}. It was left, as asked, and pulls PDFF and R2*.")
    volume.span = 0.0, 1.0
    volume.step(1.0)
    return entry, warnings


class _Readout:
    """Some voxels of a fit, from which the phase of the readout is learnt."""

    def __init__(self, fit: ComplexFit, volume: EchoVolume, times: Array, of_fat: NDArray[np.complex128]) -> None:
        self._fit, self._volume, self._times, self._of_fat = fit, volume, times, of_fat
        self._pick = bright_voxels(volume, _BIPOLAR_VOXELS)
        self._places = volume.places(self._pick)
        self._refiner = Refiner(times, of_fat, np.float64, R2STAR_BOUNDS)
        self.is_empty = self._pick.size == 0

    def voxels(self, theta: Array | None = None, axis: int = 0, *, first_is_free: bool = False) -> AlternatingPhase:
        """Return what the voxels say, turned back by ``(-1)^n theta`` before."""
        signal = self._volume.signals(self._pick)
        if theta is not None:
            signal = signal * np.exp(-1j * np.multiply.outer(alternating(len(signal)), theta[self._places[axis]]))
        with np.errstate(all="ignore"):
            fit = self._refiner.fit(signal, *self._fit.start(self._pick))
        echoes, where = (self._times, self._of_fat), (self._places, self._volume.shape)
        return AlternatingPhase(signal, fit.field, fit.rate, *echoes, *where, first_is_free=first_is_free)

    def correct(self, axis: int) -> dict[str, Any]:
        """Fit the volume without the phase along an axis; return it [rad] and its root mean square [degrees]."""
        total = np.zeros(self._volume.shape[axis])
        begin = self._volume.span[1]
        for n in range(_PASSES):
            change = self._change(axis)
            if n and np.sqrt(np.mean(change[self._places[axis]] ** 2)) < _SMALL:
                break
            total += change
            self._volume.turn_back(np.multiply.outer(alternating(self._times.size), total), axis)
            share = (1 - begin) / _PASSES
            self._volume.span = begin + n * share, begin + (n + 1) * share
            self._fit.fit()
        size = float(np.rad2deg(np.sqrt(np.mean(total[self._places[axis]] ** 2))))
        return {"phase_deg": size, "phase_rad": total.tolist()}

    def _change(self, axis: int) -> Array:
        """Return by how much the phase (L,) [rad] differs from what is corrected already."""
        theta = np.zeros(self._volume.shape[axis])
        free = self._fit.method == "mixed"
        for _ in range(_STEPS):
            found = self.voxels(theta, axis, first_is_free=free).estimate(axis)
            theta = theta + found.theta
            if found.size < _SMALL:
                break
        return theta
