"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = ".batch.lock"
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system frees it when the process ends, however it ends.

    The empty file ``.batch.lock`` stays: removing it could free a lock that another run has just taken.

    Raises
    ------
    BlockingIOError
        When another run holds it.
    OSError
        When the file cannot be made, or the file system knows no locks.
    """
    with (folder / LOCK_FILE).open("a") as file:
        try:
            _take(file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise BlockingIOError(
                    f"{folder}: another batch is running in this folder; wait until it ends, or choose another folder"
                ) from None
            raise OSError(
                f"{folder}: cannot be locked against a second batch ({error.strerror}); choose a folder on another disk"
            ) from None
        yield


def _take(file: Any) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
