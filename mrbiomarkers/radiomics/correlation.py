"""The maximal correlation coefficient of co-occurrence matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from mrbiomarkers.radiomics.tally import Counts

Numbers = NDArray[np.float64]

# Up to here all eigenvalues of all directions together are quicker than the largest alone, and linear algebra libraries
# start no threads.
_MOST_DENSE = 64


def maximal_correlation(counts: Counts, share: Numbers, rows: Numbers, columns: Numbers) -> Numbers:
    """Return the maximal correlation coefficient of each matrix.

    It is the second largest singular value of the matrix over the roots of its marginal distributions, of which the
    largest is 1. A symmetrical matrix has the same eigenvalues, up to the sign.

    Parameters
    ----------
    counts : Counts
        M entries of A matrices.
    share : (M,) array
        The entries over the sum of their matrix.
    rows, columns : (A, n) array
        Sums of the shares over columns and over rows.

    References
    ----------
    Haralick et al., IEEE Trans Syst Man Cybern 1973;3:610, feature 14.
    """
    n = rows.shape[1] if rows.ndim == 2 else 0
    if n < 2 or counts.groups == 0:
        return np.ones(counts.groups)
    scale = rows[counts.group, counts.row] * columns[counts.group, counts.column]
    scaled = share / np.sqrt(scale)
    if n <= _MOST_DENSE:
        return _from_all_eigenvalues(counts, scaled, n)
    found = []
    for group in range(counts.groups):
        part = slice(*np.searchsorted(counts.group, [group, group + 1]))
        matrix = csr_array((scaled[part], (counts.row[part], counts.column[part])), shape=(n, n))
        found.append(_second_singular_value(matrix, np.sqrt(rows[group])))
    return np.array(found)


def _from_all_eigenvalues(counts: Counts, scaled: Numbers, n: int) -> Numbers:
    dense = np.zeros((counts.groups, n, n))
    dense[counts.group, counts.row, counts.column] = scaled
    if np.array_equal(dense, dense.transpose(0, 2, 1)):
        values = np.abs(np.linalg.eigvalsh(dense))
    else:
        values = np.linalg.svd(dense, compute_uv=False)
    return np.sort(values, axis=1)[:, -2]


def _second_singular_value(matrix: csr_array, first: Numbers) -> float:
    """Return the largest singular value beside the vector ``first``, whose singular value is 1."""
    turned = matrix.T.tocsr()

    def product(vector: Numbers) -> Numbers:
        vector = vector.ravel()
        return matrix @ (turned @ vector) - first * (first @ vector)

    n = matrix.shape[0]
    operator = LinearOperator((n, n), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(n)
    try:
        value = eigsh(operator, k=1, which="LA", v0=start, tol=1e-10, return_eigenvectors=False)[0]
    except ArpackError:
        value = np.linalg.svd(matrix.toarray(), compute_uv=False)[1] ** 2
    return float(np.sqrt(np.clip(value, 0.0, 1.0)))
