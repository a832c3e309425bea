"""Tests of counts: SciPy, all tables gone through by hand, the choice of the test, and bad input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.response.groups import compare_categories, compare_counts
from mrbiomarkers.response.groups import fisher as fisher_module
from mrbiomarkers.response.groups.fisher import fisher_p


def by_hand(table):
    """Fisher's p of a 3 x 3 table by going through every table with the same margins."""
    table = np.asarray(table)
    rows, columns = table.sum(axis=1), table.sum(axis=0)

    def chance(cells):
        return 1 / math.prod(math.factorial(int(x)) for x in np.ravel(cells))

    total = extreme = 0.0
    for a, b, c, d in itertools.product(range(rows[0] + 1), range(rows[0] + 1), range(rows[1] + 1), range(rows[1] + 1)):
        cells = np.array([[a, b, rows[0] - a - b], [c, d, rows[1] - c - d], [0, 0, 0]])
        cells[2] = columns - cells[0] - cells[1]
        if cells.min() >= 0:
            total += chance(cells)
            extreme += chance(cells) if chance(cells) <= chance(table) * (1 + 1e-7) else 0.0
    return extreme / total


@pytest.mark.parametrize(("test", "correction"), [("chi-square", False), ("yates", True)])
def test_chi_square_is_that_of_scipy(test, correction):
    found, peer = (
        compare_counts([[37, 29], [8, 10]], test=test),
        stats.chi2_contingency([[37, 29], [8, 10]], correction=correction),
    )
    assert (found.statistic, found.p, found.df[0]) == pytest.approx((peer.statistic, peer.pvalue, peer.dof))


def test_fisher_two_by_two_is_that_of_scipy():
    rng = np.random.default_rng(1)
    for table in rng.integers(0, 15, (50, 2, 2)) + np.array([[1, 0], [0, 1]]):
        assert fisher_p(table).p == pytest.approx(stats.fisher_exact(table).pvalue, abs=1e-8)


@pytest.mark.parametrize("table", [[[3, 1, 4], [1, 5, 2], [2, 0, 5]], [[4, 0, 0], [0, 3, 0], [0, 0, 2]], [[2] * 3] * 3])
def test_fisher_three_by_three_is_the_sum_over_all_tables(table):
    found = fisher_p(np.array(table))
    assert found.method == "exact"
    assert found.p == pytest.approx(by_hand(table), rel=1e-9)
    assert fisher_p(np.array(table).T[::-1]).p == pytest.approx(found.p, rel=1e-9)


def test_fisher_of_the_job_table_of_agresti():
    # Job satisfaction by income (R, ?fisher.test): p = 0.7827
    table = np.array([[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]])
    found = fisher_p(table)
    assert found.p == pytest.approx(0.7827, abs=0.003 if "drawn" in found.method else 5e-5)


def test_drawn_tables_give_nearly_the_exact_p(monkeypatch):
    table = np.array([[4, 1, 0], [2, 7, 1], [0, 3, 6], [1, 1, 5]])
    exact = fisher_p(table)
    monkeypatch.setattr(fisher_module, "_MOST_STEPS", 10)
    drawn = fisher_p(table)
    assert drawn.method == "100000 tables drawn, seed 0"
    assert drawn.p == pytest.approx(exact.p, abs=5 * math.sqrt(exact.p / 1e5))


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ([[37, 29], [8, 10]], "chi-square test (Pearson, not corrected)"),
        ([[59, 7], [16, 2]], "chi-square test with Yates' correction"),
        ([[59, 1], [16, 0]], "Fisher's exact test"),
        ([[9, 7], [6, 9]], "Fisher's exact test"),
        ([[3, 21, 1], [5, 40, 9]], "Fisher's exact test 2 x 3 (Freeman-Halton)"),
        ([[13, 21, 11], [15, 40, 9]], "chi-square test (Pearson, not corrected)"),
    ],
)
def test_auto_takes_the_test_that_fits(table, name):
    found = compare_counts(table)
    assert found.test == name
    assert "smallest expected count" in found.reason


def test_odds_ratio_and_cramers_v():
    found = compare_counts([[30, 10], [20, 25]], test="chi-square")
    ratio, v = found.effects
    error = math.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 25)
    assert ratio.value == pytest.approx(3.75)
    assert (ratio.ci_low, ratio.ci_high) == pytest.approx(
        (3.75 * math.exp(-1.959964 * error), 3.75 * math.exp(1.959964 * error)), rel=1e-6
    )
    assert v.value == pytest.approx(math.sqrt(found.statistic / 85))
    shift = v.ci_low**2 * 85
    assert stats.ncx2.cdf(found.statistic, 1, shift) == pytest.approx(0.975, abs=1e-6)
    assert compare_counts([[5, 0], [2, 8]]).effects[0].ci_high == math.inf


def test_columns_are_counted_and_missing_ones_said():
    values = ["CR", "CR", "N", "N", None, "CR", "only without group"]
    groups = [0, 0, 0, 1, 1, 1, None]
    found = compare_categories(values, groups)
    assert found.p == compare_counts([[2, 1], [1, 1]]).p
    assert (found.n, found.n_missing) == ((3, 2), (0, 1))
    assert found.warnings[-2:] == ("1 patients without a value are left out", "1 patients without a group are left out")


def test_small_expected_counts_are_warned_of():
    assert "1 of 4 expected counts are below 5" in compare_counts([[59, 7], [16, 2]], test="chi-square").warnings


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ([[1, 2], [3, -4]], {}, "whole counts of 0 or more"),
        ([[1, 2], [3, 0.5]], {}, "whole counts of 0 or more"),
        ([[1, 2], [0, 0]], {}, "table: row 2 has no patients; leave it out"),
        ([[1, 0], [3, 0]], {}, "table: column 2 has no patients; leave it out"),
        ([[1, 2]], {}, "expected two rows or more, got 1"),
        ([[1], [2]], {}, "expected two columns or more, got 1"),
        ([[1, 2, 3], [3, 4, 5]], {"test": "yates"}, "Yates' correction is for two by two tables, got 2 by 3"),
        ([[1, 2], [3, 4]], {"test": "g"}, "test: expected one of"),
        ([[1, 2], [3, 4]], {"groups": ["a"]}, "groups: expected 2 names"),
    ],
)
def test_bad_input_is_named(table, options, message):
    with pytest.raises(ValueError, match=message):
        compare_counts(table, **options)


def test_bad_columns_are_named():
    with pytest.raises(ValueError, match="values: expected two categories or more, got 'CR'"):
        compare_categories(["CR", "CR"], [0, 1])
    with pytest.raises(ValueError, match="groups: expected 2 values"):
        compare_categories(["CR", "N"], [0, 1, 1])
