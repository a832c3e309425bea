"""Nodes that hold several images, for the tests of what is read from them."""

import pytest


@pytest.fixture
def make(scene):
    """The module that builds nodes; it can be imported only where slicer-core is."""
    from Testing.support import frame_nodes

    return frame_nodes
