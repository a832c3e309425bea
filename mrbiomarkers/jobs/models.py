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
        Its standard deviation. Where eta is fitted, both are its prior.
    """

    eta: ArrayLike
    eta_sd: ArrayLike | None = None

    def of_region(self, region: NDArray[np.bool_]) -> ResidualFat:
        """Return the means over a region of eta and of its standard deviation, which its voxels share."""
        return ResidualFat(_mean(self.eta, region), None if self.eta_sd is None else _mean(self.eta_sd, region))

    def draw(self, n: int, seed: int) -> ResidualFat:
        """Return ``n`` values of a region's eta, drawn from its uncertainty, which each of them keeps as a prior."""
        eta, sd = float(np.asarray(self.eta)), 0.0 if self.eta_sd is None else float(np.asarray(self.eta_sd))
        values = np.random.default_rng([seed, 1]).normal(eta, sd, n)
        return ResidualFat(np.clip(values, -0.99, 0.99), self.eta_sd)

    def as_prior(self) -> dict[str, object]:
        """Return what it says, as the provenance of a map records it: numbers as they are, of maps the range.

        A map of eta is no part of the results where eta is fitted, and its file name may hold a patient's name.
        """
        return {"eta": _summary(self.eta), "eta_sd": None if self.eta_sd is None else _summary(self.eta_sd)}


def _mean(values: ArrayLike, region: NDArray[np.bool_]) -> float:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(array)
    inside = array[region]
    inside = inside[np.isfinite(inside)]
    return float(inside.mean()) if inside.size else float("nan")


def _summary(values: ArrayLike) -> object:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(array)
    known = array[np.isfinite(array)]
    return {"map": {"lowest": float(known.min()), "highest": float(known.max())} if known.size else "no finite value"}


def check_fat(fat: ResidualFat | None, settings: DiffusionSettings, n_measurements: int) -> None:
    """Check that the settings can honour what is known of residual fat, and that a fit of eta has its prior.

    Raises
    ------
    ValueError
        When the IVIM method is not least squares, or ``settings.fit_eta`` asks for a fit that has no prior, a prior
        without width, or fewer than five measurements (whose residuals cannot tell the noise that the prior is weighed
        against).
    """
    if fat is not None and settings.method != "nlls":
        raise ValueError(f"fat: expected method 'nlls' with residual fat, got method {settings.method!r}")
    if not settings.fit_eta:
        return
    if fat is None:
        raise ValueError("fit_eta: expected what is known of residual fat (eta and eta_sd), the prior of eta; got none")
    width = None if fat.eta_sd is None else np.asarray(fat.eta_sd, dtype=np.float64)
    if width is None or np.any((width <= 0) | np.isinf(width)):
        got = "none" if width is None else f"{width[(width <= 0) | np.isinf(width)].flat[0]:g}"
        raise ValueError(f"fit_eta: expected a finite standard deviation of eta (eta_sd) above 0, its prior; got {got}")
    if n_measurements < 5:
        raise ValueError(f"fit_eta: expected at least 5 measurements, for S0, f, D, D* and eta; got {n_measurements}")


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
        Method and bounds, and whether the share of residual fat is fitted.
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
        common.update({"eta_sd": fat.eta_sd, "D_fat": settings.D_fat, "fit_eta": settings.fit_eta})
        return fit_ivim_with_fat(signal, series.bvalues, fat.eta, **common)
    if model == "ivim":
        options["method"] = "nlls" if region else settings.method
        if options["method"].startswith("segmented"):
            options["threshold"] = settings.threshold
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
