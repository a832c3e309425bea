"""Crashes, two programs at once, disks that are full or may not be written."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrbiomarkers.study import Worklist

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(os.name == "nt", reason="this system has no SIGKILL")

# Marks one case after the other, and says so; killed by itself in the middle of a write where told.
MARKING = """
import os, pathlib, signal, sys
from mrbiomarkers.study import Worklist
worklist = Worklist.read(sys.argv[1], reader="Anna")
print("open", flush=True)
for number in range(10_000):
    if number == int(sys.argv[2]):
        at = sys.argv[3]
        kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        setattr(os, at, kill) if at == "fsync" else setattr(pathlib.Path, at, kill)
    case = worklist.cases[number % len(worklist.cases)]
    worklist.open(case)
    worklist.mark(case, "excluded", "other", str(number))
    print(number, flush=True)
"""


def cohort(folder, count=5):
    for number in range(count):
        (folder / f"{number}.nii").touch()
    table = folder / "cohort.csv"
    table.write_text("subject,timepoint,series\n" + "".join(f"S{n},pre,{n}.nii\n" for n in range(count)))
    return table


def start(table, stop=-1, at="replace"):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    given = [sys.executable, "-c", MARKING, str(table), str(stop), at]
    return subprocess.Popen(given, stdout=subprocess.PIPE, text=True, env=environment)


def left_over(worklist):
    return [path.name for path in worklist.folder.iterdir() if path.name not in ("state.json", ".batch.lock")]


@posix
@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_program_that_is_killed_while_it_saves_loses_only_that(tmp_path, at):
    table = cohort(tmp_path)
    with start(table, 3, at) as program:
        told = program.stdout.read().split()
    assert program.returncode == -signal.SIGKILL
    assert told == ["open", "0", "1", "2"]
    assert len(list((tmp_path / "readings" / "Anna").glob(".state.*.partial.json"))) == 1
    with Worklist.read(table, reader="Anna") as worklist:
        assert [worklist.state(case).text for case in worklist.cases] == ["0", "1", "2", "", ""]
        assert worklist.current == worklist.cases[2]
        assert worklist.next() == worklist.cases[3]
        assert left_over(worklist) == []


@posix
@pytest.mark.parametrize("writes", [7, 20, 45])
def test_a_program_that_is_killed_at_any_moment_can_go_on(tmp_path, writes):
    table = cohort(tmp_path)
    with start(table) as program:
        for _ in range(1 + writes):
            last = program.stdout.readline()
        time.sleep(0.0007 * writes)
        program.kill()
        last = (program.stdout.read().split() or [last])[-1]
    with Worklist.read(table, reader="Anna") as worklist:
        marked = max(int(worklist.state(case).text or -1) for case in worklist.cases)
        assert marked in (int(last), int(last) + 1)  # one may be saved that it had no time to tell
        assert worklist.current in (worklist.cases[marked % 5], worklist.cases[(marked + 1) % 5])
        assert left_over(worklist) == []


@posix
def test_the_second_program_is_told_and_other_readers_are_free(tmp_path):
    table = cohort(tmp_path)
    with start(table) as program:
        assert program.stdout.readline() == "open\n"
        with pytest.raises(BlockingIOError, match="Anna: another program has the worklist of this reader open"):
            Worklist.read(table, reader="Anna")
        Worklist.read(table, reader="Ben").close()
        program.kill()
        program.stdout.read()
    Worklist.read(table, reader="Anna").close()


def test_two_worklists_of_one_program_exclude_each_other_until_closed(tmp_path):
    table = cohort(tmp_path)
    first = Worklist.read(table, reader="Anna")
    with pytest.raises(BlockingIOError, match="another program"):
        Worklist.read(table, reader="Anna")
    first.mark(first.cases[0], "done")
    first.close()
    first.close()
    with Worklist.read(table, reader="Anna") as second:
        assert second.state(second.cases[0]).state == "done"
        with pytest.raises(ValueError, match="worklist: it is closed"):
            first.mark(first.cases[0], "to do")
        assert second.state(second.cases[0]).state == "done"


def test_a_refused_worklist_gives_the_folder_back(tmp_path):
    table = cohort(tmp_path)
    Worklist.read(table, reader="Anna").close()
    with pytest.raises(ValueError, match="seed: expected 0"):
        Worklist.read(table, reader="Anna", seed=1)
    Worklist.read(table, reader="Anna").close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_what_cannot_be_saved_is_told_and_stays_as_it_was(tmp_path, monkeypatch, number):
    with Worklist.read(cohort(tmp_path), reader="Anna") as worklist:
        first, second = worklist.cases[:2]
        worklist.open(first)
        saved = (worklist.folder / "state.json").read_bytes()

        def refuse(_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match=os.strerror(number)):
            worklist.mark(first, "done")
        with pytest.raises(OSError, match=os.strerror(number)):
            worklist.open(second)
        assert worklist.state(first).state == "to do"
        assert worklist.current == first
        assert (worklist.folder / "state.json").read_bytes() == saved
        assert left_over(worklist) == []
        monkeypatch.undo()
        worklist.mark(first, "done")
        assert worklist.state(first).state == "done"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc, where nobody may write")
def test_a_read_only_folder_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"/proc.*: cannot"):
        Worklist.read(cohort(tmp_path), reader="Anna", folder="/proc/readings")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    table = cohort(tmp_path)
    (tmp_path / "readings").write_text("x")
    with pytest.raises(NotADirectoryError, match="cannot be made"):
        Worklist.read(table, reader="Anna")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "Anna").write_text("x")
    with pytest.raises(FileExistsError, match="expected a folder"):
        Worklist.read(table, reader="Anna", folder=tmp_path / "folder")


@pytest.mark.parametrize("damage", ["empty", "half", "list", "no cases", "version", "state", "current"])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, damage):
    table = cohort(tmp_path)
    Worklist.read(table, reader="Anna").close()
    saved = tmp_path / "readings" / "Anna" / "state.json"
    told = json.loads(saved.read_text())
    text = {
        "empty": "",
        "half": saved.read_text()[:200],
        "list": "[]",
        "no cases": json.dumps({name: value for name, value in told.items() if name != "cases"}),
        "version": json.dumps({**told, "format": 99}),
        "state": json.dumps({**told, "cases": [{**told["cases"][0], "state": "gone"}, *told["cases"][1:]]}),
        "current": json.dumps({**told, "current": "S9"}),
    }[damage]
    saved.write_text(text)
    with pytest.raises(ValueError, match=r"state\.json: the saved readings cannot be used"):
        Worklist.read(table, reader="Anna")
    assert saved.read_text() == text
