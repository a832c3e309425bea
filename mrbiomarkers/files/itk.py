"""The one door to SimpleITK's readers and writers: quiet, complete or refused, with errors of one line."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.files.geometry import affine_of, set_geometry
from mrbiomarkers.files.nifti_voxels import check_nifti_voxels, is_complete_nifti
from mrbiomarkers.files.nrrd_header import check_space
from mrbiomarkers.files.paths import PathLike, atomic_path, check_suffix, existing_file, suffix_of

READABLE = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".seq.nrrd", ".seq.nhdr", ".seg.nrrd", ".seg.nhdr", ".mha", ".mhd")


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """What the header of an image file says, before its voxels are read.

    Attributes
    ----------
    path : Path
        The file.
    shape : tuple of int
        ``(K, J, I)``, or ``(K, J, I, M)`` when the file holds several images.
    pixel : str
        Type of the numbers in words.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    metadata : mapping of str to str
        Header fields and key/value pairs as SimpleITK names them.
    """

    path: Path
    shape: tuple[int, ...]
    pixel: str
    affine: NDArray[np.float64]
    metadata: Mapping[str, str]

    @property
    def n_images(self) -> int:
        """Number of images M."""
        return self.shape[3] if len(self.shape) == 4 else 1

    @property
    def is_complex(self) -> bool:
        """Whether the numbers are complex."""
        return "complex" in self.pixel


def read_header(path: PathLike, allowed: tuple[str, ...] = READABLE, *, complex_too: bool = False) -> ImageHeader:
    """Read the header of a 3-D or 4-D image file.

    Parameters
    ----------
    path : path
        The file.
    allowed : tuple of str
        Suffixes that are accepted.
    complex_too : bool
        Accept complex numbers, which :func:`read_array` then returns as such.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the suffix is not supported, the file cannot be read, or it holds no 3-D or 4-D image of real numbers (or
        complex ones, where these are accepted).
    """
    found = existing_file(path, "an image")
    check_suffix(found, allowed, "an image")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(found))
    with _one_line_errors(found):
        reader.ReadImageInformation()
    if found.suffix.lower() in (".nrrd", ".nhdr"):
        check_space(found)
    size, components = tuple(reader.GetSize()), reader.GetNumberOfComponents()
    pixel = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if "complex" in pixel:
        if not complex_too:
            raise ValueError(f"{found}: expected real numbers, got {pixel}")
        components = 1  # ITK counts real and imaginary part
    if len(size) not in (3, 4) or (len(size) == 4 and components > 1):
        raise ValueError(f"{found}: expected a 3-D or 4-D image, got size {size} with {components} component(s)")
    try:
        affine = affine_of(reader)
    except ValueError as error:
        raise ValueError(f"{found}: {error}") from None
    shape = size[2::-1] + (size[3:] if len(size) == 4 else (components,) * (components > 1))
    metadata = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    return ImageHeader(found, shape, pixel, affine, metadata)


def read_array(header: ImageHeader) -> NDArray[np.generic]:
    """Read the voxels that ``header`` describes in the number type of the file (after its slope and intercept).

    Returns
    -------
    (K, J, I) or (K, J, I, M) array
        C-contiguous and the caller's own. At most one further copy of the data exists while it is made.

    Raises
    ------
    ValueError
        When the file is damaged or ends early.
    """
    return _read(header, sitk.sitkUnknown)


def read_float32(header: ImageHeader) -> NDArray[np.float32]:
    """Read the voxels that ``header`` describes as float32, converted while reading; else like :func:`read_array`.

    Raises
    ------
    ValueError
        When the file is damaged or ends early.
    """
    return _read(header, sitk.sitkVectorFloat32 if "vector" in header.pixel else sitk.sitkFloat32)


def _read(header: ImageHeader, pixel_type: int) -> NDArray[Any]:
    reader = sitk.ImageFileReader()
    reader.SetOutputPixelType(pixel_type)
    with _one_line_errors(header.path), _alone(header.path) as path:
        reader.SetFileName(str(path))
        image = reader.Execute()
    view = sitk.GetArrayViewFromImage(image)
    if image.GetDimension() == 4:
        view = np.moveaxis(view, 0, -1)
    values = np.array(view, order="C").reshape(header.shape)
    if suffix_of(header.path) in (".nii", ".nii.gz"):
        check_nifti_voxels(header.path, header.metadata, values)
    return values


def write_array(
    path: PathLike, values: NDArray[np.generic], affine: NDArray[np.float64], metadata: Mapping[str, str]
) -> None:
    """Write one image under a temporary name and put it in place; the suffix chooses the format.

    Parameters
    ----------
    path : path
        Target; an existing file is replaced.
    values : (K, J, I) or (K, J, I, M) array
        Boolean arrays are written as uint8.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    metadata : mapping of str to str
        Key/value pairs for the header, as far as the format has room.

    Raises
    ------
    ValueError
        When ``affine`` is sheared.
    OSError
        When the file cannot be written.
    """
    ordered = np.moveaxis(values, -1, 0) if values.ndim == 4 else values
    plain = ordered.astype(np.uint8) if values.dtype == np.bool_ else np.ascontiguousarray(ordered)
    image = sitk.GetImageFromArray(plain, isVector=False)
    set_geometry(image, affine)
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    with atomic_path(path) as temporary, _quiet():
        try:
            sitk.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            raise OSError(f"{path}: cannot be written ({_last_line(error)})") from None
        if suffix_of(path) in (".nii", ".nii.gz") and not is_complete_nifti(temporary, plain.nbytes):
            raise OSError(f"{path}: cannot be written (the disk may be full)")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """Give the path to read from; ITK takes the voxels of ``x.nii`` for those of ``x.nii.gz`` where both are there."""
    if suffix_of(path) != ".nii.gz" or not path.with_name(path.name[: -len(".gz")]).exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mrbiomarkers-") as folder:
        other = Path(folder) / "image.nii.gz"
        try:
            other.symlink_to(path.absolute())
        except OSError:  # Windows allows links to few users
            shutil.copyfile(path, other)
        yield other


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ITK's warnings off the terminal during one call; the switch is the whole process's, so put it back."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


@contextlib.contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    with _quiet():
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            raise ValueError(f"{path}: cannot be read as an image ({_last_line(error)})") from None


def _last_line(error: BaseException) -> str:
    """Return the last line of ITK's message, which holds the cause, without addresses and class names."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    return re.sub(r"^(\[nrrd\]|(itk|sitk)::ERROR:|ITK ERROR:)\s*|\w+\(0x[0-9a-f]+\):\s*", "", last)
