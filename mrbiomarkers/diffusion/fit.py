"""Voxel-wise fits of the diffusion models: apparent diffusion coefficient and intravoxel incoherent motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.diffusion.batches import Progress, VoxelBatches
from mrbiomarkers.diffusion.models import biexponential_jacobian, monoexponential_jacobian
from mrbiomarkers.diffusion.precision import standard_errors
from mrbiomarkers.diffusion.separable import Exponentials, rate_grid
from mrbiomarkers.leastsquares import Box, SeparableFit, fit_multistart
from mrbiomarkers.maps import Status, parameter_flags
from mrbiomarkers.settings import ADC_BOUNDS, DIFFUSION_METHODS, IVIM_BOUNDS, Bounds, merge_bounds

FloatMap = NDArray[np.floating]
Index = NDArray[np.intp]
Array = NDArray[np.float64]

_NEAR = 1e-9  # of the width of a bound: nearer than that, a fraction is on it


@dataclass(frozen=True, eq=False)
class DiffusionMaps:
    """What every fit returns: maps of the leading shape of the signal, NaN where not fitted.

    Attributes
    ----------
    S0 : array [a.u.]
        Fitted signal at b = 0.
    rmse : array [a.u.]
        Root mean square residual (weighted where the fit was).
    status : uint16 array
        :class:`~mrbiomarkers.maps.Status` flags of the voxel, and those of the parameters in ``bounded``
        (:func:`~mrbiomarkers.maps.parameter_flags`).
    """

    S0: FloatMap
    rmse: FloatMap
    status: NDArray[np.uint16]

    bounded: ClassVar[tuple[str, ...]] = ()

    def status_of(self, name: str) -> NDArray[np.uint8]:
        """Return the :class:`~mrbiomarkers.maps.Status` of the map ``name``: the voxel's flags and its own."""
        own = np.array(self.status & 127, dtype=np.uint8)
        if name in self.bounded:
            on_bound, undetermined = parameter_flags(self.bounded.index(name))
            own[(self.status & on_bound) != 0] |= np.uint8(Status.ON_BOUND)
            own[(self.status & undetermined) != 0] |= np.uint8(Status.UNDETERMINED)
        return own


@dataclass(frozen=True, eq=False)
class ADCMaps(DiffusionMaps):
    """Maps of :func:`fit_adc`: ``ADC`` [mm2/s], and standard errors ``sd_*`` where asked for."""

    ADC: FloatMap
    sd_S0: FloatMap | None = None
    sd_ADC: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("ADC",)


@dataclass(frozen=True, eq=False)
class IVIMMaps(DiffusionMaps):
    """Maps of :func:`fit_ivim`: ``f``, ``D`` and ``Dstar`` [mm2/s], and standard errors ``sd_*`` where asked for."""

    f: FloatMap
    D: FloatMap
    Dstar: FloatMap
    sd_S0: FloatMap | None = None
    sd_f: FloatMap | None = None
    sd_D: FloatMap | None = None
    sd_Dstar: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("f", "D", "Dstar")


class _Writer:
    """Collects the results of the batches into flat maps."""

    def __init__(self, batches: VoxelBatches, names: tuple[str, ...], errors: bool) -> None:
        self._batches = batches
        self._names = names
        self._with_errors = errors
        wanted = [*names, "rmse", *(f"sd_{name}" for name in names if errors)]
        self._maps = {name: batches.empty_map() for name in wanted}
        self._n_weights = float(np.sum(batches.root_weights**2))

    def put(
        self, index: Index, scale: Array, values: list[Array], fit: SeparableFit, flags: NDArray[np.uint16]
    ) -> None:
        """Store one batch: parameter ``values`` (S0 first, relative to ``scale``), and flags; no signal, no value."""
        empty = values[0] <= 0
        status = np.where(empty, np.uint16(Status.NO_SIGNAL), flags)
        status[~fit.converged & ~empty] |= np.uint16(Status.NOT_CONVERGED)
        self._batches.status[index] = status
        rmse = np.sqrt(fit.sum_of_squares / self._n_weights) * scale
        for name, value in zip((*self._names, "rmse"), (values[0] * scale, *values[1:], rmse), strict=True):
            self._maps[name][index] = np.where(empty, np.nan, value)

    def put_errors(
        self, index: Index, scale: Array, jacobian: Array, fit: SeparableFit, free: NDArray[np.bool_]
    ) -> None:
        """Store the standard errors of one batch; ``jacobian`` (N, B, P) is that of the scaled, unweighted signal."""
        if not self._with_errors:
            return
        weighted = jacobian * self._batches.root_weights[:, None]
        errors = standard_errors(weighted, fit.sum_of_squares, free)
        errors[:, 0] *= scale
        for name, column in zip(self._names, errors.T, strict=True):
            self._maps[f"sd_{name}"][index] = column

    def result(self) -> dict[str, NDArray[np.generic]]:
        """Return every map in the leading shape of the signal."""
        shape = self._batches.shape
        return {"status": self._batches.status.reshape(shape), **{k: v.reshape(shape) for k, v in self._maps.items()}}


