"""The images of one part (magnitude, phase, real, imaginary or complex) of a multi-echo series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.itk import ImageHeader, read_array, read_float32, read_header
from mrbiomarkers.files.nifti import NIFTI_SUFFIXES
from mrbiomarkers.files.nrrd import NRRD_SUFFIXES
from mrbiomarkers.regions import describe_grid, is_same_grid


@dataclass(frozen=True, eq=False)
class EchoStack:
    """The files of one part, whose headers fit together; no voxels are read yet.

    Attributes
    ----------
    part : str
        ``"magnitude"``, ``"phase"``, ``"real"``, ``"imaginary"`` or ``"complex"``.
    headers : tuple of ImageHeader
        Of one file that holds all N echoes, or of N files of one echo each.
    """

    part: str
    headers: tuple[ImageHeader, ...]

    @property
    def n_echoes(self) -> int:
        """Number of echoes N."""
        return sum(header.n_images for header in self.headers)

    def place(self, echo: int) -> str:
        """Return where the image of an echo, counted from 0 in the order of the files, is found; for messages."""
        if len(self.headers) == 1:
            return f"{self.headers[0].path}, image {echo + 1}"
        return str(self.headers[echo].path)


def open_stack(paths: Sequence[Path], part: str) -> EchoStack:
    """Read the headers of the files of one part and check that they fit together.

    Parameters
    ----------
    paths : sequence of path
        One 4-D file, or one 3-D file for each echo; NIfTI or NRRD.
    part : str
        ``"magnitude"``, ``"phase"``, ``"real"``, ``"imaginary"`` or ``"complex"``.

    Raises
    ------
    FileNotFoundError
        When a file does not exist.
    ValueError
        When a file cannot be read, holds numbers of the wrong kind, is on another grid than the first, or there are
        fewer than two echoes.
    """
    headers = tuple(read_header(path, NIFTI_SUFFIXES + NRRD_SUFFIXES, complex_too=True) for path in paths)
    for header in headers:
        _check_kind(header, part)
    if len(headers) == 1 and headers[0].n_images == 1:
        raise ValueError(
            f"{headers[0].path}: expected at least two echoes, got one image; give one file for each echo, or one of "
            "all echoes"
        )
    for header in headers:
        if len(headers) > 1 and header.n_images > 1:
            raise ValueError(
                f"{header.path}: expected one image in each of {len(headers)} {part} files, got {header.n_images}"
            )
        _check_same_grid(headers[0], header)
    return EchoStack(part, headers)


def check_stacks(first: EchoStack, second: EchoStack) -> None:
    """Check that two parts of one series are on one grid and have as many echoes.

    Raises
    ------
    ValueError
        When they do not; the message names a file of each.
    """
    ours, theirs = first.headers[0], second.headers[0]
    if first.n_echoes != second.n_echoes:
        raise ValueError(
            f"{theirs.path}: expected {first.n_echoes} {second.part} images, one for each {first.part} image "
            f"({ours.path}), got {second.n_echoes}"
        )
    _check_same_grid(ours, theirs)


def read_stack(stack: EchoStack, order: Sequence[int]) -> NDArray[Any]:
    """Read the images of one part.

    Parameters
    ----------
    stack : EchoStack
        The part.
    order : sequence of int
        The image of each echo, counted from 0 in the order of the files.

    Returns
    -------
    (K, J, I, N) array [a.u.]
        float32, or complex64 or complex128 for complex images.

    Raises
    ------
    ValueError
        When a file is damaged or ends early.
    """
    read = read_array if stack.part == "complex" else read_float32
    if len(stack.headers) == 1:
        images: NDArray[Any] = read(stack.headers[0])
        return images if list(order) == list(range(stack.n_echoes)) else images[..., list(order)]
    shape = stack.headers[0].shape[:3]
    first: NDArray[Any] = read(stack.headers[order[0]])
    images = np.empty((*shape, stack.n_echoes), dtype=first.dtype)
    images[..., 0] = first.reshape(shape)
    for echo, number in enumerate(order[1:], start=1):
        images[..., echo] = read(stack.headers[number]).reshape(shape)
    return images


def _check_kind(header: ImageHeader, part: str) -> None:
    if part == "complex" and not header.is_complex:
        raise ValueError(
            f"{header.path}: expected complex images, got {header.pixel}; give real numbers as magnitude and phase, or "
            "as real and imaginary images"
        )
    if part != "complex" and header.is_complex:
        raise ValueError(f"{header.path}: expected {part} images, got {header.pixel}; give them as complex images")


def _check_same_grid(first: ImageHeader, second: ImageHeader) -> None:
    ours, theirs = first.shape[:3], second.shape[:3]
    if not is_same_grid(ours, first.affine, theirs, second.affine):
        raise ValueError(
            f"{second.path}: expected the grid of {first.path} ({describe_grid(ours, first.affine)}), got "
            f"{describe_grid(theirs, second.affine)}{_turned(first, second)}"
        )


def _turned(first: ImageHeader, second: ImageHeader) -> str:
    """Return what :func:`describe_grid` does not tell: the directions of the axes, where they differ."""
    axes = [header.affine[:3, :3] / np.linalg.norm(header.affine[:3, :3], axis=0) for header in (first, second)]
    angle = np.rad2deg(np.arccos(np.clip(np.sum(axes[0] * axes[1], axis=0), -1, 1))).max()
    return f", axes turned by up to {angle:.2g} degrees" if angle > 0.01 else ""
