"""The runner of the launched suite, without Slicer: it must never say 0 where nothing was proved."""

import os
import subprocess
import sys

import pytest

from Testing.support.source_tree import ROOT

LAUNCHED = ROOT / "Testing" / "launched"
PASSES = "import unittest\nclass A(unittest.TestCase):\n    def test_one(self): ...\n    def test_two(self): ...\n"
FAILS = PASSES + "    def test_three(self): assert False\n"
ERRS = PASSES + "    def test_three(self): 1 / 0\n"
SKIPS = "import unittest\n@unittest.skip('x')\nclass A(unittest.TestCase):\n    def test_one(self): ...\n"
IN_SETUP = PASSES + "    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest('x')\n"
EXPECTS = "import unittest\nclass A(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_one(self): {}\n"
# Slicer's own exit sets the status and returns; the process ends when its events are served.
SLICER = "import atexit, os, sys, types\n"
SLICER += "def end(code):\n    sys.stdout.flush()\n    os._exit(code)\n"
SLICER += "util = types.SimpleNamespace(exit=lambda code: print('exit', code) or atexit.register(end, code))\n"


@pytest.fixture
def run(tmp_path):
    """Run ``run.py`` over the given files in a process with a stand-in for Slicer; return status and output."""
    (tmp_path / "slicer.py").write_text(SLICER, encoding="utf-8")
    for name in ("run.py", "launched_suite.py"):
        (tmp_path / name).write_text((LAUNCHED / name).read_text(encoding="utf-8"), encoding="utf-8")

    def run_files(files: dict[str, str], *arguments: str, folder: bool = True) -> tuple[int, str]:
        if folder:
            (tmp_path / "cases").mkdir()
        for name, code in files.items():
            (tmp_path / "cases" / name).write_text(code, encoding="utf-8")
        command = [sys.executable, "-B", str(tmp_path / "run.py"), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run_files


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"test_a.py": PASSES}, 0),
        ({"test_a.py": FAILS}, 1),
        ({"test_a.py": ERRS}, 1),
        ({"test_a.py": EXPECTS.format("...")}, 1),  # passed where a failure was expected
        ({"test_a.py": PASSES, "test_b.py": "import a_package_that_is_not_there\n"}, 2),
        ({"test_a.py": PASSES, "test_b.py": "def broken(:\n"}, 2),
        ({}, 4),
        ({"other.py": PASSES}, 4),
        ({"test_a.py": ""}, 5),
        ({"test_a.py": SKIPS}, 5),
        ({"test_a.py": EXPECTS.format("assert False")}, 5),
        ({"test_a.py": PASSES, "test_b.py": SKIPS}, 0),
        ({"test_a.py": "import unittest\nraise unittest.SkipTest('x')\n"}, 5),
        ({"test_a.py": PASSES, "test_b.py": IN_SETUP}, 0),
        ({"test_a.py": IN_SETUP}, 5),
        ({"test_a.py": "raise SystemExit(0)\n"}, 2),
        ({"test_a.py": PASSES.replace("...", "raise SystemExit(0)", 1)}, 1),
        ({"test_a.py": PASSES.replace("...", "raise KeyboardInterrupt", 1)}, 3),
    ],
)
def test_the_exit_status_says_what_happened(run, files, status):
    code, output = run(files)

    assert code == status, output
    assert f"exit {status}" in output


def test_a_missing_folder_is_no_success(run):
    code, output = run({}, folder=False)

    assert code == 4, output


def test_names_choose_tests_and_an_unknown_name_is_no_success(run):
    code, output = run({"test_a.py": FAILS}, "test_one")

    assert code == 0
    assert "Launched suite: 1 passed, 0 failed, 0 skipped; status 0 (passed)" in output


def test_an_unknown_name_is_no_success(run):
    code, output = run({"test_a.py": PASSES}, "test_four")

    assert code == 5
    assert "status 5 (FAILED)" in output


def test_the_cases_hold_tests_and_are_not_collected_here():
    files = sorted((LAUNCHED / "cases").glob("test_*.py"))
    ignored = (LAUNCHED / "conftest.py").read_text(encoding="utf-8")

    names = ["case_path", "logic", "modules_load", "panels", "self_tests", "traps", "view_traps"]
    assert [path.stem for path in files] == [f"test_{name}" for name in names]
    assert all("def test_" in path.read_text(encoding="utf-8") for path in files)
    assert 'collect_ignore_glob = ["cases/*"]' in ignored
