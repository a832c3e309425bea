"""Global fits of a stream of signals: grid, search, and a second search where two minima compete.

The few fits of a block that need many steps, or a second start, are put aside and finished together with those of other
blocks: long iterations over short arrays would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.model import Array, SeparableModel, dot
from mrbiomarkers.leastsquares.solver import SeparableFit, better_of, fit_separable
from mrbiomarkers.leastsquares.steps import Box

_EASY_STEPS = 5  # most fits need 3 or 4
_FEW = 256  # fits of a block that are not worth a step of their own
_MAX_STEPS = 40
_FULL = 32768  # fits put aside before they are finished
_COMPETES = 0.5  # a second valley is tried when its grid score is this near, as a part of the first fit's squares

Index = NDArray[np.intp]
# A named tuple of arrays whose last axis is the fits, one of them called y, (M, N); the rest is carried along.
Block = TypeVar("Block", bound=Any)


class Starts(Protocol):
    """Where to start: a :class:`~mrbiomarkers.leastsquares.starts.StartGrid` or its like."""

    def search(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the first start, the next valley's, and the sum of squares that it explains, of each signal (M, N)."""


class _Aside(NamedTuple):
    """Fits that are not finished: where they stand, and the start and score of the next valley."""

    fit: SeparableFit
    second: Array
    score: Array


def fit_stream(
    model: SeparableModel, blocks: Iterable[Block], starts: Starts, box: Box
) -> Iterator[tuple[Block, SeparableFit]]:
    """Fit every signal of every block from the best node of a grid, and from the next valley where the two compete.

    Parameters
    ----------
    model : SeparableModel
        The model; weights, if any, are already in its columns and in the signals.
    blocks : iterable of named tuples
        Arrays whose last axis is the fits; ``y`` (M, N) holds the signals: finite and of ordinary size (scale them to
        about 1).
    starts : Starts
        Where to start.
    box : Box
        Bounds.

    Yields
    ------
    (block, SeparableFit)
        Each fit once, in blocks of the same kind but of other sizes and in another order: each fit's own members of the
        named tuple tell which it is.
    """
    waiting: list[tuple[Any, _Aside]] = []
    n_waiting = 0
    for block in blocks:
        first, second, score = starts.search(block.y)
        fit = fit_separable(model, block.y, first, box, max_steps=_EASY_STEPS, leave=_FEW)
        finished = fit.converged & ~_competes(block.y, score, fit)
        rest = np.flatnonzero(~finished)
        if rest.size:
            aside = _Aside(_take(fit, rest), second.take(rest, axis=1), score.take(rest))
            waiting.append((_take(block, rest), aside))
            n_waiting += rest.size
            done = np.flatnonzero(finished)
            block, fit = _take(block, done), _take(fit, done)
        yield block, fit
        if n_waiting >= _FULL:
            yield _finish(model, waiting, box)
            waiting, n_waiting = [], 0
    if waiting:
        yield _finish(model, waiting, box)


class _Numbered(NamedTuple):
    y: Array
    number: Index


def fit_multistart(model: SeparableModel, y: Array, starts: Starts, box: Box) -> SeparableFit:
    """Fit N signals (M, N) at once; as :func:`fit_stream`, in the order of the signals."""
    parts = list(fit_stream(model, [_Numbered(y, np.arange(y.shape[1]))], starts, box))
    order = np.argsort(np.concatenate([block.number for block, _ in parts]))
    return _take(_join([fit for _, fit in parts]), order)


def _competes(y: Array, score: Array, fit: SeparableFit) -> NDArray[np.bool_]:
    """Whether the second valley may hold a better fit."""
    return np.asarray(dot(y, y) - score <= (1.0 + _COMPETES) * fit.sum_of_squares)


def _finish(model: SeparableModel, waiting: list[tuple[Any, _Aside]], box: Box) -> tuple[Any, SeparableFit]:
    """Finish the fits put aside: first where they stand, then from the second valley."""
    block = _join([part for part, _ in waiting])
    begun = _join([aside.fit for _, aside in waiting])
    second = np.concatenate([aside.second for _, aside in waiting], axis=-1)
    score = np.concatenate([aside.score for _, aside in waiting])
    open_ends = np.flatnonzero(~begun.converged)
    resumed = fit_separable(
        model,
        block.y.take(open_ends, axis=1),
        begun.theta.take(open_ends, axis=1),
        box,
        max_steps=_MAX_STEPS,
        damping=begun.damping[open_ends],
    )
    fit = begun.copy()
    for into, part in zip(fit, resumed, strict=True):
        into[..., open_ends] = part
    again = np.flatnonzero(_competes(block.y, score, fit))
    if again.size == 0:
        return block, fit
    target = fit.sum_of_squares[again]
    y, start = block.y.take(again, axis=1), second.take(again, axis=1)
    other = fit_separable(model, y, start, box, max_steps=_MAX_STEPS, target=target)
    return block, better_of(fit, other, again)


def _take(arrays: Any, index: Index) -> Any:
    return type(arrays)(*(array.take(index, axis=-1) for array in arrays))


def _join(parts: list[Any]) -> Any:
    return type(parts[0])(*(np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True)))
