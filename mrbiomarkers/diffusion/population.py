"""The population of a region's voxels: its centre and spread, its noise, and whether it is really two.

Parameters are on the scale theta = (logit f, log D, log D*), rates in mm2/s, where the population is taken as Gaussian
(Orton et al., Magn Reson Med 2014;71:411).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, polygamma

Array = NDArray[np.float64]

SMALLEST = 30  # voxels; below that a region is too small to learn its spread from

# Standard deviations of logit f, log D and log D*: in a region too small, and a guess worth three voxels.
WIDE = np.array([1.0, 0.7, 0.7])
_USUAL = np.array([0.5, 0.3, 0.4])
_KNOWN = 3.0
_WIDENED = 9.0  # the factor on the variance of log D where a region holds two populations
_EVIDENCE = 2.0  # in the Bayesian information criterion: "positive" (Kass and Raftery, JASA 1995;90:773)


@dataclass(frozen=True, eq=False)
class Population:
    """What was learned from the voxels of a region.

    Attributes
    ----------
    mean : (3,) array
        Centre of (logit f, log D, log D*), rates in mm2/s.
    covariance : (3, 3) array
        Spread, as it is used in the fits.
    n : int
        Voxels it was learned from.
    noise : Noise
        Noise of the region.
    bimodal : bool
        Log D is better described by two populations than by one: the spread of log D was widened ninefold (in
        variance) and made independent of the others, so that neither half is drawn to the other. Two tissues of a
        few hundred voxels are noticed where their centres lie some three standard deviations apart; at two it takes
        some thousand.
    small : bool
        Fewer than 30 voxels: the spread is a wide default (standard deviations 1.0, 0.7 and 0.7), the centre alone
        was learned.
    converged : bool
        False where the estimate was still moving when it was stopped.
    """

    mean: Array
    covariance: Array
    n: int
    noise: Noise
    bimodal: bool = False
    small: bool = False
    converged: bool = True

    @property
    def centre(self) -> dict[str, float]:
        """The centre in natural units: f, D and Dstar [mm2/s] (medians of the population)."""
        rates = np.exp(self.mean[1:])
        return {"f": float(expit(self.mean[0])), "D": float(rates[0]), "Dstar": float(rates[1])}


@dataclass(frozen=True)
class Noise:
    """Variance of the noise in a region: ``variance`` [a.u. squared] known as well as ``degrees`` measurements tell.

    The variance of a voxel is shrunk to that of its region as far as the region says that they agree; infinite
    ``degrees`` stand for one variance in the whole region (Smyth, Stat Appl Genet Mol Biol 2004;3:3).
    """

    variance: float
    degrees: float

    def of(self, sum_of_squares: Array, degrees: Array | float) -> Array:
        """Return the variances (N,) of voxels with residual sums of squares [a.u. squared] of so many degrees."""
        if np.isinf(self.degrees):
            return np.full(sum_of_squares.shape, self.variance)
        return (self.degrees * self.variance + sum_of_squares) / (self.degrees + degrees)


def learn_noise(sum_of_squares: Array, degrees: int) -> Noise:
    """Return the noise of a region from the residual sums of squares (N,) [a.u. squared] of its least-squares fits.

    Mean and spread of the logarithms are matched to those of chi-square over its degrees of freedom.
    """
    ratio = sum_of_squares[sum_of_squares > 0] / degrees
    if ratio.size == 0:
        return Noise(0.0, np.inf)
    log = np.log(ratio) - digamma(degrees / 2) + np.log(degrees / 2)
    excess = np.var(log, ddof=1) - polygamma(1, degrees / 2) if log.size > 1 else 0.0
    # an excess within its sampling error says that there is one variance
    if excess <= 2 * polygamma(1, degrees / 2) * np.sqrt(2 / log.size):
        return Noise(float(ratio.mean()), np.inf)
    own = 2 * _inverse_trigamma(float(excess))
    return Noise(float(np.exp(log.mean() + digamma(own / 2) - np.log(own / 2))), own)


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = ``value``, by Newton's method on 1 / trigamma, which is nearly a straight line."""
    x = 0.5 + 1.0 / value
    for _ in range(50):
        now = float(polygamma(1, x))
        move = now * (1 - now / value) / float(polygamma(2, x))
        x += move
        if abs(move) < 1e-8 * x:
            break
    return x


