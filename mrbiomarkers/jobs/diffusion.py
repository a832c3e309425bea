"""One diffusion subject: maps, region fits, and rows of the measurement table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_mask
from mrbiomarkers.diffusion import MODELS, DiffusionMaps, ModelSelection, ShrinkageMaps, select_model
from mrbiomarkers.jobs.models import ResidualFat, check_fat, fit_model
from mrbiomarkers.jobs.region_fits import RegionDecay, fit_region, fit_rows, ratio_rows
from mrbiomarkers.maps import ParameterMap, Status
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import measure, region_size, warnings_of
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DiffusionResult:
    """What :func:`run_diffusion` returns.

    Attributes
    ----------
    maps : dict of str to ParameterMap
        In kernel units, by name: the quantity where only one model has it, else quantity and model (``"S0_ivim"``).
    status : dict of str to (K, J, I) uint16 array
        By model: :class:`~mrbiomarkers.maps.Status` of the voxel; what is said of a parameter ("on a bound", "not
        identifiable") where it holds for any.
    selection : ModelSelection or None
        Which model every voxel supports, where the settings ask for it.
    rows : list of Measurement
        Both methods for each region: mean of the map, and fit of the mean signal.
    decays : dict of str to RegionDecay
        By region.
    warnings : list of str
        What a reader must know before using a number.
    """

    maps: dict[str, ParameterMap]
    status: dict[str, NDArray[np.uint16]]
    rows: list[Measurement]
    decays: dict[str, RegionDecay]
    warnings: list[str] = field(default_factory=list)
    selection: ModelSelection | None = None


def run_diffusion(
    series: DiffusionSeries,
    regions: Mapping[str, Mask] | None = None,
    *,
    settings: DiffusionSettings | None = None,
    identity: MeasureSettings | None = None,
    mask: Mask | None = None,
    outside: Mapping[str, float] | None = None,
    fat: ResidualFat | None = None,
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
    fat : ResidualFat, optional
        Residual fat, which the IVIM fits then take into account (method ``"nlls"`` only): as it is, or as the prior of
        its share where the settings say ``fit_eta``.
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
    check_fat(fat, settings, series.bvalues.size)
    if settings.reference_region and settings.reference_region not in inside:
        raise ValueError(
            f"reference_region: expected one of the regions ({', '.join(inside) or 'none given'}), "
            f"got {settings.reference_region!r}"
        )
    sizes = {name: region_size(name, region, series.affine) for name, region in inside.items()}
    decays = {name: fit_region(name, series, region, settings, fat) for name, region in inside.items()}
    maps: dict[str, ParameterMap] = {}
    status: dict[str, NDArray[np.uint16]] = {}
    notes: list[str] = []
    fits: dict[str, DiffusionMaps] = {}
    for number, model in enumerate(settings.models):
        share = None if progress is None else _share(progress, number, len(settings.models))
        options: dict[str, Any] = {"mask": mask, "errors": settings.errors, "progress": share}
        fitted = fit_model(model, series.signal, series, settings, fat=fat, populations=inside, **options)
        notes.extend(_notes(model, fitted, inside))
        fits[model] = fitted
        maps.update(_parameter_maps(model, fitted, series, settings, fat if model == "ivim" else None))
        found = MODELS[model].parameters + (("eta",) if settings.fit_eta else ())
        status[model] = np.bitwise_or.reduce([fitted.status_of(key) for key in found])
    measured = [parameter_map for parameter_map in maps.values() if not parameter_map.quantity.key.startswith("sd_")]
    rows = [row for parameter_map in measured for row in measure(parameter_map, inside, identity, outside=outside)]
    for name, decay in decays.items():
        size = {**sizes[name], "outside_fraction": (outside or {}).get(name, 0.0)}
        for model, fit in decay.fits.items():
            rows.extend(fit_rows(name, fit, identity, size))
            if settings.reference_region not in ("", name):
                reference = decays[settings.reference_region].fits[model]
                rows.extend(ratio_rows(name, fit, reference, identity, size, confidence=settings.confidence))
    warnings = notes + warnings_of(rows, identity)
    return DiffusionResult(maps, status, rows, decays, warnings, _select(fits, series, settings, mask, fat))


def _select(
    fits: dict[str, DiffusionMaps],
    series: DiffusionSeries,
    settings: DiffusionSettings,
    mask: Mask | None,
    fat: ResidualFat | None,
) -> ModelSelection | None:
    """Compare the least-squares fits of the models, where the settings ask for it."""
    if not settings.selection:
        return None
    if settings.method != "nlls" or fat is not None:
        fits = {model: fitted for model, fitted in fits.items() if model != "ivim"}
    if settings.adc_bvalues:  # all models are compared on the same b-values
        fits = {model: fitted for model, fitted in fits.items() if model != "adc"}
    return select_model(
        series.signal, series.bvalues, models=settings.models, weights=series.averages, mask=mask, fits=fits
    )


def _notes(model: str, fitted: DiffusionMaps, regions: Mapping[str, Mask]) -> list[str]:
    """Return what a fit warns of: populations unfit for shrinkage, b beyond the kurtosis model, D* lost in noise."""
    notes = list(fitted.warnings) if isinstance(fitted, ShrinkageMaps) else []
    beyond = (fitted.status & Status.BEYOND_MODEL) != 0
    for name, region in regions.items():
        share = float(np.mean(beyond[region]))
        if share > 0.1:
            where = f"region {name!r}, {model}: in {share:.0%} of the voxels the largest b-value"
            notes.append(f"{where} lies beyond the range of the model (b > 3 / (MD MK))")
        for key in MODELS[model].compartment_rates:
            poor = float(np.mean((fitted.status_of(key)[region] & Status.NOT_IDENTIFIABLE) != 0))
            if poor > 0.1:
                symbol = quantity(key).symbol
                share_of = f"in {poor:.0%} of the voxels (error above value)"
                notes.append(f"region {name!r}, {model}: {symbol} is not identifiable {share_of}")
    return notes


def _share(progress: Callable[[int, int], bool], number: int, n_models: int) -> Callable[[int, int], bool]:
    return lambda done, total: progress(number * total + done, n_models * total)


def _parameter_maps(
    model: str,
    fitted: DiffusionMaps,
    series: DiffusionSeries,
    settings: DiffusionSettings,
    fat: ResidualFat | None,
) -> dict[str, ParameterMap]:
    provenance = {
        "software": f"MRBiomarkers {__version__}",
        "model": model,
        "method": settings.method if model == "ivim" else "nlls",
        "bounds": settings.bounds_of(model),
        "bvalues": series.bvalues.tolist(),
        "bvalue_source": sorted(set(series.source or ())),
        "residual_fat": None if fat is None else _fat_provenance(fat, settings),
        "fitted_bvalues": list(settings.adc_bvalues) if model == "adc" and settings.adc_bvalues else "all",
        "weights": None if series.averages is None else series.averages.tolist(),
    }
    if series.left_out:
        provenance["excluded_bvalues"] = list(series.left_out)
    if model == "ivim" and settings.method.startswith("segmented"):
        provenance["threshold"] = settings.threshold
    result = {}
    parameters = MODELS[model].parameters
    errors = [f"sd_{key}" for key in (*parameters[1:], "S0")] if settings.errors else []
    shares = [] if fat is None else ["eta"]
    if fat is not None and settings.fit_eta and settings.errors:
        errors.append("sd_eta")
    for key in (*parameters[1:], "S0", "rmse", *shares, *errors):
        own = key.removeprefix("sd_")
        name = f"{key}_{model}" if own in ("S0", "rmse") else key
        known = quantity(key)
        result[name] = ParameterMap(
            getattr(fitted, key), known, known.unit, series.affine, fitted.status_of(own), provenance
        )
    return result


def _fat_provenance(fat: ResidualFat, settings: DiffusionSettings) -> dict[str, Any]:
    """Return what the maps say of residual fat: whether its share was fitted, and with which prior."""
    known: dict[str, Any] = {"D_fat_mm2_per_s": settings.D_fat, "eta": "fitted" if settings.fit_eta else "given"}
    return {**known, "prior": fat.as_prior()} if settings.fit_eta else known
