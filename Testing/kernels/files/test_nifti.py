import nibabel
import numpy as np
import pytest

from mrbiomarkers.files import Volume, read_series, read_volume, write_map, write_nifti_series, write_volume
from mrbiomarkers.maps import ParameterMap, Status
from mrbiomarkers.quantities import QUANTITIES, quantity
from mrbiomarkers.series import DiffusionSeries
from Testing.support.volumes import BVALUES, SHAPE, oblique_affine, one_line, position_series, write_nifti

RNG = np.random.default_rng(21)


def oblique_map(key="D", dtype=np.float64):
    values = RNG.uniform(2e-4, 2e-3, SHAPE).astype(dtype)
    values[0, 1, 2] = np.nan
    status = np.where(np.isnan(values), Status.OUTSIDE_MASK, Status.FITTED).astype(np.uint8)
    return ParameterMap(values, quantity(key), quantity(key).unit, oblique_affine(), status, {"model": "ivim"})


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u2", "u1", ">i4", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_number_types_and_byte_orders(tmp_path, dtype, suffix):
    values = RNG.integers(0, 250, (*SHAPE, len(BVALUES))).astype(dtype)
    header = nibabel.Nifti1Header(endianness=">" if dtype.startswith(">") else "<")
    path = tmp_path / f"dwi{suffix}"
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0, 3), oblique_affine(), header), path)
    assert nibabel.load(path).header.endianness == header.endianness

    series = read_series(path, bvalues=BVALUES)

    assert series.signal.dtype == np.float32
    assert series.signal.flags.c_contiguous
    np.testing.assert_array_equal(series.signal, values)
    np.testing.assert_array_equal(series.bvalues, BVALUES)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_slope_and_intercept_are_applied(tmp_path, dtype):
    path = write_nifti(tmp_path / "dwi.nii", RNG.integers(0, 200, (*SHAPE, len(BVALUES))).astype(dtype))
    image = nibabel.load(path)
    image.header.set_slope_inter(1.515, -3.25)
    stored = np.asarray(image.dataobj.get_unscaled())
    with path.open("r+b") as file:  # nibabel would scale the numbers; only the header is to change
        image.header.write_to(file)

    expected = (stored * 1.515 - 3.25).T
    np.testing.assert_allclose(np.asarray(nibabel.load(path).dataobj).T, expected, rtol=1e-6)
    series = read_series(path, bvalues=BVALUES)
    np.testing.assert_allclose(series.signal, np.moveaxis(expected, 0, -1), rtol=1e-6)


def test_single_slice(tmp_path):
    values = position_series()[:1].astype(np.float32)
    series = read_series(write_nifti(tmp_path / "dwi.nii.gz", values), bvalues=BVALUES)

    np.testing.assert_array_equal(series.signal, values)
    np.testing.assert_allclose(series.affine, oblique_affine(), atol=1e-4)


def test_nifti_2_is_refused(tmp_path):
    path = tmp_path / "dwi.nii"
    nibabel.save(nibabel.Nifti2Image(np.zeros((5, 4, 3, 6), np.float32), np.eye(4)), path)
    with pytest.raises(ValueError, match="cannot be read as an image") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_where_sform_and_qform_disagree_the_choice_is_that_of_slicer(tmp_path):
    path = tmp_path / "a.nii"
    moved = oblique_affine()
    moved[:3, 3] += 10.0
    for code, expected in ((1, oblique_affine()), (2, moved)):
        image = nibabel.Nifti1Image(np.zeros((5, 4, 3), np.float32), None)
        image.set_sform(oblique_affine(), code)
        image.set_qform(moved, 1)
        nibabel.save(image, path)
        np.testing.assert_allclose(read_volume(path).affine, expected, atol=1e-4)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_written_map(tmp_path, suffix, dtype):
    parameter_map = oblique_map(dtype=dtype)
    path = tmp_path / f"D{suffix}"

    write_map(path, parameter_map)

    image = nibabel.load(path)
    assert image.header.get_data_dtype() == np.float32
    assert image.header["descrip"].item().decode() == ("D [10^-3 mm2/s] Diffusion coefficient; MRBiomarkers")
    stored = np.asarray(image.dataobj).T
    np.testing.assert_allclose(stored, parameter_map.values * 1e3, rtol=1e-6)
    assert np.isnan(stored[0, 1, 2])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_written_series(tmp_path, suffix):
    values = position_series()
    bvalues = np.array([0, 50, 100.5, 400, 800, 1e-3])
    write_nifti_series(tmp_path / f"dwi{suffix}", DiffusionSeries(values, bvalues, oblique_affine()))

    image = nibabel.load(tmp_path / f"dwi{suffix}")
    np.testing.assert_array_equal(np.asarray(image.dataobj), values.transpose(2, 1, 0, 3))
    np.testing.assert_allclose(image.affine, oblique_affine(), atol=1e-5)
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "dwi.bval"), bvalues)
    back = read_series(tmp_path / f"dwi{suffix}")
    np.testing.assert_array_equal(back.bvalues, bvalues)
    np.testing.assert_array_equal(back.signal, values.astype(np.float32))
    assert {path.name for path in tmp_path.iterdir()} == {f"dwi{suffix}", "dwi.bval"}


