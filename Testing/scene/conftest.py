"""A new scene for every test, made of the real MRML classes of the wheel ``slicer-core``."""

import pytest

from Testing.support.slicer_program.fixtures import program, scene  # noqa: F401


@pytest.fixture
def ivim(program):  # noqa: F811
    return program.load_module("IVIMBoneMarrow").IVIMBoneMarrowLogic()


@pytest.fixture
def ideal(program):  # noqa: F811
    return program.load_module("IDEALFatQuant").IDEALFatQuantLogic()
