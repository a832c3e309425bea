import numpy as np
import pytest

from mrbiomarkers.phantom.spine import vertebrae
from mrbiomarkers.regions import place_vertebrae, shift_levels
from mrbiomarkers.settings import PlacementSettings

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
OUTLINE = PlacementSettings(method="outline")
TURNED = np.deg2rad(12.0)


def axial_turn(angle):
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


class Subject:
    """Simulated bodies in physical space: where they are, and an image and drawn masks on any grid."""

    def __init__(self, size=1.0, turn=0.0, origin=(14.0, -32.0, 75.0)):
        self.size, self.origin = size, np.array(origin)
        self.bodies = {body.name: body for body in vertebrae() if body.name in (*LUMBAR, "T11", "T12")}
        # patient axes: right, anterior, superior
        self.axes = axial_turn(turn)

    def points(self, levels=LUMBAR):
        """The centre of each body, RAS."""
        found = {}
        for level in levels:
            body = self.bodies[level]
            found[level] = self.origin + self.axes @ np.array([0.0, body.u, body.v]) * self.size
        return found

    def masks(self, affine, shape, levels=LUMBAR):
        """The bodies on a grid, from the physical position of each voxel."""
        k, j, i = np.indices(shape)
        ras = np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]
        x, u, v = np.moveaxis((ras - self.origin) @ self.axes / self.size, -1, 0)
        found = {level: np.zeros(shape, dtype=bool) for level in levels}
        for level, body in ((level, self.bodies[level]) for level in levels):
            p, q = body.local(u, v)
            deep = abs(p / body.p) ** body.corner + abs(q / (body.q * (1 + body.wedge * p / body.p))) ** body.corner
            found[level] = (deep <= 1) & (abs(x) < body.r)
        return found


def grid(subject, spacing, order="sagittal", turn=0.0, tilt=0.0):
    """An affine and a shape (K, J, I) that cover the lumbar spine; ``spacing`` in plane, in plane, across."""
    columns = {
        "sagittal": ([0, -1, 0], [0, 0, -1], [1, 0, 0]),
        "axial": ([-1, 0, 0], [0, -1, 0], [0, 0, 1]),
        "coronal": ([-1, 0, 0], [0, 0, -1], [0, 1, 0]),
    }[order]
    extent = {"sagittal": (90, 210, 40), "axial": (60, 90, 210), "coronal": (60, 210, 90)}[order]
    about_right = np.eye(3)
    about_right[1:, 1:] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    turned = subject.axes @ axial_turn(turn) @ about_right @ np.array(columns, dtype=float).T
    affine = np.eye(4)
    affine[:3, :3] = turned * np.array(spacing)
    size = [int(np.ceil(length * subject.size / step)) + 1 for length, step in zip(extent, spacing, strict=True)]
    affine[:3, 3] = np.mean(list(subject.points().values()), axis=0) - affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return affine, tuple(size[::-1])


def image_of(masks, shape, seed=0):
    """Marrow of 100 +- 8 in surroundings of 60 +- 8."""
    inside = np.any(list(masks.values()), axis=0)
    return np.where(inside, 100.0, 60.0) + np.random.default_rng(seed).normal(0, 8, shape)


def purity(region, drawn):
    return np.count_nonzero(region & drawn) / np.count_nonzero(region)


