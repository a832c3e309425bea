"""What is read when headers say too little, too much, or two things."""

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes, read_dicom_image, read_dicom_map
from Testing.support.dicom import faults, folders, ge, philips, siemens


def delete(*keywords):
    def edit(dataset):
        for keyword in keywords:
            if keyword in dataset:
                del dataset[keyword]

    return edit


def edit_all(folder, change):
    for path in folders.files_of(folder):
        faults.edit(path, change)


def test_b_values_that_are_missing_altogether_can_be_given(tmp_path):
    truth = ge.ge_diffusion(tmp_path)
    edit_all(tmp_path, delete(0x00431039))

    with pytest.raises(ValueError, match=r"Looked at: \(0018,9087\), GE \(0043,1039\).*bvalues=\["):
        read_dicom_diffusion(tmp_path)
    with pytest.raises(ValueError, match="bvalues: expected 4, one for each volume, got 3"):
        read_dicom_diffusion(tmp_path, bvalues=[0, 50, 400])
    found = read_dicom_diffusion(tmp_path, bvalues=[0, 50, 400, 800])

    np.testing.assert_array_equal(found.series.signal, truth.signal)
    assert found.series.bvalues.tolist() == [0, 50, 400, 800]
    assert found.series.source == ("caller",) * 4


def test_b_values_by_hand_go_before_those_of_the_headers(tmp_path):
    truth = ge.ge_diffusion(tmp_path)

    found = read_dicom_diffusion(tmp_path, bvalues=[0, 10, 20, 30])

    np.testing.assert_array_equal(found.series.signal, truth.signal)
    assert found.series.bvalues.tolist() == [0, 10, 20, 30]
    assert [row.raw for row in found.table] == truth.bvalues.tolist()


def test_a_damaged_b_value_is_not_taken_as_0(tmp_path):
    philips.philips_diffusion(tmp_path)

    def spoil(dataset):
        if dataset.DiffusionBValue == 0:
            dataset.DiffusionBValue = -5.0
            del dataset[0x20011003]

    edit_all(tmp_path, spoil)

    with pytest.raises(ValueError, match=r"damaged: \(0018,9087\) cannot be read.*bvalues="):
        read_dicom_diffusion(tmp_path)


def test_images_without_b_value_among_images_at_0_are_taken_as_0_with_a_doubt(tmp_path):
    truth = ge.ge_diffusion(tmp_path)

    def strip(dataset):
        if dataset[0x00431039].value[0] == 1_000_000_050:
            del dataset[0x00431039]

    edit_all(tmp_path, strip)
    found = read_dicom_diffusion(tmp_path)

    assert sorted(found.series.bvalues) == [0, 0, 400, 800]
    assert any("4 of 16 images have no b-value" in note and "check them" in note for note in found.notes)
    assert found.series.signal.shape == truth.signal.shape


def test_one_series_must_be_meant(tmp_path):
    one = ge.ge_diffusion(tmp_path / "a")
    two = siemens.siemens_private(tmp_path / "b")

    with pytest.raises(ValueError, match=r"expected one diffusion series, got 2: .*UID.*Name one"):
        read_dicom_diffusion(tmp_path)
    with pytest.raises(ValueError, match="expected a series number that is there once, got '5'"):
        read_dicom_diffusion(tmp_path, series=5)
    with pytest.raises(ValueError, match="expected a series of the folder, got '99'"):
        read_dicom_diffusion(tmp_path, series=99)
    np.testing.assert_array_equal(read_dicom_diffusion(tmp_path, series=one.uids[0]).series.signal, one.signal)
    np.testing.assert_array_equal(read_dicom_diffusion(tmp_path, series=[two.uids[0]]).series.signal, two.signal)


def test_slopes_of_philips_that_differ_without_scale_slope_are_said(tmp_path):
    philips.philips_diffusion(tmp_path)
    edit_all(tmp_path, delete(0x2005100E))

    found = read_dicom_diffusion(tmp_path)

    assert any("(2005,100E) is missing" in note and "not be comparable" in note for note in found.notes)


def test_diffusion_at_two_echo_times_is_not_taken_for_repeats(tmp_path):
    ge.ge_diffusion(tmp_path)
    edit_all(
        tmp_path, lambda dataset: setattr(dataset, "EchoTime", 60 + 20 * (dataset[0x00431039].value[0] % 1000 > 0))
    )

    with pytest.raises(ValueError, match="one echo time, got 60, 80 ms"):
        read_dicom_diffusion(tmp_path)


