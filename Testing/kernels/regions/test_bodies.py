import numpy as np
import pytest

from mrbiomarkers.files import read_volume
from mrbiomarkers.regions.bodies import body_of_vertebra
from mrbiomarkers.regions.sagittal import sagittal_view

SPACING = (2.0, 1.0, 1.0)


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (a.sum() + b.sum())


def vertebra(tilt=0.0, shape=(41, 70, 110)):
    """A body of 40 x 26 x 34 mm with pedicles, laminae and spinous process, and the canal: to the right, up, ahead."""
    r, s, a = (axis * step for axis, step in zip(np.indices(shape), SPACING, strict=True))
    x, up, ahead = r - 40, s - 35, a - 80
    height = np.cos(tilt) * up - np.sin(tilt) * ahead
    depth = np.sin(tilt) * up + np.cos(tilt) * ahead
    body = (np.abs(x) <= 20) & (np.abs(height) <= 13) & (np.abs(depth) <= 17)
    behind = -17 - depth  # distance behind the back wall
    canal = (np.hypot(x, behind - 9) <= 7) & (np.abs(up) <= 34)
    pedicles = (np.abs(np.abs(x) - 13) <= 4) & (np.abs(height - 4) <= 6) & (behind > 0) & (behind <= 20)
    lamina = (np.abs(x) <= 17) & (np.abs(height) <= 11) & (np.abs(behind - 20) <= 3)
    spinous = (np.abs(x) <= 3) & (np.abs(height + 4) <= 8) & (behind > 17) & (behind <= 45)
    transverse = (np.abs(x) <= 36) & (np.abs(height - 4) <= 5) & (np.abs(behind - 14) <= 4) & (np.abs(x) > 9)
    return body, body | pedicles | lamina | spinous | transverse, canal


@pytest.mark.parametrize("tilt", [0.0, 0.35, -0.35])
@pytest.mark.parametrize("with_canal", [True, False])
def test_body_is_separated_from_the_arch(tilt, with_canal):
    body, whole, canal = vertebra(np.float64(tilt))
    found = body_of_vertebra(whole, canal if with_canal else None, SPACING)
    assert not (found & ~whole).any()
    # behind the back wall 2 mm of each pedicle stay: no line tells where a pedicle begins
    assert dice(found, body) > 0.98
    # in the middle slices a voxel at the end of a tilted wall may be lost
    assert np.count_nonzero(found[19:22] != body[19:22]) <= 2


def test_nothing_of_transverse_and_spinous_processes_stays():
    body, whole, canal = vertebra()
    found = body_of_vertebra(whole, canal, SPACING)
    assert not found[~body.any(axis=(1, 2))].any()
    assert np.nonzero(found)[2].min() >= np.nonzero(body)[2].min() - 2


def test_a_label_of_the_body_alone_is_kept():
    body, _, canal = vertebra(0.2)
    np.testing.assert_array_equal(body_of_vertebra(body, None, SPACING), body)
    np.testing.assert_array_equal(body_of_vertebra(body, canal, SPACING), body)


def test_a_bridge_to_the_arch_does_not_matter_where_the_canal_is_known():
    body, whole, canal = vertebra()
    bridged = whole | canal & (np.abs(np.indices(whole.shape)[1] - 35) < 2)
    assert dice(body_of_vertebra(bridged, canal, SPACING), body) > 0.95


def test_a_canal_at_another_height_is_not_used():
    body, whole, canal = vertebra()
    elsewhere = canal.copy()
    elsewhere[:, 20:50] = False
    np.testing.assert_array_equal(body_of_vertebra(whole, elsewhere, SPACING), body_of_vertebra(whole, None, SPACING))
    assert body.any()


def test_what_lies_behind_the_canal_or_is_empty_has_no_body():
    body, whole, canal = vertebra()
    arch = whole & ~body & (np.indices(whole.shape)[2] < 50)
    assert arch.any()
    assert not body_of_vertebra(arch, canal, SPACING).any()
    assert not body_of_vertebra(np.zeros_like(body), canal, SPACING).any()


@pytest.mark.parametrize("with_canal", [True, False])
def test_bodies_of_a_real_segmentation_equal_its_labels_of_the_corpus(shared_data, with_canal):
    vertebrae = read_volume(shared_data / "spine" / "tptbox_sub-mri_seg-vert_label-6_msk.nii.gz")
    parts = read_volume(shared_data / "spine" / "tptbox_sub-mri_seg-subreg_label-6_msk.nii.gz").values
    view = sagittal_view(vertebrae.values.shape, vertebrae.affine)
    canal = view.look(np.isin(parts, (60, 61))) if with_canal else None
    middle = slice(28, 37)  # nine slices around the canal
    for number in (5, 6, 7):
        whole = view.look(vertebrae.values == number)
        corpus = whole & view.look(np.isin(parts, (49, 50)))
        body = body_of_vertebra(whole, canal, tuple(view.spacing))
        assert dice(body, corpus) >= 0.99
        assert dice(body[middle], corpus[middle]) >= 0.99
