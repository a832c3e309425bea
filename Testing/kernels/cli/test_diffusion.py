import csv
import json
import re

import nibabel as nib
import nrrd
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.diffusion import fit_ivim
from mrbiomarkers.maps import Status
from Testing.support.simulate import B_ALL, ivim_signal
from Testing.support.volumes import oblique_affine, pynrrd_write

SHAPE = (6, 9, 4)  # as nibabel and pynrrd hold it: i, j, k
AFFINE = oblique_affine((2.0, 2.5, 4.0))


@pytest.fixture
def signal():
    """Signal whose D encodes the voxel's superior position, so that a swapped axis shows in the table."""
    i, j, k = np.indices(SHAPE)
    superior = (AFFINE[:3, :3] @ np.stack([i, j, k]).reshape(3, -1) + AFFINE[:3, 3:])[2].reshape(SHAPE)
    slow = 0.3e-3 + 0.6e-3 * (superior - superior.min()) / np.ptp(superior)
    return ivim_signal(B_ALL, 500.0, np.full(SHAPE, 0.25)[..., None], slow[..., None], 0.03)[..., 0, :]


@pytest.fixture
def folder(tmp_path, signal):
    nib.save(nib.Nifti1Image(signal.astype(np.float32), AFFINE), tmp_path / "dwi.nii.gz")
    (tmp_path / "dwi.bval").write_text(" ".join(f"{b:g}" for b in B_ALL))
    for name, part in (("one", np.s_[1:3, 2:6, 1]), ("two", np.s_[3:6, 5:9, 2:4])):
        mask = np.zeros(SHAPE, np.uint8)
        mask[part] = 1
        nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / f"{name}.nii.gz")
    return tmp_path


def run(folder, *words, out="out"):
    return main(["diffusion", *map(str, words), "--out", str(folder / out)])


def table(folder, out="out"):
    with (folder / out / "measurements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {(r["region"], r["quantity"], r["model"], r["method"]): r for r in rows}


def test_maps_table_and_figures(folder, signal, capsys):
    regions = [f"one={folder / 'one.nii.gz'}", f"two={folder / 'two.nii.gz'}"]
    assert run(folder, folder / "dwi.nii.gz", "--regions", *regions, "--subject", "s1", "--reader", "A") == 0
    out = folder / "out"
    names = {"ADC", "f", "D", "Dstar", "S0_adc", "S0_ivim", "rmse_adc", "rmse_ivim", "status_adc", "status_ivim"}
    expected = {f"{n}.nii.gz" for n in names} | {f"{n}.json" for n in names} | {"measurements.csv"}
    expected |= {f"{kind}_{region}.png" for kind in ("decay", "maps") for region in ("one", "two")}
    assert {path.name for path in out.iterdir()} == expected
    written = nib.load(out / "D.nii.gz")
    peer = fit_ivim(signal.astype(np.float32), B_ALL).D * np.float32(1e3)
    np.testing.assert_allclose(np.asarray(written.dataobj), peer, rtol=1e-6)
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-4)  # NIfTI headers are single precision
    mask = np.asarray(nib.load(folder / "two.nii.gz").dataobj) > 0
    row = table(folder)["two", "D", "ivim", "mean of map"]
    assert float(row["mean"]) == pytest.approx(peer[mask].mean(), rel=1e-5)
    assert (row["subject"], row["reader"], row["unit"]) == ("s1", "A", "10^-3 mm2/s")
    assert int(row["n_voxels"]) == mask.sum()
    assert float(row["volume_mm3"]) == pytest.approx(mask.sum() * 20.0, rel=1e-4)
    beside = json.loads((out / "D.json").read_text())
    assert beside["unit"] == "10^-3 mm2/s"
    assert beside["provenance"]["bvalues"] == B_ALL.tolist()
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr()
    assert str(out.resolve()) in said.out
    assert "Fitting voxels: 432" in said.err


def test_nothing_that_is_exported_holds_the_name_of_an_input_file(folder):
    (folder / "dwi.nii.gz").rename(folder / "DOE_JOHN.nii.gz")
    (folder / "dwi.bval").rename(folder / "DOE_JOHN.bval")
    assert run(folder, folder / "DOE_JOHN.nii.gz", "--regions", f"one={folder / 'one.nii.gz'}") == 0
    for path in (folder / "out").iterdir():
        assert b"DOE" not in path.read_bytes(), path.name


