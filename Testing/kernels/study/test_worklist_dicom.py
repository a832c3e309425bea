import shutil

import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes
from mrbiomarkers.study import Worklist
from mrbiomarkers.study.worklist_files import cases_of_dicom
from Testing.support.dicom import faults, folders, ge, siemens
from Testing.support.dicom.datasets import PATIENT, uid


def study(folder, write, name, date="20260102"):
    """Series of a study of that name."""
    write(folder)
    for path in folders.files_of(folder):
        faults.edit(path, lambda dataset: of_study(dataset, name, date))


def of_study(dataset, name, date):
    dataset.StudyInstanceUID, dataset.SeriesDate = uid("study", name), date
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, uid(getattr(dataset, keyword), name))


@pytest.fixture
def cohort(tmp_path):
    """S01: two visits, the later one first by name; S02: diffusion and echoes; and what gives no case."""
    top = tmp_path / "cohort"
    study(top / "S01" / "a", ge.ge_diffusion, "late", "20260301")
    study(top / "S01" / "b", ge.ge_diffusion, "early", "20250301")
    study(top / "S02" / "dwi", ge.ge_diffusion, "only")
    study(top / "S02" / "echoes", siemens.siemens_echoes, "only")
    folders.anatomical(top / "S03")
    folders.anatomical(top / "DOE^JANE")
    folders.anatomical(top / ".hidden")
    (top / "readme.txt").write_text("x")
    return top


def told(cases):
    return sorted((case.subject, case.timepoint, case.kind) for case in cases)


def test_every_series_that_can_be_fitted_is_a_case(cohort):
    listed = cases_of_dicom(cohort)
    assert told(listed.cases) == [
        ("S01", "1", "diffusion"),
        ("S01", "2", "diffusion"),
        ("S02", "1", "diffusion"),
        ("S02", "1", "multi-echo"),
    ]
    assert listed.notes == (
        "1 folders left out, for their names can be no code of a subject",
        "1 folders without a diffusion or multi-echo series",
    )


@pytest.mark.parametrize("scattered", [False, True])
def test_time_points_follow_the_dates_and_each_case_can_be_read(cohort, scattered):
    if scattered:  # files of both studies in one folder, under names that say nothing
        for number, path in enumerate(folders.files_of(cohort / "S01")):
            path.rename(cohort / "S01" / f"{number:08}")
    listed = cases_of_dicom(cohort).cases
    for case in listed:
        source, series = case.data["series"], case.data["dicomSeries"]
        if case.kind == "multi-echo":
            assert read_dicom_echoes(source, series=series).series.kind == "complex"
            continue
        found = read_dicom_diffusion(source, series=series)
        assert len(found.series.bvalues) == 4
        date = {"S011": b"20250301", "S012": b"20260301", "S021": b"20260102"}[case.subject + case.timepoint]
        assert all(date in path.read_bytes() for volume in found.instances for path in volume)


def test_studies_without_dates_are_noted(cohort):
    for path in folders.files_of(cohort / "S01"):
        faults.edit(path, lambda dataset: delattr(dataset, "SeriesDate"))
        faults.edit(path, lambda dataset: delattr(dataset, "SeriesTime"))
    notes = cases_of_dicom(cohort).notes
    assert "1 subjects with several studies without a date: the order of their time points is not known" in notes


def test_phases_without_magnitudes_are_noted(cohort):
    shutil.rmtree(cohort / "S02" / "echoes" / "M")
    listed = cases_of_dicom(cohort)
    assert len(listed.cases) == 4
    assert [note for note in listed.notes if "phase or imaginary part" in note]


def test_nothing_tells_who_the_patients_are(cohort, tmp_path):
    with Worklist.read(cohort, reader="Anna") as worklist:
        texts = [*worklist.notes, *map(worklist.label, worklist.cases)]
        texts += [path.name for case in worklist.cases for path in worklist.places(case)]
        texts.append((worklist.folder / "state.json").read_text(encoding="utf-8"))
        assert worklist.folder == tmp_path / "readings" / "Anna"
    dates = ("20250301", "20260301", str(tmp_path))
    assert not [value for value in (*PATIENT.values(), *dates) for text in texts if value in text]


def test_one_module_passes_over_the_cases_of_the_other(cohort):
    with Worklist.read(cohort, reader="Anna") as worklist:
        echoes = worklist.next("multi-echo")
        assert worklist.label(echoes) == "S02, 1, multi-echo"
        worklist.mark(echoes, "done")
        assert worklist.next("multi-echo") is None
        assert worklist.next("diffusion") is not None


def test_a_folder_that_is_gone_is_missing_and_comes_back(cohort, tmp_path):
    with Worklist.read(cohort, reader="Anna") as worklist:
        before = worklist.cases
    (cohort / "S01" / "b").rename(tmp_path / "aside")
    with Worklist.read(cohort, reader="Anna") as worklist:
        assert worklist.cases == before
        (gone,) = worklist.missing
        assert (gone.subject, gone.timepoint, gone.missing) == ("S01", "1", ("series",))
        (later,) = (case for case in worklist.cases if case.subject == "S01" and case != gone)
        assert later.timepoint == "2"  # still, though it is the only study now
        with pytest.raises(FileNotFoundError, match="S01, 1, diffusion: missing: series"):
            worklist.open(gone)
        assert worklist.summary() == {"to do": 3, "done": 0, "excluded": 0, "missing": 1}
    (tmp_path / "aside").rename(cohort / "S01" / "b")
    with Worklist.read(cohort, reader="Anna") as worklist:
        assert worklist.cases == before
        assert worklist.missing == ()


@pytest.mark.parametrize("date", ["20240301", "20250901", "20260901"])
def test_later_studies_may_be_added_but_not_earlier_ones(cohort, date):
    with Worklist.read(cohort, reader="Anna") as worklist:
        before = worklist.cases
    study(cohort / "S01" / "c", ge.ge_diffusion, "new", date)
    if date > "20260301":
        with Worklist.read(cohort, reader="Anna") as worklist:
            assert worklist.cases[:4] == before
            assert told(worklist.cases[4:]) == [("S01", "3", "diffusion")]
    else:
        with pytest.raises(ValueError, match="the time points of S01 are numbered in another way"):
            Worklist.read(cohort, reader="Anna")


def test_another_folder_does_not_touch_the_readings(cohort, tmp_path):
    Worklist.read(cohort, reader="Anna").close()
    study(tmp_path / "cohort3" / "S02", ge.ge_diffusion, "another")
    with pytest.raises(ValueError, match="another worklist, with 4 of 4 cases"):
        Worklist.read(tmp_path / "cohort3", reader="Anna")


def test_folders_without_cases_and_a_cancel(cohort, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", cohort / "S01" / "a"):
        with pytest.raises(ValueError, match="expected a folder for each subject"):
            Worklist.read(folder, reader="Anna")
    with pytest.raises(NotADirectoryError, match="expected a folder that holds"):
        cases_of_dicom(cohort / "readme.txt")
    seen = []
    with pytest.raises(InterruptedError, match="after 2 of 4 subjects"):
        Worklist.read(cohort, reader="Anna", progress=lambda *step: seen.append(step) or len(seen) < 3)
    assert seen == [(0, 4), (1, 4), (2, 4)]
    assert not (tmp_path / "readings").exists()
