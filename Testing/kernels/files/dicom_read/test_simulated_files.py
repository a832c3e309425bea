"""The simulated series themselves, looked at with pydicom and nibabel alone: elements, positions, pixels, damage."""

import struct
import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from Testing.support.dicom import canon, faults, folders, ge, philips, philips_frames, siemens, siemens_frames, uih
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.grid import OBLIQUE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel says at import that its DICOM part is experimental
    from nibabel.nicom import csareader, dicomwrappers

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def named_b(ds):
    """b from a Siemens sequence name: ``*ep_b800t``."""
    return float(ds.SequenceName.removeprefix("*ep_b").removesuffix("t"))


def csa_b(ds):
    return csareader.read(ds[0x0029, 0x1010].value)["tags"]["B_value"]["items"][0]


SINGLE = {
    "ge": (ge.ge_diffusion, lambda ds: ds[0x0043, 0x1039].value[0] - 1e9),
    "ge plain": (ge.ge_diffusion_plain, lambda ds: ds[0x0043, 0x1039].value[0]),
    "siemens private": (siemens.siemens_private, lambda ds: ds[0x0019, 0x100C].value),
    "siemens csa": (siemens.siemens_csa, csa_b),
    "siemens name": (siemens.siemens_sequence_name, named_b),
    "philips": (philips.philips_diffusion, lambda ds: ds[0x2001, 0x1003].value),
    "philips bytes": (philips.philips_unknown_bytes, lambda ds: struct.unpack("<f", ds[0x2001, 0x1003].value)[0]),
    "canon": (canon.canon_untagged, lambda ds: ds.get("DiffusionBValue", 0)),
}


def place_of(pixels):
    """(measurement x slices + slice) of an image, from its first number."""
    first = int(pixels[0, 0]) - 1
    assert first % pixels.size == 0
    return first // pixels.size


def check_position(position, affine, k):
    expected = affine @ [0, 0, k, 1]
    np.testing.assert_allclose(LPS[:3, :3] @ np.array(position, dtype=float), expected[:3], atol=1e-9)


@pytest.mark.parametrize("name", SINGLE)
def test_every_image_stands_where_its_numbers_say(name, tmp_path):
    write, read_b = SINGLE[name]
    truth = write(tmp_path)
    seen = set()
    for path in folders.files_of(tmp_path):
        ds = pydicom.dcmread(path)
        m, k = divmod(place_of(ds.pixel_array), 4)
        seen.add((m, k))
        check_position(ds.ImagePositionPatient, truth.affine, k)
        assert read_b(ds) == truth.bvalues[m]
        assert (str(ds.PatientName), ds.PatientID) == (PATIENT["PatientName"], PATIENT["PatientID"])
        assert ds.SeriesInstanceUID in truth.uids

    assert seen == {(m, k) for m in range(truth.bvalues.size) for k in range(4)}


def test_axes_follow_row_and_column_spacing(tmp_path):
    truth = siemens.siemens_private(tmp_path)
    ds = pydicom.dcmread(folders.files_of(tmp_path)[0])
    orientation = np.array(ds.ImageOrientationPatient, dtype=float)
    between_rows, between_columns = map(float, ds.PixelSpacing)

    along_i, along_j = (LPS[:3, :3] @ truth.affine[:3, axis] for axis in (0, 1))
    np.testing.assert_allclose(along_i, orientation[:3] * between_columns, atol=1e-9)
    np.testing.assert_allclose(along_j, orientation[3:] * between_rows, atol=1e-9)
    assert np.linalg.norm(truth.affine[:3, 2]) == pytest.approx(4.4)
    assert between_rows != between_columns
    assert np.sum(np.abs(truth.affine[:3, :3]) > 1e-3) > 6  # oblique about two axes


def test_philips_numbers_are_what_the_three_scales_make(tmp_path):
    truth = philips.philips_diffusion(tmp_path)
    for path in folders.files_of(tmp_path):
        ds = pydicom.dcmread(path)
        m, k = divmod(place_of(ds.pixel_array), 4)
        displayed = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        floating = displayed / (float(ds.RescaleSlope) * ds[0x2005, 0x100E].value)
        np.testing.assert_allclose(truth.signal[k, :, :, m], floating, rtol=1e-12)


def test_stripped_philips_elements_are_bytes_without_creator(tmp_path):
    philips.philips_unknown_bytes(tmp_path)
    ds = pydicom.dcmread(folders.files_of(tmp_path)[0])

    assert ds[0x2001, 0x1003].VR == "UN"
    assert (0x2001, 0x0010) not in ds
    assert "DiffusionBValue" not in ds


@pytest.mark.parametrize("reverse", [False, True])
def test_nibabel_reads_the_mosaic_at_the_same_place(reverse, tmp_path):
    truth = siemens_frames.siemens_mosaic(tmp_path, reverse=reverse)
    image = dicomwrappers.wrapper_from_file(str(tmp_path / "MOSAIC1.dcm"))
    data = image.get_unscaled_data().transpose(2, 0, 1)
    affine = LPS @ image.affine[:, [1, 0, 2, 3]]  # nibabel counts rows first
    if reverse:
        affine[:3, 3] += 6 * affine[:3, 2]
        affine[:3, 2] *= -1
        data = data[::-1]

    np.testing.assert_array_equal(data, truth.signal[..., 1])
    np.testing.assert_allclose(affine, truth.affine, atol=1e-6)
    assert image.csa_header["tags"]["B_value"]["items"] == [50]


