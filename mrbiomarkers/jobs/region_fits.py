"""Fits of the mean signal of a region: values, errors, intervals, and their ratio to a reference region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from mrbiomarkers.diffusion import (
    MODELS,
    DiffusionMaps,
    biexponential_with_fat,
    correct_noise_floor,
    information_criterion,
    select_model,
)
from mrbiomarkers.jobs.draws import draw_means, fit_labels, percentiles, spread
from mrbiomarkers.jobs.models import ResidualFat, fit_model
from mrbiomarkers.maps import Status, reported_value
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import RATIOS
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NOISE_ROUNDS = 4  # after which the noise of a fit of eta has settled
_SIMPLE = "adc"
# With this value of this parameter the model is the mono-exponential one.
_SIMPLE_AT = {"ivim": ("f", 0.0), "stretched": ("alpha", 1.0), "kurtosis": ("MK", 0.0)}


@dataclass(frozen=True, eq=False)
class RegionFit:
    """A model fitted to the mean signal of a region.

    Attributes
    ----------
    model : str
        Key of the model.
    values, errors : dict of str to float
        Parameters in kernel units and their standard errors; NaN where not known. With them eta, where it was fitted.
    intervals : dict of str to (float, float)
        Confidence intervals in kernel units.
    on_bound : dict of str to bool
        Whether a parameter ended on a bound.
    rmse : float
        Root mean square residual [a.u.].
    aicc : float
        Corrected Akaike criterion; only differences between models of the same region have a meaning. NaN where there
        are too few b-values for it, or eta was fitted: a parameter with a prior is less than one.
    p_value : float or None
        p of the F test against the mono-exponential model; None where they were not compared.
    draws : dict of str to (R,) array
        Parameters fitted to the means of the redrawn voxels; empty where the errors come from the curvature.
    fat : (float, float) or None
        Share and diffusion coefficient [mm2/s] of residual fat that an IVIM fit took into account.
    """

    model: str
    values: dict[str, float]
    errors: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    on_bound: dict[str, bool]
    rmse: float
    aicc: float
    p_value: float | None = None
    draws: dict[str, Array] = field(default_factory=dict)
    fat: tuple[float, float] | None = None

    def signal(self, bvalues: Array) -> Array:
        """Return the fitted signal (B,) [a.u.] at ``bvalues`` (B,) [s/mm2]."""
        model = MODELS[self.model]
        if self.fat is not None:
            s0, f, slow, fast = (self.values[name] for name in model.parameters)
            return biexponential_with_fat(bvalues, s0, f, slow, fast, *self.fat)
        return model.signal(bvalues, *(self.values[name] for name in model.parameters))


@dataclass(frozen=True, eq=False)
class RegionDecay:
    """The signal of a region against b, and the models fitted to its mean.

    Attributes
    ----------
    mean, sd : (B,) array [a.u.]
        Mean (without the noise floor, where asked for) and standard deviation over the voxels with a finite signal at
        every b.
    n_voxels : int
        Number of those voxels.
    fits : dict of str to RegionFit
        By model.
    """

    mean: Array
    sd: Array
    n_voxels: int
    fits: dict[str, RegionFit]


def fit_region(
    name: str, series: DiffusionSeries, region: Mask, settings: DiffusionSettings, fat: ResidualFat | None = None
) -> RegionDecay:
    """Fit every model to the mean signal of a region.

    The errors are those of redrawn voxels (bootstrap: Efron and Tibshirani 1993): the standard deviation and the
    percentile interval of the parameters fitted to the means of ``bootstrap_samples`` draws with replacement. They hold
    what differs between voxels (noise and tissue), not what is common to all of them. With fewer than 20 voxels they
    come from the curvature of the fit, with Student intervals.

    Parameters
    ----------
    name : str
        Region, for messages; it also makes the draws of each region their own.
    series : DiffusionSeries
        The series.
    region : (K, J, I) bool array
        The region.
    settings : DiffusionSettings
        Models, method, bounds, confidence and draws.
    fat : ResidualFat, optional
        Residual fat; the IVIM fit takes its mean over the region, and each draw a value from its uncertainty.

    Raises
    ------
    ValueError
        When no voxel of the region has a finite signal at every b.
    """
    signals = series.signal[region].astype(np.float64)
    signals = signals[np.isfinite(signals).all(axis=1)]
    if len(signals) == 0:
        raise ValueError(
            f"region {name!r}: expected at least one voxel with a finite signal at every b-value, got none"
        )
    mean = signals.mean(axis=0)
    sd = signals.std(axis=0, ddof=1) if len(signals) > 1 else np.zeros_like(mean)
    inside = None if fat is None else fat.of_region(region)
    again = draw_means(name, signals, settings.bootstrap_samples, settings.bootstrap_seed)
    mean, again = _without_floor(mean, series, settings), _without_floor(again, series, settings)
    noise = {"ivim": _noise_of_eta_fit(mean, series, settings, inside)}
    found, fits = {}, {}
    for model in settings.models:
        options: dict[str, Any] = {"region": True, **noise.get(model, {})}
        found[model] = fit_model(model, mean, series, settings, fat=inside, errors=True, **options)
        drawn = None if inside is None else inside.draw(len(again), settings.bootstrap_seed)
        draws = fit_model(model, again, series, settings, fat=drawn, **options) if len(again) else None
        fits[model] = _region_fit(model, found[model], draws, series, settings, inside)
    p_values = _p_values(found, mean, series, settings, inside)
    fits = {model: replace(fit, p_value=p_values.get(model)) for model, fit in fits.items()}
    return RegionDecay(mean, sd, len(signals), fits)


def fit_rows(region: str, fit: RegionFit, identity: MeasureSettings, size: Mapping[str, Any]) -> list[Measurement]:
    """Return the rows of a region fit, in reported units; ``size`` holds the size columns of the region."""
    rows = []
    tests = [] if fit.p_value is None else [("p_F", fit.p_value)]
    for key, value in (*fit.values.items(), ("rmse", fit.rmse), ("AICc", fit.aicc), *tests):
        low, high = fit.intervals.get(key, (np.nan, np.nan))
        rows.append(
            Measurement(
                **identity.identity(),
                **fit_labels(region, key, fit.model, "nlls"),
                value=reported_value(key, value),
                se=reported_value(key, fit.errors.get(key, np.nan)),
                ci_low=reported_value(key, low),
                ci_high=reported_value(key, high),
                n_on_bound=int(fit.on_bound.get(key, False)),
                **size,
            )
        )
    return rows


def ratio_rows(
    region: str,
    fit: RegionFit,
    reference: RegionFit,
    identity: MeasureSettings,
    size: Mapping[str, Any],
    *,
    confidence: float,
) -> list[Measurement]:
    """Return the rows of the ratios of a region's parameters to those of the reference region (rMD, rMK, ...).

    The interval is that of the ratios of the draws or, where there are none, that of the relative errors of both, added
    in squares (first order of Fieller's theorem).
    """
    rows = []
    for key in fit.values:
        if key not in RATIOS:
            continue
        value, se, low, high = _ratio(key, fit, reference, confidence)
        rows.append(
            Measurement(
                **identity.identity(),
                **fit_labels(region, f"r{key}", fit.model, "nlls"),
                value=value,
                se=se,
                ci_low=low,
                ci_high=high,
                n_on_bound=int(fit.on_bound[key] or reference.on_bound[key]),
                **size,
            )
        )
    return rows


def _ratio(key: str, fit: RegionFit, reference: RegionFit, confidence: float) -> tuple[float, float, float, float]:
    """Return ratio, standard error and interval."""
    top, bottom = fit.values[key], reference.values[key]
    if bottom == 0:
        return np.nan, np.nan, np.nan, np.nan
    value = top / bottom
    if fit.on_bound[key] or reference.on_bound[key]:
        return value, np.nan, np.nan, np.nan
    if fit.draws and reference.draws:
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = fit.draws[key] / reference.draws[key]
        return value, spread(draws), *percentiles(draws, confidence)
    se = abs(value) * float(np.hypot(fit.errors[key] / top if top else np.nan, reference.errors[key] / bottom))
    wide = float(ndtri(0.5 + confidence / 2)) * se
    return value, se, value - wide, value + wide


def _without_floor(mean: Array, series: DiffusionSeries, settings: DiffusionSettings) -> Array:
    """Return mean signals (..., B) without the noise floor, where the settings ask for it."""
    if settings.noise_sigma == 0:
        return mean
    return correct_noise_floor(
        mean,
        settings.noise_sigma,
        n_coils=settings.n_coils,
        averages=series.averages,
        averaged=settings.averaged or None,
    )


def _p_values(
    found: Mapping[str, DiffusionMaps],
    mean: Array,
    series: DiffusionSeries,
    settings: DiffusionSettings,
    fat: ResidualFat | None,
) -> dict[str, float]:
    """Return p of the F test of each model against the mono-exponential one, where the settings ask for comparisons.

    The test needs two fits to the same data, one model within the other. So there is none where the ADC was fitted to
    b-values of its own (``adc_bvalues``: sums of squares of different data), none of an IVIM fit with residual fat
    (with f = 0 it still has the decay of the fat), and none where the bounds shut out the value that makes the larger
    model mono-exponential. ``f = 0`` and ``alpha = 1`` are ends of their ranges: there small p are rarer than they say
    (:func:`~mrbiomarkers.diffusion.f_test`).
    """
    if not settings.selection or settings.adc_bvalues or _SIMPLE not in found:
        return {}
    larger = []
    for model in found:
        if model in _SIMPLE_AT and not (model == "ivim" and fat is not None):
            parameter, value = _SIMPLE_AT[model]
            low, high = settings.bounds_of(model)[parameter]
            larger += [model] if low <= value <= high else []
    if not larger:
        return {}
    fits = {model: found[model] for model in (_SIMPLE, *larger)}
    compared = select_model(mean, series.bvalues, models=tuple(fits), weights=series.averages, fits=fits)
    return {model: float(p) for model, p in compared.p_value.items()}


def _noise_of_eta_fit(
    mean: Array, series: DiffusionSeries, settings: DiffusionSettings, fat: ResidualFat | None
) -> dict[str, float]:
    """Return the noise [a.u.] against which the prior of eta is weighed, as an option of the fit; none without such.

    Left to itself, the fit takes it from the residuals with eta at the mean of its prior. They grow with the error of
    that mean, and a wrong prior would hold itself up. Here it is taken from the residuals with eta fitted, which frees
    eta from a prior three of its standard deviations off, not from one that is five off. The fits of redrawn means
    take the same noise: their own residuals hold it twice, that of the mean and that of the drawing.
    """
    options: dict[str, float] = {}
    if not settings.fit_eta or fat is None:
        return options
    degrees = len(mean) - len(MODELS["ivim"].parameters)  # the prior of eta is a measurement of it
    for _ in range(_NOISE_ROUNDS):
        found: dict[str, Any] = {"region": True, **options}
        rmse = float(fit_model("ivim", mean, series, settings, fat=fat, **found).rmse)
        sigma = rmse * float(np.sqrt(_sum_of_weights(series) / degrees))
        if not sigma > 0:
            break
        options = {"sigma": sigma}
    return options


def _sum_of_weights(series: DiffusionSeries) -> float:
    return float(len(series.bvalues) if series.averages is None else series.averages.sum())


def _region_fit(
    model: str,
    fitted: DiffusionMaps,
    drawn: DiffusionMaps | None,
    series: DiffusionSeries,
    settings: DiffusionSettings,
    fat: ResidualFat | None,
) -> RegionFit:
    """Return the fit of a mean signal with errors and intervals, from the fits of redrawn means where there are any."""
    n_parameters, n_measurements = len(MODELS[model].parameters), len(series.bvalues)
    with_eta = model == "ivim" and settings.fit_eta
    names = MODELS[model].parameters + (("eta",) if with_eta else ())
    rmse = float(fitted.rmse)
    aicc = float(information_criterion(rmse**2 * _sum_of_weights(series), n_measurements, n_parameters))
    if with_eta or (model == _SIMPLE and settings.adc_bvalues):
        aicc = float("nan")  # eta with its prior is less than a parameter; ADC of other b-values than the other models
    values = {key: float(getattr(fitted, key)) for key in names}
    on_bound = {key: bool(fitted.status_of(key) & (Status.ON_BOUND | Status.UNDETERMINED)) for key in names}
    known_fat = None
    if model == "ivim" and fat is not None:
        known_fat = values.get("eta", float(np.asarray(fat.eta))), settings.D_fat
    if drawn is not None:
        draws = {key: np.asarray(getattr(drawn, key), dtype=np.float64) for key in names}
        # a bound hides how far a parameter would scatter
        free = {key: np.full(1, np.nan) if on_bound[key] else draws[key] for key in names}
        errors = {key: spread(values) for key, values in free.items()}
        intervals = {key: percentiles(values, settings.confidence) for key, values in free.items()}
        return RegionFit(model, values, errors, intervals, on_bound, rmse, aicc, draws=draws, fat=known_fat)
    errors = {key: float(getattr(fitted, f"sd_{key}")) for key in names}
    degrees = n_measurements - n_parameters
    factor = float(stdtrit(degrees, 0.5 + settings.confidence / 2)) if degrees > 0 else float("nan")
    intervals = {key: (values[key] - factor * errors[key], values[key] + factor * errors[key]) for key in names}
    return RegionFit(model, values, errors, intervals, on_bound, rmse, aicc, fat=known_fat)
