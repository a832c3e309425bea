"""Every diffusion fit beside its peers: speed, accuracy, and what shrinkage gains and costs.

Run with ``python3 dev.py bench diffusion_models``. Speeds are voxels per CPU-second of one process.
Peers: scipy's ``curve_fit`` one voxel at a time, and DIPY's ``IvimModel`` where it is installed (by pip, into .venv).
"""

import time

import numpy as np
from scipy.optimize import curve_fit

from mrbiomarkers.diffusion import (
    fit_adc,
    fit_ivim,
    fit_ivim_with_fat,
    fit_kurtosis,
    fit_stretched,
    kurtosis,
    monoexponential,
    stretched_exponential,
)
from mrbiomarkers.settings import MODEL_BOUNDS
from Testing.support.simulate import (
    B_ALL,
    LOWER,
    UPPER,
    ivim_population,
    ivim_signal,
    marrow_population,
    with_rician_noise,
)

N = 300_000
N_PEER = 300


def cpu_seconds(function, repeats=1):
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        seconds.append(time.process_time() - begin)
    return min(seconds)


def ivim_function(b, s0, f, slow, fast):
    return s0 * ((1 - f) * np.exp(-b * slow) + f * np.exp(-b * fast))


def peer_scipy(model, signal, start, lower, upper):
    """One fit a voxel as a user would write it: derivatives by differences, parameters scaled."""
    found = np.full((len(signal), len(start)), np.nan)
    for row, y in enumerate(signal):
        found[row], _ = curve_fit(model, B_ALL, y, p0=start, bounds=(lower, upper), x_scale=start)
    return found


def peer_dipy(signal):
    """DIPY's two-stage trust region fit with our bounds; None where DIPY is not installed."""
    try:
        from dipy.core.gradients import gradient_table
        from dipy.reconst.ivim import IvimModel
    except ImportError:
        return None
    directions = np.zeros((B_ALL.size, 3))
    directions[B_ALL > 0, 0] = 1
    table = gradient_table(B_ALL, bvecs=directions, b0_threshold=0)
    bounds = ([0, 0, LOWER[3], LOWER[2]], [np.inf, 1, UPPER[3], UPPER[2]])
    model = IvimModel(table, fit_method="trr", bounds=bounds)
    return lambda: model.fit(signal)


def speed():
    rng = np.random.default_rng(0)
    ivim, _ = ivim_population(N, seed=30, snr=30)
    pairs = {
        "stretched": (rng.uniform(0.3e-3, 2e-3, N), rng.uniform(0.5, 0.95, N)),
        "kurtosis": (rng.uniform(0.3e-3, 1.5e-3, N), rng.uniform(0.3, 1.5, N)),
    }
    adc = with_rician_noise(monoexponential(B_ALL, 1.0, rng.uniform(0.3e-3, 2e-3, N)), 30, 5)
    stretched = with_rician_noise(stretched_exponential(B_ALL, 1.0, *pairs["stretched"]), 30, 5)
    bent = with_rician_noise(kurtosis(B_ALL, 1.0, *pairs["kurtosis"]), 30, 5)
    rows = [
        ("IVIM, nlls", lambda s: fit_ivim(s, B_ALL), ivim, ivim_function, [1, 0.3, 0.7e-3, 40e-3], "ivim"),
        ("ADC", lambda s: fit_adc(s, B_ALL), adc, monoexponential, [1, 1e-3], "adc"),
        ("stretched", lambda s: fit_stretched(s, B_ALL), stretched, stretched_exponential, [1, 1e-3, 0.8], "stretched"),
        ("kurtosis", lambda s: fit_kurtosis(s, B_ALL), bent, kurtosis, [1, 1e-3, 0.8], "kurtosis"),
    ]
    print(f"Speed at SNR 30, {N:,} voxels (scipy: {N_PEER}), voxels per CPU-second")
    print(f"{'':<16}{'ours':>12}{'scipy':>10}{'ratio':>8}")
    for name, fit, signal, model, start, key in rows:
        bounds = np.array([(0, np.inf), *MODEL_BOUNDS[key].values()]).T
        fit(signal[:2000])
        ours = N / cpu_seconds(lambda fit=fit, signal=signal: fit(signal), repeats=3)
        peer = N_PEER / cpu_seconds(lambda a=(model, signal[:N_PEER], start, *bounds): peer_scipy(*a))
        print(f"{name:<16}{ours:>12,.0f}{peer:>10,.0f}{ours / peer:>7,.0f}x")
    for method in ("segmented", "shrinkage"):
        n = N if method == "segmented" else N // 6
        ours = n / cpu_seconds(lambda method=method, n=n: fit_ivim(ivim[:n], B_ALL, method=method), repeats=2)
        print(f"{'IVIM, ' + method:<16}{ours:>12,.0f}")
    dipy = peer_dipy(ivim[:100])
    if dipy is None:
        print("DIPY is not installed here: no figure")
    else:
        print(f"{'DIPY IVIM trr':<16}{100 / cpu_seconds(dipy):>12,.0f}")


