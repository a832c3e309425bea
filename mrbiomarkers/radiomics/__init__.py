"""Radiomic features of an image in a region, by the names and definitions of PyRadiomics or IBSI."""

from mrbiomarkers.radiomics.extract import Features, extract

__all__ = ["Features", "extract"]
