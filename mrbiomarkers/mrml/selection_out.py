"""Which model each voxel supports, as nodes: a label map with the models as names, and how much each explains."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.diffusion import MODELS, ModelSelection
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.mrml.geometry import matrix_of
from mrbiomarkers.mrml.nodes import add_node
from mrbiomarkers.quantities import quantity

# Okabe and Ito's colours, told apart by colour-blind readers.
_COLOURS = ((0.0, 0.45, 0.7), (0.9, 0.62, 0.0), (0.0, 0.62, 0.45), (0.8, 0.47, 0.65))


def explained_maps(selection: ModelSelection, affine: NDArray[np.float64]) -> dict[str, ParameterMap]:
    """Return, by name, the maps of how much of the variance each model explains."""
    known = quantity("R2")
    return {
        f"R2_{model}": ParameterMap(
            values,
            known,
            known.unit,
            affine,
            provenance={"software": f"MRBiomarkers {__version__}", "model": model},
        )
        for model, values in selection.r_squared.items()
    }


def add_best_model(selection: ModelSelection, affine: NDArray[np.float64], name: str) -> Any:
    """Add a label map: 0 where models were not compared, else the number of the model with the smallest criterion.

    Parameters
    ----------
    selection : ModelSelection
        The comparison.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    name : str
        Wanted name.

    Returns
    -------
    vtkMRMLLabelMapVolumeNode
        With a colour table of its own that holds the names of the models.
    """
    colours = add_node("vtkMRMLColorTableNode", f"{name} colours")
    colours.SetTypeToUser()
    colours.SetNumberOfColors(len(selection.models) + 1)
    colours.SetColor(0, "not compared", 0.0, 0.0, 0.0, 0.0)
    for number, model in enumerate(selection.models, start=1):
        colours.SetColor(number, MODELS[model].name, *_COLOURS[number - 1], 1.0)
    node = add_node("vtkMRMLLabelMapVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, (selection.best + 1).astype(np.uint8))
    node.SetIJKToRASMatrix(matrix_of(affine))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAndObserveColorNodeID(colours.GetID())
    node.SetAttribute("MRBiomarkers.Criterion", "smallest corrected Akaike criterion")
    return node
