"""IVIM by shrinkage: the most probable values of a voxel under the population of its region (empirical Bayes).

The mean and covariance of theta = (logit f, log D, log D*) are learned from the region's own voxels by
expectation-maximisation with Laplace's approximation; S0 is eliminated. Orton et al., Magn Reson Med 2014;71:411.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.diffusion.batches import Batch, VoxelBatches
from mrbiomarkers.diffusion.collect import Array, Estimate, MapCollector
from mrbiomarkers.diffusion.nlls import fit_nlls
from mrbiomarkers.diffusion.population import (
    SMALLEST,
    WIDE,
    Noise,
    Population,
    is_bimodal,
    learn_noise,
    learn_spread,
    widened,
)
from mrbiomarkers.diffusion.posterior import Mode, Posterior, determined
from mrbiomarkers.diffusion.results import FloatMap, IVIMMaps
from mrbiomarkers.maps import Status

Regions = Mapping[str, ArrayLike] | ArrayLike

ELSEWHERE = "elsewhere"  # the region of the voxels that are in none

_SAMPLE = 4096  # voxels of a region from which its population is learned
_UNKNOWN = np.array([logit(0.15), np.log(0.7e-3), np.log(30e-3)])  # centre where no voxel tells
_LEAST_SNR = 5.0  # of the voxels that it is learned from
_PART = 4  # one voxel in so many leads the estimate near
_ROUNDS = 100  # of expectation-maximisation
_SETTLED = 2e-3  # in standard deviations of the population


@dataclass(frozen=True, eq=False)
class ShrinkageMaps(IVIMMaps):
    """Maps of :func:`fit_ivim` with ``method="shrinkage"``: those of :class:`IVIMMaps`, and what was learned.

    Attributes
    ----------
    populations : dict of str to Population
        By name of the region; ``"all"`` without regions, ``"elsewhere"`` for voxels outside all of them.
    limits : dict
        The bounds of f, D and Dstar.
    """

    populations: dict[str, Population] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What the reader of the maps must know, a sentence each: regions of two populations, or too small."""
        found = []
        for name, population in self.populations.items():
            if population.bimodal:
                found.append(
                    f"region {name!r}: log D is better described by two populations than by one; D is shrunk less there"
                    " - give each tissue a region of its own"
                )
            if population.small:
                found.append(
                    f"region {name!r}: {population.n} voxels are too few (fewer than {SMALLEST}) to learn their spread;"
                    " a wide default was used"
                )
            if not population.converged:
                found.append(f"region {name!r}: the population was still changing when its estimate was stopped")
        return found

    def interval(self, name: str, confidence: float = 0.95) -> tuple[FloatMap, FloatMap]:
        """Return the lower and upper ends of the posterior intervals of ``f``, ``D`` or ``Dstar``.

        They are symmetric on the scale of the fit (logit f, log D, log D*), so they stay inside the bounds, and skew
        in natural units; ``value -+ 1.96 sd`` is not a good interval for f and D* where these are poorly known.

        Parameters
        ----------
        name : str
            ``"f"``, ``"D"`` or ``"Dstar"``; its ``sd_*`` map is needed (``errors=True``).
        confidence : float
            Probability that the interval holds.

        Returns
        -------
        lower, upper : array
            In the units of the map; NaN where the standard error is.

        Raises
        ------
        ValueError
            When the name is not one of the three, there is no standard error, or the confidence is not in (0, 1).
        """
        if name not in self.bounded:
            raise ValueError(f"name: expected one of {', '.join(self.bounded)}; got {name!r}")
        if not 0 < confidence < 1:
            raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence}")
        value, sd = getattr(self, name), getattr(self, f"sd_{name}")
        if sd is None:
            raise ValueError(f"sd_{name}: expected maps fitted with errors=True")
        reach = NormalDist().inv_cdf(0.5 + confidence / 2)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if name == "f":
                step = reach * sd / (value * (1 - value))
                ends = [expit(logit(value) + sign * step) for sign in (-1, 1)]
            else:
                ends = [value * np.exp(sign * reach * sd / value) for sign in (-1, 1)]
        return np.maximum(ends[0], self.limits[name][0]), np.minimum(ends[1], self.limits[name][1])


