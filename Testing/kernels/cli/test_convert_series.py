"""``mrbiomarkers convert`` on simulated series of several manufacturers: numbers, geometry, names, and no patient."""

import json

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import EchoFiles, read_echo_series, read_series
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.faults import edit
from Testing.support.dicom.folders import anatomical, files_of, scatter
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.philips import philips_diffusion, philips_echoes
from Testing.support.dicom.siemens import siemens_csa, siemens_echoes, siemens_private
from Testing.support.dicom_results import identity_left


def run(*words):
    return main([str(word) for word in words])


def assert_nothing_of_the_patient(folder):
    paths = [path for path in folder.iterdir() if path.is_file()]
    assert paths
    for path in paths:
        content = nib.load(path).header.binaryblock if path.name.endswith(".nii.gz") else path.read_bytes()
        assert identity_left(path) == [], path.name
        assert not any(word.encode() in content for word in PATIENT.values()), path.name


@pytest.mark.parametrize("made", [ge_diffusion, philips_diffusion, siemens_private])
def test_diffusion_to_nifti(tmp_path, made, capsys):
    truth = made(tmp_path / "a")
    out = tmp_path / "out" / "dwi.nii.gz"
    out.parent.mkdir()
    assert run("convert", truth.folder, "--out", out) == 0
    image = nib.load(out)
    np.testing.assert_allclose(image.affine, truth.affine, atol=1e-4)
    stored = np.asarray(image.dataobj).transpose(2, 1, 0, 3)
    ratio = stored / truth.signal
    np.testing.assert_allclose(ratio, ratio.flat[0] if truth.any_scale else 1.0, rtol=1e-6)
    np.testing.assert_allclose(np.loadtxt(out.parent / "dwi.bval"), truth.bvalues)
    bvec = out.parent / "dwi.bvec"
    assert bvec.exists() == (truth.directions is not None)
    if truth.directions is not None:
        axes = truth.affine[:3, :3] / np.linalg.norm(truth.affine[:3, :3], axis=0)
        turned = np.loadtxt(bvec) * np.array([[-1.0 if np.linalg.det(axes) > 0 else 1.0], [1.0], [1.0]])
        np.testing.assert_allclose((axes @ turned).T, np.nan_to_num(truth.directions), atol=1e-5)
    record = json.loads((out.parent / "dwi.json").read_text())
    assert record["bvalues_s_per_mm2"] == truth.bvalues.tolist()
    assert record["acquisition"]["field_strength"] == 3
    assert_nothing_of_the_patient(out.parent)
    assert "note: b 0 s/mm2" in capsys.readouterr().out


def test_diffusion_to_a_sequence(tmp_path, capsys):
    truth = ge_diffusion(tmp_path / "a")
    out = tmp_path / "dwi.seq.nrrd"
    assert run("convert", truth.folder, "--out", out) == 0
    series = read_series(out)
    np.testing.assert_allclose(series.affine, truth.affine, atol=1e-6)
    np.testing.assert_array_equal(series.signal, truth.signal)
    np.testing.assert_array_equal(series.bvalues, truth.bvalues)
    assert b"axis 0 index values:=0 50 400 800" in out.read_bytes()
    assert identity_left(out) == identity_left(tmp_path / "dwi.json") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a", "dwi.seq.nrrd", "dwi.json"}


def test_a_sequence_has_one_volume_for_each_bvalue(tmp_path, capsys):
    truth = siemens_csa(tmp_path / "a", repeats=2)
    known, counts = np.unique(truth.bvalues, return_counts=True)
    assert counts.max() > 1
    out = tmp_path / "dwi.seq.nrrd"
    assert run("convert", truth.folder, "--out", out, "--repeats", "keep") == 2
    assert "--repeats: expected averages or directions" in capsys.readouterr().err
    assert not out.exists()
    assert run("convert", truth.folder, "--out", out) == 0
    assert f"{truth.bvalues.size} volumes combined to {known.size}" in capsys.readouterr().out
    series = read_series(out)
    np.testing.assert_array_equal(series.bvalues, known)
    for number, b in enumerate(known):
        mean = truth.signal[..., truth.bvalues == b].mean(axis=-1)
        np.testing.assert_allclose(series.signal[..., number], mean, rtol=1e-6)


def test_directions_are_combined_by_the_geometric_mean(tmp_path):
    truth = siemens_private(tmp_path / "a")
    out = tmp_path / "dwi.seq.nrrd"
    assert run("convert", truth.folder, "--out", out) == 0
    series = read_series(out)
    np.testing.assert_array_equal(series.bvalues, [0, 500, 1000])
    np.testing.assert_allclose(series.signal[..., 1], np.sqrt(truth.signal[..., 1] * truth.signal[..., 2]), rtol=1e-6)


@pytest.mark.parametrize("made", [siemens_echoes, philips_echoes])
def test_echoes_to_nifti(tmp_path, made):
    truth = made(tmp_path / "a")
    out = tmp_path / "out" / "echoes.nii.gz"
    out.parent.mkdir()
    assert run("convert", truth.folder, "--out", out) == 0
    assert {path.name for path in out.parent.iterdir()} == {"echoes.nii.gz", "echoes_phase.nii.gz", "echoes.json"}
    read = read_echo_series(EchoFiles(magnitude=out, phase=out.parent / "echoes_phase.nii.gz")).series
    np.testing.assert_allclose(read.affine, truth.affine, atol=1e-4)
    np.testing.assert_allclose(read.echo_times, truth.echo_times)
    assert read.field_strength == 3
    ratio = read.signal / truth.signal
    np.testing.assert_allclose(ratio, np.abs(ratio.flat[0]) if truth.any_scale else 1.0, atol=2e-3)
    assert_nothing_of_the_patient(out.parent)


