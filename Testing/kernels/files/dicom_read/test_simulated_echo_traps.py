"""Simulated echoes and maps as archives leave them: lost or repeated elements, parts that do not go together."""

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_echoes, read_dicom_image, read_dicom_map
from Testing.support.dicom import faults, folders, ge, philips, philips_frames, siemens
from Testing.support.dicom.datasets import uid


def edit_all(folder, change):
    for path in folders.files_of(folder):
        faults.edit(path, change)


def check_signal(series, truth):
    np.testing.assert_allclose(series.signal, truth.signal, atol=2e-6 * np.abs(truth.signal).max(), rtol=0)


def test_echoes_stored_backwards_come_out_ascending(tmp_path):
    truth = siemens.siemens_echoes(tmp_path)

    def reverse(ds):
        ds.InstanceNumber = 100 - ds.InstanceNumber

    edit_all(tmp_path, reverse)

    series = read_dicom_echoes(tmp_path).series
    np.testing.assert_allclose(series.echo_times, truth.echo_times)
    check_signal(series, truth)


def test_the_first_echo_time_on_all_echoes_is_refused_and_can_be_given(tmp_path):
    truth = ge.ge_real_imaginary(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "EchoTime", "1.1"))

    with pytest.raises(ValueError, match="echo_times"):
        read_dicom_echoes(tmp_path)

    check_signal(read_dicom_echoes(tmp_path, echo_times=truth.echo_times).series, truth)


def test_phase_without_its_rescale_tags_is_right_or_refused(tmp_path):
    truth = siemens.siemens_echoes(tmp_path)

    def lose(ds):
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            delattr(ds, keyword)

    edit_all(tmp_path / "P", lose)

    try:
        series = read_dicom_echoes(tmp_path).series
    except ValueError as error:
        assert "phase" in str(error)  # noqa: PT017  (both ends are right, a wrong phase is not)
    else:
        check_signal(series, truth)
    check_signal(read_dicom_echoes(tmp_path, phase_range=(0, 4096)).series, truth)


@pytest.mark.parametrize("part", ["M", "P"])
def test_a_slice_that_one_part_lacks_is_named(part, tmp_path):
    siemens.siemens_echoes(tmp_path)
    (tmp_path / part / "IM0006.dcm").unlink()

    with pytest.raises(ValueError, match=r"(?i)slice"):
        read_dicom_echoes(tmp_path)


def test_phase_at_other_echo_times_is_refused(tmp_path):
    siemens.siemens_echoes(tmp_path)

    def later(ds):
        ds.EchoTime = f"{float(ds.EchoTime) + 0.4:.2f}"

    edit_all(tmp_path / "P", later)

    with pytest.raises(ValueError, match=r"echo times"):
        read_dicom_echoes(tmp_path)


def test_phase_at_another_place_is_refused(tmp_path):
    siemens.siemens_echoes(tmp_path)
    for path in folders.files_of(tmp_path / "P"):
        faults.shift_slice(path, 2.0)

    with pytest.raises(ValueError, match=r"(?i)slice|spacing|position"):
        read_dicom_echoes(tmp_path)


def test_a_field_strength_that_is_lost_has_to_be_given(tmp_path):
    truth = philips_frames.enhanced_echoes(tmp_path)

    def lose(ds):
        del ds.MagneticFieldStrength

    edit_all(tmp_path, lose)

    with pytest.raises((ValueError, TypeError), match="field_strength"):
        read_dicom_echoes(tmp_path)
    check_signal(read_dicom_echoes(tmp_path, field_strength=3.0).series, truth)


def test_slopes_that_differ_by_echo_are_taken_off(tmp_path):
    truth = philips.philips_echoes(tmp_path)

    def rescale(ds):
        if "M" in ds.ImageType:
            ds.RescaleSlope = str(0.5 * ds.EchoNumbers)

    edit_all(tmp_path, rescale)

    series = read_dicom_echoes(tmp_path).series

    factor = np.abs(series.signal).sum(dtype=float) / np.abs(truth.signal).sum()
    np.testing.assert_allclose(series.signal, factor * truth.signal, atol=2e-6 * factor * np.abs(truth.signal).max())


def test_slopes_that_differ_by_slice_of_a_map_are_applied(tmp_path):
    truth = siemens.siemens_fat_fraction(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "RescaleSlope", str(0.25 * ds.InstanceNumber)))

    found = read_dicom_map(tmp_path, "PDFF")

    slopes = 0.25 * np.arange(1, 5)[:, None, None]
    np.testing.assert_allclose(found.values * found.slope + found.intercept, truth.signal[..., 0] * slopes, rtol=1e-6)
    assert found.scale is None


