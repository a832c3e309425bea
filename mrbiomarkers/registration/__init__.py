"""Registration: motion in the slice plane between the images of a diffusion series."""

from mrbiomarkers.registration.inplane import InPlaneMotion
from mrbiomarkers.registration.motion import ImageShift, MotionResult, correct_motion, shift_table_csv

__all__ = ["ImageShift", "InPlaneMotion", "MotionResult", "correct_motion", "shift_table_csv"]
