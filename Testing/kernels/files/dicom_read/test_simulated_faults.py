"""Simulated series with something wrong: it is named, and nothing wrong is read in its place."""

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_headers
from Testing.support.dicom import faults, folders, philips_frames, siemens, siemens_frames


@pytest.fixture
def truth(tmp_path):
    """A good series of b 0, 500, 500, 1000 with four slices: files 1-4 are b = 0, and so on."""
    return siemens.siemens_private(tmp_path)


def file_of(truth, number):
    return truth.folder / f"IM{number:04d}.dcm"


@pytest.mark.parametrize("share", [0.98, 0.5, 0.2])
def test_a_truncated_file_is_named_and_never_read_as_zeros(share, truth):
    path = faults.truncate(file_of(truth, 6), share)

    scan = read_headers(truth.folder)

    assert [problem.path for problem in scan.problems] == [path]
    assert len(scan.instances) == 15
    # That a slice is missing is half of the answer: its file is there.
    with pytest.raises(ValueError, match=rf"{path.name}|truncated|damaged"):
        read_dicom_diffusion(truth.folder)


def test_what_is_left_of_a_file_without_its_header_is_named_as_no_dicom(truth):
    path = faults.truncate(file_of(truth, 6), 0.05)

    assert [(problem.path, problem.reason) for problem in read_headers(truth.folder).problems] == [
        (path, "no DICOM file")
    ]
    with pytest.raises(ValueError, match=r"(?i)slice"):
        read_dicom_diffusion(truth.folder)


def test_a_truncated_volume_is_left_out_with_a_note(tmp_path):
    truth = siemens_frames.siemens_mosaic(tmp_path)
    path = faults.truncate(tmp_path / "MOSAIC1.dcm", 0.9)

    assert [problem.path for problem in read_headers(tmp_path).problems] == [path]
    found = read_dicom_diffusion(tmp_path)

    assert found.series.bvalues.tolist() == [0, 800]
    np.testing.assert_array_equal(found.series.signal, truth.signal[..., [0, 2]])
    assert any("truncated" in note for note in found.notes)


def test_foreign_files_are_named_and_the_rest_is_read(truth):
    foreign = folders.add_foreign_files(truth.folder)

    assert {problem.path for problem in read_headers(truth.folder).problems} == set(foreign)
    found = read_dicom_diffusion(truth.folder)
    np.testing.assert_array_equal(found.series.signal, truth.signal)


def test_a_doubled_file_is_named_once_and_read_once(truth):
    faults.double(file_of(truth, 7))

    scan = read_headers(truth.folder)

    assert len(scan.problems) == 1
    assert len(scan.instances) == 16
    np.testing.assert_array_equal(read_dicom_diffusion(truth.folder).series.signal, truth.signal)


def test_a_missing_slice_of_one_measurement_is_named(truth):
    file_of(truth, 6).unlink()

    with pytest.raises(ValueError, match=r"(?i)slice") as error:
        read_dicom_diffusion(truth.folder)
    assert "500" in str(error.value)


def test_a_slice_missing_everywhere_is_a_gap_that_is_named(truth):
    for number in (2, 6, 10, 14):
        file_of(truth, number).unlink()

    with pytest.raises(ValueError, match=r"(?i)slice|spacing|gap"):
        read_dicom_diffusion(truth.folder)


def test_the_last_slice_may_be_missing_everywhere_but_not_in_one(truth):
    for number in (4, 8, 12):
        file_of(truth, number).unlink()
    with pytest.raises(ValueError, match=r"(?i)slice"):
        read_dicom_diffusion(truth.folder)
    file_of(truth, 16).unlink()

    np.testing.assert_array_equal(read_dicom_diffusion(truth.folder).series.signal, truth.signal[:3])


def test_an_image_of_another_size_is_named(truth):
    faults.crop(file_of(truth, 5))

    with pytest.raises(ValueError, match=r"(?i)matri|size|rows") as error:
        read_dicom_diffusion(truth.folder)
    assert "10" in str(error.value)
    assert "12" in str(error.value)


@pytest.mark.parametrize("numbers", [(6,), (2, 6, 10, 14)], ids=["one image", "one slice"])
def test_uneven_slices_are_named(numbers, truth):
    for number in numbers:
        faults.shift_slice(file_of(truth, number), 1.3)

    with pytest.raises(ValueError, match=r"(?i)slice|spacing|position"):
        read_dicom_diffusion(truth.folder)


def test_an_image_turned_against_the_others_is_named(truth):
    def turn(ds):
        ds.ImageOrientationPatient = [*ds.ImageOrientationPatient[3:], *ds.ImageOrientationPatient[:3]]

    faults.edit(file_of(truth, 6), turn)

    with pytest.raises(ValueError, match=r"(?i)orientation"):
        read_dicom_diffusion(truth.folder)


def test_other_pixel_spacing_in_one_image_is_named(truth):
    def widen(ds):
        ds.PixelSpacing = ["1.6", "1.25"]

    faults.edit(file_of(truth, 6), widen)

    with pytest.raises(ValueError, match=r"(?i)spacing|voxel size") as error:
        read_dicom_diffusion(truth.folder)
    assert "1.6" in str(error.value)


def test_b_values_lost_in_some_images_are_never_0_without_a_word(truth):
    def lose(ds):
        del ds[0x0019, 0x100C]

    for number in (13, 14, 15, 16):
        faults.edit(file_of(truth, number), lose)

    found = read_dicom_diffusion(truth.folder)

    assert found.series.bvalues.tolist() == [0, 500, 500, 0]
    assert any("4 of 16" in note and "no b-value" in note for note in found.notes)
    assert {row.raw for row in found.table if row.bvalue == 0} == {0.0, None}


def test_without_any_b_the_places_looked_at_and_the_way_out_are_named(tmp_path):
    truth = folders.anatomical(tmp_path, n=3)

    with pytest.raises(ValueError, match=r"bvalues") as error:
        read_dicom_diffusion(tmp_path, series=truth.uids[0])
    assert all(tag in str(error.value) for tag in ("0018,9087", "0043,1039", "0019,100C", "2001,1003", "0065,1009"))

    found = read_dicom_diffusion(tmp_path, series=truth.uids[0], bvalues=[0, 50, 800])
    np.testing.assert_array_equal(found.series.signal, truth.signal)
    assert found.series.bvalues.tolist() == [0, 50, 800]


def test_two_b_values_that_contradict_each_other_are_named(truth):
    def contradict(ds):
        ds.DiffusionBValue = 700.0

    for number in (13, 14, 15, 16):
        faults.edit(file_of(truth, number), contradict)

    try:
        notes = " ".join(read_dicom_diffusion(truth.folder).notes)
    except ValueError as error:
        notes = str(error)
    assert "700" in notes
    assert "1000" in notes


def test_an_enhanced_file_that_ends_early_is_named(tmp_path):
    truth = philips_frames.philips_enhanced(tmp_path)
    path = faults.truncate(folders.files_of(tmp_path)[0], 0.97)

    assert [problem.path for problem in read_headers(tmp_path).problems] == [path]
    with pytest.raises(ValueError, match=path.name):
        read_dicom_diffusion(truth.folder)


def test_frames_that_the_header_counts_but_does_not_describe_are_named(tmp_path):
    philips_frames.philips_enhanced(tmp_path)
    path = folders.files_of(tmp_path)[0]

    def forget(ds):
        del ds.PerFrameFunctionalGroupsSequence[-1]

    faults.edit(path, forget)

    with pytest.raises(ValueError, match=r"(?i)frame"):
        read_dicom_diffusion(tmp_path)
