"""Intraclass correlation: the published table, independent sums, simulated coverage and bad input."""

from __future__ import annotations

import csv
import json
import time

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.agreement import IccStatus, icc, icc_band

KINDS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")
# Shrout and Fleiss 1979, table 2; six targets, four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
# Their table 4, and the intervals that the R package psych prints for these data, to its digits.
PUBLISHED = {
    "1,1": (0.17, -0.133, 0.72),
    "2,1": (0.29, 0.019, 0.76),
    "3,1": (0.71, 0.342, 0.95),
    "1,k": (0.44, -0.884, 0.91),
    "2,k": (0.62, 0.071, 0.93),
    "3,k": (0.91, 0.676, 0.99),
}


def simulated(rng, columns, n, k, raters, error=1.0, subjects=8.0):
    """Ratings (columns, n, k) of a two-way random layout with these variances."""
    return (
        rng.normal(0, np.sqrt(subjects), (columns, n, 1))
        + rng.normal(0, np.sqrt(raters), (columns, 1, k))
        + rng.normal(0, np.sqrt(error), (columns, n, k))
    )


def one_f_test(x):
    """F, its degrees of freedom and p of the subjects, by sums written out (two-way)."""
    n, k = x.shape
    total = ((x - x.mean()) ** 2).sum()
    between = sum(k * (row.mean() - x.mean()) ** 2 for row in x)
    raters = sum(n * (column.mean() - x.mean()) ** 2 for column in x.T)
    f = (between / (n - 1)) / ((total - between - raters) / ((n - 1) * (k - 1)))
    return f, n - 1, (n - 1) * (k - 1), 1 - stats.f.cdf(f, n - 1, (n - 1) * (k - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_1979(kind):
    result = icc(JUDGES, kind)
    value, low, high = PUBLISHED[kind]
    assert round(float(result.value), 2) == value
    assert round(float(result.ci_low), 3) == low
    assert round(float(result.ci_high), 2) == high
    assert (result.kind, result.n_raters, int(result.n_subjects), int(result.n_incomplete)) == (kind, 4, 6, 0)
    assert result.status == IccStatus.COMPUTED
    assert result.warnings == ()


def test_the_analysis_of_variance_of_1979():
    result = icc(JUDGES, "2,1")
    squares = {name: round(float(value), 2) for name, value in result.mean_squares.items()}
    assert squares == {"subjects": 11.24, "raters": 32.49, "error": 1.02, "within": 6.26}
    assert (float(result.df1), float(result.df2)) == (5, 15)
    assert float(result.f) == pytest.approx(11.03, abs=0.005)
    one_way = icc(JUDGES, "1,1")
    assert (float(one_way.df1), float(one_way.df2)) == (5, 18)
    assert float(one_way.f) == pytest.approx(1.79, abs=0.005)
    assert float(one_way.p) == pytest.approx(0.165, abs=0.0005)


def test_the_stored_table_and_its_answers(shared_data):
    folder = shared_data / "response" / "icc_shrout_fleiss"
    with (folder / "shrout_fleiss_1979.csv").open(encoding="utf-8") as file:
        ratings = np.array([[float(value) for value in row[1:]] for row in list(csv.reader(file))[1:]])
    answers = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    answers = {name.split("=")[0]: numbers for name, numbers in answers.items() if name != "source"}
    assert len(answers) == 6
    for name, (value, low, high) in answers.items():
        result = icc(ratings, name)
        assert float(result.value) == pytest.approx(value, abs=6e-7)
        assert (float(result.ci_low), float(result.ci_high)) == pytest.approx((low, high), abs=0.0051)  # two digits


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0.929, 0.888, 0.955),
        (0.946, 0.915, 0.966),
        (0.849, 0.768, 0.903),
        (0.868, 0.796, 0.916),
        (0.924, 0.880, 0.952),
        (0.911, 0.861, 0.944),
    ],
)
def test_the_intervals_of_the_lesion_study_are_those_of_consistency(value, low, high):
    # 70 lesions, two readers: any ratings with this ICC(3,1) have this interval
    rng = np.random.default_rng(5)
    total, apart = rng.normal(size=(2, 70))
    total, apart = total - total.mean(), apart - apart.mean()
    total *= np.sqrt((1 + value) / (total @ total))
    apart *= np.sqrt((1 - value) / (apart @ apart))
    result = icc(np.stack([total + apart, total - apart + 3.0], axis=1), "3,1")
    assert float(result.value) == pytest.approx(value, abs=1e-9)
    assert (float(result.ci_low), float(result.ci_high)) == pytest.approx((low, high), abs=0.00051)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("1", "1,1"), ("A,1", "2,1"), ("C,1", "3,1"), ("k", "1,k"), ("ICC(A,k)", "2,k"), ("icc(C, K)", "3,k")],
)
def test_names_of_mcgraw_and_wong(name, kind):
    assert icc(JUDGES, name).kind == kind
    assert float(icc(JUDGES, name).value) == float(icc(JUDGES, kind).value)


