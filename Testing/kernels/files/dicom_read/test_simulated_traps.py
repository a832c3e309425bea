"""Simulated diffusion series as archives and anonymisers leave them: elements moved, stripped, lost, contradicting."""

import struct
from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion
from Testing.support.dicom import canon, faults, folders, ge, philips, siemens, siemens_frames
from Testing.support.dicom.datasets import add_private, uid
from Testing.support.dicom.grid import OBLIQUE


def edit_all(folder, change, numbers=None):
    """Change the dataset of every file, or of those with these instance numbers."""
    for path in folders.files_of(folder):
        faults.edit(path, lambda ds: change(ds) if numbers is None or ds.InstanceNumber in numbers else None)


def check_read(truth):
    found = read_dicom_diffusion(truth.folder)
    order = np.argsort(found.series.bvalues, kind="stable")
    assert found.series.bvalues[order].tolist() == truth.bvalues.tolist()
    np.testing.assert_allclose(found.series.signal[..., order], truth.signal, rtol=1e-6)
    return found


def move(ds, tag, creator, vr):
    """Move a private element from block 10 to block 11, and let another program own block 10."""
    value = ds[tag].value
    group, element = tag >> 16, tag & 0xFF
    ds.add_new((group, 0x0010), "LO", "ANOTHER PROGRAM")
    ds.add_new(tag, "IS", 777)
    add_private(ds, creator, group << 16 | 0x1100 | element, vr, value)


def test_a_private_block_belongs_to_its_creator(tmp_path):
    truth = ge.ge_diffusion(tmp_path / "ge")
    edit_all(truth.folder, lambda ds: move(ds, 0x00431039, "GEMS_PARM_01", "IS"))
    check_read(truth)

    truth = siemens.siemens_private(tmp_path / "siemens")
    edit_all(truth.folder, lambda ds: move(ds, 0x0019100C, "SIEMENS MR HEADER", "IS"))
    check_read(truth)


def test_an_element_of_another_program_is_no_b_value(tmp_path):
    truth = siemens.siemens_sequence_name(tmp_path)
    edit_all(tmp_path, lambda ds: add_private(ds, "ANOTHER PROGRAM", 0x0019100C, "IS", 777))

    check_read(truth)


def strip_ge(ds):
    text = "\\".join(str(number) for number in ds[0x0043, 0x1039].value)
    del ds[0x0043, 0x0010]
    ds.add_new(0x00431039, "UN", (text + " " * (len(text) % 2)).encode())


def strip_siemens(ds):
    text = str(ds[0x0019, 0x100C].value)
    del ds[0x0019, 0x0010]
    ds.add_new(0x0019100C, "UN", (text + " " * (len(text) % 2)).encode())
    if (0x0019, 0x100E) in ds:
        ds.add_new(0x0019100E, "UN", struct.pack("<3d", *ds[0x0019, 0x100E].value))


def test_bytes_without_creator_are_read(tmp_path):
    one = ge.ge_diffusion(tmp_path / "ge")
    edit_all(one.folder, strip_ge)
    check_read(one)

    two = siemens.siemens_private(tmp_path / "siemens")
    edit_all(two.folder, strip_siemens)
    found = check_read(two)
    np.testing.assert_allclose(found.series.directions, two.directions, atol=1e-6)


def test_a_lost_manufacturer_leaves_the_creators_to_tell(tmp_path):
    truth = ge.ge_diffusion(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "Manufacturer", ""))

    check_read(truth)


def test_a_classic_export_of_xa_tells_b_in_its_own_sequence_name(tmp_path):
    truth = siemens.siemens_sequence_name(tmp_path)

    def rename(ds):
        name = ds.SequenceName.removeprefix("*")
        del ds.SequenceName
        add_private(ds, "SIEMENS MR SDI 02", 0x00211177, "LO", name)

    edit_all(tmp_path, rename)

    check_read(truth)


@pytest.mark.parametrize("b", [float("nan"), -50.0, 1e9 + 50, float("inf")])
def test_a_b_value_that_cannot_be_is_refused(b, tmp_path):
    truth = philips.philips_dummy_b(tmp_path)

    def damage(ds):
        ds.DiffusionBValue = b
        del ds[0x2001, 0x1003]

    edit_all(tmp_path, damage, numbers=range(17, 21))

    with pytest.raises(ValueError, match=r"b-value|0018,9087"):
        read_dicom_diffusion(truth.folder)


def test_slopes_that_differ_without_a_scale_slope_are_noted(tmp_path):
    truth = philips.philips_unknown_bytes(tmp_path)

    def lose(ds):
        del ds[0x2005, 0x100E]

    edit_all(tmp_path, lose)

    found = read_dicom_diffusion(truth.folder)

    displayed = truth.signal * philips.SCALE_SLOPES * philips.RESCALE_SLOPES
    np.testing.assert_allclose(found.series.signal, displayed, rtol=1e-6)
    assert any("2005,100E" in note for note in found.notes)


def test_a_mosaic_without_number_of_slices_is_refused_not_read_as_one_slice(tmp_path):
    siemens_frames.siemens_mosaic(tmp_path)

    def lose(ds):
        del ds[0x0029, 0x1010]
        del ds[0x0019, 0x100A]

    edit_all(tmp_path, lose)

    with pytest.raises(ValueError, match=r"(?i)mosaic"):
        read_dicom_diffusion(tmp_path)


