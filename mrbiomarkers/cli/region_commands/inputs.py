"""What the sub-commands read alike: images, and others that must lie on the same grid."""

from __future__ import annotations

import argparse

from mrbiomarkers.cli.dicom import split_series
from mrbiomarkers.files import Volume, read_volume
from mrbiomarkers.files.dicom_read import read_dicom_image
from mrbiomarkers.files.paths import is_dicom
from mrbiomarkers.regions import describe_grid, is_same_grid


def add_shift(parser: argparse.ArgumentParser) -> None:
    """Add ``--shift``."""
    parser.add_argument(
        "--shift",
        type=int,
        default=0,
        choices=(-1, 0, 1),
        help="rename the levels by one vertebra, for transitional anatomy: 1 makes L5 L6; --levels are the new names",
    )


def read_picture(option: str, path: str) -> Volume:
    """Read a 3-D image, also a series of a DICOM folder (``FOLDER#5``); an error begins with the option."""
    try:
        folder, series = split_series(path)
        return read_dicom_image(folder, series=series) if is_dicom(folder) else read_volume(path)
    except ValueError as error:
        raise ValueError(f"{option} {error}") from None


def check_beside(option: str, volume: Volume, other: Volume, what: str) -> None:
    """Check that ``volume`` lies on the grid of ``other``, which is ``what``.

    Raises
    ------
    ValueError
        When it does not; both grids are described.
    """
    if not is_same_grid(volume.values.shape, volume.affine, other.values.shape, other.affine):
        ours = describe_grid(other.values.shape, other.affine)
        theirs = describe_grid(volume.values.shape, volume.affine)
        raise ValueError(f"{option} {volume.name}: expected the grid of {what} ({ours}), got {theirs}")
