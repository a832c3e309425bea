"""Water, fat and R2* from magnitudes alone: two solutions a voxel, one where water dominates and one where fat does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bounds, check_echo_times, check_real_array
from mrbiomarkers.fatwater.magnitude_search import Ends, ValleySearch
from mrbiomarkers.fatwater.signal import check_modulation

Array = NDArray[np.float64]
Real = NDArray[Any]  # float32 or float64
Flags = NDArray[np.bool_]

_BLOCK = 8192  # voxels worked at once: their signals stay in the cache
_NEAR = 0.2  # fat fractions of the two solutions that differ by less are one solution, blurred by noise
_ON_BOUND = 1e-6  # of the range
_EMPTY = 1e-3  # of the brightest echo: with less water and fat than this, fraction and R2* have no meaning


@dataclass(frozen=True, eq=False)
class MagnitudeSolution:
    """One solution of V voxels; NaN and False where a voxel was not fitted.

    Attributes
    ----------
    water, fat : (V,) array [a.u.]
        Signal of each at t = 0. One of them is slightly below 0 where noise asks for it.
    R2star : (V,) array [1/s]
        Transverse relaxation rate.
    cost : (V,) array [a.u.2]
        Sum of the squared residuals.
    converged : (V,) bool array
        False where the step limit was reached.
    on_bound : (V,) bool array
        R2* or the fat fraction ended on a bound (the turning point is none), or no signal is left above the noise.
    """

    water: Real
    fat: Real
    R2star: Real
    cost: Real
    converged: Flags
    on_bound: Flags


@dataclass(frozen=True, eq=False)
class MagnitudeFit:
    """Both solutions of V voxels: which one is true, the neighbours or the region must tell.

    Attributes
    ----------
    water_dominant, fat_dominant : MagnitudeSolution
        Best solution with a fat fraction up to ``turning_point``, and from it on.
    turning_point : float [%]
        Fat fraction, 57 % for marrow's fat, at which the two sides meet and magnitudes tell least of it.
    merged : (V,) bool array
        The two fat fractions differ by less than 20 points (PDFF about 45 to 65 %): noise blurs them into one, whose
        fat fraction is uncertain and biased by up to 3 points at a signal-to-noise ratio of 24.
    """

    water_dominant: MagnitudeSolution
    fat_dominant: MagnitudeSolution
    turning_point: float
    merged: Flags

    def chosen(self, is_fat: ArrayLike) -> MagnitudeSolution:
        """Return the solution in which fat dominates where ``is_fat`` (V,), elsewhere the other.

        Raises
        ------
        ValueError
            When ``is_fat`` does not have one member for each voxel.
        """
        choice = np.asarray(is_fat, dtype=bool)
        if choice.shape != self.merged.shape:
            raise ValueError(f"is_fat: expected shape {self.merged.shape}, got {choice.shape}")
        pairs = {f.name: (getattr(self.fat_dominant, f.name), getattr(self.water_dominant, f.name)) for f in _FIELDS}
        return MagnitudeSolution(**{name: np.where(choice, *pair) for name, pair in pairs.items()})


_FIELDS = fields(MagnitudeSolution)


def fit_magnitude(
    signal: ArrayLike,
    echo_times: ArrayLike,
    modulation: ArrayLike,
    *,
    sigma: ArrayLike | None = None,
    fraction_bounds: tuple[float, float] = (-0.1, 1.1),
    rate_bounds: tuple[float, float] = (0.0, 600.0),
) -> MagnitudeFit:
    """Fit ``sqrt(|W + F c|^2 exp(-2 R2* t) + sigma^2)`` to the magnitudes of each voxel, once on either side.

    Magnitudes of water and fat exchanged look nearly alike. With one peak of fat they are the same; the other peaks
    make a difference that in a single voxel is often below the noise: give the costs of both solutions to
    :func:`~mrbiomarkers.fatwater.magnitude_choice.choose_solution`.

    The mean of a magnitude A with noise is ``sqrt(A^2 + sigma^2)`` up to terms of order sigma^4 / A^3 (its mean square
    is ``A^2 + 2 sigma^2``, of which sigma^2 is its variance), so that squared differences from this floor do not pull
    R2* down in late, faint echoes.

    The fat fraction is let 10 points below 0 and above 100 %, so that noise about 0 stays noise about 0. Its mean bias
    at PDFF 1 and 5 %, a signal-to-noise ratio of 20, six echoes and 3 T is -0.2 to -0.4 points, its median bias below
    0.1.

    Parameters
    ----------
    signal : (V, N) array_like [a.u.]
        Magnitudes, echoes last. float32 is worked in float32, all else in float64. Never written to.
    echo_times : (N,) array_like [s]
        Three or more echo times, ascending.
    modulation : (N,) array_like
        Signal c of fat beside water (:func:`mrbiomarkers.fatwater.fat_modulation`).
    sigma : float or (V,) array_like [a.u.], optional
        Standard deviation of the noise in each of the two channels (see :func:`noise_from_residuals`). Default: no
        floor.
    fraction_bounds : tuple of float
        Bounds of F / (W + F); they hold 0.3 to 0.8.
    rate_bounds : tuple of float [1/s]
        Bounds of R2*.

    Returns
    -------
    MagnitudeFit
        Voxels that are not finite, or have no signal above 0, are NaN.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Bydder et al., Magn Reson Imaging 2008;26:347 (magnitudes); Triay Bagur et al., Magn Reson Med 2019;82:460 (MAGO:
    two starts); Bray et al., Magn Reson Med 2022;87:1926 (MAGORINO: noise of magnitudes); Gudbjartsson and Patz, Magn
    Reson Med 1995;34:910 (their mean).
    """
    rows = check_real_array("signal", signal, ndim=2)
    times = check_echo_times(echo_times, rows.shape[1])
    if times.size < 3:
        raise ValueError(f"echo_times: expected three or more echoes, got {times.size}")
    of_fat = check_modulation(modulation, times.size)
    noise = _check_sigma(sigma, len(rows))
    fractions, rates = _check_box(fraction_bounds, rate_bounds)
    dtype = np.float32 if rows.dtype == np.float32 else np.float64
    search = ValleySearch(times, of_fat, dtype, fractions, rates)
    with np.errstate(all="ignore"):
        largest = rows.max(axis=1).astype(dtype)
        usable = np.flatnonzero(np.isfinite(rows).all(axis=1) & np.isfinite(largest) & (largest > 0))
        found = _Results(len(rows), dtype, search, fractions, rates)
        for begin in range(0, usable.size, _BLOCK):
            voxels = usable[begin : begin + _BLOCK]
            scale = largest[voxels]
            part: Real = np.ascontiguousarray((rows[voxels] / scale[:, None]).T, dtype=dtype)
            found.put(voxels, scale, search.run(part, ((noise[voxels] / scale) ** 2).astype(dtype)))
    return found.fit()


def noise_from_residuals(cost: ArrayLike, n_echoes: int) -> float:
    """Return the standard deviation of the noise in each channel [a.u.] from the residuals of many voxels.

    The median is used, so that voxels the model cannot describe do not count. Use the cost of the chosen solution, of a
    fit without a floor: the noise is then known well enough for a second fit with it.

    Parameters
    ----------
    cost : (...) array_like [a.u.2]
        Sums of squared residuals; those that are not finite are left out.
    n_echoes : int
        Number of echoes N; three parameters were fitted to them.

    Returns
    -------
    float
        NaN for three echoes, which leave no residual, and where no voxel was fitted.
    """
    squares = check_real_array("cost", cost).astype(np.float64)
    squares = squares[np.isfinite(squares)]
    degrees = n_echoes - 3
    if degrees < 1 or squares.size == 0:
        return float("nan")
    typical = degrees * (1 - 2 / (9 * degrees)) ** 3  # median of the chi-squared distribution (Wilson and Hilferty)
    return float(np.sqrt(np.median(squares) / typical))


class _Results:
    """The arrays of both solutions, filled block by block."""

    def __init__(
        self,
        n_voxels: int,
        dtype: Any,
        search: ValleySearch,
        fractions: tuple[float, float],
        rates: tuple[float, float],
    ) -> None:
        self._real = {name: np.full((2, n_voxels), np.nan, dtype=dtype) for name in ("water", "fat", "R2star", "cost")}
        self._flag = {name: np.zeros((2, n_voxels), dtype=bool) for name in ("converged", "on_bound")}
        self._merged = np.zeros(n_voxels, dtype=bool)
        self._turning_point, self._fractions, self._rates = search.turning_point, fractions, rates

    def put(self, voxels: NDArray[np.intp], scale: Real, ends: Ends) -> None:
        """Store the ends of some voxels."""
        size = ends.total * scale
        values = {
            "water": size * (1 - ends.fraction),
            "fat": size * ends.fraction,
            "R2star": ends.rate,
            "cost": ends.cost * scale * scale,
        }
        valid = np.isfinite(sum(values.values()))
        for name, value in values.items():
            self._real[name][:, voxels] = np.where(valid, value, np.nan)
        stuck = _is_outside(ends.fraction, self._fractions) | _is_outside(ends.rate, self._rates)
        self._flag["converged"][:, voxels] = ends.converged & valid
        self._flag["on_bound"][:, voxels] = (stuck | (ends.total < _EMPTY)) & valid
        self._merged[voxels] = ends.fraction[1] - ends.fraction[0] < _NEAR

    def fit(self) -> MagnitudeFit:
        """Return all as one."""
        sides = [
            MagnitudeSolution(
                **{name: value[side] for name, value in self._real.items()},
                **{name: flag[side] for name, flag in self._flag.items()},
            )
            for side in (0, 1)
        ]
        return MagnitudeFit(sides[0], sides[1], 100 * self._turning_point, self._merged)


def _is_outside(values: Real, bounds: tuple[float, float]) -> Flags:
    """Return which values are on their bounds."""
    low, high = bounds
    margin = _ON_BOUND * (high - low)
    return np.asarray((values <= low + margin) | (values >= high - margin))


def _check_sigma(sigma: ArrayLike | None, n_voxels: int) -> Array:
    """Return the noise (V,) of each voxel."""
    values = check_real_array("sigma", 0.0 if sigma is None else sigma).astype(np.float64)
    if values.shape not in ((), (n_voxels,)):
        raise ValueError(f"sigma: expected one number, or one for each of {n_voxels} voxels, got shape {values.shape}")
    if not np.all(np.isfinite(values)) or not np.all(values >= 0):
        raise ValueError(f"sigma: expected finite numbers, 0 or above, got {np.unique(values)[:4].tolist()}")
    return np.broadcast_to(values, (n_voxels,))


def _check_box(
    fraction_bounds: tuple[float, float], rate_bounds: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the bounds of the fat fraction and of R2*, checked."""
    fractions = check_bounds("the fat fraction", fraction_bounds)
    rates = check_bounds("R2star", rate_bounds)
    if not -1 <= fractions[0] <= 0.3 or not 0.8 <= fractions[1] <= 2:
        raise ValueError(f"fraction_bounds: expected -1 to 0.3 and 0.8 to 2, got {fractions}")
    if rates[0] < 0 or not np.isfinite(rates[1]):
        raise ValueError(f"rate_bounds: expected finite numbers, 0 or above, got {rates}")
    return fractions, rates
