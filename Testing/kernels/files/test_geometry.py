import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.files import (
    affine_of,
    read_series,
    read_volume,
    set_geometry,
    write_map,
    write_volume,
)
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import (
    BVALUES,
    SHAPE,
    encode,
    oblique_affine,
    position_series,
    position_volume,
    positions,
    pynrrd_write,
    write_nifti,
    write_nrrd,
)

# NIfTI keeps its geometry in float32 (1e-7 of about 100 mm); NRRD keeps 17 digits.
NIFTI_MM, NRRD_MM = 2e-5, 1e-9
SPACES = ("right-anterior-superior", "left-posterior-superior")


def check_positions(values, affine, tolerance_mm):
    """Every voxel's value, made from its position before writing, still fits its position after reading."""
    weights_sum = 310.0
    np.testing.assert_allclose(affine, oblique_affine(), atol=tolerance_mm)
    # float32 signal of about 5e5 has steps of 0.03.
    np.testing.assert_allclose(values, encode(positions(SHAPE, affine)), atol=0.04 + weights_sum * tolerance_mm)


def test_every_voxel_has_its_own_code_and_no_flip_keeps_it():
    volume = position_volume()
    assert np.unique(volume).size == volume.size
    for axis in range(3):
        assert not np.allclose(np.flip(volume, axis), volume, atol=1.0)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<i4", ">f8"])
def test_nifti_series_keeps_positions(tmp_path, suffix, dtype):
    path = write_nifti(tmp_path / f"dwi{suffix}", np.round(position_series()).astype(dtype))

    series = read_series(path, bvalues=BVALUES)

    for index in range(len(BVALUES)):
        values = series.signal[..., index] - 1e5 * index
        # 0.5 for the rounding to whole numbers
        np.testing.assert_allclose(values, encode(positions(SHAPE, series.affine)), atol=0.56)
        np.testing.assert_allclose(series.affine, oblique_affine(), atol=NIFTI_MM)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("list_axis", ["first", "last"])
@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_nrrd_series_keeps_positions(tmp_path, space, list_axis, endian, encoding):
    data = position_series().astype("<f4" if endian == "little" else ">f4")
    path = write_nrrd(tmp_path / "dwi.nrrd", data, space=space, list_axis=list_axis, endian=endian, encoding=encoding)

    series = read_series(path, bvalues=BVALUES)

    for index in range(len(BVALUES)):
        check_positions(series.signal[..., index] - 1e5 * index, series.affine, NRRD_MM)


def test_volumes_keep_positions(tmp_path):
    volume = position_volume()
    check_positions(*_read(write_nifti(tmp_path / "a.nii.gz", volume)), NIFTI_MM)
    for space in SPACES:
        check_positions(*_read(write_nrrd(tmp_path / "a.nrrd", volume, space=space)), NRRD_MM)


def _read(path):
    volume = read_volume(path)
    return volume.values, volume.affine


@pytest.mark.parametrize("space", ["right-anterior-superior-time", "left-posterior-superior-time"])
def test_nrrd_spaces_with_time_keep_positions(tmp_path, space):
    # ITK turns these spaces into LPS only when they have no time axis.
    signs = np.array([1, 1, 1] if space.startswith("right") else [-1, -1, 1])
    affine = oblique_affine()
    directions = np.eye(4)
    directions[:3, :3] = (signs[:, None] * affine[:3, :3]).T
    header = {
        "space": space,
        "kinds": ["domain"] * 4,
        "space directions": directions,
        "space origin": np.append(signs * affine[:3, 3], 0.0),
    }
    path = tmp_path / "dwi.nrrd"
    pynrrd_write(path, position_series().transpose(2, 1, 0, 3), header)

    series = read_series(path, bvalues=BVALUES)

    check_positions(series.signal[..., 2] - 2e5, series.affine, NRRD_MM)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_written_nifti_keeps_positions(tmp_path, suffix):
    path = tmp_path / f"S0{suffix}"
    write_map(path, ParameterMap(position_volume(), quantity("S0"), "a.u.", oblique_affine()))

    image = nibabel.load(path)

    check_positions(np.asarray(image.dataobj).T, image.affine, NIFTI_MM)
    np.testing.assert_allclose(image.get_qform(), oblique_affine(), atol=1e-4)  # float32 quaternions
    assert image.header.get_xyzt_units()[0] == "mm"


