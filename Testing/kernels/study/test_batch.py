import json
import subprocess
import sys
import time

import pytest

from mrbiomarkers import __version__
from mrbiomarkers.study import Case, run_cases
from Testing.support.batches import SETTINGS, cases, names, no_work, row, states, values, work
from Testing.support.source_tree import ROOT


def test_folders_tables_and_record(tmp_path):
    out = tmp_path / "new" / "out"
    report = run_cases([Case("S1", "after", "A", data=1.5), Case("S2", data=2.5)], work, out, settings=SETTINGS)
    assert (report.done, report.failed, report.resumed, report.cancelled) == (["S1_after_A", "S2"], {}, [], [])
    assert names(out) == ["S1_after_A", "S2", "batch.csv", "measurements.csv"]
    assert names(out / "S2") == ["case.json", "map.txt", "measurements.csv"]
    assert values(out) == {("S1", "after", "A"): 1.5, ("S2", "", ""): 2.5}
    assert values(out / "S2") == {("S2", "", ""): 2.5}
    assert [row.value for row in report.rows] == [1.5, 2.5]
    record = json.loads((out / "S1_after_A" / "case.json").read_text(encoding="utf-8"))
    assert record.pop("seconds") >= 0
    assert record == {
        "case": {"name": "S1", "timepoint": "after", "reader": "A"},
        "software": f"MRBiomarkers {__version__}",
        "settings": SETTINGS,
        "inputs": "",
        "files": ["case.json", "map.txt", "measurements.csv"],
    }


def test_a_row_that_names_its_reader_keeps_the_name(tmp_path):
    run_cases([Case("S1", reader="A")], lambda *_: [row(1.0, reader="mean"), row(2.0)], tmp_path)
    assert values(tmp_path) == {("S1", "", "mean"): 1.0, ("S1", "", "A"): 2.0}


def test_a_bad_case_is_named_and_the_rest_goes_on(tmp_path):
    secret = tmp_path / "DOE JOHN" / "dwi of DOE.bval"
    bad = [
        ValueError(f"{secret}: expected 11 b-values, got 10"),
        FileNotFoundError(2, "No such file or directory", str(secret)),
        KeyError("L3"),
        MemoryError(),
    ]
    given = [*cases(1.0, *bad, 2.0), Case("S7", data=None)]
    report = run_cases(given, lambda case, *rest: None if case.name == "S7" else work(case, *rest), tmp_path / "out")
    assert report.done == ["S1", "S6"]
    assert report.failed == {
        "S2": "dwi of DOE.bval: expected 11 b-values, got 10",
        "S3": "No such file or directory: 'dwi of DOE.bval'",
        "S4": "KeyError: 'L3'",
        "S5": "MemoryError",
        "S7": "work: expected a list of Measurement, got NoneType",
    }
    written = (tmp_path / "out" / "batch.csv").read_text(encoding="utf-8")
    assert "DOE" not in written
    assert str(tmp_path) not in written
    assert states(tmp_path / "out")["S2"] == ("failed", "[file].bval: expected 11 b-values, got 10")
    assert names(tmp_path / "out") == ["S1", "S6", "batch.csv", "measurements.csv"]
    assert values(tmp_path / "out") == {("S1", "", ""): 1.0, ("S6", "", ""): 2.0}


def test_what_is_done_is_not_made_again_and_what_failed_is(tmp_path):
    first = run_cases(cases(1.0, ValueError("bad"), 3.0), work, tmp_path, settings=SETTINGS)
    second = run_cases(cases(9.0, 2.0, 9.0, 4.0), work, tmp_path, settings=SETTINGS)
    assert (first.done, second.done, second.resumed) == (["S1", "S3"], ["S2", "S4"], ["S1", "S3"])
    assert values(tmp_path) == {(f"S{n}", "", ""): float(n) for n in range(1, 5)}
    whole = tmp_path / "at once"
    run_cases(cases(1.0, 2.0, 3.0, 4.0), work, whole, settings=SETTINGS)
    assert (whole / "measurements.csv").read_bytes() == (tmp_path / "measurements.csv").read_bytes()
    run_cases(cases(9.0, 9.0, 9.0, 9.0), no_work, tmp_path, settings=SETTINGS, overwrite=True)


def test_changed_settings_are_refused_before_any_work_unless_overwrite(tmp_path):
    run_cases(cases(1.0, 2.0), work, tmp_path, settings=SETTINGS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    changed = {**SETTINGS, "method": "segmented"}
    with pytest.raises(ValueError, match=r"S1 \(made with other settings \(method\)\), S2 .*overwrite=True"):
        run_cases(cases(8.0, 9.0, 3.0), no_work, tmp_path, settings=changed)
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "S3").exists()

    (tmp_path / "S1" / "mine.txt").write_text("mine")
    report = run_cases(cases(8.0), work, tmp_path, settings=changed, overwrite=True)
    assert values(tmp_path) == {("S1", "", ""): 8.0}  # S2, of other settings, is not mixed in
    assert report.notes == ["S2: not in the table, made with other settings (method)"]
    assert states(tmp_path)["S2"] == ("earlier", "not in the table, made with other settings (method)")
    assert (tmp_path / "S1" / "mine.txt").read_text() == "mine"
    assert names(tmp_path / "S1") == ["case.json", "map.txt", "measurements.csv", "mine.txt"]
    assert (tmp_path / "S1" / "map.txt").read_text() == "8.0"


