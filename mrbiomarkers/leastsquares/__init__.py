"""Batched, bounded, separable least squares over many signals."""

from mrbiomarkers.leastsquares.model import ModelPoint, SeparableModel, dot
from mrbiomarkers.leastsquares.multistart import Starts, fit_multistart, fit_stream
from mrbiomarkers.leastsquares.products import Products
from mrbiomarkers.leastsquares.solver import SeparableFit, fit_separable
from mrbiomarkers.leastsquares.starts import StartGrid
from mrbiomarkers.leastsquares.steps import Box, solve_symmetric

__all__ = [
    "Box",
    "ModelPoint",
    "Products",
    "SeparableFit",
    "SeparableModel",
    "StartGrid",
    "Starts",
    "dot",
    "fit_multistart",
    "fit_separable",
    "fit_stream",
    "solve_symmetric",
]
