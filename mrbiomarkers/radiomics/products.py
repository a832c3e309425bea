"""Products of matrices and images in pieces so small that the linear algebra library starts no threads for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# OpenBLAS stays on one thread up to 2^18 multiplications. Threads would cost more than they bring here, and sums in
# another order would give other last digits on another number of cores.
_MOST_MULTIPLICATIONS = 1 << 18


def along_first(matrix: Numbers, data: Numbers) -> Numbers:
    """Multiply a matrix with an image along its first axis.

    Parameters
    ----------
    matrix : (m, n) array
    data : (n, ...) array

    Returns
    -------
    (m, ...) array
    """
    m, n = matrix.shape
    columns = np.ascontiguousarray(data).reshape(n, -1)
    total = columns.shape[1]
    width = min(max(8, _MOST_MULTIPLICATIONS // (m * n)), total)
    pieces = total // width
    whole = pieces * width
    result = np.empty((m, total))
    stack = columns[:, :whole].reshape(n, pieces, width).transpose(1, 0, 2)
    result[:, :whole] = np.matmul(matrix, stack).transpose(1, 0, 2).reshape(m, whole)
    if whole < total:
        result[:, whole:] = matrix @ columns[:, whole:]
    return result.reshape(m, *data.shape[1:])
