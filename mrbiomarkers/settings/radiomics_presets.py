"""Which features are measured, with which settings: recipes, and those of published studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mrbiomarkers.settings.radiomics import RadiomicsSettings

_ENOUGH_LEVELS = 8
_SPAN = 4.0  # standard deviations of the image that a region may span


@dataclass(frozen=True)
class RadiomicsRecipe:
    """What is measured of each region.

    Attributes
    ----------
    name : str
        Of the preset or of the file.
    settings : tuple of RadiomicsSettings
        One extraction each, in this order: images with settings of their own are an extraction of their own.
    features : mapping of str to (tuple of str)
        Features that are kept of each family, by their names in PyRadiomics; an empty tuple: all of the family;
        families that are not named: none. Empty: all.
    notes : tuple of str
        What the user should know before the first case.
    """

    name: str
    settings: tuple[RadiomicsSettings, ...] = (RadiomicsSettings(),)
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.settings:
            raise ValueError("settings: expected at least one, got none")

    def keeps(self, feature: str) -> bool:
        """Return whether a feature, ``image_family_feature``, is asked for."""
        if not self.features:
            return True
        _, family, name = feature.rsplit("_", 2)
        return family in self.features and (not self.features[family] or name in self.features[family])


def with_standard(recipe: RadiomicsRecipe, standard: str, bin_minimum: float | None = None) -> RadiomicsRecipe:
    """Return a recipe with another standard, and where its first bin starts.

    Raises
    ------
    ValueError
        When there is no such standard.
    """
    changes = {} if bin_minimum is None else {"bin_minimum": bin_minimum}
    changed = tuple(replace(one, standard=standard, **changes) for one in recipe.settings)  # type: ignore[arg-type]
    return replace(recipe, settings=changed)


def check_first_bin(settings: RadiomicsSettings) -> None:
    """Check that it is said where the first bin starts, which IBSI's bins of a fixed width need.

    Raises
    ------
    ValueError
        When it is not.
    """
    by_width = settings.standard == "ibsi" and settings.bin_count is None and settings.bin_minimum is None
    by_range = settings.resegment_range is not None and settings.resegment_mode == "absolute"
    if by_width and not by_range and "original" in settings.filters and set(settings.families) != {"shape"}:
        raise ValueError(
            "bin_minimum: expected the value at which the first bin starts, for standard 'ibsi' and a bin width "
            "(--bin-minimum, binMinimum in a settings file); got none, and no resegment_range of mode 'absolute'"
        )


def few_levels_expected(settings: RadiomicsSettings) -> str:
    """Return a warning where z-scores and bin width leave few grey levels, else an empty text.

    A z-score is a small number: in brain tumours on T1 a region of z-scores spans 2, less than one bin of width 3.
    """
    if not settings.normalize or settings.bin_count is not None:
        return ""
    levels = _SPAN * settings.normalize_scale / settings.bin_width
    if levels >= _ENOUGH_LEVELS:
        return ""
    return (
        f"z-scores times {settings.normalize_scale:g} in bins of {settings.bin_width:g}: a region that spans {_SPAN:g} "
        f"standard deviations of the image has {levels:.2g} grey levels, and textures say little below "
        f"{_ENOUGH_LEVELS}; normalize_scale (normalizeScale) 100 is what is usually meant"
    )


_ALL_FILTERS = ("original", "wavelet", "log")
_SIGMAS = (1.0, 3.0, 5.0)
_MM = (1.0, 1.0, 1.0)

RADIOMICS_PRESETS: dict[str, RadiomicsRecipe] = {
    "rectal-t2": RadiomicsRecipe(
        "rectal-t2",
        (
            RadiomicsSettings(
                filters=_ALL_FILTERS,
                log_sigma=_SIGMAS,
                normalize=True,
                normalize_scale=100.0,
                bin_width=3.0,
                spacing=_MM,
            ),
        ),
        notes=(
            "preset rectal-t2: the study says z-score and bin width 3, not the scale of the z-scores; with 1, "
            "PyRadiomics' default, a region has about one grey level, so the scale is 100 here. Voxels of 1 mm and the "
            "widths of the Laplacian of Gaussian (1, 3, 5 mm) are our choice",
        ),
    ),
    "rectal-adc": RadiomicsRecipe(
        "rectal-adc",
        (RadiomicsSettings(filters=_ALL_FILTERS, log_sigma=_SIGMAS, bin_width=20.0, spacing=_MM),),
        notes=(
            "preset rectal-adc: bin width 20 is meant for an ADC in 10^-6 mm2/s (0.02 in 10^-3 mm2/s: on maps that say "
            "their quantity and unit this is done). The widths of the Laplacian of Gaussian (1, 3, 5 mm) are ours",
        ),
    ),
    "breast": RadiomicsRecipe(
        "breast",
        (RadiomicsSettings(filters=("original", "wavelet")),),
        notes=(
            "preset breast: the study names 851 features (original and wavelet images) and no other setting; these are "
            "PyRadiomics' defaults, bin width 25 without z-scores: look at the grey levels, they follow the scanner's "
            "scaling",
        ),
    ),
}
"""Recipes of published studies by name: complete response of rectal cancer on T2w and ADC (898 patients, PyRadiomics
2.1.2), chemotherapy resistance of breast cancer (240 patients)."""


def radiomics_preset(name: str) -> RadiomicsRecipe:
    """Return the recipe of a published study.

    Raises
    ------
    ValueError
        When there is none of this name; the message lists those that exist.
    """
    try:
        return RADIOMICS_PRESETS[name]
    except KeyError:
        raise ValueError(f"preset: expected one of {', '.join(RADIOMICS_PRESETS)}; got {name!r}") from None
