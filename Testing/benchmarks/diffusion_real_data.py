"""The diffusion fits on measured data: vertebral marrow, liver and kidney, prostate, spinal cord.

Run with ``python3 dev.py bench diffusion_real_data``; it needs the shared data beside the repository and writes the
figures in ``Testing/benchmarks/figures``. D, D*, ADC, DDC and MD are printed in 10^-3 mm2/s, f, alpha and MK without
unit. Sources of the data: abdomen, github.com/awetscherek/ivim_tools (BSD-2); prostate,
github.com/amitvmehndiratta/IVIM-DKI-MRMP2021-old (GPL-3); spinal cord, github.com/slevyrosetti/ivim-toolbox (MIT).
"""

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.ndimage import median_filter
from scipy.optimize import least_squares

from mrbiomarkers.diffusion import (
    MODELS,
    fit_adc,
    fit_ivim,
    fit_kurtosis,
    fit_stretched,
    select_model,
)
from mrbiomarkers.files import read_series, read_volume
from mrbiomarkers.jobs import run_diffusion
from mrbiomarkers.maps import Status
from mrbiomarkers.report.planes import outline
from mrbiomarkers.report.style import COLOURS, ON_GREY, figure_style, save_figure, typeset
from mrbiomarkers.series import DiffusionSeries, combine
from mrbiomarkers.settings import IVIM_BOUNDS, DiffusionSettings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "diffusion"
FIGURES = Path(__file__).resolve().parent / "figures"
VOLUNTEERS = (1, 2, 3)
MARROW = {1: (57, 49, 2.9), 2: (45, 51, 2.5), 3: (46, 50, 3.5)}
"""Row, column and radius (voxels) of a disc in the vertebral body, in front of the canal, by volunteer."""
ORGANS = {"liver": 2, "kidney": 3}
PROSTATE_B = np.array([0, 25, 50, 75, 100, 150, 200, 500, 800, 1000, 1250, 1500, 2000], dtype=float)
UNITS = {"S0": 1.0, "f": 1.0, "alpha": 1.0, "MK": 1.0}
"""Factor to the printed unit of what is not a diffusivity."""


def volunteer(folder, number):
    """Return the .mat file of a volunteer."""
    return loadmat(folder / "abdomen_volunteers" / f"volunteer{number}.mat")


def bipolar_series(file, *, filtered=False, time=70):
    """Return the series of the bipolar gradients at T = ``time`` ms: 12 images at b = 0, six directions at 8 b-values.

    The b = 0 images in between are labelled as flow-compensated in the file; they belong to the block they stand in.
    ``filtered`` applies the 3 x 3 median filter of the authors to each image first.
    """
    b, betta = file["b"].ravel().astype(float), file["betta"].ravel()
    chosen = np.flatnonzero((file["T"].ravel() == time) & (betta == 1))
    block = np.arange(chosen[0] - 1, chosen[-1] + 2)
    images = file["data"][block].astype(np.float64)
    if filtered:
        images = median_filter(images, size=(1, 3, 3), mode="constant")
    raw = DiffusionSeries(np.moveaxis(images, 0, -1)[None], b[block], np.eye(4))
    return combine(raw, repeats="directions")


