import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.phantom.signal import rician
from mrbiomarkers.phantom.tissues import MARROW_S0
from mrbiomarkers.registration import InPlaneMotion, correct_motion, shift_table_csv
from mrbiomarkers.series import DiffusionSeries

BVALUES = (0.0, 50.0, 200.0, 400.0, 800.0, 1200.0)
SLICES, FINE = 5, 192
FIELD = 250.0  # mm
# dx, dy [mm], rotation [deg]: up to 3 mm and 2 degrees; the last but one moves too little to be touched.
TRUTH = ((0, 0, 0), (2.9, -1.3, 1.1), (-0.6, 3.0, -2.0), (-2.2, -2.7, 0.4), (0.2, -0.25, 0.05), (1.9, 0.8, -1.7))


@pytest.fixture(scope="module")
def fine():
    return lumbar_diffusion(shape=(SLICES, FINE, FINE), snr=None, bvalues=BVALUES)


def binned(values, rows, columns):
    k, j, i = values.shape
    return values.reshape(k, j // rows, rows, i // columns, columns).mean(axis=(2, 4))


def turned(rotation):
    angle = np.deg2rad(rotation)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def moved(image, dx, dy, rotation, rows, columns):
    """Move the anatomy on the fine matrix (cubic interpolation), then average blocks to the coarse one."""
    pixel, centre = FIELD / FINE, np.full(2, (FINE - 1) / 2)
    back = turned(rotation).T[::-1, ::-1]  # of (j, i)
    offset = centre - back @ (centre + np.array([dy, dx]) / pixel)
    slices = [ndimage.affine_transform(part, back, offset=offset, order=3, mode="nearest") for part in image]
    return binned(np.stack(slices), rows, columns)


def oblique(spacing):
    """12 degrees about two axes."""
    c, s = np.cos(np.deg2rad(12)), np.sin(np.deg2rad(12))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    affine = np.eye(4)
    affine[:3, :3] = turn[:, [1, 2, 0]] * np.array(spacing) * [1, -1, 1]
    affine[:3, 3] = (-80, 120, 33)
    return affine


def simulated(fine, truth=TRUTH, snr=40.0, rows=2, columns=2):
    clean = fine.series.signal.astype(np.float64)
    images = [moved(clean[..., n], *motion, rows, columns) for n, motion in enumerate(truth)]
    noisy = rician(np.stack(images, axis=-1), MARROW_S0 / snr, np.random.default_rng(4)).astype(np.float32)
    return DiffusionSeries(noisy, BVALUES, oblique((FIELD / FINE * columns, FIELD / FINE * rows, 4.5)))


def bodies(fine, rows=2, columns=2):
    union = np.any([fine.regions[level] for level in ("L1", "L2", "L3", "L4", "L5")], axis=0)
    return binned(union.astype(float), rows, columns) == 1


def residuals(result, truth, where):
    """Root mean square distance [mm] in RAS between found and true positions of the voxels, for each image."""
    affine, shape = result.series.affine, result.series.grid_shape
    index = np.argwhere(where)[:, ::-1]
    still = index @ affine[:3, :3].T + affine[:3, 3]
    axes = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    centre = affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2) + affine[:3, 3]
    found = []
    for shift, (dx, dy, rotation) in zip(result.shifts, truth, strict=True):
        plane = (still - centre) @ axes
        true = still + (plane @ turned(rotation).T - plane + [dx, dy]) @ axes.T
        mapped = still @ shift.matrix[:3, :3].T + shift.matrix[:3, 3]
        found.append(np.sqrt(np.mean(np.sum((mapped - true) ** 2, axis=1))))
    return np.array(found[1:])


@pytest.fixture(scope="module")
def series(fine):
    return simulated(fine)


@pytest.fixture(scope="module")
def corrected(series):
    return correct_motion(series)


# The bars: the median error is at most 0.2 mm, the largest 0.6 mm; voxels of 2.6 mm, SNR 40.


def test_known_motion_of_an_oblique_series_is_found(fine, corrected):
    errors = residuals(corrected, TRUTH, bodies(fine))

    assert np.median(errors) <= 0.2
    assert errors.max() <= 0.6
    assert [shift.outcome for shift in corrected.shifts] == [
        "reference",
        *["applied"] * 3,
        "below threshold",
        "applied",
    ]


