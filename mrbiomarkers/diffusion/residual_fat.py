"""IVIM where fat suppression has left some fat: a third compartment of known diffusion and known share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.diffusion.batches import Batch, Progress, VoxelBatches
from mrbiomarkers.diffusion.collect import Estimate, MapCollector
from mrbiomarkers.diffusion.fat_newton import FatSignals, Moves, refine, sensitivities
from mrbiomarkers.diffusion.ivim import check_ivim_bounds
from mrbiomarkers.diffusion.nlls import in_order, ivim_flags, snap
from mrbiomarkers.diffusion.results import FloatMap, IVIMMaps
from mrbiomarkers.diffusion.separable import Exponentials, rate_grid
from mrbiomarkers.leastsquares import Box, ModelPoint, SeparableModel, StartGrid, fit_multistart
from mrbiomarkers.maps import Status
from mrbiomarkers.settings import IVIM_BOUNDS, Bounds, merge_bounds

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_FEW = 4  # different eta in a batch that get a start grid each; of more, the nearest of a coarse set starts
_STEP = 0.05  # of that coarse set
_LARGEST_START = 0.9  # nearer to 1, the grid would hold nothing but fat
_LARGEST_FITTED = 0.99
_KEPT = 64  # grids
_TOGETHER = 32768  # voxels fitted at a time
_NO_SIGNAL = 1e-9  # of the largest signal


@dataclass(frozen=True, eq=False, kw_only=True)
class FatIVIMMaps(IVIMMaps):
    """Maps of :func:`fit_ivim_with_fat`: those of IVIM, of the water alone, and what the fat does to them.

    Attributes
    ----------
    S0 : array [a.u.]
        Signal of water and fat together at b = 0.
    eta : array
        Share of the fat in S0, signed: as given, or as fitted.
    dD_deta : array [mm2/s]
        Change of D per change of the given eta (where eta is fitted: of the mean of its prior); 0 for D on a bound.
    dD_dDfat : array
        Change of D per change of ``D_fat``; 0 for D on a bound.
    sd_eta : array, optional
        Standard error of eta, where errors are asked for and ``eta_sd`` is known: as given, or of the fit.
    """

    eta: FloatMap
    dD_deta: FloatMap
    dD_dDfat: FloatMap
    sd_eta: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("f", "D", "Dstar", "eta")


def fit_ivim_with_fat(
    signal: ArrayLike,
    bvalues: ArrayLike,
    eta: ArrayLike,
    *,
    eta_sd: ArrayLike | None = None,
    D_fat: float = 0.03e-3,
    D_fat_sd: float | None = None,
    fit_eta: bool = False,
    sigma: ArrayLike | None = None,
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> FatIVIMMaps:
    """Fit ``S0 {(1 - eta) [(1 - f) exp(-b D) + f exp(-b D*)] + eta exp(-b D_fat)}`` to every voxel.

    Bounded least squares, as ``fit_ivim(method="nlls")`` (and equal to it where eta is 0), with fat in the model. Fat
    hardly diffuses: in marrow with D = 0.6e-3 mm2/s, 10 % of fat in the signal that the model does not know of pull D
    down by 0.09e-3 mm2/s. Fat in opposed phase to water has a negative eta and pushes D up. Where it outweighs the
    water at a high b-value, the magnitude is no longer this signal: leave that b-value out.

    D depends on eta steeply: an error of 0.02 in eta is one of 0.02e-3 mm2/s in D. Give ``eta_sd``, so that the stated
    errors hold it.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least four different ones, any order.
    eta : float or (...) array_like
        Share of fat in the signal at b = 0, inside (-1, 1), one for all or one a voxel; see ``eta_from_pdff``. A voxel
        where it is NaN is not fitted and has the status "not finite".
    eta_sd : float or (...) array_like, optional
        Standard deviation of eta. Its part, (d parameter / d eta)^2 eta_sd^2, is added to the variances.
    D_fat : float [mm2/s]
        Diffusion coefficient of fat. Measured with large b-values: 0.018e-3 to 0.020e-3 in the marrow of the tibia
        (Steidle), 0.011e-3 to 0.016e-3 between muscle fibres (Xiao and Wu); the default is a round value above them.
        At eta = 0.1 the difference of 0.01e-3 moves D by 0.003e-3, at eta = 0.3 by 0.010e-3 (``dD_dDfat``).
    D_fat_sd : float, optional [mm2/s]
        Standard deviation of D_fat; handled as ``eta_sd``.
    fit_eta : bool
        Fit eta too, with the normal prior of mean ``eta`` and standard deviation ``eta_sd``. The signal alone tells
        eta poorly: expect a gain only in region means.
    sigma : float or (...) array_like, optional [a.u.]
        Standard deviation of the noise of a measurement of weight 1, for the errors and the weight of the prior. By
        default it is estimated from the residuals of each voxel, which have B - 4 degrees of freedom.
    bounds, weights, mask, progress
        As in ``fit_ivim``.
    errors : bool
        Fill ``sd_S0``, ``sd_f``, ``sd_D``, ``sd_Dstar`` and ``sd_eta``; NaN for a parameter on a bound.

    Returns
    -------
    FatIVIMMaps
        In the floating point type of the signal (float32 for integers). Where the standard error of D*, with the parts
        of eta and D_fat, exceeds D*, it is flagged as not identifiable.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Residual fat in marrow: Dieckmeyer et al., Magn Reson Med 2017;78:1432. Out of phase: Dhanani et al., Tomography
    2026;12:11. D_fat: Steidle et al., Magn Reson Med 2011, doi 10.1002/mrm.22699; Xiao and Wu, Magn Reson Med 2011,
    doi 10.1002/mrm.23121. Sensitivities: implicit function theorem on the normal equations.
    """
    limits = merge_bounds(IVIM_BOUNDS, bounds)
    check_ivim_bounds(limits)
    grid = np.shape(signal)[:-1]
    inside = None if mask is None else check_mask("mask", mask, grid)
    fat = _check_fat(eta, eta_sd, D_fat, D_fat_sd, sigma, grid, inside)
    known = None if fat.eta.ndim == 0 else ~np.isnan(fat.eta)
    usable = inside if known is None else known if inside is None else inside & known
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=usable, n_parameters=4, progress=progress)
    if fit_eta:
        _check_prior(fat, batches.bvalues.size)
    fitter = _Fitter(batches, limits, fat, fit_eta, errors)
    with np.errstate(under="ignore"):
        for batch in _joined(batches):
            fitter.fit(batch)
    if known is not None:
        lost = ~known if inside is None else inside & ~known
        batches.status[lost.ravel()] = Status.NOT_FINITE
    return FatIVIMMaps(**fitter.maps())


class _Fat(NamedTuple):
    """What is known of the fat, and of the noise; each array is one number or a map."""

    eta: Array
    eta_sd: Array | None
    D: float
    D_sd: float
    sigma: Array | None


class _WithFat:
    """Two exponentials of water and one of fat with the same eta in all fits, as the solver takes them."""

    n_columns: int = 2
    column_of: tuple[int, ...] = (0, 1)

    def __init__(self, water: Exponentials, fat: Array, eta: float) -> None:
        self._water, self._part, self._fat = water, 1.0 - eta, eta * fat

    def at(self, theta: Array) -> _WithFatPoint:
        return _WithFatPoint(self._water.at(theta), self._part, self._fat)


class _WithFatPoint:
    def __init__(self, water: ModelPoint, part: float, fat: Array) -> None:
        self._water, self._part = water, part
        self.columns = [part * column + fat for column in water.columns]

    def slopes(self) -> list[Array]:
        return [self._part * slope for slope in self._water.slopes()]

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        return {pair: self._part * bend for pair, bend in self._water.curvature(residual).items()}


class _Fitter:
    """Fits batch by batch and collects the maps."""

    def __init__(
        self,
        batches: VoxelBatches,
        limits: dict[str, tuple[float, float]],
        fat: _Fat,
        fit_eta: bool,
        errors: bool,
    ) -> None:
        self._batches, self._limits, self._fat = batches, limits, fat
        self._fit_eta = fit_eta
        rates = [limits["D"], limits["Dstar"]]
        self._box = Box(np.array([pair[0] for pair in rates]), np.array([pair[1] for pair in rates]), limits["f"])
        self._water = Exponentials(batches.bvalues, batches.root_weights, 2)
        self._fat_column = (batches.root_weights * np.exp(-batches.bvalues * fat.D))[:, None]
        self._plain = rate_grid(self._water, rates, limits["f"])
        self._grids: dict[float, tuple[SeparableModel, StartGrid]] = {0.0: (self._water, self._plain)}
        self._collector = MapCollector(batches, "ivim", errors)
        names = ["eta", "dD_deta", "dD_dDfat", *(["sd_eta"] if errors and fat.eta_sd is not None else [])]
        self._own_maps = {name: batches.empty_map() for name in names}

    def maps(self) -> dict[str, Any]:
        """Return every map and the status."""
        shape = self._batches.shape
        return self._collector.maps() | {name: values.reshape(shape) for name, values in self._own_maps.items()}

    def fit(self, batch: Batch) -> None:
        """Fit the voxels of one batch and store what was found."""
        values, squares, converged, exact = self._start(batch.y, _of_voxels(self._fat.eta, batch.voxels))
        signals = self._signals(batch, squares)
        limit = _LARGEST_FITTED if self._fit_eta else 1.0
        pairs = np.array([(_NO_SIGNAL, np.inf), *self._limits.values(), (-limit, limit)])
        todo = np.flatnonzero((values[0] > 0) & ~exact)
        if todo.size:
            found = refine(signals.take(todo), values[:, todo], pairs[:, 0], pairs[:, 1], self._fit_eta)
            values[:, todo], squares[todo], converged[todo] = found
            values[0, values[0] <= _NO_SIGNAL] = 0.0
        values[1:4] = in_order(list(values[1:4]), self._limits["f"])
        on_bound, unknown = (np.vstack([part, part[:1]]) for part in ivim_flags(list(values[1:4]), self._limits))
        on_bound[3], unknown[3] = (np.abs(values[4]) >= limit) & self._fit_eta, False
        free = np.vstack([values[:1] > 0, ~(on_bound | unknown)])
        free[4] &= self._fit_eta
        moves = sensitivities(signals, values, free)
        errors = self._standard_errors(batch, moves, squares)
        self._collector.put(batch, Estimate(list(values[:4]), squares, converged, on_bound, unknown, errors[:4].T))
        rows = {"eta": np.where(values[0] > 0, values[4], np.nan)}
        rows |= {"dD_deta": moves.by_eta[2], "dD_dDfat": moves.by_D_fat[2]}
        if "sd_eta" in self._own_maps:
            rows["sd_eta"] = errors[4]
        for name, into in self._own_maps.items():
            into[batch.voxels] = rows[name]

    def _start(self, y: Array, eta: Array) -> tuple[Array, Array, Bools, Bools]:
        """Return the fit with the nearest eta that has a grid: values, squares, converged, and where that eta is it."""
        nearest, different = eta, np.unique(eta)
        if different.size > _FEW:
            nearest = np.clip(np.round(eta / _STEP) * _STEP, -_LARGEST_START, _LARGEST_START)
            different = np.unique(nearest)
        values, squares, converged = np.empty((5, eta.size)), np.empty(eta.size), np.empty(eta.size, dtype=bool)
        for one in different:
            index = np.flatnonzero(nearest == one)
            model, grid = self._model_and_grid(float(one))
            fit = fit_multistart(model, y.take(index, axis=1), grid, self._box)
            total = fit.coefficients.sum(axis=0)
            fraction = snap(fit.coefficients[1] / np.where(total > 0, total, 1.0), self._limits["f"])
            values[:, index] = np.vstack([total, fraction, fit.theta, eta[index]])
            squares[index], converged[index] = fit.sum_of_squares, fit.converged
        return values, squares, converged, (nearest == eta) & (not self._fit_eta)

    def _model_and_grid(self, eta: float) -> tuple[SeparableModel, StartGrid]:
        if eta not in self._grids:
            if len(self._grids) > _KEPT:
                self._grids.clear()
            model = _WithFat(self._water, self._fat_column, eta) if eta else self._water
            self._grids[eta] = model, StartGrid(model, self._plain.axes, self._limits["f"])
        return self._grids[eta]

    def _signals(self, batch: Batch, squares: Array) -> FatSignals:
        eta = _of_voxels(self._fat.eta, batch.voxels)
        pull = np.zeros(eta.size)
        if self._fit_eta and self._fat.eta_sd is not None:
            pull = self._noise(batch, squares) / _of_voxels(self._fat.eta_sd, batch.voxels) ** 2
        b, roots = self._batches.bvalues[:, None], self._batches.root_weights[:, None]
        return FatSignals(batch.y, eta, pull, b, roots, self._fat.D)

    def _noise(self, batch: Batch, squares: Array) -> Array:
        """Return the variance of the noise of the scaled signals, (N,); NaN where nothing tells it."""
        if self._fat.sigma is not None:
            return (_of_voxels(self._fat.sigma, batch.voxels) / batch.scale) ** 2
        degrees = self._batches.bvalues.size - 4
        return squares / degrees if degrees > 0 else np.full(squares.size, np.nan)

    def _standard_errors(self, batch: Batch, moves: Moves, squares: Array) -> Array:
        """Return the standard errors (5, N): noise, eta (its own row: as given where it is not fitted) and D_fat."""
        variance = self._noise(batch, squares) * moves.variance + (moves.by_D_fat * self._fat.D_sd) ** 2
        if self._fat.eta_sd is not None and not self._fit_eta:
            eta_sd = _of_voxels(self._fat.eta_sd, batch.voxels)
            variance += (moves.by_eta * eta_sd) ** 2
            variance[4] = eta_sd**2
        return np.sqrt(variance)


def _joined(batches: VoxelBatches) -> Iterator[Batch]:
    """Yield the batches several at a time: each eta is fitted on its own, and short arrays are slow."""
    waiting: list[Batch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.voxels.size for part in waiting) >= _TOGETHER:
            joined, waiting = _concatenate(waiting), []
            yield joined
    if waiting:
        yield _concatenate(waiting)


def _concatenate(batches: list[Batch]) -> Batch:
    return Batch(*(np.concatenate(parts, axis=-1) for parts in zip(*batches, strict=True)))


def _of_voxels(field: Array, voxels: NDArray[np.intp]) -> Array:
    """Return the values of some voxels of one number or a map."""
    return np.full(voxels.size, float(field)) if field.ndim == 0 else field.ravel()[voxels]


def _check_fat(
    eta: ArrayLike,
    eta_sd: ArrayLike | None,
    D_fat: float,
    D_fat_sd: float | None,
    sigma: ArrayLike | None,
    grid: tuple[int, ...],
    inside: Bools | None,
) -> _Fat:
    share = _check_field("eta", eta, grid)
    known = ~np.isnan(share)
    if share.ndim == 0 and not known:
        raise ValueError("eta: expected a number inside (-1, 1), got nan")
    wanted = np.broadcast_to(known if inside is None else known & inside, grid)
    _check_values("eta", share, wanted & ~(np.abs(share) < 1), "values inside (-1, 1), or NaN in a map")
    spread = None if eta_sd is None else _check_field("eta_sd", eta_sd, grid)
    if spread is not None:
        bad = wanted & ~((spread >= 0) & (spread < np.inf))
        _check_values("eta_sd", spread, bad, "finite values of 0 or more wherever eta is known")
    noise = None if sigma is None else _check_field("sigma", sigma, grid)
    if noise is not None:
        _check_values("sigma", noise, wanted & ~((noise > 0) & (noise < np.inf)), "finite values above 0")
    D_sd = 0.0 if D_fat_sd is None else _check_number("D_fat_sd", D_fat_sd, "a number of mm2/s, 0 or more")
    return _Fat(share, spread, _check_number("D_fat", D_fat, "a number of mm2/s, 0 or more"), D_sd, noise)


def _check_field(name: str, value: ArrayLike, grid: tuple[int, ...]) -> Array:
    field = check_real_array(name, value).astype(np.float64)
    if field.shape not in ((), grid):
        raise ValueError(
            f"{name}: expected one number or a map of shape {grid} (the signal's without its last axis), "
            f"got shape {field.shape}"
        )
    return field


def _check_values(name: str, field: Array, bad: Bools, expected: str) -> None:
    if np.any(bad):
        raise ValueError(f"{name}: expected {expected}; got {np.broadcast_to(field, bad.shape)[bad].flat[0]:g}")


def _check_number(name: str, value: float, expected: str) -> float:
    array = check_real_array(name, value)
    if array.ndim > 0 or not 0 <= array < np.inf:
        raise ValueError(f"{name}: expected {expected}; got {value!r}")
    return float(array)


def _check_prior(fat: _Fat, n_measurements: int) -> None:
    """Check what a fit of eta needs: its prior, and noise to weigh it against."""
    if fat.eta_sd is None:
        raise ValueError("eta_sd: expected the standard deviation of eta, which is its prior with fit_eta, got None")
    if np.any(fat.eta_sd == 0):
        raise ValueError("eta_sd: expected values above 0 with fit_eta, got 0")
    if n_measurements < 5 and fat.sigma is None:
        raise ValueError(
            f"sigma: expected the standard deviation of the noise for fit_eta with {n_measurements} measurements, "
            "whose residuals cannot tell it; got None"
        )