def test_f_and_p_equal_sums_written_out():
    x = simulated(np.random.default_rng(2), 1, 11, 3, 0.5, subjects=0.5)[0]
    result = icc(x, "3,1")
    expected = one_f_test(x)
    assert [float(v) for v in (result.f, result.df1, result.df2, result.p)] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_together_equal_one_by_one(kind):
    x = simulated(np.random.default_rng(3), 6, 12, 2, 0.3).reshape(2, 3, 12, 2)
    x[0, 1, 4, 0] = np.nan
    together = icc(x, kind)
    for at in np.ndindex(2, 3):
        alone = icc(x[at], kind)
        for name in ("value", "ci_low", "ci_high", "f", "df1", "df2", "p", "n_subjects", "n_incomplete"):
            assert getattr(together, name)[at] == pytest.approx(float(getattr(alone, name)), rel=1e-12), name


@pytest.mark.parametrize("kind", KINDS)
def test_units_and_order_do_not_matter(kind):
    rng = np.random.default_rng(4)
    x = simulated(rng, 1, 15, 3, 0.5)[0]
    reference = icc(x, kind)
    changed = icc(1e6 + 1e-3 * x[rng.permutation(15)][:, [2, 0, 1]], kind)
    for name in ("value", "ci_low", "ci_high"):
        assert float(getattr(changed, name)) == pytest.approx(float(getattr(reference, name)), abs=1e-6)


def test_levels_of_raters_matter_for_agreement_only():
    x = simulated(np.random.default_rng(6), 1, 30, 2, 0.0)[0]
    shifted = x + np.array([0.0, 4.0])
    assert float(icc(shifted, "3,1").value) == pytest.approx(float(icc(x, "3,1").value), rel=1e-12)
    assert float(icc(shifted, "2,1").value) < float(icc(x, "2,1").value) - 0.3


