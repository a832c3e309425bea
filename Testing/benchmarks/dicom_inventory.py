"""The inventory of 5,000 simulated DICOM files, classic, enhanced and mosaic, beside pydicom on the same files.

Run with ``python3 dev.py bench dicom_inventory``; it writes some 120 MB to a temporary folder, and needs a Unix system.
One series of each kind is simulated, then copied with other UIDs. Each command runs in a process of its own: seconds
and CPU seconds are those of the whole command, start and imports with it, the peak is of its resident memory. The
peer, ``pydicom.dcmread(stop_before_pixels=True)`` of every file, only parses the headers and keeps nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pydicom

from Testing.support.dicom import canon, folders, ge, philips, philips_frames, siemens, siemens_frames, uih
from Testing.support.dicom.grid import OBLIQUE

SECONDS, MEGABYTES = 20, 300  # the bar, for 5,000 files
SLICES = replace(OBLIQUE, shape=(10, 6, 5))  # small: the simulated numbers have to differ and end at 4095
FRAMES = replace(OBLIQUE, shape=(40, 4, 3))
CLASSIC = (
    ge.ge_diffusion,
    siemens.siemens_csa,
    siemens.siemens_echoes,
    philips.philips_diffusion,
    canon.canon_untagged,
    folders.anatomical,
)
ENHANCED = (siemens_frames.siemens_xa, siemens_frames.siemens_xa_adc, philips_frames.philips_enhanced)
MOSAIC = (siemens_frames.siemens_mosaic, uih.uih_mosaic)
MIXES = {
    "classic": {CLASSIC: 5000},
    "9 in 10 classic": {CLASSIC: 4500, ENHANCED: 400, MOSAIC: 100},
    "half classic": {CLASSIC: 2500, ENHANCED: 1000, MOSAIC: 1500},
}
PEER = """
import sys, warnings
from pathlib import Path
import pydicom
warnings.simplefilter("ignore")
for path in Path(sys.argv[1]).rglob("*.dcm"):
    pydicom.dcmread(path, stop_before_pixels=True)
"""


def series_of(folder, writers):
    """Return the files of one series of each kind: (bytes, UIDs), and how many images are in each."""
    found = []
    for writer in writers:
        grid = FRAMES if writer in ENHANCED else replace(SLICES, shape=(9, 6, 5)) if writer in MOSAIC else SLICES
        writer(folder / writer.__name__, grid=grid)
        for path in folders.files_of(folder / writer.__name__):
            header = pydicom.dcmread(path)
            if writer in ENHANCED:
                _without_lengths(header)
                header.save_as(path)
            images = int(header.get("NumberOfFrames", grid.shape[0] if writer in MOSAIC else 1))
            found.append((path.read_bytes(), (header.SOPInstanceUID, header.SeriesInstanceUID), images))
    return found


def _without_lengths(dataset):
    """Let all sequences end with a mark, as scanners write them: to find that, all that is in them must be parsed."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _without_lengths(item)


def fill(folder, samples, count):
    """Write ``count`` files, copies of the samples with UIDs of their own, and return how many images they hold."""
    images = 0
    for number in range(count):
        copy, which = divmod(number, len(samples))
        data, uids, inside = samples[which]
        for uid in uids:
            start = f"2.25.{1000 + copy}"  # as long as the root of pydicom's UIDs up to its third dot
            data = data.replace(uid.encode(), (start + uid[len(start) :]).encode())
        path = folder / f"{copy:04d}" / f"{which:04d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        images += inside
    return images


def measured(*command):
    """Run a command and return seconds, CPU seconds and peak MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[1:4]} failed with status {process.returncode}")
    per_megabyte = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_megabyte


def main():
    if not hasattr(os, "wait4"):
        print("dicom_inventory: skipped, the peak of memory cannot be measured on this system")
        return
    print(f"bar for 5,000 files: {SECONDS} s, {MEGABYTES} MB")
    print(
        "files | images | ours: s, CPU s, peak MB | pydicom: s, CPU s, peak MB | ratio of CPU seconds, pydicom : ours"
    )
    for name, parts in MIXES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "files")
            images = 0
            for number, (writers, count) in enumerate(parts.items()):
                samples = series_of(Path(place, f"samples{number}"), writers)
                images += fill(folder / str(number), samples, count)
            ours = measured(sys.executable, "-m", "mrbiomarkers", "inventory", str(folder))
            peer = measured(sys.executable, "-c", PEER, str(folder))
        shown = " | ".join(f"{s:.1f}, {cpu:.1f}, {peak:.0f}" for s, cpu, peak in (ours, peer))
        print(f"{sum(parts.values()):,}, {name} | {images:,} | {shown} | {peer[1] / ours[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
