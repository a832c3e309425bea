import json

import nibabel
import numpy as np
import pytest

from mrbiomarkers.files import EchoFiles, read_echo_series, write_echo_series
from mrbiomarkers.series import EchoSeries
from Testing.support.volumes import (
    SHAPE,
    oblique_affine,
    one_line,
    position_volume,
    pynrrd_write,
    write_nifti,
    write_nrrd,
)

RNG = np.random.default_rng(30)
N = 6
TE = 1.24e-3 + 0.98e-3 * np.arange(N)
KNOWN = {"echo_times": TE, "field_strength": 3.0}
# The magnitude tells where a voxel is and which echo it is of; the phase takes every value, the ends of a turn too.
MAGNITUDE = position_volume()[..., None] * 0.01 + 1000 * (1 + np.arange(N))
PHASE = RNG.uniform(-np.pi, np.pi, (*SHAPE, N))
PHASE[0, 0, :2] = np.array([-1, 1])[:, None] * 0.9999 * np.pi
TRUTH = MAGNITUDE * np.exp(1j * PHASE)


def written(folder, name, values, *, each=False, affine=None):
    """One 4-D file, or one file an echo."""
    values = values.astype(np.complex64 if np.iscomplexobj(values) else np.float32)
    write = write_nifti if ".nii" in name else write_nrrd
    if not each:
        return write(folder / name, values, affine=affine)
    stem, suffix = name.split(".", 1)
    return [write(folder / f"{stem}_{n}.{suffix}", values[..., n], affine=affine) for n in range(values.shape[-1])]


def complex_nrrd(path, values):
    """As ITK and teem write it: the two parts on an axis of its own."""
    affine = np.diag([-1, -1, 1, 1]) @ oblique_affine()
    none = np.full((1, 3), np.nan)
    parts = np.stack([values.real, values.imag]).transpose(0, 3, 2, 1, 4)
    header = {
        "space": "left-posterior-superior",
        "kinds": ["complex", "domain", "domain", "domain", "list"],
        "space directions": np.vstack([none, affine[:3, :3].T, none]),
        "space origin": affine[:3, 3],
    }
    pynrrd_write(path, parts, header)
    return path


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd"])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("way", ["complex", "magnitude and phase", "real and imaginary", "magnitude"])
def test_every_way_gives_the_same_series(tmp_path, suffix, each, way):
    if way == "complex" and suffix == "nrrd":
        files = EchoFiles(complex=complex_nrrd(tmp_path / "c.nrrd", TRUTH.astype(np.complex64)))
    else:
        parts = {"complex": TRUTH, "magnitude": MAGNITUDE, "phase": PHASE, "real": TRUTH.real, "imaginary": TRUTH.imag}
        names = way.split(" and ")
        files = EchoFiles(**{n: written(tmp_path, f"{n}.{suffix}", parts[n], each=each) for n in names})

    series, notes, *_ = read_echo_series(files, **KNOWN)

    truth = MAGNITUDE if way == "magnitude" else TRUTH
    assert series.kind == ("magnitude" if way == "magnitude" else "complex")
    assert series.signal.dtype == (np.float32 if way == "magnitude" else np.complex64)
    np.testing.assert_allclose(series.signal, truth, atol=1e-6 * np.abs(truth).max())
    np.testing.assert_allclose(series.affine, oblique_affine(), atol=1e-4)  # NIfTI: single precision
    np.testing.assert_array_equal(series.echo_times, TE)
    assert series.field_strength == 3.0
    assert notes == ()


@pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16", ">c16"])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_complex_numbers_of_every_kind_keep_their_gaps(tmp_path, dtype, suffix):
    values = TRUTH.astype(dtype)
    values[0, 1, 2, 3], values[2, 3, 4, 5] = complex(np.nan, 1), complex(2, np.inf)
    header = nibabel.Nifti1Header(endianness=dtype[0])
    header.set_data_dtype(dtype)
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0, 3), oblique_affine(), header)
    nibabel.save(image, tmp_path / f"c.{suffix}")

    series, notes, *_ = read_echo_series(EchoFiles(complex=tmp_path / f"c.{suffix}"), **KNOWN)

    assert series.signal.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(series.signal, values)
    assert notes == ("2 of 60 voxels hold NaN or infinite values",)


