"""Regions from simulated clicks against drawn vertebral bodies, on six images of lumbar spines.

Run with ``python3 dev.py bench region_placement``; it needs the shared data beside the repository and writes the figure
of the failures in ``Testing/benchmarks/figures``. A click is the middle of the drawn body in the mid-sagittal slice,
moved by 2 mm (standard deviation) along each axis. Source of the images: github.com/JonathanRamos/fastcleverseg, which
gives no voxel size; 1 mm is assumed. In vb1 the lowest drawn body is S1, which is left out.
"""

import time
from pathlib import Path

import numpy as np

from mrbiomarkers.files import read_volume
from mrbiomarkers.regions import place_vertebrae
from mrbiomarkers.report.style import ON_GREY, figure_style, save_figure
from mrbiomarkers.settings import PlacementSettings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "spine"
FIGURES = Path(__file__).resolve().parent / "figures"
LEVELS = ("L1", "L2", "L3", "L4", "L5")
CHILD = 22.0  # mm from one body to the next
JITTER = 2.0  # mm
SUPER_ELLIPSE = PlacementSettings()
OUTLINE = PlacementSettings(method="outline")
BODY = PlacementSettings(method="outline", margin=0)


class Spine:
    """An image, its drawn bodies and their middles in the mid-sagittal slice."""

    def __init__(self, drawn_file):
        self.name = drawn_file.name.removesuffix("_gt.nii.gz")
        drawn = read_volume(drawn_file)
        self.image = read_volume(drawn_file.with_name(f"{self.name}.nii.gz")).values.astype(np.float64)
        self.affine, labels = drawn.affine, drawn.values.astype(int)
        found = {label: np.argwhere(labels == label).mean(axis=0) for label in np.unique(labels) if label}
        upwards = sorted(found, key=lambda label: self.position(found[label])[2])
        lumbar = upwards[1:6] if "vb1" in self.name else upwards[:5]
        self.drawn = {level: labels == label for level, label in zip(LEVELS, lumbar[::-1], strict=True)}
        self.middle = round(np.mean([found[label][0] for label in lumbar]))
        in_slice = {level: np.argwhere(mask[self.middle]).mean(axis=0) for level, mask in self.drawn.items()}
        self.centres = np.array([self.position((self.middle, *in_slice[level])) for level in LEVELS])

    def position(self, index):
        """Return the RAS position [mm] of (k, j, i)."""
        return self.affine[:3, :3] @ np.asarray(index)[::-1] + self.affine[:3, 3]

    def shrunk(self):
        """Return the factor that makes the spacing of the bodies that of a child."""
        return CHILD / np.linalg.norm(np.diff(self.centres, axis=0), axis=1).mean()


def scores(spine, settings, n_draws, seed, *, factor=1.0, jitter=JITTER):
    """Return Dice, purity, area [mm2] and voxels, (draws, 5, 4), and the seconds a body."""
    rng = np.random.default_rng(seed)
    affine = spine.affine.copy()
    affine[:3] *= factor
    rows, seconds = [], 0.0
    for _ in range(n_draws):
        clicks = spine.centres * factor + rng.normal(0, jitter, spine.centres.shape)
        started = time.perf_counter()
        placed = place_vertebrae(
            dict(zip(LEVELS, clicks, strict=True)), affine, spine.image.shape, settings, spine.image
        )
        seconds += time.perf_counter() - started
        rows.append([_score(placed, level, spine.drawn[level]) for level in LEVELS])
    return np.array(rows), seconds / n_draws / len(LEVELS)


def _score(placed, level, drawn):
    mask = placed.masks[level]
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    both = np.count_nonzero(mask[slices] & drawn[slices])
    n_mask, n_drawn = np.count_nonzero(mask), np.count_nonzero(drawn[slices])
    region = placed.record["regions"][level]
    return 2 * both / (n_mask + n_drawn), both / n_mask, region["area_mm2"], region["n_voxels"]


