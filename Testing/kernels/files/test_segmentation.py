import nibabel
import numpy as np
import pytest

from mrbiomarkers.files import read_mask, read_regions
from Testing.support.volumes import SHAPE, oblique_affine, one_line, position_series, write_nifti, write_nrrd

LABELS = np.zeros(SHAPE, np.uint8)
LABELS[0, :2] = 1
LABELS[1, 1:, 2:] = 2
LABELS[2, 0, 0] = 7


def segment(number, name, label, layer=0):
    fields = {"ID": f"Segment_{number + 1}", "Name": name, "LabelValue": str(label), "Layer": str(layer)}
    fields |= {"Extent": "0 4 0 3 0 2", "Color": "0.5 0.2 0.1", "Tags": "Segmentation.Status:inprogress|"}
    return {f"Segment{number}_{key}": value for key, value in fields.items()}


COMMON = {
    "Segmentation_MasterRepresentation": "Binary labelmap",
    "Segmentation_ReferenceImageExtentOffset": "12 7 3",
    "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
}


def test_segmentation_of_one_layer(tmp_path):
    fields = COMMON | segment(0, "L1", 2) | segment(1, "lesion b, n#", 1) | segment(2, "empty", 5)
    path = write_nrrd(tmp_path / "r.seg.nrrd", LABELS, **fields)
    # pynrrd writes ASCII only, 3D Slicer UTF-8.
    path.write_bytes(path.read_bytes().replace(b"lesion b, n#", "lesion b, né".encode()))

    regions = read_regions(path)

    assert list(regions) == ["L1", "lesion b, né", "empty"]
    for name, label in (("L1", 2), ("lesion b, né", 1), ("empty", 5)):
        assert regions[name].values.dtype == np.bool_
        np.testing.assert_array_equal(regions[name].values, label == LABELS)
        # The stored grid may be a part of the image's grid: its own affine says where it lies.
        np.testing.assert_allclose(regions[name].affine, oblique_affine(), atol=1e-9)
        assert regions[name].name == str(path)


@pytest.mark.parametrize("list_axis", ["first", "last"])
def test_overlapping_segments_in_layers(tmp_path, list_axis):
    layers = np.stack([LABELS, np.roll(LABELS, 1, axis=1)], axis=-1)
    fields = COMMON | segment(0, "L1", 1, 0) | segment(1, "L2", 2, 0) | segment(2, "lesion", 1, 1)
    path = write_nrrd(tmp_path / "r.seg.nrrd", layers, list_axis=list_axis, **fields)

    regions = read_regions(path)

    np.testing.assert_array_equal(regions["L1"].values, layers[..., 0] == 1)
    np.testing.assert_array_equal(regions["L2"].values, layers[..., 0] == 2)
    np.testing.assert_array_equal(regions["lesion"].values, layers[..., 1] == 1)
    assert (regions["L1"].values & regions["lesion"].values).any()


def test_old_segmentation_with_one_layer_for_each_segment(tmp_path):
    layers = np.stack([LABELS == 1, LABELS == 2], axis=-1).astype(np.uint8)
    fields = {"Segment0_ID": "a", "Segment0_Name": "L1", "Segment1_ID": "b", "Segment1_Name": "L2"}
    regions = read_regions(write_nrrd(tmp_path / "r.seg.nrrd", layers, list_axis="first", **fields))

    np.testing.assert_array_equal(regions["L1"].values, LABELS == 1)
    np.testing.assert_array_equal(regions["L2"].values, LABELS == 2)


def test_more_than_ten_segments_keep_their_order(tmp_path):
    fields = {}
    for number in range(12):
        fields |= segment(number, f"s{number}", number + 1)
    assert list(read_regions(write_nrrd(tmp_path / "r.seg.nrrd", LABELS, **fields))) == [f"s{n}" for n in range(12)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (COMMON, "expected a segmentation with at least one segment, got none"),
        (segment(0, "L1", 1) | segment(1, "L1", 2), "segments of different names, got 'L1' twice"),
        (segment(0, "L1", 1, layer=3), "expected 'L1' in one of 1 layers, got layer 3"),
        (segment(0, "L1", "one"), "expected an integer in Segment0_LabelValue, got 'one'"),
    ],
)
def test_segmentations_that_are_refused(tmp_path, fields, message):
    path = write_nrrd(tmp_path / "r.seg.nrrd", LABELS, **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_regions(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["r.nii.gz", "r.nrrd"])
def test_label_map(tmp_path, dtype, name):
    labels = LABELS.astype(dtype)
    if labels.dtype.kind != "u":
        labels[0, 3, 4] = -1  # below 0 is background
    write = write_nifti if ".nii" in name else write_nrrd

    regions = read_regions(write(tmp_path / name, labels))

    assert list(regions) == ["label_1", "label_2", "label_7"]
    for label in (1, 2, 7):
        np.testing.assert_array_equal(regions[f"label_{label}"].values, label == LABELS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(SHAPE, np.uint8), "a value above 0, got none"),
        (LABELS + 0.5, "integers, got fractions or NaN"),
        (np.where(LABELS == 7, np.nan, LABELS), "integers, got fractions or NaN"),
        (np.arange(600, dtype=np.int16).reshape(6, 10, 10), "at most 512 labels, got 599: is it an image"),
        (position_series(), "expected a 3-D image, got 6 images"),
    ],
)
def test_label_maps_that_are_refused(tmp_path, values, message):
    path = write_nifti(tmp_path / "r.nii", values)
    with pytest.raises(ValueError, match=message) as caught:
        read_regions(path)
    one_line(caught.value, path)


def test_mask_is_what_lies_above_zero(tmp_path):
    values = LABELS.astype(np.float32)
    values[0, 3, :3] = 0.4, -1.0, np.nan
    mask = read_mask(write_nifti(tmp_path / "m.nii.gz", values))

    expected = LABELS > 0
    expected[0, 3, 0] = True
    assert mask.values.dtype == np.bool_
    np.testing.assert_array_equal(mask.values, expected)
    np.testing.assert_allclose(mask.affine, oblique_affine(), atol=1e-4)


def test_missing_files(tmp_path):
    for read in (read_regions, read_mask):
        with pytest.raises(FileNotFoundError, match="no such file") as caught:
            read(tmp_path / "r.seg.nrrd")
        one_line(caught.value, tmp_path / "r.seg.nrrd")


def test_real_masks(shared_data):
    folder = shared_data / "diffusion" / "prostate_3T"
    for name in ("tumor_roi", "bph_roi", "pz_roi"):
        reference = np.asarray(nibabel.load(folder / f"{name}.nii.gz").dataobj).T
        mask = read_mask(folder / f"{name}.nii.gz")
        assert 0 < mask.values.sum() < mask.values.size / 2
        np.testing.assert_array_equal(mask.values, reference > 0)
