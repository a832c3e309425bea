"""One water-fat subject: maps, region fits, and rows of the measurement table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_mask
from mrbiomarkers.fatwater import FatWaterMaps, fit_fat_water
from mrbiomarkers.fatwater.t1_bias import correct_t1_bias, t1_bias_factor
from mrbiomarkers.jobs.echo_fits import EchoDecay, echo_rows, fit_echo_region
from mrbiomarkers.jobs.echo_signals import ComplexRegionEchoes, MagnitudeRegionEchoes
from mrbiomarkers.maps import NOT_FITTED, ParameterMap, Status
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import measure, region_size, voxel_sizes, warnings_of
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings, MeasureSettings

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Progress = Callable[[int, int], bool]

_MAPS = ("PDFF", "R2star", "water", "fat", "in_phase", "opposed_phase", "field_map", "residual")


@dataclass(frozen=True, eq=False)
class FatWaterResult:
    """What :func:`run_fatwater` returns.

    Attributes
    ----------
    maps : dict of str to ParameterMap
        PDFF, R2star, water, fat, in_phase, opposed_phase, field_map (not for magnitudes), residual; with
        ``settings.errors`` also sd_PDFF and sd_R2star.
    status : (K, J, I) uint16 array
        :class:`~mrbiomarkers.maps.Status` of the voxels.
    rows : list of Measurement
        For each region: the mean of each map, PDFF as the ratio of the mean signals, and the fit of the mean signal.
    decays : dict of str to EchoDecay
        By region; those without a fitted voxel have none.
    warnings : list of str
        What a reader must know before using a number.
    record : dict
        What was fitted, found out and corrected.
    """

    maps: dict[str, ParameterMap]
    status: NDArray[np.uint16]
    rows: list[Measurement]
    decays: dict[str, EchoDecay]
    warnings: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)


def run_fatwater(
    series: EchoSeries,
    regions: Mapping[str, Mask] | None = None,
    *,
    settings: FatWaterSettings | None = None,
    identity: MeasureSettings | None = None,
    mask: Mask | None = None,
    outside: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> FatWaterResult:
    """Fit a multi-echo series, voxel by voxel and region by region, and measure every map in every region.

    Parameters
    ----------
    series : EchoSeries
        The series.
    regions : mapping of str to (K, J, I) array, optional
        Masks on the grid of the series. Where magnitudes are fitted, each is taken to be of one kind: its voxels decide
        together whether water or fat is more.
    settings : FatWaterSettings, optional
        Spectrum, method, corrections.
    identity : MeasureSettings, optional
        Identity columns of the rows.
    mask : (K, J, I) array, optional
        Voxels to fit; default: those with at least 5 % of the brightest signal.
    outside : mapping of str to float, optional
        Fraction of each region that fell outside the series when it was copied to its grid.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    FatWaterResult
        Maps, rows, decays, warnings. A region without a fitted voxel has empty rows and a warning.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit, as a region of another shape or without a voxel, a method that needs complex
        images, or a T1 correction without repetition time and flip angle; before the fit where it can be known.
    InterruptedError
        When ``progress`` returned False.
    """
    settings = settings or FatWaterSettings()
    identity = identity or MeasureSettings()
    inside = {
        name: check_mask(f"region {name!r}", region, series.grid_shape) for name, region in (regions or {}).items()
    }
    sizes = {name: region_size(name, region, series.affine) for name, region in inside.items()}
    t1_bias = _t1_bias(series, settings)
    fitted = fit_series(series, settings, mask, inside, progress)
    record = {**fitted.record, "t1_bias": t1_bias}
    maps = _parameter_maps(fitted, series, record)
    factor = 1.0 if t1_bias is None else t1_bias["factor"]
    decays = _fit_regions(series, fitted, inside, settings, factor, progress)
    measured = [parameter_map for parameter_map in maps.values() if not parameter_map.quantity.key.startswith("sd_")]
    rows = [row for parameter_map in measured for row in measure(parameter_map, inside, identity, outside=outside)]
    model, method = maps["PDFF"].provenance["model"], record["method"]
    for name, decay in decays.items():
        size = {**sizes[name], "outside_fraction": (outside or {}).get(name, 0.0)}
        rows.extend(echo_rows(name, decay, identity, size, model, method))
    lines = [*fitted.warnings, *_notes(t1_bias, decays)]
    known = {name: decay for name, decay in decays.items() if decay is not None}
    lines += warnings_of([row for row in rows if row.region in known], identity)  # the others have their line
    return FatWaterResult(maps, fitted.status, rows, known, lines, record)


def fit_series(
    series: EchoSeries,
    settings: FatWaterSettings,
    mask: Mask | None,
    regions: Mapping[str, Mask],
    progress: Progress | None,
) -> FatWaterMaps:
    """Fit every voxel of a series, with the settings of a run.

    Raises
    ------
    ValueError
        When the settings ask for complex images and the series holds magnitudes, or for a correction of the phase where
        none is known.
    """
    method = _method_of(series, settings)
    options: dict[str, Any] = {
        "spectrum": settings.spectrum,
        "method": method,
        "spacing": voxel_sizes(series.affine)[::-1],
        "mask": mask,
        "errors": settings.errors,
        "progress": progress,
    }
    signal = series.signal
    if method == "magnitude":
        options["regions"] = regions
        signal = abs(signal)
    else:
        options["precession"] = series.precession if settings.precession is None else settings.precession
        options["bipolar"] = settings.bipolar
    return fit_fat_water(signal, series.echo_times, series.field_strength, **options)


def _method_of(series: EchoSeries, settings: FatWaterSettings) -> str:
    """Return the method of a fit: that of the settings, or the one the series is fit for."""
    if series.kind == "complex":
        return settings.method or "complex"
    if settings.method in ("complex", "mixed"):
        raise ValueError(
            f"method: expected 'magnitude' or None for a series of magnitudes, got {settings.method!r}, which needs "
            "complex images"
        )
    if settings.precession is not None or (settings.bipolar is not None and settings.bipolar is not False):
        raise ValueError(
            "precession and bipolar: expected None for a series of magnitudes, which has no phase; got "
            f"{settings.precession!r} and {settings.bipolar!r}"
        )
    return "magnitude"


def _t1_bias(series: EchoSeries, settings: FatWaterSettings) -> dict[str, float] | None:
    """Return the T1 bias that is to be corrected, with what it was computed from; None: it is left."""
    if settings.t1_water == 0:
        return None
    told = {
        "repetition_time": settings.repetition_time or series.repetition_time or 0.0,
        "flip_angle": settings.flip_angle or series.flip_angle or 0.0,
    }
    missing = [name for name, value in told.items() if value == 0]
    if missing:
        raise ValueError(
            "t1_water, t1_fat: expected the repetition time [s] and the flip angle [deg] of the series, or in the "
            f"settings, to correct the T1 bias; missing: {', '.join(missing)}"
        )
    factor = t1_bias_factor(told["repetition_time"], told["flip_angle"], settings.t1_water, settings.t1_fat)
    return {
        "factor": factor,
        "repetition_time_s": told["repetition_time"],
        "flip_angle_deg": told["flip_angle"],
        "t1_water_s": settings.t1_water,
        "t1_fat_s": settings.t1_fat,
    }


def _parameter_maps(fitted: FatWaterMaps, series: EchoSeries, record: Mapping[str, Any]) -> dict[str, ParameterMap]:
    """Return the maps in kernel units, PDFF without T1 bias where that is to be corrected."""
    provenance = {
        **record,
        "software": f"MRBiomarkers {__version__}",
        "model": f"water-fat {record['spectrum']['name']}",
    }
    values = {name: getattr(fitted, name) for name in (*_MAPS, "sd_PDFF", "sd_R2star")}
    if record["method"] == "magnitude":
        del values["field_map"]
    if record["t1_bias"] is not None:
        values["PDFF"], values["sd_PDFF"] = _without_t1_bias(fitted, record["t1_bias"]["factor"])
    # The bound is that of R2*; magnitudes bound PDFF, too.
    bounded = ("PDFF", "R2star") if record["method"] == "magnitude" else ("R2star",)
    result = {}
    for name, array in values.items():
        if array is None:
            continue
        status = fitted.status.copy()
        if name.removeprefix("sd_") not in bounded:
            status &= ~np.uint16(Status.ON_BOUND)
        if name == "PDFF":  # what noise has carried beyond the pole of the correction
            status[np.isnan(array) & np.isfinite(fitted.PDFF)] |= np.uint16(Status.NOT_IDENTIFIABLE)
        known = quantity(name)
        result[name] = ParameterMap(array, known, known.unit, series.affine, status, provenance)
    return result


def _without_t1_bias(fitted: FatWaterMaps, factor: float) -> tuple[NDArray[np.floating], NDArray[np.floating] | None]:
    """Return PDFF [%] without T1 bias, and half the distance of its ends one standard error up and down."""
    pdff, error = correct_t1_bias(fitted.PDFF, factor), fitted.sd_PDFF
    if error is None:
        return pdff, None
    up, down = (correct_t1_bias(fitted.PDFF + sign * error, factor) for sign in (1, -1))
    return pdff, (up - down) / 2


def _fit_regions(
    series: EchoSeries,
    fitted: FatWaterMaps,
    regions: Mapping[str, Mask],
    settings: FatWaterSettings,
    t1_factor: float,
    progress: Progress | None,
) -> dict[str, EchoDecay | None]:
    """Return the fit of each region."""
    if not regions:
        return {}
    kind = MagnitudeRegionEchoes if fitted.record["method"] == "magnitude" else ComplexRegionEchoes
    echoes = kind(series, fitted, settings, np.logical_or.reduce(list(regions.values())))
    total = int(np.count_nonzero((fitted.status & np.uint16(NOT_FITTED)) == 0))
    decays = {}
    for name, region in regions.items():
        decays[name] = fit_echo_region(name, echoes, region, settings, series.field_strength, t1_factor=t1_factor)
        if progress is not None and progress(total, total) is False:
            raise InterruptedError(f"region fits cancelled after region {name!r}")
    return decays


def _notes(t1_bias: Mapping[str, float] | None, decays: Mapping[str, EchoDecay | None]) -> list[str]:
    """Return what the run adds to the warnings of the fit."""
    notes = []
    if t1_bias is not None:
        notes.append(
            f"PDFF is corrected for T1 bias (fat weighted {t1_bias['factor']:.3f} times as much as water: T1 "
            f"{t1_bias['t1_water_s']:g} s of water and {t1_bias['t1_fat_s']:g} s of fat, TR "
            f"{1e3 * t1_bias['repetition_time_s']:g} ms, flip angle {t1_bias['flip_angle_deg']:g} deg); the images of "
            "water and fat are not."
        )
    for name, decay in decays.items():
        if decay is None:
            notes.append(f"region {name!r}: none of its voxels was fitted, so that its mean signal was not fitted")
    return notes