def test_nrrd_in_nrrd_out_and_a_segmentation_in_other_space(folder, signal):
    lps = np.diag([-1.0, -1, 1, 1]) @ AFFINE
    header = {
        "space": "right-anterior-superior",
        "space directions": [*AFFINE[:3, :3].T, [np.nan] * 3],
        "space origin": AFFINE[:3, 3],
        "kinds": ["domain"] * 3 + ["list"],
        "axis 3 index type": "numeric",
        "axis 3 index values": " ".join(f"{b:g}" for b in B_ALL),
    }
    pynrrd_write(folder / "dwi.seq.nrrd", signal.astype(np.float32), header)
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 2:6, 1], labels[3:6, 5:9, 2:4] = 1, 2
    segmentation = {
        "space": "left-posterior-superior",
        "space directions": lps[:3, :3].T,
        "space origin": lps[:3, 3],
        "kinds": ["domain"] * 3,
        "Segment0_ID": "Segment_1",
        "Segment0_Name": "one",
        "Segment0_LabelValue": "1",
        "Segment1_ID": "Segment_2",
        "Segment1_Name": "lesion 1",
        "Segment1_LabelValue": "2",
    }
    pynrrd_write(folder / "reader.seg.nrrd", labels, segmentation)
    assert run(folder, folder / "dwi.seq.nrrd", "--regions", folder / "reader.seg.nrrd", "--models", "ivim") == 0
    assert run(folder, folder / "dwi.nii.gz", "--regions", f"two={folder / 'two.nii.gz'}", out="nifti") == 0
    values, written = nrrd.read(str(folder / "out" / "D.nrrd"))
    peer = np.asarray(nib.load(folder / "nifti" / "D.nii.gz").dataobj)
    np.testing.assert_array_equal(values, peer)
    assert "10^-3 mm2/s" in written["MRBiomarkers.unit"]
    assert not (folder / "out" / "ADC.nrrd").exists()
    assert (folder / "out" / "decay_lesion_1.png").exists()
    ours = table(folder)["lesion 1", "D", "ivim", "mean of map"]
    assert float(ours["mean"]) == pytest.approx(
        float(table(folder, "nifti")["two", "D", "ivim", "mean of map"]["mean"])
    )


def test_b_values_by_hand_with_commas_win_over_the_file_beside(folder):
    doubled = ",".join(f"{2 * b:g}" for b in B_ALL)
    assert run(folder, folder / "dwi.nii.gz", "--bvalues", doubled, "--models", "adc") == 0
    beside = json.loads((folder / "out" / "ADC.json").read_text())
    assert beside["provenance"]["bvalues"] == (2 * B_ALL).tolist()


def test_integer_big_endian_input(folder, signal):
    counts = np.round(signal * 20).astype(">i2")
    image = nib.Nifti1Image(counts, AFFINE, nib.Nifti1Header(endianness=">"))
    nib.save(image, folder / "counts.nii")
    words = ("--bval", folder / "dwi.bval", "--models", "ivim")
    assert run(folder, folder / "counts.nii", *words) == 0
    d = np.asarray(nib.load(folder / "out" / "D.nii.gz").dataobj)
    np.testing.assert_allclose(d, fit_ivim(counts.astype(float), B_ALL).D * 1e3, rtol=1e-4)