def test_a_mosaic_tells_its_slices_in_either_place(tmp_path):
    truth = siemens_frames.siemens_mosaic(tmp_path / "a", reverse=True)

    def lose(ds):
        del ds[0x0019, 0x100A]

    edit_all(truth.folder, lose)

    np.testing.assert_array_equal(read_dicom_diffusion(truth.folder).series.signal, truth.signal)


def test_a_moved_table_is_refused(tmp_path):
    truth = siemens.siemens_private(tmp_path)

    def move_in_plane(ds):
        moved = np.array(ds.ImagePositionPatient, dtype=float) + 3.0 * np.array(OBLIQUE.row)
        ds.ImagePositionPatient = [f"{value:.10f}" for value in moved]

    edit_all(tmp_path, move_in_plane, numbers=range(9, 13))

    with pytest.raises(ValueError, match=r"(?i)position|moved|shift"):
        read_dicom_diffusion(truth.folder)


def test_a_localiser_under_the_same_series_uid_is_refused(tmp_path):
    truth = siemens.siemens_private(tmp_path)
    other = folders.anatomical(tmp_path / "other")

    def join(ds):
        ds.SeriesInstanceUID = truth.uids[0]
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]

    edit_all(other.folder, join)

    with pytest.raises(ValueError, match=r"(?i)orientation"):
        read_dicom_diffusion(tmp_path)


def test_two_series_read_as_one_when_asked(tmp_path):
    one = siemens.siemens_csa(tmp_path / "a")
    two = siemens.siemens_csa(tmp_path / "b", repeats=2)

    found = read_dicom_diffusion(tmp_path, series=[one.uids[0], two.uids[0]])

    assert found.series.bvalues.size == 12
    assert sorted(found.series.bvalues.tolist()) == sorted([*one.bvalues, *two.bvalues])


def test_phase_images_between_the_magnitudes_are_set_apart(tmp_path):
    truth = siemens.siemens_private(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "ImageType", ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "M", "ND"]))
    for path in folders.files_of(tmp_path):
        copy = faults.double(path)

        def to_phase(ds):
            ds.SOPInstanceUID = uid(ds.SOPInstanceUID, "phase")
            ds.InstanceNumber += 16
            ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "P", "ND"]

        faults.edit(copy, to_phase)

    found = check_read(truth)
    assert any("phase" in note for note in found.notes)


def test_trace_images_count_where_only_b_0_is_original(tmp_path):
    truth = siemens.siemens_sequence_name(tmp_path)

    def original(ds):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "NORM"]

    edit_all(tmp_path, original, numbers=range(1, 5))

    check_read(truth)


def test_a_trace_appended_to_classic_directions_is_set_apart(tmp_path):
    truth = philips.philips_dummy_b(tmp_path)

    def trace(ds):
        ds.DiffusionGradientOrientation = [0.0, 0.0, 0.0]
        ds.add_new(0x20011004, "CS", "I")

    edit_all(tmp_path, trace, numbers=range(21, 25))

    found = read_dicom_diffusion(tmp_path)

    assert found.series.bvalues.tolist() == [0, 0, 0, 0, 1000]
    factor = found.series.signal.sum(dtype=float) / truth.signal[..., :5].sum()
    np.testing.assert_allclose(found.series.signal, truth.signal[..., :5] * factor, rtol=1e-6)
    assert any("trace" in note for note in found.notes)


def test_one_slice_is_a_volume(tmp_path):
    truth = ge.ge_diffusion(tmp_path, grid=replace(OBLIQUE, shape=(1, 12, 10)))

    found = check_read(truth)

    np.testing.assert_allclose(found.series.affine, truth.affine, atol=1e-4)


def test_positions_count_and_not_the_distance_that_the_header_says(tmp_path):
    truth = siemens.siemens_private(tmp_path)
    edit_all(tmp_path, lambda ds: setattr(ds, "SpacingBetweenSlices", "4.0"))

    found = read_dicom_diffusion(tmp_path)

    np.testing.assert_allclose(found.series.affine, truth.affine, atol=1e-4)
    assert any("4.0" in note or " 4 mm" in note for note in found.notes)


def test_frames_of_b_0_without_any_diffusion_group(tmp_path):
    truth = canon.canon_enhanced(tmp_path)
    path = folders.files_of(tmp_path)[0]

    def lose(ds):
        for groups in ds.PerFrameFunctionalGroupsSequence[:4]:
            del groups.MRDiffusionSequence

    faults.edit(path, lose)

    check_read(truth)


def test_repeats_keep_their_slices_together_in_any_order_of_instances(tmp_path):
    truth = siemens.siemens_csa(tmp_path, repeats=2)

    def slice_first(ds):
        m, k = divmod(ds.InstanceNumber - 1, 4)
        ds.InstanceNumber = k * 8 + m + 1

    edit_all(tmp_path, slice_first)

    found = read_dicom_diffusion(tmp_path)

    for b in siemens.BVALUES:
        expected = truth.signal[..., truth.bvalues == b]
        np.testing.assert_array_equal(found.series.signal[..., found.series.bvalues == b], expected)
