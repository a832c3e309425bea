"""All headers of a folder, quickly, and what is passed over."""

import numpy as np
import pydicom
import pytest

from mrbiomarkers.files.dicom_read import read_headers
from mrbiomarkers.files.dicom_read.csa import read_csa
from Testing.support.dicom import faults, folders, ge, philips
from Testing.support.dicom.csa import csa_header
from Testing.support.dicom.datasets import PATIENT


def test_nested_folders_and_names_without_extension(tmp_path):
    ge.ge_diffusion(tmp_path / "in")
    target = tmp_path / "a" / "b"
    target.mkdir(parents=True)
    files = folders.files_of(tmp_path / "in")
    for number, path in enumerate(files):
        path.rename((target if number % 2 else tmp_path / "a") / f"{number:05d}")

    scan = read_headers(tmp_path / "a")

    assert len(scan.instances) == len(files) == 16
    assert scan.problems == ()


def test_nothing_of_the_patient_is_kept(tmp_path):
    philips.philips_diffusion(tmp_path)

    kept = "".join(str(instance.dataset) for instance in read_headers(tmp_path).instances)

    assert "Philips" in kept
    assert not [value for value in PATIENT.values() if value in kept]


def test_files_are_read_once_and_a_missing_path_is_named(tmp_path):
    ge.ge_diffusion(tmp_path / "a")
    one = folders.files_of(tmp_path / "a")[0]

    assert len(read_headers([tmp_path / "a", one, tmp_path]).instances) == 16
    assert len(read_headers(one).instances) == 1
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_headers(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no DICOM file"),
        (b"hello", "no DICOM file"),
        (b"\x08\x00" + b"\xff" * 300, "damaged|no DICOM"),
        (bytes(128) + b"DICM", "truncated or damaged"),
        (bytes(128) + b"DIXM" + bytes(200), "mark DICM is missing"),
    ],
)
def test_what_is_no_image_is_named(content, reason, tmp_path):
    (tmp_path / "x").write_bytes(content)

    scan = read_headers(tmp_path)

    assert scan.instances == ()
    assert len(scan.problems) == 1
    assert any(words in scan.problems[0].reason for words in reason.split("|"))


def test_a_file_without_preamble_is_read(tmp_path):
    ge.ge_diffusion(tmp_path)
    path = folders.files_of(tmp_path)[0]
    dataset = pydicom.dcmread(path)
    dataset.preamble = None
    del dataset.file_meta
    dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)

    assert path.read_bytes()[128:132] != b"DICM"
    assert len(read_headers(tmp_path).instances) == 16


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_never_passes(share, tmp_path):
    ge.ge_diffusion(tmp_path)
    path = faults.truncate(folders.files_of(tmp_path)[3], share)

    scan = read_headers(tmp_path)

    assert [problem.path for problem in scan.problems] == [path]
    assert len(scan.instances) == 15


def test_a_copy_is_named_and_what_differs_in_it(tmp_path):
    ge.ge_diffusion(tmp_path)
    first, *_ = folders.files_of(tmp_path)
    dataset = pydicom.dcmread(first)
    dataset.ImagePositionPatient = [1, 2, 3]
    dataset.save_as(tmp_path / "zz_copy")

    (problem,) = read_headers(tmp_path).problems

    assert problem.path.name == "zz_copy"
    assert problem.reason == f"the same SOP instance as {first}, but another position"


def test_progress_is_told_and_can_cancel(tmp_path):
    ge.ge_diffusion(tmp_path)
    told = []

    read_headers(tmp_path, progress=lambda done, total: told.append((done, total)) or True)

    assert told == [(done, 16) for done in range(17)]
    with pytest.raises(InterruptedError, match="3 of 16"):
        read_headers(tmp_path, progress=lambda done, total: done < 3)


def test_the_csa_header_is_read_and_damage_is_no_error():
    data = csa_header(
        {"Other": ("LO", ["x"]), "B_value": ("IS", ["800"]), "SliceNormalVector": ("FD", ["0", "0", "1"])}
    )

    assert read_csa(data, ("B_value",)) == {"B_value": ("800",)}
    rng = np.random.default_rng(1)
    for _ in range(200):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            damaged[place] = rng.integers(256)
        read_csa(bytes(damaged[: rng.integers(1, len(data))]), ("B_value",))
    assert read_csa(b"", ("B_value",)) == {}