def test_bad_voxels_are_nan_with_a_status_and_neighbours_are_untouched(folder, signal):
    damaged = signal.astype(np.float32)
    damaged[0, 0, 0], damaged[1, 0, 0], damaged[2, 0, 0] = 0, 7, -3
    damaged[3, 0, 0, 2], damaged[4, 0, 0, 5] = np.nan, np.inf
    nib.save(nib.Nifti1Image(damaged, AFFINE), folder / "bad.nii.gz")
    words = ("--bval", folder / "dwi.bval", "--models", "ivim", "--regions", f"one={folder / 'one.nii.gz'}")
    assert run(folder, folder / "bad.nii.gz", *words) == 0
    assert run(folder, folder / "dwi.nii.gz", *words, out="good") == 0
    bad, good = (np.asarray(nib.load(folder / out / "D.nii.gz").dataobj) for out in ("out", "good"))
    touched = np.zeros(SHAPE, bool)
    touched[:5, 0, 0] = True
    assert np.isnan(bad[touched]).all()
    np.testing.assert_array_equal(bad[~touched], good[~touched])
    status = np.asarray(nib.load(folder / "out" / "status_ivim.nii.gz").dataobj)[:5, 0, 0]
    expected = [Status.NO_SIGNAL, Status.CONSTANT, Status.NO_SIGNAL, Status.NOT_FINITE, Status.NOT_FINITE]
    assert [Status(int(flag)) for flag in status] == expected
    legend = json.loads((folder / "out" / "status_ivim.json").read_text())
    assert legend["flags, which add up"]["2"] == "not fitted: NaN or infinite signal"


def test_fit_mask(folder):
    assert run(folder, folder / "dwi.nii.gz", "--mask", folder / "one.nii.gz", "--models", "adc") == 0
    adc = np.asarray(nib.load(folder / "out" / "ADC.nii.gz").dataobj)
    mask = np.asarray(nib.load(folder / "one.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(np.isfinite(adc), mask)


def test_region_from_another_grid_is_copied_when_asked(folder):
    fine = AFFINE.copy()
    fine[:3, :3] = AFFINE[:3, :3] / 2
    fine[:3, 3] = AFFINE[:3, 3] - AFFINE[:3, :3] @ [0.25, 0.25, 0.25]
    mask = np.zeros([2 * n for n in SHAPE], np.uint8)
    mask[2:6, 4:12, 2:4] = 1  # region "one", two voxels for each of its own
    nib.save(nib.Nifti1Image(mask, fine), folder / "fine.nii.gz")
    words = [folder / "dwi.nii.gz", "--regions", f"one={folder / 'fine.nii.gz'}", "--models", "adc"]
    assert run(folder, *words) == 2
    assert run(folder, *words, "--resample-regions") == 0
    assert run(folder, *words[:2], f"one={folder / 'one.nii.gz'}", "--models", "adc", out="same") == 0
    copied, same = (table(folder, out)["one", "ADC", "adc", "mean of map"] for out in ("out", "same"))
    assert copied == same


def test_a_second_run_is_refused_unless_overwrite_and_leaves_other_files_alone(folder, capsys):
    words = [folder / "dwi.nii.gz", "--models", "adc"]
    assert run(folder, *words) == 0
    (folder / "out" / "notes.txt").write_text("mine")
    before = (folder / "out" / "ADC.nii.gz").stat().st_mtime_ns
    assert run(folder, *words) == 2
    assert "expected an empty or new folder; --overwrite" in capsys.readouterr().err
    assert (folder / "out" / "ADC.nii.gz").stat().st_mtime_ns == before
    assert run(folder, *words, "--overwrite") == 0
    assert (folder / "out" / "notes.txt").read_text() == "mine"


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


def test_cancel_by_keyboard_leaves_whole_files_only(folder, monkeypatch, capsys):
    import mrbiomarkers.cli.diffusion as command

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "save_figure", stop)
    assert run(folder, folder / "dwi.nii.gz", "--regions", f"one={folder / 'one.nii.gz'}") == 130
    assert "cancelled; files already written are whole" in capsys.readouterr().err
    assert not [path for path in (folder / "out").iterdir() if path.name.startswith(".")]


def test_progress_that_is_cancelled_writes_nothing(folder, monkeypatch, capsys):
    import mrbiomarkers.cli.diffusion as command

    monkeypatch.setattr(command, "terminal_progress", lambda what: lambda done, total: False)
    assert run(folder, folder / "dwi.nii.gz") == 130
    assert "fit cancelled after 216 of 216 voxels" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["diffusion", "--help"])
    assert stop.value.code == 0
    assert "mrbiomarkers diffusion dwi.nii.gz --regions" in capsys.readouterr().out


def test_unknown_model_is_refused_by_the_parser(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        run(folder, folder / "dwi.nii.gz", "--models", "dti")
    assert stop.value.code == 2
    assert "invalid choice: 'dti'" in capsys.readouterr().err
