"""Many cases of radiomics: table in, table out; killed, resumed, cancelled, other settings."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.study import radiomics, worker_pool
from mrbiomarkers.study.radiomics import run_radiomics_cases
from mrbiomarkers.study.radiomics_cases import RadiomicsCase
from mrbiomarkers.tables.features import features_from_csv
from Testing.support.radiomics_cases import write_cases, write_table
from Testing.support.source_tree import ROOT

SLOW = RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(1, 2, 3))


def table_of(path):
    return features_from_csv(path.read_text(encoding="utf-8"))


def test_a_table_of_cases_becomes_a_table_of_features_and_a_bad_case_is_named(tmp_path):
    table = write_cases(tmp_path, 2)
    (tmp_path / "bad.nii.gz").write_text("no image")
    rows = [
        *({"subject": f"S{n}", "image": f"image{n}.nii.gz", "mask": "mask.nrrd"} for n in (0, 1)),
        {"subject": "S7", "image": "bad.nii.gz", "mask": "mask.nrrd"},
        {"subject": "S8", "image": "image0.nii.gz", "mask": "none.nrrd", "label": "3"},
    ]
    write_table(table, rows)
    out, seen = tmp_path / "features.csv", []
    report = run_radiomics_cases(table, out, n_jobs=2, progress=lambda *step: seen.append(step) or True)
    assert [row.status for row in report.rows] == ["measured", "measured", "failed", "failed"]
    assert (report.done, report.resumed, report.cancelled) == (4, 0, 0)
    assert list(report.failed) == ["line 4 (S7)", "line 5 (S8)"]
    assert str(tmp_path) not in out.read_text()
    assert "bad" not in out.read_text()
    assert "cannot be read as an image" in report.failed["line 4 (S7)"]
    assert repr(table_of(out)) == repr(report.rows)
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 4)
    assert sorted(done for done, _ in seen) == [done for done, _ in seen]


def test_one_process_two_and_a_second_run_give_the_same_bytes(tmp_path, monkeypatch):
    table = write_cases(tmp_path, 4)
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run_radiomics_cases(table, first, SLOW, n_jobs=1).done == 4
    assert run_radiomics_cases(table, second, SLOW, n_jobs=2).done == 4
    assert first.read_bytes() == second.read_bytes()
    again = run_radiomics_cases(table, second, SLOW, n_jobs=2)
    assert (again.done, again.resumed) == (0, 4)
    assert first.read_bytes() == second.read_bytes()
    # An image that changes is measured again, and so is one whose results are damaged.
    (tmp_path / "image1.nii.gz").write_bytes((tmp_path / "image0.nii.gz").read_bytes())
    part = next((tmp_path / "two.parts").glob("*.case.json"))
    part.write_text("{")
    changed = run_radiomics_cases(table, second, SLOW, n_jobs=1)
    assert changed.done in (1, 2)
    assert changed.done + changed.resumed == 4
    assert changed.rows[1].features == changed.rows[0].features


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill without warning")
def test_killed_and_started_again_the_table_is_the_same(tmp_path):
    table = write_cases(tmp_path, 6)
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    run_radiomics_cases(table, whole, SLOW, n_jobs=2)
    program = f"""
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.study.radiomics import run_radiomics_cases
run_radiomics_cases({str(table)!r}, {str(out)!r}, {SLOW!r}, n_jobs=2)
"""
    run = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)})
    parts = tmp_path / "killed.parts"
    while not list(parts.glob("*.case.json")) and run.poll() is None:
        time.sleep(0.005)
    run.kill()
    assert run.wait() == -signal.SIGKILL
    assert not out.exists()
    kept = len([path for path in parts.glob("*.case.json") if not path.name.startswith(".")])
    report = run_radiomics_cases(table, out, SLOW, n_jobs=2)
    assert report.resumed >= min(kept, 1)
    assert report.done + report.resumed == 6
    assert out.read_bytes() == whole.read_bytes()


def test_other_settings_are_not_mixed(tmp_path):
    table, out = write_cases(tmp_path, 1), tmp_path / "features.csv"
    run_radiomics_cases(table, out)
    before = out.read_bytes()
    with pytest.raises(ValueError, match=r"got others \(bin_width 25.0, now 5.0\); overwrite"):
        run_radiomics_cases(table, out, RadiomicsSettings(bin_width=5.0))
    with pytest.raises(ValueError, match="other keep_bin_width"):
        run_radiomics_cases(table, out, keep_bin_width=True)
    assert out.read_bytes() == before
    made_from = tmp_path / "features.parts" / "made_from.json"
    said = json.loads(made_from.read_text())
    made_from.write_text(json.dumps({**said, "software": "MRBiomarkers 0.0.1"}))
    with pytest.raises(ValueError, match=r"software MRBiomarkers 0.0.1, now MRBiomarkers"):
        run_radiomics_cases(table, out)
    assert run_radiomics_cases(table, out, RadiomicsSettings(bin_width=5.0), overwrite=True).done == 1
    assert out.read_bytes() != before


def test_a_table_of_another_origin_is_not_replaced_unasked(tmp_path):
    table, out = write_cases(tmp_path, 1), tmp_path / "features.csv"
    out.write_text("mine")
    with pytest.raises(FileExistsError, match=r"is there already, without the folder features\.parts"):
        run_radiomics_cases(table, out)
    assert out.read_text() == "mine"
    assert not (tmp_path / "features.parts").exists()
    assert run_radiomics_cases(table, out, overwrite=True).done == 1
    with pytest.raises(FileExistsError, match="expected a file for the table, got a folder"):
        run_radiomics_cases(table, tmp_path)


def test_a_cancelled_run_keeps_what_is_done_and_writes_no_table(tmp_path):
    table, out = write_cases(tmp_path, 6), tmp_path / "features.csv"
    report = run_radiomics_cases(table, out, SLOW, progress=lambda done, total: done < 2)
    assert (report.done, report.cancelled) == (2, 4)
    assert not out.exists()
    with pytest.raises(ZeroDivisionError):
        run_radiomics_cases(table, out, SLOW, progress=lambda done, total: 1 // (3 - done) >= 0)
    assert run_radiomics_cases(table, out, SLOW, progress=lambda done, total: False).cancelled == 6
    report = run_radiomics_cases(table, out, SLOW)
    assert (report.done, report.resumed) == (3, 3)


def test_a_process_that_dies_fails_its_case_only(tmp_path, monkeypatch):
    table, out = write_cases(tmp_path, 3), tmp_path / "features.csv"
    dying = """
