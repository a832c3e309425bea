"""Input that cannot be used: one line that names it, exit status 2, nothing written."""

import re

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from Testing.support.echoes import SIX_ECHOES, echo_signal

SHAPE = (2, 12, 12)
AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])
TIMES = [f"{1e3 * t:.2f}" for t in SIX_ECHOES]
SAID = ["--echo-times", *TIMES, "--field-strength", "3"]


def save(folder, name, values):
    values = values.transpose(2, 1, 0, *range(3, values.ndim))
    nib.save(nib.Nifti1Image(np.ascontiguousarray(values), AFFINE), folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("echoes")
    j = np.indices(SHAPE)[1]
    signal = (100 * echo_signal(SIX_ECHOES, 3.0, np.where(j < 6, 20.0, 60.0), 100.0, 30.0)).astype(np.complex64)
    save(folder, "mag.nii", np.abs(signal))
    save(folder, "phase.nii", np.angle(signal))
    save(folder, "degrees.nii", np.rad2deg(np.angle(signal)))
    save(folder, "smaller.nii", np.angle(signal)[:, :, 1:])
    save(folder, "real.nii", signal.real)
    save(folder, "zero.nii", np.zeros((*SHAPE, 6), np.float32))
    save(folder, "two.nii", np.abs(signal[..., :2]))
    save(folder, "empty.nii", np.zeros(SHAPE, np.uint8))
    save(folder, "region.nii", (j < 6).astype(np.uint8))
    save(folder, "pdff.nii", np.full(SHAPE, 31.0, np.float32))
    elsewhere = np.diag([3.0, 3.0, 4.0, 1.0])
    nib.save(nib.Nifti1Image(np.ones((5, 5, 2), np.uint8), elsewhere), folder / "elsewhere.nii")
    (folder / "text.nii").write_text("hello")
    return folder


PAIR = ["mag.nii", "--phase", "phase.nii"]
BAD = {
    "nothing": ([], "SERIES: expected images, or --maps"),
    "no such file": (["none.nii", *SAID], "none.nii"),
    "not an image": (["text.nii", *SAID], "text.nii"),
    "no echo times": (PAIR, "mag.nii: .*--echo-times"),
    "no field strength": ([*PAIR, "--echo-times", *TIMES], "mag.nii: .*--field-strength"),
    "seconds": ([*PAIR, "--echo-times", *SIX_ECHOES, "--field-strength", 3], "--echo-times.*are these seconds"),
    "microseconds": (
        [*PAIR, "--echo-times", *range(1240, 7240, 1000), "--field-strength", 3],
        "are these microseconds",
    ),
    "text as time": ([*PAIR, "--echo-times", "1.2", "two", "--field-strength", 3], "--echo-times: .*'two'"),
    "too few times": (
        [*PAIR, "--echo-times", *TIMES[:5], "--field-strength", 3],
        "echo_times: expected 6 values, one for each echo of mag.nii, got 5",
    ),
    "same time twice": ([*PAIR, "--echo-times", *TIMES[:5], TIMES[4], "--field-strength", 3], "echo.times"),
    "millitesla": ([*PAIR, "--echo-times", *TIMES, "--field-strength", 3000], "field.strength: expected .* T.*3000"),
    "two echoes": (["two.nii", "--echo-times", 1.2, 2.4, "--field-strength", 3], "three or more"),
    "phase in degrees": (["mag.nii", "--phase", "degrees.nii", *SAID], "phase: expected values of"),
    "other grid": (["mag.nii", "--phase", "smaller.nii", *SAID], "smaller.nii.*(grid|shape|size)"),
    "same file twice": (["mag.nii", "--phase", "mag.nii", *SAID], "expected once"),
    "real part alone": (["real.nii", *SAID], "real.nii, image 1: expected magnitudes of 0 or more"),
    "magnitudes for a complex fit": (["mag.nii", "--method", "complex", *SAID], "method.*complex"),
    "all zero": (["zero.nii", "--phase", "phase.nii", *SAID], "zero.nii"),
    "empty mask": ([*PAIR, *SAID, "--mask", "empty.nii"], "--mask empty.nii: expected at least one voxel"),
    "region elsewhere": ([*PAIR, *SAID, "--regions", "a=elsewhere.nii"], "region 'a'"),
    "one T1": ([*PAIR, *SAID, "--t1-water", 1000], "--t1-water and --t1-fat"),
    "T1 without TR": ([*PAIR, *SAID, "--t1-water", 1000, "--t1-fat", 300], "repetition_time|repetition time"),
    "map without unit": (["--maps", "PDFF=pdff.nii"], "PDFF.*--map-scale"),
    "unknown map": (
        ["--maps", "T1=pdff.nii"],
        "--maps: expected NAME=MAP with a name of PDFF, R2star, T2star, ADC, D, Dstar, DDC, MD, f, alpha, MK, "
        "got 'T1=pdff.nii'",
    ),
    "unknown unit": (["--maps", "PDFF=pdff.nii", "--map-scale", "PDFF=mm"], "unit"),
    "scale of nothing": (["--maps", "PDFF=pdff.nii", "--map-scale", "R2star=1/s"], "--map-scale.*R2star"),
    "maps and images": ([*PAIR, "--maps", "PDFF=pdff.nii"], "--maps"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input(folder, tmp_path, words, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["fatwater", *map(str, words), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert said.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "out").exists()
