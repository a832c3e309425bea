"""Many cases of radiomics: one process and two, and a run that is killed half-way and started again.

The cases are simulated: 200 images of 24 x 96 x 96 voxels with a region of some 3,000, 1,130 features each (original,
wavelet and Laplacian of Gaussian of 1, 3 and 5 mm). The second argument is their number, for a quick look.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

SETTINGS = """
imageType: {Original: {}, Wavelet: {}, LoG: {sigma: [1, 3, 5]}}
"""
SHAPE = (24, 96, 96)
PROBE = """
import resource, sys, time
begin = time.perf_counter(), time.process_time()
import mrbiomarkers.study.radiomics_worker
seconds = time.perf_counter() - begin[0], time.process_time() - begin[1]
print(*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_cases(folder: Path, count: int) -> Path:
    """Write images of smooth noise, each with an ellipsoid of its own, and the table of cases."""
    random = np.random.default_rng(1)
    grid = np.indices(SHAPE)
    rows = []
    for number in range(count):
        noise = sitk.GetImageFromArray(random.normal(size=SHAPE).astype(np.float32))
        noise.SetSpacing((0.9, 0.9, 3.0))
        image = sitk.Cast(sitk.SmoothingRecursiveGaussian(noise, 1.2) * 900 + 500, sitk.sitkInt16)
        centre = np.array([12, 48, 48]) + random.integers(-3, 4, 3)
        axes = np.array([6, 11, 11]) + random.uniform(-1, 1, 3)
        apart = sum(((at - middle) / axis) ** 2 for at, middle, axis in zip(grid, centre, axes, strict=True))
        mask = sitk.GetImageFromArray((apart <= 1).astype(np.uint8))
        mask.CopyInformation(image)
        sitk.WriteImage(image, str(folder / f"image{number}.nii.gz"), useCompression=True)
        sitk.WriteImage(mask, str(folder / f"mask{number}.nii.gz"), useCompression=True)
        rows.append((f"S{number:03}", f"image{number}.nii.gz", f"mask{number}.nii.gz"))
    with (folder / "cases.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("subject", "image", "mask"), *rows])
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder / "cases.csv"


def command(folder: Path, out: str, jobs: int) -> list[str]:
    """The command line that measures the cases."""
    words = [folder / "cases.csv", "--settings", folder / "settings.yaml", "--out", folder / out, "--jobs", jobs]
    return [sys.executable, "-m", "mrbiomarkers", "radiomics", *map(str, words)]


def timed(folder: Path, out: str, jobs: int) -> tuple[float, float]:
    """Wall and CPU seconds of a run."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command(folder, out, jobs), check=True, capture_output=True)
    wall, after = time.perf_counter() - begin, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def killed(folder: Path, out: str, count: int) -> int:
    """Kill a run half-way without warning; return how many cases it has left."""
    parts = folder / f"{Path(out).stem}.parts"
    run = subprocess.Popen(command(folder, out, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(parts.glob("*.case.json"))) < count // 2 and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    return len(list(parts.glob("*.case.json")))


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    folder = Path(tempfile.mkdtemp(prefix="radiomics-"))
    try:
        write_cases(folder, count)
        start = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True).stdout.split()
        print(f"a process imports for {float(start[0]):.2f} s ({float(start[1]):.2f} CPU s), {float(start[2]):.0f} MB")
        print(f"{len(os.sched_getaffinity(0))} cores, load of the machine before: {os.getloadavg()[0]:.1f}")
        walls = {}
        for jobs in (1, 2, 1, 2):
            for left in folder.glob("features*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            wall, cpu = timed(folder, "features.csv", jobs)
            walls[jobs] = min(walls.get(jobs, wall), wall)
            (folder / f"kept{jobs}.csv").write_bytes((folder / "features.csv").read_bytes())
            print(f"{count} cases, {jobs} process(es): {wall:.1f} s, {cpu:.1f} CPU s, load {os.getloadavg()[0]:.1f}")
        print(f"two processes : one, shorter of two runs each: {walls[1] / walls[2]:.2f} times (bar 1.6)")
        left = killed(folder, "again.csv", count)
        wall, _ = timed(folder, "again.csv", 2)
        tables = {name: (folder / name).read_bytes() for name in ("kept1.csv", "kept2.csv", "again.csv")}
        print(f"killed with {left} of {count} cases done, started again: {wall:.1f} s")
        print(f"same bytes, one process, two, and killed: {len(set(tables.values())) == 1}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