def test_written_nrrd_keeps_positions(tmp_path):
    path = tmp_path / "S0.nrrd"
    write_map(path, ParameterMap(position_volume(), quantity("S0"), "a.u.", oblique_affine()))

    data, header = nrrd.read(str(path), index_order="F")

    assert header["space"] == "left-posterior-superior"
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"]).T
    affine[:3, 3] = header["space origin"]
    check_positions(data.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, NRRD_MM)


def test_from_file_to_map_to_other_format_and_back(tmp_path):
    series = read_series(write_nrrd(tmp_path / "dwi.nrrd", position_series()), bvalues=BVALUES)
    write_map(tmp_path / "S0.nii", ParameterMap(series.signal[..., 0], quantity("S0"), "a.u.", series.affine))

    volume = read_volume(tmp_path / "S0.nii")

    check_positions(volume.values, volume.affine, NIFTI_MM)
    write_volume(tmp_path / "again.nrrd", volume)
    check_positions(*_read(tmp_path / "again.nrrd"), NIFTI_MM)


def test_affine_round_trip_through_an_image():
    image = sitk.Image([5, 4, 3], sitk.sitkFloat32)
    set_geometry(image, oblique_affine())

    np.testing.assert_allclose(affine_of(image), oblique_affine(), atol=1e-12)
    index = (4, 1, 2)
    lps = np.array(image.TransformIndexToPhysicalPoint(index))
    np.testing.assert_allclose(lps * (-1, -1, 1), (oblique_affine() @ (*index, 1))[:3], atol=1e-9)


def test_left_handed_grids_are_kept():
    affine = oblique_affine()
    affine[:, 2] *= -1
    image = sitk.Image([5, 4, 3], sitk.sitkFloat32)
    set_geometry(image, affine)

    np.testing.assert_allclose(affine_of(image), affine, atol=1e-12)


def test_sheared_affine_is_refused(tmp_path):
    sheared = oblique_affine()
    sheared[:3, 1] += 0.1 * sheared[:3, 0]

    with pytest.raises(ValueError, match=r"expected perpendicular axes, got a sheared matrix"):
        set_geometry(sitk.Image([5, 4, 3], sitk.sitkFloat32), sheared)
    for write, name in ((write_nrrd, "a.nrrd"), (write_nifti, "a.nii")):
        path = write(tmp_path / name, position_volume(), affine=sheared)
        if name == "a.nii":
            image = nibabel.load(path)
            image.set_qform(sheared, 0, strip_shears=True)
            nibabel.save(image, path)
        with pytest.raises(ValueError, match=rf"{name}: (affine: expected perpendicular|.*orthonormal)") as caught:
            read_volume(path)
        assert "\n" not in str(caught.value)


def test_rounding_of_direction_cosines_is_no_shear():
    affine = np.round(oblique_affine((1.0, 1.0, 1.0)), 5)  # as many DICOM headers give them
    set_geometry(sitk.Image([5, 4, 3], sitk.sitkFloat32), affine)


def test_direction_that_mixes_the_fourth_axis_is_refused():
    image = sitk.Image([5, 4, 3, 2], sitk.sitkFloat32)
    assert affine_of(image).shape == (4, 4)
    c, s = np.cos(0.1), np.sin(0.1)
    image.SetDirection([c, 0, 0, -s, 0, 1, 0, 0, 0, 0, 1, 0, s, 0, 0, c])

    with pytest.raises(ValueError, match="fourth axis apart from the others"):
        affine_of(image)


def test_two_dimensional_image_is_refused():
    with pytest.raises(ValueError, match="expected 3 or 4 dimensions, got 2"):
        affine_of(sitk.Image([5, 4], sitk.sitkFloat32))
