import json

import numpy as np
import pytest

from mrbiomarkers.files import EchoFiles, echo_times_from_ms, read_echo_series
from Testing.support.volumes import SHAPE, one_line, write_nifti

TE = np.array([1.24e-3, 2.22e-3, 3.2e-3])
FIELDS = {"EchoTime": TE.tolist(), "MagneticFieldStrength": 3, "RepetitionTime": 0.0086, "FlipAngle": 3}
IMAGES = 1 + np.random.default_rng(33).random((*SHAPE, 3)).astype(np.float32)


def read(folder, fields, **given):
    """A series of one file with a JSON file beside it."""
    path = write_nifti(folder / "m.nii.gz", IMAGES)
    (folder / "m.json").write_text(fields if isinstance(fields, str) else json.dumps(fields))
    return read_echo_series(EchoFiles(magnitude=path), **given)


def read_each(folder, fields, part="magnitude", **files):
    """A series of one file an echo, with a JSON file beside each."""
    paths = []
    for n, one in enumerate(fields):
        paths.append(write_nifti(folder / f"{part}{n}.nii", IMAGES[..., n]))
        (folder / f"{part}{n}.json").write_text(json.dumps(one))
    return EchoFiles(**{part: paths}, **files)


def test_milliseconds_of_a_person():
    np.testing.assert_array_equal(echo_times_from_ms([1.24, 2.22, 3.2]), TE)
    np.testing.assert_array_equal(echo_times_from_ms(5), [5e-3])
    np.testing.assert_array_equal(echo_times_from_ms([2.22, 1.24]), TE[[1, 0]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.00124, 0.00222], "expected milliseconds, as 1.24 2.22; got 0.00124 0.00222; are these seconds?"),
        ([1240, 2220], "got 1240 2220; are these microseconds?"),
        ([1.24, -2.22], "expected milliseconds, as 1.24 2.22; got 1.24 -2.22$"),
        ([0, 1.2], "expected milliseconds"),
        ([np.nan, 1.2], "expected milliseconds"),
        ([], "got none"),
        ([[1.2, 2.3]], "expected 1 dimensions"),
    ],
)
def test_what_is_not_milliseconds(values, message):
    with pytest.raises(ValueError, match=message):
        echo_times_from_ms(values)


def test_text_is_no_number():
    with pytest.raises(TypeError, match="echo times: expected real numbers"):
        echo_times_from_ms(["1.24", "2.22"])


def test_a_list_beside_one_file(tmp_path):
    series, notes, _, *_ = read(tmp_path, {**FIELDS, "PatientName": "Doe^Jane"})

    np.testing.assert_array_equal(series.echo_times, TE)
    assert (series.field_strength, series.repetition_time, series.flip_angle) == (3.0, 0.0086, 3.0)
    assert "Doe" not in repr(series) + repr(notes)


def test_what_is_given_goes_first_and_the_difference_is_said(tmp_path):
    series, notes, _, *_ = read(
        tmp_path, FIELDS, echo_times=TE + 1e-4, field_strength=2.89, repetition_time=0.009, flip_angle=3.0
    )

    np.testing.assert_array_equal(series.echo_times, TE + 1e-4)
    assert (series.field_strength, series.repetition_time) == (2.89, 0.009)
    assert notes == (
        "echo times 1.34, 2.32, 3.3 ms used as given; the files say 1.24, 2.22, 3.2 ms",
        "field strength 2.89 T used as given; the files say 3 T",
        "repetition time 9 ms used as given; the files say 8.6 ms",
    )


def test_the_same_given_to_a_hundredth_of_a_millisecond_is_no_difference(tmp_path):
    assert read(tmp_path, FIELDS, echo_times=[0.00124, 0.00222, 0.00321], field_strength=3.0).notes[2:] == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**FIELDS, "EchoTime": 0.00124}, "no echo times found"),  # one time for three echoes
        ({**FIELDS, "EchoTime": [1.24, 2.22, 3.2]}, r"are these milliseconds\? \(from the files\)"),
        ({**FIELDS, "EchoTime": [0.001, 0.001, 0.002]}, r"ascending values, each once.*\(from the files\)"),
        ({**FIELDS, "EchoTime": ["a"]}, r'EchoTime: expected numbers above 0, got \["a"\]'),
        ({**FIELDS, "MagneticFieldStrength": "3T"}, 'MagneticFieldStrength: expected numbers above 0, got "3T"'),
        ({**FIELDS, "MagneticFieldStrength": 30000}, "field_strength: expected 0.05 to 20 T"),
        ({**FIELDS, "FlipAngle": True}, "FlipAngle: expected numbers above 0, got true"),
        ({**FIELDS, "RepetitionTime": -1}, "RepetitionTime: expected numbers above 0, got -1"),
        ("{", "cannot be read as JSON"),
        ("[1, 2]", "no echo times found"),
    ],
)
def test_a_json_file_that_cannot_be_used(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("times", [[0.001, 0.002], [[0.001, 0.002], [0.003], []]])
def test_incomplete_echo_times_are_not_used(tmp_path, times):
    files = read_each(tmp_path, [{**FIELDS, "EchoTime": t} for t in [*times, 0.003][:3]])
    if len(times) == 2:
        (tmp_path / "magnitude1.json").unlink()

    with pytest.raises(ValueError, match="no echo times found"):
        read_echo_series(files)


def test_files_that_disagree(tmp_path):
    files = read_each(
        tmp_path, [{**FIELDS, "EchoTime": t, "MagneticFieldStrength": f} for t, f in zip(TE, (3, 3, 1.5), strict=True)]
    )

    with pytest.raises(
        ValueError, match=r"expected MagneticFieldStrength 3 as in .*magnitude0.json, got 1.5"
    ) as caught:
        read_echo_series(files)
    one_line(caught.value, tmp_path / "magnitude2.json")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("EchoTime", 0.005, r"same echo times for all parts, got 1.24, 2.22, 3.2 ms for the real .* 5 ms for the imag"),
        ("FlipAngle", 6, "flip angle: expected one for all images, got 3 and, of the imaginary images, 6 degrees"),
    ],
)
def test_parts_that_disagree(tmp_path, key, value, message):
    fields = [{**FIELDS, "EchoTime": t} for t in TE]
    real = read_each(tmp_path, fields, "real", imaginary="x.nii").real
    other = [dict(one) for one in fields]
    for one in other if key == "FlipAngle" else other[2:]:
        one[key] = value
    files = read_each(tmp_path, other, "imaginary", real=real)

    with pytest.raises(ValueError, match=message):
        read_echo_series(files)
