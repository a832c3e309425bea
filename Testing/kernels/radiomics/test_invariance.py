"""What does not touch the region changes nothing."""

import numpy as np
import pytest

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

SETTINGS = RadiomicsSettings(filters=("original", "gradient"))
# The triangles of PyRadiomics are not the same in a mirror, where several surfaces cut a cube.
OF_THE_MESH = {"MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity"}


@pytest.fixture(scope="module")
def plain():
    return extract(*as_images(pattern(), notched_ellipsoid()), SETTINGS)


def assert_same(found, plain, without=frozenset()):
    names = [name for name in plain if name.rpartition("_")[2] not in without]
    assert list(found) == list(plain)
    assert [found[name] for name in names] == pytest.approx([plain[name] for name in names], rel=1e-9, abs=1e-12)


def test_the_place_in_space_does_not_matter(plain):
    assert_same(extract(*as_images(pattern(), notched_ellipsoid(), origin=(-100.0, 20.0, 7.5)), SETTINGS), plain)


def test_more_image_around_does_not_matter(plain):
    values, mask = (np.pad(array, [(2, 7), (5, 3), (8, 1)]) for array in (pattern(), notched_ellipsoid()))

    assert_same(extract(*as_images(values, mask), SETTINGS), plain)


def test_less_image_around_does_not_matter(plain):
    cut = np.s_[:, 1:14, 1:12]

    assert_same(extract(*as_images(pattern()[cut], notched_ellipsoid()[cut]), SETTINGS), plain)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)])
def test_mirrors_do_not_matter(plain, axes):
    values, mask = np.flip(pattern(), axes), np.flip(notched_ellipsoid(), axes)

    assert_same(extract(*as_images(values, mask), SETTINGS), plain, OF_THE_MESH)


def test_the_wavelet_does_not_see_beyond_its_margin():
    settings = RadiomicsSettings(filters=("wavelet",))
    rng = np.random.default_rng(1)
    values = rng.integers(0, 300, (30, 32, 34)).astype(np.int16)
    mask = np.zeros(values.shape, dtype=bool)
    mask[10:18, 11:19, 12:20] = rng.random((8, 8, 8)) < 0.8
    cut = np.s_[4:24, 5:25, 6:26]

    assert_same(extract(*as_images(values[cut], mask[cut]), settings), extract(*as_images(values, mask), settings))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_the_type_of_the_voxels_does_not_matter(plain, dtype):
    assert_same(extract(*as_images(pattern().astype(dtype), notched_ellipsoid()), SETTINGS), plain)


def test_the_value_of_the_label_does_not_matter(plain):
    images = as_images(pattern(), 7 * notched_ellipsoid().astype(int))

    assert_same(extract(*images, RadiomicsSettings(filters=SETTINGS.filters, label=7)), plain)


def test_families_alone_have_the_values_of_all_together(plain):
    images = as_images(pattern(), notched_ellipsoid())

    for family in ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"):
        found = extract(*images, RadiomicsSettings(families=(family,), filters=SETTINGS.filters))
        assert dict(found) == {name: value for name, value in plain.items() if name.split("_")[1] == family}
