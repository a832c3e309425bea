"""Water and fat from several echoes: spectra of fat, the signal, its fit, and how precise that can be."""

from mrbiomarkers.fatwater.coils import combine_coils
from mrbiomarkers.fatwater.fit import fit_fat_water
from mrbiomarkers.fatwater.magnitude import MagnitudeFit, MagnitudeSolution, fit_magnitude
from mrbiomarkers.fatwater.magnitude_choice import SolutionChoice, choose_solution
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
from mrbiomarkers.fatwater.t1_bias import apply_t1_bias, correct_t1_bias, t1_bias_factor

__all__ = [
    "GYROMAGNETIC_RATIO",
    "SPECTRA",
    "FatSpectrum",
    "FatWaterMaps",
    "MagnitudeFit",
    "MagnitudeSolution",
    "SolutionChoice",
    "apply_t1_bias",
    "at_temperature",
    "choose_solution",
    "combine_coils",
    "correct_t1_bias",
    "custom_spectrum",
    "fat_modulation",
    "fat_water_cramer_rao",
    "fat_water_jacobian",
    "fat_water_signal",
    "fat_water_standard_errors",
    "fit_fat_water",
    "fit_magnitude",
    "magnitude_jacobian",
    "magnitude_signal",
    "spectrum",
    "t1_bias_factor",
    "triglyceride_spectrum",
]
