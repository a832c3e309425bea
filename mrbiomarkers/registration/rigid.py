"""One image of a patient brought onto another: a start from points, a rigid search, and a gate that may refuse it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import ArrayLike

from mrbiomarkers.registration.bodies import body_positions, compared_box, drawn_positions, opposite_part, without_air
from mrbiomarkers.registration.compared import Box, ComparedImage, Matrix, Vectors, compared_image
from mrbiomarkers.registration.gate import Finding, mean_move, refusals
from mrbiomarkers.registration.landmarks import (
    across_axis,
    check_named_points,
    common_points,
    landmark_start,
    point_distances,
)
from mrbiomarkers.registration.matching import Matcher
from mrbiomarkers.registration.results import Registration
from mrbiomarkers.settings import RegistrationSettings

Volume = tuple[ArrayLike, ArrayLike]
Progress = Callable[[int, int], bool]

_GOOD_OVERLAP = 0.5
_POINTS_AGREE = 7.0  # mean distance after the start that clicks 2 mm off do not reach [mm]


@dataclass(frozen=True, eq=False)
class _Points:
    """The points that both images have."""

    names: tuple[str, ...]
    fixed: Vectors
    moving: Vectors

    def error(self, motion: Matrix) -> float:
        return float(np.mean(point_distances(motion, self.moving, self.fixed)))


def register_rigid(
    fixed: Volume,
    moving: Volume,
    *,
    fixed_points: Mapping[str, ArrayLike] | None = None,
    moving_points: Mapping[str, ArrayLike] | None = None,
    mask: ArrayLike | None = None,
    settings: RegistrationSettings | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Bring a T2- or T1-weighted image onto the b = 0 image of the same patient, or any two images alike.

    The start comes from the points that both images have (middles of the vertebral bodies), else from scanner
    coordinates. From there, the rigid motion of the largest mutual information is searched for, then a stretch and a
    shear if asked for. A result passes the gate only if the bodies move by at most 4 mm from the start on average, the
    mutual information rises, and it is at least 0.1 nat and 2.3 times what is left when the images are pushed 10 mm
    apart; otherwise the start is kept and ``decision`` says why. The gate cannot know that a start is right: a patient
    who moved by more than 4 mm between the images needs points, and points that are all named one level too high or too
    low may pass.

    Images of one patient (T1 and T2, voxels of 1 mm, slices of 1 or 4 mm, motions to 4 degrees and 8 mm, clicks 2 mm
    off) came to lie within 1.3 mm of the drawn bodies, half of them within 0.9 mm.
    Avoid pairs with and without fat suppression, and parameter maps, which are flat.

    Parameters
    ----------
    fixed, moving : (values, affine)
        The images: (K, J, I) array and its (4, 4) voxel-to-RAS matrix [mm] with axes at right angles. Voxels that are
        not finite are not compared.
    fixed_points, moving_points : mapping of str to (3,) array_like [mm], optional
        RAS positions by name, as L1 to L5. At least two names must be in both. Fixed points alone say where to compare
        and what must not move far.
    mask : (K, J, I) array_like, optional
        The bodies on the fixed image, above 0 inside. Images are compared in the box around them and 15 mm more
        (``settings.margin``); without a mask in the box around the bodies that the points let expect, without points
        wherever there is no air.
    settings : RegistrationSettings, optional
        Levels, points, gate and seed.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the levels of the search; False cancels.

    Returns
    -------
    Registration
        The same on every run.

    Raises
    ------
    TypeError
        When an image is complex or not numeric.
    ValueError
        When an image is not 3-D, has axes that are not at right angles, no contrast (constant, or nothing finite) or
        fewer than 3 voxels along an axis where they are compared; when they overlap there by less than a tenth; when
        fewer than two points are in both, or points, mask or settings break a rule.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Mattes et al., IEEE Trans Med Imaging 2003;22:120 (mutual information). Umeyama, IEEE Trans Pattern Anal Mach Intell
    1991;13:376 (points).
    """
    settings = settings or RegistrationSettings()
    still, other = _image("fixed", fixed), _image("moving", moving)
    known = None if fixed_points is None else check_named_points("fixed_points", fixed_points)
    points = _pair(known, moving_points)
    across = across_axis(still.affine)
    start = np.eye(4) if points is None else landmark_start(points.fixed, points.moving, across)
    drawn = None if mask is None else drawn_positions(mask, still)
    box = compared_box(still, drawn, known, settings.margin)
    part = still.cut(box) if known or drawn is not None else without_air(still.cut(box))
    opposite, overlap = opposite_part(part, other, start, settings.max_move)
    bodies = body_positions(part, drawn, known)
    matcher = Matcher(part, opposite, bodies.mean(axis=0), settings)
    axes = part.affine[:3, :3] / part.spacing
    findings = _findings(matcher, start, bodies, axes, settings, progress)
    kept, decision = _decide(findings, settings)
    transform = start if kept is None else kept.motion
    last = kept or findings[0]
    return Registration(
        transform=transform,
        start=start,
        started_from="scanner" if points is None else "points",
        kind="start" if kept is None else kept.kind,
        decision=decision,
        displacement=last.move,
        metric_before=findings[0].before,
        metric_after=last.after,
        peak=last.peak,
        tre_scanner=np.nan if points is None else points.error(np.eye(4)),
        tre_before=np.nan if points is None else points.error(start),
        tre_after=np.nan if points is None else points.error(transform),
        point_errors=_errors(points, transform),
        warnings=_warnings(points, start, overlap, kept is None),
        record=_record(points, box, settings),
    )


