"""Water-fat fits: score on the ISMRM 2012 challenge, precision beside theory, cost.

Run with ``python3 dev.py bench fatwater_fit`` (one BLAS thread). The challenge needs the shared data beside the
repository. Score: part of the voxels in the mask with W + F of 5 or more (of 255) whose fat fraction is within
0.1 + 0.7 / (W + F) of that of the challenge winner's images, times 10,000.
"""

import time
from pathlib import Path

import matplotlib.image
import numpy as np
from scipy.io import loadmat

from mrbiomarkers.fatwater import fat_modulation, fat_water_cramer_rao, fit_fat_water
from Testing.support.echoes import SIX_ECHOES, echo_signal, smooth_field, with_complex_noise

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "fatwater" / "ismrm2012"
CASES = (13, 15, 16)
SPACING = (5.0, 1.5, 1.5)  # not in the files; what the published comparisons assume


def timed(function):
    begin = time.process_time()
    result = function()
    return result, time.process_time() - begin


def challenge_case(number):
    """Signal (K, J, I, N), mask, echo times, field strength of a case, and the winner's fat and water images."""
    file = loadmat(DATA / f"ismrm_{number}.mat", squeeze_me=False, struct_as_record=False)
    data = file["imDataParams"][0, 0]
    signal = data.images[:, :, :, 0, :].transpose(2, 1, 0, 3)
    if data.PrecessionIsClockwise.ravel()[0] <= 0:
        signal = signal.conj()
    mask = data.mask.transpose(2, 1, 0) > 0
    picture = np.round(matplotlib.image.imread(DATA / f"FattyRiot_{number}.png") * 255.0)
    half = picture.shape[0] // 2
    fat, water = (
        part.reshape(half, mask.shape[0], -1).transpose(1, 2, 0).astype(float) for part in np.split(picture, 2)
    )
    return signal, mask, data.TE.ravel().astype(float), float(data.FieldStrength.ravel()[0]), fat, water


def score(maps, mask, fat, water):
    total = fat + water
    counted = mask & (total >= 5)
    ours = maps.fat[counted] / (maps.fat + maps.water)[counted]
    limit = 0.1 + 0.7 / total[counted]
    return 1e4 * np.mean(np.abs(ours - fat[counted] / total[counted]) < limit)


def challenge():
    if not DATA.is_dir():
        print(f"ISMRM 2012 challenge: nothing done, the shared data are not at {DATA}")
        return
    print("ISMRM 2012 challenge (mri-fatwater, GPL-3: 9998, 10000, 9998; hmrGC, GPL-3: 9995, 5023, 9995)")
    for number in CASES:
        signal, mask, times, tesla, fat, water = challenge_case(number)
        call = {"spectrum": "ismrm-6", "spacing": SPACING, "mask": mask}
        maps, seconds = timed(lambda a=(signal, times, tesla), call=call: fit_fat_water(*a, **call))
        voxels = np.count_nonzero(mask)
        print(f"case {number}: score {score(maps, mask, fat, water):6.0f}   {seconds:.2f} CPU-s for {voxels:,} voxels")


def precision(n=20_000):
    print("\nSD / Cramer-Rao bound and bias, SNR 40, 3 T, 6 echoes 1.24 + 0.98 n ms and 8 echoes 1.4 + 1.1 n ms")
    print(f"{'PDFF, R2*':<14}{'SD PDFF':>10}{'bias [%]':>10}{'SD R2*':>10}{'bias [1/s]':>12}")
    for times in (SIX_ECHOES, (1.4 + 1.1 * np.arange(8)) * 1e-3):
        modulation = fat_modulation(times, 3.0, "ren-marrow")
        for rate in (50.0, 200.0):
            for pdff in (1.0, 20.0, 60.0):
                truth = {"water": 1 - pdff / 100, "fat": pdff / 100, "R2star": rate}
                bound = fat_water_cramer_rao(times, modulation, **truth, sigma=1 / 40)
                signal = with_complex_noise(
                    echo_signal(times, 3.0, np.full((100, n // 100), pdff), rate, 0.0), 1 / 40, 1
                )
                maps = fit_fat_water(signal, times, 3.0)
                print(
                    f"{pdff:>4.0f} %, {rate:>3.0f} /s"
                    f"{maps.PDFF.std() / bound['PDFF']:>11.3f}{maps.PDFF.mean() - pdff:>10.3f}"
                    f"{maps.R2star.std() / bound['R2star']:>10.3f}{maps.R2star.mean() - rate:>12.2f}"
                )


def cost():
    print(
        "\nCost by size, 3 T, 6 echoes, field to +-400 Hz, SNR 40 (published: hmrGC 80 CPU-s for 1.06 million voxels)"
    )
    for shape in ((4, 160, 160), (24, 210, 210), (64, 250, 250)):
        j, i = np.indices(shape[1:])
        pdff = np.broadcast_to(np.choose((i // 16 + j // 16) % 3, [3.0, 40.0, 90.0]), shape)
        signal = np.empty((*shape, 6), np.complex64)
        field = smooth_field(shape, 400.0)
        for k in range(shape[0]):
            signal[k] = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, pdff[k], 80.0, field[k]), 1 / 40, k)
        maps, seconds = timed(lambda signal=signal: fit_fat_water(signal, SIX_ECHOES, 3.0))
        error = maps.field_map - field
        error -= maps.record["period_Hz"] * np.round(error / maps.record["period_Hz"])
        print(
            f"{pdff.size / 1e6:>6.2f} million voxels: {seconds:6.2f} CPU-s, "
            f"{1e6 * seconds / pdff.size:.2f} us a voxel, {np.count_nonzero(np.abs(error) > 60)} swaps"
        )


def main():
    challenge()
    precision()
    cost()


if __name__ == "__main__":
    main()
