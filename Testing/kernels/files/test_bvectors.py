"""Directions beside a NIfTI file: known cases of FSL's convention, and the way back on an oblique grid."""

import numpy as np
import pytest

from mrbiomarkers.files.bvectors import write_bvectors
from mrbiomarkers.series import DiffusionSeries
from Testing.support.dicom.grid import OBLIQUE

RAS = np.array([[np.nan] * 3, [1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.48, -0.6, 0.64]])


def written(tmp_path, affine, directions=RAS):
    signal = np.ones((2, 3, 4, len(RAS)), np.float32)
    write_bvectors(tmp_path / "x.bvec", DiffusionSeries(signal, [0, 500, 500, 500], affine, directions=directions))
    return np.loadtxt(tmp_path / "x.bvec")


def test_voxel_axes_of_either_hand(tmp_path):
    # Axes to the left, to the front and up are left-handed: as they are. To the right: the first sign is turned.
    expected = np.array([[0, 0, 0], [-1, 0, 0], [0, 0.6, 0.8], [-0.48, -0.6, 0.64]]).T
    np.testing.assert_allclose(written(tmp_path, np.diag([-2.0, 2.0, 5.0, 1.0])), expected)
    np.testing.assert_allclose(written(tmp_path, np.diag([2.0, 2.0, 5.0, 1.0])), expected)


def test_oblique_grid_and_back(tmp_path):
    affine = OBLIQUE.affine
    vectors = written(tmp_path, affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    assert len(set(spacing.round(3))) > 1
    turned = vectors * np.array([[-1.0 if np.linalg.det(affine[:3, :3]) > 0 else 1.0], [1.0], [1.0]])
    np.testing.assert_allclose((affine[:3, :3] / spacing @ turned).T, np.nan_to_num(RAS), atol=1e-7)
    assert "-0 " not in (tmp_path / "x.bvec").read_text()


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="expected one with directions"):
        written(tmp_path, np.eye(4), directions=None)
    assert list(tmp_path.iterdir()) == []
    series = DiffusionSeries(np.ones((1, 1, 1, 4), np.float32), [0, 500, 500, 500], np.eye(4), directions=RAS)
    with pytest.raises(ValueError, match="a file of directions"):
        write_bvectors(tmp_path / "x.txt", series)