def test_a_unit_of_something_else_is_refused(tmp_path):
    siemens.siemens_fat_fraction(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "RescaleType", "ms"))

    with pytest.raises(ValueError, match=r"PDFF.*ms|ms.*PDFF"):
        read_dicom_map(tmp_path, "PDFF")


def test_a_map_is_found_by_its_name_among_other_series(tmp_path):
    truth = siemens.siemens_fat_fraction(tmp_path / "a")
    anatomical = folders.anatomical(tmp_path / "b")
    folders.scatter(tmp_path / "all", truth.folder, anatomical.folder)

    np.testing.assert_array_equal(read_dicom_map(tmp_path / "all", "PDFF").values, truth.signal[..., 0])
    with pytest.raises(ValueError, match="series"):
        read_dicom_map(tmp_path / "all", "ADC")


def test_one_image_is_read_rescaled_and_several_are_refused(tmp_path):
    truth = folders.anatomical(tmp_path / "one")
    edit_all(truth.folder, lambda ds: ds.update({"RescaleSlope": "0.5", "RescaleIntercept": "-3"}))

    image = read_dicom_image(truth.folder)

    np.testing.assert_allclose(image.values, truth.signal[..., 0] * 0.5 - 3)
    np.testing.assert_allclose(image.affine, truth.affine, atol=1e-4)
    several = folders.anatomical(tmp_path / "two", n=2)
    with pytest.raises(ValueError, match="volume"):
        read_dicom_image(several.folder)


def test_two_runs_of_one_protocol_are_refused_until_they_are_named(tmp_path):
    truth = siemens.siemens_echoes(tmp_path / "first")
    second = siemens.siemens_echoes(tmp_path / "second")

    def another(ds):
        ds.SOPInstanceUID = uid(ds.SOPInstanceUID, "second")
        ds.SeriesInstanceUID = uid(ds.SeriesInstanceUID, "second")

    edit_all(second.folder, another)

    with pytest.raises(ValueError, match="series="):
        read_dicom_echoes(tmp_path)
    check_signal(read_dicom_echoes(tmp_path, series=truth.uids).series, truth)


def test_a_corrected_copy_of_the_magnitudes_is_refused(tmp_path):
    siemens.siemens_echoes(tmp_path)
    for path in folders.files_of(tmp_path / "M"):

        def corrected(ds):
            ds.SOPInstanceUID = uid(ds.SOPInstanceUID, "DIS2D")
            ds.SeriesInstanceUID = uid(ds.SeriesInstanceUID, "DIS2D")
            ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "DIS2D"]

        faults.edit(faults.double(path), corrected)

    with pytest.raises(ValueError, match="series="):
        read_dicom_echoes(tmp_path)


@pytest.mark.parametrize("share", [0.98, 0.5])
def test_a_map_without_its_damaged_last_slice_is_not_read_in_silence(share, tmp_path):
    siemens.siemens_fat_fraction(tmp_path)
    faults.truncate(tmp_path / "IM0004.dcm", share)

    try:
        said = " ".join(read_dicom_map(tmp_path, "PDFF").notes)
    except ValueError as error:
        said = str(error)
    assert "truncated" in said or "damaged" in said or "IM0004" in said


def test_two_acquisitions_at_other_echo_times_are_not_mixed_unasked(tmp_path):
    siemens.siemens_echoes(tmp_path / "a")
    siemens.siemens_echoes(tmp_path / "b")

    def again(dataset):
        dataset.SeriesInstanceUID = f"{str(dataset.SeriesInstanceUID)[:60]}.7"
        dataset.SOPInstanceUID = uid("again", dataset.SOPInstanceUID)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesNumber += 10
        dataset.EchoTime = float(dataset.EchoTime) + 0.5

    edit_all(tmp_path / "b", again)
    with pytest.raises(ValueError, match="one series with several magnitude echoes, got 2 among: series 2"):
        read_dicom_echoes(tmp_path)

    first, second = read_dicom_echoes(tmp_path, series=[2, 3]), read_dicom_echoes(tmp_path, series=[12, 13])
    np.testing.assert_allclose(second.series.echo_times - first.series.echo_times, 0.5e-3, atol=1e-9)
    assert read_dicom_echoes(tmp_path, series=[2, 3, 12, 13]).series.signal.shape[-1] == 6  # named: as one
