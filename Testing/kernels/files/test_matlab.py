import numpy as np
import pytest
import scipy.io

from mrbiomarkers.files import EchoFiles, read_echo_series
from Testing.support.volumes import one_line

RNG = np.random.default_rng(34)
TE = np.array([1.24e-3, 2.22e-3, 3.2e-3, 4.18e-3])
XYZ = (5, 4, 3)


def noise(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


IMAGES = noise(*XYZ, 1, TE.size)


def saved(path, images=IMAGES, **fields):
    record = {"images": images, "TE": TE, "FieldStrength": 3, "PrecessionIsClockwise": 1, **fields}
    scipy.io.savemat(path, {"imDataParams": {key: value for key, value in record.items() if value is not None}})
    return path


def read(path, **given):
    return read_echo_series(EchoFiles(matlab=path), **given)


@pytest.mark.parametrize(("sign", "conjugated"), [(1, False), (-1, True), (0, True)])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_one_coil(tmp_path, sign, conjugated, dtype):
    images = IMAGES.astype(dtype)
    series, notes, _, *_ = read(saved(tmp_path / "a.mat", images, PrecessionIsClockwise=sign), spacing=(1.5, 2, 5))

    assert series.signal.shape == (3, 4, 5, 4)
    assert series.signal.dtype == dtype
    for x, y, z in ((4, 0, 0), (0, 3, 0), (0, 0, 2), (3, 1, 2)):
        expected = images[x, y, z, 0]
        np.testing.assert_array_equal(series.signal[z, y, x], expected.conj() if conjugated else expected)
    np.testing.assert_array_equal(series.affine, np.diag([-1.5, -2, 5, 1]))
    np.testing.assert_array_equal(series.echo_times, TE)
    assert (series.field_strength, series.precession, series.kind) == (3.0, 1, "complex")
    assert f"PrecessionIsClockwise is {sign}: images {'conjugated' if conjugated else 'used as they are'}" in notes
    assert notes[0].startswith("the file holds no geometry: voxel size as given")


def test_several_coils_keep_the_phase_between_echoes(tmp_path):
    truth, coils = noise(*XYZ, 1, TE.size), noise(3, 1)  # each coil sees all voxels alike
    truth[0, 0, 0] = 0

    for sign in (1, -1):
        series, notes, _, *_ = read(saved(tmp_path / "a.mat", truth * coils, PrecessionIsClockwise=sign))

        # Without noise every coil holds the same echoes: the first becomes real, their ratios stay.
        expected = truth[..., 0, :] * np.sqrt(np.sum(np.abs(coils) ** 2))
        with np.errstate(invalid="ignore"):
            turned = expected * np.nan_to_num(np.abs(expected[..., :1]) / expected[..., :1])
        turned = turned if sign == 1 else turned.conj()
        np.testing.assert_allclose(series.signal, turned.transpose(2, 1, 0, 3), atol=1e-12)
        assert "3 coils combined, weighted by the sensitivities that the images show" in notes


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_the_mask_of_the_file_is_kept(tmp_path, dtype):
    inside = RNG.random(XYZ) > 0.6
    found = read(saved(tmp_path / "a.mat", mask=inside.astype(dtype)))

    assert found.mask.dtype == bool
    np.testing.assert_array_equal(found.mask, inside.transpose(2, 1, 0))
    assert f"the file holds a mask of {inside.sum()} voxels" in found.notes


def test_the_mask_of_one_slice(tmp_path):
    inside = np.eye(*XYZ[:2]) > 0  # savemat, as MATLAB, writes images of one slice with all their axes
    found = read(saved(tmp_path / "a.mat", IMAGES[:, :, :1], mask=inside))

    np.testing.assert_array_equal(found.mask, inside.T[None])


def test_no_mask_and_an_empty_one(tmp_path):
    assert read(saved(tmp_path / "a.mat")).mask is None
    empty = read(saved(tmp_path / "a.mat", mask=np.zeros(XYZ)))

    assert empty.mask is None
    assert "the mask of the file is empty: left out" in empty.notes


def test_what_the_file_does_not_say(tmp_path):
    series, notes, _, *_ = read(saved(tmp_path / "a.mat", PrecessionIsClockwise=None))

    assert series.precession is None
    assert "the file does not say the sign of the precession: images used as they are" in notes
    assert notes[0].startswith("the file holds no geometry: voxels of 1 x 1 x 1 mm assumed")


def test_what_is_given_goes_first(tmp_path):
    order = [2, 0, 3, 1]
    path = saved(tmp_path / "a.mat", IMAGES[..., order])
    series, notes, _, *_ = read(path, echo_times=TE[order], field_strength=2.89, precession=-1, readout_axis=2)

    np.testing.assert_array_equal(series.signal, IMAGES[..., 0, :].conj().transpose(2, 1, 0, 3))
    assert (series.precession, series.field_strength, series.readout_axis) == (1, 2.89, 2)
    assert "images conjugated, as given" in notes
    assert "field strength 2.89 T used as given; the files say 3 T" in notes


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"images": IMAGES[..., 0, :]}, r"expected imDataParams.images \[x, y, z, coil, echo\], got an array of shape"),
        ({"images": np.abs(IMAGES)}, "expected complex imDataParams.images, got an array of type float64"),
        ({"images": None}, "expected imDataParams.images, got the fields TE, FieldStrength, PrecessionIsClockwise"),
        ({"images": 0 * IMAGES}, "a.mat, echo 1: expected an image, got zero"),
        ({"TE": TE[:3]}, "expected 4 echo times, one for each echo, and one field strength, got 3 and 1"),
        ({"TE": "1.2"}, "imDataParams.TE: expected real numbers"),
        ({"TE": 1000 * TE}, r"are these milliseconds\?"),
        ({"FieldStrength": [3, 3]}, "got 4 and 2"),
        ({"mask": np.ones(XYZ[:2])}, r"imDataParams.mask: expected shape \(5, 4, 3\), got \(5, 4\)"),
        ({"mask": np.ones(XYZ) * 1j}, "imDataParams.mask: expected real numbers"),
        ({"PrecessionIsClockwise": [1, 1]}, "expected one number in imDataParams.PrecessionIsClockwise"),
    ],
)
def test_fields_of_another_form(tmp_path, fields, message):
    path = saved(tmp_path / "a.mat", **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("spacing", [(1, 2), (1, 2, 0), (1, 2, np.nan)])
def test_spacing_is_checked(tmp_path, spacing):
    with pytest.raises(ValueError, match="spacing: expected three numbers above 0"):
        read(saved(tmp_path / "a.mat"), spacing=spacing)


def test_precession_is_checked(tmp_path):
    with pytest.raises(ValueError, match="precession: expected 1, -1 or None, got 2"):
        read(saved(tmp_path / "a.mat"), precession=2)


def test_other_variables(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"data": np.ones(3), "more": 1})
    with pytest.raises(ValueError, match="expected one struct imDataParams, got the variables data, more"):
        read(tmp_path / "a.mat")


