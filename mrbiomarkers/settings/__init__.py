"""The settings of every step, with defaults and ranges. GUI, console, command line and cluster read these."""

from mrbiomarkers.settings.diffusion import (
    ADC_BOUNDS,
    DEFAULT_MODELS,
    DIFFUSION_METHODS,
    DIFFUSION_MODELS,
    DIFFUSION_PRESETS,
    IVIM_BOUNDS,
    KURTOSIS_BOUNDS,
    MODEL_BOUNDS,
    STRETCHED_BOUNDS,
    Bounds,
    DiffusionPreset,
    DiffusionSettings,
    merge_bounds,
)
from mrbiomarkers.settings.fatwater import FAT_WATER_METHODS, FatWaterSettings
from mrbiomarkers.settings.radiomics import FEATURE_FAMILIES, IMAGE_FILTERS, RadiomicsSettings
from mrbiomarkers.settings.regions import PLACEMENT_METHODS, BodySettings, MeasureSettings, PlacementSettings
from mrbiomarkers.settings.registration import RegistrationSettings

__all__ = [
    "ADC_BOUNDS",
    "DEFAULT_MODELS",
    "DIFFUSION_METHODS",
    "DIFFUSION_MODELS",
    "DIFFUSION_PRESETS",
    "FAT_WATER_METHODS",
    "FEATURE_FAMILIES",
    "IMAGE_FILTERS",
    "IVIM_BOUNDS",
    "KURTOSIS_BOUNDS",
    "MODEL_BOUNDS",
    "PLACEMENT_METHODS",
    "STRETCHED_BOUNDS",
    "BodySettings",
    "Bounds",
    "DiffusionPreset",
    "DiffusionSettings",
    "FatWaterSettings",
    "MeasureSettings",
    "PlacementSettings",
    "RadiomicsSettings",
    "RegistrationSettings",
    "merge_bounds",
]