def learn_spread(theta: Array, covariance: Array, small: bool) -> tuple[Array, Array]:
    """Return mean (3,) and covariance (3, 3) of the population from the posteriors of its voxels.

    The step of the expectation-maximisation algorithm, with a weak inverse-Wishart prior on the covariance.

    Parameters
    ----------
    theta : (3, N) array
        Posterior modes.
    covariance : (6, N) array
        Posterior covariances: upper triangles 00, 01, 02, 11, 12, 22.
    small : bool
        The covariance is the wide default.
    """
    mean = theta.mean(axis=1)
    if small:
        return mean, np.diag(WIDE**2)
    off = theta - mean[:, None]
    n = theta.shape[1]
    found = off @ off.T + _symmetric(covariance.sum(axis=1))
    return mean, (found + _KNOWN * np.diag(_USUAL**2)) / (n + _KNOWN)


def _symmetric(triangle: Array) -> Array:
    """Return the (3, 3) matrix of an upper triangle 00, 01, 02, 11, 12, 22."""
    return triangle[np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])]


def is_bimodal(value: Array, variance: Array, spread: float) -> bool:
    """Whether values known with given errors come from two populations rather than one.

    One Gaussian population is compared with two of equal spread by the Bayesian information criterion; the smaller of
    the two must hold a tenth of the voxels, and the two must lie 1.5 of their standard deviations apart.

    Parameters
    ----------
    value : (N,) array
        Estimates that the population did not shape.
    variance : (N,) array
        Squares of their standard errors.
    spread : float
        Standard deviation of the one population.
    """
    n = value.size
    if n < SMALLEST:
        return False
    one = _mixture(value, variance, np.array([0.5, 0.5]), np.full(2, np.average(value, weights=1 / variance)), spread)
    middle, half = one[1][0], 0.9 * spread
    two = max(
        (
            _mixture(value, variance, np.array([1 - part, part]), middle + half * np.array([-part, 1 - part]) * 2, s)
            for part in (0.5, 0.2, 0.8)
            for s in (0.5 * spread,)
        ),
        key=lambda fit: fit[3],
    )
    shares, centres, width, _ = two
    apart = abs(centres[1] - centres[0]) >= 1.5 * width
    return bool(apart and shares.min() >= 0.1 and 2 * (two[3] - one[3]) - 2 * np.log(n) > _EVIDENCE)


def _mixture(
    value: Array, variance: Array, shares: Array, centres: Array, spread: float
) -> tuple[Array, Array, float, float]:
    """Return shares, centres, spread and log likelihood of two populations of equal spread, from a start.

    Two equal centres stay equal: that is the one population.
    """
    square, before = spread**2, -np.inf
    for _ in range(200):
        total = variance + square
        off = value - centres[:, None]
        log = np.log(shares)[:, None] - 0.5 * (off**2 / total + np.log(total))
        top = log.max(axis=0)
        weight = np.exp(log - top)
        density = weight.sum(axis=0)
        likelihood = float((top + np.log(density)).sum())
        if likelihood - before < 1e-3:
            break
        before = likelihood
        weight /= density
        # what a voxel's own deviation from its centre is, given its value
        part = square / total
        shares = np.clip(weight.mean(axis=1), 1e-6, 1.0)
        found = centres[:, None] + part * off
        centres = (weight * found).sum(axis=1) / weight.sum(axis=1)
        square = float((weight * ((found - centres[:, None]) ** 2 + part * variance)).sum() / value.size)
    return shares, centres, float(np.sqrt(square)), likelihood


def widened(covariance: Array) -> Array:
    """Return the spread for a region of two populations: log D ninefold in variance and independent of the others."""
    wide = covariance.copy()
    wide[1, :] = wide[:, 1] = 0.0
    wide[1, 1] = _WIDENED * covariance[1, 1]
    return wide
