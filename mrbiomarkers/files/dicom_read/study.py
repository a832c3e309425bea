"""Which study a file belongs to: where results are put beside what a program has imported of it."""

from __future__ import annotations

from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.paths import PathLike


@lenient()
def study_of(path: PathLike) -> str:
    """Return the Study Instance UID of a DICOM file; empty where it has none.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    from pydicom import dcmread

    header = dcmread(path, specific_tags=["StudyInstanceUID"], stop_before_pixels=True, force=True)
    return str(header.get("StudyInstanceUID", ""))
