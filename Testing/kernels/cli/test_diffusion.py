import csv
import json

import nibabel as nib
import nrrd
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.diffusion import fit_ivim
from mrbiomarkers.files import write_nifti_series
from mrbiomarkers.maps import Status
from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.series import DiffusionSeries
from Testing.support.simulate import B_ALL, ivim_signal
from Testing.support.volumes import SMALL_AFFINE as AFFINE
from Testing.support.volumes import SMALL_SHAPE as SHAPE
from Testing.support.volumes import pynrrd_write


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
    expected = {f"{n}.nii.gz" for n in names} | {f"{n}.json" for n in names} | {"measurements.csv", "run.json"}
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
    assert "its standard error exceeds its value" in legend["flags, which add up"]["256"]


def test_a_d_star_that_noise_hides_is_flagged_in_the_status_image(folder, signal):
    noisy = signal + 0.2 * signal.max() * np.random.default_rng(8).normal(size=signal.shape)
    nib.save(nib.Nifti1Image(noisy.astype(np.float32), AFFINE), folder / "noisy.nii.gz")
    words = ("--bval", folder / "dwi.bval", "--models", "ivim")
    assert run(folder, folder / "noisy.nii.gz", *words) == 0
    image = nib.load(folder / "out" / "status_ivim.nii.gz")
    assert image.get_data_dtype() == np.uint16
    fitted = fit_ivim(noisy.astype(np.float32), B_ALL)
    hidden = (np.asarray(image.dataobj) & int(Status.NOT_IDENTIFIABLE)) != 0
    np.testing.assert_array_equal(hidden, (fitted.status_of("Dstar") & Status.NOT_IDENTIFIABLE) != 0)
    counted = json.loads((folder / "out" / "Dstar.json").read_text())["voxels"]["not_identifiable"]
    assert counted == hidden.sum() > 0


def test_four_models_errors_bounds_and_a_reference_region(folder):
    regions = [f"one={folder / 'one.nii.gz'}", f"two={folder / 'two.nii.gz'}"]
    words = ["--models", "adc", "ivim", "stretched", "kurtosis", "--errors", "--reference-region", "two"]
    words += ["--bounds", "Dstar=20,25", "f=0,0.9", "--regions", *regions]
    assert run(folder, folder / "dwi.nii.gz", *words) == 0
    out = folder / "out"
    for name in ("DDC", "alpha", "MD", "MK", "sd_D", "sd_MK", "sd_S0_kurtosis", "status_stretched"):
        assert (out / f"{name}.nii.gz").exists(), name
    beside = json.loads((out / "Dstar.json").read_text())
    assert beside["provenance"]["bounds"]["Dstar"] == pytest.approx([20e-3, 25e-3])
    assert np.nanmax(np.asarray(nib.load(out / "Dstar.nii.gz").dataobj)) == pytest.approx(25.0)
    assert json.loads((out / "sd_D.json").read_text())["unit"] == "10^-3 mm2/s"
    rows = table(folder)
    values = [float(rows[region, "MK", "kurtosis", "fit of mean signal"]["value"]) for region in ("one", "two")]
    ratio = rows["one", "rMK", "kurtosis", "fit of mean signal"]
    assert float(ratio["value"]) == pytest.approx(values[0] / values[1])
    assert ("two", "rMK", "kurtosis", "fit of mean signal") not in rows
    assert not [key for key in rows if key[1].startswith("sd_")]


def test_repeats_dummy_and_excluded_b_values(folder, signal):
    shuffled = np.concatenate([signal[..., ::-1], signal[..., :1] * 1.02, signal[..., 5:6] * 0.5], axis=-1)
    nib.save(nib.Nifti1Image(shuffled.astype(np.float32), AFFINE), folder / "many.nii.gz")
    b = [*B_ALL[::-1], 0.001, 3000]
    words = ["--bvalues", *b, "--exclude-b", 3000, "--models", "ivim"]
    assert run(folder, folder / "many.nii.gz", *words) == 0
    record = json.loads((folder / "out" / "run.json").read_text())
    assert record["bvalues_s_per_mm2"] == B_ALL.tolist()
    assert record["averages"][0] == 2
    assert "0.001 as 0" in " ".join(record["images"])
    assert run(folder, folder / "many.nii.gz", *words, "--repeats", "keep", out="kept") == 0
    ours, kept = (np.asarray(nib.load(folder / out / "D.nii.gz").dataobj) for out in ("out", "kept"))
    # one mean of two images with weight two is the same least-squares fit as two images
    np.testing.assert_allclose(ours, kept, rtol=1e-4)


