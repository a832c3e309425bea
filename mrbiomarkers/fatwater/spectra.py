"""Fat spectra: the peaks of triglycerides beside water, as published for marrow, liver, adipose tissue and phantoms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_real_array

WATER_PPM = 4.7
"""Chemical shift of water at body temperature [ppm], to which published fat spectra refer."""
WATER_PPM_PER_DEGREE = -0.01
"""Change of the chemical shift of water with temperature [ppm/degC]; fat stays (doi 10.1002/mrm.24951)."""

_BODY = 37.0
_LOWEST, _HIGHEST = -8.0, 3.0  # shifts outside are no fat beside water, but shifts from TMS or with the wrong sign
_PURPOSES = ("marrow", "liver", "phantom", "adipose tissue", "any")


@dataclass(frozen=True)
class FatSpectrum:
    """The peaks of fat.

    Attributes
    ----------
    name : str
        Name, stored with every map that was made with it.
    shifts : tuple of P floats [ppm]
        Chemical shifts relative to water; the main peak (methylene) is near -3.4.
    amplitudes : tuple of P floats
        Relative numbers of protons; any scale is taken and normalised to a sum of 1.
    source : str
        Publication or program that the numbers are from.
    intended_for : str
        What it describes: "marrow", "liver", "phantom", "adipose tissue" or "any".
    celsius : float [degC]
        Temperature at which the shifts hold: 37, or for a phantom the one at which water is where its main peak says.

    Raises
    ------
    TypeError, ValueError
        When numbers of peaks differ, a shift is not from -8 to 3 ppm, an amplitude is negative, all are 0, a value is
        not finite, or ``intended_for`` is unknown.
    """

    name: str
    shifts: tuple[float, ...]
    amplitudes: tuple[float, ...]
    source: str
    intended_for: str
    celsius: float = _BODY

    def __post_init__(self) -> None:
        """Check the peaks and normalise the amplitudes."""
        shifts = _peaks("shifts", self.shifts)
        amplitudes = _peaks("amplitudes", self.amplitudes)
        if shifts.size != amplitudes.size:
            raise ValueError(f"amplitudes: expected {shifts.size}, one for each shift, got {amplitudes.size}")
        if shifts.min() < _LOWEST or shifts.max() > _HIGHEST:
            raise ValueError(
                f"shifts: expected ppm relative to water, {_LOWEST:g} to {_HIGHEST:g} with the main peak near -3.4, "
                f"got {shifts.tolist()}"
            )
        if amplitudes.min() < 0 or amplitudes.sum() <= 0:
            raise ValueError(f"amplitudes: expected 0 or more and not all 0, got {amplitudes.tolist()}")
        check_choice("intended_for", self.intended_for, _PURPOSES)
        object.__setattr__(self, "shifts", tuple(shifts.tolist()))
        object.__setattr__(self, "amplitudes", tuple((amplitudes / amplitudes.sum()).tolist()))
        object.__setattr__(self, "celsius", _temperature(self.celsius))


def spectrum(which: str | FatSpectrum) -> FatSpectrum:
    """Return a published spectrum by its name; a :class:`FatSpectrum` is returned as it is.

    Parameters
    ----------
    which : str or FatSpectrum
        A key of :data:`SPECTRA`.

    Raises
    ------
    TypeError
        When it is neither.
    ValueError
        When the name is unknown; the message lists the names.
    """
    if isinstance(which, FatSpectrum):
        return which
    if not isinstance(which, str):
        raise TypeError(f"spectrum: expected a name or a FatSpectrum, got {type(which).__name__}")
    return SPECTRA[check_choice("spectrum", which, SPECTRA)]


def triglyceride_spectrum(
    ndb: float, *, nmidb: float | None = None, chain_length: float | None = None, model: str = "berglund"
) -> FatSpectrum:
    """Return the spectrum of a triglyceride from its composition: the numbers of its protons in each place.

    Parameters
    ----------
    ndb : float
        Double bonds in a molecule (of three fatty acids).
    nmidb : float, optional
        Methylene-interrupted double bonds in a molecule, 0 to ``ndb``. Default ``0.093 ndb^2``.
    chain_length : float, optional
        Carbon atoms in a fatty acid, mean of the three. Default ``16.8 + 0.25 ndb``.
    model : str
        Whose chemical shifts: "berglund" (10 peaks), "hamilton" (9, the protons of glycerol's methylene together) or
        "peterson" (8, olefinic and glycerol's methine together too; oils at room temperature, main peak at -3.54).

    Returns
    -------
    FatSpectrum

    Raises
    ------
    TypeError, ValueError
        When the model is unknown, a number is not finite or no triglyceride has this composition.

    References
    ----------
    Numbers of protons: Hamilton et al., NMR Biomed 2011;24:784, table 1; Berglund et al., Magn Reson Med
    2012;68:1815; Peterson and Mansson, Magn Reson Med 2013;69:688. Defaults: Bydder et al., Magn Reson Imaging
    2011;29:1041.
    """
    shifts, source, purpose, celsius = _TRIGLYCERIDES[check_choice("model", model, _TRIGLYCERIDES)]
    bonds = _number("ndb", ndb)
    interrupted = _number("nmidb", 0.093 * bonds**2 if nmidb is None else nmidb)
    length = _number("chain_length", 16.8 + 0.25 * bonds if chain_length is None else chain_length)
    composition = f"ndb {bonds:g}, nmidb {interrupted:.4g}, chain length {length:.4g}"
    methylene = 6.0 * (length - 4.0) - 8.0 * bonds + 2.0 * interrupted
    if not 0 <= interrupted <= bonds or methylene < 0:
        raise ValueError(
            "ndb, nmidb, chain_length: expected 0 <= nmidb <= ndb and chains long enough for the double bonds, "
            f"got {composition}"
        )
    chains = (9.0, methylene, 6.0, 4.0 * (bonds - interrupted), 6.0, 2.0 * interrupted)
    ends = {
        "berglund": (2.0, 2.0, 1.0, 2.0 * bonds),
        "hamilton": (4.0, 1.0, 2.0 * bonds),
        "peterson": (4.0, 2.0 * bonds + 1.0),
    }
    return FatSpectrum(f"{model} ({composition})", shifts, chains + ends[model], source, purpose, celsius)


def custom_spectrum(
    ppm: Sequence[float] | NDArray[np.float64],
    amplitudes: Sequence[float] | NDArray[np.float64],
    *,
    water: float = WATER_PPM,
    name: str = "custom",
    celsius: float = _BODY,
) -> FatSpectrum:
    """Return a spectrum of one's own.

    Parameters
    ----------
    ppm : (P,) array_like [ppm]
        Chemical shifts of the peaks on the scale on which water is at ``water``.
    amplitudes : (P,) array_like
        Relative amplitudes, normalised here.
    water : float [ppm]
        Chemical shift of water on that scale; 0 when ``ppm`` are relative to water already.
    name : str
        Name that is stored with the maps.
    celsius : float [degC]
        Temperature at which water is there.

    Raises
    ------
    TypeError, ValueError
        As for :class:`FatSpectrum`.
    """
    shifts = _peaks("ppm", ppm) - _number("water", water)
    return FatSpectrum(name, tuple(shifts), tuple(_peaks("amplitudes", amplitudes)), "user", "any", celsius)


def at_temperature(which: str | FatSpectrum, celsius: float) -> FatSpectrum:
    """Return a spectrum at another temperature: water moves by -0.01 ppm/degC, the peaks of fat stay.

    In a sample colder than 37 degC water is above 4.7 ppm (at 22 degC 4.85 ppm), so that fat is further away from it:
    the main peak moves from -3.40 to -3.55 ppm.

    Parameters
    ----------
    which : str or FatSpectrum
        A spectrum or its name; the shift starts at its own temperature.
    celsius : float [degC]
        Temperature of the sample, 0 to 60.

    Returns
    -------
    FatSpectrum
        With the temperature in its name.

    Raises
    ------
    TypeError, ValueError
        When the spectrum is unknown or the temperature is not from 0 to 60 degC.

    References
    ----------
    Hernando et al., Magn Reson Med 2014;72:464, doi 10.1002/mrm.24951.
    """
    known = spectrum(which)
    warm = _temperature(celsius)
    if warm == known.celsius:
        return known
    water = WATER_PPM_PER_DEGREE * (warm - known.celsius)
    name = f"{re.sub(r' at [0-9.]+ C$', '', known.name)} at {warm:g} C"
    return replace(known, name=name, shifts=tuple(round(shift - water, 9) for shift in known.shifts), celsius=warm)


def _peaks(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return (P,) finite numbers, at least one."""
    peaks = check_real_array(name, values, ndim=1).astype(np.float64)
    if peaks.size == 0 or not np.all(np.isfinite(peaks)):
        raise ValueError(f"{name}: expected finite numbers, one for each peak, got {peaks.tolist() or 'none'}")
    return peaks


def _number(name: str, value: float) -> float:
    """Return a finite number."""
    number = float(check_real_array(name, value, ndim=0))
    if not np.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number:g}")
    return number


def _temperature(celsius: float) -> float:
    """Return a temperature [degC] after checking it."""
    value = _number("celsius", celsius)
    if not 0 <= value <= 60:
        raise ValueError(f"celsius: expected 0 to 60 degC, got {value:g}; is it in kelvin or Fahrenheit?")
    return value


def _relative(*ppm: float) -> tuple[float, ...]:
    """Return shifts [ppm] relative to water from those on the scale where water is at 4.7."""
    return tuple(round(value - WATER_PPM, 6) for value in ppm)


_NINE = _relative(0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29)
_HAMILTON_2011 = "Hamilton et al., NMR Biomed 2011;24:784"
_HAMILTON_2016 = "Hamilton et al., J Magn Reson Imaging 2016, doi 10.1002/jmri.25453"
_REN = f"Ren et al., J Lipid Res 2008;49:2055, as peaks in {_HAMILTON_2016}"
_PEANUT = (-3.94, -3.54, -3.25, -2.81, -2.59, -2.07, -0.74, -0.54, 0.37, 0.47)

_TRIGLYCERIDES = {
    "berglund": (
        _relative(0.90, 1.30, 1.59, 2.03, 2.25, 2.77, 4.10, 4.30, 5.21, 5.31),
        "Berglund et al., Magn Reson Med 2012;68:1815",
        "any",
        _BODY,
    ),
    "hamilton": (_NINE, f"{_HAMILTON_2011}; Bydder et al., Magn Reson Imaging 2011;29:1041", "any", _BODY),
    "peterson": (
        _relative(0.75, 1.16, 1.47, 1.88, 2.10, 2.61, 4.06, 5.17),
        "Peterson and Mansson, Magn Reson Med 2013;69:688",
        "phantom",
        23.0,
    ),
}

# Amplitudes in 1/1000 as published; they are normalised by FatSpectrum. The phantoms' temperatures are those at which
# water is as far from their main peak as they say.
_ALL = (
    FatSpectrum("ren-marrow", _NINE, (90, 584, 60, 85, 60, 15, 40, 10, 57), _REN, "marrow"),
    FatSpectrum("ren-scat", _NINE, (89, 593, 59, 81, 59, 15, 39, 10, 55), _REN, "adipose tissue"),
    FatSpectrum("hamilton-vat", _NINE, (89, 596, 59, 80, 59, 14, 39, 10, 54), _HAMILTON_2016, "adipose tissue"),
    FatSpectrum("hamilton-ssat", _NINE, (89, 591, 59, 82, 59, 15, 39, 10, 56), _HAMILTON_2016, "adipose tissue"),
    FatSpectrum("hamilton-dsat", _NINE, (89, 593, 59, 81, 59, 15, 39, 10, 55), _HAMILTON_2016, "adipose tissue"),
    FatSpectrum("hamilton-liver-9", _NINE, (88, 642, 58, 62, 58, 6, 39, 10, 37), _HAMILTON_2011, "liver"),
    FatSpectrum(
        "hamilton-liver-6",
        _relative(0.90, 1.30, 2.10, 2.75, 4.20, 5.30),
        (88, 700, 120, 6, 39, 47),
        _HAMILTON_2011,
        "liver",
    ),
    FatSpectrum(
        "ismrm-6",
        _relative(0.90, 1.30, 2.10, 2.76, 4.31, 5.30),
        (87, 693, 128, 4, 39, 48),
        "ISMRM 2012 challenge and fat-water toolbox (Hu et al., Magn Reson Med 2012;68:378)",
        "any",
    ),
    FatSpectrum(
        "hernando-6",
        (-3.90, -3.50, -2.70, -2.04, -0.49, 0.50),
        (87, 694, 128, 4, 39, 48),
        "Hernando et al., Magn Reson Med 2017;77:1516 (phantom at room temperature)",
        "phantom",
        27.0,
    ),
    # One program quotes this model with water at 4.9 ppm: that would be 17 degC. With 4.7 the main peak is where all
    # other models for marrow have it.
    FatSpectrum(
        "karampinos-8",
        _relative(0.90, 1.30, 1.59, 2.00, 2.25, 2.77, 4.20, 5.31),
        (87, 568, 58, 92, 58, 27, 38, 73),
        "Karampinos et al., Magn Reson Med 2014;71:1158",
        "marrow",
    ),
    FatSpectrum(
        "philips-7",
        _relative(0.90, 1.30, 1.59, 2.03, 2.25, 2.77, 5.31),
        (85, 625, 71, 95, 66, 16, 42),
        "Philips scanner software R5.1.8, as listed in MR_CSS",
        "any",
    ),
    FatSpectrum("single", _relative(1.30), (1,), "one peak of methylene at 1.3 ppm", "any"),
    # Protons by Berglund's numbers for ndb 3.48, nmidb 1.01 and chain length 17.97.
    FatSpectrum(
        "peanut-oil",
        _PEANUT,
        (9, 58, 6, 9.88, 6, 2.02, 2, 2, 1, 6.96),
        "Peanut-oil phantom of the Body Magnetic Resonance Research Group, Munich",
        "phantom",
        23.0,
    ),
)

SPECTRA: Mapping[str, FatSpectrum] = MappingProxyType({known.name: known for known in _ALL})
"""The published spectra by name."""
