"""One value for each image of a series, as a table shows and edits it. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slicer.i18n import tr as _

_SAME = 1e-9  # relative: a number that was written with fewer digits is another one


@dataclass(frozen=True)
class ValueRow:
    """One row of a table of values.

    Attributes
    ----------
    images : tuple of int
        Which images have this value, counted from 0.
    own : float or None
        The value that the series holds; None where it holds none.
    value : float or None
        The value that counts; None where it is still to be given.
    source : str
        Where the own value comes from.
    used : bool
        Whether these images are used.
    """

    images: tuple[int, ...]
    own: float | None
    value: float | None
    source: str = ""
    used: bool = True

    @property
    def edited(self) -> bool:
        """Whether the value is another one than the series holds."""
        return self.value is not None and (self.own is None or not math.isclose(self.value, self.own, rel_tol=_SAME))


def rows_of(
    values: Sequence[float] | None, sources: Sequence[str] = (), *, count: int = 0, together: bool = False
) -> list[ValueRow]:
    """Return the rows of a series as it is.

    Parameters
    ----------
    values : sequence of float, optional
        What the series holds, one for each image; None: it holds none.
    sources : sequence of str
        Where each comes from.
    count : int
        Number of images, where the series holds no values.
    together : bool
        Whether images of one value share a row, ascending; else each has its own, in their order.
    """
    if values is None:
        return [ValueRow((image,), None, None) for image in range(count)]
    told = list(sources) or [""] * len(values)
    if not together:
        return [ValueRow((image,), value, value, told[image]) for image, value in enumerate(values)]
    groups: dict[float, list[int]] = {}
    for image, value in enumerate(values):
        groups.setdefault(value, []).append(image)
    rows = []
    for value, images in sorted(groups.items()):
        source = "; ".join(dict.fromkeys(told[image] for image in images))
        rows.append(ValueRow(tuple(images), value, value, source))
    return rows


def by_image(rows: Sequence[ValueRow]) -> list[float]:
    """Return the values in the order of the images; NaN where one is still to be given."""
    values = {image: row.value for row in rows for image in row.images}
    found = (values[image] for image in sorted(values))
    return [math.nan if value is None else float(value) for value in found]


def images_text(images: Sequence[int]) -> str:
    """Return the images of a row as a person counts them, from 1: "2-4, 7"."""
    runs: list[list[int]] = []
    for image in sorted(images):
        if runs and image == runs[-1][-1] + 1:
            runs[-1].append(image)
        else:
            runs.append([image])
    return ", ".join(str(run[0] + 1) if len(run) == 1 else f"{run[0] + 1}-{run[-1] + 1}" for run in runs)


def number_in(text: str, lowest: float, highest: float) -> float:
    """Return the number that a user has written; a decimal comma is taken as a point.

    Raises
    ------
    ValueError
        When it is none, or not from ``lowest`` to ``highest``; the message says so to the user.
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not lowest <= value <= highest:
        wanted = _("{text} cannot be used: expected a number from {lowest} to {highest}.")
        shown = f'"{text.strip()[:30]}"' if text.strip() else _("An empty cell")
        raise ValueError(wanted.format(text=shown, lowest=f"{lowest:g}", highest=f"{highest:g}"))
    return value