def marrow_mask(number, shape):
    """Return the disc (1, J, I) in the vertebral body of a volunteer."""
    row, column, radius = MARROW[number]
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    return ((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)[None]


def marrow_fits(folder, number):
    """Return the decay of the marrow region of a volunteer with its mono- and bi-exponential fits."""
    series = bipolar_series(volunteer(folder, number))
    mask = marrow_mask(number, series.grid_shape)
    settings = DiffusionSettings(models=("adc", "ivim"))
    return run_diffusion(series, {"marrow": mask}, settings=settings, mask=mask).decays["marrow"]


def printed(key, value):
    """Return a value in its printed unit."""
    return np.asarray(value) * UNITS.get(key, 1e3)


def marrow_table():
    print("\nVertebral marrow, mean signal of the region, 95 % bootstrap interval")
    print("volunteer | voxels | ADC | f | D | D* | RMSE/S0 | AICc(ADC) - AICc(IVIM)")
    for number in VOLUNTEERS:
        decay = marrow_fits(DATA, number)
        adc, ivim = decay.fits["adc"], decay.fits["ivim"]
        cells = [interval_text(adc, "ADC")] + [interval_text(ivim, key) for key in ("f", "D", "Dstar")]
        rmse = ivim.rmse / ivim.values["S0"]
        print(f"{number} | {decay.n_voxels} | {' | '.join(cells)} | {rmse:.1%} | {adc.aicc - ivim.aicc:+.1f}")


def interval_text(fit, key):
    """Return a value with its interval, or that it lies on a bound."""
    value = printed(key, fit.values[key])
    if fit.on_bound[key]:
        return f"{value:.3g} (on a bound)"
    low, high = printed(key, fit.intervals[key])
    return f"{value:.3g} ({low:.3g} to {high:.3g})"


def marrow_figure():
    """Draw the slices at high b, with the marrow region outlined."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.85), layout="constrained")
        for number, axes in zip(VOLUNTEERS, panels, strict=True):
            file = volunteer(DATA, number)
            image = file["data"][file["b"].ravel() >= 300].astype(float).mean(axis=0)
            row, column, _ = MARROW[number]
            window = image[row - 20 : row + 21, column - 24 : column + 25]
            axes.imshow(image, cmap="gray", vmin=0, vmax=np.percentile(window, 88), interpolation="nearest")
            for segment in outline(marrow_mask(number, (1, *image.shape))[0]):
                axes.plot(segment[:, 0] - 0.5, segment[:, 1] - 0.5, color=ON_GREY[0], linewidth=1.4)
            axes.set(xlim=(column - 24.5, column + 24.5), ylim=(row + 20.5, row - 20.5), xticks=[], yticks=[])
            axes.set_title(f"Volunteer {number}")
        figure.suptitle(typeset("Region in the vertebral body, mean image of b = 300 to 500 s/mm2"), fontsize=10)
        save_figure(figure, FIGURES / "marrow_regions.png", dpi=130)
        plt.close(figure)


def organ_values():
    """Return, by organ and volunteer, our and the authors' D and high-b D, (N,) each [10^-3 mm2/s]."""
    found = {}
    for number in VOLUNTEERS:
        file = volunteer(DATA, number)
        theirs = loadmat(DATA / "abdomen_volunteers" / f"maps_volunteer{number}.mat")
        for filtered in (True, False):
            series = bipolar_series(file, filtered=filtered)
            options = {"weights": series.averages}
            free = fit_ivim(series.signal[0], series.bvalues, **options)
            steps = fit_ivim(series.signal[0], series.bvalues, method="segmented", threshold=200, **options)
            for organ, label in ORGANS.items():
                inside = file["rois"] == label
                key = (organ, number, filtered)
                found[key] = (
                    (free.D[inside] * 1e3, theirs["D"][inside]),
                    (steps.D[inside] * 1e3, theirs["Dhighb"][inside]),
                )
    return found


def bland_altman(pairs):
    """Return mean difference and 95 % limits of agreement of (ours, theirs)."""
    ours, theirs = (np.concatenate(values) for values in zip(*pairs, strict=True))
    difference = ours - theirs
    wide = 1.96 * difference.std(ddof=1)
    return difference.mean(), difference.mean() - wide, difference.mean() + wide, len(ours), ours, theirs


COMPARED = ("D, all parameters at once", "D of b >= 200 s/mm2")


def organ_table(values):
    print("\nLiver and kidney, D per voxel, all volunteers, ours minus the authors' maps")
    print("organ | what | images | voxels | median ours | median theirs | bias | limits of agreement | median diff.")
    for organ in ORGANS:
        for number, what in enumerate(COMPARED):
            for filtered in (True, False):
                pairs = [values[organ, v, filtered][number] for v in VOLUNTEERS]
                bias, low, high, n, ours, theirs = bland_altman(pairs)
                images = "3 x 3 median, as theirs" if filtered else "unfiltered"
                print(
                    f"{organ} | {what} | {images} | {n} | {np.median(ours):.2f} | {np.median(theirs):.2f} | "
                    f"{bias:+.2f} | {low:+.2f} to {high:+.2f} | {np.median(ours - theirs):+.3f}"
                )
    for organ, label in ORGANS.items():
        bias, low, high, n, *_ = bland_altman([same_images(DATA, v, label) for v in VOLUNTEERS])
        counts = " + ".join(str(len(values[organ, v, True][1][0])) for v in VOLUNTEERS)
        print(f"{organ} | b >= 200, T = 70 and 100 ms as theirs | {n} ({counts} voxels of the volunteers have a label)")
        print(f"  bias {bias:+.4f}, limits of agreement {low:+.4f} to {high:+.4f}")


def same_images(folder, number, label):
    """Return our and the authors' high-b D from the same images: bipolar, b >= 200 s/mm2, T = 70 and 100 ms, filtered.

    Theirs is a line with a free intercept of at most the b = 0 image; voxels where that bound holds it are left out.
    """
    file = volunteer(folder, number)
    theirs = loadmat(folder / "abdomen_volunteers" / f"maps_volunteer{number}.mat")
    inside = (file["rois"] == label) & (theirs["fhighb"] > 1e-3)
    parts = [bipolar_series(file, filtered=True, time=time) for time in (70, 100)]
    signal = np.concatenate([part.signal[0][inside][:, part.bvalues >= 200] for part in parts], axis=1)
    bvalues = np.concatenate([part.bvalues[part.bvalues >= 200] for part in parts])
    return fit_adc(signal, bvalues).ADC * 1e3, theirs["Dhighb"][inside]


def organ_figure(values):
    """Draw the Bland-Altman plots of both organs and both ways to D."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, panels = plt.subplots(2, 2, figsize=(7.6, 5.8), layout="constrained", sharey="row")
        for line, what in zip((0, 1), COMPARED, strict=True):
            for axes, organ in zip(panels[line], ORGANS, strict=True):
                for number, v in enumerate(VOLUNTEERS):
                    ours, theirs = values[organ, v, True][line]
                    mean, colour = (ours + theirs) / 2, COLOURS[number]
                    axes.scatter(
                        mean, ours - theirs, s=12, alpha=0.7, linewidths=0, color=colour, label=f"volunteer {v}"
                    )
                bias, low, high, *_ = bland_altman([values[organ, v, True][line] for v in VOLUNTEERS])
                for level, style in ((bias, "-"), (low, "--"), (high, "--")):
                    axes.axhline(level, color=COLOURS[7], linewidth=1, linestyle=style)
                axes.set_title(typeset(f"{organ.capitalize()}: {what}").replace(">=", "≥"))
                axes.set_xlabel(typeset("mean of both [10^-3 mm2/s]"))
            panels[line, 0].set_ylabel(typeset("ours − authors' [10^-3 mm2/s]"))
        panels[0, 0].legend(frameon=False, loc="best")
        save_figure(figure, FIGURES / "organs_bland_altman.png", dpi=120)
        plt.close(figure)


def bound_share(maps, key):
    """Return the share of voxels with a parameter on a bound or without influence."""
    return ((maps.status_of(key) & (Status.ON_BOUND | Status.UNDETERMINED)) != 0).mean()


def prostate_tables():
    folder = DATA / "prostate_3T"
    series = read_series(folder / "ivim13b.nii.gz", bvalues=PROSTATE_B)
    fitters = {"adc": fit_adc, "ivim": fit_ivim, "stretched": fit_stretched, "kurtosis": fit_kurtosis}
    print("\nProstate 3 T, b 0 to 2000 s/mm2: median (interquartile range) of the voxels, share on a bound")
    for region in ("tumor", "bph", "pz"):
        signal = series.signal[read_volume(folder / f"{region}_roi.nii.gz").values > 0].astype(np.float64)
        fits = {model: fitter(signal, PROSTATE_B) for model, fitter in fitters.items()}
        selection = select_model(signal, PROSTATE_B, fits=fits)
        print(f"{region}, {len(signal)} voxels; share of voxels in which AICc prefers the model, median R2:")
        for model, maps in fits.items():
            texts = []
            for key in MODELS[model].parameters[1:]:
                low, middle, high = np.nanpercentile(printed(key, getattr(maps, key)), [25, 50, 75])
                texts.append(f"{key} {middle:.2f} ({low:.2f} to {high:.2f}; {bound_share(maps, key):.0%})")
            r2 = np.nanmedian(selection.r_squared[model])
            print(f"  {model} | {' | '.join(texts)} | {selection.chosen(model).mean():.0%} | {r2:.4f}")
        beyond = ((fits["kurtosis"].status & Status.BEYOND_MODEL) != 0).mean()
        print(f"  kurtosis fitted beyond b = 3/(MD MK): {beyond:.0%} of the voxels")


def cord_maps(folder, inside):
    """Return the authors' S0, f, D and D* (N,) in the mask; D and D* in mm2/s."""
    names = ("S0", "Fivim", "D", "Dstar")
    return [read_volume(folder / f"ref_{name}_map.nii.gz").values[inside].astype(np.float64) for name in names]


def cord_table():
    folder = DATA / "cord_7T"
    series = read_series(folder / "dwi_rl.nii.gz", bval_file=folder / "bval_rl.txt")
    inside = read_volume(folder / "cord_seg_dilated.nii.gz").values > 0
    signal, b = series.signal[inside].astype(np.float64), series.bvalues
    s0, f, d, fast = cord_maps(folder, inside)
    shape = MODELS["ivim"].signal(b, np.ones_like(f), f, d, fast)
    best_s0 = (shape * signal).sum(axis=1) / (shape**2).sum(axis=1)
    published, refitted = (((signal - level[:, None] * shape) ** 2).sum(axis=1) for level in (s0, best_s0))
    lowest = IVIM_BOUNDS["Dstar"][0]
    below = fast < lowest
    print(f"\nSpinal cord 7 T, b 5 to 800 s/mm2, no b = 0: {len(signal)} voxels in the mask")
    print(
        f"authors' D* below our lower bound of 5: {below.mean():.1%}; below their own D: {(fast < d).mean():.1%}; "
        f"f = 0: {(f == 0).mean():.1%}; S0 = 0: {(s0 <= 0).sum()} voxels"
    )
    print(
        f"their largest values: f {f.max():.4f} in {(f == f.max()).mean():.0%} of the voxels, "
        f"D* {fast.max() * 1e3:.1f} in {(fast == fast.max()).mean():.0%}"
    )
    print(
        f"steps of their maps (8 bit): S0 {s0.max() / 255:.1f}, f {f.max() / 255:.4f}, D {d.max() / 255 * 1e3:.4f}, "
        f"D* {fast.max() / 255 * 1e3:.3f}"
    )
    print(
        "our bounds, voxels | n | SS <= theirs | SS <= theirs, S0 fitted again | median ratio of SS, both | "
        "median D ours, theirs | median difference of D"
    )
    for text, bounds in (("default", {}), ("D* from 0.5", {"Dstar": (0.5e-3, 0.2), "D": (0.0, 6e-3)})):
        maps = fit_ivim(signal, b, bounds=bounds)
        ours = maps.rmse**2 * len(b)
        for where, chosen in (
            ("all", s0 > 0),
            ("their D* >= 5", (s0 > 0) & ~below),
            ("their D* < 5", (s0 > 0) & below),
        ):
            good = [(ours <= ss * (1 + 1e-6))[chosen].mean() for ss in (published, refitted)]
            ratio = [np.median((ours / ss)[chosen]) for ss in (published, refitted)]
            print(
                f"{text}, {where} | {chosen.sum()} | {good[0]:.2%} | {good[1]:.2%} | {ratio[0]:.3f}, {ratio[1]:.3f} | "
                f"{np.median(maps.D[chosen]) * 1e3:.3f}, {np.median(d[chosen]) * 1e3:.3f} | "
                f"{np.median((maps.D - d)[chosen]) * 1e3:+.3f}"
            )


def peer_squares(y, b, bounds):
    """Return the smallest sum of squares of five starts of scipy's trust region fit; D and D* in 10^-3 mm2/s inside."""
    lower = [0, 0, bounds["D"][0] * 1e3, bounds["Dstar"][0] * 1e3]
    upper = [np.inf, 1, bounds["D"][1] * 1e3, bounds["Dstar"][1] * 1e3]

    def residual(p):
        return p[0] * ((1 - p[1]) * np.exp(-b * p[2] * 1e-3) + p[1] * np.exp(-b * p[3] * 1e-3)) - y

    starts = ((0.1, 0.5, 10), (0.3, 1, 30), (0.5, 0.3, 6), (0.05, 0.4, 100), (0.9, 2, 50))
    scale = [y.max(), 0.1, 1, 20]
    return min(
        2 * least_squares(residual, [y.max(), *start], bounds=(lower, upper), x_scale=scale).cost for start in starts
    )


def cord_optimality():
    folder = DATA / "cord_7T"
    series = read_series(folder / "dwi_rl.nii.gz", bval_file=folder / "bval_rl.txt")
    inside = read_volume(folder / "cord_seg_dilated.nii.gz").values > 0
    signal, b = series.signal[inside].astype(np.float64), series.bvalues
    ours = fit_ivim(signal, b).rmse ** 2 * len(b)
    excess = ours / [peer_squares(y, b, IVIM_BOUNDS) for y in signal] - 1
    print(
        f"SS within 1e-6 of the best of five scipy starts, default bounds: {(excess <= 1e-6).mean():.2%} of "
        f"{len(signal)} voxels; ours higher in {(excess > 1e-6).sum()} (at most {excess.max():.1%}), "
        f"theirs higher in {(excess < -1e-6).sum()}"
    )


def main():
    if not DATA.is_dir():
        print(f"diffusion_real_data: nothing done, the shared data are not at {DATA}")
        return
    FIGURES.mkdir(exist_ok=True)
    marrow_table()
    marrow_figure()
    values = organ_values()
    organ_table(values)
    organ_figure(values)
    prostate_tables()
    cord_table()
    cord_optimality()


if __name__ == "__main__":
    main()