GRIDS = {
    "sagittal": {"spacing": (1.5, 1.5, 4.4)},
    "oblique sagittal": {"spacing": (1.3, 1.7, 4.0), "turn": 0.2, "tilt": -0.3},
    "axial": {"spacing": (1.6, 1.4, 4.0), "order": "axial"},
    "oblique axial": {"spacing": (1.6, 1.4, 4.0), "order": "axial", "turn": 0.25, "tilt": 0.3},
    "coronal": {"spacing": (1.2, 1.2, 3.0), "order": "coronal"},
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("size", [1.0, 0.66])
def test_regions_lie_in_the_bodies_on_any_grid(name, size):
    subject = Subject(size, turn=TURNED if "oblique" not in name else 0.0)
    affine, shape = grid(subject, **GRIDS[name])
    drawn = subject.masks(affine, shape)

    placed = place_vertebrae(subject.points(), affine, shape)

    assert tuple(placed.masks) == LUMBAR
    assert all(mask.shape == shape and mask.dtype == bool for mask in placed.masks.values())
    assert min(purity(placed.masks[level], drawn[level]) for level in LUMBAR) > 0.97
    assert placed.warnings == () or all("small region" in text for text in placed.warnings)


def test_a_region_of_known_size():
    # straight spine of points 40 mm apart: half axes 0.62 * 0.95 * 20 and 0.62 * 0.72 * 20 mm
    affine, shape = np.diag([1.0, 0.25, 0.25, 1.0]), (800, 200, 11)
    points = {"L1": (5, 25, 180), "L2": (5, 25, 140), "L3": (5, 25, 100)}

    placed = place_vertebrae(points, affine, shape)

    k, j, i = np.nonzero(placed.masks["L2"])
    assert set(i) == {4, 5, 6}
    assert np.ptp(j) * 0.25 == pytest.approx(2 * 11.78, abs=0.5)
    assert np.ptp(k) * 0.25 == pytest.approx(2 * 8.928, abs=0.5)
    # 4 Gamma(4/3)^2 / Gamma(5/3) a b is the area of a super-ellipse of power 3
    assert placed.record["regions"]["L2"]["area_mm2"] == pytest.approx(3.5333 * 11.78 * 8.928, rel=0.01)
    assert placed.record["regions"]["L2"]["spacing_mm"] == 40


def test_the_region_turns_with_the_spine():
    lean = np.deg2rad(20)
    points = {
        level: np.array([0, 60 + 36 * n * np.sin(lean), 100 + 36 * n * np.cos(lean)])
        for n, level in zip((2, 1, 0), ("L1", "L2", "L3"), strict=True)
    }
    affine = np.diag([4.0, 0.5, 0.5, 1.0])
    affine[0, 3] = -8

    mask = place_vertebrae(points, affine, (500, 300, 5)).masks["L2"]

    k, j, _ = np.argwhere(mask).T
    values, vectors = np.linalg.eigh(np.cov(np.stack([j, k])))
    forward = vectors[:, values.argmax()]
    assert np.degrees(np.arctan2(forward[1], forward[0])) % 180 == pytest.approx(160, abs=1)


def test_axial_regions_are_as_thick_as_their_slices():
    subject = Subject()
    affine, shape = grid(subject, (1.0, 1.0, 4.0), order="axial")

    for neighbours, thickness in ((0, 4), (1, 12), (2, 20)):
        placed = place_vertebrae(subject.points(), affine, shape, PlacementSettings(neighbours=neighbours))
        i = np.nonzero(placed.masks["L3"])[2]
        assert np.ptp(i) + 1 == pytest.approx(thickness, abs=1)


def test_each_region_follows_the_slice_of_its_own_point():
    subject = Subject()
    affine, shape = grid(subject, (1.5, 1.5, 4.0))
    points = subject.points()
    points["L5"] = points["L5"] + np.array([4.0, 0, 0])

    placed = place_vertebrae(points, affine, shape)

    slices = {level: set(np.nonzero(mask)[0]) for level, mask in placed.masks.items()}
    assert all(len(found) == 3 for found in slices.values())
    assert slices["L5"] == {k + 1 for k in slices["L4"]}


@pytest.mark.parametrize("settings", [PlacementSettings(), OUTLINE], ids=["super-ellipse", "outline"])
@pytest.mark.parametrize("order", ["sagittal", "axial"])
def test_flips_and_permutations_of_the_grid_change_nothing(settings, order):
    subject = Subject(turn=TURNED)
    affine, shape = grid(subject, (1.5, 1.7, 4.1), order=order, turn=0.1)
    image = image_of(subject.masks(affine, shape), shape)
    points = subject.points()
    reference = place_vertebrae(points, affine, shape, settings, image)

    for axes, flips in (((0, 1, 2), (0,)), ((2, 1, 0), (1,)), ((1, 2, 0), (0, 2)), ((0, 2, 1), (0, 1, 2))):
        moved = _reordered(affine, shape, axes, flips)
        other = place_vertebrae(points, moved, tuple(shape[a] for a in axes), settings, _seen(image, axes, flips))
        for level, mask in reference.masks.items():
            np.testing.assert_array_equal(other.masks[level], _seen(mask, axes, flips))
        assert other.warnings == reference.warnings
        for level, record in reference.record["regions"].items():
            again = other.record["regions"][level]
            assert again["centre"] == pytest.approx(record["centre"], abs=2e-3)
            assert again | {"centre": 0} == record | {"centre": 0}


def _seen(array, axes, flips):
    return np.flip(array.transpose(axes), flips)


def _reordered(affine, shape, axes, flips):
    """The affine of an array after ``transpose(axes)`` and ``flip(flips)``."""
    moved = affine.copy()
    for new, old in enumerate(axes):
        step, size = affine[:3, 2 - old], shape[old]
        moved[:3, 2 - new] = -step if new in flips else step
        if new in flips:
            moved[:3, 3] += step * (size - 1)
    return moved


def test_subsets_and_other_levels():
    subject = Subject()
    affine, shape = grid(subject, (1.5, 1.5, 4.0))
    points = subject.points()
    everything = place_vertebrae(points, affine, shape)

    asked = place_vertebrae(points, affine, shape, PlacementSettings(levels=("L2", "L4")))
    few = place_vertebrae({level: points[level] for level in ("L4", "L2", "L3")}, affine, shape)
    skipped = place_vertebrae({level: points[level] for level in ("L2", "L4")}, affine, shape)

    assert tuple(asked.masks) == ("L2", "L4")
    np.testing.assert_array_equal(asked.masks["L4"], everything.masks["L4"])
    assert tuple(few.masks) == ("L2", "L3", "L4")
    expected = np.linalg.norm(points["L2"] - points["L4"]) / 2
    assert skipped.record["regions"]["L2"]["spacing_mm"] == pytest.approx(expected, abs=0.01)


def test_a_single_point_with_a_stated_spacing():
    subject = Subject()
    affine, shape = grid(subject, (1.5, 1.5, 4.0))

    placed = place_vertebrae({"L3": subject.points()["L3"]}, affine, shape, PlacementSettings(spacing=33))

    assert purity(placed.masks["L3"], subject.masks(affine, shape)["L3"]) > 0.97
    assert placed.record["regions"]["L3"]["spacing_mm"] == 33
    assert "one point" in placed.warnings[0]


def test_transitional_anatomy():
    points = {"T12": (0, 0, 40), "L1": (0, 0, 0), "L5": (0, 0, -120)}

    assert list(shift_levels(points, 1)) == ["L1", "L2", "L6"]
    assert shift_levels(points, -1)["T12"] == (0, 0, 0)
    assert list(shift_levels({"T12": 1, "T13": 2}, 1)) == ["T13", "L1"]
    with pytest.raises(ValueError, match=r"by: .*T1 to L6, got 1 for L6"):
        shift_levels({"L6": (0, 0, 0)}, 1)
    with pytest.raises(ValueError, match="got 'S1'"):
        shift_levels({"S1": (0, 0, 0)}, -1)


def test_the_thirteenth_thoracic_vertebra_counts_only_where_it_is():
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-8, -50, -200)
    tall = {"T12": (0, 0, 30), "L1": (0, 0, 0), "L2": (0, 0, -30), "L6": (0, 0, -150)}
    with_13 = {"T12": (0, 0, 60), "T13": (0, 0, 30), "L1": (0, 0, 0)}

    for points in (tall, with_13):
        placed = place_vertebrae(points, affine, (300, 100, 5))
        assert {region["spacing_mm"] for region in placed.record["regions"].values()} == {30.0}
        assert placed.warnings == ()