def test_uih_tiles_stand_where_their_sequence_says(tmp_path):
    truth = uih.uih_mosaic(tmp_path)
    ds = pydicom.dcmread(tmp_path / "VFRAME2.dcm")
    assert ds[0x0065, 0x1009].value == 929.75
    assert ds[0x0065, 0x100A].value == 1000.0
    for k, tile in enumerate(ds[0x0065, 0x1051].value):
        row, column = divmod(k, 3)
        pixels = ds.pixel_array[row * 12 : (row + 1) * 12, column * 10 : (column + 1) * 10]
        np.testing.assert_array_equal(pixels, truth.signal[k, :, :, 2])
        check_position(tile.ImagePositionPatient, truth.affine, k)


def test_nibabel_reads_the_enhanced_image_at_the_same_place(tmp_path):
    truth = siemens_frames.siemens_xa(tmp_path, trace=False)
    image = dicomwrappers.wrapper_from_file(str(tmp_path / "EIM0002.dcm"))
    affine = LPS @ image.affine[:, [1, 0, 2, 3]]

    # nibabel stacks against row x column.
    np.testing.assert_array_equal(image.get_data().transpose(2, 0, 1)[::-1], truth.signal[..., 1])
    np.testing.assert_allclose(affine[:3, 3] + 3 * affine[:3, 2], truth.affine[:3, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("write", "n", "left_out"),
    [
        (philips_frames.philips_enhanced, 6, 8),
        (canon.canon_enhanced, 3, 0),
        (philips_frames.philips_fat_fraction, 1, 0),
    ],
)
def test_every_frame_stands_where_its_numbers_say(write, n, left_out, tmp_path):
    truth = write(tmp_path)
    ds = pydicom.dcmread(folders.files_of(tmp_path)[0])
    assert ds.NumberOfFrames == 4 * n == len(ds.PerFrameFunctionalGroupsSequence)
    isotropic = 0
    for pixels, groups in zip(ds.pixel_array, ds.PerFrameFunctionalGroupsSequence, strict=True):
        m, k = divmod(place_of(pixels), 4)
        check_position(groups.PlanePositionSequence[0].ImagePositionPatient, truth.affine, k)
        diffusion = groups.get("MRDiffusionSequence")
        if diffusion and m < truth.bvalues.size:
            assert diffusion[0].get("DiffusionBValue", 0) == truth.bvalues[m]
        isotropic += m >= truth.signal.shape[-1]

    assert isotropic == left_out == truth.left_out


def test_phase_and_complex_parts_make_the_signal(tmp_path):
    truth = siemens.siemens_echoes(tmp_path / "siemens")
    parts = {}
    for path in folders.files_of(tmp_path / "siemens"):
        ds = pydicom.dcmread(path)
        k, echo = (ds.InstanceNumber - 1) % 4, ds.EchoNumbers - 1
        parts[ds.ImageType[2], k, echo] = ds.pixel_array
        assert float(ds.EchoTime) / 1e3 == pytest.approx(truth.echo_times[echo])
    for k in range(4):
        wave = parts["M", k, 1] * np.exp(1j * (parts["P", k, 1] * 2.0 - 4096) * np.pi / 4096)
        np.testing.assert_allclose(truth.signal[k, ..., 1], wave, atol=1e-9)

    raw = ge.ge_real_imaginary(tmp_path / "ge")
    kinds = {}
    for path in folders.files_of(tmp_path / "ge"):
        ds = pydicom.dcmread(path)
        if ds.EchoNumbers == 2 and ds.InstanceNumber % 4 == 1:
            kinds[ds[0x0043, 0x102F].value] = ds.pixel_array.astype(float)
    np.testing.assert_array_equal(raw.signal[0, ..., 1], kinds[2] + 1j * kinds[3])
    assert kinds[2].min() < 0


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless])
def test_other_transfer_syntaxes_hold_the_same(syntax, tmp_path):
    # At 12 x 10 the compressed pixels happen to be as long as the others, which pydicom warns of.
    truth = ge.ge_diffusion(tmp_path, grid=replace(OBLIQUE, shape=(4, 14, 11)))
    folders.reencode(tmp_path, syntax)
    for path in folders.files_of(tmp_path):
        ds = pydicom.dcmread(path)
        m, k = divmod(place_of(ds.pixel_array), 4)
        assert ds.file_meta.TransferSyntaxUID == syntax
        np.testing.assert_array_equal(ds.pixel_array, truth.signal[k, :, :, m])


def test_damage_is_what_it_says(tmp_path):
    siemens.siemens_private(tmp_path / "one")
    first, second, third, fourth = folders.files_of(tmp_path / "one")[:4]
    before = pydicom.dcmread(first)
    faults.shift_slice(first, 1.3)
    moved = np.subtract(pydicom.dcmread(first).ImagePositionPatient, before.ImagePositionPatient)
    assert np.linalg.norm(moved.astype(float)) == pytest.approx(1.3)
    assert pydicom.dcmread(faults.crop(second)).pixel_array.shape == (10, 10)
    faults.truncate(third, 0.98)
    with pytest.raises(ValueError, match="less than"):
        _ = pydicom.dcmread(third).pixel_array
    copy = faults.double(fourth)
    assert pydicom.dcmread(copy).SOPInstanceUID == pydicom.dcmread(fourth).SOPInstanceUID


def test_scattered_files_lose_their_names_and_nothing_else(tmp_path):
    one, two = ge.ge_diffusion(tmp_path / "a"), canon.canon_untagged(tmp_path / "b")
    foreign = folders.add_foreign_files(tmp_path / "a")
    folders.scatter(tmp_path / "all", one.folder, two.folder)
    paths = folders.files_of(tmp_path / "all")

    assert len(paths) == 16 + 12 + len(foreign)
    assert {path.suffix for path in paths} == {""}
    assert folders.files_of(tmp_path / "a") == []