def test_what_an_earlier_run_has_written_does_not_stay_beside_the_new(tmp_path):
    def other(case, out, progress):
        (out / "other.txt").write_text("x")
        return [row(2.0)]

    run_cases(cases(1.0), work, tmp_path, settings=1)
    run_cases(cases(1.0), other, tmp_path, settings=2, overwrite=True)
    assert names(tmp_path / "S1") == ["case.json", "measurements.csv", "other.txt"]


def test_a_failed_remake_leaves_the_old_results_but_not_in_the_table(tmp_path):
    run_cases(cases(1.0), work, tmp_path, settings=SETTINGS)
    report = run_cases(cases(ValueError("bad")), work, tmp_path, settings={}, overwrite=True)
    assert report.failed == {"S1": "bad"}
    assert values(tmp_path) == {}
    assert (tmp_path / "S1" / "map.txt").read_text() == "1.0"
    assert names(tmp_path) == ["S1", "batch.csv", "measurements.csv"]


def test_other_data_and_another_version_are_noticed(tmp_path, monkeypatch):
    path = tmp_path / "dwi.nii"
    path.write_bytes(b"one")
    given = [Case("S1", data=1.0, inputs=path)]
    run_cases(given, work, tmp_path / "out")
    assert run_cases(given, no_work, tmp_path / "out").resumed == ["S1"]
    assert "dwi" not in (tmp_path / "out" / "S1" / "case.json").read_text()
    path.write_bytes(b"two")
    with pytest.raises(ValueError, match=r"S1 \(made from other data\)"):
        run_cases(given, no_work, tmp_path / "out")
    path.unlink()
    report = run_cases([*given, Case("S2", data=2.0)], work, tmp_path / "out")
    assert report.failed == {"S1": "No such file or directory: 'dwi.nii'"}
    assert report.done == ["S2"]
    monkeypatch.setattr("mrbiomarkers.study.batch.__version__", "9.9")
    with pytest.raises(ValueError, match=rf"S2 \(made by MRBiomarkers {__version__}, this is MRBiomarkers 9.9\)"):
        run_cases([Case("S2", data=2.0)], no_work, tmp_path / "out")


def test_earlier_cases_stay_in_the_table(tmp_path):
    run_cases(cases(1.0, 2.0), work, tmp_path, settings=SETTINGS)
    report = run_cases([Case("A", data=3.0)], work, tmp_path, settings=SETTINGS)
    assert list(values(tmp_path).values()) == [3.0, 1.0, 2.0]
    assert len(report.rows) == 3
    assert states(tmp_path) == {"A": ("done", ""), "S1": ("earlier", ""), "S2": ("earlier", "")}


@pytest.mark.parametrize("broken", ["case.json", "measurements.csv", None])
def test_a_folder_that_is_no_whole_result_is_refused_unless_overwrite(tmp_path, broken):
    run_cases(cases(1.0), work, tmp_path)
    if broken:
        (tmp_path / "S1" / broken).write_text("{")
    else:
        (tmp_path / "S1" / "case.json").unlink()
    with pytest.raises(ValueError, match=r"S1 \((case.json or .* cannot be read|files that no batch has written)\)"):
        run_cases(cases(2.0), no_work, tmp_path)
    run_cases(cases(2.0), work, tmp_path, overwrite=True)
    assert values(tmp_path) == {("S1", "", ""): 2.0}
    assert (tmp_path / "S1" / "map.txt").read_text() == ("2.0")


def test_an_empty_folder_is_used_and_a_file_in_its_place_refused(tmp_path):
    (tmp_path / "S1").mkdir()
    run_cases(cases(1.0), work, tmp_path)
    (tmp_path / "S2").write_text("mine")
    with pytest.raises(FileExistsError, match="S2: expected a folder for the results of a case, got a file"):
        run_cases(cases(1.0, 2.0), no_work, tmp_path, overwrite=True)
    assert (tmp_path / "S2").read_text() == "mine"


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), InterruptedError("fit cancelled after 1 of 2 voxels")])
def test_a_cancel_keeps_what_is_done(tmp_path, stop):
    report = run_cases(cases(1.0, stop, 3.0), work, tmp_path)
    assert (report.done, report.failed, report.cancelled) == (["S1"], {}, ["S2", "S3"])
    assert states(tmp_path) == {"S1": ("done", ""), "S2": ("cancelled", ""), "S3": ("cancelled", "")}
    assert names(tmp_path) == ["S1", "batch.csv", "measurements.csv"]
    assert run_cases(cases(9.0, 2.0, 3.0), work, tmp_path).done == ["S2", "S3"]


