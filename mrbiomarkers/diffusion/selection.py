"""Which of several models a signal supports: corrected Akaike criterion, F test, and the variance explained."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_choice, check_real_array
from mrbiomarkers.diffusion.batches import Progress
from mrbiomarkers.diffusion.fit import fit_adc, fit_kurtosis, fit_stretched
from mrbiomarkers.diffusion.ivim import fit_ivim
from mrbiomarkers.diffusion.models import MODELS
from mrbiomarkers.diffusion.precision import Array, check_averages
from mrbiomarkers.diffusion.results import DiffusionMaps, FloatMap
from mrbiomarkers.maps import NOT_FITTED, Status

_FITS: Mapping[str, Callable[..., DiffusionMaps]] = {
    "adc": fit_adc,
    "ivim": fit_ivim,
    "stretched": fit_stretched,
    "kurtosis": fit_kurtosis,
}
SIMPLE = "adc"
"""The model that all others contain: IVIM with f = 0, stretched with alpha = 1, kurtosis with MK = 0."""
_CHUNK = 65536
# Residuals below this share of the largest signal are rounding, not noise: models that differ by less are equally good.
_ROUNDING = 1e-6


class SelectionStatus(enum.IntFlag):
    """Why there is no comparison of the models in a voxel, or what to know about it.

    ``NOT_FITTED``: at least one model was not fitted, so none is compared. ``TOO_FEW``: too few measurements for the
    criterion of at least one model, which is left out. ``NOT_CONVERGED``: a fit stopped at its iteration limit.
    """

    COMPARED = 0
    NOT_FITTED = 1
    TOO_FEW = 2
    NOT_CONVERGED = 4


@dataclass(frozen=True, eq=False)
class ModelSelection:
    """What :func:`select_model` returns: maps (...) of the leading shape of the signal, NaN where not compared.

    Attributes
    ----------
    models : tuple of str
        Keys of the models in the order in which ``best`` numbers them.
    aicc : dict of str to (...) array
        Corrected Akaike criterion of each model; only differences have a meaning.
    akaike_weights : dict of str to (...) array
        Probability of each model, given that one of those compared is right; 0 to 1, together 1.
    best : (...) int8 array
        Number of the model with the smallest criterion, from 0; -1 where none is compared.
    p_value : dict of str to (...) array
        p of the F test of each model that contains the mono-exponential one against that.
    r_squared : dict of str to (...) array
        Share of the (weighted) variance of the signal over the b-values that the model explains.
    status : (...) uint8 array
        :class:`SelectionStatus` flags.
    """

    models: tuple[str, ...]
    aicc: dict[str, FloatMap]
    akaike_weights: dict[str, FloatMap]
    best: NDArray[np.int8]
    p_value: dict[str, FloatMap]
    r_squared: dict[str, FloatMap]
    status: NDArray[np.uint8]

    def chosen(self, model: str) -> NDArray[np.bool_]:
        """Return where a model is the best, (...).

        Raises
        ------
        ValueError
            When the model was not among those compared.
        """
        return np.asarray(self.best == self.models.index(check_choice("model", model, self.models)))


def information_criterion(sum_of_squares: ArrayLike, n: int, n_parameters: int) -> Array:
    """Return the corrected Akaike information criterion of a least-squares fit, less what all models share.

    ``AICc = n ln(SS / n) + 2 k + 2 k (k + 1) / (n - k - 1)`` with ``k = n_parameters + 1``: the standard deviation of
    the noise is estimated too.

    Parameters
    ----------
    sum_of_squares : (...) array_like
        (Weighted) residual sum of squares; the weights must be the same for all models that are compared.
    n : int
        Number of measurements.
    n_parameters : int
        Number of parameters of the signal model, S0 included, the noise not.

    Returns
    -------
    (...) array
        NaN where ``n - k - 1 <= 0`` or the sum of squares is NaN; minus infinity where it is 0.

    Raises
    ------
    TypeError, ValueError
        When a sum of squares is negative or a number is not positive.

    References
    ----------
    Hurvich and Tsai, Biometrika 1989;76:297; Burnham and Anderson, Model Selection and Multimodel Inference, 2002,
    section 2.4.
    """
    ss = _check_squares("sum_of_squares", sum_of_squares)
    _check_counts(n=n, n_parameters=n_parameters)
    k = n_parameters + 1
    if n - k - 1 <= 0:
        return np.full(ss.shape, np.nan)
    with np.errstate(divide="ignore"):
        return np.asarray(n * np.log(ss / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def f_test(
    ss_simple: ArrayLike, p_simple: int, ss_full: ArrayLike, p_full: int, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the extra-sum-of-squares F test of a model against a simpler one that it contains.

    ``F = [(SS_simple - SS_full) / (p_full - p_simple)] / [SS_full / (n - p_full)]``. Under the simple model p is
    uniform where the full model is smooth there, as kurtosis is at MK = 0. Where the simple model lies on a bound of
    the full one (alpha = 1, f = 0), a third to a half of all p are 1 and small ones are rarer than they say: the test
    errs on the side of the simple model, at 5 % about 2.5 % for stretched and 1.5 % for IVIM.

    Parameters
    ----------
    ss_simple, ss_full : (...) array_like
        (Weighted) residual sums of squares.
    p_simple, p_full : int
        Numbers of parameters of the signal models.
    n : int
        Number of measurements.

    Returns
    -------
    F, p : (...) array
        NaN where ``n <= p_full``, a sum is NaN or both are 0. F is 0 and p is 1 where the full model is no better.

    Raises
    ------
    TypeError, ValueError
        When a sum of squares is negative, a number is not positive, or the full model has no more parameters.

    References
    ----------
    Seber and Wild, Nonlinear Regression, 1989, section 5.3.
    """
    simple, full = _check_squares("ss_simple", ss_simple), _check_squares("ss_full", ss_full)
    _check_counts(p_simple=p_simple, p_full=p_full, n=n)
    if p_full <= p_simple:
        raise ValueError(f"p_full: expected more parameters than p_simple = {p_simple}, got {p_full}")
    from scipy.stats import f as distribution

    if n <= p_full:
        nothing = np.full(np.broadcast_shapes(simple.shape, full.shape), np.nan)
        return nothing, nothing.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(np.maximum(simple - full, 0) / (p_full - p_simple) / (full / (n - p_full)))
    return ratio, np.asarray(distribution.sf(ratio, p_full - p_simple, n - p_full))