import os
from mrbiomarkers.study import radiomics_worker as worker
measure = worker.measure_case
def dies(task):
    if task.case.subject == "S1":
        os.kill(os.getpid(), 9)
    return measure(task)
worker.measure_case = dies
worker.serve()
"""
    monkeypatch.setattr(worker_pool, "_PROGRAM", dying)
    report = run_radiomics_cases(table, out)
    assert [row.status for row in report.rows] == ["measured", "failed", "measured"]
    assert "ended with signal 9; it may have run out of memory" in report.failed["line 3 (S1)"]
    monkeypatch.undo()
    again = run_radiomics_cases(table, out)
    assert (again.done, again.resumed, again.failed) == (1, 2, {})


def test_a_full_disk_stops_the_run_and_every_process(tmp_path, monkeypatch):
    table, out = write_cases(tmp_path, 4), tmp_path / "features.csv"
    write, started = radiomics.write_json, []

    def full(path, data):
        if len(list(path.parent.glob("*.case.json"))) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, data)

    def start(*words, **options):
        started.append(popen(*words, **options))
        return started[-1]

    popen = subprocess.Popen
    monkeypatch.setattr(radiomics, "write_json", full)
    monkeypatch.setattr("subprocess.Popen", start)
    with pytest.raises(OSError, match="No space left on device"):
        run_radiomics_cases(table, out, n_jobs=2)
    assert started
    assert all(process.poll() is not None for process in started)
    assert not out.exists()
    monkeypatch.undo()
    assert run_radiomics_cases(table, out).resumed == 2


def test_a_folder_that_cannot_be_made_is_named_in_words(tmp_path, monkeypatch):
    table = write_cases(tmp_path, 1)

    def read_only(path, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(OSError, match=r"features\.parts: cannot write results there \(Read-only file system\)$"):
        run_radiomics_cases(table, tmp_path / "features.csv")
    assert not (tmp_path / "features.csv").exists()


def test_a_process_that_cannot_start_is_an_error_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_pool, "_PROGRAM", "raise ImportError('no such library')")
    with pytest.raises(OSError, match=r"could not be started: .*exit status 1.*ImportError: no such library"):
        run_radiomics_cases(write_cases(tmp_path, 1), tmp_path / "features.csv")


def test_what_a_library_prints_does_not_disturb(tmp_path, monkeypatch):
    program = "import os\nfrom mrbiomarkers.study import radiomics_worker as worker\nmeasure = worker.measure_case\n"
    program += (
        "worker.measure_case = lambda task: (os.write(1, b'loud'), print('loud'), measure(task))[2]\nworker.serve()"
    )
    monkeypatch.setattr(worker_pool, "_PROGRAM", program)
    assert run_radiomics_cases(write_cases(tmp_path, 2), tmp_path / "features.csv").failed == {}


def test_the_environment_of_the_caller_stays_and_processes_have_one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    before = dict(os.environ)
    program = "import os, sys\nassert os.environ['OPENBLAS_NUM_THREADS'] == '1', 'threads'\n"
    program += "assert 'numpy' not in sys.modules\nfrom mrbiomarkers.study.radiomics_worker import serve\n"
    program += "assert 'matplotlib' not in sys.modules and 'mrbiomarkers.cli' not in sys.modules\nserve()"
    monkeypatch.setattr(worker_pool, "_PROGRAM", program)
    assert run_radiomics_cases(write_cases(tmp_path, 1), tmp_path / "features.csv").done == 1
    assert dict(os.environ) == before


def test_arguments_are_checked_before_any_work(tmp_path):
    table = write_cases(tmp_path, 1)
    case = RadiomicsCase("S", "image0.nii.gz", "mask.nrrd", folder=str(tmp_path))
    with pytest.raises(ValueError, match="n_jobs: expected 1 or more, got 0"):
        run_radiomics_cases(table, tmp_path / "f.csv", n_jobs=0)
    with pytest.raises(ValueError, match="cases: expected at least one"):
        run_radiomics_cases([], tmp_path / "f.csv")
    with pytest.raises(ValueError, match="expected what tells this case from line 0"):
        run_radiomics_cases([case, case], tmp_path / "f.csv")
    assert run_radiomics_cases([case], tmp_path / "f.csv").done == 1
    with radiomics.folder_lock(tmp_path / "f.parts"), pytest.raises(BlockingIOError, match="another batch is running"):
        run_radiomics_cases([case], tmp_path / "f.csv")


def test_inside_slicer_its_python_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "SlicerApp-real"))
    assert worker_pool.python_program() == str(tmp_path / "SlicerApp-real")
    own = tmp_path / "PythonSlicer"
    own.touch(mode=0o755)
    assert Path(worker_pool.python_program()) == own
