import numpy as np
import pytest

from mrbiomarkers.files import Volume, read_series, read_volume, write_map, write_volume
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import (
    BVALUES,
    SHAPE,
    oblique_affine,
    one_line,
    position_series,
    position_volume,
    write_nifti,
    write_nrrd,
)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.nhdr"])
def test_a_single_frame_is_a_volume(tmp_path, name):
    write = write_nifti if ".nii" in name else write_nrrd
    path = write(tmp_path / name, position_volume()[..., None])

    volume = read_volume(path)

    np.testing.assert_array_equal(volume.values, position_volume())
    assert volume.name == str(path)


@pytest.mark.parametrize("write", [write_nifti, write_nrrd])
def test_a_series_is_no_volume(tmp_path, write):
    path = write(tmp_path / ("a.nii" if write is write_nifti else "a.nrrd"), position_series())
    with pytest.raises(ValueError, match=r"expected a 3-D image, got 6 images of shape \(3, 4, 5\)") as caught:
        read_volume(path)
    one_line(caught.value, path)


def test_volume_is_checked():
    with pytest.raises(ValueError, match="values: expected 3 dimensions, got 2"):
        Volume(np.zeros((3, 4)), np.eye(4))
    with pytest.raises(ValueError, match="affine: expected shape"):
        Volume(np.zeros((3, 4, 5)), np.eye(3))


@pytest.mark.parametrize("name", ["a.nhdr", "a.mha", "a.csv", "a"])
def test_formats_that_are_not_written(tmp_path, name):
    path = tmp_path / name
    parameter_map = ParameterMap(np.ones(SHAPE), quantity("D"), "mm2/s", oblique_affine())
    for write, thing in ((write_map, parameter_map), (write_volume, Volume(np.ones(SHAPE), oblique_affine()))):
        with pytest.raises(ValueError, match=r"expected .* \(\.nii, \.nii\.gz, \.nrrd\), got") as caught:
            write(path, thing)
        one_line(caught.value, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mha", "a.seg.nrrd", "a.txt"])
def test_formats_that_hold_no_series(tmp_path, name):
    path = tmp_path / name
    path.write_text("x")
    with pytest.raises(ValueError, match=r"expected a diffusion series \(\.nii, ") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_inputs_are_not_changed(tmp_path):
    path = write_nrrd(tmp_path / "a.nrrd", position_series())
    before = path.read_bytes()
    series = read_series(path, bvalues=BVALUES)
    series.signal[:] = 0
    assert path.read_bytes() == before

    values = position_volume().astype(np.float32)
    kept = values.copy()
    write_map(tmp_path / "D.nii", ParameterMap(values, quantity("D"), "mm2/s", oblique_affine()))
    np.testing.assert_array_equal(values, kept)


def test_names_with_spaces_and_accents(tmp_path):
    path = tmp_path / "Größe 1 é.nii.gz"
    write_volume(path, Volume(position_volume(), oblique_affine()))
    np.testing.assert_array_equal(read_volume(path).values, position_volume())
