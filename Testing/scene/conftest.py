"""A new scene for every test, made of the real MRML classes of the wheel ``slicer-core``."""

from Testing.support.slicer_program.fixtures import program, scene  # noqa: F401
