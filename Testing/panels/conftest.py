"""Panels on stand-ins for Qt and Slicer's widgets: wiring and state, not the look of the real ones."""

from Testing.support.slicer_program.fixtures import panel_program, scene  # noqa: F401
