"""One call for the fit of any model, with the settings of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.diffusion import (
    DiffusionMaps,
    fit_adc,
    fit_ivim,
    fit_ivim_with_fat,
    fit_kurtosis,
    fit_stretched,
)
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings

_FITS: dict[str, Callable[..., DiffusionMaps]] = {
    "adc": fit_adc,
    "ivim": fit_ivim,
    "stretched": fit_stretched,
    "kurtosis": fit_kurtosis,
}


@dataclass(frozen=True, eq=False)
class ResidualFat:
    """What is known of the fat that suppression has left in a diffusion series.

    Attributes
    ----------
    eta : float or (K, J, I) array
        Share of fat in the signal, signed, -1 to 1.
    eta_sd : float, (K, J, I) array or None
        Its standard deviation.
    """

    eta: ArrayLike
    eta_sd: ArrayLike | None = None

    def of_region(self, region: NDArray[np.bool_]) -> ResidualFat:
        """Return the means over a region of eta and of its standard deviation, which its voxels share."""
        return ResidualFat(_mean(self.eta, region), None if self.eta_sd is None else _mean(self.eta_sd, region))

    def draw(self, n: int, seed: int) -> ResidualFat:
        """Return ``n`` values of a region's eta, drawn from its uncertainty."""
        eta, sd = float(np.asarray(self.eta)), 0.0 if self.eta_sd is None else float(np.asarray(self.eta_sd))
        values = np.random.default_rng([seed, 1]).normal(eta, sd, n)
        return ResidualFat(np.clip(values, -0.99, 0.99))


def _mean(values: ArrayLike, region: NDArray[np.bool_]) -> float:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(array)
    inside = array[region]
    inside = inside[np.isfinite(inside)]
    return float(inside.mean()) if inside.size else float("nan")


def fit_model(
    model: str,
    signal: NDArray[np.floating],
    series: DiffusionSeries,
    settings: DiffusionSettings,
    *,
    region: bool = False,
    fat: ResidualFat | None = None,
    populations: Mapping[str, NDArray[np.bool_]] | None = None,
    **options: Any,
) -> DiffusionMaps:
    """Fit ``signal`` (..., B) [a.u.], acquired as ``series``, with one model.

    Parameters
    ----------
    model : str
        Key of the model.
    signal : (..., B) array
        The series' own signal, or means of it.
    series : DiffusionSeries
        b-values and averages.
    settings : DiffusionSettings
        Method and bounds.
    region : bool
        Whether the signal is that of regions: they are fitted by least squares, whatever the method of the maps.
    fat : ResidualFat, optional
        For the IVIM model: residual fat, on the grid of the signal.
    populations : mapping of str to (K, J, I) mask, optional
        Regions that shrinkage gives a population each; where two overlap, the voxels belong to the later one.
    **options
        ``mask``, ``errors``, ``progress`` of the fit.
    """
    if model == "adc" and settings.adc_bvalues:
        chosen = _positions(settings.adc_bvalues, series.bvalues)
        weights = None if series.averages is None else series.averages[chosen]
        return fit_adc(
            signal[..., chosen], series.bvalues[chosen], bounds=settings.bounds_of(model), weights=weights, **options
        )
    if model == "ivim" and fat is not None:
        common = {"bounds": settings.bounds_of(model), "weights": series.averages, **options}
        return fit_ivim_with_fat(signal, series.bvalues, fat.eta, eta_sd=fat.eta_sd, D_fat=settings.D_fat, **common)
    if model == "ivim":
        options["method"] = "nlls" if region else settings.method
        if options["method"] == "shrinkage" and populations:
            options["regions"] = _disjoint(populations)
    return _FITS[model](signal, series.bvalues, bounds=settings.bounds_of(model), weights=series.averages, **options)


def _positions(wanted: tuple[float, ...], bvalues: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions of the wanted b-values, to 0.5 s/mm2."""
    near = np.abs(bvalues[:, None] - np.asarray(wanted)) <= 0.5
    missing = [f"{b:g}" for b, found in zip(wanted, near.any(axis=0), strict=True) if not found]
    if missing:
        present = ", ".join(f"{b:g}" for b in np.unique(bvalues))
        raise ValueError(f"adc_bvalues: expected some of {present} s/mm2, got {', '.join(missing)}")
    return np.flatnonzero(near.any(axis=1))


def _disjoint(regions: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Return regions that share no voxel: a later one (a lesion drawn inside a vertebra) is cut out of earlier ones."""
    result: dict[str, NDArray[np.bool_]] = {}
    for name, region in regions.items():
        for earlier in result:
            result[earlier] = result[earlier] & ~region
        result[name] = region
    return {name: region for name, region in result.items() if region.any()}
