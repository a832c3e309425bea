"""What each simulated tissue gives in a fat-suppressed diffusion-weighted image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tissue:
    """Signal and diffusion of one tissue.

    Attributes
    ----------
    S0 : float [a.u.]
        Signal without diffusion weighting where the coil sensitivity is 1.
    f : float
        Perfusion fraction, 0 to 1.
    D, Dstar : float [mm2/s]
        Diffusion coefficient and pseudo-diffusion coefficient.
    """

    S0: float
    f: float
    D: float
    Dstar: float


MARROW_S0 = 300.0
"""Signal of marrow [a.u.] to which the signal-to-noise ratio of a phantom refers."""

# Marrow: D of normal marrow with fat suppression 0.43 +- 0.07, diffuse myeloma 0.77, focal lesion 1.05 +- 0.23
# (10^-3 mm2/s; JMRI 2019;49:768, Radiology 2017;282:484). f and D* follow the range of published marrow fits. The other
# tissues only have to look right: water-like cerebrospinal fluid, muscle near 1.5, a hydrated nucleus, suppressed fat.
TISSUES: dict[str, Tissue] = {
    "air": Tissue(0.0, 0.0, 0.0, 0.0),
    "fat": Tissue(24.0, 0.0, 0.03e-3, 5e-3),
    "muscle": Tissue(165.0, 0.08, 1.50e-3, 20e-3),
    "bowel": Tissue(250.0, 0.20, 1.30e-3, 40e-3),
    "gas": Tissue(8.0, 0.0, 1.00e-3, 5e-3),
    "liver": Tissue(230.0, 0.25, 1.05e-3, 60e-3),
    "vessel": Tissue(560.0, 0.70, 1.60e-3, 120e-3),
    "ligament": Tissue(35.0, 0.02, 0.90e-3, 15e-3),
    "cortex": Tissue(18.0, 0.0, 0.50e-3, 10e-3),
    "csf": Tissue(900.0, 0.05, 2.90e-3, 30e-3),
    "nerve": Tissue(430.0, 0.05, 0.95e-3, 15e-3),
    "annulus": Tissue(110.0, 0.03, 1.20e-3, 15e-3),
    "nucleus": Tissue(480.0, 0.03, 1.75e-3, 15e-3),
    "vein": Tissue(650.0, 0.50, 1.40e-3, 80e-3),
    "posterior": Tissue(255.0, 0.12, 0.42e-3, 27e-3),
    "thoracic": Tissue(0.97 * MARROW_S0, 0.13, 0.44e-3, 30e-3),
    "L1": Tissue(0.98 * MARROW_S0, 0.12, 0.46e-3, 28e-3),
    "L2": Tissue(1.02 * MARROW_S0, 0.15, 0.42e-3, 32e-3),
    "L3": Tissue(1.00 * MARROW_S0, 0.18, 0.38e-3, 24e-3),
    "L4": Tissue(1.03 * MARROW_S0, 0.14, 0.50e-3, 36e-3),
    "L5": Tissue(0.97 * MARROW_S0, 0.10, 0.55e-3, 20e-3),
    "sacrum": Tissue(0.93 * MARROW_S0, 0.11, 0.48e-3, 28e-3),
    "lesion": Tissue(1.45 * MARROW_S0, 0.08, 0.95e-3, 25e-3),
}
