"""The ICC filter, clusters of features, and the RadScore."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from mrbiomarkers.response.lasso import lasso_path
from mrbiomarkers.response.selection import correlation_clusters, icc_filter, rad_score

# Shrout and Fleiss 1979: six subjects, four judges; ICC(2,1) 0.290, ICC(3,1) 0.715.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def test_filter_keeps_what_readers_agree_on():
    flat = np.ones((6, 4))
    same = np.repeat(np.arange(6.0)[:, None], 4, axis=1)
    ratings = {"judged": JUDGES, "flat": flat, "same": same}
    result = icc_filter(ratings, threshold=0.7)
    assert result.kept == ("same",)
    assert result.reasons["judged"] == "0.290"
    assert "no variation" in result.reasons["flat"]
    assert icc_filter(ratings, threshold=0.7, kind="3,1").kept == ("judged", "same")
    lower = icc_filter(ratings, threshold=0.7, kind="3,1", by="lower limit")
    assert lower.kept == ("same",)
    assert lower.rule == "lower limit of the 95 % interval of ICC(3,1) > 0.7, 4 readings"
    assert [row["kept"] for row in lower.records()] == [False, False, True]


def test_clusters_hold_only_pairs_that_go_together():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 8))
    x = np.hstack([base + spread * rng.normal(size=(200, 8)) for spread in (0, 0.05, 0.1, 0.2)])
    result = correlation_clusters(x)
    rho = np.abs(spearmanr(x).statistic)
    for number in range(1, result.cluster.max() + 1):
        members = np.flatnonzero(result.cluster == number)
        assert rho[np.ix_(members, members)].min() >= 0.95
        assert x[:, members].max(axis=0).size >= 1
        widest = members[np.argmax(np.ptp(x[:, members], axis=0))]
        assert result.representatives[number - 1] == f"x{widest + 1}"
    # no two clusters could be joined
    for a in range(1, result.cluster.max() + 1):
        for b in range(1, a):
            assert rho[np.ix_(result.cluster == a, result.cluster == b)].min() < 0.95
    assert result.cluster[0] == 1
    assert 8 <= result.cluster.max() < 32


def test_monotonous_copies_are_one_cluster_and_the_choice_is_said():
    x = np.random.default_rng(1).normal(size=30)
    features = {"plain": x, "cubed": x**3, "minus": -100 * x + 900, "other": x[::-1], "flat": np.ones(30)}
    result = correlation_clusters(features)
    assert result.cluster.tolist() == [1, 1, 1, 2, 0]
    assert result.representatives == ("minus", "other")
    assert result.constant == ("flat",)
    relative = correlation_clusters({"wide": x + 10000, "narrow": 0.1 * x + 1}, by="relative range")
    assert relative.representatives == ("narrow",)
    chosen = correlation_clusters(features, priority=[3, 1, 2, 0, 0])
    assert chosen.representatives == ("plain", "other")
    assert chosen.rule.endswith("largest given priority")
    assert [row["representative"] for row in chosen.records()] == [True, False, False, True, False]


def test_score_is_its_formula():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(80, 6)) * [1, 10, 100, 1e3, 1, 1]
    y = (x[:, 0] - x[:, 3] / 1e3 + rng.normal(size=80) > 0).astype(int)
    names = [f"f{j}" for j in range(6)]
    path = lasso_path(x, y, names=names)
    score = rad_score(path, path.lambdas[12])
    columns = dict(zip(names, x.T, strict=True))
    np.testing.assert_allclose(score.score(columns), path.linear_predictor(x)[12])
    assert set(score.coefficients) == {names[j] for j in np.flatnonzero(path.coefficients[12])}
    text = score.formula.removeprefix("RadScore = ").replace(" x ", " * ")
    np.testing.assert_allclose(eval(text, {"__builtins__": {}}, columns), score.score(columns), rtol=1e-6)
    assert score.record()["n_selected"] == len(score.coefficients)
    columns["f0"] = np.where(np.arange(80) == 3, np.nan, columns["f0"])
    assert np.flatnonzero(np.isnan(score.score(columns))).tolist() == [3]
    with pytest.raises(ValueError, match="without f0"):
        score.score({"f3": x[:, 3]})


def test_empty_score():
    x = np.random.default_rng(3).normal(size=(40, 3))
    path = lasso_path(x, np.arange(40) % 2)
    score = rad_score(path, path.lambdas[0])
    assert score.formula == "RadScore = 0"
    assert score.score({"any": x[:, 0]}).tolist() == [0.0] * 40
    assert len(score.warnings) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: icc_filter({}), "at least one feature"),
        (lambda: icc_filter({"a": JUDGES, "b": JUDGES[:5]}), "one shape"),
        (lambda: icc_filter({"a": JUDGES}, threshold=1.5), "threshold"),
        (lambda: icc_filter({"a": JUDGES}, by="p"), "by: expected"),
        (lambda: correlation_clusters(np.array([[1, 2], [np.nan, 1], [0, 1]])), r"x1 \(1\)"),
        (lambda: correlation_clusters(np.ones((2, 3))), "three patients"),
        (lambda: correlation_clusters(np.ones((5, 3)), threshold=95), "threshold"),
        (lambda: correlation_clusters(np.eye(3), priority=[1]), "priority"),
        (lambda: correlation_clusters({}), "at least one column"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
