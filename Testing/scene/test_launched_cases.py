"""The cases of the launched suite that need no Qt, on the real scene of ``slicer-core`` with stand-ins for the program.

They are written for a launched Slicer, where they run through the real program. Here they prove that they are right
about the logic, and that they are not passed by a test that cannot fail.
"""

import importlib
import io
import sys
import unittest
from pathlib import Path

import pytest

from Testing.support.slicer_program.fixtures import program  # noqa: F401 - a fixture
from Testing.support.source_tree import ROOT

LAUNCHED = ROOT / "Testing" / "launched"
CASES = LAUNCHED / "cases"
WITHOUT_QT = {
    "test_logic": ["*"],
    "test_self_tests": ["*"],
    "test_traps": [
        "*test_voxels_without_a_value_are_transparent",
        "*test_the_text_of_charts_is_what_vtk_can_draw",
        "*test_maps_of_a_mask_have_their_statistics_in_segment_statistics",
        "*test_sample_data_makes_the_simulated_subject",
    ],
}


@pytest.fixture
def cases(program, monkeypatch):  # noqa: F811
    """Both modules loaded, the program started, and what ``slicer.util`` needs a desktop for done with the scene."""
    import slicer

    def save(file):
        return bool(slicer.mrmlScene.WriteToMRB(file, None))

    def load(file):
        slicer.mrmlScene.ReadFromMRB(file, False)

    monkeypatch.setattr(slicer.util, "saveScene", save)
    monkeypatch.setattr(slicer.util, "loadScene", load)
    monkeypatch.syspath_prepend(str(CASES))
    for name in ("IVIMBoneMarrow", "IDEALFatQuant"):
        program.load_module(name)
    program.finish_start()
    yield program
    for name in ("launched_case", *WITHOUT_QT):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", WITHOUT_QT)
def test_the_cases_pass_without_the_desktop(cases, name):
    loader = unittest.TestLoader()
    loader.testNamePatterns = WITHOUT_QT[name]
    suite = loader.loadTestsFromModule(importlib.import_module(name))
    output = io.StringIO()
    result = unittest.TextTestRunner(stream=output, verbosity=2).run(suite)

    assert result.wasSuccessful(), output.getvalue()
    assert result.testsRun >= len(WITHOUT_QT[name])
    assert result.skipped == []


def test_every_named_case_exists():
    text = Path(CASES / "test_traps.py").read_text(encoding="utf-8")

    assert [name for name in WITHOUT_QT["test_traps"] if f"def {name[1:]}(" not in text] == []
