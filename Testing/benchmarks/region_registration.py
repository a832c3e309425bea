"""A T1-weighted image brought onto the T2-weighted one of the same patient, an EPI-like image, and pairs to be refused.

Run with ``python3 dev.py bench region_registration``; it needs the shared data beside the repository. The moving image
is sampled anew where a known motion has taken the anatomy, on the grid of the scanner; clicks are the middles of the
drawn bodies L1 to L5, 1.5 mm off in the plane and 2 mm across (standard deviation) in both images. TRE is that of the
true middles, not of the clicks. Source of the images: github.com/JonathanRamos/fastcleverseg, which gives no voxel
size; 1 mm is assumed.
"""

import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from mrbiomarkers.files import read_volume
from mrbiomarkers.registration import move_mask, register_rigid
from mrbiomarkers.settings import RegistrationSettings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "spine"
LEVELS = ("L1", "L2", "L3", "L4", "L5")
CLICKS = (2.0, 1.5, 1.5)  # mm to the right, forwards, up
# Degrees about right, anterior, superior; mm along them.
MOTIONS = (
    ((0, 0, 0), (0, 0, 0)),
    ((4, 0, 0), (0, 5, 3)),
    ((0, 3, -2), (3, -4, 4)),
    ((-2, 4, 2), (4, 4, -5.6)),
    ((2, -2, 4), (-3, 6, 4.5)),
)
OTHERS = ("fcs_vb1_02_AKa_T1", "fcs_vb1_06_AKs_T1", "fcs_vb3_01_water", "fcs_vb3_05_water")
STRETCH, SHEAR, EPI_NOISE = 1.04, 0.03, 0.05  # along the back-front axis; of the 99th percentile


class Subject:
    """An image, its drawn bodies L1 to L5 and their middles."""

    def __init__(self, name):
        drawn = read_volume(DATA / f"{name}_gt.nii.gz")
        self.values = read_volume(DATA / f"{name}.nii.gz").values.astype(np.float32)
        self.affine, labels = drawn.affine, drawn.values.astype(int)
        middles = {n: apply(self.affine, np.argwhere(labels == n).mean(axis=0)[::-1]) for n in np.unique(labels) if n}
        upwards = sorted(middles, key=lambda n: middles[n][2])
        lumbar = (upwards[1:6] if "vb1" in name else upwards[:5])[::-1]  # in vb1 the lowest is S1
        self.points = np.array([middles[n] for n in lumbar])
        self.bodies = np.isin(labels, lumbar)

    def like(self, values):
        """Return the same subject with another image."""
        other = object.__new__(Subject)
        other.values, other.affine, other.points, other.bodies = values, self.affine, self.points, self.bodies
        return other


