import errno
import shutil
from pathlib import Path

import pytest

from mrbiomarkers.study import run_cases
from mrbiomarkers.study.case_folder import CaseFolder
from Testing.support.batches import cases, names, no_work, row, states, values, work


def test_a_folder_that_cannot_be_made_or_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="expected a folder for the results, got a file"):
        run_cases(cases(1.0), no_work, tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="cannot be made"):
        run_cases(cases(1.0), no_work, tmp_path / "file" / "below")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc, where nobody may write")
def test_a_read_only_folder_is_refused_before_any_work():
    with pytest.raises(OSError, match="/proc: cannot write results there"):
        run_cases(cases(1.0), no_work, "/proc")


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_stops_the_batch(tmp_path, monkeypatch, named):
    def full(case, out, progress):
        if case.name != "S2":
            return work(case, out, progress)
        (out / "map.txt").write_text("half")
        if named:
            raise OSError(errno.ENOSPC, "No space left on device", str(out / "map.nii.gz"))
        # By hand: no file can be made any more.
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        raise RuntimeError("the image could not be written")

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device\); the batch stopped at case S2, 1 of 4") as caught:
        run_cases(cases(1.0, 2.0, 3.0, 4.0), full, tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert "[Errno" not in str(caught.value)
    assert names(tmp_path) == ["S1", "batch.csv", "measurements.csv"]
    assert [state for state, _ in states(tmp_path).values()] == ["done", "failed", "cancelled", "cancelled"]
    monkeypatch.undo()
    report = run_cases(cases(9.0, 2.0, 3.0, 4.0), work, tmp_path)
    assert (report.resumed, report.done) == (["S1"], ["S2", "S3", "S4"])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_the_folder_becomes_read_only_during_the_batch(tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, "not now")

    def refused(case, out, progress):
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        raise OSError(number, "not now", str(out / "map.nii.gz"))

    with pytest.raises(OSError, match=r"not now\); the batch stopped at case S1, 0 of 2") as caught:
        run_cases(cases(1.0, 2.0), lambda *given: refused(*given), tmp_path)
    assert isinstance(caught.value, PermissionError) is (number == errno.EACCES)


def test_the_folder_is_gone_during_the_batch(tmp_path):
    def lost(case, out, progress):
        if case.name == "S2":
            shutil.move(tmp_path / "out", tmp_path / "elsewhere")
        return work(case, out, progress)

    with pytest.raises(OSError, match=r"the batch stopped at case S2, 1 of 3") as caught:
        run_cases(cases(1.0, 2.0, 3.0), lost, tmp_path / "out")
    assert caught.value.errno == errno.ENOENT
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_a_file_elsewhere_that_cannot_be_written_is_the_case_s_own_fault(tmp_path, number):
    elsewhere = OSError(number, "not there", str(tmp_path / "elsewhere" / "map.nii"))
    report = run_cases(cases(1.0, elsewhere, 3.0), work, tmp_path / "out")
    assert report.failed == {"S2": "not there: 'map.nii'"}
    assert report.done == ["S1", "S3"]


def test_a_work_that_removes_its_folder_fails_alone(tmp_path):
    def removed(case, out, progress):
        if case.name == "S1":
            out.rmdir()
            return [row(1.0)]
        return work(case, out, progress)

    report = run_cases(cases(1.0, 2.0), removed, tmp_path)
    assert list(report.failed) == ["S1"]
    assert report.done == ["S2"]


def test_a_relative_folder_stays_the_same_when_the_work_changes_the_directory(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def moved(case, out, progress):
        monkeypatch.chdir(tmp_path / "elsewhere")
        return work(case, out, progress)

    run_cases(cases(1.0, 2.0), moved, "out")
    assert names(tmp_path / "out") == ["S1", "S2", "batch.csv", "measurements.csv"]


STEPS = ("half made", "old one set aside", "new one in place", "own files moved", "old one let go")


@pytest.mark.parametrize("step", STEPS)
def test_a_remake_may_be_interrupted_at_any_point(tmp_path, step):
    """The states between which a folder is replaced, made by hand; the next run puts them in order."""
    run_cases(cases(1.0), work, tmp_path, settings=1)
    (tmp_path / "S1" / "notes").mkdir()
    (tmp_path / "S1" / "notes" / "mine.txt").write_text("mine")
    run_cases(cases(2.0), work, tmp_path / "b", settings=2)
    target, partial, old, new = (tmp_path / name for name in ("S1", ".S1.partial", ".S1.old", "b/S1"))
    if step == "half made":
        partial.mkdir()
        (partial / "map.txt").write_text("half")
    else:
        target.rename(old)
        new.rename(partial if step == "old one set aside" else target)
    if step in STEPS[3:]:
        (target / "notes").mkdir()
        (old / "notes" / "mine.txt").rename(target / "notes" / "mine.txt")
    if step == "old one let go":
        old.rename(partial)

    CaseFolder(tmp_path, "S1").recover()
    assert not partial.exists()
    assert not old.exists()
    made = step in STEPS[2:]
    report = run_cases(cases(3.0), no_work, tmp_path, settings=2 if made else 1)
    assert report.resumed == ["S1"]
    assert values(tmp_path) == {("S1", "", ""): 2.0 if made else 1.0}
    assert (target / "notes" / "mine.txt").read_text() == "mine"
    assert (target / "map.txt").read_text() == ("2.0" if made else "1.0")
