"""What is chosen in the panel of IDEALFatQuant: settings of the fit, and what is missing for it, in words. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from mrbiomarkers.fatwater.spectra import spectrum
from mrbiomarkers.settings import FatWaterSettings

# What can be chosen, as it is shown and kept in the scene, and what it stands for.
DATA = {
    "magnitude and phase": ("magnitude", "phase"),
    "real and imaginary": ("real", "imaginary"),
    "magnitudes only": ("magnitude",),
}
METHODS = ("automatic", "complex", "mixed", "magnitude")
PRECESSIONS = {"automatic": None, "+1": 1, "-1": -1}
BIPOLAR = {"automatic": None, "off": False, "along rows": 2, "along columns": 1, "across slices": 0}
PHASES = {
    "as their range tells": None,
    "radians": (-np.pi, np.pi),
    "-180 to 180 degrees": (-180.0, 180.0),
    "0 to 360 degrees": (0.0, 360.0),
    "-4096 to 4096": (-4096.0, 4096.0),
    "0 to 4096": (0.0, 4096.0),
    "-1 to 1": (-1.0, 1.0),
    "0 to 1": (0.0, 1.0),
}
# Lowest and highest value and unit of what may also be 0, as FatWaterSettings takes it.
LIMITS = {
    "t1Water": (50.0, 10000.0, "ms"),
    "t1Fat": (50.0, 10000.0, "ms"),
    "repetitionTime": (0.1, 1000.0, "ms"),
    "flipAngle": (0.5, 90.0, "deg"),
}
_FEWEST = 3  # echoes of a fit; one more where the phase of the first is not used, or for errors


def chosen_parts(parameters: Any) -> dict[str, Any]:
    """Return the nodes of the kind of data that is chosen, by the argument of the logic's ``fit``; those not None."""
    parts = {part: getattr(parameters, part) for part in DATA[parameters.data]}
    return {part: node for part, node in parts.items() if node is not None}


def main_series(parameters: Any) -> Any:
    """Return the magnitudes or the real parts; None where they are not chosen."""
    return getattr(parameters, DATA[parameters.data][0])


def by_magnitude(parameters: Any) -> bool:
    """Return whether magnitudes are fitted, also of complex images."""
    return parameters.data == "magnitudes only" or parameters.method == "magnitude"


def fat_water_settings(parameters: Any) -> FatWaterSettings:
    """Return the settings of the fit.

    Parameters
    ----------
    parameters : IDEALFatQuantParameterNode
        Times in ms. Where magnitudes are fitted, sign and readout have no meaning and are not handed on.

    Raises
    ------
    ValueError
        When a value is out of range; :func:`missing_settings` says so in words before.
    """
    without_phase = by_magnitude(parameters)
    return FatWaterSettings(
        spectrum=parameters.spectrum,
        method=None if parameters.method == "automatic" else parameters.method,
        precession=None if without_phase else PRECESSIONS[parameters.precession],
        bipolar=None if without_phase else BIPOLAR[parameters.bipolar],
        errors=parameters.errors,
        t1_water=parameters.t1Water / 1000,
        t1_fat=parameters.t1Fat / 1000,
        repetition_time=parameters.repetitionTime / 1000,
        flip_angle=parameters.flipAngle,
    )


def missing_series(parameters: Any) -> list[str]:
    """Return which images have to be chosen before a fit."""
    words = {
        "magnitude": _("a sequence of magnitudes"),
        "phase": _("a sequence of phases (or the kind of data 'magnitudes only')"),
        "real": _("a sequence of real parts"),
        "imaginary": _("a sequence of imaginary parts"),
    }
    chosen = chosen_parts(parameters)
    missing = [words[part] for part in DATA[parameters.data] if part not in chosen]
    if parameters.data == "magnitudes only" and parameters.method in ("complex", "mixed"):
        missing.append(_("phases, which the method {method} needs").format(method=parameters.method))
    return missing


def missing_settings(parameters: Any, told: Any = None) -> list[str]:
    """Return what is missing or out of range in the settings of the fit.

    Parameters
    ----------
    parameters : IDEALFatQuantParameterNode
        What is chosen.
    told : EchoSeries, optional
        What the series says of itself; its voxels do not count.
    """
    names = {
        "t1Water": _("a T1 of water"),
        "t1Fat": _("a T1 of fat"),
        "repetitionTime": _("a repetition time"),
        "flipAngle": _("a flip angle"),
    }
    missing = []
    for name, (low, high, unit) in LIMITS.items():
        if (value := getattr(parameters, name)) != 0 and not low <= value <= high:
            text = _("{name} of {low:g} to {high:g} {unit} (or 0)")
            missing.append(text.format(name=names[name], low=low, high=high, unit=unit))
    water, fat = parameters.t1Water != 0, parameters.t1Fat != 0
    if water != fat:
        missing.append(_("{name}, too (or 0 for both)").format(name=names["t1Fat" if water else "t1Water"]))
    if water and fat and told is not None:
        known = {"repetitionTime": told.repetition_time, "flipAngle": told.flip_angle}
        lacking = [names[name] for name, value in known.items() if not value and getattr(parameters, name) == 0]
        missing += [_("{name}, which the T1 correction needs").format(name=name) for name in lacking]
    if by_magnitude(parameters) and len(spectrum(parameters.spectrum).shifts) == 1:
        missing.append(_("a spectrum with several peaks, without which magnitudes do not tell fat from water"))
    if told is not None:
        missing += _missing_echoes(parameters, told.echo_times.size)
    return missing


def _missing_echoes(parameters: Any, count: int) -> list[str]:
    """Return that more echoes are needed, and for what."""
    fewest, why = _FEWEST, _("which a fit needs")
    if not by_magnitude(parameters) and BIPOLAR[parameters.bipolar] not in (None, False):
        fewest, why = _FEWEST + 1, _("which the correction of the readout needs")
    if parameters.errors:
        fewest, why = _FEWEST + 1, _("which maps of errors need")
    if parameters.method == "mixed":
        fewest, why = _FEWEST + 1, _("which the method mixed needs")
    return [_("{fewest} echoes or more, {why}").format(fewest=fewest, why=why)] if count < fewest else []