def test_known_motion_is_found_with_a_mask_and_another_reference(fine, series):
    where = bodies(fine)

    result = correct_motion(series, mask=where, reference=0, threshold=0)
    errors = residuals(result, TRUTH, where)

    assert np.median(errors) <= 0.25
    assert errors.max() <= 0.6
    assert [result.shifts[image].applied for image in (0, 1, 2, 3, 5)] == [False] + [True] * 4


def test_pixels_that_are_not_square(fine):
    truth = TRUTH[:3] + TRUTH[5:] + TRUTH[:2]
    given = simulated(fine, truth, rows=2, columns=1)
    images = [0, 1, 2]
    given = replace(given, signal=given.signal[..., images], bvalues=given.bvalues[images])

    errors = residuals(correct_motion(given), truth[:3], bodies(fine, rows=2, columns=1))

    assert errors.max() <= 0.3


def test_undoing_brings_the_signal_back(fine, series, corrected):
    still = np.stack([binned(fine.series.signal[..., n], 2, 2) for n in range(len(BVALUES))], axis=-1)
    inner = np.zeros(series.grid_shape, bool)
    inner[:, 8:-8, 8:-8] = True

    def error(signal):
        return np.sqrt(np.mean((signal[inner][:, [1, 2, 3, 5]] - still[inner][:, [1, 2, 3, 5]]) ** 2))

    assert error(corrected.series.signal) < 0.35 * error(series.signal)


def test_what_did_not_move_is_returned_bit_for_bit(fine):
    still = simulated(fine, ((0, 0, 0),) * len(BVALUES))

    result = correct_motion(still)

    assert result.series is still
    assert {shift.outcome for shift in result.shifts[1:]} == {"below threshold"}


def test_images_below_the_threshold_are_returned_bit_for_bit_among_others(series, corrected):
    np.testing.assert_array_equal(corrected.series.signal[..., [0, 4]], series.signal[..., [0, 4]])
    assert not np.array_equal(corrected.series.signal[..., 1], series.signal[..., 1], equal_nan=True)
    assert corrected.series.signal.dtype == np.float32
    assert corrected.series.bvalues is not None


def test_the_result_is_the_same_on_every_run_and_the_input_is_not_changed(series, corrected):
    before = series.signal.copy()

    again = correct_motion(series)

    np.testing.assert_array_equal(again.series.signal, corrected.series.signal)
    np.testing.assert_array_equal(series.signal, before)
    assert shift_table_csv(again) == shift_table_csv(corrected)


def test_the_table_of_shifts_has_units_and_a_line_for_each_image(corrected):
    rows = list(csv.DictReader(io.StringIO(shift_table_csv(corrected))))

    assert [row["b_s_per_mm2"] for row in rows] == ["0", "50", "200", "400", "800", "1200"]
    assert [row["applied"] for row in rows] == ["no", "yes", "yes", "yes", "no", "yes"]
    for row, (dx, dy, rotation) in zip(rows, TRUTH, strict=True):
        found = [float(row[name]) for name in ("dx_mm", "dy_mm", "rotation_deg")]
        np.testing.assert_allclose(found, (dx, dy, rotation), atol=0.45)
    assert (rows[0]["outcome"], rows[0]["metric_before_nat"]) == ("reference", "")
    assert all(float(row["metric_after_nat"]) > float(row["metric_before_nat"]) for row in rows[1:4])


def pair(series, images=(0, 1)):
    images = list(images)
    return replace(series, signal=series.signal[..., images].copy(), bvalues=series.bvalues[images])


def test_missing_voxels_stay_missing_and_disturb_no_others(series, corrected):
    given = pair(series)
    given.signal[2, 10:14, 10:14, 1] = np.nan
    given.signal[1, 60, 60, 0] = np.inf
    given.signal[4, :, :, 1] = np.nan

    result = correct_motion(given)
    part, whole = result.series.signal[..., 1], corrected.series.signal[..., 1]

    moved_by = [getattr(result.shifts[1].motion, name) for name in ("dx", "dy", "rotation")]
    np.testing.assert_allclose(moved_by, TRUTH[1], atol=0.3)
    assert np.isnan(part[4]).all()
    assert 16 <= np.count_nonzero(np.isnan(part[2]) & ~np.isnan(whole[2])) <= 60
    assert np.count_nonzero(np.isnan(part[0]) != np.isnan(whole[0])) < 20  # a hair's breadth at the border
    assert np.isinf(result.series.signal[1, 60, 60, 0])