def test_small_and_cut_regions_are_warned_of():
    affine = np.diag([4.0, 2.5, 2.5, 1.0])
    affine[:3, 3] = (-8, -40, -40)
    points = {"L1": (0, 30, 24), "L2": (0, 34, 9), "L3": (0, 37.5, -6)}

    placed = place_vertebrae(points, affine, (40, 32, 5))

    assert any(text.startswith("L2: small region of") and "60 mm2 and 30 voxels" in text for text in placed.warnings)
    assert any(text.startswith("L3: ") and "outside the image" in text for text in placed.warnings)
    assert placed.record["regions"]["L3"]["outside_fraction"] > 0
    assert placed.record["regions"]["L1"]["outside_fraction"] == 0


def test_a_skipped_level_is_warned_of():
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-8, -50, -120)
    points = {"L1": (0, 0, 100), "L2": (0, 0, 70), "L3": (0, 0, 40), "L4": (0, 0, -18)}

    placed = place_vertebrae(points, affine, (260, 100, 5))

    assert [text for text in placed.warnings if "skipped" in text] == [
        "L3 to L4: 58.0 mm a level where 30.0 mm is usual; is a level skipped or misplaced?"
    ]


def test_what_made_the_regions_is_recorded():
    subject = Subject()
    affine, shape = grid(subject, (1.5, 1.5, 4.0))

    record = place_vertebrae(subject.points(), affine, shape).record

    assert record["software"].startswith("MRBiomarkers ")
    assert (record["method"], record["size"], record["neighbours"]) == ("super-ellipse", 0.62, 1)
    assert set(record["regions"]) == set(LUMBAR)
