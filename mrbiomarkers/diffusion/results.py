"""What the fits return: maps of the leading shape of the signal, NaN where not fitted, with a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.maps import Status, parameter_flags

FloatMap = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class DiffusionMaps:
    """What every fit returns.

    Attributes
    ----------
    S0 : array [a.u.]
        Fitted signal at b = 0.
    rmse : array [a.u.]
        Root mean square residual (weighted where the fit was).
    status : uint32 array
        :class:`~mrbiomarkers.maps.Status` flags of the voxel, and those of the parameters in ``bounded``
        (:func:`~mrbiomarkers.maps.parameter_flags`).
    """

    S0: FloatMap
    rmse: FloatMap
    status: NDArray[np.uint32]

    bounded: ClassVar[tuple[str, ...]] = ()

    def status_of(self, name: str) -> NDArray[np.uint16]:
        """Return the :class:`~mrbiomarkers.maps.Status` of the map ``name``: the voxel's flags and its own."""
        own = np.array(self.status & 0xFFFF, dtype=np.uint16)
        if name in self.bounded:
            meanings = (Status.ON_BOUND, Status.UNDETERMINED, Status.NOT_IDENTIFIABLE)
            for flag, meaning in zip(parameter_flags(self.bounded.index(name)), meanings, strict=True):
                own[(self.status & flag) != 0] |= np.uint16(meaning)
        return own


@dataclass(frozen=True, eq=False)
class ADCMaps(DiffusionMaps):
    """Maps of :func:`fit_adc`: ``ADC`` [mm2/s], and standard errors ``sd_*`` where asked for."""

    ADC: FloatMap
    sd_S0: FloatMap | None = None
    sd_ADC: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("ADC",)


@dataclass(frozen=True, eq=False)
class IVIMMaps(DiffusionMaps):
    """Maps of :func:`fit_ivim`: ``f``, ``D`` and ``Dstar`` [mm2/s], and standard errors ``sd_*`` where asked for."""

    f: FloatMap
    D: FloatMap
    Dstar: FloatMap
    sd_S0: FloatMap | None = None
    sd_f: FloatMap | None = None
    sd_D: FloatMap | None = None
    sd_Dstar: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("f", "D", "Dstar")


@dataclass(frozen=True, eq=False)
class StretchedMaps(DiffusionMaps):
    """Maps of :func:`fit_stretched`: ``DDC`` [mm2/s] and ``alpha``, and standard errors ``sd_*`` where asked for."""

    DDC: FloatMap
    alpha: FloatMap
    sd_S0: FloatMap | None = None
    sd_DDC: FloatMap | None = None
    sd_alpha: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("DDC", "alpha")


@dataclass(frozen=True, eq=False)
class KurtosisMaps(DiffusionMaps):
    """Maps of :func:`fit_kurtosis`: ``MD`` [mm2/s] and ``MK``, and standard errors ``sd_*`` where asked for."""

    MD: FloatMap
    MK: FloatMap
    sd_S0: FloatMap | None = None
    sd_MD: FloatMap | None = None
    sd_MK: FloatMap | None = None

    bounded: ClassVar[tuple[str, ...]] = ("MD", "MK")
