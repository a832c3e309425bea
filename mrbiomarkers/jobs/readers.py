"""Two readers' tables side by side: intraclass correlation and Bland-Altman analysis of every quantity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrbiomarkers.agreement import BlandAltman, IccResult, bland_altman, icc, icc_band
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables import ReaderPairs, pairs
from mrbiomarkers.tables.averages import NO_MEAN

_FEWEST = 2


@dataclass(frozen=True, eq=False)
class ReaderAgreement:
    """How far two readers agree in one quantity.

    Attributes
    ----------
    quantity, unit, model, fit, method : str
        What is compared, as in the rows of the table.
    pairs : ReaderPairs
        The values.
    correlation : IccResult
        Intraclass correlation.
    limits : BlandAltman
        Bias, limits of agreement, repeatability.
    """

    quantity: str
    unit: str
    model: str
    fit: str
    method: str
    pairs: ReaderPairs
    correlation: IccResult
    limits: BlandAltman

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        found, limits = self.correlation, self.limits
        slope = limits.slope
        row: dict[str, Any] = {name: getattr(self, name) for name in ("quantity", "unit", "model", "fit", "method")}
        row |= {"reader_a": self.pairs.readers[0], "reader_b": self.pairs.readers[1]}
        row |= {"n": int(found.n_subjects), "n_incomplete": int(found.n_incomplete), "icc_kind": found.kind}
        row |= {"icc": float(found.value), "icc_low": float(found.ci_low), "icc_high": float(found.ci_high)}
        row |= {"icc_band": icc_band(float(found.value)), "F": float(found.f), "F_p": float(found.p)}
        row |= {"scale": limits.scale, "sd_of_differences": float(limits.sd)}
        named = (
            ("bias", limits.bias),
            ("lower_limit", limits.lower_limit),
            ("upper_limit", limits.upper_limit),
            ("within_sd", limits.within_sd),
            ("repeatability_coefficient", limits.repeatability_coefficient),
            ("cv", limits.cv),
            ("slope", slope),
        )
        for name, estimate in named:
            low, high = float(estimate.ci_low), float(estimate.ci_high)
            row |= {name: float(estimate.value), f"{name}_low": low, f"{name}_high": high}
        return row | {"slope_p": float(limits.slope_p), "confidence": limits.confidence}


def agree_readers(
    rows: Iterable[Measurement],
    reader_a: str,
    reader_b: str,
    *,
    quantities: Sequence[str] = (),
    regions: Sequence[str] = (),
    kind: str = "3,1",
    scale: str = "difference",
    confidence: float = 0.95,
) -> tuple[list[ReaderAgreement], list[str]]:
    """Compare two readers in every quantity that both have measured.

    Parameters
    ----------
    rows : iterable of Measurement
        The table of both readers.
    reader_a, reader_b : str
        The readers.
    quantities, regions : sequence of str
        What is compared; default all. The mean over regions (as "L1-L5") is no further measurement beside its parts:
        where both are in the table, choose.
    kind : str
        Intraclass correlation, as for :func:`mrbiomarkers.agreement.icc`.
    scale : str
        Scale of the differences, as for :func:`mrbiomarkers.agreement.bland_altman`.
    confidence : float
        Level of the intervals.

    Returns
    -------
    list of ReaderAgreement, list of str
        One for each quantity, model, fit and method with two complete pairs or more; and what a reader of them must
        know: rows that only one reader has, quantities that cannot be compared, unreliable intervals.

    Raises
    ------
    ValueError
        When a reader is not in the table, or nothing can be compared.
    """
    table = [row for row in rows if row.slice == "all" and (row.quantity in quantities or not quantities)]
    known = list(dict.fromkeys(row.reader for row in table))
    for name, reader in (("reader_a", reader_a), ("reader_b", reader_b)):
        if reader not in known:
            raise ValueError(f"{name}: expected a reader of the table ({', '.join(map(repr, known))}), got {reader!r}")
    kinds = dict.fromkeys((row.quantity, row.model, row.fit, row.method) for row in table if row.reader == reader_a)
    found: list[ReaderAgreement] = []
    notes: list[str] = []
    for quantity, model, fit, method in kinds:
        if quantity in NO_MEAN:
            continue
        label = ", ".join(text for text in (quantity, model, method) if text)
        try:
            both = pairs(
                [row for row in table if (row.model, row.fit, row.method) == (model, fit, method)],
                reader_a,
                reader_b,
                quantity,
                regions=regions,
            )
            if np.count_nonzero(np.isfinite(both.ratings).all(axis=1)) < _FEWEST:
                raise ValueError(f"expected at least {_FEWEST} pairs with both values")
            limits = bland_altman(both.a, both.b, scale=scale, confidence=confidence)
        except ValueError as error:
            notes.append(f"{label}: not compared; {error}")
            continue
        correlation = icc(both.ratings, kind, confidence=confidence)
        notes += [*both.warnings, *correlation.warnings, *_not_independent(both)]
        found.append(ReaderAgreement(quantity, both.unit, model, fit, method, both, correlation, limits))
    if not found:
        raise ValueError(f"rows: expected a quantity that both readers measured, got none: {'; '.join(notes)}")
    return found, list(dict.fromkeys(notes))


def _not_independent(both: ReaderPairs) -> list[str]:
    """Return what to know where a subject has several pairs."""
    subjects = {label.subject for label in both.labels}
    if len(subjects) == len(both.labels):
        return []
    return [
        f"{len(both.labels)} pairs of {len(subjects)} subject{'s' if len(subjects) != 1 else ''}: regions and time "
        "points of a subject are not independent, so the intervals are too narrow; choose regions that count once"
    ]