def fit_shrinkage(
    signal: ArrayLike,
    batches: VoxelBatches,
    limits: dict[str, tuple[float, float]],
    collector: MapCollector,
    *,
    sigma: ArrayLike | None,
    regions: Regions | None,
) -> dict[str, Population]:
    """Learn the population of each region, then fit every batch under it.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        The signals of ``batches``.
    batches : VoxelBatches
        The voxels.
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s], in this order.
    collector : MapCollector
        Takes the estimates.
    sigma : float, (...) array_like or None [a.u.]
        Noise of a measurement of weight 1; None to estimate it.
    regions : mapping, array_like or None
        As given to ``fit_ivim``.

    Returns
    -------
    dict of str to Population
        Of the regions that hold voxels.

    Raises
    ------
    TypeError, ValueError
        When ``sigma`` or ``regions`` do not fit, or there are too few measurements to estimate the noise.
    """
    inside = (batches.status != Status.OUTSIDE_MASK).reshape(batches.shape)
    label, names = label_regions(regions, inside)
    noise = _check_sigma(sigma, batches)
    posterior = Posterior(batches.bvalues, batches.root_weights, limits)
    rows = np.asarray(signal).reshape(label.size, batches.bvalues.size)
    learned = {}
    for number in range(len(names)):
        member = np.flatnonzero(label == number)
        if member.size:
            # spread evenly, without regard to what the voxels hold
            place = member[np.linspace(0, member.size - 1, min(member.size, _SAMPLE)).astype(np.intp)]
            learned[number] = _learn(posterior, rows[place], batches, None if noise is None else noise[place])
    for batch in batches:
        collector.put(batch, _estimate(posterior, batch, label[batch.voxels], learned, noise))
    return {names[number]: population for number, population in learned.items() if population.n}


def _check_sigma(sigma: ArrayLike | None, batches: VoxelBatches) -> Array | None:
    if sigma is None:
        if batches.bvalues.size <= 4:
            raise ValueError(
                "sigma: expected the noise with as few as 4 measurements, because nothing is left to estimate it from"
            )
        return None
    values = check_real_array("sigma", sigma).astype(np.float64)
    if values.shape not in ((), batches.shape):
        raise ValueError(f"sigma: expected a number or an array of shape {batches.shape}, got shape {values.shape}")
    used = np.broadcast_to(values, batches.shape)[(batches.status != Status.OUTSIDE_MASK).reshape(batches.shape)]
    if not np.all(np.isfinite(used) & (used > 0)):
        raise ValueError("sigma: expected finite numbers above 0 in every voxel to fit, in the units of the signal")
    return np.broadcast_to(values, batches.shape).ravel()


def _learn(posterior: Posterior, rows: NDArray[np.generic], series: VoxelBatches, sigma: Array | None) -> Population:
    """Return the population of the voxels ``rows`` (N, B), from their least-squares fits on."""
    weights = series.root_weights**2
    sample = VoxelBatches(rows, series.bvalues, weights=weights, mask=None, n_parameters=4, progress=None)
    collector = MapCollector(sample, "ivim", errors=False)
    fit_nlls(sample, posterior.limits, collector)
    free = {name: values.astype(np.float64) for name, values in collector.maps().items()}
    squares = free["rmse"] ** 2 * weights.sum()
    noise = Noise(0.0, 0.0) if sigma is not None else learn_noise(squares[np.isfinite(squares)], len(weights) - 4)
    deviation = np.sqrt(noise.variance) if sigma is None else sigma
    good = np.flatnonzero(np.isfinite(squares) & (free["S0"] > _LEAST_SNR * deviation))
    if good.size == 0:
        return Population(_UNKNOWN, np.diag(WIDE**2), 0, noise, small=True)
    y = rows[good].T.astype(np.float64)
    scale = np.abs(y).max(axis=0)
    variance = noise.of(squares[good], len(weights) - 4) if sigma is None else sigma[good] ** 2
    y *= series.root_weights[:, None] / scale
    variance /= scale**2
    theta = posterior.to_theta(*(free[name][good] for name in posterior.limits))
    population = Population(*_first_guess(theta), good.size, noise, small=good.size < SMALLEST)
    if good.size >= _PART * 512:  # part of the voxels leads near in less time
        population, _ = _maximise(posterior, y[:, ::_PART], variance[::_PART], population)
    population, mode = _maximise(posterior, y, variance, population)
    if population.small or not _has_two(mode, population):
        return population
    return replace(population, bimodal=True, covariance=widened(population.covariance))


def _first_guess(theta: Array) -> tuple[Array, Array]:
    """Return a centre and spread from least-squares estimates: medians and quartiles."""
    low, high = np.quantile(theta, [0.25, 0.75], axis=1)
    return np.median(theta, axis=1), np.diag(np.clip((high - low) / 1.35, 0.2, 1.0) ** 2)


