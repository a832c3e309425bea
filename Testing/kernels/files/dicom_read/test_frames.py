"""One record for each image: component, scaling, mosaics, and headers that make no image."""

import numpy as np
import pydicom
import pytest

from mrbiomarkers.files.dicom_read import read_headers
from mrbiomarkers.files.dicom_read.frames import frames_of
from Testing.support.dicom import faults, folders, philips, siemens_frames, uih
from Testing.support.dicom import ge as ge_series


@pytest.fixture
def change(tmp_path):
    """Write one image, change its header, and return its frame."""
    ge_series.ge_diffusion(tmp_path)
    path = folders.files_of(tmp_path)[0]

    def make(edit):
        faults.edit(path, edit)
        return frames_of(read_headers(path).instances[0])

    return make


def setting(**fields):
    def edit(dataset):
        for keyword, value in fields.items():
            setattr(dataset, keyword, value)

    return edit


@pytest.mark.parametrize(
    ("image_type", "component"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND"], "magnitude"),
        (["ORIGINAL", "PRIMARY", "P", "ND"], "phase"),
        (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], "magnitude"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"], "phase"),
        (["ORIGINAL", "PRIMARY", "R_FFE", "R", "FFE"], "real"),
        (["ORIGINAL", "PRIMARY", "I_FFE"], "imaginary"),
        (["ORIGINAL", "PRIMARY", "OTHER"], "unknown"),
        (["DERIVED", "PRIMARY"], "unknown"),
    ],
)
def test_the_component_is_in_the_image_type(image_type, component, change):
    (frame,) = change(setting(ImageType=image_type))

    assert frame.component == component


@pytest.mark.parametrize(("raw", "component"), list(enumerate(("magnitude", "phase", "real", "imaginary"))))
def test_the_raw_type_of_ge_goes_first(raw, component, change):
    (frame,) = change(lambda dataset: dataset.add_new(0x0043102F, "SS", raw))

    assert frame.component == component


def test_what_a_number_stands_for(change):
    mapping, unit = pydicom.Dataset(), pydicom.Dataset()
    unit.CodeValue = "%"
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.1, -2.0
    mapping.MeasurementUnitsCodeSequence = [unit]

    (frame,) = change(
        setting(RescaleSlope=2, RescaleIntercept=-4096, RescaleType="US", RealWorldValueMappingSequence=[mapping])
    )

    line = frame.scaling
    assert (line.slope, line.intercept, line.unit, line.is_told) == (2, -4096, "US", True)
    assert line.real_world == (0.1, -2.0, "%")


def test_the_slope_of_philips_that_an_archive_overwrote(tmp_path):
    philips.philips_diffusion(tmp_path)
    path = folders.files_of(tmp_path)[0]

    def edit(dataset):
        dataset.RescaleSlope = 1
        dataset.add_new(0x20050014, "LO", "Philips MR Imaging DD 005")
        dataset.add_new(0x2005140A, "DS", "3.5")

    faults.edit(path, edit)
    (frame,) = frames_of(read_headers(path).instances[0])

    assert frame.scaling.slope == 3.5
    assert "(2005,140A)" in frame.scaling.note


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ImagePositionPatient": None}, r"Image Position \(0020,0032\)"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "perpendicular unit vectors"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 2, 0]}, "perpendicular unit vectors"),
        ({"ImageOrientationPatient": None}, "Image Orientation"),
        ({"PixelSpacing": [0, 1]}, "Pixel Spacing"),
        ({"PixelSpacing": None}, "Pixel Spacing"),
        ({"SamplesPerPixel": 3}, "grey image"),
        ({"RescaleSlope": 0}, "Rescale Slope"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "MOSAIC"]}, "number of its slices"),
    ],
)
def test_a_header_that_makes_no_image_is_named(fields, message, tmp_path):
    ge_series.ge_diffusion(tmp_path)
    path = folders.files_of(tmp_path)[0]
    faults.edit(path, setting(**{key: value for key, value in fields.items() if key != "SamplesPerPixel"}))
    instance = read_headers(path).instances[0]
    if "SamplesPerPixel" in fields:
        instance.dataset.SamplesPerPixel = 3

    with pytest.raises(ValueError, match=message) as error:
        frames_of(instance)
    assert path.name in str(error.value)


@pytest.mark.parametrize("write", [siemens_frames.siemens_mosaic, uih.uih_mosaic])
def test_the_tiles_of_a_mosaic_lie_on_the_grid(write, tmp_path):
    truth = write(tmp_path)
    instance = read_headers(tmp_path).instances[0]

    frames = frames_of(instance)

    assert len(frames) == truth.signal.shape[0]
    assert {(frame.rows, frame.columns) for frame in frames} == {truth.signal.shape[1:3]}
    expected = [(truth.affine @ [0, 0, k, 1])[:3] * [-1, -1, 1] for k in range(len(frames))]
    found = sorted((frame.position for frame in frames), key=lambda one: one @ truth.affine[:3, 2] * [-1, -1, 1][2])
    apart = [min(np.linalg.norm(one - other) for other in expected) for one in found]
    np.testing.assert_allclose(apart, 0, atol=1e-3)
