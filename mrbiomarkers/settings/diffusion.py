"""How a diffusion series is fitted: models, bounds, presets of studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mrbiomarkers.checks import check_bounds, check_choice
from mrbiomarkers.settings.draws import check_draws

Bounds = Mapping[str, tuple[float, float]]

DIFFUSION_MODELS = ("adc", "ivim", "stretched", "kurtosis")
DEFAULT_MODELS = ("adc", "ivim")
DIFFUSION_METHODS = ("nlls", "segmented", "segmented-unconstrained", "shrinkage")

# Kernel units: ADC, D, D* mm2/s; f without unit. ADC may be negative in noise: a bound at 0 would bias low means.
ADC_BOUNDS: Bounds = MappingProxyType({"ADC": (-5e-3, 2e-2)})
IVIM_BOUNDS: Bounds = MappingProxyType({"f": (0.0, 1.0), "D": (0.0, 5e-3), "Dstar": (5e-3, 0.2)})
# DDC 0 would leave alpha without influence.
STRETCHED_BOUNDS: Bounds = MappingProxyType({"DDC": (1e-6, 2e-2), "alpha": (0.1, 1.0)})
KURTOSIS_BOUNDS: Bounds = MappingProxyType({"MD": (0.0, 1e-2), "MK": (-1.0, 5.0)})
MODEL_BOUNDS: Mapping[str, Bounds] = MappingProxyType(
    {"adc": ADC_BOUNDS, "ivim": IVIM_BOUNDS, "stretched": STRETCHED_BOUNDS, "kurtosis": KURTOSIS_BOUNDS}
)


def merge_bounds(defaults: Bounds, given: Bounds | None) -> dict[str, tuple[float, float]]:
    """Return ``defaults`` with the ``given`` bounds put in, all checked.

    Raises
    ------
    ValueError
        When a name is not a parameter of the model, or lower is not below upper.
    """
    merged = dict(defaults)
    for name, pair in (given or {}).items():
        if name not in merged:
            raise ValueError(f"bounds: expected parameter names among {', '.join(merged)}; got {name!r}")
        merged[name] = pair
    return {name: check_bounds(name, pair) for name, pair in merged.items()}


@dataclass(frozen=True)
class DiffusionPreset:
    """The diffusion protocol of a study: what was acquired and what is fitted.

    Attributes
    ----------
    bvalues : tuple of float
        b-values [s/mm2] in the order of the images.
    averages : tuple of float
        Averages (NEX) of each, which weight the fits; empty: equal, or not published one by one.
    models : tuple of str
        Models that the study fits.
    bounds : mapping
        Bounds that differ from the defaults, in kernel units.
    """

    bvalues: tuple[float, ...]
    averages: tuple[float, ...]
    models: tuple[str, ...]
    bounds: Bounds


# b_all reports D* up to 580e-3 mm2/s, what a free fit gives in marrow with residual fat: wide bounds, to compare.
DIFFUSION_PRESETS: Mapping[str, DiffusionPreset] = MappingProxyType(
    {
        "b_all": DiffusionPreset(
            (0, 10, 25, 50, 100, 200, 400, 600, 800, 1000, 1200), (), ("adc", "ivim"), {"Dstar": (5e-3, 1.0)}
        ),
        "spinal_lesion": DiffusionPreset(
            (0, 20, 50, 100, 150, 200, 400, 800, 1200, 1500),
            (2, 2, 2, 1, 1, 1, 2, 4, 6, 8),
            ("adc", "ivim", "stretched"),
            {},
        ),
        "breast_resistance": DiffusionPreset((0, 500, 1000, 1500, 2000), (), ("adc", "kurtosis"), {}),
    }
)


@dataclass(frozen=True)
class DiffusionSettings:
    """How a diffusion series is fitted.

    Attributes
    ----------
    models : tuple of str
        Any of ``"adc"`` (mono-exponential), ``"ivim"`` (bi-exponential), ``"stretched"`` (stretched exponential) and
        ``"kurtosis"``.
    method : str
        Fitting method of the IVIM model: ``"nlls"``, ``"segmented"``, ``"segmented-unconstrained"`` or ``"shrinkage"``,
        as for :func:`~mrbiomarkers.diffusion.fit_ivim`.
    bounds : mapping
        Bounds of single parameters that replace the defaults, in kernel units (mm2/s, f without unit).
    threshold : float [s/mm2]
        Lowest b-value at which the segmented methods take perfusion to have vanished; the others have no use for it.
    adc_bvalues : tuple of float
        b-values [s/mm2] from which ADC is fitted, for example (0, 800); empty: all.
    errors : bool
        Whether maps of the standard errors are made. Only then do the segmented IVIM fits flag a D* that is not
        identifiable; the other methods always do.
    selection : bool
        Whether the models are compared in every voxel (corrected Akaike criterion), and those that contain the
        mono-exponential one tested against it in every region (F test); needs at least two.
    D_fat : float
        Diffusion coefficient of residual fat [mm2/s], for fits that are told its share.
    fit_eta : bool
        Whether the IVIM fits find the share of residual fat too, with what is known of it (mean and standard deviation)
        as the prior; with method ``"nlls"`` only.
    noise_sigma : float
        Standard deviation of the noise [a.u.] whose floor is taken off the mean signal of a region before it is fitted;
        0: off.
    n_coils : int
        Number of coils whose squares were summed; 1 for Rician noise.
    averaged : str
        ``"magnitude"`` or ``"complex"``: what the scanner averaged, for the noise floor where averages exceed 1.
    confidence : float
        Level of the intervals of region fits, 0.5 to 0.999.
    bootstrap_samples : int
        How often the voxels of a region are drawn again for the error of its fits; 0, or fewer than 20 voxels: the
        error comes from the curvature of the fit instead.
    bootstrap_seed : int
        Seed of the draws.
    reference_region : str
        Region to which the region fits of all others are related (rD, rMK, ...); empty: none.
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    method: str = "nlls"
    bounds: Bounds = field(default_factory=dict)
    threshold: float = 200.0
    adc_bvalues: tuple[float, ...] = ()
    errors: bool = False
    selection: bool = False
    D_fat: float = 0.03e-3
    fit_eta: bool = False
    noise_sigma: float = 0.0
    n_coils: int = 1
    averaged: str = ""
    confidence: float = 0.95
    bootstrap_samples: int = 500
    bootstrap_seed: int = 0
    reference_region: str = ""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(f"models: expected at least one of {', '.join(DIFFUSION_MODELS)}; got none")
        for model in self.models:
            check_choice("models", model, DIFFUSION_MODELS)
        check_choice("method", self.method, DIFFUSION_METHODS)
        if not 0 < self.threshold < 1e5:
            raise ValueError(f"threshold: expected a b-value above 0 s/mm2, got {self.threshold}")
        if self.selection and len(self.models) < 2:
            raise ValueError(f"selection: expected at least two models to compare, got {', '.join(self.models)}")
        if not 0 <= self.D_fat < 1e-3:
            raise ValueError(f"D_fat: expected 0 to 1e-3 mm2/s, got {self.D_fat}")
        if self.fit_eta and "ivim" not in self.models:
            raise ValueError(f"fit_eta: expected ivim among the models, got {', '.join(self.models)}")
        if self.fit_eta and self.method != "nlls":
            raise ValueError(f"fit_eta: expected method 'nlls', got {self.method!r}")
        if self.noise_sigma < 0 or self.n_coils < 1:
            raise ValueError(
                f"noise_sigma and n_coils: expected 0 or more and 1 or more, got {self.noise_sigma} and {self.n_coils}"
            )
        check_draws(self.confidence, self.bootstrap_samples)
        merge_bounds({name: pair for bounds in MODEL_BOUNDS.values() for name, pair in bounds.items()}, self.bounds)

    def bounds_of(self, model: str) -> dict[str, tuple[float, float]]:
        """Return the bounds of every bounded parameter of ``model``, defaults filled in."""
        defaults = MODEL_BOUNDS[model]
        return merge_bounds(defaults, {name: pair for name, pair in self.bounds.items() if name in defaults})