def select_model(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    models: Sequence[str] = ("adc", "ivim", "stretched", "kurtosis"),
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    fits: Mapping[str, DiffusionMaps] | None = None,
    progress: Progress | None = None,
) -> ModelSelection:
    """Compare models in every voxel: which the signal supports, how clearly, and how well each fits.

    All models must have been fitted to the same measurements with the same weights. The criterion says which model
    predicts best, not which is true: at low signal-to-noise ratio it rightly prefers the simplest.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis.
    bvalues : (B,) array_like [s/mm2]
        b-values.
    models : sequence of str
        Keys of at least two models in ``MODELS``.
    weights : (B,) array_like, optional
        Weights of the squared residuals (number of averages), the same as those of ``fits``.
    mask : (...) array_like, optional
        Voxels to fit.
    fits : mapping of str to DiffusionMaps, optional
        Fits that are there already, of this signal with these b-values and weights; the other models are fitted with
        default bounds, IVIM by least squares.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels, counted for each model that is fitted; False cancels.

    Returns
    -------
    ModelSelection
        In the floating point type of the fits.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Burnham and Anderson, Model Selection and Multimodel Inference, 2002, chapter 2.
    """
    array = check_real_array("signal", signal)
    b = check_bvalues(bvalues, array.shape[-1] if array.ndim else 0)
    w = check_averages("weights", weights, b.size)
    order = tuple(check_choice("models", model, MODELS) for model in models)
    if len(set(order)) < max(2, len(order)):
        raise ValueError(f"models: expected at least two different ones, got {', '.join(order) or 'none'}")
    given = dict(fits or {})
    for model, maps in given.items():
        check_choice("fits", model, order)
        if np.shape(maps.rmse) != array.shape[:-1]:
            raise ValueError(
                f"fits: expected maps of shape {array.shape[:-1]} as the signal has, "
                f"got {np.shape(maps.rmse)} for {model!r}"
            )
    for model in order:
        if model not in given:
            given[model] = _FITS[model](array, b, weights=weights, mask=mask, progress=progress)
    return _compare(order, {model: given[model] for model in order}, array, w)


