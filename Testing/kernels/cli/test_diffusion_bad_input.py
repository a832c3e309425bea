"""Input that cannot be used: one line that names it, exit status 2, nothing written."""

import re

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from Testing.support.volumes import SMALL_AFFINE as AFFINE
from Testing.support.volumes import SMALL_SHAPE as SHAPE
from Testing.support.volumes import oblique_affine


def bad_text(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


def bad_image(folder, name, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(values, affine), folder / name)
    return folder / name


MASK = np.ones(SHAPE, np.uint8)

BAD = {
    "missing series": (lambda f: [f / "none.nii.gz"], "none.nii.gz: .*no such file|none.nii.gz: expected"),
    "unreadable series": (lambda f: [bad_text(f, "x.nii.gz", "hello"), "--bval", f / "dwi.bval"], "x.nii.gz: .*"),
    "unknown format": (lambda f: [bad_text(f, "x.txt", "hello")], r"x.txt: expected .*\.nii"),
    "three dimensions": (lambda f: [f / "one.nii.gz"], "one.nii.gz: expected a series of at least two images"),
    "no b-values": (
        lambda f: [bad_image(f, "y.nii.gz", np.ones((*SHAPE, 5)))],
        "y.nii.gz: no b-values found: beside it there is no y.bval .* Give them with --bvalues or --bval",
    ),
    "missing bval file": (lambda f: [f / "dwi.nii.gz", "--bval", f / "b.txt"], "b.txt: "),
    "text in bval file": (lambda f: [f / "dwi.nii.gz", "--bval", bad_text(f, "b", "0 ten")], "b: .*got 'ten'"),
    "text as b-value": (lambda f: [f / "dwi.nii.gz", "--bvalues", "0", "ten"], "--bvalues: expected numbers .* 'ten'"),
    "too many b-values": (
        lambda f: [f / "dwi.nii.gz", "--bvalues", *range(12)],
        "dwi.nii.gz: expected 11 b-values, one for each image, got 12 from caller",
    ),
    "negative b-value": (lambda f: [f / "dwi.nii.gz", "--bvalues", -5, *range(10)], "or more, got -5 s/mm2"),
    "equal b-values": (lambda f: [f / "dwi.nii.gz", "--bvalues", *[7] * 11], "at least two different b-values"),
    "too few b-values for IVIM": (
        lambda f: [f / "dwi.nii.gz", "--bvalues", *[0, 50, 900] * 3, 0, 0],
        "expected at least 4 different b-values for a model of 4 parameters, got 3",
    ),
    "missing region": (lambda f: [f / "dwi.nii.gz", "--regions", f"a={f / 'none.nii.gz'}"], "none.nii.gz: "),
    "region without a name": (
        lambda f: [f / "dwi.nii.gz", "--regions", f"={f / 'one.nii.gz'}"],
        "expected NAME=MASK with a name before",
    ),
    "same name twice": (
        lambda f: [f / "dwi.nii.gz", "--regions", f"a={f / 'one.nii.gz'}", f"a={f / 'two.nii.gz'}"],
        "expected a different name for each region, got 'a' twice",
    ),
    "same file name": (
        lambda f: [f / "dwi.nii.gz", "--regions", f"a b={f / 'one.nii.gz'}", f"a_B={f / 'two.nii.gz'}"],
        "'a b' and 'a_B' would give figures of the same file name",
    ),
    "empty region": (
        lambda f: [f / "dwi.nii.gz", "--regions", f"a={bad_image(f, 'e.nii.gz', 0 * MASK)}"],
        "region 'a' .*e.nii.gz.*: expected at least one voxel above 0, got an empty mask",
    ),
    "region of another size": (
        lambda f: [
            f / "dwi.nii.gz",
            "--regions",
            f"a={bad_image(f, 's.nii.gz', MASK[:, :, :3], np.diag([3, 3, 3, 1.0]))}",
        ],
        "region 'a' .*expected the grid of the series .6 x 9 x 4 voxels of 2 x 2.5 x 4 mm, origin .* "
        "got 6 x 9 x 3 voxels of 3 x 3 x 3 mm, origin .0.00, 0.00, 0.00. mm RAS; --resample-regions",
    ),
    "mask elsewhere": (
        lambda f: [f / "dwi.nii.gz", "--mask", bad_image(f, "m.nii.gz", MASK, oblique_affine((2, 2.5, 4), (0, 0, 0)))],
        "--mask .*m.nii.gz: expected the grid of the series",
    ),
    "region that does not overlap": (
        lambda f: [
            f / "dwi.nii.gz",
            "--resample-regions",
            "--regions",
            f"a={bad_image(f, 'far.nii.gz', MASK, oblique_affine((2, 2.5, 4), (900, 0, 0)))}",
        ],
        "region 'a' .*expected it to overlap the series",
    ),
    "bounds that are not numbers": (
        lambda f: [f / "dwi.nii.gz", "--bounds", "D=0;3"],
        "--bounds: expected NAME=LOW,HIGH with two numbers, got 'D=0;3'",
    ),
    "bounds of an unknown parameter": (
        lambda f: [f / "dwi.nii.gz", "--bounds", "Dp=0,3"],
        "bounds: expected parameter names among ADC, f, D, Dstar, .*; got 'Dp'",
    ),
    "lower bound above the upper": (
        lambda f: [f / "dwi.nii.gz", "--bounds", "D=3,1"],
        "bounds of D: expected lower < upper, got .0.003, 0.001.",
    ),
    "unknown reference region": (
        lambda f: [f / "dwi.nii.gz", "--regions", f"a={f / 'one.nii.gz'}", "--reference-region", "b"],
        "reference_region: expected one of the regions .a., got 'b'",
    ),
    "excluded b-value that is not there": (
        lambda f: [f / "dwi.nii.gz", "--exclude-b", 300],
        "bvalues to exclude: expected some of 0, 10, .* got 300",
    ),
    "eta outside (-1, 1)": (lambda f: [f / "dwi.nii.gz", "--eta", "1.2"], "eta: expected .*1.2"),
    "eta on another grid": (
        lambda f: [f / "dwi.nii.gz", "--eta", bad_image(f, "eta.nii.gz", MASK * 0.1, np.eye(4))],
        "--eta .*eta.nii.gz: expected the grid of the series",
    ),
    "PDFF on another grid": (
        lambda f: [
            *(f / "dwi.nii.gz", "--pdff", bad_image(f, "p.nii.gz", MASK * 40.0, np.eye(4)), "--residue", 0.1),
            *("--echo-time", 60, "--t2-fat", 50, "--t2-water", 30),
        ],
        "--pdff .*p.nii.gz: expected the grid of the series",
    ),
    "PDFF without the rest": (
        lambda f: [f / "dwi.nii.gz", "--pdff", f / "one.nii.gz"],
        "--pdff: expected --residue, --echo-time, --t2-fat, --t2-water with it",
    ),
    "residue without PDFF": (
        lambda f: [f / "dwi.nii.gz", "--residue", 0.1],
        "--residue: expected together with --pdff only",
    ),
    "fat with a method that cannot honour it": (
        lambda f: [f / "dwi.nii.gz", "--eta", "0.1", "--method", "shrinkage"],
        "fat: expected method 'nlls' with residual fat, got method 'shrinkage'",
    ),
    "fitted eta without its mean": (
        lambda f: [f / "dwi.nii.gz", "--fit-eta"],
        "--fit-eta: expected --eta or --pdff with it, the mean of its prior",
    ),
    "fitted eta without its width": (
        lambda f: [f / "dwi.nii.gz", "--fit-eta", "--eta", "0.1"],
        "--fit-eta: expected a finite --eta-sd above 0 with it, the width of its prior; got none",
    ),
    "fitted eta with a width of 0": (
        lambda f: [f / "missing.nii.gz", "--fit-eta", "--eta", "0.1", "--eta-sd", "0"],
        "--fit-eta: expected a finite --eta-sd above 0 with it, the width of its prior; got 0",
    ),
    "fitted eta without IVIM": (
        lambda f: [f / "dwi.nii.gz", "--fit-eta", "--eta", "0.1", "--eta-sd", "0.02", "--models", "adc", "kurtosis"],
        "fit_eta: expected ivim among the models, got adc, kurtosis",
    ),
    "output is a file": (lambda f: [f / "dwi.nii.gz", "--out", f / "dwi.bval"], "dwi.bval: expected a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_with_status_2_and_writes_nothing(case, folder, capsys):
    words, message = BAD[case]
    words = [str(word) for word in words(folder)]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    out = [] if "--out" in words else ["--out", str(folder / "out")]
    assert main(["diffusion", *words, *out]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("mrbiomarkers diffusion: error: ")
    assert re.search(message, said), said
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
