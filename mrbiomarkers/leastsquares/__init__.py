"""Batched, bounded, separable least squares over many signals."""

from mrbiomarkers.leastsquares.solver import Box, SeparableFit, SeparableModel, dot, fit_separable
from mrbiomarkers.leastsquares.starts import StartGrid, fit_multistart

__all__ = ["Box", "SeparableFit", "SeparableModel", "StartGrid", "dot", "fit_multistart", "fit_separable"]