def fit(case, out, progress):
    """Work that reports progress as a fit does."""
    for done in range(1, 5):
        if progress(done, 4) is False:
            raise InterruptedError(f"fit cancelled after {done} of 4 voxels")
    return work(case, out, progress)


def test_progress_grows_over_all_cases(tmp_path):
    said = []
    run_cases(cases(1.0, ValueError("bad"), 3.0), fit, tmp_path, progress=lambda *step: said.append(step))
    assert said[0] == (0, 300)
    assert said[-1] == (300, 300)
    assert said == sorted(said)
    assert {(24, 300), (49, 300), (74, 300), (99, 300), (100, 300), (124, 300)} <= set(said)


@pytest.mark.parametrize(("limit", "done"), [(0, []), (150, ["S1"]), (199, ["S1"]), (200, ["S1", "S2"])])
def test_progress_cancels(tmp_path, limit, done):
    report = run_cases(cases(1.0, 2.0, 3.0), fit, tmp_path, progress=lambda step, total: step < limit)
    assert report.done == done
    assert len(report.cancelled) == 3 - len(done)
    assert names(tmp_path) == [*done, "batch.csv", "measurements.csv"]


def test_a_work_that_reports_no_progress_is_cancelled_between_cases(tmp_path):
    report = run_cases(cases(1.0, 2.0, 3.0), work, tmp_path, progress=lambda step, total: step < 200)
    assert (report.done, report.cancelled) == (["S1", "S2"], ["S3"])


def test_progress_never_goes_back(tmp_path):
    said = []

    def two_fits(case, out, progress):
        return fit(case, out, progress) and fit(case, out, progress)

    run_cases(cases(1.0), two_fits, tmp_path, progress=lambda *step: said.append(step[0]))
    assert said == [0, 24, 49, 74, 99, 99, 99, 99, 99, 100]


def test_an_error_of_the_progress_is_not_the_fault_of_a_case(tmp_path):
    def broken(done, total):
        if done > 110:
            raise RuntimeError("the window is closed")
        return True

    with pytest.raises(RuntimeError, match="the window is closed"):
        run_cases(cases(1.0, 2.0, 3.0), fit, tmp_path, progress=broken)
    assert states(tmp_path) == {"S1": ("done", ""), "S2": ("cancelled", ""), "S3": ("cancelled", "")}


def test_arguments_are_checked_before_anything_is_made(tmp_path):
    with pytest.raises(ValueError, match="expected names that differ, got 'S1' and 'S1'"):
        run_cases([Case("S1"), Case("S1")], no_work, tmp_path / "out")
    with pytest.raises(TypeError, match="got object"):
        run_cases([Case("S1")], no_work, tmp_path / "out", settings=object())
    assert not (tmp_path / "out").exists()


KILLED = """
import os, signal, sys
from mrbiomarkers.study import Case, run_cases
from Testing.support.batches import SETTINGS, row

def work(case, out, progress):
    (out / "map.txt").write_text("half")
    if case.name == "S2":
        print("ready", flush=True)
        if sys.argv[2] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdin.readline()
    return [row(1.0)]

run_cases([Case(name) for name in ("S1", "S2", "S3")], work, sys.argv[1], settings=SETTINGS)
"""


def other_process(folder, how):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_batch_goes_on_where_it_was(tmp_path):
    with other_process(tmp_path, "kill") as process:
        process.communicate(timeout=60)
    assert process.returncode == -9
    assert names(tmp_path) == [".S2.partial", "S1"]
    report = run_cases(cases(9.0, 2.0, 3.0), work, tmp_path, settings=SETTINGS)
    assert (report.resumed, report.done) == (["S1"], ["S2", "S3"])
    assert names(tmp_path) == ["S1", "S2", "S3", "batch.csv", "measurements.csv"]
    assert (tmp_path / "S2" / "map.txt").read_text() == "2.0"


def test_a_second_batch_in_the_folder_says_so_and_changes_nothing(tmp_path):
    with other_process(tmp_path, "wait") as process:
        assert process.stdout.readline() == "ready\n"
        before = names(tmp_path)
        begin = time.monotonic()
        with pytest.raises(BlockingIOError, match="another batch is running in this folder"):
            run_cases(cases(1.0), no_work, tmp_path, settings=SETTINGS)
        assert time.monotonic() - begin < 5
        assert names(tmp_path) == before == [".S2.partial", "S1"]
        process.communicate("go on\n", timeout=60)
    assert process.returncode == 0
    assert run_cases(cases(1.0, 1.0, 1.0), no_work, tmp_path, settings=SETTINGS).resumed == ["S1", "S2", "S3"]
