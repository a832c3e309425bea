"""Diffusion models and their fits."""

from mrbiomarkers.diffusion.fat_fraction import FatShare, eta_from_pdff
from mrbiomarkers.diffusion.fit import fit_adc, fit_kurtosis, fit_stretched
from mrbiomarkers.diffusion.ivim import fit_ivim
from mrbiomarkers.diffusion.models import (
    MODELS,
    SignalModel,
    biexponential,
    biexponential_jacobian,
    biexponential_with_fat,
    kurtosis,
    kurtosis_jacobian,
    monoexponential,
    monoexponential_jacobian,
    stretched_exponential,
    stretched_exponential_jacobian,
)
from mrbiomarkers.diffusion.noise import (
    correct_noise_floor,
    magnitude_mean,
    sigma_from_background,
    sigma_from_residuals,
)
from mrbiomarkers.diffusion.planning import TISSUES, BValuePlan, plan_bvalues
from mrbiomarkers.diffusion.precision import cramer_rao
from mrbiomarkers.diffusion.residual_fat import FatIVIMMaps, fit_ivim_with_fat
from mrbiomarkers.diffusion.results import ADCMaps, DiffusionMaps, IVIMMaps, KurtosisMaps, StretchedMaps
from mrbiomarkers.diffusion.selection import ModelSelection, f_test, information_criterion, select_model
from mrbiomarkers.diffusion.shrinkage import ShrinkageMaps

__all__ = [
    "MODELS",
    "TISSUES",
    "ADCMaps",
    "BValuePlan",
    "DiffusionMaps",
    "FatIVIMMaps",
    "FatShare",
    "IVIMMaps",
    "KurtosisMaps",
    "ModelSelection",
    "ShrinkageMaps",
    "SignalModel",
    "StretchedMaps",
    "biexponential",
    "biexponential_jacobian",
    "biexponential_with_fat",
    "correct_noise_floor",
    "cramer_rao",
    "eta_from_pdff",
    "f_test",
    "fit_adc",
    "fit_ivim",
    "fit_ivim_with_fat",
    "fit_kurtosis",
    "fit_stretched",
    "information_criterion",
    "kurtosis",
    "kurtosis_jacobian",
    "magnitude_mean",
    "monoexponential",
    "monoexponential_jacobian",
    "plan_bvalues",
    "select_model",
    "sigma_from_background",
    "sigma_from_residuals",
    "stretched_exponential",
    "stretched_exponential_jacobian",
]