@pytest.mark.parametrize("part", ["magnitude", "phase"])
def test_gaps_of_real_numbers_stay_and_are_counted(tmp_path, part):
    arrays = {"magnitude": MAGNITUDE.copy(), "phase": PHASE.copy()}
    arrays[part][1, 2, 3, 4] = np.nan
    arrays[part][1, 2, 2, 4] = np.inf

    files = EchoFiles(**{name: written(tmp_path, f"{name}.nii", values) for name, values in arrays.items()})
    series, notes, *_ = read_echo_series(files, **KNOWN)

    expected = np.zeros((*SHAPE, N), bool)
    expected[1, 2, 2:4, 4] = True
    np.testing.assert_array_equal(~np.isfinite(series.signal), expected)
    assert notes == ("2 of 60 voxels hold NaN or infinite values",)


def test_phase_in_a_scanner_unit_is_said(tmp_path):
    stored = np.floor(PHASE / np.pi * 4096)
    files = EchoFiles(written(tmp_path, "m.nii", MAGNITUDE), written(tmp_path, "p.nii", stored))

    series, notes, *_ = read_echo_series(files, **KNOWN)

    np.testing.assert_allclose(series.signal, TRUTH, rtol=1e-3)  # one step of the phase is 0.8 mrad
    assert notes == ("phase: values of -4096 to 4095 taken as -4096 to 4096 (Siemens), -pi to pi",)


def test_phase_in_an_unknown_unit_names_the_file(tmp_path):
    stored = np.rad2deg(PHASE)
    files = EchoFiles(written(tmp_path, "m.nii", MAGNITUDE), written(tmp_path, "p.nii", stored))

    with pytest.raises(ValueError, match=r"phase: expected values of .* look like degrees") as caught:
        read_echo_series(files, **KNOWN)
    one_line(caught.value, tmp_path / "p.nii")
    series, notes, *_ = read_echo_series(files, **KNOWN, phase_range=(-180, 180))
    np.testing.assert_allclose(series.signal, TRUTH, rtol=2e-6)
    assert notes == ("phase: -180 to 180 taken as -pi to pi, as given",)


@pytest.mark.parametrize("each", [False, True])
def test_images_are_sorted_with_their_echo_times(tmp_path, each):
    order = [3, 0, 5, 1, 2, 4]
    files = EchoFiles(
        magnitude=written(tmp_path, "m.nii", MAGNITUDE[..., order], each=each),
        phase=written(tmp_path, "p.nii", PHASE[..., order], each=each),
    )
    series, notes, *_ = read_echo_series(files, echo_times=TE[order], field_strength=3.0)

    np.testing.assert_allclose(series.signal, TRUTH, rtol=2e-6)
    np.testing.assert_array_equal(series.echo_times, TE)
    assert notes == ("echo times were not in ascending order: they and the images were sorted",)


def test_files_in_another_order_are_told_by_what_stands_beside_them(tmp_path):
    magnitude = written(tmp_path, "m.nii.gz", MAGNITUDE, each=True)
    phase = written(tmp_path, "p.nii.gz", PHASE, each=True)
    for n, path in [*enumerate(magnitude), *enumerate(phase)]:
        fields = {"EchoTime": TE[n], "MagneticFieldStrength": 3, "RepetitionTime": 0.0086, "FlipAngle": 3}
        (tmp_path / path.name.replace(".nii.gz", ".json")).write_text(json.dumps(fields))
    # As a file dialogue may give them, and the phase in yet another order.
    series, notes, *_ = read_echo_series(EchoFiles(magnitude=magnitude[::-1], phase=phase[3:] + phase[:3]))

    np.testing.assert_allclose(series.signal, TRUTH, rtol=2e-6)
    np.testing.assert_array_equal(series.echo_times, TE)
    assert (series.field_strength, series.repetition_time, series.flip_angle) == (3.0, 0.0086, 3.0)
    assert notes[0] == "echo times 1.24, 2.22, 3.2, 4.18, 5.16, 6.14 ms read from the files"
    assert notes[1:] == (
        "field strength 3 T read from the files",
        "repetition time 8.6 ms read from the files",
        "flip angle 3 degrees read from the files",
    )


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_the_way_there_and_back(tmp_path, kind, suffix):
    signal = TRUTH.astype(np.complex64) if kind == "complex" else MAGNITUDE.astype(np.float32)
    series = EchoSeries(signal, TE, 2.89, oblique_affine(), kind=kind, repetition_time=0.0086, flip_angle=3.0)
    paths = {"magnitude": tmp_path / f"m.{suffix}"}
    if kind == "complex":
        paths["phase"] = tmp_path / f"p.{suffix}"

    write_echo_series(paths["magnitude"], series, phase_path=paths.get("phase"))
    back, notes, *_ = read_echo_series(EchoFiles(**paths), readout_axis=2, precession=-1)

    np.testing.assert_allclose(back.signal, series.signal, atol=1e-6 * np.abs(signal).max())
    np.testing.assert_array_equal(back.echo_times, TE)
    assert (back.field_strength, back.repetition_time, back.flip_angle) == (2.89, 0.0086, 3.0)
    assert (back.readout_axis, back.precession) == (2, -1)
    assert len(notes) == 4
    assert not any(str(tmp_path) in note for note in notes)


