"""Batches of both modules write what the command writes for the same files, also without a scene or a window."""

import gc
import json
import os
import shutil
import subprocess
import sys
import tracemalloc

import nibabel as nib
import nrrd
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import write_regions
from mrbiomarkers.settings import DiffusionSettings, FatWaterSettings
from Testing.scene.batch_cases import ADC, add_regions, case_of_files, case_of_nodes, write_subject
from Testing.support.batches import names, states
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.philips import philips_diffusion
from Testing.support.dicom.siemens import siemens_echoes
from Testing.support.source_tree import ROOT


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("data"))


def command(*words):
    assert main([str(word) for word in words]) == 0


def voxels(path):
    """Numbers and geometry of an image, by a library that is not the product's own."""
    if path.name.endswith(".nrrd"):
        values, header = nrrd.read(str(path))
        return values, np.vstack([header["space directions"], header["space origin"]])
    image = nib.load(path)
    return np.asarray(image.dataobj), image.affine


def assert_same(case, expected, *, texts=(".csv", ".json")):
    """A case's folder holds what the command wrote, figures and the record of the batch aside."""
    wanted = [name for name in names(expected) if not name.endswith(".png")]
    assert [name for name in names(case) if name != "case.json"] == wanted
    for name in wanted:
        if name.endswith((".csv", ".json")):
            if name.endswith(texts):
                assert (case / name).read_text() == (expected / name).read_text(), name
            continue
        (ours, here), (theirs, there) = voxels(case / name), voxels(expected / name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(here, there, atol=1e-9)


@pytest.mark.parametrize("name", ["dwi.nii.gz", "dwi.seq.nrrd"])
def test_a_case_of_files_is_what_the_command_writes(ivim, data, tmp_path, name):
    folder = data.folder
    report = ivim.runBatch(
        [case_of_files(data, series=folder / name, timepoint="t0", reader="A")],
        DiffusionSettings(models=("adc", "ivim")),
        tmp_path / "out",
    )
    command("diffusion", folder / name, "--models", "adc", "ivim", "--regions", folder / "regions.seg.nrrd",
            "--subject", "S1", "--timepoint", "t0", "--reader", "A", "--out", tmp_path / "cli")  # fmt: skip

    assert (report.done, report.failed) == (["S1_t0_A"], {})
    assert_same(tmp_path / "out" / "S1_t0_A", tmp_path / "cli")
    assert {row.region for row in report.rows} == set(data.regions)
    whole = (tmp_path / "out" / "measurements.csv").read_text()
    assert whole == (tmp_path / "cli" / "measurements.csv").read_text()


def test_a_case_of_nodes_is_what_the_command_writes_of_the_file(ivim, data, tmp_path):
    folder = data.folder
    report = ivim.runBatch([case_of_nodes(data)], ADC, tmp_path / "out")
    command("diffusion", folder / "dwi.seq.nrrd", "--models", "adc", "--regions", folder / "regions.seg.nrrd",
            "--subject", "S1", "--out", tmp_path / "cli")  # fmt: skip

    assert report.failed == {}
    # Where the b-values came from differs: the index of a sequence, the header of a file.
    assert_same(tmp_path / "out" / "S1", tmp_path / "cli", texts=(".csv",))


@pytest.mark.parametrize("choose", ["number", "uid"])
def test_a_series_of_a_dicom_folder_is_what_the_command_writes(ivim, tmp_path, choose):
    truth, other = ge_diffusion(tmp_path / "s" / "a"), philips_diffusion(tmp_path / "s" / "b")
    inside = np.zeros(truth.signal.shape[:3], dtype=bool)
    inside[1:3, 3:8, 2:7] = True
    write_regions(tmp_path / "r.seg.nrrd", {"L3": inside}, truth.affine)
    series = truth.uids[0] if choose == "uid" else 5
    source = tmp_path / "s" if choose == "uid" else tmp_path / "s" / "a"
    case = {"subject": "S1", "series": source, "regions": tmp_path / "r.seg.nrrd", "dicomSeries": series}

    report = ivim.runBatch([case], ADC, tmp_path / "out")
    command("diffusion", source, "--dicom-series", series, "--models", "adc", "--regions", tmp_path / "r.seg.nrrd",
            "--subject", "S1", "--out", tmp_path / "cli")  # fmt: skip

    assert report.failed == {}
    assert_same(tmp_path / "out" / "S1", tmp_path / "cli")
    record = json.loads((tmp_path / "out" / "S1" / "run.json").read_text())
    assert record["acquisition"]["vendor"] == "GE"
    assert "b 50 s/mm2: 1 volume, from GE (0043,1039)" in record["notes"]
    assert other.uids[0] not in (tmp_path / "out" / "S1" / "run.json").read_text()


def test_echoes_of_files_and_nodes_are_what_the_command_writes(ideal, data, tmp_path):
    from mrbiomarkers.mrml import add_echo_sequences

    folder = data.folder
    nodes = add_echo_sequences(data.echoes, "Echoes")
    regions = add_regions(data.regions, data.affine)
    parts = {"magnitude": str(folder / "mag.nii.gz"), "phase": [folder / "phase.nii.gz"]}
    cases = [
        {"subject": "S1", **parts, "regions": folder / "regions.seg.nrrd"},
        {"subject": "S2", **nodes, "regions": regions},
        {"subject": "S3", "magnitude": nodes["magnitude"], "regions": regions, "phase": None},
        {"subject": "S4", "magnitude": parts["magnitude"], "phase": nodes["phase"]},
    ]
    with pytest.raises(TypeError, match=r"case S4: .* both as nodes or both as files"):
        ideal.runBatch(cases, None, tmp_path / "out")
    report = ideal.runBatch(cases[:3], FatWaterSettings(), tmp_path / "out")
    command("fatwater", folder / "mag.nii.gz", "--phase", folder / "phase.nii.gz", "--regions",
            folder / "regions.seg.nrrd", "--subject", "S1", "--out", tmp_path / "cli")  # fmt: skip

    assert report.failed == {}
    assert_same(tmp_path / "out" / "S1", tmp_path / "cli")
    # Nodes hold float32 of the same numbers.
    ours, theirs = (voxels(tmp_path / "out" / name)[0] for name in ("S2/PDFF.nrrd", "S1/PDFF.nii.gz"))
    assert np.isfinite(ours).mean() > 0.3
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    np.testing.assert_allclose(ours, theirs, atol=0.01)
    assert "magnitude" in (tmp_path / "out" / "S3" / "run.json").read_text()


def test_echoes_of_a_dicom_folder(ideal, tmp_path):
    siemens_echoes(tmp_path / "s")
    cases = [
        {"subject": "S1", "series": tmp_path / "s", "fieldStrength": 1.5},
        {"subject": "S2", "series": tmp_path / "s", "dicomSeries": 2},
    ]
    report = ideal.runBatch(cases, None, tmp_path / "out")
    command("fatwater", tmp_path / "s", "--field-strength", 1.5, "--out", tmp_path / "cli", "--subject", "S1")

    assert report.failed == {}
    assert_same(tmp_path / "out" / "S1", tmp_path / "cli")
    used = [json.loads((tmp_path / "out" / name / "run.json").read_text()) for name in ("S1", "S2")]
    assert [one["field_strength_T"] for one in used] == [1.5, 3.0]
    assert [one["method"] == "magnitude" for one in used] == [False, True]


def test_a_scene_that_is_closed_meanwhile_changes_nothing(ivim, data, tmp_path):
    import slicer

    cases = [case_of_nodes(data, subject=name) for name in ("S1", "S2")]
    seen = []

    def close(done, total):
        seen.append((done, total))
        slicer.mrmlScene.Clear()
        return True

    report = ivim.runBatch([*cases, case_of_files(data, subject="S3")], ADC, tmp_path / "out", progress=close)

    assert (report.done, report.failed) == (["S1", "S2", "S3"], {})
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 0
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)
    values = [[row.value for row in report.rows if row.subject == name] for name in ("S1", "S2", "S3")]
    assert len(values[0]) > 5
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_allclose(values[0], values[2], rtol=1e-6)


