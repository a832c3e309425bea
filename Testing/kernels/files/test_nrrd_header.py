import numpy as np
import pytest

from mrbiomarkers.files import read_mask, read_regions, read_series, read_volume
from mrbiomarkers.files.nrrd_header import axis_label
from Testing.support.volumes import BVALUES, one_line, position_series, position_volume, write_nrrd


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
def test_left_anterior_superior_is_refused(tmp_path, suffix):
    # ITK 5.4, as SimpleITK 2.5.2 and 3D Slicer 5.10 have it, flips x instead of y in such files.
    volume = write_nrrd(tmp_path / f"v{suffix}", position_volume(), space="left-anterior-superior")
    series = write_nrrd(tmp_path / f"s{suffix}", position_series(), space="left-anterior-superior")
    for read in (read_volume, read_mask, read_regions):
        with pytest.raises(ValueError, match="got left-anterior-superior") as caught:
            read(volume)
        one_line(caught.value, volume)
    with pytest.raises(ValueError, match="got left-anterior-superior") as caught:
        read_series(series, bvalues=BVALUES)
    one_line(caught.value, series)


def test_short_names_of_spaces(tmp_path):
    path = write_nrrd(tmp_path / "v.nrrd", position_volume())
    expected = read_volume(path).affine
    content = path.read_bytes()
    path.write_bytes(content.replace(b"space: left-posterior-superior", b"space: LPS"))
    np.testing.assert_array_equal(read_volume(path).affine, expected)
    path.write_bytes(content.replace(b"space: left-posterior-superior", b"space: LAS"))
    with pytest.raises(ValueError, match="got LAS"):
        read_volume(path)


def test_axis_label(tmp_path):
    path = write_nrrd(tmp_path / "s.nrrd", position_series(), labels=["", "", "", "b-value"], note='labels: "x" "y"')
    assert [axis_label(path, axis) for axis in (0, 3, 7)] == ["", "b-value", ""]
    assert axis_label(write_nrrd(tmp_path / "t.nrrd", position_series()), 3) == ""
