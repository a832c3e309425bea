"""Maps that a scanner has made: from stored numbers to maps in known units, and rows of the measurement table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_affine, check_choice, check_mask, check_real_array
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import describe_grid, is_same_grid, measure, region_size, warnings_of
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.vendor_maps import UNITS, MapScale, ScaleProposal, propose_scale, scale_from_text, vendor_map

Mask = NDArray[np.bool_]

_BY_MARROW = ("R2star", "T2star")  # told apart in marrow only


@dataclass(frozen=True, eq=False)
class VendorInput:
    """A map as a scanner stored it.

    Attributes
    ----------
    values : (K, J, I) array_like
        The numbers as they are in the file.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    scale : MapScale, str or None
        What the numbers stand for: a scale, or a unit ("%", "fraction", "permille"; "1/s", "1/ms"; "s", "ms"; "mm2/s",
        "um2/ms", "um2/s"; "1"), or a factor and a unit ("0.1*1/s") of the values after ``slope`` and ``intercept``.
        None: not known, which is an error that proposes a scale where the values speak for one.
    slope, intercept : float
        Of the file's rescale tags, where they came without a unit and the values are as stored. Have no part in a
        ``MapScale``, which has its own.
    zero_is_background : bool
        Whether exactly 0 means that the scanner computed no value there.
    provenance : mapping
        What the file says of how the map was made ("model", "method", "bvalues"), in place of "scanner", "as stored".
    notes : tuple of str
        What the reader of the file had to say; goes to the warnings.
    """

    values: ArrayLike
    affine: NDArray[np.float64]
    scale: MapScale | str | None = None
    slope: float = 1.0
    intercept: float = 0.0
    zero_is_background: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class VendorResult:
    """What :func:`run_vendor_maps` returns.

    Attributes
    ----------
    maps : dict of str to ParameterMap
        In kernel units; the scale and who gave it are in the provenance.
    rows : list of Measurement
        The statistics of every map in every region.
    warnings : list of str
        What a reader must know before using a number.
    """

    maps: dict[str, ParameterMap]
    rows: list[Measurement]
    warnings: list[str] = field(default_factory=list)


def run_vendor_maps(
    maps: Mapping[str, VendorInput],
    regions: Mapping[str, Mask] | None = None,
    *,
    identity: MeasureSettings | None = None,
    mask: Mask | None = None,
    outside: Mapping[str, float] | None = None,
) -> VendorResult:
    """Measure a scanner's own maps in every region.

    Each map stays what it is called: a T2* map is reported as T2*, and no R2* map is made of it, because the mean of
    R2* is not the inverse of the mean of T2*. Where a map of T2* is wanted as R2*, give it the name ``"R2star"`` and
    its unit ("ms"): then every voxel is inverted before anything is averaged.

    Parameters
    ----------
    maps : mapping of str to VendorInput
        By quantity: ``"PDFF"``, ``"R2star"``, ``"T2star"``, ``"ADC"``, ``"D"``, ``"Dstar"``, ``"f"``, ``"DDC"``,
        ``"alpha"``, ``"MD"``, ``"MK"``; all on one grid.
    regions : mapping of str to (K, J, I) array, optional
        Masks on that grid.
    identity : MeasureSettings, optional
        Identity columns of the rows.
    mask : (K, J, I) array, optional
        Voxels to keep; default all.
    outside : mapping of str to float, optional
        Fraction of each region that fell outside the maps when it was copied to their grid.

    Returns
    -------
    VendorResult
        Maps, rows, warnings.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; when maps lie on different grids; when a map has no scale: the message then holds
        the scale that its values speak for, the reason, and how to accept it. It is never applied unseen.
    """
    if not maps:
        raise ValueError(f"maps: expected some of {', '.join(UNITS)}; got none")
    identity = identity or MeasureSettings()
    stored = {name: _check_values(name, given) for name, given in maps.items()}
    _check_grids(maps, stored)
    first = next(iter(maps))
    shape = stored[first].shape
    inside = {name: check_mask(f"region {name!r}", region, shape) for name, region in (regions or {}).items()}
    for name, region in inside.items():
        region_size(name, region, maps[first].affine)
    kept = None if mask is None else check_mask("mask", mask, shape)
    scales = {name: _scale_of(name, given, stored[name], inside) for name, given in maps.items()}
    result: dict[str, ParameterMap] = {}
    warnings: list[str] = []
    for name, given in maps.items():
        read = vendor_map(stored[name], scales[name], mask=kept, zero_is_background=given.zero_is_background)
        provenance = {
            "software": f"MRBiomarkers {__version__}",
            "model": "scanner",
            "method": "as stored",
            **given.provenance,
            "scale": dict(read.record),
        }
        result[name] = ParameterMap(read.values, quantity(name), read.unit, given.affine, read.status, provenance)
        warnings.extend((*given.notes, *read.warnings))
    rows = [row for known in result.values() for row in measure(known, inside, identity, outside=outside)]
    return VendorResult(result, rows, warnings + warnings_of(rows, identity))


def _check_values(name: str, given: VendorInput) -> NDArray[Any]:
    """Return the stored numbers of a map, checked."""
    check_choice("maps", name, UNITS)
    if not isinstance(given, VendorInput):
        raise TypeError(f"map {name!r}: expected a VendorInput, got {type(given).__name__}")
    check_affine(given.affine)
    return check_real_array(f"map {name!r}", given.values, ndim=3)


def _check_grids(maps: Mapping[str, VendorInput], stored: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError where a map lies on another grid than the first."""
    first = next(iter(maps))
    grid = stored[first].shape, maps[first].affine
    for name, given in maps.items():
        if not is_same_grid(stored[name].shape, given.affine, *grid):
            raise ValueError(
                f"map {name!r}: expected the grid of map {first!r} ({describe_grid(*grid)}), "
                f"got {describe_grid(stored[name].shape, given.affine)}; measure maps on different grids one by one"
            )