@pytest.mark.parametrize(
    ("kind", "k", "raters", "truth"),
    [
        ("1,1", 2, 0.0, 8 / 9),
        ("3,1", 2, 2.0, 8 / 9),
        ("3,k", 3, 2.0, 8 / (8 + 1 / 3)),
        ("2,1", 10, 0.5, 8 / 9.5),
        ("2,k", 10, 0.5, 8 / 8.15),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(kind, k, raters, truth):
    result = icc(simulated(np.random.default_rng(7), 4000, 25, k, raters), kind)
    assert 0.93 < np.mean((result.ci_low <= truth) & (truth <= result.ci_high)) < 0.97
    assert np.median(result.value) == pytest.approx(truth, abs=0.02)


def test_two_raters_of_many_are_warned_of_and_rightly():
    result = icc(simulated(np.random.default_rng(8), 4000, 70, 2, 2.0), "2,1")
    truth = 8 / 11
    assert np.mean((result.ci_low <= truth) & (truth <= result.ci_high)) < 0.8
    assert "one degree of freedom, so the confidence interval is not reliable" in result.warnings[0]
    assert icc(JUDGES[:, :2], "3,1").warnings == ()
    assert icc(JUDGES[:, :3], "2,1").warnings == ()


def test_incomplete_subjects_are_left_out_of_their_column_only():
    x = simulated(np.random.default_rng(9), 3, 10, 2, 0.2)
    x[1, [0, 7], [0, 1]] = np.nan
    x[2, :, 1] = np.nan
    result = icc(x, "3,1")
    assert float(result.value[1]) == pytest.approx(float(icc(np.delete(x[1], [0, 7], axis=0), "3,1").value), rel=1e-12)
    np.testing.assert_array_equal(result.n_subjects, [10, 8, 0])
    np.testing.assert_array_equal(result.n_incomplete, [0, 2, 10])
    np.testing.assert_array_equal(result.status, [0, 0, IccStatus.TOO_FEW])
    assert np.isnan([getattr(result, name)[2] for name in ("value", "ci_low", "ci_high", "f", "p")]).all()
    assert result.warnings == (
        "no ICC in 1 of 3 columns: fewer than two subjects have all ratings",
        "subjects with a missing rating are left out: at most 10 of a column, in 2 of 3 columns",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_constant_columns_have_no_coefficient_and_identical_raters_one(kind):
    same = np.repeat(0.1 * np.arange(1, 9)[:, None], 2, axis=1)
    result = icc(np.stack([np.full((8, 2), 0.1), same]), kind)
    np.testing.assert_array_equal(result.status, [IccStatus.UNDEFINED, IccStatus.IDENTICAL])
    assert np.isnan([result.value[0], result.ci_low[0], result.ci_high[0], result.f[0], result.p[0]]).all()
    assert [result.value[1], result.ci_low[1], result.ci_high[1], result.p[1]] == [1, 1, 1, 0]
    assert result.f[1] == np.inf
    assert "no ICC in 1 of 2 columns: the ratings do not vary" in result.warnings


def test_raters_a_constant_apart():
    x = np.arange(12.0)[:, None] + [0.0, 3.0]
    consistency, agreement = icc(x, "3,1"), icc(x, "2,1")
    assert [float(v) for v in (consistency.value, consistency.ci_low, consistency.ci_high)] == [1, 1, 1]
    # variance of subjects 13, of raters 4.5, of errors 0
    assert float(agreement.value) == pytest.approx(13 / 17.5, rel=1e-12)
    assert 0 < float(agreement.ci_low) < float(agreement.value) < float(agreement.ci_high) < 1


def test_raters_that_differ_where_subjects_do_not_have_no_coefficient():
    result = icc(np.tile([1.0, 2.0], (5, 1)), "2,1")
    assert result.status == IccStatus.UNDEFINED
    assert np.isnan(result.value)


def test_opposite_raters_are_negative_and_the_mean_of_both_is_undefined():
    x = np.arange(-3.0, 4.0)[:, None] * [1, -1]
    assert float(icc(x, "3,1").value) == pytest.approx(-1)
    average = icc(x, "3,k")
    assert np.isnan(average.value)
    assert average.status == IccStatus.UNDEFINED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 4])
def test_every_interval_holds_its_coefficient(kind, k):
    x = simulated(np.random.default_rng(11), 3000, 4, k, 1.0, subjects=0.1)
    result = icc(x, kind)
    known = result.status == IccStatus.COMPUTED
    assert np.mean(result.value[known] < 0) > 0.2
    assert np.all(result.ci_low[known] <= result.value[known])
    assert np.all(result.value[known] <= result.ci_high[known])
    assert np.all(result.ci_high[known] <= 1)


def test_thousands_of_features_take_no_time():
    x = simulated(np.random.default_rng(10), 1130, 40, 2, 0.2)
    start = time.perf_counter()
    icc(x, "2,1")
    assert time.perf_counter() - start < 1.0


def test_the_input_is_left_as_it_was():
    x = JUDGES.astype(float)
    x[2, 1] = np.nan
    before = x.copy()
    icc(x, "2,k")
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("value", "papers", "koo_li"),
    [
        (-0.3, "poor", "poor"),
        (0.2, "poor", "poor"),
        (0.21, "fair", "poor"),
        (0.4, "fair", "poor"),
        (0.5, "moderate", "moderate"),
        (0.6, "moderate", "moderate"),
        (0.75, "good", "moderate"),
        (0.8, "good", "good"),
        (0.849, "excellent", "good"),
        (0.929, "excellent", "excellent"),
        (1.0, "excellent", "excellent"),
        (float("nan"), "undefined", "undefined"),
    ],
)
def test_bands(value, papers, koo_li):
    assert icc_band(value) == papers
    assert icc_band(value, "koo-li") == koo_li


@pytest.mark.parametrize(
    ("ratings", "options", "error", "message"),
    [
        (JUDGES[:1], {}, ValueError, r"ratings: expected at least two subjects, got 1 \(shape \(1, 4\)\)"),
        (JUDGES[:, :1], {}, ValueError, "ratings: expected at least two raters, got 1"),
        (JUDGES[0], {}, ValueError, r"ratings: expected shape \(..., subjects, raters\), got \(4,\)"),
        (JUDGES + np.array([0, 0, 0, np.inf]), {}, ValueError, "ratings: expected finite values, .* got 6 infinite"),
        (JUDGES + 1j, {}, TypeError, "ratings: expected real numbers"),
        (JUDGES, {"kind": "4,1"}, ValueError, "kind: expected one of 1,1; 2,1; .*C,k.*; got '4,1'"),
        (JUDGES, {"confidence": 95}, ValueError, "confidence: expected a number between 0 and 1, .* 95; is it in perc"),
    ],
)
def test_bad_input_is_named(ratings, options, error, message):
    with pytest.raises(error, match=message):
        icc(ratings, **options)


def test_bad_bands_are_named():
    with pytest.raises(ValueError, match=r"value: expected a coefficient of 1 or less, got 92\.9"):
        icc_band(92.9)
    with pytest.raises(ValueError, match="scale: expected one of koo-li, papers; got 'fleiss'"):
        icc_band(0.5, "fleiss")
