import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

import mrbiomarkers
from mrbiomarkers.files import Volume, read_series, read_volume, write_volume
from mrbiomarkers.files.itk import read_array, read_header
from Testing.support.volumes import (
    BVALUES,
    SHAPE,
    oblique_affine,
    one_line,
    position_series,
    write_nifti,
    write_nrrd,
)

RNG = np.random.default_rng(20)
NOISE = RNG.integers(0, 1000, (*SHAPE, len(BVALUES))).astype(np.int16)


def written(path, values=NOISE):
    if ".nii" in path.name:
        return write_nifti(path, values)
    if path.suffix == ".mha":
        sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
        return path
    return write_nrrd(path, values, encoding="raw" if "raw" in path.name else "gzip")


@pytest.mark.parametrize("name", ["dwi.nii", "dwi.nii.gz", "dwi.nrrd", "raw.nrrd"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9, 0.98])
def test_truncated_series_is_refused(tmp_path, name, kept):
    path = written(tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])

    with pytest.raises(ValueError, match=r"truncated|cannot be read as an image") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz", "mask.nrrd", "mask.mha"])
def test_truncated_volume_is_refused(tmp_path, name):
    path = written(tmp_path / name, NOISE[..., 0])
    data = path.read_bytes()
    path.write_bytes(data[:-8])

    with pytest.raises(ValueError, match=r"truncated|cannot be read as an image") as caught:
        read_volume(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.seg.nrrd"])
@pytest.mark.parametrize("content", [b"", b"hello, this is no image\n" * 40])
def test_other_content_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as an image") as caught:
        read_volume(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("read", [read_volume, read_series, read_header])
def test_names_that_cannot_work(tmp_path, read):
    missing = tmp_path / "missing.nii.gz"
    with pytest.raises(FileNotFoundError, match="no such file") as caught:
        read(missing)
    one_line(caught.value, missing)

    folder = tmp_path / "folder.nii"
    folder.mkdir()
    with pytest.raises(ValueError, match="got a folder") as caught:
        read(folder)
    one_line(caught.value, folder)

    other = tmp_path / "dwi.dcm"
    other.write_text("x")
    with pytest.raises(ValueError, match=r"expected .* \(\.nii, \.nii\.gz, .*\), got \.dcm") as caught:
        read(other)
    one_line(caught.value, other)


def test_complex_and_five_dimensional_files_are_refused(tmp_path):
    path = write_nifti(tmp_path / "complex.nii", NOISE.astype(np.complex64))
    with pytest.raises(ValueError, match="expected real numbers, got complex") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)

    path = tmp_path / "five.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 4, 3, 2, 2), np.float32), np.eye(4)), path)
    with pytest.raises(ValueError, match=r"expected a 3-D or 4-D image, got size \(5, 4, 3, 2, 2\)") as caught:
        read_series(path, bvalues=BVALUES)
    one_line(caught.value, path)


def test_files_with_a_bad_header_print_nothing(tmp_path, capfd):
    path = write_nifti(tmp_path / "a.nii", position_series().astype(np.float32))
    image = nibabel.load(path)
    image.header["pixdim"][1:4] = 0  # ITK warns of it
    image.header["qform_code"] = image.header["sform_code"] = 0
    nibabel.save(nibabel.Nifti1Image(image.dataobj, None, image.header), path)
    capfd.readouterr()  # what nibabel itself says of such a header

    read_header(path)

    assert capfd.readouterr() == ("", "")


def test_warnings_are_switched_back(tmp_path):
    path = written(tmp_path / "a.nii")
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    try:
        for state in (True, False):
            sitk.ProcessObject.SetGlobalWarningDisplay(state)
            read_array(read_header(path))
            assert sitk.ProcessObject.GetGlobalWarningDisplay() == state
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("name", ["a.nii", "a.nrrd"])
def test_read_array_keeps_the_number_type(tmp_path, dtype, name):
    values = (NOISE[..., 0] % 200).astype(dtype)
    array = read_array(read_header(written(tmp_path / name, values)))

    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.owndata or array.base.flags.owndata
    np.testing.assert_array_equal(array, values)


def test_write_failure_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def fail(image, path, **_):
        with open(path, "w") as file:  # noqa: PTH123
            file.write("half")
        raise RuntimeError("Exception thrown in SimpleITK\nITK ERROR: NrrdImageIO(0x55aa): disk is full")

    monkeypatch.setattr(sitk, "WriteImage", fail)
    path = tmp_path / "a.nrrd"
    with pytest.raises(OSError, match=r"cannot be written \(disk is full\)") as caught:
        write_volume(path, Volume(NOISE[..., 0], oblique_affine()))
    one_line(caught.value, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd"])
def test_where_nothing_can_be_written_only_our_error_is_said(tmp_path, name, capfd):
    # As a read-only folder, also for an administrator, whom no permission stops.
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here")
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder" / name).mkdir(parents=True)
    for folder, said in (
        (Path("/proc"), "cannot be written"),
        (tmp_path / "file", "cannot be written, for .*file is a file"),
        (tmp_path / "folder", "expected a file, got a folder"),
    ):
        with pytest.raises(OSError, match=said) as caught:
            write_volume(folder / name, Volume(NOISE[..., 0], oblique_affine()))
        one_line(caught.value, folder / name)
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["file", "folder", name])


FULL = """
import resource, signal, sys
import numpy as np
from mrbiomarkers.files import Volume, write_volume
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
volume = Volume(np.random.default_rng(0).random((40, 50, 60)), np.eye(4))
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    write_volume(sys.argv[1], volume)
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the size of files is limited as Linux does it")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd"])
def test_a_file_that_could_not_be_written_whole_is_refused(tmp_path, name):
    # ITK itself says nothing of a NIfTI file that ends where the disk was full.
    root = Path(mrbiomarkers.__file__).parents[1]
    command = [sys.executable, "-c", FULL, str(tmp_path / name)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    assert said.startswith(f"{tmp_path / name}: cannot be written (")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False])
def test_the_voxels_of_a_compressed_file_are_its_own(tmp_path, monkeypatch, links):
    # ITK looks for the voxels of x.nii.gz in x.nii first.
    def refuse(*_):
        raise OSError("no right to make links")

    if not links:
        monkeypatch.setattr(Path, "symlink_to", refuse)
    compressed, plain = written(tmp_path / "x.nii.gz", NOISE), written(tmp_path / "x.nii", NOISE[::-1] + 1)

    np.testing.assert_array_equal(read_series(compressed, bvalues=BVALUES).signal, NOISE)
    np.testing.assert_array_equal(read_series(plain, bvalues=BVALUES).signal, NOISE[::-1] + 1)
    plain.write_bytes(b"something else")
    np.testing.assert_array_equal(read_series(compressed, bvalues=BVALUES).signal, NOISE)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(read_series("x.nii.gz", bvalues=BVALUES).signal, NOISE)


PEAK = """
import re, sys
from pathlib import Path
import numpy as np
from mrbiomarkers.files import read_series
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
read_series(sys.argv[1], bvalues=[0, 50])  # so that what is imported counts before
before = peak()
series = read_series(sys.argv[2], bvalues=50.0 * np.arange(20))
print((peak() - before) / series.signal.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(("name", "dtype"), [("a.nii", np.int16), ("a.nii.gz", np.float32), ("a.nrrd", np.float32)])
def test_reading_needs_one_further_copy_at_most(tmp_path, name, dtype):
    # A process of its own: the peak of this one tells of earlier tests.
    small = written(tmp_path / f"small_{name}", NOISE[..., :2].astype(dtype))
    large = written(tmp_path / name, np.ones((40, 128, 128, 20), dtype))
    root = Path(mrbiomarkers.__file__).parents[1]
    command = [sys.executable, "-c", PEAK, str(small), str(large)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    # The series, one further copy and small change: a third copy would make it 3.
    assert 0.9 < float(output) < 2.5