def _scale_of(name: str, given: VendorInput, values: NDArray[Any], regions: Mapping[str, Mask]) -> MapScale:
    """Return the scale of a map, from what was given; never from the values."""
    scale = given.scale
    if isinstance(scale, str):
        return scale_from_text(name, scale, slope=given.slope, intercept=given.intercept)
    if scale is not None:
        if not isinstance(scale, MapScale):
            raise TypeError(f"map {name!r}: expected a MapScale or the name of a unit, got {type(scale).__name__}")
        if scale.quantity != name:
            raise ValueError(f"map {name!r}: expected a scale of {name}, got one of {scale.quantity}")
        return scale
    marrow = None
    if name in _BY_MARROW and regions:
        marrow = np.logical_or.reduce(list(regions.values()))
    proposal = propose_scale(values, name, slope=given.slope, intercept=given.intercept, mask=marrow)
    said = _say(name, given, proposal, marrow is not None)
    raise ValueError(f"map {name!r}: expected a scale, which says what its numbers stand for, got none. {said}")


def _say(name: str, given: VendorInput, proposal: ScaleProposal, by_regions: bool) -> str:
    """Return a proposal in words, with the reason and the way to accept it."""
    if proposal.scale is None:
        return f"The values propose none: {proposal.reason}. Give its unit: {_how(name, 'UNIT')}"
    scale = proposal.scale
    factor = scale.slope / given.slope
    text = scale.unit if np.isclose(factor, 1.0) else f"{factor:g}*{scale.unit}"
    where = " (the regions were taken for marrow)" if by_regions else ""
    return (
        f"The values speak for {text}, confidence {proposal.confidence}: {proposal.reason}{where}. If that is right, "
        f"accept it: {_how(name, text)}"
    )


def _how(name: str, text: str) -> str:
    word = f"'{name}={text}'" if " " in text else f"{name}={text}"
    return f"scale={text!r} of its VendorInput, or --map-scale {word} on the command line"
