import numpy as np
import pytest

from mrbiomarkers.fatwater.phase_units import phase_to_radians

RNG = np.random.default_rng(31)
PI = np.pi
# Every part of the turn, both ends of it too.
TRUTH = np.concatenate([[-PI, 0.9999 * PI], RNG.uniform(-PI, PI, 598)]).reshape(10, 20, 3)
TRUTH[0, 0, 1:] = -PI, 0.9999 * PI


def same_phase(one, other, tolerance):
    return np.abs(np.exp(1j * one) - np.exp(1j * other)).max() < tolerance


@pytest.mark.parametrize(
    ("stored", "words", "tolerance"),
    [
        (TRUTH, "", 1e-12),
        (TRUTH.astype(np.float32), "", 1e-6),
        (np.mod(TRUTH, 2 * PI), "", 1e-12),
        (TRUTH * 0.2, "taken as radians, though they do not fill", None),
        (np.floor(TRUTH / PI * 4096).astype(np.int16), "-4096 to 4095 taken as -4096 to 4096 (Siemens)", 1e-3),
        (2.0 * np.floor(TRUTH / PI * 2048), "-4096 to 4094 taken as -4096 to 4096 (Siemens)", 2e-3),
        (np.floor(TRUTH / PI * 2048 + 2048).astype(np.uint16), "0 to 4095 taken as 0 to 4096", 2e-3),
        (np.floor(TRUTH * 1000).astype(np.int16), "-3142 to 3141 taken as -3142 to 3142 (thousandths", 1e-3),
        # Philips: stored 0 to 4095 with a slope that leaves no whole numbers.
        (np.rint((TRUTH + PI) / (2 * PI) * 4095) * 1.534 - 3141, "(thousandths of a radian)", 2e-3),
    ],
)
def test_known_units(stored, words, tolerance):
    kept = stored.copy()

    phase, note = phase_to_radians(stored)

    assert (note == "") if words == "" else (words in note)
    assert same_phase(phase, TRUTH if tolerance else stored, tolerance or 1e-12)
    np.testing.assert_array_equal(stored, kept)


@pytest.mark.parametrize(
    ("stored", "phase_range"),
    [
        (np.rad2deg(TRUTH), (-180, 180)),
        (TRUTH / PI, (-1, 1)),
        (TRUTH / PI * 2048, (-2048, 2048)),
        (TRUTH + 6 * PI, (-PI, PI)),  # unwrapped
        (np.mod(TRUTH, 2 * PI) - PI, (0, 2 * PI)),
    ],
)
def test_a_given_range(stored, phase_range):
    phase, note = phase_to_radians(stored, phase_range=phase_range)

    expected = TRUTH if phase_range != (0, 2 * PI) else np.mod(TRUTH, 2 * PI) - 2 * PI
    assert same_phase(phase, expected, 1e-9)
    assert "taken as -pi to pi, as given" in note


def test_gaps_are_passed_over():
    stored = np.floor(TRUTH / PI * 4096).astype(np.float32)
    stored[3, 4, 1], stored[3, 5, 1] = np.nan, np.inf

    phase, _ = phase_to_radians(stored)

    assert phase.dtype == np.float32
    assert np.isnan(phase[3, 4, 1])
    assert np.count_nonzero(~np.isfinite(phase)) == 2


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.rad2deg(TRUTH), r"got -180 to 179.* look like degrees: then phase_range is \(-180, 180\)"),
        (np.mod(np.rad2deg(TRUTH), 360), r"look like degrees: then phase_range is \(0, 360\)"),
        (TRUTH / PI * 2048, r"expected values of -pi to pi or .*; got -2048 to 2047.*phase_range="),
        (TRUTH * 500, r"expected values of .*; got -1570.* to 1570"),  # neither end of any range
        (np.abs(TRUTH / PI), r"expected values of .*; got .* to 1\. "),
        (np.rint(TRUTH), "expected values of .*; got -3 to 3"),  # rounded radians
        (TRUTH + 20, r"expected values of .*; got 16\.8"),
        (np.zeros((4, 5, 2)), "expected an image, got 0 in every voxel of echo 1"),
        (np.stack([TRUTH[..., 0], np.full((10, 20), 7.0)], axis=-1), "got 7 in every voxel of echo 2"),
        (np.full((4, 5, 2), np.nan), "expected finite values, got none in the image of echo 1"),
    ],
)
def test_what_is_refused(stored, message):
    with pytest.raises(ValueError, match=message):
        phase_to_radians(stored)


@pytest.mark.parametrize(
    ("phase_range", "message"),
    [
        ((1, 1), "bounds of phase_range: expected lower < upper"),
        ((-PI, PI), "phase_range: expected the range of the values, got -3.14159 to 3.14159 for values of -4096"),
        ((0, np.inf), "phase_range: expected the range of the values"),
    ],
)
def test_a_given_range_that_does_not_fit(phase_range, message):
    with pytest.raises(ValueError, match=message):
        phase_to_radians(TRUTH / PI * 4096, phase_range=phase_range)
