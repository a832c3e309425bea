"""Is the study large enough for a logistic model, and do its variables say the same: sample size and collinearity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrbiomarkers.response.model_columns import Array

_FEW_EVENTS = 10.0
_R2_SHARE = 0.15  # of the largest possible Cox-Snell R2, where nothing is known: Riley et al. 2020
_SHRINKAGE, _DIFFERENCE, _MARGIN = 0.9, 0.05, 0.05


@dataclass(frozen=True)
class SampleSize:
    """What :func:`sample_size` returns.

    Attributes
    ----------
    n, n_events : int
        Patients, and those of the positive class.
    n_parameters : int
        Candidate variables, those that were tried and left out with them.
    events_per_variable : float
        Patients of the smaller class for each candidate.
    cox_snell_r2 : float
        The R2 that was assumed for the needed sizes.
    needed : tuple of int
        Patients needed for a shrinkage of 0.9, for an optimism of Nagelkerke's R2 of 0.05, and for a margin of 0.05
        around the overall risk.
    n_needed : int
        The largest of these.
    statement : str
        All this in words.
    """

    n: int
    n_events: int
    n_parameters: int
    events_per_variable: float
    cox_snell_r2: float
    needed: tuple[int, int, int]
    n_needed: int
    statement: str

    def record(self) -> dict[str, Any]:
        """Return the figures by column."""
        return {
            "method": "events per variable; criteria of Riley et al. 2019",
            "n": self.n,
            "n_events": self.n_events,
            "n_parameters": self.n_parameters,
            "events_per_variable": self.events_per_variable,
            "cox_snell_r2_assumed": self.cox_snell_r2,
            "needed_shrinkage": self.needed[0],
            "needed_r2": self.needed[1],
            "needed_risk": self.needed[2],
            "n_needed": self.n_needed,
            "statement": self.statement,
        }


def sample_size(n: int, n_events: int, n_parameters: int, *, cox_snell_r2: float | None = None) -> SampleSize:
    """Compare a study with the size that a logistic prediction model needs.

    Parameters
    ----------
    n, n_events : int
        Patients, and those of the positive class.
    n_parameters : int
        Candidate variables, also those that a screen has left out.
    cox_snell_r2 : float, optional
        R2 to be expected, from an earlier study; by default 15 % of the largest that is possible at this share of
        events. The R2 of the same data is no answer: it is too high.

    Raises
    ------
    ValueError
        When numbers are not possible: no events or only events, no parameters, an R2 that cannot be.

    References
    ----------
    Peduzzi et al., J Clin Epidemiol 1996;49:1373 (10 events per variable). Riley et al., Stat Med 2019;38:1276 and BMJ
    2020;368:m441; as in the R package pmsampsize.
    """
    if not 0 < n_events < n:
        raise ValueError(f"n_events: expected 1 to {n - 1} of {n} patients, got {n_events}")
    if n_parameters < 1:
        raise ValueError(f"n_parameters: expected 1 or more, got {n_parameters}")
    rate = n_events / n
    largest = 1 - math.exp(2 * (rate * math.log(rate) + (1 - rate) * math.log(1 - rate)))
    r2 = _R2_SHARE * largest if cox_snell_r2 is None else float(cox_snell_r2)
    if not 0 < r2 < _SHRINKAGE * largest:
        raise ValueError(f"cox_snell_r2: expected above 0 and below {_SHRINKAGE * largest:.3g}, got {r2:g}")
    second = r2 / (r2 + _DIFFERENCE * largest)
    sizes = [n_parameters / ((s - 1) * math.log(1 - r2 / s)) for s in (_SHRINKAGE, second)]
    needed = (math.ceil(sizes[0]), math.ceil(sizes[1]), math.ceil((1.96 / _MARGIN) ** 2 * rate * (1 - rate)))
    smaller = min(n_events, n - n_events)
    per_variable = smaller / n_parameters
    enough = "enough" if n >= max(needed) else "too few"
    statement = (
        f"{n} patients, {n_events} events; {smaller} in the smaller class for {n_parameters} candidate "
        f"{'variable' if n_parameters == 1 else 'variables'}: {per_variable:.1f} events per variable "
        f"({'below' if per_variable < _FEW_EVENTS else 'at least'} {_FEW_EVENTS:.0f}). For a prediction model "
        f"{max(needed)} patients are needed (Riley et al.; Cox-Snell R2 {r2:.3f} "
        f"{'assumed' if cox_snell_r2 is None else 'given'}): these are {enough}."
    )
    return SampleSize(n, n_events, n_parameters, per_variable, r2, needed, max(needed), statement)


def variance_inflation(x: Array) -> Array:
    """Return the variance inflation factor of every variable.

    It is ``1 / (1 - R2)``, R2 of the linear regression of a variable on the others; infinite where it follows from
    them, NaN where it does not vary.

    Parameters
    ----------
    x : (n, p) array
        Variables without missing values.

    Returns
    -------
    (p,) array
    """
    centred = x - x.mean(axis=0)
    factors = np.full(x.shape[1], np.nan)
    spread = np.sqrt((centred**2).sum(axis=0))
    varies = spread > 1e-12 * np.abs(x).max(axis=0, initial=0.0)
    z = centred[:, varies] / spread[varies]
    found = np.empty(z.shape[1])
    for j in range(z.shape[1]):
        others = np.delete(z, j, axis=1)
        fitted = others @ np.linalg.lstsq(others, z[:, j], rcond=None)[0] if others.size else np.zeros(len(z))
        rest = float(((z[:, j] - fitted) ** 2).sum())
        found[j] = 1 / rest if rest > 1e-12 else np.inf
    factors[varies] = found
    return factors
