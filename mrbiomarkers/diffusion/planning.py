"""Which b-values to measure, and how often each, for the best precision in a given scan time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_choice
from mrbiomarkers.diffusion.design import Counts, DesignTask, continuous_design, whole_design
from mrbiomarkers.diffusion.models import MODELS
from mrbiomarkers.diffusion.precision import Array, check_averages, cramer_rao, ordered_parameters

Tissue = Mapping[str, float]
Tissues = dict[str, dict[str, float]]

# By model and tissue, kernel units. Marrow with fat suppression: JMRI 2019;49:768 and Radiology 2017;282:484, with f
# and D* in the range of published marrow fits; "lesion" is the middle of what spinal metastases show.
TISSUES: Mapping[str, Mapping[str, Tissue]] = {
    "ivim": {
        "marrow": {"f": 0.15, "D": 0.42e-3, "Dstar": 30e-3},
        "low-f-marrow": {"f": 0.08, "D": 0.40e-3, "Dstar": 25e-3},
        "myeloma": {"f": 0.10, "D": 0.80e-3, "Dstar": 30e-3},
        "lesion": {"f": 0.33, "D": 0.90e-3, "Dstar": 29e-3},
    },
    "adc": {"marrow": {"ADC": 0.36e-3}, "myeloma": {"ADC": 0.77e-3}, "lesion": {"ADC": 1.05e-3}},
    "stretched": {"lesion": {"DDC": 1.3e-3, "alpha": 0.76}},
}


@dataclass(frozen=True, eq=False)
class BValueSet:
    """A set of b-values and what it can measure.

    Attributes
    ----------
    bvalues : (B,) array [s/mm2]
        Ascending.
    averages : (B,) array
        Number of images of each b-value, all averages and directions together; whole numbers in a proposal.
    relative : dict of str to dict of str to float
        Predicted coefficient of variation, the Cramer-Rao bound divided by the parameter, of all parameters after S0 by
        tissue; infinite where the set does not determine the parameter.
    criterion : float
        What the plan makes small, for this set.
    """

    bvalues: Array
    averages: NDArray[Any]
    relative: dict[str, dict[str, float]]
    criterion: float

    @property
    def n_images(self) -> float:
        """Number of images in all."""
        return float(self.averages.sum())


@dataclass(frozen=True, eq=False)
class BValuePlan:
    """A proposed set of b-values, and the set it is compared with.

    Attributes
    ----------
    model : str
        Key of the model.
    tissues : dict of str to dict of str to float
        Parameters of each tissue, kernel units, S0 = 1.
    snr : float
        Signal-to-noise ratio of one image at b = 0.
    weights : dict of str to float
        Weight of each wanted parameter in the criterion.
    over : str
        How tissues are put together: ``"mean"`` or ``"worst"``.
    proposal : BValueSet
        The proposed set.
    comparison : BValueSet or None
        The other set, its averages scaled to the same number of images.
    lower_limit : float
        No set of so many images of the candidate b-values, whole averages or not, has a criterion below this.
    """

    model: str
    tissues: Tissues
    snr: float
    weights: dict[str, float]
    over: str
    proposal: BValueSet
    comparison: BValueSet | None
    lower_limit: float

    @property
    def efficiency(self) -> float:
        """Lower limit divided by the criterion of the proposal: 1 says that nothing can be better."""
        return self.lower_limit / self.proposal.criterion

    @property
    def gain(self) -> float:
        """How many times longer the comparison must scan for the criterion of the proposal; NaN without one."""
        return float("nan") if self.comparison is None else self.comparison.criterion / self.proposal.criterion


def plan_bvalues(
    model: str,
    tissues: Tissue | Mapping[str, Tissue],
    *,
    snr: float,
    n_images: int,
    candidates: ArrayLike | None = None,
    b_max: float = 1200.0,
    weights: Mapping[str, float] | None = None,
    over: str = "mean",
    minimum: Mapping[float, int] | None = None,
    compare: ArrayLike | None = None,
    compare_averages: ArrayLike | None = None,
) -> BValuePlan:
    """Return the b-values and averages that measure the wanted parameters best with a given number of images.

    The criterion is the weighted sum of ``(Cramer-Rao bound / parameter)^2`` over the wanted parameters, its mean or
    its worst over the tissues (A-optimality with S0 unknown). A continuous design is found by a multiplicative
    algorithm, which also gives the lower limit; it is rounded to whole averages and improved by exchanging images
    between b-values until no exchange helps. The same input always gives the same plan.

    Every image is taken to last equally long and to have the same echo time: that a higher largest b-value lengthens
    the echo time and costs signal is not in the plan, so compare plans of several ``b_max`` with the SNR of each. The
    best set for one tissue has hardly more b-values than the model has parameters: it rests on the model being true.
    Ask for more b-values with ``minimum`` where the model is to be tested too.

    Parameters
    ----------
    model : str
        Key of the model in ``MODELS``.
    tissues : mapping
        Parameters of one tissue, kernel units (mm2/s), S0 left out; or several such by name, as ``TISSUES["ivim"]``.
    snr : float
        SNR of one image at b = 0 (for the mean of n voxels times the root of n); the proposal does not depend on it.
    n_images : int
        Number of images in all, averages and directions included: scan time divided by the time of one image.
    candidates : (C,) array_like [s/mm2], optional
        b-values to choose from. Default: 0 to ``b_max`` in steps of 5 up to 50, of 10 up to 200, then of 50.
    b_max : float [s/mm2]
        Largest of the default candidates.
    weights : mapping of str to float, optional
        Wanted parameters and their weights; default 1 for all but S0.
    over : str
        ``"mean"`` or ``"worst"``: the criterion is the mean over the tissues, or that of the worst tissue.
    minimum : mapping of float to int, optional
        Least number of images at single b-values [s/mm2], for example ``{0: 2}``.
    compare : (B,) array_like [s/mm2], optional
        Another set, whose prediction is given for the same number of images.
    compare_averages : (B,) array_like, optional
        Averages of that set; only their ratios count.

    Returns
    -------
    BValuePlan

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit, or the candidates cannot determine a wanted parameter; the message names it.

    References
    ----------
    Optimal design: Atkinson, Donev and Tobias, Optimum Experimental Designs, with SAS, 2007, chapters 9 to 12.
    Multiplicative algorithm: Silvey, Titterington and Torsney, Commun Stat Theory Methods 1978;7:1379. For IVIM:
    Jalnefjord et al., Magn Reson Med 2019, PMC6772171.
    """
    named = _check_tissues(model, tissues)
    wanted = _check_weights(model, named, weights)
    if not 0 < snr < np.inf:
        raise ValueError(f"snr: expected a number above 0, got {snr}")
    aim = _Aim(model, named, float(snr), wanted, check_choice("over", over, ("mean", "worst")))
    b = default_candidates(b_max) if candidates is None else np.unique(check_bvalues(candidates))
    b, least = _check_minimum(b, minimum)
    n = _check_images(n_images, len(MODELS[model].parameters), int(least.sum()))
    other = None
    if compare is not None:
        other_b = check_bvalues(compare)
        other_averages = check_averages("compare_averages", compare_averages, other_b.size)
        other = _evaluate(aim, other_b, other_averages * (n / other_averages.sum()))
    task = _task(aim, b)
    shares, limit = continuous_design(task)
    counts = whole_design(task, shares, n, least)
    proposal = _evaluate(aim, b[counts > 0], counts[counts > 0])
    return BValuePlan(model, named, aim.snr, wanted, over, proposal, other, limit / n)


def default_candidates(b_max: float) -> Array:
    """Return b-values (C,) [s/mm2] from 0 to ``b_max``: steps of 5 up to 50, of 10 up to 200, then of 50.

    Raises
    ------
    ValueError
        When ``b_max`` is not above 0 or above 20000.
    """
    if not 0 < b_max <= 20000:
        raise ValueError(f"b_max: expected a number above 0 and up to 20000 s/mm2, got {b_max}")
    grid = np.concatenate([np.arange(0, 50, 5), np.arange(50, 200, 10), np.arange(200, max(b_max, 200), 50)])
    return np.append(grid[grid < b_max], b_max).astype(np.float64)


def _check_images(n_images: int, n_parameters: int, required: int) -> int:
    if n_images != int(n_images) or n_images < max(n_parameters, required):
        need = f"{n_parameters} parameters, {required} images asked for by minimum"
        raise ValueError(f"n_images: expected a whole number, enough for {need}; got {n_images}")
    return int(n_images)


def _check_tissues(model: str, tissues: Tissue | Mapping[str, Tissue]) -> Tissues:
    """Return the parameters of every tissue with S0 = 1; a single tissue is called "tissue"."""
    if not tissues:
        raise ValueError("tissues: expected the parameters of at least one tissue, got none")
    named: Tissues = {}
    given: Any = tissues if all(isinstance(value, Mapping) for value in tissues.values()) else {"tissue": tissues}
    for name, parameters in given.items():
        values = ordered_parameters(model, {**parameters, "S0": 1.0})
        if any(value.ndim or not np.isfinite(value) for value in values):
            raise ValueError(f"tissues: expected one finite number for each parameter of {name!r}, got {parameters}")
        named[name] = dict(zip(MODELS[model].parameters, map(float, values), strict=True))
    return named


def _check_weights(model: str, tissues: Tissues, weights: Mapping[str, float] | None) -> dict[str, float]:
    names = MODELS[model].parameters[1:]
    wanted = dict.fromkeys(names, 1.0) if weights is None else {key: float(value) for key, value in weights.items()}
    if not wanted or not set(wanted) <= set(names):
        raise ValueError(f"weights: expected some of {', '.join(names)}; got {', '.join(wanted) or 'none'}")
    if not all(np.isfinite(value) and value > 0 for value in wanted.values()):
        raise ValueError(f"weights: expected finite numbers above 0, got {wanted}")
    for tissue, name in product(tissues, wanted):
        if tissues[tissue][name] == 0:
            raise ValueError(f"tissues: {name} of {tissue!r} is 0, so its relative error is infinite; leave it out")
    return wanted


def _check_minimum(b: Array, minimum: Mapping[float, int] | None) -> tuple[Array, Counts]:
    """Return the candidates with those of ``minimum`` added, and the least number of images of each."""
    least = dict.fromkeys(b.tolist(), 0)
    for value, count in (minimum or {}).items():
        if not (np.isfinite(value) and value >= 0) or count != int(count) or count < 0:
            raise ValueError(f"minimum: expected whole numbers of images at b-values in s/mm2, got {count} at {value}")
        least[float(value)] = int(count)
    order = sorted(least)
    return np.array(order), np.array([least[value] for value in order], dtype=np.intp)


class _Aim(NamedTuple):
    """What is wanted, checked: see :class:`BValuePlan`."""

    model: str
    tissues: Tissues
    snr: float
    weights: dict[str, float]
    over: str


def _evaluate(aim: _Aim, b: Array, averages: NDArray[Any]) -> BValueSet:
    """Return the prediction for a set of b-values."""
    relative, losses = {}, []
    for name, values in aim.tissues.items():
        bounds = cramer_rao(aim.model, values, b, snr=aim.snr, averages=averages)
        with np.errstate(divide="ignore"):
            relative[name] = {key: float(bounds[key] / abs(values[key])) for key in MODELS[aim.model].parameters[1:]}
        losses.append(sum(weight * relative[name][key] ** 2 for key, weight in aim.weights.items()))
    order = np.argsort(b, kind="stable")
    loss = max(losses) if aim.over == "worst" else sum(losses) / len(losses)
    return BValueSet(b[order], averages[order], relative, float(loss))


def _task(aim: _Aim, b: Array) -> DesignTask:
    """Return the design problem for the candidates ``b``."""
    known = MODELS[aim.model]
    rows = np.stack([known.jacobian(b, *values.values()) for values in aim.tissues.values()]) * aim.snr
    size = abs(rows).max(axis=1)
    idle = size == 0
    rows = rows / np.where(idle, 1.0, size)[:, None, :]
    costs = np.zeros(size.shape)
    for t, (tissue, values) in enumerate(aim.tissues.items()):
        for name, weight in aim.weights.items():
            p = known.parameters.index(name)
            if idle[t, p]:
                raise ValueError(f"candidates: expected b-values that {name} of {tissue!r} has an influence on")
            costs[t, p] = weight / (values[name] * size[t, p]) ** 2
    outer = np.einsum("tcp,tcq->ctpq", rows, rows)
    task = DesignTask(rows, outer, costs, idle[:, :, None] * np.eye(size.shape[1]), aim.over == "worst")
    if not np.isfinite(task.loss(outer.sum(axis=0))):
        raise ValueError(f"candidates: the b-values {b.tolist()} s/mm2 do not determine {', '.join(aim.weights)}")
    return task
