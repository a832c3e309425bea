"""Images of any supported format: a volume, a diffusion series, a map; the suffix chooses the reader or writer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_real_array
from mrbiomarkers.files.itk import read_array, read_header, write_array
from mrbiomarkers.files.nifti import NIFTI_SUFFIXES, read_nifti_series, write_nifti_map
from mrbiomarkers.files.nrrd import NRRD_SUFFIXES, read_nrrd_series, write_nrrd_map
from mrbiomarkers.files.paths import PathLike, check_suffix, existing_file
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.series import DiffusionSeries

# A header with its voxels in a second file cannot be replaced in one step, so .nhdr and .mhd are only read.
_WRITABLE = (".nii", ".nii.gz", ".nrrd")


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3-D image.

    Attributes
    ----------
    values : (K, J, I) array
        Boolean, integer or real.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    name : str
        The file it came from, for messages.

    Raises
    ------
    TypeError, ValueError
        When the array is not real and 3-D, or the affine is not valid.
    """

    values: NDArray[np.generic]
    affine: NDArray[np.float64]
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", check_real_array("values", self.values, ndim=3))
        object.__setattr__(self, "affine", check_affine(self.affine))


def read_volume(path: PathLike) -> Volume:
    """Read a 3-D image, or a 4-D image that holds a single one.

    Parameters
    ----------
    path : path
        NIfTI, NRRD or MetaImage.

    Returns
    -------
    Volume
        In the number type of the file, slope and intercept applied.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the format is not supported, the file is damaged or truncated, or it holds no single 3-D image.
    """
    header = read_header(path)
    if header.n_images != 1:
        raise ValueError(f"{path}: expected a 3-D image, got {header.n_images} images of shape {header.shape[:3]}")
    return Volume(read_array(header).reshape(header.shape[:3]), header.affine, str(path))


def is_complex_image(path: PathLike) -> bool:
    """Return whether an image file holds complex numbers; only its header is read.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no image that can be read.
    """
    return read_header(path, complex_too=True).is_complex


def read_series(
    path: PathLike, *, bvalues: ArrayLike | None = None, bval_file: PathLike | None = None
) -> DiffusionSeries:
    """Read a diffusion series from a 4-D NIfTI or NRRD file.

    Parameters
    ----------
    path : path
        ``.nii``, ``.nii.gz``, ``.nrrd``, ``.nhdr``, ``.seq.nrrd`` or ``.seq.nhdr``.
    bvalues : (B,) array_like, optional [s/mm2]
        b-value of each image; goes before every other source.
    bval_file : path, optional
        Text file of b-values; goes before the header and a ``.bval`` file beside the series.

    Returns
    -------
    DiffusionSeries
        With a float32 signal [a.u.] and the source of every b-value.

    Raises
    ------
    FileNotFoundError
        When a named file does not exist.
    ValueError
        When the format is not supported, the file is damaged or truncated, is no series, or its b-values are missing
        or do not fit.
    """
    existing_file(path, "a diffusion series")
    suffix = check_suffix(path, NIFTI_SUFFIXES + NRRD_SUFFIXES, "a diffusion series")
    read = read_nifti_series if suffix in NIFTI_SUFFIXES else read_nrrd_series
    return read(path, bvalues=bvalues, bval_file=bval_file)


def write_volume(path: PathLike, volume: Volume) -> None:
    """Write a volume as it is, for example a mask or the status of a map (boolean becomes uint8).

    Raises
    ------
    ValueError
        When the suffix is not ``.nii``, ``.nii.gz`` or ``.nrrd``, or the affine is sheared.
    OSError
        When the file cannot be written.
    """
    check_suffix(path, _WRITABLE, "an image")
    write_array(path, volume.values, volume.affine, {})


def write_map(path: PathLike, parameter_map: ParameterMap) -> None:
    """Write a map as float32 in its reported unit; the header says the quantity and the unit.

    Parameters
    ----------
    path : path
        ``.nii``, ``.nii.gz`` or ``.nrrd``; the latter also holds the provenance.
    parameter_map : ParameterMap
        In either unit. NaN (not fitted) stays NaN.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When the file cannot be written.
    """
    suffix = check_suffix(path, _WRITABLE, "a map")
    write = write_nifti_map if suffix in NIFTI_SUFFIXES else write_nrrd_map
    write(path, parameter_map)
