import gzip

import nibabel
import numpy as np
import pytest

from mrbiomarkers.files import read_mask, read_series, read_volume, write_map
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import BVALUES, SHAPE, oblique_affine, one_line, write_nifti

RNG = np.random.default_rng(22)
NOISE = RNG.integers(0, 1000, (*SHAPE, len(BVALUES))).astype(np.int16)
NAMES = ("a.nii", "a.nii.gz")


def with_gaps(dtype):
    values = RNG.random((*SHAPE, len(BVALUES))).astype(dtype)
    values[0, 1, 2, 0] = values[2, 3, 4, 5] = np.nan
    values[1, 0, 4, 3], values[1, 0, 0, 3] = np.inf, -np.inf
    return values


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_nan_and_infinity_are_read(tmp_path, name, dtype):
    values = with_gaps(dtype)
    header = nibabel.Nifti1Header(endianness=dtype[0])
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0, 3), oblique_affine(), header), tmp_path / name)

    np.testing.assert_array_equal(read_series(tmp_path / name, bvalues=BVALUES).signal, values.astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_a_voxel_that_was_not_fitted_is_not_zero_after_reading(tmp_path, name):
    values = RNG.random(SHAPE)
    values[1, 2, 3] = np.nan
    write_map(tmp_path / name, ParameterMap(values, quantity("f"), "1", oblique_affine()))

    np.testing.assert_array_equal(read_volume(tmp_path / name).values, values.astype(np.float32))
    assert not read_mask(tmp_path / name).values[1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [NOISE, NOISE.astype(np.float32)])
@pytest.mark.parametrize("missing", [1, 30, 200])
def test_missing_bytes_are_noticed(tmp_path, name, values, missing):
    path = write_nifti(tmp_path / name, values)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ValueError, match="truncated") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_truncated_before_compression_is_noticed(tmp_path):
    plain = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:-100]))
    with pytest.raises(ValueError, match="truncated, 100 of 720 bytes of voxels are missing") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


@pytest.mark.parametrize("position", [-40, -6])  # in the data, and in the checksum
def test_a_changed_bit_in_a_compressed_file_is_noticed(tmp_path, position):
    # Large enough for ITK to read the header before it meets the damage.
    path = write_nifti(tmp_path / "a.nii.gz", RNG.integers(0, 1000, (20, 40, 40, len(BVALUES))).astype(np.int16))
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(ValueError, match="truncated or damaged") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_gzip_of_several_parts_is_complete(tmp_path):
    # As bgzip and other parallel packers write it.
    plain = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]))

    np.testing.assert_array_equal(read_series(path, bvalues=BVALUES).signal, NOISE)


def test_bytes_after_the_voxels_do_no_harm(tmp_path):
    path = write_nifti(tmp_path / "a.nii", with_gaps("<f4"))
    expected = read_series(path, bvalues=BVALUES).signal
    path.write_bytes(path.read_bytes() + b"more")

    np.testing.assert_array_equal(read_series(path, bvalues=BVALUES).signal, expected)
