"""Water and fat from magnitudes alone: voxels on the wrong solution, bias and spread, cost.

Run with ``python3 dev.py bench fatwater_magnitude`` (one BLAS thread). Magnitudes of the simulated lumbar spine
(12 x 128 x 128 voxels, six echoes 1.24 + 0.98 n ms) and its vertebral bodies. A voxel is on the wrong solution where it
is off by more than 15 points of PDFF and on the other side of the turning point.
"""

import time
import tracemalloc

import numpy as np
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import fat_modulation, fat_water_cramer_rao
from mrbiomarkers.fatwater.magnitude_run import MagnitudeRun
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.maps import Status
from mrbiomarkers.phantom import lumbar_fat_water
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

SHAPE = (12, 128, 128)
SPACING = (4.5, 250 / 128, 250 / 128)  # [mm]


def fit(signal, tesla, *, times=SIX_ECHOES, mask=None, spacing=None, regions=None, errors=False):
    """Return the maps and the record."""
    record = {}
    run = MagnitudeRun(
        EchoVolume(signal, mask, spacing, None), times, fat_modulation(times, tesla, "ren-marrow"), tesla
    )
    return run.run(errors, record, [], regions), record


def choices(phantom, tesla):
    """Yield the name of each way to choose, PDFF, R2* and whether ambiguous (K, J, I), and the turning point."""
    signal, body = phantom.series.signal, phantom.body
    for name in ("each voxel for itself", "neighbours", "region rule"):
        if name == "each voxel for itself":
            maps, record = fit(signal.reshape(-1, SIX_ECHOES.size), tesla, mask=body.ravel())
        else:
            regions = phantom.regions if name == "region rule" else None
            maps, record = fit(signal, tesla, mask=body, spacing=SPACING, regions=regions)
        doubt = (maps.status & np.uint16(Status.AMBIGUOUS)) != 0
        shaped = (part.reshape(body.shape) for part in (maps.PDFF, maps.R2star, doubt))
        yield name, *shaped, record["turning_point_percent"]


def wrong_solutions(seeds=range(4)):
    print("Voxels on the wrong solution, flagged as ambiguous, wrong but not flagged; vertebral bodies | unmixed body")
    for tesla in (3.0, 1.5):
        for snr in (24, 40):
            counts = {}
            for seed in seeds:
                phantom = lumbar_fat_water(shape=SHAPE, field_strength=tesla, snr=snr, kind="magnitude", seed=seed)
                truth = phantom.truth["PDFF"]
                marrow = np.any(list(phantom.regions.values()), axis=0)
                for name, pdff, _, doubt, turn in choices(phantom, tesla):
                    wrong = (np.abs(pdff - truth) > 15) & ((pdff > turn) != (truth > turn))
                    for where in (marrow, phantom.body & np.isfinite(truth)):
                        found = [flags[where].sum() for flags in (wrong, doubt, wrong & ~doubt, where)]
                        counts.setdefault(name, []).append(found)
            for name, found in counts.items():
                parts = []
                for part in (found[::2], found[1::2]):
                    wrong, doubt, missed, voxels = np.sum(part, axis=0)
                    shares = [100 * count / voxels for count in (wrong, doubt, missed)]
                    parts.append("{:6.3f} %, {:5.1f} %, {:.3f} % of {:,}".format(*shares, voxels))
                print(f"{tesla:g} T, SNR {snr}, {name:<22}: " + " | ".join(parts))


def vertebrae():
    print("\nVertebral bodies by the region rule: mean less truth, SD of the difference")
    for tesla in (3.0, 1.5):
        for snr in (24, 40):
            phantom = lumbar_fat_water(shape=SHAPE, field_strength=tesla, snr=snr, kind="magnitude")
            *_, (_, pdff, rate, _, _) = choices(phantom, tesla)
            cells = []
            for name, where in phantom.regions.items():
                p, r = (pdff - phantom.truth["PDFF"])[where], (rate - phantom.truth["R2star"])[where]
                true = phantom.region_truth[name]
                cells.append(
                    f"{name} ({true['PDFF']:.0f} %, {true['R2star']:.0f}/s) {p.mean():+.2f}, {p.std():.1f} % and "
                    f"{r.mean():+.1f}, {r.std():.0f}/s"
                )
            print(f"{tesla:g} T, SNR {snr}: " + "; ".join(cells))


