"""DICOM folders as input of the commands, on simulated series of several manufacturers."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.cli.region_commands.inputs import read_picture
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.folders import anatomical, scatter
from Testing.support.dicom.ge import ge_diffusion, ge_fat_fraction
from Testing.support.dicom.philips import philips_diffusion, philips_echoes
from Testing.support.dicom.philips_frames import philips_fat_fraction
from Testing.support.dicom.siemens import siemens_echoes


def run(*words):
    return main([str(word) for word in words])


def assert_anonymous(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            for word in PATIENT.values():
                assert word.encode() not in path.read_bytes(), path.name


@pytest.fixture
def mixed(tmp_path):
    """Two diffusion series and an anatomical one in one heap of files without names."""
    made = {"ge": ge_diffusion(tmp_path / "a"), "philips": philips_diffusion(tmp_path / "b")}
    made["t1"] = anatomical(tmp_path / "c")
    scatter(tmp_path / "heap", *(truth.folder for truth in made.values()))
    return tmp_path / "heap", made


def test_inventory_tells_what_a_heap_of_files_holds(mixed, capsys):
    heap, made = mixed
    (heap / "notes.txt").write_text("no image")
    assert run("inventory", heap) == 0
    said = capsys.readouterr().out
    assert "b 0 50 400 800 s/mm2" in said
    assert said.count("diffusion") >= 2
    assert "anatomical" in said
    assert "notes.txt" in said
    for word in PATIENT.values():
        assert word not in said
    assert run("inventory", heap, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert {entry["uid"] for entry in data["series"]} == {uid for truth in made.values() for uid in truth.uids}
    assert run("inventory", heap / "none") == 2
    assert "none" in capsys.readouterr().err


def test_diffusion_of_the_series_that_is_named(mixed, capsys):
    heap, made = mixed
    out = heap.parent / "out"
    assert run("diffusion", heap, "--models", "adc", "--out", out) == 2
    assert "expected one diffusion series" in capsys.readouterr().err.replace("only ", "")
    truth = made["ge"]
    assert run("diffusion", heap, "--dicom-series", truth.uids[0], "--models", "adc", "--out", out) == 0
    said = capsys.readouterr().out
    assert "note: b 50 s/mm2: 1 volume, from GE (0043,1039)" in said
    adc = nib.load(out / "ADC.nii.gz")
    np.testing.assert_allclose(adc.affine, truth.affine, atol=1e-4)
    record = json.loads((out / "run.json").read_text())
    assert record["bvalues_s_per_mm2"] == truth.bvalues.tolist()
    assert record["acquisition"]["vendor"] == "GE"
    # The fit is that of the numbers that were simulated.
    signal = truth.signal[1, 2, 3]
    fitted = np.asarray(adc.dataobj)[3, 2, 1] * 1e-3
    grid = fitted + np.array([-1e-5, 0.0, 1e-5])
    model = np.exp(-np.outer(grid, truth.bvalues))
    scale = (model @ signal) / (model**2).sum(axis=1)
    left = ((signal - scale[:, None] * model) ** 2).sum(axis=1)
    assert left.argmin() == 1
    assert_anonymous(out)


@pytest.mark.parametrize("made", [philips_echoes, siemens_echoes])
def test_fatwater_of_magnitudes_and_phases(tmp_path, made):
    truth = made(tmp_path / "a")
    out = tmp_path / "out"
    assert run("fatwater", truth.folder, "--repetition-time", 8, "--out", out) == 0
    np.testing.assert_allclose(nib.load(out / "PDFF.nii.gz").affine, truth.affine, atol=1e-4)
    record = json.loads((out / "run.json").read_text())
    np.testing.assert_allclose(record["echo_times_s"], truth.echo_times)
    assert record["method"] == "complex"
    assert_anonymous(out)


def test_scanner_maps_from_dicom(tmp_path, capsys):
    told, untold = philips_fat_fraction(tmp_path / "a"), ge_fat_fraction(tmp_path / "b")
    region = np.ones(told.signal.shape[:3], np.uint8)
    nib.save(nib.Nifti1Image(region.transpose(2, 1, 0), told.affine), tmp_path / "all.nii.gz")
    words = ["--regions", f"all={tmp_path / 'all.nii.gz'}"]
    assert told.scale is not None
    assert run("fatwater", "--maps", f"PDFF={told.folder}", *words, "--out", tmp_path / "out") == 0
    with (tmp_path / "out" / "measurements.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["unit"] == "%"
    assert float(row["value"]) == pytest.approx(told.signal.mean() * told.scale[0] + told.scale[1], rel=1e-4)
    assert run("fatwater", "--maps", f"PDFF={untold.folder}", *words, "--out", tmp_path / "out2") == 2
    assert "--map-scale PDFF=" in capsys.readouterr().err
    assert_anonymous(tmp_path / "out")


def test_an_image_for_regions_is_a_series_of_a_folder(mixed):
    heap, made = mixed
    truth = made["t1"]
    volume = read_picture("--image", f"{heap}#{truth.uids[0]}")
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-4)
    np.testing.assert_array_equal(volume.values, truth.signal[..., 0])
    with pytest.raises(ValueError, match=r"--image .*expected one series"):
        read_picture("--image", str(heap))
    with pytest.raises(ValueError, match="expected a DICOM folder and a series as FOLDER#NUMBER"):
        read_picture("--image", "none.nii.gz#5")


def test_options_that_do_not_go_with_the_input(tmp_path, capsys):
    truth = ge_diffusion(tmp_path / "a")
    (tmp_path / "b.bval").write_text("0 1")
    assert run("diffusion", truth.folder, "--bval", tmp_path / "b.bval", "--out", tmp_path / "out") == 2
    assert "--bvalues" in capsys.readouterr().err
    assert run("diffusion", tmp_path / "x.nii.gz", "--dicom-series", 3, "--out", tmp_path / "out") == 2
    assert "--dicom-series: expected with a DICOM folder" in capsys.readouterr().err
    assert run("fatwater", truth.folder, "--phase", "x.nii", "--out", tmp_path / "out") == 2
    assert "--phase: expected with image files only" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
