"""One diffusion subject: maps, region fits, and rows of the measurement table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_mask
from mrbiomarkers.diffusion import MODELS, DiffusionMaps, fit_adc, fit_ivim, fit_kurtosis, fit_stretched
from mrbiomarkers.maps import ParameterMap, Status, reported_value
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import measure, region_size, warnings_of
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_FITS: dict[str, Callable[..., DiffusionMaps]] = {
    "adc": fit_adc,
    "ivim": fit_ivim,
    "stretched": fit_stretched,
    "kurtosis": fit_kurtosis,
}


@dataclass(frozen=True, eq=False)
class RegionFit:
    """A model fitted to the mean signal of a region.

    Attributes
    ----------
    model : str
        Key of the model.
    values, errors : dict of str to float
        Parameters in kernel units and their standard errors; NaN where not known.
    on_bound : dict of str to bool
        Whether a parameter ended on a bound.
    rmse : float
        Root mean square residual [a.u.].
    """

    model: str
    values: dict[str, float]
    errors: dict[str, float]
    on_bound: dict[str, bool]
    rmse: float

    def signal(self, bvalues: Array) -> Array:
        """Return the fitted signal (B,) [a.u.] at ``bvalues`` (B,) [s/mm2]."""
        model = MODELS[self.model]
        return model.signal(bvalues, *(self.values[name] for name in model.parameters))


@dataclass(frozen=True, eq=False)
class RegionDecay:
    """The signal of a region against b, and the models fitted to its mean.

    Attributes
    ----------
    mean, sd : (B,) array [a.u.]
        Mean and standard deviation over the voxels with a finite signal at every b.
    n_voxels : int
        Number of those voxels.
    fits : dict of str to RegionFit
        By model.
    """

    mean: Array
    sd: Array
    n_voxels: int
    fits: dict[str, RegionFit]


@dataclass(frozen=True, eq=False)
class DiffusionResult:
    """What :func:`run_diffusion` returns.

    Attributes
    ----------
    maps : dict of str to ParameterMap
        In kernel units, by name: the quantity where only one model has it, else quantity and model (``"S0_ivim"``).
    status : dict of str to (K, J, I) uint8 array
        By model: :class:`~mrbiomarkers.maps.Status` of the voxel; "on a bound" where any parameter is.
    rows : list of Measurement
        Both methods for each region: mean of the map, and fit of the mean signal.
    decays : dict of str to RegionDecay
        By region.
    warnings : list of str
        What a reader must know before using a number.
    """

    maps: dict[str, ParameterMap]
    status: dict[str, NDArray[np.uint8]]
    rows: list[Measurement]
    decays: dict[str, RegionDecay]
    warnings: list[str] = field(default_factory=list)


def run_diffusion(
    series: DiffusionSeries,
    regions: Mapping[str, Mask] | None = None,
    *,
    settings: DiffusionSettings | None = None,
    identity: MeasureSettings | None = None,
    mask: Mask | None = None,
    outside: Mapping[str, float] | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> DiffusionResult:
    """Fit a diffusion series, voxel by voxel and region by region, and measure every map in every region.

    Parameters
    ----------
    series : DiffusionSeries
        The series.
    regions : mapping of str to (K, J, I) array, optional
        Masks on the grid of the series.
    settings : DiffusionSettings, optional
        Models, method, bounds.
    identity : MeasureSettings, optional
        Identity columns of the rows.
    mask : (K, J, I) array, optional
        Voxels to fit; default all.
    outside : mapping of str to float, optional
        Fraction of each region that fell outside the series when it was copied to its grid.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the voxels of all models; False cancels.

    Returns
    -------
    DiffusionResult
        Maps, rows, decays, warnings.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; before any fit where it can be known.
    InterruptedError
        When ``progress`` returned False.
    """
    settings = settings or DiffusionSettings()
    identity = identity or MeasureSettings()
    inside = {
        name: check_mask(f"region {name!r}", region, series.grid_shape) for name, region in (regions or {}).items()
    }
    sizes = {name: region_size(name, region, series.affine) for name, region in inside.items()}
    decays = {name: _decay(name, series, region, settings) for name, region in inside.items()}
    maps: dict[str, ParameterMap] = {}
    status: dict[str, NDArray[np.uint8]] = {}
    for number, model in enumerate(settings.models):
        share = None if progress is None else _share(progress, number, len(settings.models))
        fitted = _fit(model, series.signal, series, settings, mask=mask, progress=share)
        maps.update(_parameter_maps(model, fitted, series, settings))
        status[model] = np.bitwise_or.reduce([fitted.status_of(key) for key in MODELS[model].parameters])
    rows = [row for parameter_map in maps.values() for row in measure(parameter_map, inside, identity, outside=outside)]
    for name, decay in decays.items():
        extra = {**sizes[name], "outside_fraction": (outside or {}).get(name, 0.0)}
        for fit in decay.fits.values():
            rows.extend(_fit_rows(name, fit, len(series.bvalues), settings, identity, extra))
    return DiffusionResult(maps, status, rows, decays, warnings_of(rows, identity))


def _share(progress: Callable[[int, int], bool], number: int, n_models: int) -> Callable[[int, int], bool]:
    return lambda done, total: progress(number * total + done, n_models * total)


def _fit(
    model: str, signal: NDArray[np.floating], series: DiffusionSeries, settings: DiffusionSettings, **options: Any
) -> DiffusionMaps:
    if model == "ivim":
        options["method"] = settings.method
    return _FITS[model](signal, series.bvalues, bounds=settings.bounds_of(model), weights=series.averages, **options)


def _parameter_maps(
    model: str, fitted: DiffusionMaps, series: DiffusionSeries, settings: DiffusionSettings
) -> dict[str, ParameterMap]:
    provenance = {
        "software": f"MRBiomarkers {__version__}",
        "model": model,
        "method": settings.method,
        "bounds": settings.bounds_of(model),
        "bvalues": series.bvalues.tolist(),
        "bvalue_source": sorted(set(series.source or ())),
        "weights": None if series.averages is None else series.averages.tolist(),
    }
    result = {}
    for key in (*MODELS[model].parameters[1:], "S0", "rmse"):
        name = f"{key}_{model}" if key in ("S0", "rmse") else key
        known = quantity(key)
        result[name] = ParameterMap(
            getattr(fitted, key), known, known.unit, series.affine, fitted.status_of(key), provenance
        )
    return result


def _decay(name: str, series: DiffusionSeries, region: Mask, settings: DiffusionSettings) -> RegionDecay:
    signals = series.signal[region].astype(np.float64)
    signals = signals[np.isfinite(signals).all(axis=1)]
    if len(signals) == 0:
        raise ValueError(
            f"region {name!r}: expected at least one voxel with a finite signal at every b-value, got none"
        )
    mean = signals.mean(axis=0)
    fits = {model: _region_fit(model, mean, series, settings) for model in settings.models}
    sd = signals.std(axis=0, ddof=1) if len(signals) > 1 else np.zeros_like(mean)
    return RegionDecay(mean, sd, len(signals), fits)


def _region_fit(model: str, mean: Array, series: DiffusionSeries, settings: DiffusionSettings) -> RegionFit:
    fitted = _fit(model, mean, series, settings, errors=True)
    names = MODELS[model].parameters
    values = {key: float(getattr(fitted, key)) for key in names}
    errors = {key: float(getattr(fitted, f"sd_{key}")) for key in names}
    on_bound = {key: bool(fitted.status_of(key) & (Status.ON_BOUND | Status.UNDETERMINED)) for key in names}
    return RegionFit(model, values, errors, on_bound, float(fitted.rmse))


def _fit_rows(
    region: str,
    fit: RegionFit,
    n_bvalues: int,
    settings: DiffusionSettings,
    identity: MeasureSettings,
    extra: Mapping[str, Any],
) -> list[Measurement]:
    """Return the rows of a region fit, with Student intervals of the fit's degrees of freedom."""
    degrees = n_bvalues - len(fit.values)
    factor = float(stats.t.ppf(0.5 + settings.confidence / 2, degrees)) if degrees > 0 else float("nan")
    rows = []
    for key, value in (*fit.values.items(), ("rmse", fit.rmse)):
        reported, error = reported_value(key, value), reported_value(key, fit.errors.get(key, float("nan")))
        rows.append(
            Measurement(
                **identity.identity(),
                region=region,
                slice="all",
                quantity=key,
                unit=quantity(key).reported_unit,
                model=fit.model,
                fit=settings.method,
                method="fit of mean signal",
                value=reported,
                se=error,
                ci_low=reported - factor * error,
                ci_high=reported + factor * error,
                n_on_bound=int(fit.on_bound.get(key, False)),
                **extra,
            )
        )
    return rows
