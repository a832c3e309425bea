"""How a multi-echo series is fitted for water, fat and R2*."""

from __future__ import annotations

from dataclasses import dataclass

from mrbiomarkers.checks import check_choice
from mrbiomarkers.settings.draws import check_draws

FAT_WATER_METHODS = ("complex", "mixed", "magnitude")


@dataclass(frozen=True)
class FatWaterSettings:
    """How a multi-echo series is fitted for water, fat and R2*.

    Attributes
    ----------
    spectrum : str
        Name of the spectrum of fat (:data:`mrbiomarkers.fatwater.SPECTRA`).
    method : str or None
        ``"complex"``, ``"mixed"`` (without the phase of the first echo) or ``"magnitude"``, as for
        :func:`~mrbiomarkers.fatwater.fit_fat_water`. None: complex for a complex series, magnitude for magnitudes. The
        first two need a complex series; of one that is fitted by magnitude, the magnitudes are taken.
    precession : int or None
        1: the phase grows with the field, as in the signal model; -1: it falls. None: as the series says, and where it
        does not, as the signals show. Has no meaning for magnitudes.
    bipolar : int, False or None
        Axis of the grid (0, 1 or 2 for k, j, i) along which the alternating phase of a bipolar readout is corrected;
        False: it is left alone; None: it is corrected only where it is clearly there. Has no meaning for magnitudes.
    errors : bool
        Whether maps of the standard errors of PDFF and R2* are made.
    t1_water, t1_fat : float
        Longitudinal relaxation times [s] with which the T1 bias is taken off PDFF; both, or neither (0: no correction).
    repetition_time, flip_angle : float
        What the scanner was told [s, deg], for that correction; 0: as the series says.
    confidence : float
        Level of the intervals of region fits, 0.5 to 0.999.
    bootstrap_samples : int
        How often the voxels of a region are drawn again for the error of its fit; 0, or fewer than 20 voxels: the error
        comes from the curvature of the fit instead.
    bootstrap_seed : int
        Seed of the draws.
    """

    spectrum: str = "ren-marrow"
    method: str | None = None
    precession: int | None = None
    bipolar: int | bool | None = None
    errors: bool = False
    t1_water: float = 0.0
    t1_fat: float = 0.0
    repetition_time: float = 0.0
    flip_angle: float = 0.0
    confidence: float = 0.95
    bootstrap_samples: int = 500
    bootstrap_seed: int = 0

    def __post_init__(self) -> None:
        if not self.spectrum:
            raise ValueError("spectrum: expected the name of a spectrum of fat, got none")
        if self.method is not None:
            check_choice("method", self.method, FAT_WATER_METHODS)
        if self.precession not in (None, 1, -1):
            raise ValueError(f"precession: expected 1, -1 or None, got {self.precession!r}")
        # False equals 0, which is an axis.
        if self.bipolar is True or self.bipolar not in (None, 0, 1, 2):
            raise ValueError(f"bipolar: expected 0, 1, 2, False or None, got {self.bipolar!r}")
        asked = self.precession is not None or (self.bipolar is not None and self.bipolar is not False)
        if self.method == "magnitude" and asked:
            raise ValueError(
                "precession and bipolar: expected None with method 'magnitude', which knows no phase; got "
                f"{self.precession!r} and {self.bipolar!r}"
            )
        for name in ("t1_water", "t1_fat"):
            _check_zero_or(name, getattr(self, name), (0.05, 10.0), "s")
        if (self.t1_water == 0) != (self.t1_fat == 0):
            raise ValueError(f"t1_water and t1_fat: expected both or neither, got {self.t1_water} and {self.t1_fat} s")
        _check_zero_or("repetition_time", self.repetition_time, (1e-4, 1.0), "s")
        _check_zero_or("flip_angle", self.flip_angle, (0.5, 90.0), "deg")
        check_draws(self.confidence, self.bootstrap_samples)


def _check_zero_or(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    """Check a number that is 0 or within limits."""
    low, high = limits
    if value != 0 and not low <= value <= high:
        raise ValueError(f"{name}: expected 0 or {low:g} to {high:g} {unit}, got {value}")
