"""Signal models of diffusion-weighted MR, one a file, each with its Jacobian, and their table ``MODELS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mrbiomarkers.diffusion.models.biexponential import biexponential, biexponential_jacobian
from mrbiomarkers.diffusion.models.kurtosis import kurtosis, kurtosis_jacobian
from mrbiomarkers.diffusion.models.monoexponential import monoexponential, monoexponential_jacobian
from mrbiomarkers.diffusion.models.shapes import Array
from mrbiomarkers.diffusion.models.stretched import stretched_exponential, stretched_exponential_jacobian
from mrbiomarkers.diffusion.models.with_fat import biexponential_with_fat

__all__ = [
    "MODELS",
    "SignalModel",
    "biexponential",
    "biexponential_jacobian",
    "biexponential_with_fat",
    "kurtosis",
    "kurtosis_jacobian",
    "monoexponential",
    "monoexponential_jacobian",
    "stretched_exponential",
    "stretched_exponential_jacobian",
]


@dataclass(frozen=True)
class SignalModel:
    """One model as the other parts of the room see it.

    Attributes
    ----------
    key : str
        Short name in settings, tables and on the command line.
    name : str
        Name in words.
    parameters : tuple of str
        Keys of the parameters in the order of the functions' arguments, S0 first.
    signal : callable
        ``signal(bvalues, *parameters)`` (..., B).
    jacobian : callable
        ``jacobian(bvalues, *parameters)`` (..., B, P).
    compartment_rates : tuple of str
        Parameters that are flagged as not identifiable where their standard error exceeds their value: rates of a
        compartment whose share may vanish in the noise, and the rate with it. They spread over decades, and their 0 is
        no finding. That of all others is one (no perfusion, no decay, no kurtosis): a small value with a larger error
        is a good answer there.
    """

    key: str
    name: str
    parameters: tuple[str, ...]
    signal: Callable[..., Array]
    jacobian: Callable[..., Array]
    compartment_rates: tuple[str, ...] = ()


MODELS: dict[str, SignalModel] = {
    model.key: model
    for model in (
        SignalModel("adc", "Mono-exponential", ("S0", "ADC"), monoexponential, monoexponential_jacobian),
        SignalModel(
            "ivim",
            "IVIM",
            ("S0", "f", "D", "Dstar"),
            biexponential,
            biexponential_jacobian,
            compartment_rates=("Dstar",),
        ),
        SignalModel(
            "stretched",
            "Stretched exponential",
            ("S0", "DDC", "alpha"),
            stretched_exponential,
            stretched_exponential_jacobian,
        ),
        SignalModel("kurtosis", "Kurtosis", ("S0", "MD", "MK"), kurtosis, kurtosis_jacobian),
    )
}
