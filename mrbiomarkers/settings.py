"""The settings of every step, with defaults and ranges. GUI, console, command line and cluster read these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mrbiomarkers.checks import check_bounds, check_choice

Bounds = Mapping[str, tuple[float, float]]

DIFFUSION_MODELS = ("adc", "ivim", "stretched", "kurtosis")
DEFAULT_MODELS = ("adc", "ivim")
DIFFUSION_METHODS = ("nlls", "segmented", "segmented-unconstrained", "shrinkage")
FAT_WATER_METHODS = ("complex", "mixed", "magnitude")
PLACEMENT_METHODS = ("super-ellipse", "outline")

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
        _check_draws(self.confidence, self.bootstrap_samples)
        merge_bounds({name: pair for bounds in MODEL_BOUNDS.values() for name, pair in bounds.items()}, self.bounds)

    def bounds_of(self, model: str) -> dict[str, tuple[float, float]]:
        """Return the bounds of every bounded parameter of ``model``, defaults filled in."""
        defaults = MODEL_BOUNDS[model]
        return merge_bounds(defaults, {name: pair for name, pair in self.bounds.items() if name in defaults})


@dataclass(frozen=True)
class FatWaterSettings:
    """How a multi-echo series is fitted for water, fat and R2*.

    Attributes
    ----------
    spectrum : str
        Name of the spectrum of fat (:data:`mrbiomarkers.fatwater.SPECTRA`).
    method : str or None
        ``"complex"``, ``"mixed"`` (without the phase of the first echo) or ``"magnitude"``, as for
        :func:`~mrbiomarkers.fatwater.fit_fat_water`. None: complex for a complex series, magnitude for magnitudes. The
        first two need a complex series; of one that is fitted by magnitude, the magnitudes are taken.
    precession : int or None
        1: the phase grows with the field, as in the signal model; -1: it falls. None: as the series says, and where it
        does not, as the signals show. Has no meaning for magnitudes.
    bipolar : int, False or None
        Axis of the grid (0, 1 or 2 for k, j, i) along which the alternating phase of a bipolar readout is corrected;
        False: it is left alone; None: it is corrected only where it is clearly there. Has no meaning for magnitudes.
    errors : bool
        Whether maps of the standard errors of PDFF and R2* are made.
    t1_water, t1_fat : float
        Longitudinal relaxation times [s] with which the T1 bias is taken off PDFF; both, or neither (0: no correction).
    repetition_time, flip_angle : float
        What the scanner was told [s, deg], for that correction; 0: as the series says.
    confidence : float
        Level of the intervals of region fits, 0.5 to 0.999.
    bootstrap_samples : int
        How often the voxels of a region are drawn again for the error of its fit; 0, or fewer than 20 voxels: the error
        comes from the curvature of the fit instead.
    bootstrap_seed : int
        Seed of the draws.
    """

    spectrum: str = "ren-marrow"
    method: str | None = None
    precession: int | None = None
    bipolar: int | bool | None = None
    errors: bool = False
    t1_water: float = 0.0
    t1_fat: float = 0.0
    repetition_time: float = 0.0
    flip_angle: float = 0.0
    confidence: float = 0.95
    bootstrap_samples: int = 500
    bootstrap_seed: int = 0

    def __post_init__(self) -> None:
        if not self.spectrum:
            raise ValueError("spectrum: expected the name of a spectrum of fat, got none")
        if self.method is not None:
            check_choice("method", self.method, FAT_WATER_METHODS)
        if self.precession not in (None, 1, -1):
            raise ValueError(f"precession: expected 1, -1 or None, got {self.precession!r}")
        # False equals 0, which is an axis.
        if self.bipolar is True or self.bipolar not in (None, 0, 1, 2):
            raise ValueError(f"bipolar: expected 0, 1, 2, False or None, got {self.bipolar!r}")
        asked = self.precession is not None or (self.bipolar is not None and self.bipolar is not False)
        if self.method == "magnitude" and asked:
            raise ValueError(
                "precession and bipolar: expected None with method 'magnitude', which knows no phase; got "
                f"{self.precession!r} and {self.bipolar!r}"
            )
        for name in ("t1_water", "t1_fat"):
            _check_zero_or(name, getattr(self, name), (0.05, 10.0), "s")
        if (self.t1_water == 0) != (self.t1_fat == 0):
            raise ValueError(f"t1_water and t1_fat: expected both or neither, got {self.t1_water} and {self.t1_fat} s")
        _check_zero_or("repetition_time", self.repetition_time, (1e-4, 1.0), "s")
        _check_zero_or("flip_angle", self.flip_angle, (0.5, 90.0), "deg")
        _check_draws(self.confidence, self.bootstrap_samples)


@dataclass(frozen=True)
class MeasureSettings:
    """What is written into each row of the measurement table, and when to warn.

    Attributes
    ----------
    subject, timepoint, series, reader : str
        Identity columns of the rows.
    bound_warning : float
        Fraction of voxels on a bound above which a warning is given.
    per_slice : bool
        Whether each slice of a region has a row of its own beside the row of the whole region, for rows of a map.
    """

    subject: str = ""
    timepoint: str = ""
    series: str = ""
    reader: str = ""
    bound_warning: float = 0.10
    per_slice: bool = False

    def identity(self) -> dict[str, Any]:
        """Return the identity columns of a row."""
        return {"subject": self.subject, "timepoint": self.timepoint, "series": self.series, "reader": self.reader}


@dataclass(frozen=True)
class PlacementSettings:
    """How regions are placed in vertebral bodies from a point in each.

    Attributes
    ----------
    method : str
        ``"super-ellipse"`` (a rounded box of expected size; needs no image) or ``"outline"`` (the outline of the body
        found in the image, less a margin).
    levels : tuple of str
        Levels that get a region; empty: every level that has a point. The others still shape the curve of the spine.
    neighbours : int
        Slices on each side of the one through the point.
    size : float
        Size of the super-ellipse as a share of the expected body box, along each axis; 0.2 to 1.
    margin : float
        What is taken off the outline [mm], 0 to 10. Less is taken off small bodies, which is recorded.
    spacing : float
        Distance from one body to the next [mm], 8 to 60, from which the size is expected; 0: from the points, of which
        there must be two then.
    min_area, min_voxels : float, int
        Area [mm2] and number of voxels of a region below which a warning is given.
    """

    method: str = "super-ellipse"
    levels: tuple[str, ...] = ()
    neighbours: int = 1
    size: float = 0.62
    margin: float = 3.0
    spacing: float = 0.0
    min_area: float = 60.0
    min_voxels: int = 30

    def __post_init__(self) -> None:
        check_choice("method", self.method, PLACEMENT_METHODS)
        if self.neighbours != int(self.neighbours) or self.neighbours < 0:
            raise ValueError(f"neighbours: expected a number of slices, 0 or more, got {self.neighbours}")
        if not 0.2 <= self.size <= 1:
            raise ValueError(f"size: expected a share of the body of 0.2 to 1, got {self.size}")
        if not 0 <= self.margin <= 10:
            raise ValueError(f"margin: expected 0 to 10 mm, got {self.margin}")
        if self.spacing != 0 and not 8 <= self.spacing <= 60:
            raise ValueError(f"spacing: expected 0 or 8 to 60 mm, got {self.spacing}")


def _check_draws(confidence: float, samples: int) -> None:
    """Check the settings of intervals and bootstrap."""
    if not 0.5 <= confidence <= 0.999:
        raise ValueError(f"confidence: expected 0.5 to 0.999, got {confidence}")
    if samples < 0 or 0 < samples < 100:
        raise ValueError(f"bootstrap_samples: expected 0, or 100 or more; got {samples}")


def _check_zero_or(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    """Check a number that is 0 or within limits."""
    low, high = limits
    if value != 0 and not low <= value <= high:
        raise ValueError(f"{name}: expected 0 or {low:g} to {high:g} {unit}, got {value}")
