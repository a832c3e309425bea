"""How an image is brought onto another: the settings, with defaults and ranges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RegistrationSettings:
    """How an image is brought onto another, and when the result is refused.

    Attributes
    ----------
    affine : bool
        Whether a stretch and a shear are searched for after the rigid motion, for echo-planar images.
    levels : tuple of float
        Voxel sizes [mm] to which the images are smoothed and thinned, from coarse to fine; larger voxels stay.
    bins : int
        Grey levels of the mutual information, 8 to 128.
    samples : int
        Points at which the images are compared, 1000 or more.
    margin : float
        What is compared around the bodies [mm], 0 or more.
    max_move : float
        The gate: a result that moves the bodies by more than this from the start, on average, is refused [mm].
    min_peak : float
        The gate: smallest ratio of the mutual information to the mean of what is left when the images are pushed 10 mm
        apart; 0: any.
    min_metric : float
        The gate: smallest mutual information [nat]; below it, noise decides. 0: any.
    seed : int
        Seed of the points.
    """

    affine: bool = False
    levels: tuple[float, ...] = (4.0, 2.0)
    bins: int = 32
    samples: int = 20_000
    margin: float = 15.0
    max_move: float = 4.0
    min_peak: float = 2.3
    min_metric: float = 0.1
    seed: int = 20

    def __post_init__(self) -> None:
        if not self.levels or min(self.levels) <= 0 or list(self.levels) != sorted(self.levels, reverse=True):
            raise ValueError(f"levels: expected voxel sizes in mm from coarse to fine, got {self.levels}")
        if not 8 <= self.bins <= 128:
            raise ValueError(f"bins: expected 8 to 128, got {self.bins}")
        if self.samples < 1000:
            raise ValueError(f"samples: expected 1000 or more, got {self.samples}")
        for name in ("margin", "max_move", "min_peak", "min_metric"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: expected a number, 0 or more, got {getattr(self, name)}")
        if self.seed < 1:
            raise ValueError(f"seed: expected a whole number, 1 or more, got {self.seed}")
