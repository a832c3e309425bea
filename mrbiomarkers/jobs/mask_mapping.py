"""Regions drawn on one image of an examination, brought onto the grid of another: T2-weighted image to ADC map."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_mask, check_real_array
from mrbiomarkers.regions import copy_mask, region_size
from mrbiomarkers.registration import Registration, register_rigid
from mrbiomarkers.settings import RegistrationSettings

Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]
Volume = tuple[ArrayLike, ArrayLike]

_VOLUME = 0.10  # a change of volume beyond this is warned about: most radiomic features follow size
_FEW_VOXELS = 16  # textures of fewer say little


@dataclass(frozen=True, eq=False)
class MappedMask:
    """A region on the grid of another image, and what that changed.

    Attributes
    ----------
    mask : (K, J, I) bool array
        The region on the target grid.
    n_voxels_before, n_voxels : int
        Voxels where it was drawn, and on the target grid.
    volume_before_mm3, volume_mm3 : float
        Volumes of these.
    outside_fraction : float
        Fraction of the drawn voxels whose centres come to lie outside the target grid.
    shift_mm : float
        Mean distance by which the transform moves the drawn voxels; 0 by position.
    sampling_shift_mm : float
        Distance from the centre of the drawn region, moved by the transform, to that of the mapped one: what the other
        grid, and a part outside it, do to its place.
    warnings : tuple of str
        What the user should look at.
    """

    mask: Mask
    n_voxels_before: int
    n_voxels: int
    volume_before_mm3: float
    volume_mm3: float
    outside_fraction: float
    shift_mm: float
    sampling_shift_mm: float
    warnings: tuple[str, ...]

    @property
    def volume_change(self) -> float:
        """Volume on the target grid over that drawn, less 1."""
        return self.volume_mm3 / self.volume_before_mm3 - 1


@dataclass(frozen=True, eq=False)
class MaskMapping:
    """What :func:`map_masks` returns.

    Attributes
    ----------
    regions : dict of str to MappedMask
        The regions on the target grid, in the order given.
    transform : (4, 4) array [mm]
        RAS of the image they were drawn on to RAS of the target; the identity by position.
    by : str
        ``"position"``, ``"points"`` (a refused registration that had set out from points) or ``"registration"``.
    decision : str
        How the images were brought together, and why.
    registration : Registration or None
        The registration, kept or refused (fixed: the image that was drawn on); None where none was asked for.
    warnings : tuple of str
        What the user should look at, a region's with its name.
    """

    regions: dict[str, MappedMask]
    transform: Matrix
    by: str
    decision: str
    registration: Registration | None
    warnings: tuple[str, ...]


def map_masks(
    regions: Mapping[str, ArrayLike],
    affine: ArrayLike,
    target: Volume,
    *,
    image: ArrayLike | None = None,
    partner: Volume | None = None,
    register: bool = False,
    points: Mapping[str, ArrayLike] | None = None,
    target_points: Mapping[str, ArrayLike] | None = None,
    settings: RegistrationSettings | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> MaskMapping:
    """Bring regions drawn on one image onto the grid of another image of the same examination.

    Each voxel of the target takes the value of the drawn voxel in which its centre comes to lie (nearest neighbour):
    through position in the scanner, or after a registration of the images around the regions
    (:func:`~mrbiomarkers.registration.register_rigid`). A registration that its gate refuses is warned about, and
    position (or the points given) decides. Where the images agree already, position is better: between real images with
    T2 and T1 weighting, drawn bodies overlapped with a Dice coefficient of 0.97 by position and 0.95 after a
    registration, which moved them by 0.8 mm; with images 3 mm apart, 0.85 and 0.95.

    Parameters
    ----------
    regions : mapping of str to (K, J, I) array_like
        Masks on one grid, above 0 inside.
    affine : (4, 4) array_like [mm]
        Voxel to RAS of this grid.
    target : (values, affine)
        The other image: (K', J', I') array and its voxel-to-RAS matrix [mm].
    image : (K, J, I) array_like, optional
        The image that was drawn on; needed to register.
    partner : (values, affine), optional
        What ``image`` is compared with in place of the target, and lies as the target does: the b = 0 image of an ADC
        map, which itself is too flat to be compared.
    register : bool
        Whether the images are registered.
    points, target_points : mapping of str to (3,) array_like [mm], optional
        RAS positions of the same spots in the image that was drawn on and in the target, from which the registration
        sets out; at least two names in both.
    settings : RegistrationSettings, optional
        Of the registration.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the levels of the search; False cancels.

    Returns
    -------
    MaskMapping

    Raises
    ------
    TypeError
        When an image is complex or not numeric.
    ValueError
        When there is no region, one is empty, has another shape or meets no voxel centre of the target; when a matrix
        cannot be inverted; when the image is missing or has another shape, or cannot be registered (no contrast, too
        little overlap); when points, partner or settings are given without ``register``.
    InterruptedError
        When ``progress`` returned False.
    """
    masks = _checked(regions)
    source = check_affine(affine)
    values = check_real_array("target", target[0], ndim=3)
    goal = check_affine(target[1])
    found = None
    if register:
        drawn = np.logical_or.reduce(list(masks.values()))
        still, other = (_drawn_on(image, drawn.shape), source), (target if partner is None else partner)
        options: dict[str, Any] = {"mask": drawn, "settings": settings, "progress": progress}
        try:
            found = register_rigid(still, other, fixed_points=points, moving_points=target_points, **options)
        except (TypeError, ValueError) as error:
            raise type(error)(_own_names(str(error), "target" if partner is None else "partner")) from None
    else:
        given = {"partner": partner, "points": points, "target_points": target_points, "settings": settings}
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise ValueError(f"{unused[0]}: expected only together with register=True, got it without")
    # The search goes from the target to the image that was drawn on; position stays exactly the identity.
    transform: Matrix = np.eye(4)
    if found is not None and (found.accepted or found.started_from == "points"):
        transform = np.asarray(np.linalg.inv(found.transform), dtype=np.float64)
    mapped = {name: _mapped(name, mask, source, values.shape, goal, transform) for name, mask in masks.items()}
    by, decision, warnings = _said(found)
    warnings += [f"region {name!r}: {line}" for name, region in mapped.items() for line in region.warnings]
    return MaskMapping(mapped, transform, by, decision, found, tuple(warnings))


def _checked(regions: Mapping[str, ArrayLike]) -> dict[str, Mask]:
    if not regions:
        raise ValueError("regions: expected at least one, got none")
    shape = np.shape(next(iter(regions.values())))
    if len(shape) != 3:
        raise ValueError(f"regions: expected masks with 3 dimensions, got shape {shape}")
    masks = {name: check_mask(f"region {name!r}", mask, shape) for name, mask in regions.items()}
    empty = [name for name, mask in masks.items() if not mask.any()]
    if empty:
        raise ValueError(f"region {empty[0]!r}: expected at least one voxel above 0, got an empty mask")
    return masks


def _drawn_on(image: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.generic]:
    if image is None:
        raise ValueError("image: expected the image that was drawn on, which a registration compares; got none")
    values = check_real_array("image", image)
    if values.shape != shape:
        raise ValueError(f"image: expected the shape of the regions, {shape}, got {values.shape}")
    return values


def _own_names(message: str, other: str) -> str:
    """Return a message of the registration with the names that the arguments have here."""
    names = {"fixed_points": "points", "moving_points": "target_points", "fixed": "image", "moving": other}
    return re.sub(r"\b(fixed_points|moving_points|fixed|moving)\b", lambda found: names[found[1]], message)


def _mapped(
    name: str, mask: Mask, affine: Matrix, shape: tuple[int, ...], target_affine: Matrix, transform: Matrix
) -> MappedMask:
    try:
        copied = copy_mask(mask, transform @ affine, shape, target_affine)
    except ValueError as error:
        raise ValueError(f"region {name!r}: {error}") from None
    before = region_size(name, mask, affine)
    moves = _positions(mask, transform @ affine) - _positions(mask, affine)
    centres = (_positions(mask, transform @ affine).mean(axis=0), _positions(copied.mask, target_affine).mean(axis=0))
    change = copied.volume_mm3 / before["volume_mm3"] - 1
    warnings = list(copied.warnings)
    if abs(change) > _VOLUME:
        warnings.append(
            f"its volume changes by {change:+.0%} on the other grid, from {before['volume_mm3']:.0f} to "
            f"{copied.volume_mm3:.0f} mm3"
        )
    if copied.n_voxels < _FEW_VOXELS:
        warnings.append(f"only {copied.n_voxels} voxels hold it on the other grid: textures say little")
    if copied.n_slices == 1 < before["n_slices"]:
        warnings.append(f"of {before['n_slices']} slices, one is left on the other grid")
    return MappedMask(
        mask=copied.mask,
        n_voxels_before=before["n_voxels"],
        n_voxels=copied.n_voxels,
        volume_before_mm3=before["volume_mm3"],
        volume_mm3=copied.volume_mm3,
        outside_fraction=copied.outside_fraction,
        shift_mm=float(np.linalg.norm(moves, axis=1).mean()),
        sampling_shift_mm=float(np.linalg.norm(centres[1] - centres[0])),
        warnings=tuple(warnings),
    )


def _positions(mask: Mask, affine: Matrix) -> NDArray[np.float64]:
    """Return the RAS positions (N, 3) [mm] of the voxels of a mask."""
    return np.asarray(np.argwhere(mask)[:, ::-1] @ affine[:3, :3].T + affine[:3, 3])


def _said(found: Registration | None) -> tuple[str, str, list[str]]:
    """Return by what the images were brought together, why, and what to look at."""
    if found is None:
        return "position", "by position in the scanner, as asked for", []
    warnings = list(found.warnings)
    if found.accepted:
        return "registration", found.decision, warnings
    by = "points" if found.started_from == "points" else "position"
    warnings.insert(0, f"the registration was refused, the regions were mapped by {by}: {found.decision}")
    return by, found.decision, warnings
