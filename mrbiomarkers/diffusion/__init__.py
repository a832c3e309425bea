"""Diffusion models and their fits."""

from mrbiomarkers.diffusion.fit import fit_adc, fit_kurtosis, fit_stretched
from mrbiomarkers.diffusion.ivim import fit_ivim
from mrbiomarkers.diffusion.models import (
    MODELS,
    SignalModel,
    biexponential,
    biexponential_jacobian,
    kurtosis,
    kurtosis_jacobian,
    monoexponential,
    monoexponential_jacobian,
    stretched_exponential,
    stretched_exponential_jacobian,
)
from mrbiomarkers.diffusion.results import ADCMaps, DiffusionMaps, IVIMMaps, KurtosisMaps, StretchedMaps

__all__ = [
    "MODELS",
    "ADCMaps",
    "DiffusionMaps",
    "IVIMMaps",
    "KurtosisMaps",
    "SignalModel",
    "StretchedMaps",
    "biexponential",
    "biexponential_jacobian",
    "fit_adc",
    "fit_ivim",
    "fit_kurtosis",
    "fit_stretched",
    "kurtosis",
    "kurtosis_jacobian",
    "monoexponential",
    "monoexponential_jacobian",
    "stretched_exponential",
    "stretched_exponential_jacobian",
]
