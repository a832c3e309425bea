"""Segmentations read back by pydicom and highdicom, checked by dciodvfy; codes of vertebrae and lesions."""

import numpy as np
import pytest
from highdicom.seg import Segmentation
from pydicom import dcmread

from mrbiomarkers.files.dicom_write.segmentation import write_dicom_segmentation
from mrbiomarkers.regions import Segment, find_levels
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens_frames import siemens_xa
from Testing.support.dicom_results import complaints, headers, identity_left, places, regions
from Testing.support.volumes import positions


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    truth = ge_diffusion(tmp_path_factory.mktemp("ge"))
    return truth.signal.shape[:3], truth.affine, headers(truth.folder)


def assert_same_places(path, masks, affine):
    """The pixels of each segment lie where the affine puts the voxels of its region."""
    dataset = dcmread(path)
    pixels = dataset.pixel_array.astype(bool)
    where = places(dataset, pixels)
    numbers = [item.SegmentIdentificationSequence[0] for item in dataset.PerFrameFunctionalGroupsSequence]
    segment = np.array([item.ReferencedSegmentNumber for item in numbers])
    for number, mask in enumerate(masks.values(), start=1):
        found = where[segment == number][pixels[segment == number]]
        expected = positions(mask.shape, affine)[mask]
        assert found.shape == expected.shape
        apart = np.linalg.norm(found[:, None] - expected[None], axis=-1)
        assert apart.min(axis=0).max() < 1e-9
        assert apart.min(axis=1).max() < 1e-9


def test_overlapping_regions_come_back_at_their_places(tmp_path, source):
    shape, affine, datasets = source
    masks = regions(shape)
    path = tmp_path / "regions.dcm"
    write_dicom_segmentation(path, masks, affine, datasets, subject="S01", reader="reader A")
    assert np.any(masks["L1"] & masks["lesion é"])
    assert_same_places(path, masks, affine)
    assert complaints(path) == []
    assert identity_left(path) == []
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("mirror", [False, True])
def test_highdicom_reads_the_same_voxels(tmp_path, source, mirror):
    shape, affine, datasets = source
    masks = regions(shape)
    if mirror:
        affine = affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, shape[0] - 1], [0, 0, 0, 1.0]])
        masks = {name: mask[::-1] for name, mask in masks.items()}
    write_dicom_segmentation(tmp_path / "regions.dcm", masks, affine, datasets)
    found = Segmentation.from_dataset(dcmread(tmp_path / "regions.dcm"))
    for number, (name, mask) in enumerate(masks.items(), start=1):
        volume = found.get_volume(segment_numbers=[number], combine_segments=True)
        assert np.count_nonzero(volume.array) == np.count_nonzero(mask), name
        centre = volume.affine[:3] @ [*np.argwhere(volume.array).mean(axis=0), 1]
        np.testing.assert_allclose(centre * [-1, -1, 1], positions(shape, affine)[mask].mean(axis=0), atol=1e-9)


def test_the_slice_spacing_is_that_of_the_regions(tmp_path, source):
    shape, affine, datasets = source
    finer = affine.copy()
    finer[:3, 2] *= 0.5
    masks = regions((6, *shape[1:]))
    write_dicom_segmentation(tmp_path / "regions.dcm", masks, finer, datasets)
    assert_same_places(tmp_path / "regions.dcm", masks, finer)
    measures = dcmread(tmp_path / "regions.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == pytest.approx(np.linalg.norm(finer[:3, 2]), abs=1e-9)


def test_vertebrae_lesions_and_tissue_are_coded(tmp_path, source):
    shape, affine, datasets = source
    write_dicom_segmentation(
        tmp_path / "regions.dcm", regions(shape), affine, datasets, lesions=["muscle"], how_made="manual"
    )
    segments = dcmread(tmp_path / "regions.dcm").SegmentSequence
    assert [item.SegmentLabel for item in segments] == list(regions(shape))
    codes = [
        (item.SegmentedPropertyCategoryCodeSequence[0].CodeValue, item.SegmentedPropertyTypeCodeSequence[0])
        for item in segments
    ]
    # SNOMED CT: anatomical structure, morphologically abnormal structure; L1, L3, lesion
    expected = [("123037004", "66794005"), ("123037004", "36470004"), *[("49755003", "52988006")] * 2]
    assert [(category, kind.CodeValue) for category, kind in codes] == expected
    assert ["AnatomicRegionSequence" in item for item in segments] == [False, False, True, True]
    known = [
        Segment(n, name=f"segment {n}", terminology=f"SCT^{kind.CodeValue}^{kind.CodeMeaning}")
        for n, (_, kind) in enumerate(codes[:2], start=1)
    ]
    assert dict(find_levels(known).labels) == {"L1": 1, "L3": 2}


def test_an_enhanced_source_serves(tmp_path):
    truth = siemens_xa(tmp_path / "xa")
    masks = regions(truth.signal.shape[:3])
    write_dicom_segmentation(tmp_path / "r.dcm", masks, truth.affine, headers(truth.folder), keep_identity=True)
    assert_same_places(tmp_path / "r.dcm", masks, truth.affine)
    assert complaints(tmp_path / "r.dcm") == []


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, source):
    shape, affine, datasets = source
    masks = regions(shape)
    cases = [
        ({}, {}, "masks: expected at least one region"),
        ({"L1": np.zeros(shape)}, {}, "region 'L1': expected a name.* 0 voxels"),
        ({" ": masks["L1"]}, {}, "region ' ': expected a name"),
        ({"x" * 65: masks["L1"]}, {}, "expected a name of 1 to 64 characters"),
        ({"L1": masks["L1"], "L2": masks["L1"][:2]}, {}, "region 'L2': expected shape"),
        (masks, {"lesions": ["L9"]}, "lesions: expected names among L1, .*got L9"),
        (masks, {"how_made": "guessed"}, "how_made: expected one of"),
    ]
    for given, options, message in cases:
        with pytest.raises(ValueError, match=message):
            write_dicom_segmentation(tmp_path / "r.dcm", given, affine, datasets, **options)
    with pytest.raises(ValueError, match="affine: expected a grid that overlaps"):
        write_dicom_segmentation(tmp_path / "r.dcm", masks, np.diag([-1, -1, 1, 1.0]) @ affine, datasets)
    assert list(tmp_path.iterdir()) == []
