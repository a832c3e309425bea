"""The maps of a fit as nodes, in a folder beside the series that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import slicer

from mrbiomarkers.diffusion import ModelSelection
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.mrml.hierarchy import place_in_folder
from mrbiomarkers.mrml.maps_out import add_maps
from mrbiomarkers.mrml.nodes import undo_on_error
from mrbiomarkers.mrml.results import FitNodes
from mrbiomarkers.mrml.selection_out import add_best_model, explained_maps


def add_fit(
    maps: Mapping[str, ParameterMap],
    source: Any,
    what: str,
    warnings: Iterable[str] = (),
    *,
    selection: ModelSelection | None = None,
) -> FitNodes:
    """Add the maps of a fit to the scene.

    Parameters
    ----------
    maps : mapping of str to ParameterMap
        The maps.
    source : node, or sequence of nodes
        What was fitted; the maps come into a folder at its place.
    what : str
        What was fitted to it, for the name of the folder.
    warnings : iterable of str
        Handed on.
    selection : ModelSelection, optional
        Which model each voxel supports; becomes a label map, ``"best_model"``, and maps of R2.

    Raises
    ------
    InterruptedError
        When the source is no longer in the scene: it was closed, or the node was deleted, during the fit.
    """
    node = source[0] if isinstance(source, (list, tuple)) else source
    if node.GetScene() is not slicer.mrmlScene:
        raise InterruptedError("the series was taken out of the scene during the fit; no map was made")
    affine = next(iter(maps.values())).affine
    explained = {} if selection is None else explained_maps(selection, affine)
    with undo_on_error():
        nodes = add_maps({**maps, **explained}, source=node)
        if selection is not None:
            nodes["best_model"] = add_best_model(selection, affine, f"best model of {node.GetName()}")
        place_in_folder(list(nodes.values()), node, f"{what} of {node.GetName()}")
    return FitNodes(nodes, tuple(warnings))
