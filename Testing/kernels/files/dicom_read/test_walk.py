"""The quick way through a header: what it finds is what pydicom finds, and what is odd is left to pydicom."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from mrbiomarkers.files.dicom_read import read_headers
from mrbiomarkers.files.dicom_read.frames import frames_of
from mrbiomarkers.files.dicom_read.headers import Instance, _by_pydicom, _needs
from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.dicom_read.walk import walk
from Testing.support.dicom import folders, ge, philips, philips_frames, siemens_frames, uih
from Testing.support.dicom.datasets import PATIENT

WRITERS = [
    ge.ge_diffusion,
    philips.philips_diffusion,
    philips_frames.philips_enhanced,
    philips_frames.philips_fat_fraction,
    siemens_frames.siemens_mosaic,
    siemens_frames.siemens_xa,
    uih.uih_mosaic,
]
FORMS = ["as written", "without lengths", "implicit"]


def without_lengths(dataset):
    """Let sequences and items end with a mark."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                without_lengths(item)


def walked(path):
    with path.open("rb") as file:
        return walk(file, path.stat().st_size, _needs())


def by_pydicom(path):
    with path.open("rb") as file, lenient():  # warnings are errors here
        found = _by_pydicom(path, file, path.stat().st_size, bare=False)
    assert isinstance(found, Instance)
    return frames_of(found)


def told(frame):
    arrays = (frame.position.tolist(), frame.orientation.tolist(), frame.spacing, frame.order)
    plain = (frame.window, frame.rows, frame.columns, frame.thickness, frame.slice_step, frame.echo_time)
    line = frame.scaling
    scaling = (line.slope, line.intercept, line.unit, line.is_told, line.philips, line.real_world, line.note)
    header = (frame.series, frame.header.vendor, frame.header.number)
    return arrays, plain, frame.image_type, frame.component, frame.bvalue, scaling, header


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_frames_are_those_that_pydicom_finds(write, form, tmp_path):
    write(tmp_path)
    if form == "implicit":
        folders.reencode(tmp_path, ImplicitVRLittleEndian)
    for path in folders.files_of(tmp_path):
        if form == "without lengths":
            dataset = pydicom.dcmread(path)
            without_lengths(dataset)
            dataset.save_as(path)
        assert walked(path) is not None
        (instance,) = read_headers(path).instances

        assert [told(frame) for frame in frames_of(instance)] == [told(frame) for frame in by_pydicom(path)]


def test_what_images_have_in_common_is_kept_once_and_nothing_of_the_patient(tmp_path):
    ge.ge_diffusion(tmp_path / "classic")
    siemens_frames.siemens_xa(tmp_path / "enhanced")

    for folder, count in (("classic", 16), ("enhanced", 12)):
        headers = [f.header for one in read_headers(tmp_path / folder).instances for f in frames_of(one)]

        assert len(headers) == count
        places = {id(place): place for header in headers for place in header.places()}
        # All classic images have one header; the enhanced ones another acquisition number, but the same groups.
        assert len(places) == (1 if folder == "classic" else 3 + 1 + 1)
        kept = "".join(map(str, places.values()))
        assert "Model" in kept or "MAGNETOM" in kept
        assert not [value for value in PATIENT.values() if value in kept]


def test_frames_that_differ_in_one_group_are_not_taken_for_each_other(tmp_path):
    siemens_frames.siemens_xa(tmp_path)
    path = folders.files_of(tmp_path)[1]
    dataset = pydicom.dcmread(path)
    third = dataset.PerFrameFunctionalGroupsSequence[2]
    third.MRDiffusionSequence[0].DiffusionBValue = 60.0
    third.PlanePositionSequence[0].ImagePositionPatient = [1, 2, 3]
    third.FrameContentSequence[0].TemporalPositionIndex = 9
    dataset.save_as(path)

    frames = frames_of(read_headers(path).instances[0])

    assert [frame.bvalue.value for frame in frames] == [50, 50, 60, 50]
    assert frames[2].position.tolist() == [1, 2, 3]
    assert [frame.order[0] for frame in frames] == [2, 2, 9, 2]


def test_a_frame_without_position_names_the_file(tmp_path):
    siemens_frames.siemens_xa(tmp_path)
    path = folders.files_of(tmp_path)[0]
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    dataset.save_as(path)

    with pytest.raises(ValueError, match=r"EIM0001.*Image Position \(0020,0032\)"):
        frames_of(read_headers(path).instances[0])


def test_a_long_header_is_read_to_its_end(tmp_path):
    ge.ge_diffusion(tmp_path)
    path = folders.files_of(tmp_path)[0]
    expected = [told(frame) for frame in by_pydicom(path)]
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00090010, "LO", "ELSEWHERE")
    dataset.add_new(0x00091001, "OB", bytes(700_000))
    dataset.save_as(path)

    assert walked(path) is not None
    assert [told(frame) for frame in frames_of(read_headers(path).instances[0])] == expected


def test_what_is_odd_is_left_to_pydicom(tmp_path):
    ge.ge_diffusion(tmp_path)
    path, *others = folders.files_of(tmp_path)
    data = path.read_bytes()
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    rows = data.index(b"\x28\x00\x10\x00US")
    odd = {
        "type": data[: rows + 4] + b"??" + data[rows + 6 :],
        "end": data[: rows + 5],
        "mark": data[:128] + data[132:],
    }

    assert walked(path) is None
    assert read_headers(path).problems == ()  # pydicom reads it
    for content in odd.values():
        others[0].write_bytes(content)
        assert walked(others[0]) is None


def test_damage_never_makes_another_frame_than_pydicom_finds(tmp_path):
    philips_frames.philips_enhanced(tmp_path)
    path = folders.files_of(tmp_path)[0]
    data = path.read_bytes()
    end = data.rfind(b"\xe0\x7f\x10\x00")
    rng = np.random.default_rng(3)
    read = 0
    for _ in range(150):
        changed = bytearray(data)
        changed[rng.integers(132, end)] = rng.integers(256)
        path.write_bytes(bytes(changed))
        if walked(path) is None:
            continue
        scan = read_headers(path)
        try:
            found = [told(frame) for instance in scan.instances for frame in frames_of(instance)]
        except ValueError:
            continue
        read += bool(found)
        assert not found or repr(found) == repr([told(frame) for frame in by_pydicom(path)])
    assert read > 50
