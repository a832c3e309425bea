"""Batched, bounded, separable least squares over many signals."""

from mrbiomarkers.leastsquares.model import ModelPoint, SeparableModel, dot
from mrbiomarkers.leastsquares.multistart import fit_multistart, fit_stream
from mrbiomarkers.leastsquares.solver import SeparableFit, fit_separable
from mrbiomarkers.leastsquares.starts import StartGrid
from mrbiomarkers.leastsquares.steps import Box

__all__ = [
    "Box",
    "ModelPoint",
    "SeparableFit",
    "SeparableModel",
    "StartGrid",
    "dot",
    "fit_multistart",
    "fit_separable",
    "fit_stream",
]