def test_map_that_is_reported_already_is_not_scaled_again(tmp_path):
    values = np.ones(SHAPE, np.float32)
    for name, unit, expected in (("a.nii", "mm2/s", 1000.0), ("b.nii", "10^-3 mm2/s", 1.0)):
        write_map(tmp_path / name, ParameterMap(values, quantity("D"), unit, oblique_affine()))
        assert read_volume(tmp_path / name).values.max() == expected


def test_every_description_fits_the_header(tmp_path):
    for key, known in QUANTITIES.items():
        write_map(tmp_path / "a.nii", oblique_map(key))
        text = nibabel.load(tmp_path / "a.nii").header["descrip"].item().decode()
        assert text.startswith(f"{key} [{known.reported_unit}] {known.name}"[:79])


def test_status_is_written_as_uint16_and_masks_as_uint8(tmp_path):
    parameter_map = oblique_map()
    parameter_map.status[0, 0, 0] = Status.NOT_IDENTIFIABLE | Status.NOT_CONVERGED
    write_volume(tmp_path / "status.nii.gz", Volume(parameter_map.status, parameter_map.affine))
    write_volume(tmp_path / "mask.nii.gz", Volume(parameter_map.values > 1e-3, parameter_map.affine))

    masked = parameter_map.values > 1e-3
    for name, expected, kind in (("status", parameter_map.status, np.uint16), ("mask", masked, np.uint8)):
        image = nibabel.load(tmp_path / f"{name}.nii.gz")
        assert image.header.get_data_dtype() == kind
        np.testing.assert_array_equal(np.asarray(image.dataobj).T, expected)


def test_arrays_of_any_memory_order_are_written(tmp_path):
    values = np.asfortranarray(RNG.random(SHAPE)).astype(">f4")
    write_map(tmp_path / "S0.nii", ParameterMap(values, quantity("S0"), "a.u.", oblique_affine()))
    np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / "S0.nii").dataobj).T, values)


def test_sheared_map_is_refused_and_leaves_no_file(tmp_path):
    affine = oblique_affine()
    affine[:3, 0] += 0.2 * affine[:3, 1]
    with pytest.raises(ValueError, match="sheared"):
        write_map(tmp_path / "D.nii", ParameterMap(np.ones(SHAPE), quantity("D"), "mm2/s", affine))
    assert list(tmp_path.iterdir()) == []


def test_real_prostate_series(shared_data):
    folder = shared_data / "diffusion" / "prostate_3T"
    bvalues = [0, 25, 50, 75, 100, 150, 200, 500, 800, 1000, 1250, 1500, 2000]
    reference = nibabel.load(folder / "ivim13b.nii.gz")

    series = read_series(folder / "ivim13b.nii.gz", bvalues=bvalues)

    assert series.grid_shape == (5, 240, 240)
    np.testing.assert_array_equal(series.signal, np.asarray(reference.dataobj).transpose(2, 1, 0, 3))
    np.testing.assert_allclose(series.affine, reference.affine, atol=1e-4)
    with pytest.raises(ValueError, match="no b-values found") as caught:
        read_series(folder / "ivim13b.nii.gz")
    one_line(caught.value, folder / "ivim13b.nii.gz")


def test_real_cord_series(shared_data):
    folder = shared_data / "diffusion" / "cord_7T"
    reference = nibabel.load(folder / "dwi_rl.nii.gz")

    series = read_series(folder / "dwi_rl.nii.gz", bval_file=folder / "bval_rl.txt")

    assert series.bvalues.tolist() == [5, 10, 20, 30, 50, 75, 150, 250, 600, 700, 800]
    assert series.source == ("text file",) * 11
    np.testing.assert_array_equal(series.signal, np.asarray(reference.dataobj, np.float32).transpose(2, 1, 0, 3))
    np.testing.assert_allclose(series.affine, reference.affine, atol=1e-4)
