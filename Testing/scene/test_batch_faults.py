"""Batches of both modules: what goes wrong with one case stays there, what the caller got wrong is said before."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mrbiomarkers.files import write_regions
from mrbiomarkers.settings import DiffusionSettings, FatWaterSettings
from Testing.scene.batch_cases import ADC, SHAPE, add_regions, case_of_files, write_subject, write_without_segment
from Testing.support.batches import names, states
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.philips import philips_diffusion


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("data"))


def test_what_is_wrong_with_the_data_of_a_case_is_its_failure_and_the_rest_goes_on(ivim, data, tmp_path):
    import slicer

    folder = data.folder
    shutil.copy(folder / "dwi.nii.gz", tmp_path / "one.nii.gz")
    (tmp_path / "one.bval").write_text(" ".join(["0"] * 11))
    away = data.affine.copy()
    away[:3, 3] += 1000.0
    write_regions(tmp_path / "away.seg.nrrd", {"L3": data.regions["L3"]}, away)
    write_without_segment(folder / "regions.seg.nrrd", tmp_path / "empty.seg.nrrd", "L4")
    node = add_regions(data.regions, data.affine, "Drawn by A")
    node.GetSegmentation().AddEmptySegment("", "L6", (1.0, 0.0, 0.0))
    single = slicer.util.addVolumeFromArray(np.ones(SHAPE, dtype=np.float32), np.eye(4), name="alone")
    cases = [
        case_of_files(data),
        case_of_files(data, subject="missing", series=tmp_path / "none.nii.gz"),
        case_of_files(data, subject="one_b", series=tmp_path / "one.nii.gz"),
        case_of_files(data, subject="outside", regions=tmp_path / "away.seg.nrrd"),
        case_of_files(data, subject="empty_file", regions=tmp_path / "empty.seg.nrrd"),
        case_of_files(data, subject="empty_node", regions=node),
        case_of_files(data, subject="one_node", series=single),
        case_of_files(data, subject="count", bvalues=[0, 100]),
        case_of_files(data, subject="S2"),
    ]
    report = ivim.runBatch(cases, ADC, tmp_path / "out")

    assert report.done == ["S1", "S2"]
    told = {
        "missing": "none.nii.gz",
        "one_b": "one.nii.gz",
        "outside": "'L3'",
        "empty_file": "'L4'",
        "empty_node": "^regions: 'Drawn by A': .*'L6'",
        "one_node": "^series: expected at least two images .*'alone' with one",
        "count": "11",
    }
    assert list(report.failed) == list(told)
    for name, words in told.items():
        assert re.search(words, report.failed[name]), report.failed[name]
        assert not (tmp_path / "out" / name).exists()
    written = states(tmp_path / "out")
    assert [state for state, _ in written.values()] == ["done", *["failed"] * 7, "done"]
    assert "none" not in written["missing"][1]  # a file's name can hold a patient's
    assert {row.subject for row in report.rows} == {"S1", "S2"}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"bvalue": [0, 1]}, ValueError, "case S2: expected keys among .*bvalues.*; got bvalue$"),
        ({"subject": None}, ValueError, "case number 2: subject: expected the code of a subject, got none"),
        ({"subject": ""}, ValueError, "case number 2: subject"),
        ({"subject": float("nan")}, TypeError, "case nan: subject: expected a text"),
        ({"subject": "a/b"}, ValueError, "case a/b: name"),
        ({"timepoint": 1.5}, TypeError, "case S2 1.5: timepoint"),
        ({"series": None}, ValueError, "case S2: series: expected a node, an image file or a DICOM folder, got none"),
        ({"series": "table"}, TypeError, "case S2: series: expected a node of kind Sequence.*'table'"),
        ({"series": 7}, TypeError, "case S2: series: "),
        ({"regions": "table"}, TypeError, "case S2: regions: expected a node of kind Segmentation.*'table'"),
        ({"series": "volume", "dicomSeries": 3}, ValueError, "case S2: dicomSeries: .* got a node"),
        ({"subject": "S1"}, ValueError, "S1"),
    ],
)
def test_what_the_caller_got_wrong_is_an_error_before_any_work(ivim, data, tmp_path, change, error, words):
    import slicer

    for name, kind in (("table", "TableNode"), ("volume", "ScalarVolumeNode")):
        node = slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}", name)
        change = {key: node if value == name else value for key, value in change.items()}
    before = slicer.mrmlScene.GetNumberOfNodes()
    cases = [case_of_files(data), {**case_of_files(data, subject="S2"), **change}]
    with pytest.raises(error, match=words):
        ivim.runBatch(cases, ADC, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert slicer.mrmlScene.GetNumberOfNodes() == before


@pytest.mark.parametrize(
    ("case", "error", "words"),
    [
        ({}, ValueError, "either series, or some of magnitude"),
        ({"series": "x", "magnitude": "y"}, ValueError, "either series"),
        ({"magnitude": "y", "dicomSeries": 1}, ValueError, "dicomSeries"),
        ({"series": 3}, TypeError, "series: expected a DICOM folder"),
        ({"magnitude": [], "phase": "x"}, TypeError, "both as nodes or both as files"),
        ({"magnitude": 7}, TypeError, "magnitude: "),
        ({"bvalues": [1]}, ValueError, "expected keys among"),
    ],
)
def test_what_the_caller_got_wrong_of_echoes(ideal, tmp_path, case, error, words):
    with pytest.raises(error, match=f"case S1: .*{words}"):
        ideal.runBatch([{"subject": "S1", **case}], None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_settings_of_the_other_module_and_cases_that_are_none(ivim, data, tmp_path):
    with pytest.raises(TypeError, match="settings: expected DiffusionSettings, got FatWaterSettings"):
        ivim.runBatch([case_of_files(data)], FatWaterSettings(), tmp_path / "out")
    with pytest.raises(TypeError, match="case number 1: expected a dict, got str"):
        ivim.runBatch(case_of_files(data), ADC, tmp_path / "out")
    with pytest.raises(ValueError, match="at least one"):
        ivim.runBatch([], ADC, tmp_path / "out")


def test_without_a_choice_several_series_are_the_failure_of_the_case(ivim, data, tmp_path):
    ge_diffusion(tmp_path / "s" / "a"), philips_diffusion(tmp_path / "s" / "b")
    two = {"subject": "two", "series": tmp_path / "s"}
    cases = [two, case_of_files(data, dicomSeries=5), case_of_files(data, subject="S2")]
    report = ivim.runBatch(cases, ADC, tmp_path / "out")

    assert report.done == ["S2"]
    assert "expected one diffusion series, got 2" in report.failed["two"]
    assert report.failed["S1"] == "dicomSeries: expected with a DICOM folder only, got dwi.nii.gz"


def test_a_cancelled_batch_goes_on_where_it_was(ivim, data, tmp_path):
    cases = [case_of_files(data, subject=f"S{number}") for number in (1, 2, 3)]
    first = ivim.runBatch(cases, ADC, tmp_path / "out", progress=lambda done, total: done < 150)
    assert (first.done, first.cancelled, first.failed) == (["S1"], ["S2", "S3"], {})
    assert names(tmp_path / "out") == ["S1", "batch.csv", "measurements.csv"]

    # The same case, said with other keys first and with one that says nothing.
    again = [{"timepoint": None, **dict(reversed(case.items()))} for case in cases]
    second = ivim.runBatch(again, ADC, tmp_path / "out")
    assert (second.resumed, second.done) == (["S1"], ["S2", "S3"])
    assert {row.subject for row in second.rows} == {"S1", "S2", "S3"}


def test_cancelling_while_headers_are_read(ivim, tmp_path):
    ge_diffusion(tmp_path / "s")
    calls = []
    report = ivim.runBatch(
        [{"subject": "S1", "series": tmp_path / "s"}],
        ADC,
        tmp_path / "out",
        progress=lambda done, total: calls.append(done) or done < 2,
    )
    assert (report.cancelled, report.failed) == (["S1"], {})
    assert 2 <= max(calls) < 10  # the first tenth of a case


def test_data_settings_and_figures_that_changed_are_not_taken_for_the_same(ivim, data, tmp_path):
    for name in ("dwi.nii.gz", "dwi.bval", "regions.seg.nrrd"):
        shutil.copy(data.folder / name, tmp_path)
    case = case_of_files(data._replace(folder=tmp_path))
    ivim.runBatch([case], ADC, tmp_path / "out")
    with pytest.raises(ValueError, match=r"S1 \(made with other settings \(models\)\)"):
        ivim.runBatch([case], DiffusionSettings(models=("ivim",)), tmp_path / "out")
    with pytest.raises(ValueError, match=r"S1 \(made with other settings \(figures\)\)"):
        ivim.runBatch([case], ADC, tmp_path / "out", figures=True)
    bvalues = (tmp_path / "dwi.bval").read_text().split()
    (tmp_path / "dwi.bval").write_text(" ".join([*bvalues[:-1], "1300"]))
    with pytest.raises(ValueError, match=r"S1 \(made from other data\); overwrite=True"):
        ivim.runBatch([case], ADC, tmp_path / "out")
    assert ivim.runBatch([case], ADC, tmp_path / "out", overwrite=True).done == ["S1"]


def test_a_folder_that_cannot_be_written_stops_before_any_work(ivim, data, tmp_path):
    asked = []
    (tmp_path / "file").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "S1").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "out", *([Path("/proc/none")] if Path("/proc").is_dir() else [])):
        with pytest.raises(OSError, match=folder.name):
            ivim.runBatch([case_of_files(data)], ADC, folder, progress=lambda done, total: asked.append(done) or True)
    assert asked == []
    assert (tmp_path / "file").read_text() == (tmp_path / "out" / "S1").read_text() == "mine"


def test_figures_need_matplotlib_before_any_work(ivim, data, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "matplotlib" else find(name))
    with pytest.raises(ImportError, match=r"batch with figures needs .* matplotlib.*pip_install\('matplotlib"):
        ivim.runBatch([case_of_files(data)], ADC, tmp_path / "out", figures=True)
    assert not (tmp_path / "out").exists()
