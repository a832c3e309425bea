import json

import nrrd
import numpy as np
import pytest

from mrbiomarkers.files import read_series, read_volume, write_map
from mrbiomarkers.files.itk import read_header
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import BVALUES, SHAPE, oblique_affine, one_line, position_series, write_nrrd

LABELS = "0.0,50.0,100.0,400.0,800.0,1000.0"
VALUES = "0 50 100 400 800 1000"
MULTIVOLUME = {
    "MultiVolume.FrameIdentifyingDICOMTagName": "GE.B-value",
    "MultiVolume.FrameIdentifyingDICOMTagUnits": "mm2/s",
    "MultiVolume.FrameLabels": LABELS,
    "MultiVolume.NumberOfFrames": "6",
}


def write(tmp_path, name="dwi.nrrd", **options):
    return write_nrrd(tmp_path / name, position_series().astype(np.float32), **options)


def check(series, source):
    np.testing.assert_allclose(series.bvalues, BVALUES, rtol=1e-12)
    assert series.source == (source,) * len(BVALUES)
    np.testing.assert_array_equal(series.signal, position_series().astype(np.float32))
    assert series.signal.dtype == np.float32
    assert series.signal.flags.c_contiguous


@pytest.mark.parametrize("list_axis", ["first", "last"])
@pytest.mark.parametrize("name", ["dwi.nrrd", "dwi.nhdr"])
def test_multivolume(tmp_path, list_axis, name):
    check(read_series(write(tmp_path, name, list_axis=list_axis, **MULTIVOLUME)), "MultiVolume.FrameLabels")


@pytest.mark.parametrize(("axis", "list_axis"), [(3, "last"), (0, "first")])
@pytest.mark.parametrize("label", ["b", "b-value", "Standard.B-value", ""])
def test_slicer_sequence(tmp_path, axis, list_axis, label):
    labels = ["", "", ""]
    labels.insert(axis, label)
    fields = {"labels": labels, f"axis {axis} index type": "numeric", f"axis {axis} index values": VALUES}
    path = write(tmp_path, "dwi.seq.nrrd", list_axis=list_axis, DataNodeClassName="vtkMRMLScalarVolumeNode", **fields)

    check(read_series(path), f"axis {axis} index values")


def test_frame_labels_go_before_the_numbers_of_the_frames(tmp_path):
    # What 3D Slicer saves after it has opened a MultiVolume as a sequence.
    fields = {"labels": ["", "", "", "frame"], "axis 3 index type": "numeric", "axis 3 index values": "0 1 2 3 4 5"}
    check(read_series(write(tmp_path, "dwi.seq.nrrd", **fields, **MULTIVOLUME)), "MultiVolume.FrameLabels")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**MULTIVOLUME, "MultiVolume.FrameIdentifyingDICOMTagName": "EchoTime"}, "holds EchoTime, not b-values"),
        ({**MULTIVOLUME, "MultiVolume.FrameLabels": "a,b"}, "FrameLabels is not made of numbers"),
        ({"labels": ["", "", "", "time"], "axis 3 index values": VALUES}, "holds time, not b-values"),
        ({"axis 3 index values": "0 1 2 3 4 5"}, "only numbers the images"),
        ({"axis 3 index values": "low high"}, "is not made of numbers"),
        ({}, "the header holds no b-values"),
        ({"DWMRI_b-value": "high", "DWMRI_gradient_0000": "0 0 0"}, "not made of numbers"),
        ({"DWMRI_b-value": "9", "DWMRI_gradient_0000": "0 0 0", "DWMRI_NEX_0000": "6"}, "not supported"),
    ],
)
def test_headers_without_bvalues_say_why_and_leave_it_to_the_caller(tmp_path, fields, message):
    path = write(tmp_path, **fields)
    with pytest.raises(ValueError, match=f"no b-values found: .*{message}.*--bvalues or --bval") as caught:
        read_series(path)
    one_line(caught.value, path)

    check(read_series(path, bvalues=BVALUES), "caller")
    (tmp_path / "dwi.bval").write_text(VALUES)
    check(read_series(path), "text file")


def test_given_bvalues_go_before_the_header(tmp_path):
    path = write(tmp_path, **{**MULTIVOLUME, "MultiVolume.FrameLabels": "0,1,2,3,4,5"})
    check(read_series(path, bvalues=BVALUES), "caller")