def test_writing_needs_a_place_for_the_phase(tmp_path):
    series = EchoSeries(TRUTH, TE, 3.0, oblique_affine())
    with pytest.raises(ValueError, match="phase_path: expected a path for a complex series, got None"):
        write_echo_series(tmp_path / "m.nii", series)
    with pytest.raises(ValueError, match="phase_path: expected none for a magnitude series"):
        write_echo_series(
            tmp_path / "m.nii", EchoSeries(MAGNITUDE, TE, 3.0, oblique_affine(), kind="magnitude"), phase_path="p.nii"
        )
    with pytest.raises(ValueError, match=r"expected an image .* got \.mha"):
        write_echo_series(tmp_path / "m.nii", series, phase_path=tmp_path / "p.mha")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "files: expected those of one of: complex; magnitude and phase; .*; got none"),
        ({"phase": "p.nii"}, "got phase"),
        ({"magnitude": "m.nii", "real": "r.nii"}, "got magnitude and real"),
        ({"magnitude": "m.nii", "phase": "./m.nii"}, "m.nii: expected once, got it as magnitude and as phase image"),
        (
            {"magnitude": ["a.nii", "b.nii", "a.nii"]},
            "a.nii: expected once, got it as magnitude and as magnitude image",
        ),
        ({"matlab": ["a.mat", "b.mat"]}, "matlab: expected one file, got 2"),
    ],
)
def test_parts_that_make_no_series(given, message):
    with pytest.raises(ValueError, match=message):
        EchoFiles(**given)


MOVED = oblique_affine(origin=(-71.5, 33.25, 14.125))
FINER = oblique_affine((1.0, 2.5, 4.0))
TURNED = (
    oblique_affine() @ np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) @ np.diag([2, 0.5, 1, 1])
)


@pytest.mark.parametrize(
    ("affine", "difference"),
    [
        (MOVED, r"origin \(-71.50, 33.25, 12.12\) mm RAS\), got .*, origin \(-71.50, 33.25, 14.12\) mm RAS$"),
        (FINER, r"5 x 4 x 3 voxels of 1.25 x 2.5 x 4 mm, .*, got 5 x 4 x 3 voxels of 1 x 2.5 x 4 mm"),
        (TURNED, r"axes turned by up to 90 degrees$"),
    ],
)
@pytest.mark.parametrize("each", [False, True])
def test_another_grid_names_both_files_and_the_difference(tmp_path, affine, difference, each):
    first = written(tmp_path, "m.nii", MAGNITUDE, each=each)
    if each:
        files = EchoFiles(magnitude=[*first[:-1], written(tmp_path, "other.nii", MAGNITUDE[..., -1], affine=affine)])
    else:
        files = EchoFiles(magnitude=first, phase=written(tmp_path, "other.nii", PHASE, affine=affine))

    with pytest.raises(ValueError, match=difference) as caught:
        read_echo_series(files, **KNOWN)
    message = one_line(caught.value, tmp_path / "other.nii")
    assert f"expected the grid of {first[0] if each else first}" in message


def test_another_size_is_another_grid(tmp_path):
    files = EchoFiles(
        magnitude=written(tmp_path, "m.nii", MAGNITUDE), phase=written(tmp_path, "p.nii", PHASE[:, :, :-1])
    )
    with pytest.raises(ValueError, match=r"expected the grid of .*5 x 4 x 3 voxels .* got 4 x 4 x 3 voxels"):
        read_echo_series(files, **KNOWN)