def apply(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def motion_about(middle, degrees, shift):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = middle + np.array(shift) - matrix[:3, :3] @ middle
    return matrix


def sampled(values, affine, moved, order=1):
    """Return the image (on its grid) of anatomy that ``moved`` has taken elsewhere."""
    back = np.linalg.inv(affine) @ np.linalg.inv(moved) @ affine
    reverse = np.ix_((2, 1, 0), (2, 1, 0))
    return ndimage.affine_transform(values, back[:3, :3][reverse], back[:3, 3][::-1], order=order, mode="nearest")


def blocks(values, affine, size):
    """Return the mean of blocks of ``size`` (k, j, i) voxels, and their affine."""
    part = values[tuple(slice(n // step * step) for n, step in zip(values.shape, size, strict=True))]
    shape = [m for n, step in zip(part.shape, size, strict=True) for m in (n // step, step)]
    coarse = affine.copy()
    coarse[:3, 3] += affine[:3, :3] @ ((np.array(size[::-1]) - 1) / 2)
    coarse[:3, :3] = affine[:3, :3] * size[::-1]
    return part.reshape(shape).mean(axis=(1, 3, 5)), coarse


def clicks(points, rng, scatter=1.0):
    return dict(zip(LEVELS, points + rng.normal(0, 1, points.shape) * CLICKS * scatter, strict=True))


def trial(fixed, moving, motion, rng, *, slices=1, start="clicks", settings=None):
    """Return the result, its TRE at the start and after, and the seconds."""
    moved = motion_about(moving.points.mean(axis=0), *motion)
    still = blocks(fixed.values, fixed.affine, (slices, 1, 1))
    other = blocks(sampled(moving.values, moving.affine, moved), moving.affine, (slices, 1, 1))
    truth = apply(moved, moving.points)
    scatter = {"clicks": 1.0, "exact points": 0.0}.get(start)
    points = {}
    if scatter is not None:
        points = {"fixed_points": clicks(fixed.points, rng, scatter), "moving_points": clicks(truth, rng, scatter)}
    elif start == "scanner":
        points = {"mask": blocks(fixed.bodies, fixed.affine, (slices, 1, 1))[0] >= 0.5}
    began = time.perf_counter()
    found = register_rigid(still, other, settings=settings, **points)
    seconds = time.perf_counter() - began
    tre = [
        np.linalg.norm(apply(matrix, truth) - fixed.points, axis=1).mean() for matrix in (found.start, found.transform)
    ]
    return found, tre, seconds


def summary(what, trials):
    found, tre, seconds = zip(*trials, strict=True)
    kept = np.array([result.accepted for result in found])
    tre = np.array(tre)
    after = f"{np.median(tre[kept, 1]):.2f} ({tre[kept, 1].max():.2f})" if kept.any() else "-"
    basic = sum(r.displacement <= 4 and r.metric_after > r.metric_before for r in found)
    peaks = [result.peak for result in found]
    print(
        f"| {what} | {np.median(tre[:, 0]):.2f} ({tre[:, 0].max():.2f}) | {kept.sum()} of {kept.size} ({basic}) | "
        f"{after} | "
        f"{np.nanmin(peaks):.1f}-{np.nanmax(peaks):.1f} | {np.nanmedian([r.displacement for r in found]):.1f} | "
        f"{np.median(seconds):.1f} ({max(seconds):.1f}) |",
        flush=True,
    )


def same_patient(t1, t2, draws):
    for slices in (1, 4):
        for what, fixed, moving in (("T1 to T2", t2, t1), ("T2 to T1", t1, t2)):
            for start in ("exact points", "clicks"):
                rng = np.random.default_rng(0)
                n = draws if start == "clicks" else 1
                rows = [
                    trial(fixed, moving, motion, rng, slices=slices, start=start)
                    for motion in MOTIONS
                    for _ in range(n)
                ]
                summary(f"{what}, slices of {slices} mm, {start}", rows)
    for what, settings in (("4 mm", None), ("15 mm", RegistrationSettings(max_move=15))):
        rows = [trial(t2, t1, motion, None, start="scanner", settings=settings) for motion in MOTIONS]
        summary(f"T1 to T2, slices of 1 mm, no points, gate {what}", rows)
    pair = [Subject(name) for name in OTHERS[:2]]
    rng = np.random.default_rng(2)
    summary("vb1_06 to vb1_02, clicks", [trial(*pair, motion, rng) for motion in MOTIONS for _ in range(draws)])
    small = [(np.array(turn) / 4, np.array(shift) / 4) for turn, shift in MOTIONS]
    summary(
        "T1 to T2, slices of 1 mm, neither points nor mask, motions a quarter",
        [trial(t2, t1, motion, None, start="nothing") for motion in small],
    )


def bad_pairs(t1, t2, draws):
    rng = np.random.default_rng(3)
    high = float(np.percentile(t1.values, 99))
    noise = t1.like(np.abs(rng.normal(0, high / 4, t1.values.shape)).astype(np.float32))
    others = {name: Subject(name) for name in OTHERS}
    pairs = {
        f"other patient ({name[4:10]}) to {to}": (fixed, moving)
        for to, fixed in (("T2", t2), ("T1", t1))
        for name, moving in others.items()
    }
    pairs["noise to T2"] = (t2, noise)
    for share in (0.05, 0.01):
        flat = high / 2 + share * t1.values + rng.normal(0, high / 20, t1.values.shape)
        pairs[f"T1 with {share:.0%} of its contrast, noise 5 %, to T2"] = (t2, t1.like(flat.astype(np.float32)))
    pairs["T1 inverted to T2"] = (t2, t1.like(t1.values.max() - t1.values))
    for what, (fixed, moving) in pairs.items():
        summary(
            what,
            [trial(fixed, moving, motion, rng, slices=s) for motion in MOTIONS for s in (1, 4) for _ in range(draws)],
        )


def wrong_level(t1, t2, draws):
    """The same patient, with every click of the moving image one body too low or too high."""
    rng = np.random.default_rng(7)
    rows = []
    for _ in range(draws):
        still, other = clicks(t2.points, rng), clicks(t1.points, rng)
        for fixed, moving in ((LEVELS[:4], LEVELS[1:]), (LEVELS[1:], LEVELS[:4])):
            points = {name: other[wrong] for name, wrong in zip(fixed, moving, strict=True)}
            found = register_rigid(
                (t2.values, t2.affine),
                (t1.values, t1.affine),
                fixed_points={name: still[name] for name in fixed},
                moving_points=points,
            )
            rows.append(
                (
                    found,
                    [
                        np.linalg.norm(apply(m, t1.points) - t2.points, axis=1).mean()
                        for m in (found.start, found.transform)
                    ],
                    0.0,
                )
            )
    summary("T1 to T2, levels one off", rows)


def echo_planar(t2, draws):
    """T2 onto a b0-like image made of it: voxels of 2 x 2 x 4 mm, stretched, sheared, noisy."""
    rng = np.random.default_rng(5)
    middle = t2.points.mean(axis=0)
    warp = np.eye(4)
    warp[1, :3] = (0, STRETCH, SHEAR)
    warp[:3, 3] = middle - warp[:3, :3] @ middle
    for name in ("rigid", "affine"):
        rows, peaks = [], []
        for motion in MOTIONS:
            moved = warp @ motion_about(middle, *motion)
            grid = (4, 2, 2)
            epi, affine = blocks(sampled(t2.values, t2.affine, moved), t2.affine, grid)
            level = EPI_NOISE * np.percentile(epi, 99)
            epi = np.hypot(epi + rng.normal(0, level, epi.shape), rng.normal(0, level, epi.shape))
            truth = blocks(sampled(t2.bodies.astype(np.float32), t2.affine, moved), t2.affine, grid)[0] >= 0.5
            voxels = apply(t2.affine, np.argwhere(t2.bodies)[::50, ::-1])
            for _ in range(draws):
                points = clicks(apply(moved, t2.points), rng), clicks(t2.points, rng)
                began = time.perf_counter()
                found = register_rigid(
                    (epi, affine),
                    (t2.values, t2.affine),
                    fixed_points=points[0],
                    moving_points=points[1],
                    settings=RegistrationSettings(affine=name == "affine"),
                )
                seconds = time.perf_counter() - began
                peaks.append(found.peak)
                row = [seconds, found.kind != "start", found.kind == "affine"]
                for matrix in (found.start, found.transform):
                    copied = move_mask(t2.bodies, t2.affine, matrix, epi.shape, affine)
                    dice = 2 * np.count_nonzero(copied & truth) / (copied.sum() + truth.sum())
                    error = np.linalg.norm(apply(matrix, voxels) - apply(moved, voxels), axis=1).mean()
                    row += [error, dice]
                rows.append(row)
        rows = np.array(rows, dtype=float)
        seconds, kept, affine_kept, *scores = rows.T
        print(
            f"| b0-like, {name} | {np.median(scores[0]):.2f} ({scores[0].max():.2f}) | {kept.sum():.0f}, affine "
            f"{affine_kept.sum():.0f} of {len(rows)} | {np.median(scores[2]):.2f} ({scores[2].max():.2f}) | "
            f"{min(peaks):.1f}-{max(peaks):.1f} | Dice "
            f"{np.median(scores[1]):.3f} to {np.median(scores[3]):.3f} (least {scores[3].min():.3f}) | "
            f"{np.median(seconds):.1f} ({seconds.max():.1f}) |",
            flush=True,
        )


def main(draws=4):
    if not DATA.is_dir():
        print(f"region_registration: skipped, the images are not in {DATA}")
        return
    t1, t2 = Subject("fcs_vb1_10_DzZ_T1"), Subject("fcs_vb1_11_DzZ_T2")
    print(
        "| pair | TRE at the start [mm] | kept (by move and metric) | TRE after [mm] | peak | bodies moved [mm] | s |"
    )
    same_patient(t1, t2, draws)
    bad_pairs(t1, t2, 1)
    wrong_level(t1, t2, draws)
    echo_planar(t2, draws)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