# The first 128 bytes of a file that MATLAB wrote with -v7.3; HDF5 follows at byte 512.
HDF5 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 schema 1.00 .".ljust(124)
HDF5 = (HDF5 + b"\x00\x02IM").ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(200)


def test_hdf5_is_named(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(HDF5)
    with pytest.raises(ValueError, match=r"got one of MATLAB 7\.3 \(HDF5\); .*'-v7'") as caught:
        read(path)
    one_line(caught.value, path)


@pytest.mark.parametrize("kept", [0, 3, 100, 130, 0.5, 0.98])
@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_refused(tmp_path, kept, compressed):
    scipy.io.savemat(tmp_path / "whole.mat", {"imDataParams": {"images": IMAGES}}, do_compression=compressed)
    data = (tmp_path / "whole.mat").read_bytes()
    path = tmp_path / "a.mat"
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(ValueError, match=r"cannot be read as a MATLAB file|expected one struct") as caught:
        read(path)
    one_line(caught.value, path)


def test_no_matlab_file(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"hello, this is no matrix\n" * 40)
    with pytest.raises(ValueError, match="cannot be read as a MATLAB file"):
        read(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(tmp_path / "b.mat")
    with pytest.raises(ValueError, match=r"expected a MATLAB file of the fat-water toolbox \(\.mat\), got \.nii"):
        read(tmp_path / "a.nii" if (tmp_path / "a.nii").write_text("x") else None)


# Six fat peaks and a sampling of the field: enough to tell the sign of the phase.
PPM = np.array([-3.80, -3.40, -2.60, -1.94, -0.39, 0.60])
AMPLITUDES = np.array([0.087, 0.693, 0.128, 0.004, 0.039, 0.049])


def residual(signal, times, field_strength):
    """The relative residual of the water-fat model at the best of many fields [Hz] and R2* [1/s], over all voxels."""
    fat = np.exp(2j * np.pi * 42.577 * field_strength * np.outer(times, PPM)) @ AMPLITUDES
    best = np.full(len(signal), np.inf)
    for decay in (0, 20, 40, 60, 100, 150):
        basis, _ = np.linalg.qr(np.stack([np.ones_like(fat), fat], axis=1) * np.exp(-decay * times)[:, None])
        for field in range(-400, 400, 5):
            turned = signal * np.exp(-2j * np.pi * field * times)
            left = np.sum(np.abs(signal) ** 2, axis=1) - np.sum(np.abs(turned @ basis.conj()) ** 2, axis=1)
            best = np.minimum(best, left)
    return np.sqrt(best.sum() / np.sum(np.abs(signal) ** 2))


def contrast(magnitude, mask):
    return magnitude[mask].mean() / magnitude[~mask].mean()


@pytest.mark.parametrize(
    ("name", "shape", "field_strength"),
    [
        ("ismrm2012/ismrm_13", (4, 131, 256, 4), 3.0),
        ("ismrm2012/ismrm_15", (5, 55, 256, 4), 1.494),
        ("ismrm2012/ismrm_16", (3, 208, 160, 5), 1.494),
        ("b0nice/b0nice_99", (1, 256, 256, 6), 3.0),
    ],
)
def test_real_data_have_the_sign_of_the_model(shared_data, name, shape, field_strength):
    found = read(shared_data / "fatwater" / f"{name}.mat")
    series = found.series

    assert series.signal.shape == shape
    assert (series.field_strength, series.precession) == (field_strength, 1)
    magnitude = np.abs(series.signal[..., 0])
    voxels = series.signal[magnitude > 0.2 * np.percentile(magnitude, 99)][::40]
    assert (found.mask is None) == (name == "b0nice/b0nice_99")
    if found.mask is not None:
        inside, *flipped = (
            contrast(magnitude, mask) for mask in (found.mask, found.mask[:, ::-1], found.mask[..., ::-1])
        )
        assert inside > 4  # 4.7 to 14.6
        assert inside > 1.3 * max(flipped)
    right = residual(voxels, series.echo_times, series.field_strength)
    wrong = residual(voxels.conj(), series.echo_times, series.field_strength)
    assert right < 0.7 * wrong  # 0.30 to 0.61 in these four


def test_real_data_stand_as_in_the_images_of_the_challenge_winner(shared_data):
    folder = shared_data / "fatwater" / "ismrm2012"
    series, _, _, *_ = read(folder / "ismrm_16.mat")
    image_module = pytest.importorskip("PIL.Image")  # comes with matplotlib
    with image_module.open(folder / "FattyRiot_16.png") as image:
        png = np.asarray(image.convert("F"))
    fat, water = png[:160], png[160:]  # rows are x; slices from left to right
    for k in range(3):
        part = slice(208 * k, 208 * (k + 1))
        winner = (fat + water)[:, part]
        ours = np.abs(series.signal[k, :, :, 0]).T
        assert np.corrcoef(winner.ravel(), ours.ravel())[0, 1] > 0.9  # 0.93; 0.89 with a slice that is not its own