def precision(n=20_000):
    print("\nBias, SD and stated standard error over the Cramer-Rao bound, 3 T, right solution (region rule)")
    for snr in (24, 40):
        for rate in (50.0, 200.0):
            for pdff in (1.0, 20.0, 40.0, 80.0):
                truth = {"water": 1 - pdff / 100, "fat": pdff / 100, "R2star": rate}
                bound = fat_water_cramer_rao(
                    SIX_ECHOES,
                    fat_modulation(SIX_ECHOES, 3.0, "ren-marrow"),
                    **truth,
                    sigma=1 / snr,
                    kind="magnitude",
                )
                signal = np.abs(
                    with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full(n, pdff), rate, 0.0), 1 / snr, 1)
                )
                maps, _ = fit(signal, 3.0, regions={"all": np.ones(n)}, errors=True)
                cells = [
                    f"{values.mean() - true:+7.2f} {values.std() / bound[name]:6.3f} {np.median(sd) / bound[name]:6.3f}"
                    for name, true, values, sd in (
                        ("PDFF", pdff, maps.PDFF, maps.sd_PDFF),
                        ("R2star", rate, maps.R2star, maps.sd_R2star),
                    )
                ]
                print(f"SNR {snr}, {pdff:>3.0f} %, {rate:>3.0f}/s: PDFF {cells[0]} | R2* {cells[1]}")


def cost():
    print("\nCost and memory above the signal, float32, neighbours (published: MAGO-SP 1.0-6.6 ms a voxel)")
    for shape in ((4, 160, 160), (24, 210, 210), (64, 250, 250)):
        j, i = np.indices(shape[1:])
        pdff = np.choose((i // 16 + j // 16) % 3, [3.0, 40.0, 90.0])
        signal = np.empty((*shape, 6), np.float32)
        for k in range(shape[0]):
            signal[k] = np.abs(with_complex_noise(echo_signal(SIX_ECHOES, 3.0, pdff, 80.0, 0.0), 1 / 40, k))
        begin = time.process_time()
        fit(signal, 3.0, spacing=SPACING)
        seconds = time.process_time() - begin
        tracemalloc.start()
        fit(signal, 3.0, spacing=SPACING)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        voxels = signal[..., 0].size
        print(
            f"{voxels / 1e6:>6.2f} million voxels: {seconds:6.2f} CPU-s, {1e6 * seconds / voxels:.2f} us a voxel, "
            f"{peak / signal.nbytes:.1f} times the signal"
        )


def peer(n=200):
    """Fit some voxels with scipy from a start rich in water and one rich in fat, as MAGO-SP does."""
    of_fat = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    signal = np.abs(with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.linspace(5, 95, n), 80.0, 0.0), 1 / 40, 9))

    def residual(p, data):
        return np.abs(p[0] + p[1] * of_fat) * np.exp(-100 * p[2] * SIX_ECHOES) - data

    box = ([0, 0, 0], [3, 3, 6])
    begin = time.process_time()
    for data in signal:
        for start in ((0.9, 0.1, 0.5), (0.1, 0.9, 0.5)):
            least_squares(residual, start, args=(data,), bounds=box)
    seconds = time.process_time() - begin
    print(f"scipy.optimize.least_squares, two starts a voxel: {1e6 * seconds / n:,.0f} us a voxel")


def main():
    wrong_solutions()
    vertebrae()
    precision()
    cost()
    peer()


if __name__ == "__main__":
    main()