def test_figures_are_written_where_they_are_asked_for(ivim, ideal, data, tmp_path):
    folder = data.folder
    alike = {"L3": data.regions["L3"], "l3 ": data.regions["L4"]}
    clash = add_regions(alike, data.affine)
    report = ivim.runBatch(
        [case_of_files(data), case_of_files(data, subject="S2", regions=clash)], ADC, tmp_path, figures=True
    )
    assert report.done == ["S1"]
    assert "figures of the same file name" in report.failed["S2"]
    pictures = sorted(path.name for path in (tmp_path / "S1").glob("*.png"))
    assert pictures == sorted(f"{kind}_{level}.png" for kind in ("decay", "maps") for level in data.regions)

    case = {"subject": "S1", "magnitude": folder / "mag.nii.gz", "regions": folder / "regions.seg.nrrd"}
    assert ideal.runBatch([case], None, tmp_path / "fat", figures=True).failed == {}
    assert (tmp_path / "fat" / "S1" / "maps.png").is_file()


def test_memory_does_not_grow_with_the_number_of_files(ivim, data, tmp_path):
    def peak(count, folder):
        gc.collect()
        tracemalloc.start()
        try:
            cases = [case_of_files(data, subject=f"S{number}") for number in range(count)]
            assert len(ivim.runBatch(cases, ADC, tmp_path / folder).done) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1, "first")  # what is loaded at the first use
    one, many = peak(1, "one"), peak(6, "many")
    series = data.series.signal.nbytes
    assert one > series
    assert many < one + 0.5 * series


START = """
import runpy, sys
from types import SimpleNamespace
import slicer
from Testing.support.slicer_program.program import Program

program, codes = Program(), []
program.app.commandOptions = lambda: SimpleNamespace()
program.app.exit = codes.append
program.load_module("IVIMBoneMarrow")
program.finish_start()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
assert len(codes) == 1, codes
sys.exit(codes[0])
"""


def run_script(*words):
    """Run the script for users as ``Slicer --no-main-window --python-script`` does, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = ROOT / "Testing" / "scene" / "batch_script.py"
    line = [sys.executable, "-c", START, str(script), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_a_script_without_a_window(scene, data, tmp_path):
    ge_diffusion(tmp_path / "in" / "S1" / "dwi")
    grid = ge_diffusion(tmp_path / "again")
    write_regions(tmp_path / "in" / "S1" / "regions.seg.nrrd", {"L3": grid.signal[..., 0] > 0}, grid.affine)
    (tmp_path / "in" / "S2").mkdir()
    for name in ("dwi.nii.gz", "dwi.bval", "regions.seg.nrrd"):
        shutil.copy(data.folder / name, tmp_path / "in" / "S2")

    done = run_script(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 done, 0 were there" in done.stdout
    assert {name: state for name, (state, _) in states(tmp_path / "out").items()} == {"S1": "done", "S2": "done"}

    (tmp_path / "in" / "S3").mkdir()
    more = run_script(tmp_path / "in", tmp_path / "out")
    assert more.returncode == 1
    assert "S3 failed: " in more.stdout
    assert "0 done, 2 were there" in more.stdout
    assert run_script(tmp_path / "none", tmp_path / "out").returncode == 1
