"""A readout to and fro: a phase that alternates from echo to echo and changes along the readout, found from a fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from mrbiomarkers.fatwater.phases import phase_derivatives

Array = NDArray[np.float64]
Real = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_BLOCK = 4096
_GROUPS = 40  # of neighbouring voxels: the unit of scatter, as the errors of neighbours are alike
_CLEAR, _SURE = 5.0, 30.0  # standard errors
_CLEAR_PHASE = np.deg2rad(0.5)  # [rad]
_CLEAR_PART, _SURE_PART = 0.05, 0.02  # of the squared residuals
_BETTER = 2.0  # times what another phase error explains


class BipolarEvidence(NamedTuple):
    """A phase that alternates from echo to echo, along one axis of the image.

    Attributes
    ----------
    theta : (L,) array [rad]
        The phase at each position along the axis: echo n carries ``(-1)^n theta``, n from 0.
    axis : int
        The axis.
    size : float [rad]
        Root mean square of the phase over the voxels.
    is_clear : bool
        Whether it stands out along this axis (:func:`detect_bipolar`).
    text : str
        The finding in words.
    """

    theta: Array
    axis: int
    size: float
    is_clear: bool
    text: str


class AlternatingPhase:
    """What voxels of a fit say of an alternating phase ``(-1)^n theta``, and of one of the first echo alone.

    The squared residuals of a voxel are ``left - 2 along theta + size theta^2``, with water, fat, field and R2* free to
    follow: what the fit has taken up of the phase is found too. With four echoes or more theta is determined, its
    constant part too; with three it is not (six numbers a voxel for six unknowns). Phases that differ by pi/2 are one:
    they move the field by half a period.

    Parameters
    ----------
    signal : (N, V) complex array [a.u.]
        Signals of voxels in the order of the image, fitted.
    field, rate : (V,) array [Hz, 1/s]
        Field and R2* of the fit.
    times : (N,) array [s]
        Echo times, four or more.
    of_fat : (N,) complex array
        Signal of fat beside water.
    places : (A, V) array
        Index of each voxel along each axis of the image.
    shape : (A) tuple of int
        Shape of the image.
    first_is_free : bool
        Whether each voxel's first echo has a phase of its own, as in the mixed fit.

    References
    ----------
    Yu et al., J Magn Reson Imaging 2010;31:1264 (bipolar readout); Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    """

    def __init__(
        self,
        signal: Complex,
        field: Real,
        rate: Real,
        times: Array,
        of_fat: NDArray[np.complex128],
        places: NDArray[np.intp],
        shape: tuple[int, ...],
        *,
        first_is_free: bool = False,
    ) -> None:
        self.shape, self._places = shape, places
        self._along, self._size = np.empty((2, 2, field.size))
        self.left = 0.0
        patterns = np.stack([alternating(times.size), np.eye(times.size)[0]])
        for begin in range(0, field.size, _BLOCK):
            part = slice(begin, begin + _BLOCK)
            residual, turned = phase_derivatives(signal[:, part], field[part], rate[part], times, of_fat, patterns)
            along, size = (np.conj(turned) * residual).real.sum(axis=1), (abs(turned) ** 2).sum(axis=1)
            left = (abs(residual) ** 2).sum(axis=0)
            if first_is_free:
                shared = (np.conj(turned[0]) * turned[1]).real.sum(axis=0)
                free = np.where(size[1] > 0, size[1], np.inf)
                left = left - along[1] ** 2 / free
                along = np.stack([along[0] - shared * along[1] / free, 0 * along[1]])
                size = np.stack([np.maximum(size[0] - shared**2 / free, 0), 0 * size[1]])
            self._along[:, part], self._size[:, part] = along, size
            self.left += float(left.sum())

    def estimate(self, axis: int) -> BipolarEvidence:
        """Return the phase along an axis, linear in the position: one step of Gauss and Newton.

        Correct, fit and estimate again until the change is small; the phases add.
        """
        gain, found, covariance = self._gain(axis, 1)
        theta = _basis(self.shape[axis], 1) @ found
        size = float(np.sqrt(np.mean(theta[self._places[axis]] ** 2)))
        kept = slice(1 if found.size > 1 else 0, None)  # the change, without the constant
        squared = float(found[kept] @ np.linalg.pinv(covariance[kept, kept], hermitian=True) @ found[kept])
        significance = float(np.sqrt(max(squared, 0.0) / found[kept].size))
        least, part = (_SURE, _SURE_PART) if significance > _SURE else (_CLEAR, _CLEAR_PART)
        clear = size > _CLEAR_PHASE and significance > least and self.change(axis) > part * self.left
        clear = clear and gain > _BETTER * self._gain(axis, 1, of_first=True)[0]
        explained = gain / self.left if self.left > 0 else 0.0
        text = (
            f"phase that alternates from echo to echo along axis {axis}: {np.rad2deg(size):.1f} degrees (root mean "
            f"square; {np.rad2deg(theta[0]):.1f} to {np.rad2deg(theta[-1]):.1f} from end to end), its change "
            f"{significance:.0f} standard errors; it explains {100 * explained:.0f} % of the squared residuals"
        )
        return BipolarEvidence(theta, axis, size, bool(clear), text)

    def change(self, axis: int) -> float:
        """Return how much more a phase that is linear along an axis explains than a constant one."""
        return self._gain(axis, 1)[0] - self._gain(axis, 0)[0]

    def _gain(self, axis: int, degree: int, *, of_first: bool = False) -> tuple[float, Array, Array]:
        """Return what a polynomial phase explains, its coefficients, and their covariance (scatter of groups)."""
        basis = _basis(self.shape[axis], degree)[self._places[axis]]
        along, size = self._along[int(of_first)], self._size[int(of_first)]
        inverse = np.linalg.pinv(basis.T @ (basis * size[:, None]), rcond=1e-9)
        found = inverse @ (basis.T @ along)
        scores = basis * (along - size * (basis @ found))[:, None]
        groups = np.stack([group.sum(axis=0) for group in np.array_split(scores, min(_GROUPS, len(scores)))])
        return float(along @ (basis @ found)), found, inverse @ (groups.T @ groups) @ inverse


def detect_bipolar(voxels: AlternatingPhase) -> BipolarEvidence:
    """Find out whether, and along which axis, a phase alternates from echo to echo.

    Clear is a phase above half a degree (root mean square) whose change along the axis is above 5 standard errors (from
    40 groups of neighbouring voxels) and explains 5 % of the squared residuals (or above 30 and 2 %), twice as much as
    along another axis; all of it explains twice what a phase error of the first echo would. Smaller ones are left to
    those who know the readout; a constant one points at no axis.

    Parameters
    ----------
    voxels : AlternatingPhase
        Voxels of an image.

    Returns
    -------
    BipolarEvidence
        That of the axis with the greatest change, also where it is not clear.
    """
    changes = [voxels.change(axis) for axis in range(len(voxels.shape))]
    second, first = (int(axis) for axis in np.argsort(changes)[-2:])
    best = voxels.estimate(first)
    if best.is_clear and changes[first] > _BETTER * changes[second]:
        return best
    return best._replace(is_clear=False, text=f"no bipolar readout stands out; at most a {best.text}")


def alternating(n_echoes: int) -> Array:
    """Return 1, -1, 1, ...: how an alternating phase turns each echo."""
    return np.asarray(1.0 - 2.0 * (np.arange(n_echoes) % 2), dtype=np.float64)


def _basis(length: int, degree: int) -> Array:
    """Return polynomials (L, P) of the position along an axis, from -1 at its begin to 1 at its end."""
    position = np.linspace(-1, 1, length) if length > 1 else np.zeros(1)
    return np.asarray(legendre.legvander(position, min(degree, length - 1)))