def test_echoes_to_sequences(tmp_path):
    truth = siemens_echoes(tmp_path / "a")
    out = tmp_path / "out" / "echoes.seq.nrrd"
    out.parent.mkdir()
    assert run("convert", truth.folder, "--out", out) == 0
    assert {path.name for path in out.parent.iterdir()} == {"echoes.seq.nrrd", "echoes_phase.seq.nrrd", "echoes.json"}
    for path in (out, out.parent / "echoes_phase.seq.nrrd"):
        head = path.read_bytes().split(b"\n\n")[0]
        assert b'labels: "TE" "" "" ""\nunits: "ms" "" "" ""' in head
        assert head.endswith(b"DataNodeClassName:=vtkMRMLScalarVolumeNode")
        assert b"axis 0 index values:=1.23 2.46 3.69\n" in head
    read = read_echo_series(EchoFiles(magnitude=out, phase=out.parent / "echoes_phase.seq.nrrd")).series
    np.testing.assert_allclose(read.affine, truth.affine, atol=1e-4)
    np.testing.assert_allclose(read.echo_times, truth.echo_times)
    np.testing.assert_allclose(read.signal, truth.signal, atol=2e-3)
    assert_nothing_of_the_patient(out.parent)
    assert run("diffusion", out, "--out", tmp_path / "fit") == 2  # echo times are no b-values


def test_magnitudes_alone_and_echo_times_by_hand(tmp_path):
    truth = siemens_echoes(tmp_path / "a")
    out = tmp_path / "m.nii.gz"
    assert run("convert", truth.folder, "--dicom-series", 2, "--echo-times", 1.5, 2.5, 4, "--out", out) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", "m.nii.gz", "m.json"}
    said = json.loads((tmp_path / "m.json").read_text())
    assert said["EchoTime"] == pytest.approx([1.5e-3, 2.5e-3, 4e-3])
    np.testing.assert_allclose(np.asarray(nib.load(out).dataobj).transpose(2, 1, 0, 3), np.abs(truth.signal), rtol=1e-6)


def test_the_series_is_named_where_there_are_several(tmp_path, capsys):
    dwi, echoes = ge_diffusion(tmp_path / "a"), philips_echoes(tmp_path / "b")
    for path in files_of(echoes.folder):
        edit(path, lambda ds: setattr(ds, "SeriesNumber", 9))
    heap = scatter(tmp_path / "heap", dwi.folder, echoes.folder, anatomical(tmp_path / "c").folder)
    assert run("convert", heap, "--out", tmp_path / "x.nii.gz") == 2
    assert "5 (diffusion), 9 (multi-echo)" in capsys.readouterr().err
    assert run("convert", heap, "--dicom-series", 9, "--out", tmp_path / "x.nii.gz") == 0
    assert nib.load(tmp_path / "x.nii.gz").shape[-1] == echoes.echo_times.size
    assert run("convert", heap, "--dicom-series", dwi.uids[0], "--out", tmp_path / "y.nii.gz") == 0
    assert nib.load(tmp_path / "y.nii.gz").shape[-1] == dwi.bvalues.size


def test_bvalues_by_hand(tmp_path):
    truth = anatomical(tmp_path / "a", n=3)
    out = tmp_path / "x.nii.gz"
    assert run("convert", truth.folder, "--bvalues", 0, 100, 600, "--out", out) == 0
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.bval"), [0, 100, 600])


def test_bad_input(tmp_path, capsys):
    echoes, one, plain = siemens_echoes(tmp_path / "a"), ge_diffusion(tmp_path / "b"), anatomical(tmp_path / "c")

    def complaint(*words):
        assert run("convert", *words) == 2
        return capsys.readouterr().err

    assert "--out" in complaint(one.folder, "--out", tmp_path / "x.nrrd")
    assert "does not exist" in complaint(one.folder, "--out", tmp_path / "none" / "x.nii.gz")
    assert "none" in complaint(tmp_path / "none", "--out", tmp_path / "x.nii.gz")
    assert "--repeats" in complaint(echoes.folder, "--repeats", "averages", "--out", tmp_path / "x.nii.gz")
    assert "got both" in complaint(one.folder, "--bvalues", 0, 5, "--echo-times", 1, 2, "--out", tmp_path / "x.nii.gz")
    words = ("--dicom-series", 77, "--out", tmp_path / "x.nii.gz")
    assert "series: expected a series of the folder, got '77'" in complaint(plain.folder, one.folder, *words)
    (tmp_path / "c" / "notes.txt").write_text("no image")
    text = complaint(plain.folder, "--out", tmp_path / "x.nii.gz")
    assert "got series 5: anatomical, one contrast" in text
    assert "--bvalues" in text
    assert "expected DICOM images, got none" in complaint(tmp_path / "c" / "notes.txt", "--out", tmp_path / "x.nii.gz")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}


def test_files_of_an_earlier_series_do_not_stay_beside(tmp_path, capsys):
    with_directions, without = siemens_private(tmp_path / "a"), siemens_echoes(tmp_path / "b")
    out = tmp_path / "x.nii.gz"
    assert run("convert", with_directions.folder, "--out", out) == 0
    assert (tmp_path / "x.bvec").exists()
    assert run("convert", without.folder, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert nib.load(out).shape[-1] == with_directions.bvalues.size
    assert run("convert", without.folder, "--out", out, "--overwrite") == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "x.nii.gz", "x_phase.nii.gz", "x.json"}