def with_bad_echo(values, value, echo=4):
    bad = values.copy()
    bad[..., echo] = value
    return bad


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"magnitude": MAGNITUDE, "phase": PHASE[..., :5]}, "expected 6 phase images, one for each magnitude image"),
        ({"magnitude": TRUTH.real}, "expected magnitudes of 0 or more, got -.*looks like real, imaginary or phase"),
        ({"magnitude": with_bad_echo(MAGNITUDE, 0)}, r"m\w+(\.nii, image 5|_4\.nii): expected an image, got zero"),
        ({"magnitude": with_bad_echo(MAGNITUDE, np.nan)}, "expected an image, got zero .or no number. in every voxel"),
        ({"complex": with_bad_echo(TRUTH, 0)}, r"c\w+(\.nii, image 5|_4\.nii): expected an image, got zero"),
        (
            {"real": with_bad_echo(TRUTH.real, 0), "imaginary": with_bad_echo(TRUTH.imag, 0)},
            "expected an image, got ze",
        ),
        (
            {"magnitude": MAGNITUDE, "phase": with_bad_echo(PHASE, 0)},
            "phase: expected an image, got 0 in every voxel of",
        ),
        ({"complex": MAGNITUDE}, "expected complex images, got 32-bit float; give real numbers as magnitude and phase"),
        ({"magnitude": TRUTH}, "expected magnitude images, got complex of 32-bit float; give them as complex images"),
    ],
)
def test_images_that_cannot_be_used(tmp_path, each, parts, message):
    files = EchoFiles(**{name: written(tmp_path, f"{name}.nii", values, each=each) for name, values in parts.items()})
    with pytest.raises(ValueError, match=message) as caught:
        read_echo_series(files, **KNOWN)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_imaginary_image_is_no_error(tmp_path):
    files = EchoFiles(
        real=written(tmp_path, "r.nii", TRUTH.real), imaginary=written(tmp_path, "i.nii", with_bad_echo(TRUTH.imag, 0))
    )
    assert not read_echo_series(files, **KNOWN).series.signal[..., 4].imag.any()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["three.nii"], "expected at least two echoes, got one image"),
        (["three.nii", "four.nii"], r"four.nii: expected one image in each of 2 magnitude files, got 6"),
        (["missing.nii"], "no such file"),
        (["three.mha"], r"expected an image \(\.nii, \.nii\.gz, \.nrrd, "),
    ],
)
def test_files_that_make_no_series_of_echoes(tmp_path, names, message):
    written(tmp_path, "three.nii", MAGNITUDE[..., 0])
    written(tmp_path, "four.nii", MAGNITUDE)
    (tmp_path / "three.mha").write_text("x")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_echo_series(EchoFiles(magnitude=[tmp_path / name for name in names]), **KNOWN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"echo_times": TE[:5]}, "echo_times: expected 6 values, one for each echo of .*m.nii, got 5"),
        ({"echo_times": [*TE[:5], TE[0]]}, "echo_times: expected ascending values, each once"),
        ({"echo_times": 1000 * TE}, "are these milliseconds"),
        (
            {"echo_times": None},
            r"no echo times found: a JSON file .* hold EchoTime of each echo, .*\(in Python: echo_ti",
        ),
        ({"field_strength": None}, "no field strength found: a JSON file .* would hold MagneticFieldStrength"),
        ({"field_strength": 3000}, "field_strength: expected 0.05 to 20 T, got 3000"),
        ({"flip_angle": 200}, "flip_angle: expected degrees"),
        ({"repetition_time": 86}, "repetition_time: expected seconds"),
        ({"readout_axis": 3}, "readout_axis: expected 0, 1, 2"),
        ({"precession": 0}, "precession: expected 1, -1"),
        ({"phase_range": (0, 4096)}, "phase_range: expected with phase images only, got magnitude images"),
        ({"spacing": (1, 1, 1)}, "spacing: expected with matlab images only, got magnitude images"),
    ],
)
def test_parameters_are_checked_before_voxels_are_read(tmp_path, given, message):
    path = written(tmp_path, "m.nii", MAGNITUDE)
    path.write_bytes(path.read_bytes()[:-100])  # reading it would be another error
    with pytest.raises(ValueError, match=message):
        read_echo_series(EchoFiles(magnitude=path), **{**KNOWN, **given})


def test_truncated_complex_file_is_refused(tmp_path):
    path = written(tmp_path, "c.nii.gz", TRUTH)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"truncated|cannot be read as an image") as caught:
        read_echo_series(EchoFiles(complex=path), **KNOWN)
    one_line(caught.value, path)