def fit_adc(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> ADCMaps:
    """Fit ``S0 exp(-b ADC)`` to every voxel by bounded non-linear least squares.

    The residuals are those of the signal itself, not of its logarithm, so noise at high b keeps its proper weight.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least two different ones, any order.
    bounds : mapping, optional
        ``{"ADC": (lower, upper)}`` in mm2/s; default -5e-3 to 20e-3, so that noise around zero is not cut off.
    weights : (B,) array_like, optional
        Weights of the squared residuals, for example the number of averages.
    mask : (...) array_like, optional
        Voxels to fit; the others are NaN with the status "outside the mask".
    errors : bool
        Fill ``sd_S0`` and ``sd_ADC``.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    ADCMaps
        In the floating point type of the signal (float32 for integers).

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Least squares for ADC: Walker-Samuel et al., Magn Reson Med 2009;62:420.
    """
    limits = merge_bounds(ADC_BOUNDS, bounds)["ADC"]
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=2, progress=progress)
    model = Exponentials(batches.bvalues, batches.root_weights, 1)
    writer = _Writer(batches, ("S0", "ADC"), errors)
    box = Box(np.array([limits[0]]), np.array([limits[1]]))
    with np.errstate(under="ignore"):
        grid = rate_grid(model, [limits])
        for index, y, scale in batches:
            fit = fit_multistart(model, y, grid, box)
            on_bound = (fit.theta[0] <= limits[0]) | (fit.theta[0] >= limits[1])
            flags = np.where(on_bound, parameter_flags(0)[0], 0).astype(np.uint16)
            writer.put(index, scale, [fit.coefficients[0], fit.theta[0]], fit, flags)
            if errors:
                jacobian = monoexponential_jacobian(batches.bvalues, fit.coefficients[0], fit.theta[0])
                free = np.stack([np.ones_like(on_bound), ~on_bound], axis=1)
                writer.put_errors(index, scale, jacobian, fit, free)
    return ADCMaps(**writer.result())  # type: ignore[arg-type]


