"""Diffusion models and their fits."""

from mrbiomarkers.diffusion.fit import ADCMaps, IVIMMaps, fit_adc, fit_ivim
from mrbiomarkers.diffusion.models import (
    biexponential,
    biexponential_jacobian,
    monoexponential,
    monoexponential_jacobian,
)

__all__ = [
    "ADCMaps",
    "IVIMMaps",
    "biexponential",
    "biexponential_jacobian",
    "fit_adc",
    "fit_ivim",
    "monoexponential",
    "monoexponential_jacobian",
]
