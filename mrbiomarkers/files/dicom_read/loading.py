"""The frames of a folder by series, and what to tell of the files that were passed over."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mrbiomarkers.files.dicom_read.frames import Frame, frames_of
from mrbiomarkers.files.dicom_read.headers import Problem, Source, each_header
from mrbiomarkers.files.dicom_read.tags import lenient, texts

_USED = ((0x0040, 0x9096), (0x0018, 0x9117))  # real world values and diffusion: in the frames by now


@dataclass(frozen=True, eq=False)
class Loaded:
    """The frames of each series of a folder, and what was passed over.

    Attributes
    ----------
    series : dict
        Series Instance UID to its frames.
    problems : tuple of Problem
        Files that were passed over, and why.
    unusable : dict
        Series Instance UID to the files among these that belong to it.
    """

    series: dict[str, list[Frame]]
    problems: tuple[Problem, ...]
    unusable: dict[str, list[Problem]]


@lenient()
def load(source: Source, progress: Callable[[int, int], bool] | None = None) -> Loaded:
    """Read all headers below a folder, and make frames of them.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    """
    series: dict[str, list[Frame]] = {}
    problems: list[Problem] = []
    unusable: dict[str, list[Problem]] = {}
    for instance in each_header(source, progress):
        if isinstance(instance, Problem):
            problems.append(instance)
            continue
        uid = (*texts(instance.dataset, (0x0020, 0x000E)), "")[0]
        try:
            found = frames_of(instance)
        except ValueError as error:
            problem = Problem(instance.path, str(error).removeprefix(f"{instance.path}: "))
            problems.append(problem)
            unusable.setdefault(uid, []).append(problem)
            continue
        series.setdefault(uid, []).extend(found)
        if instance.late is None:
            _lighten(found)
    return Loaded(series, tuple(problems), unusable)


def passed_over(loaded: Loaded) -> list[str]:
    """Return a note on damaged files, without their names; what is no DICOM image at all is not counted."""
    reasons = [problem.reason.split(":")[0] for problem in _damaged(loaded)]
    reasons = ["the same SOP instance twice" if reason.startswith("the same") else reason for reason in reasons]
    return [f"{count} files passed over: {reason}" for reason, count in Counter(reasons).items()]


@contextlib.contextmanager
def naming_problems(loaded: Loaded) -> Iterator[None]:
    """Add the files that were passed over to an error: they can be what is missing."""
    try:
        yield
    except ValueError as error:
        shown = "; ".join(f"{problem.path.name}: {problem.reason}" for problem in _damaged(loaded)[:5])
        if not shown:
            raise
        raise ValueError(f"{error}. Files passed over: {shown}") from None


def _damaged(loaded: Loaded) -> list[Problem]:
    nothing = ("no DICOM", "no image", "a DICOMDIR")
    return [problem for problem in loaded.problems if not problem.reason.startswith(nothing)]


def _lighten(frames: list[Frame]) -> None:
    """Drop what the frames have taken from their header, where pydicom read it: it is most of the memory."""
    for place in {id(place): place for frame in frames for place in frame.header.places()}.values():
        for tag in [tag for tag in list(place.keys()) if tag.is_private or tag in _USED]:
            del place[tag]