def fit_ivim(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    method: str = "nlls",
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> IVIMMaps:
    """Fit ``S0 [(1 - f) exp(-b D) + f exp(-b D*)]`` to every voxel.

    ``method="nlls"`` is bounded non-linear least squares over all four parameters at once, from a grid and once more
    where two minima compete: the maximum-likelihood estimate for Gaussian noise. It is right for region means and for
    maps of good signal-to-noise ratio (about 50 and above in marrow); below that, f and D* of single voxels scatter
    widely.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least four different ones, any order; b = 0 is not needed.
    method : str
        ``"nlls"``.
    bounds : mapping, optional
        Any of ``{"f": (lower, upper), "D": ..., "Dstar": ...}``; D and D* in mm2/s. Default: f 0 to 1, D 0 to
        5e-3, D* 5e-3 to 200e-3.
    weights : (B,) array_like, optional
        Weights of the squared residuals, for example the number of averages.
    mask : (...) array_like, optional
        Voxels to fit; the others are NaN with the status "outside the mask".
    errors : bool
        Fill ``sd_S0``, ``sd_f``, ``sd_D``, ``sd_Dstar``; NaN for a parameter on a bound.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    IVIMMaps
        In the floating point type of the signal (float32 for integers). Where f ended on 0, D* has no influence on the
        signal (and D where f ended on 1): its value is flagged as undetermined.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Le Bihan et al., Radiology 1988;168:497. Elimination of S0 and f: Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    """
    check_choice("method", method, DIFFUSION_METHODS)
    limits = merge_bounds(IVIM_BOUNDS, bounds)
    _check_ivim_bounds(limits)
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=4, progress=progress)
    model = Exponentials(batches.bvalues, batches.root_weights, 2)
    writer = _Writer(batches, ("S0", "f", "D", "Dstar"), errors)
    rates = [limits["D"], limits["Dstar"]]
    box = Box(np.array([pair[0] for pair in rates]), np.array([pair[1] for pair in rates]), limits["f"])
    with np.errstate(under="ignore"):
        grid = rate_grid(model, rates, limits["f"])
        for index, y, scale in batches:
            fit = fit_multistart(model, y, grid, box)
            total = fit.coefficients.sum(axis=0)
            fraction = _snap(fit.coefficients[1] / np.where(total > 0, total, 1.0), limits["f"])
            values = _in_order([fraction, fit.theta[0], fit.theta[1]], limits["f"])
            on_bound, unknown = _ivim_flags(values, limits)
            writer.put(index, scale, [total, *values], fit, _pack(on_bound, unknown))
            if errors:
                jacobian = biexponential_jacobian(batches.bvalues, total, *values)
                free = np.stack([total > 0, *~(on_bound | unknown)], axis=1)
                writer.put_errors(index, scale, jacobian, fit, free)
    return IVIMMaps(**writer.result())  # type: ignore[arg-type]


def _check_ivim_bounds(limits: dict[str, tuple[float, float]]) -> None:
    if not 0 <= limits["f"][0] < limits["f"][1] <= 1:
        raise ValueError(f"bounds of f: expected 0 <= lower < upper <= 1, got {limits['f']}")
    if limits["D"][0] < 0 or limits["Dstar"][0] < 0:
        raise ValueError(f"bounds of D and Dstar: expected 0 mm2/s or more, got {limits['D']} and {limits['Dstar']}")
    if limits["D"][0] > limits["Dstar"][0] or limits["D"][1] > limits["Dstar"][1]:
        raise ValueError(
            "bounds of D and Dstar: expected those of D not to lie above those of Dstar, "
            f"got D {limits['D']} and Dstar {limits['Dstar']} mm2/s"
        )


def _in_order(values: list[Array], limits: tuple[float, float]) -> list[Array]:
    """Return f, D, D* with D <= D*: where the bounds of the two rates overlap, the compartments can change places."""
    fraction, slow, fast = values
    swap = (slow > fast) & (1 - fraction >= limits[0]) & (1 - fraction <= limits[1])
    if not swap.any():
        return values
    return [np.where(swap, 1 - fraction, fraction), np.where(swap, fast, slow), np.where(swap, slow, fast)]


def _snap(values: Array, limits: tuple[float, float]) -> Array:
    """Return the values inside ``limits``; what rounding left beside a bound is put on it."""
    low, high = limits
    near = _NEAR * (high - low)
    values = np.where(values <= low + near, low, values)
    return np.where(values >= high - near, high, values)


def _ivim_flags(
    values: list[Array], limits: dict[str, tuple[float, float]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of f, D, D* are on a bound, and which have no influence because their compartment is empty."""
    pairs = zip(values, limits.values(), strict=True)
    on_bound = np.stack([(value <= low) | (value >= high) for value, (low, high) in pairs])
    unknown = np.zeros_like(on_bound)
    unknown[1] = values[0] == 1
    unknown[2] = values[0] == 0
    return on_bound, unknown


def _pack(on_bound: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> NDArray[np.uint16]:
    flags = np.zeros(on_bound.shape[1], dtype=np.uint16)
    for position in range(len(on_bound)):
        bound_flag, unknown_flag = parameter_flags(position)
        flags[on_bound[position]] |= np.uint16(bound_flag)
        flags[unknown[position]] |= np.uint16(unknown_flag)
    return flags