def test_preset_gives_b_values_averages_models_and_bounds(folder, signal):
    (folder / "dwi.bval").unlink()
    assert run(folder, folder / "dwi.nii.gz", "--preset", "b_all", "--selection") == 0
    record = json.loads((folder / "out" / "run.json").read_text())
    assert record["bvalues_s_per_mm2"] == B_ALL.tolist()
    assert record["settings"]["bounds"]["Dstar"] == [5e-3, 1.0]
    best = np.asarray(nib.load(folder / "out" / "best_model.nii.gz").dataobj)
    assert json.loads((folder / "out" / "best_model.json").read_text())["numbers"]["2"] == "IVIM"
    assert np.all(best == 2)
    assert np.nanmin(np.asarray(nib.load(folder / "out" / "R2_ivim.nii.gz").dataobj)) > 0.9999
    nib.save(nib.Nifti1Image(signal[..., :10].astype(np.float32), AFFINE), folder / "ten.nii.gz")
    assert run(folder, folder / "ten.nii.gz", "--preset", "spinal_lesion", "--models", "adc", out="lesion") == 0
    assert json.loads((folder / "lesion" / "run.json").read_text())["averages"] == [2, 2, 2, 1, 1, 1, 2, 4, 6, 8]


def test_noise_floor_is_taken_off_the_region_signal(folder):
    rng = np.random.default_rng(1)
    clean = ivim_signal(B_ALL, 100.0, 0.1, 1.2e-3, 0.03)
    noise = rng.normal(0, 12.0, (2, 20, 20, 5, B_ALL.size))
    nib.save(nib.Nifti1Image(np.hypot(clean + noise[0], noise[1]).astype(np.float32), AFFINE), folder / "noisy.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((20, 20, 5), np.uint8), AFFINE), folder / "all.nii.gz")
    words = [folder / "noisy.nii.gz", "--bval", folder / "dwi.bval", "--models", "ivim", "--regions"]
    words.append(f"x={folder / 'all.nii.gz'}")
    assert run(folder, *words, out="plain") == 0
    assert run(folder, *words, "--noise-sigma", 12, out="corrected") == 0
    plain, corrected = (
        float(table(folder, o)["x", "D", "ivim", "fit of mean signal"]["value"]) for o in ("plain", "corrected")
    )
    assert plain < 1.15
    assert corrected == pytest.approx(1.2, abs=0.03)


def test_residual_fat_raises_d_to_what_it_is_without_the_fat(folder, signal):
    fat = 0.2
    mixed = (1 - fat) * signal + fat * 500.0 * np.exp(-B_ALL * 0.03e-3)
    nib.save(nib.Nifti1Image(mixed.astype(np.float32), AFFINE), folder / "fat.nii.gz")
    nib.save(nib.Nifti1Image(np.full(SHAPE, fat, np.float32), AFFINE), folder / "eta.nii.gz")
    words = [folder / "fat.nii.gz", "--bval", folder / "dwi.bval", "--models", "ivim"]
    words += ["--regions", f"two={folder / 'two.nii.gz'}"]
    assert run(folder, *words, out="plain") == 0
    assert run(folder, *words, "--eta", fat, "--eta-sd", "0.02", "--errors", out="number") == 0
    assert run(folder, *words, "--eta", folder / "eta.nii.gz", out="map") == 0
    assert run(folder, folder / "dwi.nii.gz", *words[1:], out="truth") == 0
    rows = {
        out: table(folder, out)["two", "D", "ivim", "fit of mean signal"] for out in ("plain", "number", "map", "truth")
    }
    truth = float(rows["truth"]["value"])
    assert float(rows["plain"]["value"]) < 0.85 * truth
    for out in ("number", "map"):
        assert float(rows[out]["value"]) == pytest.approx(truth, rel=1e-3)
        maps = (np.asarray(nib.load(folder / name / "D.nii.gz").dataobj) for name in (out, "truth"))
        np.testing.assert_allclose(*maps, rtol=1e-3)
    assert float(rows["number"]["se"]) > 2 * float(rows["map"]["se"])  # the uncertainty of eta is in it
    assert (folder / "map" / "eta.nii.gz").exists()
    # F = 40 %, half of the fat left, equal T2: eta = 0.2 / (0.2 + 0.6)
    nib.save(nib.Nifti1Image(np.full(SHAPE, 40, np.float32), AFFINE), folder / "pdff.nii.gz")
    words += ["--pdff", folder / "pdff.nii.gz", "--residue", 0.5, "--echo-time", 60, "--t2-fat", 50, "--t2-water", 50]
    assert run(folder, *words, out="pdff") == 0
    np.testing.assert_allclose(np.asarray(nib.load(folder / "pdff" / "eta.nii.gz").dataobj), 0.25, rtol=1e-5)


def test_fitted_residual_fat_moves_from_its_prior_to_the_truth(folder, signal, capsys):
    fat = 0.2
    mixed = (1 - fat) * signal + fat * 500.0 * np.exp(-B_ALL * 0.03e-3)
    mixed += np.random.default_rng(2).normal(0, 0.2, mixed.shape)
    nib.save(nib.Nifti1Image(mixed.astype(np.float32), AFFINE), folder / "fat.nii.gz")
    words = [folder / "fat.nii.gz", "--bval", folder / "dwi.bval", "--models", "ivim", "--errors"]
    words += ["--regions", f"two={folder / 'two.nii.gz'}", "--eta", "0.12", "--eta-sd", "0.05"]
    assert run(folder, *words, out="held") == 0
    assert run(folder, *words, "--fit-eta", out="fitted") == 0
    assert "eta" in capsys.readouterr().out
    truth = 1e3 * fit_ivim(signal, B_ALL).D
    inside = np.asarray(nib.load(folder / "two.nii.gz").dataobj) > 0
    bias = {}
    for out in ("held", "fitted"):
        d = np.asarray(nib.load(folder / out / "D.nii.gz").dataobj)
        bias[out] = abs(np.mean((d - truth)[inside]))
    assert bias["fitted"] < 0.7 * bias["held"]
    share = np.asarray(nib.load(folder / "fitted" / "eta.nii.gz").dataobj)
    assert 0.14 < share[inside].mean() < 0.21
    assert np.asarray(nib.load(folder / "fitted" / "sd_eta.nii.gz").dataobj)[inside].mean() < 0.05
    for quantity, low, high in (("eta", 0.14, 0.24), ("D", 0.5, 1.0)):
        row = table(folder, "fitted")["two", quantity, "ivim", "fit of mean signal"]
        assert low < float(row["value"]) < high
        assert float(row["ci_low"]) < float(row["value"]) < float(row["ci_high"])
    assert ("two", "eta", "ivim", "fit of mean signal") not in table(folder, "held")
    beside = json.loads((folder / "fitted" / "eta.json").read_text())["provenance"]["residual_fat"]
    assert (beside["eta"], beside["prior"]) == ("fitted", {"eta": 0.12, "eta_sd": 0.05})
    assert json.loads((folder / "fitted" / "run.json").read_text())["settings"]["fit_eta"] is True


def test_selection_writes_the_f_tests_of_regions(folder, capsys):
    words = [folder / "dwi.nii.gz", "--models", "adc", "ivim", "kurtosis", "--regions", f"one={folder / 'one.nii.gz'}"]
    assert run(folder, *words, "--selection") == 0
    assert "p_F" in capsys.readouterr().out
    rows = {model: row for (_, key, model, _), row in table(folder).items() if key == "p_F"}
    assert sorted(rows) == ["ivim", "kurtosis"]
    assert float(rows["ivim"]["value"]) < 1e-3
    assert run(folder, *words, out="plain") == 0
    assert not [key for key in table(folder, "plain") if key[1] == "p_F"]


def test_motion_is_corrected_and_its_table_written(tmp_path):
    phantom = lumbar_diffusion(shape=(5, 64, 64), snr=60, seed=3, bvalues=[0, 100, 400, 800])
    moved = phantom.series.signal.copy()
    moved[..., 2] = np.roll(moved[..., 2], 2, axis=1)
    write_nifti_series(tmp_path / "dwi.nii.gz", DiffusionSeries(moved, phantom.series.bvalues, phantom.series.affine))
    assert run(tmp_path, tmp_path / "dwi.nii.gz", "--models", "adc", "--motion") == 0
    with (tmp_path / "out" / "motion.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["outcome"] for row in rows] == ["reference", "below threshold", "applied", "below threshold"]
    assert abs(float(rows[2]["shift_voxels"]) - 2) < 0.2


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


def test_cancel_by_keyboard_leaves_whole_files_only(folder, monkeypatch, capsys):
    import mrbiomarkers.study.diffusion_results as command

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
