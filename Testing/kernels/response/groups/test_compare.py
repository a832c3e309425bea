"""Figures of groups compared: SciPy, statsmodels and pingouin, summaries, the choice of the test, and bad input.

Figures named as such come from statsmodels 0.15 and pingouin 0.7.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.response.groups import Summary, compare_groups, compare_paired, compare_summaries

PARTS = {"a": [6.1, 7.4, 5.9, 8.2, 6.6], "b": [7.9, 9.1, 8.4, 6.8, 8.8, 9.9], "c": [5.2, 6.3, 4.9, 5.5]}
VALUES = np.concatenate(list(PARTS.values()))
GROUPS = np.repeat(list(PARTS), [5, 6, 4])
AB = GROUPS != "c"


def two(**options):
    return compare_groups(VALUES[AB], GROUPS[AB], **options)


def p_values(found):
    return [pair.p for pair in found.pairs]


@pytest.mark.parametrize(("test", "equal"), [("student", True), ("welch", False)])
def test_t_tests_are_those_of_scipy(test, equal):
    found, peer = two(test=test), stats.ttest_ind(PARTS["a"], PARTS["b"], equal_var=equal)
    interval = peer.confidence_interval()
    assert (found.statistic, found.p, found.df[0]) == pytest.approx((peer.statistic, peer.pvalue, peer.df))
    assert (found.difference.ci_low, found.difference.ci_high) == pytest.approx((interval.low, interval.high))
    assert ("equal" in found.test, "unequal" in found.test) == (True, not equal)


def test_a_summary_gives_the_same_as_the_values():
    summaries = [Summary(len(x), np.mean(x), np.std(x, ddof=1), name) for name, x in PARTS.items()]
    for test in ("student", "welch"):
        assert compare_summaries(summaries[:2], test=test).p == pytest.approx(two(test=test).p, abs=1e-14)
    for test in ("anova", "welch-anova"):
        whole = compare_groups(VALUES, GROUPS, test=test)
        assert compare_summaries(summaries, test=test).statistic == pytest.approx(whole.statistic, abs=1e-12)


def test_anova_and_tukey_are_those_of_scipy_and_statsmodels():
    found = compare_groups(VALUES, GROUPS, test="anova")
    peer = stats.f_oneway(*PARTS.values())
    assert (found.statistic, found.p) == pytest.approx((peer.statistic, peer.pvalue))
    assert p_values(found) == pytest.approx([0.03232155532177783, 0.11439405664467528, 0.0008283162925177834], abs=1e-7)
    interval = found.pairs[0].difference
    assert (interval.ci_low, interval.ci_high) == pytest.approx((-3.1478218856213847, -0.13884478104528264), abs=1e-6)


def test_welchs_anova_and_games_howell_are_those_of_statsmodels_and_pingouin():
    found = compare_groups(VALUES, GROUPS, test="welch-anova")
    assert (found.statistic, found.p) == pytest.approx((15.218256639686143, 0.0019271073679958653), rel=1e-9)
    assert found.df == pytest.approx((2.0, 7.932006834648622))
    assert p_values(found) == pytest.approx([0.058451, 0.081210, 0.001222], abs=1e-6)


def test_pairwise_t_with_the_pooled_variance():
    plain = compare_groups(VALUES, GROUPS, test="anova", posthoc="lsd")
    residual = sum((len(x) - 1) * np.var(x, ddof=1) for x in PARTS.values()) / 12
    t = (np.mean(PARTS["a"]) - np.mean(PARTS["b"])) / math.sqrt(residual * (1 / 5 + 1 / 6))
    assert plain.pairs[0].p == pytest.approx(2 * stats.t.sf(abs(t), 12))
    bonferroni = compare_groups(VALUES, GROUPS, test="anova", posthoc="bonferroni")
    np.testing.assert_allclose(p_values(bonferroni), np.minimum(3 * np.array(p_values(plain)), 1))
    assert bonferroni.pairs[0].difference.ci_low < plain.pairs[0].difference.ci_low
    assert "not corrected" in plain.records()[0]["test"]


def test_kruskal_wallis_and_dunn():
    found = compare_groups(VALUES, GROUPS, test="kruskal-wallis", posthoc="dunn-bonferroni")
    assert (found.statistic, found.p) == pytest.approx((9.96, 0.006874062557496223), abs=1e-12)
    ranks = stats.rankdata(VALUES)
    z = (ranks[:5].mean() - ranks[5:11].mean()) / math.sqrt(15 * 16 / 12 * (1 / 5 + 1 / 6))
    assert found.pairs[0].statistic == pytest.approx(z)
    assert found.pairs[0].p == pytest.approx(min(3 * 2 * stats.norm.sf(abs(z)), 1))
    assert found.effects[0].value == pytest.approx(9.96 / 14)
    assert found.effects[0].ci_low < found.effects[0].value < found.effects[0].ci_high


def test_dunn_corrects_for_ties():
    tied = [1, 1, 2, 2, 2, 3, 3, 4, 4]
    found = compare_groups(tied, [0, 0, 0, 1, 1, 1, 2, 2, 2], test="kruskal-wallis")
    variance = (9 * 10 - sum(t**3 - t for t in (2, 3, 2, 2)) / 8) / 12
    ranks = stats.rankdata(tied)
    z = (ranks[:3].mean() - ranks[3:6].mean()) / math.sqrt(variance * 2 / 3)
    assert found.pairs[0].statistic == pytest.approx(z)


@pytest.mark.parametrize("continuity", [True, False])
def test_mann_whitney_is_that_of_scipy(continuity):
    exact = two(test="mann-whitney")
    peer = stats.mannwhitneyu(PARTS["a"], PARTS["b"], method="exact")
    assert (exact.statistic, exact.p) == pytest.approx((peer.statistic, peer.pvalue))
    assert exact.test == "Mann-Whitney U test (exact)"
    tied = np.round(VALUES[AB])
    found = compare_groups(tied, GROUPS[AB], test="mann-whitney", continuity=continuity)
    peer = stats.mannwhitneyu(tied[:5], tied[5:], method="asymptotic", use_continuity=continuity)
    assert found.p == pytest.approx(peer.pvalue)
    assert f"{'with' if continuity else 'without'} continuity correction" in found.test
    assert "corrected for ties" in found.test
    with pytest.raises(ValueError, match="exact: values are tied"):
        compare_groups(tied, GROUPS[AB], test="mann-whitney", exact=True)


def test_the_shift_is_the_median_of_all_differences():
    found = two(test="mann-whitney")
    every = np.subtract.outer(PARTS["a"], PARTS["b"])
    assert found.difference.value == np.median(every)
    # of 30 differences the fourth from both ends: 15 - 1.96 sqrt(30 x 12 / 12) = 4.3
    ordered = np.sort(every.ravel())
    assert (found.difference.ci_low, found.difference.ci_high) == (ordered[3], ordered[-4])
    wins = np.mean(every > 0) + np.mean(every == 0) / 2
    assert found.effects[0].value == pytest.approx(wins)


def test_intervals_of_the_shift_hold_the_truth():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        found = compare_groups(
            np.concatenate([rng.exponential(1, 15) + 0.5, rng.exponential(1, 20)]),
            np.repeat(["a", "b"], [15, 20]),
            test="mann-whitney",
        )
        held += found.difference.ci_low <= 0.5 <= found.difference.ci_high
    assert 0.92 <= held / 400 <= 0.985


def test_auto_says_what_it_found_and_takes_the_test_that_fits():
    rng = np.random.default_rng(1)
    groups, skewed = np.repeat([0, 1], 30), rng.exponential(size=60) ** 2
    normal = rng.permutation(np.tile(stats.norm.ppf((np.arange(20) + 0.5) / 20), 3))
    assert compare_groups(normal, groups).test == "Student's t test (equal variances)"
    assert compare_groups(normal, groups, variances="unequal").test.startswith("Welch's t")
    wide = compare_groups(np.where(groups == 0, normal, 9 * normal), groups, variances="levene")
    assert wide.test.startswith("Welch's t")
    assert "Levene p" in wide.reason
    assert compare_groups(skewed, groups).test.startswith("Mann-Whitney")
    assert "Shapiro-Wilk p = " in compare_groups(skewed, groups).reason
    three = np.repeat([0, 1, 2], 20)
    assert compare_groups(normal, three).test == "one-way ANOVA"
    assert compare_groups(normal, three, variances="unequal").test.startswith("Welch's ANOVA")
    assert compare_groups(skewed, three).test == "Kruskal-Wallis test"


def test_missing_values_are_left_out_and_said():
    values = [*VALUES[AB].tolist(), None, 5.0, 6.0]
    groups = [*GROUPS[AB].tolist(), "b", None, ""]
    found = compare_groups(values, groups, test="student")
    assert found.p == two(test="student").p
    assert found.n_missing == (0, 1)
    assert found.warnings == (
        "patients whose value is missing are left out: 1 of b",
        "2 patients without a group are left out",
    )


def test_the_order_turns_the_difference():
    found = two(test="student", order=["b", "a"])
    assert found.groups == ("b", "a")
    assert found.difference.value == pytest.approx(-two(test="student").difference.value)


BEFORE, AFTER = [3.1, 4.4, 2.9, 5.2, 3.6, 4.9], [4.0, 4.9, 3.5, 5.1, 4.8, 6.3]


def test_paired_tests_are_those_of_scipy():
    found, peer = compare_paired(BEFORE, AFTER, test="t"), stats.ttest_rel(AFTER, BEFORE)
    interval = peer.confidence_interval()
    assert (found.statistic, found.p) == pytest.approx((peer.statistic, peer.pvalue))
    assert (found.difference.ci_low, found.difference.ci_high) == pytest.approx((interval.low, interval.high))
    exact = compare_paired(BEFORE, AFTER, test="wilcoxon")
    assert exact.p == pytest.approx(stats.wilcoxon(np.subtract(AFTER, BEFORE), method="exact").pvalue)
    assert "(exact)" in exact.test


def test_wilcoxon_with_ties_and_zeros_is_that_of_scipy():
    rng = np.random.default_rng(6)
    change = np.round(rng.normal(0.4, 1.5, 40))
    peer = stats.wilcoxon(change, correction=True)
    found = compare_paired(np.zeros(40), change, test="wilcoxon")
    assert found.p == pytest.approx(peer.pvalue, abs=1e-12)
    assert "pairs without difference are left out" in found.warnings[0]
    assert -1 <= found.effects[0].ci_low <= found.effects[0].value <= found.effects[0].ci_high <= 1


def test_pairs_choose_by_their_differences_and_count_what_is_missing():
    found = compare_paired([*BEFORE, None, 3], [*AFTER, 2, None], names=("day 0", "day 36"))
    assert found.test == "paired t test"
    assert found.groups == ("day 0", "day 36")
    assert (found.n, found.n_missing) == ((6,), (2,))
    assert found.reason.startswith("differences: Shapiro-Wilk")
    rng = np.random.default_rng(2)
    assert compare_paired(np.zeros(50), rng.exponential(size=50) ** 3).test.startswith("Wilcoxon")
    same = compare_paired(BEFORE, BEFORE, test="wilcoxon")
    assert same.p == 1
    assert "no pair differs" in same.test


def test_equal_values_have_nothing_to_test():
    for groups in ([0, 0, 1, 1], [0, 0, 1, 2]):
        if len(set(groups)) == 2:
            found = compare_groups([2, 2, 2, 2], groups)
            assert found.p == 1
            assert "all values are equal" in found.warnings[0]


@pytest.mark.parametrize(
    ("values", "groups", "options", "message"),
    [
        ([1, 2, 3], [0, 1], {}, "groups: expected 3 values, one for each figure, got 2"),
        ([1, 2, 3], [0, 0, 0], {}, "groups: expected two groups or more, got 0"),
        ([1, 2, "x"], [0, 0, 1], {}, "values: expected a number in row 3, got 'x'"),
        ([1, 2, 3], [0, 0, 1], {}, "values: expected two or more in group '1', got 1"),
        ([1, 1, 2, 2], [0, 0, 1, 1], {"test": "student"}, "they do not vary inside the groups"),
        ([1, 2, 3, 4], [0, 0, 1, 1], {"test": "z"}, "test: expected one of"),
        ([1, 2, 3, 4], [0, 0, 1, 1], {"order": [0, 2]}, "order: expected the groups 0, 1, each once"),
        ([1, 2, 3, 4], [0, 0, 1, 1], {"confidence": 95}, "in percent"),
        (VALUES, GROUPS, {"test": "welch"}, "test: 'welch' compares two groups, got 3"),
        (VALUES, GROUPS, {"test": "anova", "posthoc": "dunn-holm"}, "posthoc: expected one that fits 'anova'"),
    ],
)
def test_bad_input_is_named(values, groups, options, message):
    with pytest.raises(ValueError, match=message):
        compare_groups(values, groups, **options)


def test_bad_pairs_and_summaries_are_named():
    with pytest.raises(ValueError, match="after: expected 3 values, one for each patient, got 2"):
        compare_paired([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="two pairs or more, got 1"):
        compare_paired([1, None], [1, 2])
    with pytest.raises(ValueError, match="the differences do not vary"):
        compare_paired([1, 2, 3], [2, 3, 4], test="t")
    with pytest.raises(ValueError, match="n: expected a whole number of 2 or more"):
        Summary(1, 0.0, 1.0)
    with pytest.raises(ValueError, match="sd: expected"):
        Summary(5, 0.0, -1.0)
    with pytest.raises(ValueError, match="mean: expected"):
        Summary(5, math.nan, 1.0)
    with pytest.raises(ValueError, match="compares two groups, got 3"):
        compare_summaries([Summary(5, 0.0, 1.0)] * 3)
    with pytest.raises(ValueError, match="standard deviation above 0"):
        compare_summaries([Summary(5, 0.0, 0.0), Summary(5, 1.0, 0.0)])
