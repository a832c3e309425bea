"""Frames to one grid: order, geometry, and everything that makes no grid."""

from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read.frames import Frame, Scaling
from mrbiomarkers.files.dicom_read.stacks import grid_of, orientations, stacks_of
from Testing.support.volumes import oblique_affine

LPS = np.diag([-1.0, -1.0, 1.0])


def frame(position, *, affine=None, rows=5, columns=4, number=0.0, step=None, thickness=None):
    """A frame at an LPS position, without a file."""
    axes = LPS @ (oblique_affine() if affine is None else affine)[:3, :3]
    units = axes / np.linalg.norm(axes, axis=0)
    lengths = np.linalg.norm(axes, axis=0)
    return Frame(
        header=None,
        window=None,
        rows=rows,
        columns=columns,
        position=np.asarray(position, float),
        orientation=np.stack([units[:, 0], units[:, 1]]),
        spacing=(lengths[1], lengths[0]),
        thickness=thickness,
        slice_step=step,
        echo_time=None,
        image_type=(),
        component="magnitude",
        bvalue=None,
        scaling=Scaling(),
        order=(0.0, 0.0, number, 0.0),
    )


def stack(n=4, affine=None, order=None):
    """Frames of a volume with this voxel-to-RAS matrix."""
    matrix = oblique_affine() if affine is None else affine
    numbers = range(n) if order is None else order
    return [frame(LPS @ (matrix @ [0, 0, k, 1])[:3], affine=matrix, number=float(at)) for at, k in enumerate(numbers)]


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    from pathlib import Path

    monkeypatch.setattr(Frame, "path", property(lambda self: Path(f"IM{self.order[2]:g}")))


@pytest.mark.parametrize("order", [None, [3, 2, 1, 0], [2, 0, 3, 1]])
def test_slices_ascend_along_the_normal_in_any_order_of_files(order):
    frames = stack(order=order)

    grid = grid_of(frames, "series 1")

    assert grid.shape == (4, 5, 4)
    np.testing.assert_allclose(grid.affine, oblique_affine(), atol=1e-9)
    assert list(grid.slices) == (order or [0, 1, 2, 3])


def test_one_slice_takes_its_distance_from_the_header():
    told = frame([0, 0, 0], step=7.5, thickness=5.0)

    assert np.linalg.norm(grid_of([told], "x").affine[:3, 2]) == pytest.approx(7.5)
    assert np.linalg.norm(grid_of([replace(told, slice_step=None)], "x").affine[:3, 2]) == pytest.approx(5)
    unknown = grid_of([replace(told, slice_step=None, thickness=None)], "x")
    assert np.linalg.norm(unknown.affine[:3, 2]) == pytest.approx(1)
    assert "unknown thickness" in unknown.notes[0]


def test_a_gap_between_slices_is_part_of_the_distance():
    frames = [replace(one, thickness=3.0, slice_step=3.0) for one in stack()]

    grid = grid_of(frames, "series 1")

    assert np.linalg.norm(grid.affine[:3, 2]) == pytest.approx(4.0)
    assert "4 mm apart, though the header says 3 mm" in grid.notes[0]


def test_rounded_positions_are_the_same_slice():
    frames = [*stack(), *[replace(one, position=one.position + 0.001) for one in stack()]]

    assert grid_of(frames, "x").slices == (0, 1, 2, 3, 0, 1, 2, 3)


def shifted(frames, number, by):
    moved = list(frames)
    moved[number] = replace(frames[number], position=frames[number].position + by)
    return moved


NORMAL = np.cross(*stack()[0].orientation)
IN_PLANE = stack()[0].orientation[0]
BAD = {
    "a slice is missing": [*stack()[:1], *stack()[2:]],
    "evenly spaced": shifted(stack(), 2, 0.8 * NORMAL),
    "shifted by": [replace(f, position=f.position + n * IN_PLANE) for n, f in enumerate(stack())],
    "at one position": [*stack(), *[replace(f, position=f.position + 0.5 * IN_PLANE) for f in stack()]],
    "one matrix": [*stack()[:3], replace(stack()[3], rows=6)],
    "one voxel size": [*stack()[:3], replace(stack()[3], spacing=(2.5, 1.3))],
    "one orientation": [*stack()[:3], replace(stack()[3], orientation=np.eye(3)[:2])],
    "got none": [],
}


@pytest.mark.parametrize("message", BAD)
def test_what_makes_no_grid_is_named(message):
    with pytest.raises(ValueError, match=f"series 7.*{message}"):
        grid_of(BAD[message], "series 7")


def test_repeats_become_volumes_in_the_order_of_acquisition():
    frames = [
        replace(one, order=(0.0, 0.0, 10.0 * repeat + n, 0.0)) for repeat in (1, 0) for n, one in enumerate(stack())
    ]
    grid = grid_of(frames, "x")

    first, second = stacks_of(frames, grid, ["b"] * 8, "x")

    assert [one.order[2] for one in first.frames] == [0, 1, 2, 3]
    assert [one.order[2] for one in second.frames] == [10, 11, 12, 13]


@pytest.mark.parametrize("frames", [[*stack(), stack()[1]], [*stack(), *stack()[1:]]])
def test_a_volume_with_an_image_too_many_or_too_few_is_refused(frames):
    with pytest.raises(ValueError, match=r"series 7.*at slice.*of b 50.*missing or comes twice"):
        stacks_of(frames, grid_of(frames, "x"), ["b 50"] * len(frames), "series 7")


def turned(count):
    """Rows and columns of slices that turn about the axis of the feet, 20 degrees each."""
    found = []
    for angle in np.deg2rad(20.0 * np.arange(count)):
        affine = np.eye(4)
        affine[:3, :3] = np.array([[np.cos(angle), 0, -np.sin(angle)], [np.sin(angle), 0, np.cos(angle)], [0, -1, 0]])
        found.append(affine)
    return found


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_orientations_of_a_localiser_are_counted(count):
    frames = [one for affine in turned(count) for one in stack(3, affine=affine)]

    assert orientations(frames[::2] + frames[1::2]) == count


def test_what_is_no_localiser():
    frames = [one for affine in turned(3) for one in stack(4, affine=affine)]

    assert orientations([*frames[:5], *frames[6:]]) == 0  # a slice is missing
    assert orientations([*frames, frame([0, 0, 0], affine=turned(1)[0], rows=7)]) == 0
    assert orientations([one for affine in turned(10) for one in stack(2, affine=affine)]) == 0
    with pytest.raises(ValueError, match="expected images of one orientation"):
        grid_of(frames, "series 1")
