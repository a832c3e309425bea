"""Cut-offs: pROC's best threshold, all cut-offs tried by hand, applied to others, and bad input."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mrbiomarkers.response.roc import apply_cutoff, find_cutoff, performance_from_counts

OUTCOME = np.array([0, 0, 0, 0, 1, 0, 1, 1, 0, 1])
SCORE = np.array([1, 2, 2, 3, 3, 4, 5, 6, 7, 8], dtype=float)


def reached(outcome, score, cut):
    return np.mean(score[outcome == 1] >= cut), np.mean(score[outcome == 0] < cut)


def test_youden_of_asah_is_that_of_proc(shared_data):
    with (shared_data / "response" / "pROC_aSAH" / "aSAH.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = find_cutoff([row["outcome"] for row in rows], [float(row["s100b"]) for row in rows], positive="Poor")
    # pROC, coords(r.s100b, "best"): threshold 0.205, specificity 0.806, sensitivity 0.634
    assert found.value == pytest.approx(0.205, abs=1e-12)
    assert (round(found.sensitivity, 3), round(found.specificity, 3)) == (0.634, 0.806)
    assert found.text == "score >= 0.205: Poor"


def test_youden_is_the_best_of_all():
    rng = np.random.default_rng(1)
    for _ in range(20):
        outcome = np.repeat([1, 0], [9, 12])
        score = rng.integers(0, 12, 21) + outcome
        found = find_cutoff(outcome, score)
        index = [sum(reached(outcome, score, cut)) for cut in np.arange(-0.5, 14, 0.5)]
        assert found.sensitivity + found.specificity == pytest.approx(max(index))
        assert reached(outcome, score, found.value) == (found.sensitivity, found.specificity)


def test_of_equal_cutoffs_the_most_sensitive_is_taken():
    found = find_cutoff([0, 1, 0, 1], [1.0, 2, 3, 4])
    assert (found.value, found.sensitivity, found.n_equal) == (1.5, 1.0, 2)


@pytest.mark.parametrize(("target", "cut", "specificity"), [(0.75, 4.5, 5 / 6), (0.76, 2.5, 0.5), (1.0, 2.5, 0.5)])
def test_a_target_sensitivity_is_reached_at_the_least_cost(target, cut, specificity):
    found = find_cutoff(OUTCOME, SCORE, rule="sensitivity", target=target)
    assert found.value == cut
    assert found.sensitivity >= target
    assert found.specificity == pytest.approx(specificity)
    assert found.rule == f"sensitivity at least {target:g}"


def test_a_target_specificity():
    found = find_cutoff(OUTCOME, SCORE, rule="specificity", target=0.8)
    assert (found.value, found.sensitivity) == (4.5, 0.75)


def test_the_last_score_is_the_cutoff_where_all_are_positive():
    found = find_cutoff([1, 0, 0, 1], [1.0, 2, 3, 4], rule="sensitivity", target=1.0)
    assert (found.value, found.specificity) == (1.0, 0.0)
    np.testing.assert_array_equal(found.apply([0.9, 1.0, np.nan]), [0, 1, np.nan])


def test_lower_scores():
    found, turned = find_cutoff(OUTCOME, SCORE), find_cutoff(OUTCOME, -SCORE, direction="lower")
    assert turned.value == -found.value
    assert turned.text.startswith("score <= ")
    np.testing.assert_array_equal(turned.apply(-SCORE), found.apply(SCORE))


def test_neighbouring_numbers_have_no_middle():
    low = 1.0
    found = find_cutoff([0, 0, 1, 1], [low, low, np.nextafter(low, 2), np.nextafter(low, 2)])
    assert (found.sensitivity, found.specificity) == (1, 1)
    np.testing.assert_array_equal(found.apply([low, np.nextafter(low, 2)]), [0, 1])


def test_a_cutoff_is_applied_unchanged_and_says_where_it_is_from():
    cutoff = find_cutoff(OUTCOME, SCORE)
    assert cutoff.value == 4.5
    found = apply_cutoff(cutoff, [1, 1, 0, 0, None, 1], [4.5, 4.4, 9, 1, 7, np.nan], data="validation")
    record = found.record()
    assert [found.true_positive, found.false_positive, found.false_negative, found.true_negative] == [1, 1, 1, 1]
    assert (record["cutoff"], record["source"], record["data"], record["n_missing"]) == (
        4.5,
        "training",
        "validation",
        2,
    )
    assert "too good" in apply_cutoff(cutoff, OUTCOME, SCORE, data="training").warnings[0]
    assert np.isnan(apply_cutoff(cutoff, [1, 1], [3, 5]).specificity.value)


def test_figures_of_a_two_by_two_table():
    found = performance_from_counts(26, 14, 15, 58, interval="wilson", data="aSAH")
    values = [getattr(found, name).value for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy")]
    assert values == pytest.approx([26 / 41, 58 / 72, 26 / 40, 58 / 73, 84 / 113])
    assert found.record()["npv_interval"] == "95 % Wilson"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"target: expected a sensitivity above 0 and at most 1, as 0\.9; got 90"):
        find_cutoff(OUTCOME, SCORE, rule="sensitivity", target=90)
    with pytest.raises(ValueError, match="target: the rule 'youden' has none"):
        find_cutoff(OUTCOME, SCORE, target=0.9)
    with pytest.raises(ValueError, match="at least two different values, got only 3"):
        find_cutoff([0, 1], [3, 3])
    with pytest.raises(ValueError, match=r"reaches a specificity of 0\.9, the best is 0\.5"):
        find_cutoff([0, 0, 1, 1], [1, 4, 2, 4], rule="specificity", target=0.9)
    cutoff = find_cutoff(["CR", "N", "N", "CR"], [4, 1, 2, 3], positive="CR")
    with pytest.raises(ValueError, match="the cut-off is for 'CR' and 'N'; got PD too"):
        apply_cutoff(cutoff, ["CR", "PD"], [1, 2])
    with pytest.raises(ValueError, match="expected 2 values, one for each outcome"):
        apply_cutoff(cutoff, ["CR", "N"], [1, 2, 3])
    with pytest.raises(ValueError, match="at least one patient"):
        apply_cutoff(cutoff, ["CR", None], [np.nan, 2])
    with pytest.raises(ValueError, match="true_negative: expected a whole number"):
        performance_from_counts(1, 1, 1, -1)
    with pytest.raises(ValueError, match="at least one patient"):
        performance_from_counts(0, 0, 0, 0)


def test_a_score_that_says_nothing_is_warned_of():
    found = find_cutoff([1, 0, 1, 0], [1, 2, 1, 2])
    assert "no cut-off is better than chance" in found.warnings[0]