def test_wrong_number_of_labels(tmp_path):
    path = write(tmp_path, **{**MULTIVOLUME, "MultiVolume.FrameLabels": "0,50"})
    with pytest.raises(ValueError, match=r"expected 6 b-values.* got 2 from MultiVolume\.FrameLabels") as caught:
        read_series(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("longest", [1.0, 2.0])
def test_diffusion_weighted_nrrd(tmp_path, longest):
    # b = b-value of the header * (length / longest length)^2, whatever the longest is.
    directions = np.random.default_rng(3).normal(size=(6, 3))
    lengths = longest * np.sqrt(np.array(BVALUES) / max(BVALUES))
    gradients = directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths[:, None]
    fields = {f"DWMRI_gradient_{n:04d}": " ".join(f"{g:.12f}" for g in row) for n, row in enumerate(gradients)}
    path = write(tmp_path, list_axis="first", **{"modality": "DWMRI", "DWMRI_b-value": "1000", **fields})

    check(read_series(path), "DWMRI_gradient")


def test_more_than_ten_gradients_keep_their_order(tmp_path):
    values = np.zeros((*SHAPE, 12), np.float32)
    bvalues = 100.0 * np.arange(12)
    fields = {f"DWMRI_gradient_{n:04d}": f"0 0 {np.sqrt(b / 1100):.15f}" for n, b in enumerate(bvalues)}
    path = write_nrrd(tmp_path / "a.nrrd", values, **{"DWMRI_b-value": "1100", **fields})

    assert read_series(path).bvalues.tolist() == bvalues.tolist()


@pytest.mark.parametrize("dtype", ["<i2", ">i2", ">f8", "u1"])
def test_number_types_and_byte_orders(tmp_path, dtype):
    values = np.random.default_rng(4).integers(0, 250, (*SHAPE, 6)).astype(dtype)
    endian = "big" if dtype.startswith(">") else "little"
    series = read_series(write_nrrd(tmp_path / "a.nrrd", values, endian=endian), bvalues=BVALUES)

    assert series.signal.dtype == np.float32
    np.testing.assert_array_equal(series.signal, values)


@pytest.mark.parametrize("kind", ["none", "domain", "time"])
def test_axes_that_itk_cannot_read_give_one_line(tmp_path, kind):
    path = write(tmp_path, kinds=["domain", "domain", "domain", kind])
    with pytest.raises(ValueError, match="match dimension of space") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_written_map_holds_unit_and_provenance(tmp_path):
    values = np.random.default_rng(5).uniform(1e-4, 2e-3, SHAPE)
    values[1, 2, 3] = np.nan
    provenance = {
        "software": "MRBiomarkers 0.1.0",
        "bvalues": np.array(BVALUES),
        "bounds": {"D": (0.0, np.inf)},
        "input": 'C:\\data\\"first"\nline ± µ',
    }
    path = tmp_path / "D.nrrd"

    write_map(path, ParameterMap(values, quantity("D"), "mm2/s", oblique_affine(), provenance=provenance))

    data, header = nrrd.read(str(path), index_order="F")
    np.testing.assert_allclose(data.T, values * 1e3, rtol=1e-6)
    assert data.dtype == np.float32
    assert header["MRBiomarkers.quantity"] == "D"
    assert header["MRBiomarkers.unit"] == "10^-3 mm2/s"
    assert header["MRBiomarkers.name"] == "Diffusion coefficient"
    assert json.loads(header["MRBiomarkers.code"]) == ["DCM", "113291", "Slow Diffusion Coefficient"]
    # ITK undoes NRRD's escapes of backslash and line end; pynrrd does not.
    stored = json.loads(read_header(path).metadata["MRBiomarkers.provenance"])
    assert stored == {**provenance, "bvalues": list(BVALUES), "bounds": {"D": [0.0, "inf"]}}
    assert list(tmp_path.iterdir()) == [path]


def test_map_without_code_has_no_code_key(tmp_path):
    write_map(tmp_path / "S0.nrrd", ParameterMap(np.ones(SHAPE), quantity("S0"), "a.u.", oblique_affine()))
    header = nrrd.read_header(str(tmp_path / "S0.nrrd"))
    assert "MRBiomarkers.code" not in header
    assert header["MRBiomarkers.provenance"] == "{}"


def test_real_multivolume(shared_data, monkeypatch):
    # 3D Slicer wrote "space" as a key/value pair too; pynrrd takes this only when told, and warns.
    monkeypatch.setattr(nrrd.reader, "ALLOW_DUPLICATE_FIELD", True)
    path = shared_data / "dicom" / "slicerprostate_multivolume_nrrd_GE_15b" / "00943_SER18.nrrd"
    with pytest.warns(UserWarning, match=r"Duplicate header field: '?space"):
        data, header = nrrd.read(str(path), index_order="F")

    series = read_series(path)

    assert series.bvalues.tolist() == [250.0 * n for n in range(15)]
    assert set(series.source) == {"MultiVolume.FrameLabels"}
    np.testing.assert_array_equal(series.signal, data.transpose(3, 2, 1, 0))
    assert header["space"] == "right-anterior-superior"
    np.testing.assert_allclose(series.affine[:3, :3], header["space directions"][1:].T, atol=1e-12)
    np.testing.assert_allclose(series.affine[:3, 3], header["space origin"], atol=1e-12)


def test_real_label_in_another_space_lies_on_the_same_grid(shared_data):
    folder = shared_data / "dicom" / "slicerprostate_multivolume_nrrd_GE_15b"
    series = read_series(folder / "00943_SER18.nrrd")  # written in RAS
    label = read_volume(folder / "Fitted volume frame 5-label.nrrd")  # written in LPS, with axes turned around

    corners = np.array([[0, 0, 0, 1], [14, 20, 0, 1]])
    np.testing.assert_allclose(label.affine @ corners.T, series.affine @ corners.T, atol=1e-5)
