"""From the estimates of a batch of voxels to maps: units of the signal, status, standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.diffusion.batches import Batch, VoxelBatches
from mrbiomarkers.diffusion.models import MODELS
from mrbiomarkers.diffusion.precision import standard_errors
from mrbiomarkers.maps import Status, parameter_flags

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a method found for the N voxels of a batch, with the signals divided by their scale.

    Attributes
    ----------
    values : list of (N,) array
        The model's parameters, S0 first. S0 <= 0 says that there is no signal to fit.
    sum_of_squares : (N,) array
        (Weighted) residual sum of squares.
    converged : (N,) bool array
        False where an iteration limit was reached.
    on_bound, unknown : (P - 1, N) bool array
        For the parameters after S0: ended on a bound; has no influence on the signal.
    errors : (N, P) array or None
        Standard errors, where the method has its own; else they come from the curvature of the model.
    doubtful : (P - 1, N) bool array or None
        For the parameters after S0: not identifiable, where the method knows it without standard errors.
    """

    values: list[Array]
    sum_of_squares: Array
    converged: Bools
    on_bound: Bools
    unknown: Bools
    errors: Array | None = None
    doubtful: Bools | None = None


class MapCollector:
    """Collects the estimates of all batches of one model into maps.

    Parameters
    ----------
    batches : VoxelBatches
        Whose shape, floating point type and status the maps take.
    model : str
        Key of the model in ``MODELS``.
    errors : bool
        Whether standard errors are wanted.

    Attributes
    ----------
    with_errors : bool
        Whether standard errors are wanted.
    """

    def __init__(self, batches: VoxelBatches, model: str, errors: bool) -> None:
        self._batches = batches
        self._model = MODELS[model]
        self.with_errors = errors
        names = self._model.parameters
        wanted = [*names, "rmse", *(f"sd_{name}" for name in names if errors)]
        self._maps = {name: batches.empty_map() for name in wanted}
        self._n_weights = float(np.sum(batches.root_weights**2))

    def put(self, batch: Batch, found: Estimate) -> None:
        """Store the estimates of one batch; where there is no signal there is no value."""
        empty = found.values[0] <= 0
        errors = self._errors(found) if self.with_errors else found.errors
        status = _pack(found.on_bound, found.unknown, self._doubtful(found, errors))
        status[~found.converged] |= np.uint32(Status.NOT_CONVERGED)
        status[empty] = Status.NO_SIGNAL
        self._batches.status[batch.voxels] = status
        rmse = np.sqrt(found.sum_of_squares / self._n_weights) * batch.scale
        values = (found.values[0] * batch.scale, *found.values[1:], rmse)
        for name, value in zip((*self._model.parameters, "rmse"), values, strict=True):
            self._maps[name][batch.voxels] = np.where(empty, np.nan, value)
        if self.with_errors and errors is not None:
            for name, column in zip(self._model.parameters, errors.T, strict=True):
                self._maps[f"sd_{name}"][batch.voxels] = column * batch.scale if name == "S0" else column

    def _errors(self, found: Estimate) -> Array:
        """Return the standard errors (N, P) in the units of the scaled signal: the method's own, or the curvature's."""
        errors = found.errors
        if errors is None:
            jacobian = self._model.jacobian(self._batches.bvalues, *found.values)
            jacobian *= self._batches.root_weights[:, None]
            free = np.concatenate([found.values[0][None] > 0, ~(found.on_bound | found.unknown)]).T
            errors = standard_errors(jacobian, found.sum_of_squares, free)
        return np.where(found.values[0][:, None] > 0, errors, np.nan)

    def _doubtful(self, found: Estimate, errors: Array | None) -> Bools:
        """Return which parameters after S0 (P - 1, N) are not identifiable: standard errors go before all else."""
        doubtful = np.zeros_like(found.on_bound)
        if errors is None:
            return doubtful if found.doubtful is None else found.doubtful
        for name in self._model.compartment_rates:
            position = self._model.parameters.index(name)
            doubtful[position - 1] = errors[:, position] > found.values[position]  # not where NaN
        return doubtful

    def maps(self) -> dict[str, Any]:
        """Return every map, and the status, in the leading shape of the signal."""
        shape = self._batches.shape
        return {"status": self._batches.status.reshape(shape), **{k: v.reshape(shape) for k, v in self._maps.items()}}


def _pack(on_bound: Bools, unknown: Bools, doubtful: Bools) -> NDArray[np.uint32]:
    flags = np.zeros(on_bound.shape[1], dtype=np.uint32)
    for position in range(len(on_bound)):
        for flag, where in zip(parameter_flags(position), (on_bound, unknown, doubtful), strict=True):
            flags[where[position]] |= np.uint32(flag)
    return flags
