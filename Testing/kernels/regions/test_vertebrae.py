import itertools

import numpy as np
import pytest

from mrbiomarkers.files import read_volume
from mrbiomarkers.regions import Segment, vertebra_bodies
from mrbiomarkers.settings import BodySettings
from Testing.support.volumes import oblique_affine, positions, turned

# Centres of L1 to L3 in front of the canal [mm RAS]; bodies of 40 x 26 x 34 mm.
CENTRES = {"L1": (2.0, 40.0, 35.0), "L2": (2.0, 42.0, 0.0), "L3": (2.0, 40.0, -35.0)}
LABELS = {"L1": 41, "L2": 42, "L3": 43}
HALF = np.array([20.0, 17.0, 13.0])


def sagittal_grid(spacing=(1.0, 1.0, 3.0)):
    """Sagittal slices: i backwards, j down, k to the left."""
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2] = -spacing[0], -spacing[1], -spacing[2]
    affine[:3, 3] = 2 + 9 * spacing[2], 70, 65
    affine[3, 3] = 1
    return (19, round(130 / spacing[1]), round(120 / spacing[0])), affine


def boxes(shape, affine, margin=0.0):
    """The body of each level as it is in space, less a margin in the sagittal plane."""
    at = positions(shape, affine)
    size = HALF - (0, margin, margin)
    return {name: np.all(np.abs(at - centre) <= size, axis=-1) for name, centre in CENTRES.items()}


def spine(shape, affine, numbers=LABELS):
    """Label map as TotalSpineSeg makes it: whole vertebrae, cord 1 and canal 2."""
    at = positions(shape, affine)
    labels = np.zeros(shape, np.int16)
    x, behind = np.abs(at[..., 0] - 2), 23 - at[..., 1]
    labels[np.hypot(x, behind - 9) <= 7] = 2
    labels[np.hypot(x, behind - 9) <= 3] = 1
    for name, body in boxes(shape, affine).items():
        up = at[..., 2] - CENTRES[name][2]
        pedicle = (np.abs(x - 13) <= 4) & (np.abs(up - 4) <= 6) & (behind > -3) & (behind <= 22)
        arch = (x <= 3) & (np.abs(up) <= 9) & (behind > 19) & (behind <= 40)
        labels[body | pedicle | arch] = numbers[name]
    return labels


def middle(at, half):
    return np.abs(at[..., 0] - 2) <= half


def test_regions_are_the_eroded_bodies_on_the_middle_slices():
    shape, affine = sagittal_grid()
    regions = vertebra_bodies(spine(shape, affine), affine, table="totalspineseg")
    at = positions(shape, affine)
    # The boxes' faces lie through voxel centres, which count as inside: half a voxel more than the box.
    for name, inner in boxes(shape, affine, margin=3.0 - 0.5).items():
        np.testing.assert_array_equal(regions.masks[name], inner & middle(at, 3.1))
        facts = regions.record["levels"][name]
        assert (facts["label"], facts["found_by"]) == (LABELS[name], "table")
        assert (facts["margin_mm"], facts["outside_fraction"]) == (3.0, 0.0)
        assert facts["width_mm"] == pytest.approx(27, abs=1)
        assert facts["n_slices"] == 3
    assert list(regions.masks) == ["L1", "L2", "L3"]
    assert regions.warnings == ()
    assert regions.record["body"] == "part in front of the canal"
    assert regions.record["thickness_mm"] == 9.0


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_the_same_voxels_however_the_labels_are_stored(axes, flips):
    shape, affine = sagittal_grid((1.5, 2.0, 3.0))
    labels = spine(shape, affine)
    expected = vertebra_bodies(labels, affine, table="totalspineseg")
    stored, matrix = turned(labels, affine, axes, flips)
    found = vertebra_bodies(stored, matrix, table="totalspineseg")
    for name, mask in expected.masks.items():
        np.testing.assert_array_equal(found.masks[name], turned(mask, affine, axes, flips)[0])


def test_target_grids_of_any_orientation_hold_marrow_only():
    shape, affine = sagittal_grid()
    labels = spine(shape, affine)
    axial = np.diag([1.6, 1.6, 4.0, 1.0])
    axial[:3, 3] = -22, 0, -60
    oblique = oblique_affine((1.7, 1.7, 2.5))
    oblique[:3, 3] = np.array(CENTRES["L2"]) - oblique[:3, :3] @ (35, 35, 30)
    other_sagittal = sagittal_grid((2.0, 2.0, 4.4))
    for target_shape, target in (((30, 50, 32), axial), ((60, 70, 70), oblique), other_sagittal):
        regions = vertebra_bodies(
            labels, affine, table="totalspineseg", target_shape=target_shape, target_affine=target
        )
        at = positions(target_shape, target)
        for name, mask in regions.masks.items():
            # nearest neighbour moves an edge by half a voxel of the labels at most, and half a slice across
            safe = np.all(np.abs(at - CENTRES[name]) <= HALF - (0, 2.0, 2.0), axis=-1)
            assert mask.sum() > 50
            assert not (mask & ~safe).any()
            np.testing.assert_allclose(at[mask].mean(axis=0), CENTRES[name], atol=1.5)
            across = np.abs(at[mask][:, 0] - 2)
            assert across.max() <= regions.record["thickness_mm"] / 2 + 2.5


