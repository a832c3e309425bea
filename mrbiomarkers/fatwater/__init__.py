"""Water and fat from several echoes: spectra of fat, the signal, its fit, and how precise that can be."""

from mrbiomarkers.fatwater.fit import fit_fat_water
from mrbiomarkers.fatwater.precision import fat_water_cramer_rao, fat_water_standard_errors
from mrbiomarkers.fatwater.results import FatWaterMaps
from mrbiomarkers.fatwater.signal import (
    GYROMAGNETIC_RATIO,
    fat_modulation,
    fat_water_jacobian,
    fat_water_signal,
    magnitude_jacobian,
    magnitude_signal,
)
from mrbiomarkers.fatwater.spectra import (
    SPECTRA,
    FatSpectrum,
    at_temperature,
    custom_spectrum,
    spectrum,
    triglyceride_spectrum,
)

__all__ = [
    "GYROMAGNETIC_RATIO",
    "SPECTRA",
    "FatSpectrum",
    "FatWaterMaps",
    "at_temperature",
    "custom_spectrum",
    "fat_modulation",
    "fat_water_cramer_rao",
    "fat_water_jacobian",
    "fat_water_signal",
    "fat_water_standard_errors",
    "fit_fat_water",
    "magnitude_jacobian",
    "magnitude_signal",
    "spectrum",
    "triglyceride_spectrum",
]
