"""What a wrong spectrum of fat, or a wrong temperature, does to PDFF and R2*, beside the reference's figures.

Run with ``python3 dev.py bench fatwater_spectra``; the figure goes to ``Testing/benchmarks/figures``. True fat is Ren's
marrow fat in a direct sum over its peaks, R2* is 100 1/s, field strength 3 T, six echoes 1.24 + 0.98 n ms, no noise;
complex fits.

With a wrong spectrum fitted water and fat differ in phase, and definitions of the fat fraction part. The reference has
that of magnitude discrimination (Liu et al., Magn Reson Med 2007;58:354): ``|F| / |W + F|`` where fat is more, else
``1 - |W| / |W + F|``. The maps hold ``Re{F / (W + F)}``. Both are printed.
"""

from pathlib import Path

import numpy as np

from mrbiomarkers.fatwater import fit_fat_water
from mrbiomarkers.report.style import COLOURS, figure_style, save_figure, typeset
from Testing.support.echoes import SIX_ECHOES, echo_signal

FIGURES = Path(__file__).resolve().parent / "figures"
TESLA, RATE = 3.0, 100.0
HERTZ_PER_PPM = 42.577478518 * TESLA
TRUE_PDFF = (5.0, 20.0, 40.0, 60.0, 95.0)
SPECTRA = {
    "hamilton-liver-9": ("Hamilton 9", (-0.40, -1.34, -2.04, -2.20, -0.63), (0.1, 1.0, 5.2, 18, 21)),
    "hamilton-liver-6": ("Hamilton 6", (-0.51, -1.72, -2.61, -2.80, -1.14), (0.1, 1.1, 7.2, 27, 34)),
    "ismrm-6": ("ISMRM 6", (-0.46, -1.52, -2.25, -2.29, -0.14), (0.3, 2.1, 8.9, 26, 25)),
    "hernando-6": ("Hernando 6", (-0.63, -2.04, -2.84, -1.99, -0.38), (0.9, 5.3, 19, 43, 28)),
    "karampinos-8": ("Karampinos 8", (0.13, 0.43, 0.59, 0.47, -0.46), (-0.1, -0.5, -1.5, -2.8, -0.2)),
    "single": ("single 1.3 ppm", (-1.8, -6.4, -10, -10.7, -5.9), (-0.2, 1.3, 19, 86, 121)),
}
"""Of each spectrum its name in figures, and the reference's bias of PDFF [points] and R2* [1/s] at TRUE_PDFF."""

COLD_PDFF = (5.0, 20.0, 60.0)
COLD = {
    0.05: ((-0.04, -0.11, 0.16), (-0.4, -2, -11)),
    0.10: ((-0.15, -0.42, 0.51), None),
    0.15: ((-0.32, -0.93, 1.06), (-1.5, -7.5, -34)),
}
"""The reference's bias at COLD_PDFF where water is further from fat than the fit takes it to be, by distance [ppm]."""


def truth_signal(pdff, colder=0.0):
    """Noise-free signal (4, P, N), four rows alike; fat is further from water by ``colder`` [ppm]."""
    water, fat = (echo_signal(SIX_ECHOES, TESLA, np.full((4, len(pdff)), part), RATE, 0.0) for part in (0.0, 100.0))
    turn = np.exp(-2j * np.pi * HERTZ_PER_PPM * colder * SIX_ECHOES)
    share = np.asarray(pdff, dtype=float)[:, None] / 100
    return (1 - share) * water + share * fat * turn


def bias(spectrum, pdff, colder=0.0):
    """Bias (P,) of PDFF by magnitude discrimination [points], of R2* [1/s], and of PDFF as in the maps [points]."""
    maps = fit_fat_water(truth_signal(pdff, colder), SIX_ECHOES, TESLA, spectrum=spectrum, precession=1, bipolar=False)
    discriminated = 100 * np.where(maps.fat > maps.water, maps.fat, maps.in_phase - maps.water) / maps.in_phase
    return discriminated[0] - pdff, maps.R2star[0] - RATE, maps.PDFF[0] - pdff


def print_row(name, ours, known):
    """Print a line of the table; return the largest differences of PDFF [points] and R2* [1/s] from the reference."""
    cells = [f"{a:+.2f} [{c:+.2f}] / {b:+.1f}" for a, b, c in zip(*ours, strict=True)]
    print(f"{name:<24}| " + " | ".join(cells))
    theirs = [" / ".join(f"{v:+g}" for v in pair) for pair in zip(*(k for k in known if k is not None), strict=True)]
    print(f"{'  reference':<24}| " + " | ".join(theirs))
    return [0.0 if k is None else float(np.max(np.abs(a - k))) for a, k in zip(ours[:2], known, strict=True)]


def mismatch_table():
    print("Bias of PDFF by magnitude discrimination [as in the maps] / R2* [1/s], at PDFF 5, 20, 40, 60, 95 %")
    found = [print_row(title, bias(name, TRUE_PDFF), known) for name, (title, *known) in SPECTRA.items()]
    print("largest difference from the reference: {:.3f} points, {:.2f} 1/s".format(*np.max(found, axis=0)))


def temperature_table():
    print("\nThe same where water is further from fat than the fit takes it to be, Ren's spectrum, at PDFF 5, 20, 60 %")
    found = [
        print_row(f"{distance:.2f} ppm", bias("ren-marrow", COLD_PDFF, distance), known)
        for distance, known in COLD.items()
    ]
    print("largest difference from the reference: {:.3f} points, {:.2f} 1/s".format(*np.max(found, axis=0)))


def figure():
    """Draw the bias of PDFF and of R2* against PDFF, a line a spectrum, and the reference's figures as points."""
    import matplotlib.pyplot as plt

    pdff = np.linspace(0.0, 100.0, 41)
    with figure_style():
        drawing, panels = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
        for colour, (name, (title, *known)) in zip(COLOURS, SPECTRA.items(), strict=False):
            for axes, ours, theirs in zip(panels, bias(name, pdff), known, strict=False):
                axes.plot(pdff, ours, color=colour, label=title)
                axes.plot(TRUE_PDFF, theirs, "o", color=colour, markersize=4, markerfacecolor="none")
        panels[0].plot([], [], "o", color=COLOURS[7], markersize=4, markerfacecolor="none", label="reference")
        for axes, what in zip(panels, ("bias of PDFF [points]", "bias of R2* [1/s]"), strict=True):
            axes.axhline(0.0, color=COLOURS[7], linewidth=0.8, linestyle="--", zorder=0)
            axes.set_xlabel("true PDFF [%]")
            axes.set_ylabel(typeset(what))
        handles, labels = panels[0].get_legend_handles_labels()
        drawing.legend(handles, labels, frameon=False, loc="outside right upper", title="fitted with")
        drawing.suptitle(
            "Ren's marrow fat fitted with other spectra: 3 T, R2* 100 1/s, 6 echoes, no noise", fontsize=10
        )
        save_figure(drawing, FIGURES / "spectrum_mismatch.png", dpi=130)
        plt.close(drawing)


def main():
    FIGURES.mkdir(exist_ok=True)
    mismatch_table()
    temperature_table()
    figure()


if __name__ == "__main__":
    main()