def test_slices_are_counted_on_the_target():
    shape, affine = sagittal_grid()
    target_shape, target = sagittal_grid((2.0, 2.0, 4.4))
    for neighbours in (0, 1, 2):
        regions = vertebra_bodies(
            spine(shape, affine),
            affine,
            table="totalspineseg",
            target_shape=target_shape,
            target_affine=target,
            settings=BodySettings(neighbours=neighbours),
        )
        slices = np.flatnonzero(regions.masks["L2"].any(axis=(1, 2)))
        assert list(slices) == list(range(9 - neighbours, 10 + neighbours))
    whole = vertebra_bodies(spine(shape, affine), affine, table="totalspineseg", settings=BodySettings(neighbours=None))
    assert np.count_nonzero(whole.masks["L2"].any(axis=(1, 2))) == 13  # 40 mm
    assert whole.record["thickness_mm"] is None


def test_bodies_wider_than_the_maps_are_not_said_to_lie_outside():
    shape, affine = sagittal_grid()
    narrow = affine.copy()
    narrow[:3, 3] += 7 * affine[:3, 2]  # five slices around the middle one
    target_shape = (5, *shape[1:])
    regions = vertebra_bodies(
        spine(shape, affine), affine, table="totalspineseg", target_shape=target_shape, target_affine=narrow
    )
    assert regions.warnings == ()
    assert [facts["outside_fraction"] for facts in regions.record["levels"].values()] == [0, 0, 0]
    whole = vertebra_bodies(spine(shape, affine), affine, table="totalspineseg")
    np.testing.assert_array_equal(regions.masks["L2"], whole.masks["L2"][7:12])


def test_without_a_canal_the_result_is_the_same():
    shape, affine = sagittal_grid()
    labels = spine(shape, affine)
    known = vertebra_bodies(labels, affine, table="totalspineseg")
    alone = vertebra_bodies(np.where(labels > 40, labels, 0), affine, table="totalspineseg")
    given = vertebra_bodies(labels, affine, table={41: "L1", 42: "L2", 43: "L3"}, canal=labels == 2)
    assert alone.record["body"] == "most anterior part"
    for name, mask in known.masks.items():
        np.testing.assert_array_equal(alone.masks[name], mask)
        np.testing.assert_array_equal(given.masks[name], mask)


def test_levels_come_from_codes_and_names_and_are_shifted():
    shape, affine = sagittal_grid()
    labels = spine(shape, affine, {"L1": 1, "L2": 2, "L3": 3})
    segments = [Segment(1, "vertebrae_T12"), Segment(2, "", "", "SCT^66794005^L1 vertebra"), Segment(3, "", "L2")]
    regions = vertebra_bodies(labels, affine, segments=segments, shift=1)
    assert list(regions.masks) == ["L1", "L2", "L3"]
    assert [regions.record["levels"][name]["found_by"] for name in regions.masks] == ["name", "code", "name"]
    assert list(vertebra_bodies(labels, affine, segments=segments).masks) == ["L1", "L2"]
    some = vertebra_bodies(labels, affine, segments=segments, levels=("T12", "L1", "L5"))
    assert list(some.masks) == ["T12", "L1"]
    assert some.warnings == ("levels: L5 not found; found T12, L1, L2",)


def test_options_leave_out_vein_and_outliers_and_count_them():
    shape, affine = sagittal_grid()
    labels = spine(shape, affine)
    image = np.random.default_rng(0).normal(200, 10, shape)
    at = positions(shape, affine)
    node = np.linalg.norm(at - (2.0, 50.0, 5.0), axis=-1) < 3.5
    image[node] = 20.0
    plain = vertebra_bodies(labels, affine, table="totalspineseg")
    settings = BodySettings(without_vein=True, outlier_limit=3.0)
    cut = vertebra_bodies(labels, affine, table="totalspineseg", image=image, settings=settings)
    inside, whole = cut.masks["L2"], plain.masks["L2"]
    facts = cut.record["levels"]["L2"]
    offset = at - CENTRES["L2"]
    # thirds of 27 rows and 35 columns, less the voxels that the limits cut
    vein = whole & (np.abs(offset[..., 2]) <= 27 / 6 - 0.5) & (offset[..., 1] <= -35 / 6 - 0.5)
    np.testing.assert_array_equal(inside & vein, False)
    assert not (inside & node).any()
    assert facts["n_vein"] == pytest.approx(vein.sum(), rel=0.15)
    assert facts["n_outliers"] >= np.count_nonzero(whole & node)
    assert whole.sum() == inside.sum() + facts["n_vein"] + facts["n_outliers"]
    assert cut.record["settings"]["outlier_limit"] == 3.0


