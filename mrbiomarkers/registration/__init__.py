"""Registration: motion between the images of a diffusion series, and one image of a patient brought onto another."""

from mrbiomarkers.registration.inplane import InPlaneMotion
from mrbiomarkers.registration.motion import ImageShift, MotionResult, correct_motion, shift_table_csv
from mrbiomarkers.registration.moving import move_mask
from mrbiomarkers.registration.results import Registration
from mrbiomarkers.registration.rigid import register_rigid

__all__ = [
    "ImageShift",
    "InPlaneMotion",
    "MotionResult",
    "Registration",
    "correct_motion",
    "move_mask",
    "register_rigid",
    "shift_table_csv",
]
