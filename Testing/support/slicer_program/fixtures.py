"""Fixtures for tests that need a scene or Slicer's program: import them in a ``conftest.py``."""

import os

import pytest


def _absent(what):
    """Skip in view on a user's machine; in continuous integration this is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(f"{what}; on this platform it may have no wheel")


@pytest.fixture
def scene():
    """A new scene; ``slicer.mrmlScene`` is this one.

    Where the wheel is missing the test is skipped in view on a user's machine and fails in continuous integration.
    """
    try:
        import slicer  # noqa: F401
    except ImportError:
        _absent("slicer-core is not installed")
    from Testing.support import slicer_core

    return slicer_core.start()


@pytest.fixture
def program(scene):
    """Slicer's program without a main window and without Qt, on the new scene; ``program.load_module(name)``."""
    from .program import Program

    yield from _run(Program, scene)


@pytest.fixture(name="program")
def panel_program(scene):
    """Slicer's program with stand-ins for its widgets, on the new scene; ``program.open_panel(name)``."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        _absent(f"PySide6-Essentials is not installed, or lacks a library of the system: {error}")
    from .panel_program import PanelProgram

    yield from _run(PanelProgram, scene)


def _run(kind, scene):
    """Run a program; what a slot or an observer raised fails the test, unless it was expected."""
    from .remembered import remembered
    from .swallowed import Swallowed

    with remembered(), Swallowed() as swallowed:
        running = kind(scene)
        running.swallowed = swallowed
        try:
            yield running
        finally:
            running.close()
        assert not list(swallowed), f"swallowed, as Slicer would, and not expected: {list(swallowed)}"