def test_two_series_read_as_one_are_said_to_be_two(tmp_path):
    one, two = ge.ge_diffusion(tmp_path / "a"), siemens.siemens_private(tmp_path / "b")
    edit_all(tmp_path, lambda dataset: setattr(dataset, "EchoTime", 60))

    found = read_dicom_diffusion(tmp_path, series=[one.uids[0], two.uids[0]])

    assert found.series.signal.shape[-1] == one.signal.shape[-1] + two.signal.shape[-1]
    assert any("2 series read as one" in note for note in found.notes)


def test_b_values_of_several_elements_are_said(tmp_path):
    ge.ge_diffusion(tmp_path, public=True)

    notes = read_dicom_diffusion(tmp_path).notes

    assert any("several elements: " in note and "GE (0043,1039) (4 images)" in note for note in notes)


def test_a_slice_with_a_slope_of_its_own_is_said(tmp_path):
    philips.philips_diffusion(tmp_path)
    before = read_dicom_diffusion(tmp_path).notes
    faults.edit(folders.files_of(tmp_path)[5], lambda dataset: setattr(dataset, "RescaleSlope", "7.5"))

    new = set(read_dicom_diffusion(tmp_path).notes) - set(before)

    assert any("slices of one volume" in note for note in new)


def test_no_images_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(ValueError, match=r"expected DICOM images, got none \(notes.txt: no DICOM file\)"):
        read_dicom_diffusion(tmp_path)


def test_echo_times_that_the_header_repeats_are_asked_for(tmp_path):
    truth = ge.ge_real_imaginary(tmp_path)
    edit_all(tmp_path, lambda dataset: setattr(dataset, "EchoTime", "1.2"))

    with pytest.raises(ValueError, match="repeats the first echo time, give echo_times="):
        read_dicom_echoes(tmp_path)
    found = read_dicom_echoes(tmp_path, echo_times=truth.echo_times)

    np.testing.assert_array_equal(found.series.signal, truth.signal)
    with pytest.raises(ValueError, match="echo_times: expected"):
        read_dicom_echoes(tmp_path, echo_times=truth.echo_times[:-1])


def test_the_field_is_taken_from_the_frequency_or_asked_for(tmp_path):
    siemens.siemens_echoes(tmp_path)
    edit_all(tmp_path, delete("MagneticFieldStrength", "ImagingFrequency"))

    with pytest.raises(ValueError, match="field_strength: expected tesla"):
        read_dicom_echoes(tmp_path)
    assert read_dicom_echoes(tmp_path, field_strength=3.0).series.field_strength == 3.0
    edit_all(tmp_path, lambda dataset: setattr(dataset, "ImagingFrequency", "63.87"))
    assert read_dicom_echoes(tmp_path).series.field_strength == 1.5


def test_phase_in_an_unknown_unit_is_refused(tmp_path):
    siemens.siemens_echoes(tmp_path)

    def spoil(dataset):
        if dataset.ImageType[2] == "P":
            dataset.RescaleSlope, dataset.RescaleIntercept = "0.77", "-100"

    edit_all(tmp_path, spoil)

    with pytest.raises(ValueError, match="phase_range="):
        read_dicom_echoes(tmp_path)


def test_a_phase_alone_says_what_is_missing(tmp_path):
    truth = siemens.siemens_echoes(tmp_path)
    phases = [uid for uid in truth.uids if _is_phase(tmp_path, uid)]

    with pytest.raises(ValueError, match=r"got phase only.*another series"):
        read_dicom_echoes(tmp_path, series=phases)


def _is_phase(folder, uid):
    import pydicom

    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folders.files_of(folder)]
    return all(one.ImageType[2] == "P" for one in headers if one.SeriesInstanceUID == uid)


def test_a_map_with_a_unit_has_a_scale(tmp_path):
    ge.ge_fat_fraction(tmp_path)
    edit_all(
        tmp_path, lambda dataset: dataset.update({"RescaleSlope": "0.1", "RescaleIntercept": "0", "RescaleType": "%"})
    )

    found = read_dicom_map(tmp_path, "PDFF")

    assert (found.scale.unit, found.scale.slope, found.scale.source) == ("%", 0.1, "rescale tags")
    image = read_dicom_image(tmp_path)
    np.testing.assert_allclose(image.values, found.values * 0.1, rtol=1e-6)
    np.testing.assert_array_equal(image.affine, found.affine)
