"""Regions brought onto another image: known places and volumes, a known motion, refusals, bad input."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mrbiomarkers.files import read_volume
from mrbiomarkers.jobs import map_masks
from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.settings import RegistrationSettings

# Oblique and anisotropic: voxels of 0.8 x 0.8 x 3 mm, turned by 20 degrees about the right-left axis.
TURN = Rotation.from_euler("x", 20, degrees=True).as_matrix()
SHAPE = (10, 40, 44)


def grid(steps, origin=(0.0, 0.0, 0.0), turn=TURN):
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(steps)
    affine[:3, 3] = turn @ np.asarray(origin)
    return affine


FINE = grid((0.8, 0.8, 3.0))


def box(shape, k, j, i):
    mask = np.zeros(shape, bool)
    mask[k, j, i] = True
    return mask


LESION = box(SHAPE, slice(2, 6), slice(10, 22), slice(12, 30))


def mapped(target_shape, target_affine, mask=LESION, **options):
    return map_masks({"lesion": mask}, FINE, (np.zeros(target_shape), target_affine), **options)


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_the_same_grid_gives_the_same_voxels_and_says_that_nothing_changed():
    result = mapped(SHAPE, FINE)
    region = result.regions["lesion"]

    np.testing.assert_array_equal(region.mask, LESION)
    np.testing.assert_array_equal(result.transform, np.eye(4))
    assert (result.by, result.registration, result.warnings) == ("position", None, ())
    assert region.n_voxels == region.n_voxels_before == 4 * 12 * 18
    assert region.volume_mm3 == pytest.approx(4 * 12 * 18 * 0.8 * 0.8 * 3)
    assert (region.volume_change, region.outside_fraction, region.shift_mm) == (0, 0, 0)
    assert region.sampling_shift_mm == pytest.approx(0, abs=1e-12)


def test_blocks_of_voxels_hold_what_they_are_made_of():
    coarse = grid((1.6, 1.6, 6.0), origin=(0.4, 0.4, 1.5))  # two voxels in one, along each axis

    region = mapped((5, 20, 22), coarse).regions["lesion"]

    np.testing.assert_array_equal(region.mask, box((5, 20, 22), slice(1, 3), slice(5, 11), slice(6, 15)))
    assert region.n_voxels == region.n_voxels_before / 8
    assert region.volume_change == pytest.approx(0)
    assert region.sampling_shift_mm == pytest.approx(0, abs=1e-12)


def test_another_orientation_takes_the_voxel_that_holds_the_centre():
    affine = grid((2.1, 2.3, 2.7), origin=(3.3, 4.1, 2.2), turn=np.eye(3))
    shape = (9, 8, 7)

    region = mapped(shape, affine).regions["lesion"]

    expected = np.zeros(shape, bool)
    for k, j, i in np.ndindex(shape):
        place = np.linalg.solve(FINE, affine @ (i, j, k, 1))[:3]
        column, row, slab = np.round(place).astype(int)
        inside = 0 <= column < SHAPE[2] and 0 <= row < SHAPE[1] and 0 <= slab < SHAPE[0]
        expected[k, j, i] = inside and LESION[slab, row, column]
    assert expected.sum() > 20
    np.testing.assert_array_equal(region.mask, expected)
    assert region.volume_mm3 == pytest.approx(expected.sum() * 2.1 * 2.3 * 2.7)


def test_what_lies_outside_is_counted_and_warned_about():
    result = mapped((4, 40, 44), FINE)  # the region's last two slices are not in the target

    region = result.regions["lesion"]
    assert region.outside_fraction == pytest.approx(0.5)
    assert region.volume_change == pytest.approx(-0.5)
    assert region.sampling_shift_mm == pytest.approx(3.0)  # half of the slices: the centre moves by one slice
    assert "region 'lesion': 50.0% of the region lies outside the target" in result.warnings
    assert any("volume changes by -50%" in line for line in result.warnings)


def test_few_voxels_and_one_slice_are_warned_about():
    thin = box(SHAPE, slice(4, 7), slice(10, 18), slice(12, 20))  # 9 mm
    result = mapped((3, 10, 11), grid((3.2, 3.2, 12.0), origin=(1.2, 1.2, 4.5)), thin)

    assert result.regions["lesion"].n_voxels == 4
    assert any("only 4 voxels hold it" in line for line in result.warnings)
    assert any("of 3 slices, one is left" in line for line in result.warnings)


class Patient:
    """A spine in two contrasts, the second of which lies elsewhere: the patient has moved."""

    def __init__(self):
        phantom = lumbar_diffusion(shape=(9, 96, 96), bvalues=(0, 1000))
        self.affine, self.regions = phantom.series.affine, phantom.regions
        self.t2 = phantom.series.signal[..., 0]
        noise = np.random.default_rng(9).normal(0, 0.01, self.t2.shape)
        self.b0 = (np.exp(-2 * self.t2 / np.percentile(self.t2, 99)) + noise).astype(np.float32)

    def moved(self, degrees, shift):
        middle = np.argwhere(self.drawn).mean(axis=0)[::-1] @ self.affine[:3, :3].T + self.affine[:3, 3]
        motion = np.eye(4)
        motion[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
        motion[:3, 3] = middle + shift - motion[:3, :3] @ middle
        return motion

    @property
    def drawn(self):
        return np.any(list(self.regions.values()), axis=0)


@pytest.fixture(scope="module")
def patient():
    return Patient()


def test_a_registration_undoes_a_known_motion(patient):
    motion = patient.moved((1.5, 0, 0), (0, 2.5, 1.5))
    target = (patient.b0, motion @ patient.affine)  # so the truth on the target is what was drawn, voxel for voxel

    by_position = map_masks(patient.regions, patient.affine, target)
    found = map_masks(patient.regions, patient.affine, target, image=patient.t2, register=True)

    assert (found.by, found.registration.accepted) == ("registration", True)
    assert found.decision.startswith("rigid kept")
    assert list(found.regions) == list(patient.regions)
    for name, drawn in patient.regions.items():
        positions = np.argwhere(drawn)[:, ::-1] @ patient.affine[:3, :3].T + patient.affine[:3, 3]
        true = np.linalg.norm(positions @ motion[:3, :3].T + motion[:3, 3] - positions, axis=1).mean()
        assert found.regions[name].shift_mm == pytest.approx(true, abs=0.5)
        assert by_position.regions[name].shift_mm == 0
        assert dice(found.regions[name].mask, drawn) > max(0.93, dice(by_position.regions[name].mask, drawn))
    np.testing.assert_allclose(found.transform[:3, :3], motion[:3, :3], atol=0.02)


def test_a_flat_map_is_mapped_by_the_image_it_was_made_from(patient):
    motion = patient.moved((0, 0, 0), (0, 3.0, 0))
    flat = (np.full(patient.b0.shape, 1.1), motion @ patient.affine)
    options = {"image": patient.t2, "register": True}

    found = map_masks(patient.regions, patient.affine, flat, partner=(patient.b0, motion @ patient.affine), **options)

    assert found.by == "registration"
    assert found.regions["L3"].shift_mm == pytest.approx(3.0, abs=0.5)
    with pytest.raises(ValueError, match="target: expected contrast where the images are compared"):
        map_masks(patient.regions, patient.affine, flat, **options)


def test_a_refused_registration_says_so_and_keeps_position(patient):
    noise = np.abs(np.random.default_rng(3).normal(0, 1, patient.t2.shape))
    target = (noise, patient.moved((0, 0, 0), (0, 2, 0)) @ patient.affine)

    by_position = map_masks(patient.regions, patient.affine, target)
    found = map_masks(patient.regions, patient.affine, target, image=patient.t2, register=True)

    assert (found.by, found.registration.accepted) == ("position", False)
    assert "refused" in found.decision
    assert found.warnings[0] == f"the registration was refused, the regions were mapped by position: {found.decision}"
    np.testing.assert_array_equal(found.transform, np.eye(4))
    for name, region in by_position.regions.items():
        np.testing.assert_array_equal(found.regions[name].mask, region.mask)
        assert found.regions[name].shift_mm == 0


def test_points_are_kept_where_the_search_is_refused(patient):
    motion = patient.moved((0, 0, 0), (0, 12, 0))
    middles = {
        name: np.argwhere(mask).mean(axis=0)[::-1] @ patient.affine[:3, :3].T + patient.affine[:3, 3]
        for name, mask in patient.regions.items()
    }
    found = map_masks(
        patient.regions,
        patient.affine,
        (patient.b0, motion @ patient.affine),
        image=patient.t2,
        register=True,
        points=middles,
        target_points={name: point + motion[:3, 3] for name, point in middles.items()},
        settings=RegistrationSettings(min_peak=1000.0),
    )

    assert (found.by, found.registration.accepted) == ("points", False)
    assert "mapped by points" in found.warnings[0]
    assert found.regions["L1"].shift_mm == pytest.approx(12)


def test_drawn_bodies_of_a_real_t2_reach_the_real_t1_of_the_patient(shared_data):
    names = ("11_DzZ_T2", "10_DzZ_T1", "11_DzZ_T2_gt", "10_DzZ_T1_gt")
    images = [read_volume(shared_data / "spine" / f"fcs_vb1_{name}.nii.gz") for name in names]
    affine = images[0].affine
    np.testing.assert_array_equal(images[1].affine, affine)
    t2, t1, drawn, truth = (image.values[10:40, 100:230, 100:200] for image in images)  # three bodies and what is near
    moved = affine.copy()
    moved[:3, 3] += (0.0, 2.0, 2.0)  # the place of the corner does not matter here
    truth = truth > 0

    by_position = map_masks({"bodies": drawn}, affine, (t1, moved)).regions["bodies"]
    found = map_masks({"bodies": drawn}, affine, (t1, moved), image=t2, register=True)

    assert found.by == "registration"
    assert found.regions["bodies"].shift_mm == pytest.approx(8**0.5, abs=1.0)
    assert dice(by_position.mask, truth) < 0.84
    assert dice(found.regions["bodies"].mask, truth) > 0.94


@pytest.mark.parametrize(
    ("regions", "options", "message"),
    [
        ({}, {}, "regions: expected at least one, got none"),
        ({"a": np.zeros(SHAPE)}, {}, "region 'a': expected at least one voxel above 0, got an empty mask"),
        ({"a": LESION, "b": np.ones((3, 4, 5))}, {}, "region 'b': expected shape"),
        ({"a": np.ones(5)}, {}, "expected masks with 3 dimensions, got shape"),
        ({"a": LESION}, {"register": True}, "image: expected the image that was drawn on"),
        ({"a": LESION}, {"register": True, "image": np.ones((3, 4, 5))}, "image: expected the shape of the regions"),
        (
            {"a": LESION},
            {"register": True, "image": np.arange(LESION.size).reshape(SHAPE), "points": {"L1": (np.nan, 0, 0)}},
            "^points: expected three finite numbers for 'L1'",
        ),
        ({"a": LESION}, {"settings": RegistrationSettings()}, "settings: expected only together with register=True"),
        ({"a": LESION}, {"points": {"L1": (0, 0, 0)}}, "points: expected only together with register=True"),
    ],
)
def test_bad_input(regions, options, message):
    with pytest.raises(ValueError, match=message):
        map_masks(regions, FINE, (np.zeros(SHAPE), FINE), **options)


def test_a_region_beside_the_target_is_named_with_both_grids():
    away = grid((0.8, 0.8, 3.0), origin=(500.0, 0.0, 0.0))

    with pytest.raises(ValueError, match=r"region 'lesion': mask: expected it to hold a voxel centre .*44 x 40 x 10"):
        mapped(SHAPE, away)
