"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test data beside the repository.

    Where it is missing the test is skipped in view on a user's machine and fails in continuous integration.
    """
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"the shared test data are not at {folder}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