def _compare(order: tuple[str, ...], fits: dict[str, DiffusionMaps], signal: NDArray[Any], w: Array) -> ModelSelection:
    """Return the comparison of fitted models, made in chunks of voxels."""
    shape, n = signal.shape[:-1], signal.shape[-1]
    size = int(np.prod(shape))
    kind = np.result_type(*(maps.rmse.dtype for maps in fits.values()))
    others = [model for model in order if model != SIMPLE] if SIMPLE in order else []

    def empty(keys: Sequence[str]) -> dict[str, FloatMap]:
        return {key: np.full(size, np.nan, dtype=kind) for key in keys}

    aicc, chance, p_value, r_squared = empty(order), empty(order), empty(others), empty(order)
    best, status = np.full(size, -1, dtype=np.int8), np.zeros(size, dtype=np.uint8)
    rows = signal.reshape(size, n)
    for begin in range(0, size, _CHUNK):
        part = slice(begin, begin + _CHUNK)
        status[part] = _status([maps.status.reshape(-1)[part] for maps in fits.values()], order, n)
        total, floor = _spread(rows[part], w)
        squares = {}
        for model, maps in fits.items():
            rmse = maps.rmse.reshape(-1)[part].astype(np.float64)
            missing = (status[part] & int(SelectionStatus.NOT_FITTED)) != 0
            squares[model] = np.where(missing, np.nan, np.maximum(rmse**2 * w.sum(), floor))
            with np.errstate(divide="ignore", invalid="ignore"):
                r_squared[model][part] = 1 - squares[model] / total
        values = np.stack([information_criterion(squares[model], n, _count(model)) for model in order])
        best[part], shares = _weigh(values)
        for number, model in enumerate(order):
            aicc[model][part], chance[model][part] = values[number], shares[number]
        for model in others:
            p_value[model][part] = f_test(squares[SIMPLE], _count(SIMPLE), squares[model], _count(model), n)[1]

    def shaped(maps: dict[str, FloatMap]) -> dict[str, FloatMap]:
        return {key: values.reshape(shape) for key, values in maps.items()}

    return ModelSelection(
        order,
        shaped(aicc),
        shaped(chance),
        best.reshape(shape),
        shaped(p_value),
        shaped(r_squared),
        status.reshape(shape),
    )


def _count(model: str) -> int:
    return len(MODELS[model].parameters)


def _status(statuses: list[NDArray[np.uint32]], order: tuple[str, ...], n: int) -> NDArray[np.uint8]:
    """Return the flags of the comparison from those of the fits."""
    flags = np.zeros(statuses[0].shape, dtype=np.uint8)
    for status in statuses:
        flags[(status & int(NOT_FITTED)) != 0] |= np.uint8(SelectionStatus.NOT_FITTED)
        flags[(status & int(Status.NOT_CONVERGED)) != 0] |= np.uint8(SelectionStatus.NOT_CONVERGED)
    if any(n - _count(model) - 2 <= 0 for model in order):
        flags |= np.uint8(SelectionStatus.TOO_FEW)
    return flags


def _spread(rows: NDArray[Any], w: Array) -> tuple[Array, Array]:
    """Return the (weighted) sum of squares (N,) about the mean signal, and the sum that rounding alone may leave."""
    y = rows.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = (y @ w / w.sum())[:, None]
        total = (y - mean) ** 2 @ w
        floor = w.sum() * (_ROUNDING * abs(y).max(axis=1)) ** 2
    return total, floor


def _weigh(values: Array) -> tuple[NDArray[np.int8], Array]:
    """Return the number of the smallest criterion (N,) and the Akaike weights (M, N) of criteria (M, N)."""
    filled = np.where(np.isnan(values), np.inf, values)
    least = filled.min(axis=0)
    best = np.where(np.isfinite(least), filled.argmin(axis=0), -1).astype(np.int8)
    with np.errstate(invalid="ignore", under="ignore"):
        likelihood = np.exp(-(values - least) / 2)
    total = np.nansum(likelihood, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return best, likelihood / total


def _check_squares(name: str, value: ArrayLike) -> Array:
    squares = check_real_array(name, value).astype(np.float64)
    if np.any(squares < 0):
        raise ValueError(f"{name}: expected values of 0 or more, got {np.nanmin(squares):g}")
    return squares


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1 or count != int(count):
            raise ValueError(f"{name}: expected a whole number above 0, got {count}")
