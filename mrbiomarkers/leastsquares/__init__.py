"""Batched, bounded, separable least squares over many signals."""

from mrbiomarkers.leastsquares.model import ModelPoint, SeparableModel, dot
from mrbiomarkers.leastsquares.solver import Box, SeparableFit, fit_separable
from mrbiomarkers.leastsquares.starts import StartGrid, fit_multistart

__all__ = [
    "Box",
    "ModelPoint",
    "SeparableFit",
    "SeparableModel",
    "StartGrid",
    "dot",
    "fit_multistart",
    "fit_separable",
]
