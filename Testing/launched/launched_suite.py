"""Find and run the cases of a folder with unittest, and say by an exit status how it went.

======  ==========================================================================
status  meaning
======  ==========================================================================
0       tests ran and every one that was not skipped passed
1       a test failed, had an error, or passed although a failure was expected
2       a file of cases could not be imported
3       the runner itself broke (given by ``run.py``)
4       the folder holds no file of cases
5       no test ran: none was found, none has that name, or all were skipped
======  ==========================================================================
"""

import sys
import unittest
from pathlib import Path

PATTERN = "test_*.py"


class CountingResult(unittest.TextTestResult):
    """Counts what passed. ``testsRun`` is of no use: it holds some of the skipped tests, which ones varies."""

    passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - the name is unittest's
        super().addSuccess(test)
        self.passed += 1


def run_cases(folder: Path, names: list[str]) -> int:
    """Run the cases in ``folder``, or those whose name holds one of ``names``; return the exit status."""
    if not any(folder.glob(PATTERN)):
        print(f"Launched suite: no file {PATTERN} in {folder}")
        return 4
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    suite = loader.discover(str(folder), pattern=PATTERN, top_level_dir=str(folder))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=CountingResult).run(suite)
    code = exit_code(result.passed, failed=not result.wasSuccessful(), broken_imports=len(loader.errors))
    faults = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    counts = f"{result.passed} passed, {faults} failed, {len(result.skipped)} skipped"
    print(f"Launched suite: {counts}; status {code} ({'passed' if code == 0 else 'FAILED'})")
    return code


def exit_code(passed: int, *, failed: bool, broken_imports: int) -> int:
    """Return the status: of what is wrong the gravest, and 0 only where something passed."""
    if broken_imports:
        return 2
    if failed:
        return 1
    return 0 if passed > 0 else 5
