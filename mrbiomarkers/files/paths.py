"""File names: suffixes, checks before reading, and writing under a temporary name."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

PathLike = str | os.PathLike[str]

_DICOM = (".dcm", ".ima")
_COMPOUND_SUFFIXES = (".nii.gz", ".seq.nrrd", ".seg.nrrd", ".seq.nhdr", ".seg.nhdr")


def suffix_of(path: PathLike) -> str:
    """Return the suffix that tells the format, in lower case: ``".nii.gz"``, ``".seq.nrrd"``, ``".mha"`` ..."""
    name = Path(path).name.lower()
    for suffix in _COMPOUND_SUFFIXES:
        if name.endswith(suffix):
            return suffix
    return Path(name).suffix


def is_dicom(path: PathLike) -> bool:
    """Tell whether a path is meant as DICOM: a folder, or a file named as such."""
    return Path(path).is_dir() or Path(path).suffix.lower() in _DICOM


def stem_of(path: PathLike) -> str:
    """Return the file name without the suffix of :func:`suffix_of`: ``"f"`` for ``"maps/f.nii.gz"``."""
    name = Path(path).name
    return name[: len(name) - len(suffix_of(path))]


def check_suffix(path: PathLike, allowed: Collection[str], what: str) -> str:
    """Return the suffix of ``path`` after checking that it is one of ``allowed``.

    Raises
    ------
    ValueError
        When it is not; the message says ``what`` was expected and lists the suffixes.
    """
    suffix = suffix_of(path)
    if suffix not in allowed:
        raise ValueError(f"{path}: expected {what} ({', '.join(allowed)}), got {suffix or 'a name without suffix'}")
    return suffix


def existing_file(path: PathLike, what: str) -> Path:
    """Return ``path`` after checking that it is a file.

    Raises
    ------
    FileNotFoundError
        When there is nothing under that name.
    ValueError
        When it is a folder.
    """
    found = Path(path)
    if not found.exists():
        raise FileNotFoundError(f"{path}: no such file (expected {what})")
    if found.is_dir():
        raise ValueError(f"{path}: expected {what}, got a folder")
    return found


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path``; the finished file takes the target's place, an unfinished one is removed.

    The temporary name is hidden and keeps the suffix, because writers choose the format by it.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        When the folder of ``path`` does not exist, or is a file.
    IsADirectoryError
        When ``path`` is a folder.
    OSError
        When the file cannot be written; a full disk names the file.
    """
    target = Path(path)
    if target.parent.is_file():
        raise NotADirectoryError(f"{target}: cannot be written, for {target.parent} is a file")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise IsADirectoryError(f"{target}: expected a file, got a folder")
    temporary = target.with_name(f".{stem_of(target)}.{secrets.token_hex(4)}.partial{suffix_of(target)}")
    try:
        temporary.touch()  # tried here, for the libraries that write images print what goes wrong
    except OSError as error:
        raise type(error)(f"{target}: cannot be written ({error.strerror})") from None
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno == errno.ENOSPC and error.filename is None:  # writing to a full disk does not say which file
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise
    finally:
        temporary.unlink(missing_ok=True)
