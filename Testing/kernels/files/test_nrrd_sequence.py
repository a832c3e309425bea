"""A sequence written and read again, by this package and by a library that is not its own."""

import nrrd
import numpy as np
import pytest

from mrbiomarkers.files import read_series
from mrbiomarkers.files.nrrd_sequence import write_nrrd_sequence
from mrbiomarkers.series import DiffusionSeries
from Testing.support.volumes import BVALUES, oblique_affine, position_series


def series(dtype=np.float64):
    return DiffusionSeries(position_series().astype(dtype), np.add(BVALUES, [0, 0.5, 0, 0, 0, 0]), oblique_affine())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_series_comes_back(tmp_path, dtype):
    path = tmp_path / "dwi.seq.nrrd"
    given = series(dtype)
    write_nrrd_sequence(path, given)
    found = read_series(path)
    np.testing.assert_array_equal(found.signal, given.signal.astype(np.float32))
    np.testing.assert_array_equal(found.bvalues, [0, 50.5, 100, 400, 800, 1000])
    np.testing.assert_allclose(found.affine, given.affine, atol=1e-12)
    assert found.source == ("axis 0 index values",) * len(BVALUES)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_header_is_that_of_slicers_sequences(tmp_path):
    # Field by field what the developer documentation of 3D Slicer asks for.
    path = tmp_path / "dwi.seq.nrrd"
    given = series()
    write_nrrd_sequence(path, given)
    voxels, header = nrrd.read(str(path), index_order="C")
    np.testing.assert_array_equal(voxels, given.signal)
    assert header["kinds"] == ["list", "domain", "domain", "domain"]
    assert header["labels"][0] == "b"
    assert header["units"][0] == "s/mm2"
    assert header["axis 0 index type"] == "numeric"
    assert header["axis 0 index values"] == "0 50.5 100 400 800 1000"
    assert header["DataNodeClassName"] == "vtkMRMLScalarVolumeNode"
    lps = np.diag([-1.0, -1.0, 1.0]) @ given.affine[:3]
    np.testing.assert_allclose(header["space directions"][1:], lps[:, :3].T, atol=1e-12)
    np.testing.assert_allclose(header["space origin"], lps[:, 3], atol=1e-12)


def test_another_suffix_and_a_sheared_grid_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a volume sequence \(\.seq\.nrrd\), got \.nrrd"):
        write_nrrd_sequence(tmp_path / "dwi.nrrd", series())
    affine = oblique_affine()
    affine[0, 1] += 1.0
    sheared = DiffusionSeries(position_series(), BVALUES, affine)
    with pytest.raises(ValueError, match="affine: expected perpendicular axes"):
        write_nrrd_sequence(tmp_path / "dwi.seq.nrrd", sheared)
    assert list(tmp_path.iterdir()) == []
