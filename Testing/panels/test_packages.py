"""Packages that Slicer does not bundle are asked for; what the user, the network or an older Slicer says is told."""

import importlib.util
import subprocess
import sys
import types

import pytest

ABSENT = ("no_such_package_at_all", "no-such-package-at-all>=1.2")
HINT = r"slicer\.util\.pip_install\('no-such-package-at-all>=1\.2'\)"


@pytest.fixture
def ensure(program):
    from mrbiomarkers.panels.packages import ensure_package

    return lambda: ensure_package(*ABSENT, "A made-up thing")


@pytest.fixture
def older(program, monkeypatch):
    """A Slicer without ``slicer.packaging``; returns what the user was asked and what was installed."""
    import slicer

    said = types.SimpleNamespace(asked=[], installed=[], answer=False)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.delattr(slicer, "packaging")

    def ask(text, *titles, **options):
        said.asked.append(text)
        return said.answer

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", ask)
    monkeypatch.setattr(slicer.util, "pip_install", said.installed.append)
    return said


def comes_when(monkeypatch, installed):
    """Make the absent package findable as soon as something was installed."""
    find = importlib.util.find_spec

    def found(name, package=None):
        return find("json") if name == ABSENT[0] and installed else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)


def test_a_package_that_is_there_is_not_asked_for(program, older):
    from mrbiomarkers.panels.packages import ensure_package

    ensure_package("numpy", "numpy>=999", "Anything")

    assert (older.asked, older.installed) == ([], [])


def test_in_testing_nothing_is_installed_and_the_message_says_how(ensure):
    with pytest.raises(ImportError, match=f"A made-up thing needs .* no_such_package_at_all.*{HINT}"):
        ensure()


def test_the_program_is_asked_for_the_requirement(ensure, monkeypatch):
    installed = []

    def pip_ensure(requirements, *, requester):
        installed.append((requirements, requester))

    monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_ensure", pip_ensure)
    comes_when(monkeypatch, installed)
    ensure()

    assert installed == [([ABSENT[1]], "MRBiomarkers")]


@pytest.mark.parametrize(
    "error", [RuntimeError("User declined package installation"), subprocess.CalledProcessError(1, "pip install")]
)
def test_a_user_who_declines_and_a_pip_that_fails_are_told_the_same(ensure, monkeypatch, error):
    """What Slicer's pip_ensure raises in each case (Base/Python/slicer/packaging.py)."""

    def pip_ensure(requirements, *, requester):
        raise error

    monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_ensure", pip_ensure)
    with pytest.raises(ImportError, match=HINT) as caught:
        ensure()
    assert caught.value.__cause__ is error


def test_an_older_program_asks_and_takes_no(ensure, older):
    with pytest.raises(ImportError, match=HINT):
        ensure()

    assert len(older.asked) == 1
    assert "A made-up thing needs the Python package no_such_package_at_all" in older.asked[0]
    assert older.installed == []


def test_an_older_program_installs_when_the_user_says_yes(ensure, older, monkeypatch):
    older.answer = True
    comes_when(monkeypatch, older.installed)
    ensure()

    assert older.installed == [ABSENT[1]]


def test_an_older_program_that_cannot_install_says_so(ensure, older):
    older.answer = True
    with pytest.raises(ImportError, match=HINT):
        ensure()
    assert older.installed == [ABSENT[1]]


def test_a_packaging_module_without_ensure_counts_as_older(ensure, monkeypatch):
    """Slicer's development versions had the module before it had this function."""
    import slicer

    monkeypatch.delattr(sys.modules["slicer.packaging"], "pip_ensure")
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, *more, **options: asked.append(text))
    with pytest.raises(ImportError, match=HINT):
        ensure()
    assert len(asked) == 1
