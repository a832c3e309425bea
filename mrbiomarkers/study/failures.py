"""Why a case failed, in words that may be passed on, and whether the next one can do better."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mrbiomarkers.study.cases import Case
from mrbiomarkers.study.privacy import paths_in, without_paths

_PROBE = 1 << 20  # bytes: where they find no room, no case will
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def reason_of(error: Exception, case: Case, *, names: bool) -> str:
    """Return the message of an error on one line, without folders, and without file names unless ``names``."""
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
    if not text or not isinstance(error, (ValueError, TypeError, OSError)):
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    known = [*paths_in(case.data), *paths_in(case.inputs), *_files_of(error)]
    return without_paths(text, known, names=names)


def lost_folder(folder: Path, error: Exception) -> OSError | None:
    """Return why nothing can be written into the folder of a batch any more, or None where it can.

    Parameters
    ----------
    folder : path
        Folder of the batch.
    error : Exception
        What a case raised, whose unfinished files are still there: to remove them would make room.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE))
    except OSError as reason:
        return reason
    if isinstance(error, OSError) and error.errno in _FULL:
        inside = (Path(path).absolute().is_relative_to(folder) for path in _files_of(error))
        return error if any(inside) else None
    return None


def _files_of(error: BaseException) -> Iterator[str]:
    if isinstance(error, OSError):
        for name in (error.filename, error.filename2):
            if isinstance(name, (str, bytes, os.PathLike)):
                yield os.fsdecode(name)
