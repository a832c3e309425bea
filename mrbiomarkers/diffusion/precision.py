"""Standard errors of fitted parameters, and the Cramer-Rao bound: the smallest that any unbiased fit can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_choice, check_real_array
from mrbiomarkers.diffusion.models import MODELS

Array = NDArray[np.float64]
Parameters = Mapping[str, ArrayLike] | Sequence[ArrayLike]

_CHUNK = 65536
# Columns of unit length: a smaller singular value means that the measurements do not tell a combination of parameters.
_SINGULAR = 1e-10
_INVOLVED = 1e-7  # the least share of a parameter in such a combination for it to be unknown


def standard_errors(jacobian: Array, sum_of_squares: Array, free: NDArray[np.bool_]) -> Array:
    """Return the standard errors of a least-squares fit from its curvature.

    ``cov = s^2 (J^T J)^-1`` over the parameters that are free, with ``s^2 = sum of squares / (B - number of
    parameters)``.

    Parameters
    ----------
    jacobian : (N, B, P) array
        Derivatives of the (weighted) signal at the solution.
    sum_of_squares : (N,) array
        (Weighted) residual sum of squares.
    free : (N, P) bool array
        False for a parameter that ended on a bound or has no influence: its error is NaN, and the other parameters'
        errors are those with it held where it is.

    Returns
    -------
    (N, P) array
        Standard errors in the units of the parameters; NaN where ``B <= P`` or the matrix is singular.

    References
    ----------
    Seber and Wild, Nonlinear Regression, 1989, section 2.1.2.
    """
    n, n_measurements, n_parameters = jacobian.shape
    degrees = n_measurements - n_parameters
    errors = np.full((n, n_parameters), np.nan)
    if degrees < 1 or n == 0:
        return errors
    used = jacobian * free[:, None, :]
    scale = np.sqrt(np.einsum("nbp,nbp->np", used, used))
    scale[scale == 0] = 1.0
    used = used / scale[:, None, :]
    normal = np.einsum("nbp,nbq->npq", used, used)
    diagonal = np.arange(n_parameters)
    normal[:, diagonal, diagonal] += ~free  # a parameter held fixed drops out of the inverse
    regular = np.linalg.eigvalsh(normal)[:, 0] > 1e-13
    inverse = np.linalg.inv(normal[regular])
    variance = sum_of_squares[regular, None] / degrees * inverse[:, diagonal, diagonal] / scale[regular] ** 2
    errors[regular] = np.sqrt(variance)
    errors[~free] = np.nan
    return errors


def cramer_rao(
    model: str,
    parameters: Parameters,
    bvalues: ArrayLike,
    *,
    snr: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    averages: ArrayLike | None = None,
) -> dict[str, Array]:
    """Return the Cramer-Rao bound of every parameter: the smallest standard deviation of an unbiased estimate.

    The noise is Gaussian with the same standard deviation in every image; all parameters, S0 too, are unknown. Rician
    noise changes the bound by about 1 % at a signal-to-noise ratio of 20. Where the bound is above about a third of
    the parameter, real fits are neither unbiased nor normally distributed, and the bound only says "not measurable".

    Parameters
    ----------
    model : str
        Key of the model in ``MODELS``.
    parameters : mapping or sequence of (...) array_like
        The true parameters by name (S0 may be left out: 1), or all of them in the order of the model; kernel units
        (mm2/s), any shapes that fit together.
    bvalues : (B,) array_like [s/mm2]
        b-values, repeats allowed.
    snr : (...) array_like
        Signal-to-noise ratio ``S0 / sigma`` of one image with one average. Give this or ``sigma``.
    sigma : (...) array_like [a.u.]
        Standard deviation of the noise in one image with one average.
    averages : (B,) array_like, optional
        Number of averages of each b-value (NEX): they divide the noise variance. Default 1.

    Returns
    -------
    dict of str to (...) array
        Standard deviations in the units of the parameters. Infinite for a parameter that these measurements do not
        determine, alone or together with others; NaN where a parameter is NaN or infinite.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Kay, Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, section 3.9. Singular information:
    Stoica and Marzetta, IEEE Trans Signal Process 2001;49:87.
    """
    values = ordered_parameters(model, parameters)
    b = check_bvalues(bvalues)
    root = np.sqrt(check_averages("averages", averages, b.size))
    *values, noise = _together(model, *values, _noise(snr, sigma))
    noise = abs(values[0]) / noise if sigma is None else noise
    flat, sd = [value.ravel() for value in values], noise.ravel()
    bounds = np.full((sd.size, len(flat)), np.nan)
    for begin in range(0, sd.size, _CHUNK):
        part = slice(begin, begin + _CHUNK)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            jacobian = MODELS[model].jacobian(b, *(value[part] for value in flat))
            bounds[part] = sd[part, None] * _unit_bounds(jacobian * root[:, None])
    return {name: bounds[:, n].reshape(noise.shape) for n, name in enumerate(MODELS[model].parameters)}


def ordered_parameters(model: str, parameters: Parameters) -> list[Array]:
    """Return the parameters of a model in its order, checked; S0 is 1 where a mapping leaves it out.

    Parameters
    ----------
    model : str
        Key of the model in ``MODELS``.
    parameters : mapping or sequence of (...) array_like
        As for :func:`cramer_rao`.

    Returns
    -------
    list of (...) array
        All of one shape.

    Raises
    ------
    TypeError, ValueError
        When the model is unknown, a parameter is missing or unknown, or shapes do not fit together.
    """
    names = MODELS[check_choice("model", model, MODELS)].parameters
    if isinstance(parameters, Mapping):
        if not set(names[1:]) <= set(parameters) <= set(names):
            raise ValueError(
                f"parameters of {model}: expected {', '.join(names[1:])} and, if not 1, S0; "
                f"got {', '.join(map(str, parameters)) or 'none'}"
            )
        given = [parameters.get(name, 1.0) for name in names]
    else:
        given = list(parameters)
        if len(given) != len(names):
            raise ValueError(f"parameters of {model}: expected {', '.join(names)} in this order; got {len(given)}")
    values = (check_real_array(name, value).astype(np.float64) for name, value in zip(names, given, strict=True))
    return _together(model, *values)


def check_averages(name: str, averages: ArrayLike | None, n: int) -> Array:
    """Return (n,) numbers of averages, one each where None is given.

    Raises
    ------
    TypeError, ValueError
        When they are not n positive finite numbers; the message names the argument ``name``.
    """
    if averages is None:
        return np.ones(n)
    values = check_real_array(name, averages, ndim=1).astype(np.float64)
    if values.size != n or not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(f"{name}: expected {n} positive numbers, one for each b-value, got {values.tolist()}")
    return values


def _together(model: str, *values: Array) -> list[Array]:
    """Return the arrays in their common shape."""
    try:
        return list(np.broadcast_arrays(*values))
    except ValueError:
        shapes = ", ".join(str(value.shape) for value in values)
        raise ValueError(f"parameters and noise of {model}: expected shapes that fit together, got {shapes}") from None


def _noise(snr: ArrayLike | None, sigma: ArrayLike | None) -> Array:
    """Return whichever of ``snr`` and ``sigma`` is given, checked."""
    if (snr is None) == (sigma is None):
        raise ValueError(f"snr, sigma: expected one of the two, got {'none' if snr is None else 'both'}")
    name, given = ("snr", snr) if snr is not None else ("sigma", sigma)
    values: Array = check_real_array(name, np.asarray(given)).astype(np.float64)
    if not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(f"{name}: expected finite numbers above 0, got {np.unique(values)[:4].tolist()}")
    return values


def _unit_bounds(jacobian: Array) -> Array:
    """Return the bounds (N, P) for noise of standard deviation 1 from the derivatives (N, B, P)."""
    scale = np.sqrt(np.einsum("nbp,nbp->np", jacobian, jacobian))
    bounds = np.full(scale.shape, np.nan)
    good = np.flatnonzero(np.isfinite(scale).all(axis=1))
    length = np.where(scale[good] > 0, scale[good], 1.0)
    _, singular, vectors = np.linalg.svd(jacobian[good] / length[:, None, :])
    known = np.zeros(vectors.shape[:2])
    known[:, : singular.shape[1]] = singular  # fewer measurements than parameters: the rest is 0
    lost = known < _SINGULAR
    weight = np.where(lost, 0.0, 1 / np.where(lost, 1.0, known)) ** 2
    variance = np.einsum("nj,njp->np", weight, vectors**2)
    unknown = np.einsum("nj,njp->np", lost.astype(np.float64), vectors**2) > _INVOLVED
    bounds[good] = np.where(unknown, np.inf, np.sqrt(variance) / length)
    return bounds
