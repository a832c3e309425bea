"""Standard errors of fitted parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


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
