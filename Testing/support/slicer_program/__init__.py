"""Stand-ins for the parts of 3D Slicer that the wheel ``slicer-core`` lacks. They are test doubles, not Slicer.

The wheel holds the real scene, nodes, module logics and ``slicer.util``. It has no program around them: no scripted
module classes, no parameter node wrapper, no translation, no Qt. The stand-ins here were written from the behaviour of
the real ones, with the faults that a module must live with: what works here should work in Slicer, and what breaks
there should break here. They prove wiring and state, not the look or the behaviour of Slicer's own widgets.

With the environment variable ``MRBIOMARKERS_SLICER_SOURCE`` set to a checkout of Slicer, its own Python files are used
in place of these; the tests of the stand-ins pass both ways.

``fixtures`` is what tests import.
"""