def _maximise(posterior: Posterior, y: Array, variance: Array, population: Population) -> tuple[Population, Mode]:
    """Return the population after expectation-maximisation with Laplace's approximation, and its voxels' modes."""
    mode, settled = posterior.fit(y, variance, population, posterior.starts(y, variance, population)), False
    for _ in range(_ROUNDS):
        mean, covariance = learn_spread(mode.theta, mode.covariance, population.small)
        spread = np.sqrt(np.diag(covariance))
        changes = [mean - population.mean, spread - np.sqrt(np.diag(population.covariance))]
        population = replace(population, mean=mean, covariance=covariance)
        settled = bool(np.max(np.abs(changes) / spread) < _SETTLED)
        if settled:
            break
        mode = posterior.fit(y, variance, population, mode.theta, 2)
    return replace(population, converged=settled), mode


def _has_two(mode: Mode, population: Population) -> bool:
    """Whether log D is bimodal, judged on estimates from which the population's own pull on log D is taken out."""
    spread, centre = population.covariance[1, 1], population.mean[1]
    own = mode.covariance[3]
    told = np.flatnonzero((own > 0) & (own < 0.9 * spread))  # 0: on a bound
    own = own[told]
    precision = 1.0 / own - 1.0 / spread
    value = (mode.theta[1, told] / own - centre / spread) / precision
    return is_bimodal(value, 1.0 / precision, float(np.sqrt(spread)))


def _estimate(
    posterior: Posterior, batch: Batch, label: NDArray[np.int32], learned: dict[int, Population], sigma: Array | None
) -> Estimate:
    """Return the posterior modes of a batch, region by region."""
    n = label.size
    theta, walls, errors = np.empty((3, n)), np.empty((3, n), dtype=bool), np.empty((4, n))
    s0, squares, converged = np.empty(n), np.empty(n), np.empty(n, dtype=bool)
    for number in np.unique(label):
        index = np.flatnonzero(label == number)
        scale = batch.scale[index]
        given = None if sigma is None else (sigma[batch.voxels[index]] / scale) ** 2
        mode = _fit_region(posterior, batch.y.take(index, axis=1), scale, learned[number], given)
        theta[:, index], walls[:, index], errors[:, index] = mode.theta, mode.walls, mode.errors
        s0[index], squares[index], converged[index] = mode.s0, mode.squares, mode.converged
    values = posterior.to_values(theta)
    errors[1:] *= np.stack([values[0] * (1 - values[0]), values[1], values[2]])
    errors[1:][walls] = np.nan
    return Estimate([s0, *values], squares, converged, walls, np.zeros_like(walls), errors.T)


def _fit_region(posterior: Posterior, y: Array, scale: Array, population: Population, given: Array | None) -> Mode:
    """Return the modes of the voxels ``y`` of one region; their noise is given or found with them."""
    noise = population.noise
    variance = noise.variance / scale**2 if given is None else given
    mode = posterior.fit(y, variance, population, posterior.starts(y, variance, population))
    if given is not None or np.isinf(noise.degrees):
        return mode
    degrees = len(y) - 1 - determined(mode, population)
    variance = noise.of(mode.squares * scale**2, degrees) / scale**2
    return posterior.fit(y, variance, population, mode.theta)


def label_regions(regions: Regions | None, inside: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[str]]:
    """Return the number (V,) of the region of every voxel, -1 outside ``inside``, and the names of the regions.

    Parameters
    ----------
    regions : mapping, array_like or None
        As given to ``fit_ivim``.
    inside : (...) bool array
        Voxels to fit.

    Raises
    ------
    TypeError, ValueError
        When shapes differ, masks overlap, or labels are not whole numbers of 0 or more.
    """
    if regions is None:
        return np.where(inside.ravel(), np.int32(0), np.int32(-1)), ["all"]
    masks = regions if isinstance(regions, Mapping) else _masks_of(regions, inside.shape)
    label = np.full(inside.shape, -1, dtype=np.int32)
    for number, (name, mask) in enumerate(masks.items()):
        member = check_mask(f"regions[{name!r}]", mask, inside.shape)
        taken = member & (label >= 0)
        if taken.any():
            other = list(masks)[label[taken][0]]
            raise ValueError(
                f"regions: expected each voxel in one region at most, got {int(taken.sum())} in both {other!r} and "
                f"{name!r}"
            )
        label[member] = number
    label[label < 0] = len(masks)
    label[~inside] = -1
    return label.ravel(), [*map(str, masks), ELSEWHERE]


def _masks_of(labels: ArrayLike, shape: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    array = check_real_array("regions", labels)
    if array.dtype.kind not in "biu":
        raise TypeError(f"regions: expected masks by name or an array of whole numbers, got one of type {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"regions: expected shape {shape}, got {array.shape}")
    numbers = np.unique(array)
    if numbers.size and numbers[0] < 0:
        raise ValueError(f"regions: expected labels of 0 or more, got {numbers[0]}")
    return {str(number): array == number for number in numbers if number > 0}
