"""What the water-fat fits return: maps of the leading shape of the signal, NaN where not fitted, with a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class FatWaterMaps:
    """Maps of :func:`fit_fat_water`.

    The fat fraction is ``100 Re{F / (W + F)}``: noise around zero stays noise around zero, so values slightly below 0 %
    and above 100 % are kept, and means of regions are not biased. Water and fat are magnitudes, as images. For
    the mean signals of a region ``PDFF * in_phase`` is better than they are, but not free of the bias of noise (the
    ratio of its means is up to 2.1 points off at a signal-to-noise ratio of 10, 0.1 at 40):
    :func:`mrbiomarkers.jobs.run_fatwater` takes it off.

    Attributes
    ----------
    PDFF : array [%]
        Proton density fat fraction.
    R2star : array [1/s]
        Transverse relaxation rate, one for water and fat.
    water, fat : array [a.u.]
        Magnitude of each at t = 0.
    in_phase, opposed_phase : array [a.u.]
        Magnitudes of water plus fat and of water minus fat.
    field_map : array [Hz]
        Frequency of water beside that of the receiver, the phase's sign set right; known up to a multiple of
        ``record["period_Hz"]``. NaN for magnitudes.
    residual : array [%]
        Root of the squared residuals over that of the squared signal, both as they were corrected.
    phase : array [rad]
        Phase of water plus fat at t = 0. NaN for magnitudes.
    status : uint16 array
        :class:`~mrbiomarkers.maps.Status` flags; ``ON_BOUND`` is that of R2*; ``AMBIGUOUS`` and ``MERGED`` are those of
        magnitudes.
    sd_PDFF, sd_R2star : array [%, 1/s] or None
        Standard errors, where they were asked for: from the curvature at the fit and its residuals.
    warnings : tuple of str
        What a user has to know of these data.
    record : mapping
        Spectrum, method, echo times and what was found out or corrected. Of complex signals: ``"noise"`` [a.u.] in each
        channel; ``"precession"`` with ``sign`` (1 or -1), ``source`` ("given", "detected" or "assumed") and
        ``evidence``; ``"bipolar"`` with ``axis`` (None where none stands out), ``corrected``, ``phase_deg`` (root mean
        square [degrees]) and ``evidence``.
    """

    PDFF: FloatMap
    R2star: FloatMap
    water: FloatMap
    fat: FloatMap
    in_phase: FloatMap
    opposed_phase: FloatMap
    field_map: FloatMap
    residual: FloatMap
    phase: FloatMap
    status: NDArray[np.uint16]
    sd_PDFF: FloatMap | None = None
    sd_R2star: FloatMap | None = None
    warnings: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
