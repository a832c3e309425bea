"""DeLong's tests: figures printed by pROC, a direct sum over all pairs, ties, missing values, and bad input."""

from __future__ import annotations

import csv
import itertools
import json
import math

import numpy as np
import pytest

from mrbiomarkers.response.roc import delong_test, delong_test_unpaired
from mrbiomarkers.response.roc.delong import auc_variance, placements

PAIRS = [("wfns", "s100b"), ("wfns", "ndka"), ("ndka", "s100b")]


@pytest.fixture(scope="module")
def asah(shared_data):
    folder = shared_data / "response" / "pROC_aSAH"
    with (folder / "aSAH.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    scores = {name: np.array([float(row[name]) for row in rows]) for name in ("wfns", "s100b", "ndka")}
    expected = json.loads((folder / "expected_pROC.json").read_text(encoding="utf-8"))
    return [row["outcome"] for row in rows], scores, expected


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_paired_is_that_of_proc(asah, a, b):
    outcome, scores, expected = asah
    printed = expected["delong_paired"][f"{a}_vs_{b}"]

    found = delong_test(outcome, scores[a], scores[b], positive="Poor")

    assert found.test == "DeLong test, paired"
    assert (found.statistic, found.p) == pytest.approx((printed["Z"], printed["p"]), abs=1e-7)
    assert (found.difference.ci_low, found.difference.ci_high) == pytest.approx(printed["ci"], abs=1e-7)
    assert (found.auc_a, found.auc_b) == pytest.approx((expected["auc"][a], expected["auc"][b]), abs=1e-7)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_unpaired_is_that_of_proc(asah, a, b):
    outcome, scores, expected = asah
    printed = expected["delong_unpaired"][f"{a}_vs_{b}"]

    found = delong_test_unpaired(outcome, scores[a], outcome, scores[b], positive="Poor")

    assert (found.statistic, found.p) == pytest.approx((printed["D"], printed["p"]), abs=1e-7)


def test_one_sided_is_that_of_proc(asah):
    outcome, scores, expected = asah
    options = {"positive": "Poor", "alternative": "greater"}
    found = delong_test(outcome, scores["wfns"], scores["s100b"], **options)
    turned = delong_test(outcome, scores["s100b"], scores["wfns"], **options | {"alternative": "less"})

    assert found.p == pytest.approx(expected["one_sided_p_greater_wfns_vs_s100b"], abs=1e-7)
    assert turned.p == pytest.approx(found.p, abs=1e-12)


def test_the_other_class_and_direction_give_the_same_test(asah):
    outcome, scores, _ = asah
    first = delong_test(outcome, scores["wfns"], scores["ndka"], positive="Poor")
    other = delong_test(outcome, scores["wfns"], -scores["ndka"], positive="Good", direction=("lower", "higher"))

    assert other.statistic == pytest.approx(first.statistic, abs=1e-12)
    assert (other.first.positive, other.second.direction) == ("Good", "higher")


def test_placements_are_sums_over_all_pairs():
    rng = np.random.default_rng(1)
    high, low = rng.integers(3, 9, 7).astype(float), rng.integers(0, 7, 5).astype(float)
    wins = np.array([[1.0 if h > v else 0.5 if h == v else 0.0 for v in low] for h in high])

    above, below = placements(high, low)
    area, variance = auc_variance(high, low)

    np.testing.assert_allclose(above, wins.mean(axis=1), atol=1e-14)
    np.testing.assert_allclose(below, wins.mean(axis=0), atol=1e-14)
    assert area == pytest.approx(wins.mean())
    assert variance == pytest.approx(wins.mean(axis=1).var(ddof=1) / 7 + wins.mean(axis=0).var(ddof=1) / 5)


def test_an_order_that_is_the_same_has_no_difference():
    outcome, score = [0, 0, 1, 0, 1, 1], np.array([1.0, 2, 3, 4, 5, 6])
    found = delong_test(outcome, score, np.exp(score))

    assert (found.statistic, found.p) == (0.0, 1.0)
    assert "alike" in found.record()["warnings"]


def test_two_perfect_scores_against_a_reversed_one_have_no_test():
    outcome, score = [0, 0, 1, 1], [1.0, 2, 3, 4]
    found = delong_test(outcome, score, score, direction=("higher", "lower"))

    assert math.isnan(found.p)
    assert found.difference.value == 1


def test_a_patient_without_one_score_is_left_out_of_both(asah):
    outcome, scores, _ = asah
    a, b = scores["wfns"].copy(), scores["ndka"].copy()
    a[3], b[7] = np.nan, np.nan
    keep = np.ones(len(outcome), dtype=bool)
    keep[[3, 7]] = False

    found = delong_test(outcome, a, b, positive="Poor")
    rest = delong_test(list(itertools.compress(outcome, keep)), a[keep], b[keep], positive="Poor")

    assert found.p == pytest.approx(rest.p, abs=1e-14)
    assert found.record()["n_missing_a"] == 2
    assert "2 patients are left out" in found.warnings[0]


def test_scores_without_difference_are_rarely_called_different():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(400):
        outcome = np.repeat([1, 0], [30, 60])
        common = rng.normal(size=90) + outcome
        p.append(delong_test(outcome, common + rng.normal(size=90), common + rng.normal(size=90)).p)
    assert 0.025 < np.mean(np.array(p) < 0.05) < 0.08


def test_bad_input_is_named():
    score = np.arange(6.0)
    with pytest.raises(ValueError, match="score_b: expected 6 values, one for each outcome, got 5"):
        delong_test([0, 1, 0, 1, 0, 1], score, score[:5])
    with pytest.raises(ValueError, match="two patients or more of each class, got 1"):
        delong_test([0, 1, 0, 0, 0, 0], score, score)
    with pytest.raises(ValueError, match="alternative"):
        delong_test([0, 1, 0, 1, 0, 1], score, score, alternative="more")
    with pytest.raises(ValueError, match=r"positive: say which class is the positive one, of 'CR' \(3\), 'NCR' \(3\)"):
        delong_test(["CR", "NCR"] * 3, score, score)