def _image(name: str, volume: Volume) -> ComparedImage:
    if not isinstance(volume, tuple) or len(volume) != 2:
        raise ValueError(f"{name}: expected a pair (values, affine), got {type(volume).__name__}")
    return compared_image(name, *volume)


def _pair(known: dict[str, Vectors] | None, moving_points: Mapping[str, ArrayLike] | None) -> _Points | None:
    """Return the points of both images, None where one has none."""
    if moving_points is None:
        return None
    if known is None:
        raise ValueError("fixed_points: expected points too, as moving_points were given; got none")
    return _Points(*common_points(known, check_named_points("moving_points", moving_points)))


def _findings(
    matcher: Matcher,
    start: Matrix,
    bodies: Vectors,
    axes: Matrix,
    settings: RegistrationSettings,
    progress: Progress | None,
) -> list[Finding]:
    """Return what the rigid search found and, where that passes the gate and it is asked for, the affine one."""
    done, total = 0, len(settings.levels) + settings.affine

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None and not progress(done, total):
            raise InterruptedError(f"registration was cancelled after {done} of {total} steps")

    before = matcher.information(start)
    try:
        motion = matcher.rigid(start, step)
    except RuntimeError as error:
        if "samples" not in str(error):  # anything but "all (or too many) samples map outside"
            raise
        return [Finding("rigid", start, np.nan, before, np.nan, np.nan)]
    rigid = _judged("rigid", motion, before, matcher, start, bodies, axes)
    if not settings.affine or refusals(rigid, settings):
        return [rigid]
    try:
        motion = matcher.affine(rigid.motion, step)
    except RuntimeError as error:
        if "samples" not in str(error):
            raise
        return [rigid, Finding("affine", rigid.motion, np.nan, rigid.after, np.nan, np.nan)]
    return [rigid, _judged("affine", motion, rigid.after, matcher, start, bodies, axes)]


def _judged(
    kind: str, motion: Matrix, before: float, matcher: Matcher, start: Matrix, bodies: Vectors, axes: Matrix
) -> Finding:
    move = mean_move(motion, start, bodies)
    return Finding(kind, motion, move, before, matcher.information(motion), matcher.peak(motion, axes))


def _decide(findings: list[Finding], settings: RegistrationSettings) -> tuple[Finding | None, str]:
    """Return what is kept (None: the start), and why."""
    kept, said = None, []
    for found in findings:
        reasons = refusals(found, settings)
        if reasons:
            said.append(f"{found.kind} refused: {'; '.join(reasons)}")
            break
        kept = found
        said.append(
            f"{found.kind} kept: the bodies move by {found.move:.1f} mm from the start, the mutual information rises "
            f"from {found.before:.3f} to {found.after:.3f} nat"
        )
    if kept is None:
        said.append("the start is kept")
    return kept, "; ".join(said)


def _errors(points: _Points | None, transform: Matrix) -> dict[str, float]:
    if points is None:
        return {}
    distances = point_distances(transform, points.moving, points.fixed)
    return {name: float(distance) for name, distance in zip(points.names, distances, strict=True)}


def _warnings(points: _Points | None, start: Matrix, overlap: float, refused: bool) -> tuple[str, ...]:
    found = []
    if points is not None and points.error(start) > _POINTS_AGREE:
        found.append(
            f"the points still lie {points.error(start):.1f} mm apart at the start: are the levels named alike, and is "
            "it the same patient?"
        )
    if overlap < _GOOD_OVERLAP:
        found.append(f"only {overlap:.0%} of what is compared lies in both images")
    if refused and points is None:
        found.append("what was found was refused and there are no points: check by eye that the images agree")
    elif refused:
        found.append("what was found was refused: check by eye that the points alone bring the images together")
    return tuple(found)


def _record(points: _Points | None, box: Box, settings: RegistrationSettings) -> dict[str, object]:
    return {
        "settings": asdict(settings),
        "points": [] if points is None else list(points.names),
        "compared_voxels": {axis: [part.start, part.stop] for axis, part in zip("kji", box, strict=True)},
        "engine": f"SimpleITK {sitk.Version.VersionString()}",
    }
