"""Means by rule: each quantity over the regions that it is read in, then over the readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables.averages import Averages, listed
from mrbiomarkers.tables.over_readers import MEAN, mean_over_readers
from mrbiomarkers.tables.over_regions import mean_over_regions

_RANGE = re.compile(r"([CTLS])(\d{1,2})-\1?(\d{1,2})")


def regions_of(rule: str) -> tuple[str, ...]:
    """Return the regions of a rule.

    Parameters
    ----------
    rule : str
        ``"L2-L4"`` is L2, L3, L4; ``"L1+L3"`` is L1 and L3; any other text is the name of one region. Ranges are of one
        part of the spine: C, T, L or S.

    Raises
    ------
    ValueError
        When a range runs backwards, or a name is empty.
    """
    names: list[str] = []
    for part in (part.strip() for part in rule.split("+")):
        found = _RANGE.fullmatch(part)
        if not found:
            names.append(part)
            continue
        first, last = int(found[2]), int(found[3])
        if first > last:
            raise ValueError(f"rule: expected a range from the upper to the lower body, as L2-L4; got {rule!r}")
        names += [f"{found[1]}{n}" for n in range(first, last + 1)]
    if not all(names):
        raise ValueError(f"rule: expected names of regions, as L2-L4 or L1+L3; got {rule!r}")
    return tuple(names)


def mean_by_rules(
    rows: Iterable[Measurement],
    rules: Mapping[str, Sequence[str]],
    *,
    weights: str = "voxels",
    readers: Sequence[str] | None = (),
) -> Averages:
    """Average regions as each quantity's rule says, then the readers.

    The study of leukaemia reads fat fraction and R2* in L1 to L5 and diffusion in L2 to L4, by two readers:
    ``{"L1-L5": ("PDFF", "R2star"), "L2-L4": ("f", "D", "Dstar")}``.

    Parameters
    ----------
    rows : iterable of Measurement
        The table.
    rules : mapping of str to sequence of str
        Quantities by the rule of their regions, see :func:`regions_of`; no quantity: all that no other rule names. The
        rule is the region of the new rows. Quantities without a rule have no mean, with a note.
    weights : str
        As for :func:`mrbiomarkers.tables.over_regions.mean_over_regions`.
    readers : sequence of str, optional
        Readers whose means are averaged; empty: all in the table; None: readers are not averaged.

    Returns
    -------
    Averages
        ``means`` has the mean over regions of each reader, then that over the readers. With a single reader there is no
        mean of readers, with a note.

    Raises
    ------
    TypeError
        When the quantities of a rule are a text.
    ValueError
        When there is no rule, a quantity is in two rules or in no row, two rules are for all the rest, or as for the
        means over regions and over readers.
    """
    given = list(rows)
    found = tuple(dict.fromkeys(row.quantity for row in given))
    chosen = _quantities(rules, found)
    means: list[Measurement] = []
    notes: list[str] = []
    for rule, quantities in chosen.items():
        some = [row for row in given if row.quantity in quantities]
        if not some:
            continue
        wanted = regions_of(rule)
        if wanted == (rule,):  # one region: its rows are the mean
            means += _whole(some, rule)
            continue
        averaged = mean_over_regions(some, wanted, weights=weights, name=rule)
        means += averaged.means
        notes += averaged.notes
    without = [name for name in found if not any(name in quantities for quantities in chosen.values())]
    if without:
        notes.append(f"no rule for {listed(without)}, no mean")
    if readers is not None:
        across, more = _over_readers(means, readers)
        means, notes = means + across, notes + more
    there = {id(row) for row in given}
    new = [row for row in means if id(row) not in there]
    return Averages(given, new, notes)


def _whole(rows: Sequence[Measurement], region: str) -> list[Measurement]:
    found = [row for row in rows if row.region == region and row.slice == "all"]
    if not found:
        names = listed(list(dict.fromkeys(row.region for row in rows)))
        raise ValueError(f"rules: expected regions of the table ({names}), got {region!r}")
    return found


def _over_readers(means: Sequence[Measurement], readers: Sequence[str]) -> tuple[list[Measurement], list[str]]:
    names = list(dict.fromkeys(row.reader for row in means if row.reader))
    if len(names) < 2 and not readers:
        return [], [f"readers: {listed(names)}, no mean of readers"]
    if MEAN in names:
        return [], ["rows of reader 'mean' are there already, no other mean of readers"]
    averaged = mean_over_readers(means, readers)
    return averaged.means, averaged.notes


def _quantities(rules: Mapping[str, Sequence[str]], found: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the quantities of each rule, those of the rest filled in."""
    if not rules:
        raise ValueError("rules: expected at least one, as {'L1-L5': ('PDFF',)}; got none")
    named: dict[str, str] = {}
    for rule, quantities in rules.items():
        if isinstance(quantities, str):
            raise TypeError(f"rules, {rule}: expected a sequence of quantities, got the text {quantities!r}")
        for name in quantities:
            if name in named:
                raise ValueError(f"rules: expected every quantity once, got {name!r} in {named[name]} and in {rule}")
            if name not in found:
                raise ValueError(f"rules, {rule}: expected quantities of the table ({listed(found)}), got {name!r}")
            named[name] = rule
    open_rules = [rule for rule, quantities in rules.items() if not quantities]
    if len(open_rules) > 1:
        raise ValueError(f"rules: expected one for all the rest, got {listed(open_rules)}")
    rest = tuple(name for name in found if name not in named)
    return {rule: tuple(quantities) or rest for rule, quantities in rules.items()}