def table(spines, n_draws):
    """Print the scores of each method for adults and at the size of a child."""
    print(f"clicks {JITTER:g} mm off, {len(spines)} images, {len(spines) * 5} bodies, {n_draws} draws a body")
    print("what | size | Dice | purity: median, mean, > 0.95, > 0.97 | area [mm2] | fewest voxels | ms a body")
    kinds = {"super-ellipse": SUPER_ELLIPSE, "outline": BODY, "outline less margin": OUTLINE}
    for what, settings in kinds.items():
        for size in ("adult", "child", "child, clicks as far off relative to the body"):
            rows, seconds = [], []
            for number, spine in enumerate(spines):
                factor = 1.0 if size == "adult" else spine.shrunk()
                jitter = JITTER * factor if "relative" in size else JITTER
                found, taken = scores(spine, settings, n_draws, number, factor=factor, jitter=jitter)
                rows.append(found)
                seconds.append(taken)
            dice, purity, area, voxels = np.array(rows).reshape(-1, 4).T
            print(
                f"{what} | {size} | {np.median(dice):.3f} | {np.median(purity):.3f}, {purity.mean():.3f}, "
                f"{(purity > 0.95).mean():.1%}, {(purity > 0.97).mean():.1%} | {np.median(area):.0f} | "
                f"{voxels.min():.0f} | {np.mean(seconds) * 1e3:.1f}",
                flush=True,
            )
            if size == "adult":
                by_image = np.array(rows).reshape(len(spines), -1, 4)
                print("  by image, median Dice: ", np.round(np.median(by_image[..., 0], axis=1), 3))
                print("  by image, purity > 0.95:", np.round((by_image[..., 1] > 0.95).mean(axis=1), 2))
                print("  by level, purity > 0.95:", np.round((np.array(rows)[..., 1] > 0.95).mean(axis=(0, 1)), 2))


def failures(spines, n_draws):
    """Draw the least pure region of each image by each method, with the drawn body and the click."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, panels = plt.subplots(2, len(spines), figsize=(2.0 * len(spines), 4.6), layout="constrained")
        for row, settings in zip(panels, (SUPER_ELLIPSE, OUTLINE), strict=True):
            for number, (axes, spine) in enumerate(zip(row, spines, strict=True)):
                worst = scores(spine, settings, n_draws, number)[0][..., 1]
                draw, level = np.unravel_index(worst.argmin(), worst.shape)
                rng = np.random.default_rng(number)
                clicks = [spine.centres + rng.normal(0, JITTER, spine.centres.shape) for _ in range(draw + 1)][-1]
                _draw_region(axes, spine, clicks, LEVELS[level], settings)
                axes.set_title(f"{spine.name.removeprefix('fcs_')}\n{LEVELS[level]}, purity {worst.min():.2f}")
            row[0].set_ylabel(settings.method)
        save_figure(figure, FIGURES / "region_placement_failures.png", dpi=150)
        plt.close(figure)


def _draw_region(axes, spine, clicks, level, settings):
    """Draw a region on the slice it is centred on; the images are stored with superior to the left and anterior up."""
    placed = place_vertebrae(
        dict(zip(LEVELS, clicks, strict=True)), spine.affine, spine.image.shape, settings, spine.image
    )
    mask = placed.masks[level]
    k = round(np.argwhere(mask)[:, 0].mean())
    click = np.linalg.inv(spine.affine) @ np.append(clicks[LEVELS.index(level)], 1)
    reach = 28
    j, i = round(click[1]), round(click[0])
    part = (slice(max(j - reach, 0), j + reach), slice(max(i - reach, 0), i + reach))
    extent = (part[0].start - 0.5, part[0].start + spine.image[k][part].shape[0] - 0.5)
    side = (part[1].start + spine.image[k][part].shape[1] - 0.5, part[1].start - 0.5)
    view = spine.image[k][part].T
    axes.imshow(view, cmap="gray", extent=(*extent, *side), vmin=0, vmax=np.percentile(view, 99.5))
    columns, rows = (
        np.arange(*np.round(np.array(extent) + 0.5).astype(int)),
        np.arange(part[1].start, int(side[0] + 0.5)),
    )
    axes.contour(columns, rows, spine.drawn[level][k][part].T, [0.5], colors=ON_GREY[1], linewidths=1.2)
    axes.contour(columns, rows, mask[k][part].T, [0.5], colors=ON_GREY[0], linewidths=1.2)
    axes.plot(click[1], click[0], "+", color=ON_GREY[3], markersize=8)
    axes.set_xticks([])
    axes.set_yticks([])


def main(n_draws=50):
    files = sorted(DATA.glob("fcs_*_gt.nii.gz"))
    if not files:
        print(f"region_placement: skipped, the images are not in {DATA}")
        return
    spines = [Spine(file) for file in files]
    table(spines, n_draws)
    failures(spines, n_draws)


if __name__ == "__main__":
    main()
