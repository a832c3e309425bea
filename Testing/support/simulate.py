"""Simulated diffusion signals with a forward model of their own, and a slow peer to compare with."""

import numpy as np
from scipy.optimize import least_squares

# Study b_all.
B_ALL = np.array([0, 10, 25, 50, 100, 200, 400, 600, 800, 1000, 1200], dtype=float)
# Study spinal_lesion, with its averages.
B_LESION = np.array([0, 20, 50, 100, 150, 200, 400, 800, 1200, 1500], dtype=float)
NEX_LESION = np.array([2, 2, 2, 1, 1, 1, 2, 4, 6, 8], dtype=float)

LOWER = np.array([0.0, 0.0, 0.0, 5e-3])
UPPER = np.array([np.inf, 1.0, 5e-3, 0.2])


def ivim_signal(b, s0, f, slow, fast):
    """Sum of two decays, written measurement by measurement."""
    return np.stack([s0 * (f * np.exp(-fast * x) + (1 - f) * np.exp(-slow * x)) for x in b], axis=-1)


def ivim_population(n, seed, b=B_ALL, snr=None):
    """Uniform f 0.1-0.6, D 0.2-1.2e-3, D* 10-120e-3 mm2/s, S0 = 1; Rician noise where an SNR is given."""
    rng = np.random.default_rng(seed)
    truth = {
        "f": rng.uniform(0.1, 0.6, n),
        "D": rng.uniform(0.2e-3, 1.2e-3, n),
        "Dstar": rng.uniform(10e-3, 120e-3, n),
    }
    signal = ivim_signal(b, 1.0, truth["f"], truth["D"], truth["Dstar"])
    if snr is not None:
        noise = rng.normal(0, 1 / snr, (2, *signal.shape))
        signal = np.hypot(signal + noise[0], noise[1])
    return signal, truth


def with_rician_noise(signal, snr, seed):
    """Magnitude of the signal with noise of 1 / SNR in both parts."""
    noise = np.random.default_rng(seed).normal(0, 1 / snr, (2, *signal.shape))
    return np.hypot(signal + noise[0], noise[1])


def marrow_population(n, seed, b=B_ALL, snr=None, *, f=0.15, D=0.45e-3, Dstar=30e-3, spread=(0.4, 0.30, 0.35)):
    """Logit-normal f, log-normal D and D* (coefficients of variation after the spread of logit f), S0 = 1, Rician."""
    draws = np.random.default_rng(seed).normal(size=(3, n))
    wide = [np.sqrt(np.log1p(variation**2)) for variation in spread[1:]]
    truth = {
        "f": 1 / (1 + (1 - f) / f * np.exp(-spread[0] * draws[0])),
        "D": D * np.exp(wide[0] * draws[1]),
        "Dstar": Dstar * np.exp(wide[1] * draws[2]),
    }
    signal = ivim_signal(b, 1.0, truth["f"], truth["D"], truth["Dstar"])
    return (signal if snr is None else with_rician_noise(signal, snr, seed + 1)), truth


def best_of_five(signal, b=B_ALL, weights=None, lower=LOWER, upper=UPPER):
    """Smallest sum of squares of one voxel over five starts of scipy's trust region fit, with its parameters."""
    root = np.ones_like(b) if weights is None else np.sqrt(weights)

    def residual(p):
        return root * (p[0] * ((1 - p[1]) * np.exp(-b * p[2]) + p[1] * np.exp(-b * p[3])) - signal)

    def jacobian(p):
        slow, fast = np.exp(-b * p[2]), np.exp(-b * p[3])
        columns = ((1 - p[1]) * slow + p[1] * fast, p[0] * (fast - slow), -p[0] * (1 - p[1]) * b * slow)
        return root[:, None] * np.stack([*columns, -p[0] * p[1] * b * fast], axis=1)

    starts = (
        (0.3, 0.7e-3, 50e-3),
        (0.1, 0.4e-3, 15e-3),
        (0.5, 0.5e-3, 100e-3),
        (0.2, 1.5e-3, 150e-3),
        (0.6, 0.2e-3, 8e-3),
    )
    best, parameters = np.inf, None
    for start in starts:
        fit = least_squares(
            residual,
            np.clip([signal.max(), *start], lower + 1e-9, upper - 1e-9),
            jac=jacobian,
            bounds=(lower, upper),
            x_scale=[1, 0.3, 1e-3, 3e-2],
            ftol=1e-13,
            xtol=1e-13,
            gtol=1e-13,
            max_nfev=500,
        )
        if 2 * fit.cost < best:
            best, parameters = 2 * fit.cost, fit.x
    return best, parameters
