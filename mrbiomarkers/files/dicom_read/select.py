"""Which series of a folder is read: the only one that can be meant, or the one that the caller names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.loading import Loaded
from mrbiomarkers.files.dicom_read.tags import numbers, texts

SeriesChoice = str | int | Sequence[str | int] | None


def choose(
    loaded: Loaded, series: SeriesChoice, fits: Callable[[list[Frame]], bool], what: str
) -> dict[str, list[Frame]]:
    """Return the series that are meant.

    Parameters
    ----------
    loaded : Loaded
        What the folder holds.
    series : str, int or sequence of these, optional
        Series Instance UIDs or series numbers; None: every series that fits.
    fits : callable
        Whether the frames of a series can be what is wanted.
    what : str
        What is wanted, for messages.

    Raises
    ------
    ValueError
        When there is no such series, a number fits several, or a file of a chosen series cannot be used.
    """
    if not loaded.series:
        reasons = "; ".join(f"{problem.path.name}: {problem.reason}" for problem in loaded.problems[:5])
        raise ValueError(f"expected DICOM images, got none{f' ({reasons})' if reasons else ''}")
    if series is None:
        found = {uid: frames for uid, frames in loaded.series.items() if fits(frames)}
    else:
        asked = [series] if isinstance(series, (str, int)) else list(series)
        found = {uid: loaded.series[uid] for one in asked for uid in [_find(loaded, one)]}
    for uid in found:
        if uid in loaded.unusable:
            shown = "; ".join(f"{problem.path.name}: {problem.reason}" for problem in loaded.unusable[uid][:3])
            raise ValueError(
                f"{label(found[uid])}: expected {what}, got {len(loaded.unusable[uid])} images that cannot be used: "
                f"{shown}"
            )
    return found


def label(frames: list[Frame]) -> str:
    """Return the number of a series, for messages and notes; its description can hold a name."""
    number = numbers(frames[0].header.instance.dataset, (0x0020, 0x0011))
    return f"series {int(number[0]) if number else frames[0].series}"


def listing(series: dict[str, list[Frame]]) -> str:
    """Return the series of a folder for the message that asks the caller to name one."""
    described = []
    for uid, frames in series.items():
        words = " ".join(texts(frames[0].header.instance.dataset, (0x0008, 0x103E)))
        described.append(f"{label(frames)}{f' ({words})' if words else ''}, {len(frames)} images, UID {uid}")
    return "; ".join(described)


def left_aside(loaded: Loaded, chosen: dict[str, list[Frame]]) -> list[str]:
    """Return a note on other series of the same number: images of one acquisition that a damaged UID set apart."""
    read = {label(frames) for frames in chosen.values()}
    others = [frames for uid, frames in loaded.series.items() if uid not in chosen and label(frames) in read]
    return [f"{label(frames)}: {len(frames)} images of another series of this number are not read" for frames in others]


def _find(loaded: Loaded, asked: str | int) -> str:
    text = str(asked).strip()
    if text in loaded.series:
        return text
    fitting = [
        uid
        for uid, frames in loaded.series.items()
        for number in [numbers(frames[0].header.instance.dataset, (0x0020, 0x0011))]
        if number and text == str(int(number[0]))
    ]
    if len(fitting) == 1:
        return fitting[0]
    problem = "a series number that is there once" if fitting else "a series of the folder"
    raise ValueError(f"series: expected {problem}, got {text!r}; there are: {listing(loaded.series)}")