def test_one_slice_and_float64(series):
    given = pair(series)
    given = replace(given, signal=given.signal[2:3].astype(np.float64))

    result = correct_motion(given)

    assert result.series.signal.dtype == np.float64
    motion = result.shifts[1].motion
    np.testing.assert_allclose((motion.dx, motion.dy, motion.rotation), TRUTH[1], atol=0.3)


def test_a_shift_that_no_patient_makes_is_not_applied(series, monkeypatch):
    far = InPlaneMotion(20.0, 0.0, 0.0)
    monkeypatch.setattr("mrbiomarkers.registration.motion.Aligner.find", lambda self, image: (far, 0.1, 0.2))

    result = correct_motion(pair(series))

    assert (result.shifts[1].outcome, result.series.signal.shape[-1]) == ("not credible", 2)
    assert not result.shifts[1].applied


def test_a_shift_that_makes_nothing_better_is_not_applied(series, monkeypatch):
    small = InPlaneMotion(3.0, 0.0, 0.0)
    monkeypatch.setattr("mrbiomarkers.registration.motion.Aligner.find", lambda self, image: (small, 0.2, 0.2))

    assert correct_motion(pair(series)).shifts[1].outcome == "no better"


def test_an_image_that_cannot_be_compared_is_left_and_named(series):
    given = pair(series, (0, 1, 2))
    given.signal[:, :, :48, 0] = np.nan
    given.signal[:, :, 46:, 1] = np.nan  # nothing in common with the reference

    result = correct_motion(given)

    assert [shift.outcome for shift in result.shifts] == ["reference", "not comparable", "applied"]
    np.testing.assert_array_equal(result.series.signal[..., 1], given.signal[..., 1])
    assert shift_table_csv(result).splitlines()[2] == "2,50,,,,,,no,not comparable,,"


def test_progress_counts_the_images_and_can_cancel(series):
    calls = []
    correct_motion(pair(series, (0, 1, 2)), reference=1, progress=lambda *given: not calls.append(given))

    assert calls == [(1, 2), (2, 2)]
    with pytest.raises(InterruptedError, match="cancelled after 1 of 5 images"):
        correct_motion(series, progress=lambda done, total: False)


def test_a_single_image_is_refused_where_series_are_checked(series):
    with pytest.raises(ValueError, match="bvalues: expected at least two different b-values"):
        correct_motion(pair(series, (0,)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": np.ones((5, 96, 95), bool)}, r"mask: expected shape \(5, 96, 96\), got"),
        ({"mask": np.zeros((5, 96, 96), bool)}, "mask: expected at least one voxel"),
        ({"threshold": -0.1}, "threshold: expected a number of voxels"),
        ({"threshold": np.nan}, "threshold: expected a number of voxels"),
        ({"reference": "mean"}, "reference: expected one of lowest b; got 'mean'"),
        ({"reference": 6}, "reference: expected 'lowest b' or 0 to 5, got 6"),
    ],
)
def test_arguments_that_do_not_fit_are_named(series, options, message):
    with pytest.raises(ValueError, match=message):
        correct_motion(series, **options)


@pytest.mark.parametrize(("value", "got"), [(np.nan, "only NaN or infinite values"), (0, "only 0")])
def test_an_image_without_contrast_is_named(series, value, got):
    given = pair(series)
    given.signal[..., 1] = value

    with pytest.raises(ValueError, match=f"got {got} in image 2 .b 50 s/mm2."):
        correct_motion(given)


def test_skewed_axes_are_refused(series):
    affine = series.affine.copy()
    affine[:3, 0] += 0.1 * affine[:3, 1]

    with pytest.raises(ValueError, match="affine: expected axes i and j at right angles"):
        correct_motion(replace(series, affine=affine))
