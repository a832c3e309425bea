"""Speed, optimality and memory of the diffusion fits, beside scipy in the same run.

Run with ``python3 dev.py bench diffusion_fit`` (one BLAS thread). Speeds are voxels per CPU-second of one process.
Test volume: b-values of study b_all, f 0.1-0.6, D 0.2-1.2e-3, D* 10-120e-3 mm2/s, Rician noise.
"""

import argparse
import time
import tracemalloc

import numpy as np
from scipy.optimize import curve_fit

from mrbiomarkers.diffusion import biexponential, biexponential_jacobian, fit_adc, fit_ivim, monoexponential
from Testing.support.simulate import B_ALL, LOWER, UPPER, best_of_five, ivim_population


def cpu_seconds(function):
    begin = time.process_time()
    function()
    return time.process_time() - begin


def peer_ivim(signal):
    """One scipy fit a voxel, with the exact Jacobian and the same bounds."""
    start = [1.0, 0.3, 0.7e-3, 40e-3]
    for row in signal:
        curve_fit(biexponential, B_ALL, row, p0=start, jac=biexponential_jacobian, bounds=(LOWER, UPPER), x_scale=start)


def peer_adc(signal):
    for row in signal:
        curve_fit(monoexponential, B_ALL, row, p0=[1.0, 1e-3], bounds=([0, -5e-3], [np.inf, 2e-2]), x_scale=[1, 1e-3])


def speed(n_voxels, n_peer):
    signal, _ = ivim_population(n_voxels, seed=30, snr=30)
    print(f"\nSpeed at SNR 30, {n_voxels:,} voxels (peer: {n_peer:,}), voxels per CPU-second")
    print(f"{'':<25}{'ours':>14}{'scipy curve_fit':>18}{'ratio':>10}")
    for name, fit, peer in (("fit_ivim (nlls)", fit_ivim, peer_ivim), ("fit_adc", fit_adc, peer_adc)):
        fit(signal[:1000], B_ALL)
        for kind in (np.float64, np.float32):
            data = signal.astype(kind)
            ours = n_voxels / min(cpu_seconds(lambda data=data, fit=fit: fit(data, B_ALL)) for _ in range(3))
            theirs = n_peer / cpu_seconds(lambda peer=peer: peer(signal[:n_peer]))
            label = f"{name} {np.dtype(kind).name}"
            print(f"{label:<25}{ours:>14,.0f}{theirs:>18,.0f}{ours / theirs:>9,.0f}x")


def optimality(n_voxels):
    print(f"\nSum of squares against the best of five scipy starts, {n_voxels:,} voxels, same bounds")
    print(f"{'SNR':<6}{'within 1e-6':>12}{'worst excess':>14}{'better':>10}    RMSE of f, D, D* (10^-3 mm2/s)")
    for snr in (20, 50, 100):
        signal, truth = ivim_population(n_voxels, seed=snr, snr=snr)
        maps = fit_ivim(signal, B_ALL)
        ours = ((biexponential(B_ALL, maps.S0, maps.f, maps.D, maps.Dstar) - signal) ** 2).sum(axis=1)
        best = np.array([best_of_five(row)[0] for row in signal])
        excess = ours / best - 1
        rmse = {key: np.sqrt(np.mean((getattr(maps, key) - values) ** 2)) for key, values in truth.items()}
        print(
            f"{snr:<6}{np.mean(excess <= 1e-6):>11.2%} {excess.max():>13.1e}{np.mean(excess < -1e-6):>10.2%}"
            f"    {rmse['f']:.4f}, {rmse['D'] * 1e3:.4f}, {rmse['Dstar'] * 1e3:.2f}"
        )


def noise_free(n_voxels):
    signal, truth = ivim_population(n_voxels, seed=1)
    maps = fit_ivim(signal, B_ALL)
    worst = max(np.abs(getattr(maps, key) / values - 1).max() for key, values in truth.items())
    print(f"\nNoise-free, {n_voxels:,} voxels: largest relative error of f, D, D*: {worst:.1e}")


def memory(n_voxels):
    """Peak above the float32 series and the returned maps, in units of one such series."""
    signal = np.tile(ivim_population(50_000, seed=2, snr=30)[0].astype(np.float32), (n_voxels // 50_000, 1))
    tracemalloc.start()
    maps = fit_ivim(signal, B_ALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    returned = sum(getattr(maps, key).nbytes for key in ("S0", "f", "D", "Dstar", "rmse", "status"))
    extra, unit = peak - returned, 2**20
    print(f"\nMemory, {n_voxels:,} voxels: series {signal.nbytes / unit:.0f} MiB, maps {returned / unit:.0f} MiB")
    print(f"peak above series and maps: {extra / unit:.0f} MiB = {extra / signal.nbytes:.2f} series")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the voxels")
    small = 10 if parser.parse_args().quick else 1
    speed(300_000 // small, 2000 // small)
    optimality(1000 // small)
    noise_free(20_000 // small)
    memory(2_000_000 // small)


if __name__ == "__main__":
    main()
