"""What radiomic features must not depend on, and the memory that they take, on brain1 and lung1.

Run with ``python3 dev.py bench radiomics_invariance``; it needs the shared data. Image and mask are moved in space,
padded with noise, cut down, and mirrored together. The bar is a relative difference of 1e-9 of any shape or texture
feature; first-order features are counted beside. Meshes are those of PyRadiomics, whose triangles differ in a mirror
where several surfaces cut a cube: their four features have a column of their own there.

Memory: the most that one extraction takes above what the process holds before it, with image and mask read, in a
process of its own; traced by Python, and resident (Linux only, with a first extraction of a small ball before, so that
imports and tables are not counted). The bar is 10 times the region with the margin of the filters, in float64.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "radiomics" / "pyradiomics_images"
BAR, TIMES = 1e-9, 10
MESH = {"MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity"}
SIGMAS = (1.0, 3.0, 5.0)
MEMORY = {  # filters, and the largest sigma
    "original": (("original",), 0.0),
    "wavelet": (("wavelet",), 0.0),
    "LoG 1": (("log",), 1.0),
    "LoG 5": (("log",), 5.0),
    "original, wavelet, LoG 1, 3, 5": (("original", "wavelet", "log"), 5.0),
}


def read(name):
    return [sitk.ReadImage(DATA / f"{name}_{kind}.nrrd") for kind in ("image", "label")]


def settings_of(filters, sigmas=SIGMAS):
    return RadiomicsSettings(filters=filters, log_sigma=sigmas if "log" in filters else ())


def box_of(mask):
    """Return first and last index (x, y, z) of the region."""
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask) == 1)[:, ::-1]
    return inside.min(axis=0), inside.max(axis=0)


def shifted(image, mask):
    for volume in (image, mask):
        volume.SetOrigin(np.add(volume.GetOrigin(), (-100.3, 20.7, 7.5)).tolist())
    return image, mask


def padded(image, mask):
    low, high = (3, 8, 2), (6, 1, 5)
    wide = [sitk.ConstantPad(volume, low, high) for volume in (image, mask)]
    values = sitk.GetArrayFromImage(wide[0])
    around = np.ones(values.shape, dtype=bool)
    around[tuple(slice(a, -b) for a, b in zip(low[::-1], high[::-1], strict=True))] = False
    values[around] = np.random.default_rng(0).integers(values.min(), values.max(), np.count_nonzero(around))
    noisy = sitk.GetImageFromArray(values)
    noisy.CopyInformation(wide[0])
    return noisy, wide[1]


def cut(image, mask, margin):
    """Cut down to the region and a margin (x, y, z) in voxels."""
    first, last = box_of(mask)
    low, high = np.maximum(first - margin, 0), np.minimum(last + margin + 1, image.GetSize())
    part = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return image[part], mask[part]


def mirrored(image, mask, axes):
    """Mirror the voxels along axes (k, j, i); the grid stays."""
    turned = []
    for volume in (image, mask):
        values = sitk.GetImageFromArray(np.flip(sitk.GetArrayFromImage(volume), axes).copy())
        values.CopyInformation(volume)
        turned.append(values)
    return turned


def margin_of(image, sigma):
    """Return the voxels (x, y, z) that a filter of this width [mm] reaches, 6 at least for the wavelet."""
    return np.maximum(np.ceil(12 * sigma / np.array(image.GetSpacing())), 6).astype(int)


def changes(image):
    """Return the changes: title, filters, what makes the pair, and whether it is a mirror."""
    everything = ("original", "wavelet", "log")
    return [
        ("moved in space", everything, shifted, False),
        ("padded with noise", ("original",), padded, False),
        ("cut to the region", ("original",), lambda *pair: cut(*pair, 0), False),
        ("cut to 6 voxels around", ("original", "wavelet"), lambda *pair: cut(*pair, 6), False),
        ("cut to 12 sigma around", ("log",), lambda *pair: cut(*pair, margin_of(image, max(SIGMAS))), False),
        *(
            (f"mirrored along {name}", ("original", "gradient"), lambda *pair, axes=axes: mirrored(*pair, axes), True)
            for name, axes in (("i", (2,)), ("j", (1,)), ("k", (0,)), ("all three", (0, 1, 2)))
        ),
    ]


def apart(found, plain, names):
    """Return the largest relative difference with its feature, and how many are beyond the bar."""
    if not names:
        return ""
    differences = {name: abs(found[name] - plain[name]) / max(abs(plain[name]), 1e-3) for name in names}
    worst = max(differences, key=differences.get)
    beyond = sum(not value <= BAR for value in differences.values())
    size = f"{differences[worst]:.1e} ({worst})" if differences[worst] else "0"
    return f"{size}, {beyond} of {len(names)}"


def invariance():
    print("image | change | images | largest relative difference of shape and texture, how many beyond 1e-9 | "
          "the same of first order | of the mesh, in a mirror")  # fmt: skip
    for name in ("brain1", "lung1"):
        known = {}
        for title, filters, change, mirror in changes(read(name)[0]):
            if filters not in known:
                known[filters] = extract(*read(name), settings_of(filters))
            plain = known[filters]
            found = extract(*change(*read(name)), settings_of(filters))
            mesh = [feature for feature in plain if mirror and feature.rpartition("_")[2] in MESH]
            first = [feature for feature in plain if "_firstorder_" in feature]
            rest = [feature for feature in plain if feature not in {*mesh, *first}]
            cells = [apart(found, plain, names) for names in (rest, first, mesh)]
            print(f"{name} | {title} | {', '.join(filters)} | {' | '.join(cells)}", flush=True)


def one_peak(name, which):
    """Print the peaks of one extraction in this process; ``which`` is of MEMORY."""
    filters, sigma = MEMORY[which]
    settings = settings_of(
        filters, tuple(value for value in SIGMAS if value <= sigma and (value == sigma or "," in which))
    )
    image, mask = read(name)
    ball = sitk.GaussianSource(sitk.sitkFloat32, (24, 24, 24), (5.0,) * 3, (12.0,) * 3)
    extract(ball, sitk.Cast(ball > 100, sitk.sitkUInt8), settings)
    if os.environ["TRACED"] == "1":
        import tracemalloc

        tracemalloc.start()
        extract(image, mask, settings)
        peak = tracemalloc.get_traced_memory()[1]
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident memory starts anew
        before = resident("VmRSS")
        extract(image, mask, settings)
        peak = resident("VmHWM") - before
    print(json.dumps(peak))


def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def memory():
    print(
        "image, all of it [MB] | images | region and margin [MB] | traced peak [MB], times | resident peak [MB], times"
    )
    for name in ("brain1", "lung1"):
        image, mask = read(name)
        first, last = box_of(mask)
        for which, (filters, sigma) in MEMORY.items():
            margin = margin_of(image, sigma) if filters != ("original",) else 0
            low, high = np.maximum(first - margin, 0), np.minimum(last + margin + 1, image.GetSize())
            region = 8 * int(np.prod(high - low))
            cells = []
            for traced in ("1", "0") if Path("/proc/self/clear_refs").exists() else ("1",):
                command = [sys.executable, __file__, "--peak", name, which]
                environment = {**os.environ, "TRACED": traced, "PYTHONPATH": str(ROOT)}
                peak = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
                cells.append(f"{peak / 1e6:.1f}, {peak / region:.1f}{'' if peak <= TIMES * region else ' MISSED'}")
            whole = 8e-6 * image.GetNumberOfPixels()
            print(f"{name}, {whole:.1f} | {which} | {region / 1e6:.2f} | {' | '.join(cells)}", flush=True)


def main():
    if not DATA.is_dir():
        print(f"radiomics_invariance: skipped, the images are not in {DATA}")
        return
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    if sys.argv[1:2] == ["--peak"]:
        one_peak(*sys.argv[2:4])
        return
    invariance()
    memory()


if __name__ == "__main__":
    main()