def test_small_bodies_get_a_smaller_margin_which_is_recorded():
    shape, affine = sagittal_grid((1.0, 1.0, 3.0))
    child = affine.copy()
    child[:3] *= 0.5  # a spine of half the size
    regions = vertebra_bodies(spine(shape, affine), child, table="totalspineseg")
    facts = regions.record["levels"]["L2"]
    assert facts["width_mm"] == pytest.approx(13.5, abs=0.5)
    assert facts["margin_mm"] == pytest.approx(facts["width_mm"] / 6, abs=1e-3)
    assert regions.masks["L2"].sum() > 100


def test_what_is_lost_is_said():
    shape, affine = sagittal_grid()
    labels = spine(shape, affine)
    thin = labels.copy()
    thin[(labels == 42) & (np.abs(positions(shape, affine)[..., 2]) > 0.6)] = 0
    lost = vertebra_bodies(thin, affine, table="totalspineseg")
    assert list(lost.masks) == ["L1", "L3"]
    assert "L2: nothing is left of a body 1.0 mm wide after a margin of 1.5 mm" in lost.warnings[0]
    assert lost.record["levels"]["L2"]["n_voxels"] == 0
    cropped = affine.copy()
    cropped[2, 3] -= 30  # the same grid, 30 mm lower
    low = vertebra_bodies(labels, affine, table="totalspineseg", target_shape=shape, target_affine=cropped)
    assert low.record["levels"]["L1"]["outside_fraction"] == pytest.approx(0.6, abs=0.2)
    assert any("of the region lies outside the target grid" in line for line in low.warnings)
    cut = vertebra_bodies(labels[:, 30:], affine, table="totalspineseg")
    assert "L1: the body touches the edge of the segmented image and may be cut" in cut.warnings
    curved = labels.copy()
    curved[:, 85:] = np.roll(labels[:, 85:], 3, axis=0)  # 9 mm to the left
    bent = vertebra_bodies(curved, affine, table="totalspineseg")
    assert any(line.startswith("L3: its body lies") for line in bent.warnings)


def test_bad_input_is_refused():
    shape, affine = sagittal_grid((2.0, 2.0, 6.0))
    labels = spine(shape, affine)
    with pytest.raises(ValueError, match=r"Found: 1; 2; 41; 42; 43\. Known: SNOMED"):
        vertebra_bodies(labels, affine)
    with pytest.raises(ValueError, match="levels: expected one of L5 among the labels, found L1, L2, L3"):
        vertebra_bodies(labels, affine, table="totalspineseg", levels=["L5"])
    with pytest.raises(ValueError, match="levels: expected levels as L1, T12, C7 or S1, got 'lumbar'"):
        vertebra_bodies(labels, affine, table="totalspineseg", levels=["lumbar"])
    with pytest.raises(ValueError, match=r"expected levels from top to bottom, got L1 at -35 mm.*another table"):
        vertebra_bodies(labels, affine, table={41: "L3", 42: "L2", 43: "L1"})
    with pytest.raises(ValueError, match="labels: expected whole numbers, got fractions"):
        vertebra_bodies(labels + 0.5, affine, table="totalspineseg")
    with pytest.raises(ValueError, match=r"image: expected the image .* got none"):
        vertebra_bodies(labels, affine, table="totalspineseg", settings=BodySettings(outlier_limit=3))
    with pytest.raises(ValueError, match=r"subregions: expected the grid of the labels, shape .*, got \(3, 3, 3\)"):
        vertebra_bodies(labels, affine, table="totalspineseg", subregions=np.zeros((3, 3, 3)))
    with pytest.raises(ValueError, match="target_affine: expected target_shape and target_affine together"):
        vertebra_bodies(labels, affine, table="totalspineseg", target_shape=shape)
    away = affine.copy()
    away[0, 3] += 500
    with pytest.raises(ValueError, match="labels: expected a region on the target grid, got none; L1: nothing is left"):
        vertebra_bodies(labels, affine, table="totalspineseg", target_shape=shape, target_affine=away)
    for wrong in ({"margin": -1}, {"neighbours": 1.5}, {"thickness": 0}, {"outlier_limit": np.nan}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
            BodySettings(**wrong)


def test_real_vertebrae_give_the_same_regions_with_and_without_subregions(shared_data):
    vertebrae = read_volume(shared_data / "spine" / "tptbox_sub-mri_seg-vert_label-6_msk.nii.gz")
    parts = read_volume(shared_data / "spine" / "tptbox_sub-mri_seg-subreg_label-6_msk.nii.gz").values
    # numbered without VERIDAH: the labels are running numbers, and SPINEPS' own table would call them C5 to C7
    with pytest.raises(ValueError, match="found C5, C6, C7"):
        vertebra_bodies(vertebrae.values, vertebrae.affine, table="spineps")
    table = {5: "L1", 6: "L2", 7: "L3"}
    known = vertebra_bodies(vertebrae.values, vertebrae.affine, table=table, subregions=parts)
    alone = vertebra_bodies(vertebrae.values, vertebrae.affine, table=table)
    np.testing.assert_array_equal(alone.masks["L2"], known.masks["L2"])
    assert 400 < known.record["levels"]["L2"]["area_mm2"] < 600
    assert not (known.masks["L2"] & ~np.isin(parts, (49, 50))).any()
