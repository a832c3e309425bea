"""Maps as scanners store them."""

import numpy as np


def body(full=100.0, dtype=np.float32):
    """A fat fraction map of a body: air of 0, lean tissue, marrow and subcutaneous fat; in ``full`` for 100 %."""
    rng = np.random.default_rng(1)
    percent = np.zeros(6000)
    percent[1000:4000] = rng.uniform(0.5, 12, 3000)
    percent[4000:5000] = rng.normal(40, 6, 1000)
    percent[5000:] = rng.normal(94, 2, 1000)
    values = percent.reshape(20, 20, 15) * full / 100
    return (np.round(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)
