"""Every measured quantity, described once: names, units, display and codes.

Kernels compute in the *kernel unit*; where a person reads (files, tables, figures, scenes) the *reported unit* is used.
``reported = kernel * scale``; the only function that applies it is :func:`mrbiomarkers.maps.to_reported`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Quantity:
    """One measured quantity.

    Attributes
    ----------
    key : str
        Name used in tables, file names and code, for example ``"Dstar"``.
    symbol : str
        Symbol as the literature prints it, for example ``"D*"``.
    name : str
        Full name in words.
    unit, reported_unit : str
        Kernel unit and the unit a person reads; ``"1"`` for a pure number.
    scale : float
        Factor from the kernel unit to the reported unit.
    ascii_symbol, ascii_unit : str
        Symbol and reported unit for text that drops Greek letters and superscripts (VTK).
    display_range : tuple of float
        Usual display window in the reported unit. ``(nan, nan)``: taken from the data.
    colour_map : str
        Perceptually ordered colour map.
    bin_width : float or None
        Fixed bin width of radiomics features, in the reported unit; None where no convention exists.
    code : tuple of str or None
        DICOM code of the quantity as (coding scheme, value, meaning); None where the standard has none.
    family : str or None
        Quantities of one family without a display range are shown with one window, from 0, so that they can be
        compared; None: with their own.
    """

    key: str
    symbol: str
    name: str
    unit: str
    reported_unit: str
    scale: float
    ascii_symbol: str
    ascii_unit: str
    display_range: tuple[float, float]
    colour_map: str
    bin_width: float | None = None
    code: tuple[str, str, str] | None = None
    family: str | None = None

    @property
    def label(self) -> str:
        """Symbol with the reported unit, for an axis or a heading."""
        return self.symbol if self.reported_unit == "1" else f"{self.symbol} [{self.reported_unit}]"


_DIFFUSION_UNITS = ("mm2/s", "10^-3 mm2/s", 1e3)
_PERCENT = ("%", "%", 1.0)
_SIGNAL = ("a.u.", "a.u.", 1.0)
_SPECIES = "water and fat"
_NAN = float("nan")

# Codes: DICOM PS3.16, context groups 7272 and 7180. Display ranges suit marrow and lesions.
_ALL = (
    Quantity("S0", "S0", "Signal without diffusion weighting", "a.u.", "a.u.", 1.0, "S0", "a.u.", (_NAN, _NAN), "gray"),
    Quantity(
        "ADC",
        "ADC",
        "Apparent diffusion coefficient",
        *_DIFFUSION_UNITS,
        "ADC",
        "10^-3 mm^2/s",
        (0.0, 2.0),
        "viridis",
        0.02,
        ("DCM", "113041", "Apparent Diffusion Coefficient"),
    ),
    Quantity(
        "f",
        "f",
        "Perfusion fraction",
        "1",
        "1",
        1.0,
        "f",
        "",
        (0.0, 0.5),
        "inferno",
        0.02,
        ("DCM", "113293", "Fast Diffusion Coefficient Fraction"),
    ),
    Quantity(
        "D",
        "D",
        "Diffusion coefficient",
        *_DIFFUSION_UNITS,
        "D",
        "10^-3 mm^2/s",
        (0.0, 2.0),
        "viridis",
        0.02,
        ("DCM", "113291", "Slow Diffusion Coefficient"),
    ),
    Quantity(
        "Dstar",
        "D*",
        "Pseudo-diffusion coefficient",
        *_DIFFUSION_UNITS,
        "D*",
        "10^-3 mm^2/s",
        (0.0, 100.0),
        "plasma",
        2.0,
        ("DCM", "113292", "Fast Diffusion Coefficient"),
    ),
    Quantity(
        "DDC",
        "DDC",
        "Distributed diffusion coefficient",
        *_DIFFUSION_UNITS,
        "DDC",
        "10^-3 mm^2/s",
        (0.0, 2.0),
        "viridis",
        0.02,
        ("DCM", "113298", "Distributed Diffusion Coefficient"),
    ),
    Quantity(
        "alpha",
        "α",
        "Heterogeneity index",
        "1",
        "1",
        1.0,
        "alpha",
        "",
        (0.4, 1.0),
        "cividis",
        0.02,
        ("DCM", "113299", "Anomalous Exponent Parameter"),
    ),
    Quantity(
        "MD",
        "MD",
        "Mean diffusivity",
        *_DIFFUSION_UNITS,
        "MD",
        "10^-3 mm^2/s",
        (0.0, 2.0),
        "viridis",
        0.02,
        ("DCM", "113202", "Mean Diffusivity"),
    ),
    Quantity(
        "MK",
        "MK",
        "Mean kurtosis",
        "1",
        "1",
        1.0,
        "MK",
        "",
        (0.0, 2.0),
        "magma",
        0.05,
        ("DCM", "113205", "Mean Kurtosis"),
    ),
    Quantity(
        "eta",
        "η",
        "Share of residual fat in the signal",
        "1",
        "1",
        1.0,
        "eta",
        "",
        (-0.1, 0.4),
        "cividis",
    ),
    Quantity("R2", "R²", "Share of the variance explained", "1", "1", 1.0, "R2", "", (0.8, 1.0), "viridis"),
    Quantity("AICc", "AICc", "Corrected Akaike criterion", "1", "1", 1.0, "AICc", "", (_NAN, _NAN), "viridis"),
    Quantity(
        "p_F",
        "p (F test)",
        "P value of the F test against the mono-exponential model",
        "1",
        "1",
        1.0,
        "p (F test)",
        "",
        (0.0, 1.0),
        "viridis",
    ),
    Quantity(
        "PDFF",
        "PDFF",
        "Proton density fat fraction",
        *_PERCENT,
        "PDFF",
        "%",
        (0.0, 100.0),
        "viridis",
        1.0,
        ("DCM", "129100", "Fat fraction"),
    ),
    Quantity(
        "R2star",
        "R2*",
        "Effective transverse relaxation rate",
        "1/s",
        "1/s",
        1.0,
        "R2*",
        "1/s",
        (0.0, 250.0),
        "plasma",
        5.0,
        ("DCM", "126395", "R2*"),
    ),
    Quantity(
        "T2star",
        "T2*",
        "Effective transverse relaxation time",
        "s",
        "ms",
        1e3,
        "T2*",
        "ms",
        (0.0, 50.0),
        "cividis",
        1.0,
        ("DCM", "113064", "T2*"),
    ),
    Quantity("field_map", "Δf", "Off-resonance of water", "Hz", "Hz", 1.0, "df", "Hz", (-300.0, 300.0), "cividis"),
    Quantity("water", "W", "Water signal", *_SIGNAL, "W", "a.u.", (_NAN, _NAN), "gray", family=_SPECIES),
    Quantity("fat", "F", "Fat signal", *_SIGNAL, "F", "a.u.", (_NAN, _NAN), "gray", family=_SPECIES),
    Quantity(
        "in_phase",
        "IP",
        "In-phase signal",
        *_SIGNAL,
        "IP",
        "a.u.",
        (_NAN, _NAN),
        "gray",
        None,
        ("DCM", "129101", "Water/fat in phase"),
        _SPECIES,
    ),
    Quantity(
        "opposed_phase",
        "OP",
        "Opposed-phase signal",
        *_SIGNAL,
        "OP",
        "a.u.",
        (_NAN, _NAN),
        "gray",
        None,
        ("DCM", "129102", "Water/fat out of phase"),
        _SPECIES,
    ),
    Quantity("residual", "RES", "Relative residual of the fit", *_PERCENT, "RES", "%", (0.0, 20.0), "magma"),
    Quantity(
        "rmse",
        "RMSE",
        "Root mean square residual of the fit",
        "a.u.",
        "a.u.",
        1.0,
        "RMSE",
        "a.u.",
        (_NAN, _NAN),
        "magma",
    ),
)


def _relative(known: Quantity) -> Quantity:
    """Return the ratio of a quantity in a region to that in a reference region."""
    return Quantity(
        f"r{known.key}",
        f"r{known.symbol}",
        f"{known.name} relative to the reference region",
        "1",
        "1",
        1.0,
        f"r{known.ascii_symbol}",
        "",
        (0.0, 3.0),
        known.colour_map,
    )


def _error(known: Quantity) -> Quantity:
    """Return the standard error of a quantity, in the same units."""
    return replace(
        known,
        key=f"sd_{known.key}",
        symbol=f"SD of {known.symbol}",
        name=f"Standard error of {known.name[0].lower()}{known.name[1:]}",
        ascii_symbol=f"SD of {known.ascii_symbol}",
        display_range=(_NAN, _NAN),
        colour_map="magma",
        bin_width=None,
        code=None,
        family=None,
    )


RATIOS = ("ADC", "f", "D", "Dstar", "DDC", "alpha", "MD", "MK")
"""Quantities whose ratio to a reference region is a quantity of its own, named with an r before the key."""

QUANTITIES: dict[str, Quantity] = {known.key: known for known in _ALL}
QUANTITIES.update({f"r{key}": _relative(QUANTITIES[key]) for key in RATIOS})
QUANTITIES.update({f"sd_{key}": _error(QUANTITIES[key]) for key in ("S0", *RATIOS, "eta", "PDFF", "R2star")})


def quantity(key: str) -> Quantity:
    """Return the quantity named ``key``.

    Raises
    ------
    ValueError
        When no quantity has that key; the message lists those that exist.
    """
    try:
        return QUANTITIES[key]
    except KeyError:
        raise ValueError(f"quantity: expected one of {', '.join(QUANTITIES)}; got {key!r}") from None