def accuracy():
    """RMSE of the one-decay models against scipy's least squares on the same noisy voxels."""
    rng = np.random.default_rng(1)
    n = 1000
    cases = {
        "adc": (fit_adc, monoexponential, [rng.uniform(0.3e-3, 2e-3, n)], [1, 1e-3]),
        "stretched": (
            fit_stretched,
            stretched_exponential,
            [rng.uniform(0.3e-3, 2e-3, n), rng.uniform(0.5, 0.95, n)],
            [1, 1e-3, 0.8],
        ),
        "kurtosis": (
            fit_kurtosis,
            kurtosis,
            [rng.uniform(0.3e-3, 1.5e-3, n), rng.uniform(0.3, 1.5, n)],
            [1, 1e-3, 0.8],
        ),
    }
    print(f"\nRMSE divided by that of scipy least squares, {n:,} voxels, same bounds")
    for key, (fit, model, truth, start) in cases.items():
        bounds = np.array([(0, np.inf), *MODEL_BOUNDS[key].values()]).T
        cells = []
        for snr in (20, 50):
            signal = with_rician_noise(model(B_ALL, 1.0, *truth), snr, snr)
            maps = fit(signal, B_ALL)
            peer = peer_scipy(model, signal, start, *bounds)
            for column, (name, values) in enumerate(zip(MODEL_BOUNDS[key], truth, strict=True), start=1):
                ours = np.sqrt(np.mean((getattr(maps, name) - values) ** 2))
                theirs = np.sqrt(np.mean((peer[:, column] - values) ** 2))
                cells.append(f"{name} {ours / theirs:.3f} (SNR {snr})")
        print(f"{key:<12}{', '.join(cells)}")


def shrinkage():
    print("\nShrinkage in simulated marrow (8,000 voxels): RMSE against nlls, and coverage of value +- 1.96 sd")
    for snr in (20, 50, 100):
        signal, truth = marrow_population(8000, snr, snr=snr)
        free = fit_ivim(signal, B_ALL)
        shrunk = fit_ivim(signal, B_ALL, method="shrinkage", errors=True)
        cells = []
        for key, values in truth.items():
            rmse = [np.sqrt(np.mean((getattr(maps, key) - values) ** 2)) for maps in (free, shrunk)]
            inside = np.abs(getattr(shrunk, key) - values) <= 1.96 * getattr(shrunk, f"sd_{key}")
            cells.append(f"{key} {rmse[1] / rmse[0] - 1:+.0%} (coverage {inside.mean():.1%})")
        print(f"SNR {snr:<5}{', '.join(cells)}")


def wrong_population():
    print("\nShrinkage where the population is wrong: bias of D [10^-3 mm2/s], nlls / shrinkage, SNR 20")
    n = 4000
    marrow, tumour = marrow_population(n, 7, snr=20), marrow_population(n, 8, snr=20, f=0.10, D=0.80e-3)
    signal, d = np.concatenate([marrow[0], tumour[0]]), np.concatenate([marrow[1]["D"], tumour[1]["D"]])
    half = {"marrow half": slice(0, n), "infiltrated half": slice(n, None)}
    say_bias(fit_ivim(signal, B_ALL), fit_ivim(signal, B_ALL, method="shrinkage"), d, half)
    tenth = n // 10
    labels = np.repeat([1, 2], [n, tenth])
    signal, d = signal[: n + tenth], d[: n + tenth]
    own = fit_ivim(signal, B_ALL, method="shrinkage", regions={"marrow": labels == 1, "lesion": labels == 2})
    say_bias(fit_ivim(signal, B_ALL), own, d, {"lesion, own region": labels == 2})


def say_bias(free, shrunk, truth, parts):
    for name, part in parts.items():
        bias = [1e3 * np.mean(maps.D[part] - truth[part]) for maps in (free, shrunk)]
        print(f"{name:<20}{bias[0]:+.3f} / {bias[1]:+.3f}")


def fat():
    print("\nResidual fat: bias of D [10^-3 mm2/s] without and with the fat-aware fit, SNR 100, 20,000 voxels")
    print("eta     uncorrected   eta exact   eta with error SD 0.02   coverage of the 95 % interval")
    rng = np.random.default_rng(3)
    n, slow = 20_000, 0.6e-3
    for eta in (0.05, 0.1, 0.2, 0.3):
        clean = (1 - eta) * ivim_signal(B_ALL, 1.0, 0.15, slow, 30e-3) + eta * np.exp(-B_ALL * 0.03e-3)
        signal = with_rician_noise(np.tile(clean, (n, 1)), 100, int(100 * eta))
        plain, exact = fit_ivim(signal, B_ALL), fit_ivim_with_fat(signal, B_ALL, eta)
        rough = fit_ivim_with_fat(signal, B_ALL, eta + rng.normal(0, 0.02, n), eta_sd=0.02, errors=True)
        bias = [1e3 * np.mean(maps.D - slow) for maps in (plain, exact, rough)]
        inside = np.mean(np.abs(rough.D - slow) <= 1.96 * rough.sd_D)
        print(f"{eta:<8}{bias[0]:+.3f}        {bias[1]:+.4f}     {bias[2]:+.4f}                  {inside:.1%}")


if __name__ == "__main__":
    speed()
    accuracy()
    shrinkage()
    wrong_population()
    fat()
