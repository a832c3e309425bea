"""Quantitative MR biomarkers of bone marrow and lesions: maps, regions, tables and response models.

The package holds everything that computes; 3D Slicer modules and the command line call it. Each room is imported by
name, for example ``from mrbiomarkers.diffusion import fit_ivim``. Importing a room changes nothing in the process.
"""

__version__ = "0.1.0"
