"""What all written DICOM objects have in common: the software, new UIDs, the planes of their frames, a safe file."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mrbiomarkers import __version__
from mrbiomarkers.files.dicom_codes import SCHEME
from mrbiomarkers.files.paths import PathLike, atomic_path, check_suffix

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def equipment() -> dict[str, Any]:
    """Return what every object says of the software that wrote it, and new UIDs, as highdicom takes them."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from pydicom.uid import generate_uid

    return {
        "series_instance_uid": generate_uid(prefix=None),
        "sop_instance_uid": generate_uid(prefix=None),
        "instance_number": 1,
        "manufacturer": "MRBiomarkers",
        "manufacturer_model_name": "MRBiomarkers",
        "software_versions": __version__,
        "device_serial_number": "0",
        "specific_character_set": "ISO_IR 192",
        "coding_schemes": [
            CodingSchemeIdentificationItem(
                designator=SCHEME, name="Names of MRBiomarkers", responsible_organization="MRBiomarkers"
            )
        ],
    }


@contextlib.contextmanager
def written(path: PathLike) -> Iterator[list[Dataset]]:
    """Give a list for one finished object, which is written under a temporary name and put in place.

    highdicom's warning of names without a caret, which subject IDs are, is not passed on.

    Raises
    ------
    ValueError
        When the suffix is not ``.dcm``.
    OSError
        When the file cannot be written.
    """
    check_suffix(path, (".dcm",), "a DICOM file")
    finished: list[Dataset] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*unlikely to represent the intended person name", UserWarning)
        yield finished
        with atomic_path(path) as temporary:
            finished[0].save_as(temporary, enforce_file_format=True)


def set_planes(made: Dataset, geometry: Mapping[str, Any]) -> None:
    """Give an object the orientation and pixel measures of its own grid.

    highdicom puts those of the source in their place where both nearly agree, also a slice spacing that differs.
    """
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence = geometry["plane_orientation"]
    shared.PixelMeasuresSequence = geometry["pixel_measures"]
