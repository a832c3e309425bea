"""Logistic tables: published figures, separation and Firth, intervals in simulated studies, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from mrbiomarkers.response.logistic import logistic_table, univariable_screen
from mrbiomarkers.response.logistic_fit import find_separation, fit_logistic
from mrbiomarkers.response.logistic_size import sample_size, variance_inflation

# Spector and Mazzeo 1980: grade average, test score, new teaching method; better grade afterwards.
GPA = [2.66, 2.89, 3.28, 2.92, 4.00, 2.86, 2.76, 2.87, 3.03, 3.92, 2.63, 3.32, 3.57, 3.26, 3.53, 2.74]
GPA += [2.75, 2.83, 3.12, 3.16, 2.06, 3.62, 2.89, 3.51, 3.54, 2.83, 3.39, 2.67, 3.65, 4.00, 3.10, 2.39]
TUCE = [20, 22, 24, 12, 21, 17, 17, 21, 25, 29, 20, 23, 23, 25, 26, 19, 25, 19, 23, 25, 22, 28, 14, 26, 24, 27, 17, 24]
TUCE += [21, 23, 21, 19]
SPECTOR = {"GPA": np.array(GPA), "TUCE": np.array(TUCE), "PSI": np.repeat([0.0, 1.0], [18, 14])}
GRADE = np.isin(np.arange(32), [4, 9, 13, 19, 21, 24, 25, 26, 28, 29, 31]).astype(int)


def simulated(n=80, b=(0.0, 0.7), seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(b)))
    return {f"x{j}": x[:, j] for j in range(len(b))}, (rng.random(n) < expit(-0.7 + x @ b)).astype(int)


def test_table_of_spector():
    columns, y = SPECTOR, GRADE
    table = logistic_table(columns, y)
    rows = [*table.terms, table.intercept]
    assert [r.b for r in rows] == pytest.approx([2.8261, 0.0952, 2.3787, -13.0213], abs=1e-4)
    assert [r.se for r in rows] == pytest.approx([1.2629, 0.1416, 1.0646, 4.9313], abs=1e-4)
    assert [r.wald for r in rows] == pytest.approx([5.007, 0.452, 4.993, 6.972], abs=1e-3)
    assert [r.odds_ratio for r in table.terms[::2]] == pytest.approx([16.880, 10.791], abs=1e-3)
    # statsmodels 0.15: Wald P, likelihood ratio test of the model, variance inflation
    assert [r.p for r in rows] == pytest.approx([0.025239, 0.501434, 0.025455, 0.008277], abs=1e-6)
    assert (table.chi2, table.p, table.log_likelihood) == pytest.approx((15.404191, 0.0015019, -12.889634), abs=1e-6)
    assert [r.vif for r in table.terms] == pytest.approx([1.1761582, 1.1894350, 1.0129022], abs=1e-7)
    assert (table.n, table.n_events, table.n_missing, table.separation) == (32, 11, 0, "none")
    assert "z = -13.0213 + 2.82611 x GPA + 0.0951577 x TUCE + 2.37869 x PSI" in table.equation


def test_firth_of_spector():
    # firthmodels 0.8.2: coefficients and profile intervals
    table = logistic_table(SPECTOR, GRADE, method="firth")
    assert [r.b for r in table.terms] == pytest.approx([2.28446461, 0.07056781, 2.00668191], abs=1e-6)
    low, high = ([np.log(getattr(r, end)) for r in table.terms] for end in ("ci_low", "ci_high"))
    assert low == pytest.approx([0.37854607, -0.16427058, 0.31444230], abs=1e-6)
    assert high == pytest.approx([4.76506435, 0.34180853, 4.10772716], abs=1e-6)
    assert "Firth" in table.method
    assert np.isnan(table.nagelkerke_r2)


def test_complete_separation_is_answered_with_firth():
    x, y = np.arange(10.0), np.arange(10) > 4
    table = logistic_table({"x": x}, y)
    assert table.separation == "complete"
    assert (table.terms[0].b, table.intercept.b) == pytest.approx((0.97065, -4.36792), abs=1e-4)
    assert table.terms[0].separated
    assert any("complete separation (x)" in text for text in table.warnings)
    assert 1 < table.terms[0].ci_low < table.terms[0].odds_ratio < table.terms[0].ci_high < np.inf
    with pytest.raises(ValueError, match="complete separation"):
        logistic_table({"x": x}, y, method="maximum likelihood")


def test_firth_of_two_proportions_adds_half_a_patient_to_each_cell():
    # with one variable of two values the penalised estimate is known in closed form
    x, y = np.repeat([0.0, 1.0], [12, 8]), np.array([0] * 9 + [1] * 3 + [1] * 8)
    table = logistic_table({"x": x}, y)
    assert table.separation == "quasi-complete"
    assert table.intercept.b == pytest.approx(np.log(3.5 / 9.5), abs=1e-7)
    assert table.terms[0].b == pytest.approx(np.log(8.5 / 0.5) - np.log(3.5 / 9.5), abs=1e-6)
    found = find_separation(x[:, None], y.astype(float))
    assert found.variables.tolist() == [False, True]


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_separation_by_a_combination_only(shift):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = (x.sum(axis=1) > 0).astype(float)
    x = np.column_stack([x + shift, rng.normal(size=40)])
    assert find_separation(x, y).kind == "complete"
    y[np.argmin(np.abs(x[:, :2].sum(axis=1) - 2 * shift))] = 1 - y[np.argmin(np.abs(x[:, :2].sum(axis=1) - 2 * shift))]
    y[np.argmax(x[:, 0])] = 0
    assert find_separation(x, y).kind == "none"


@pytest.mark.parametrize("firth", [False, True])
def test_profile_end_has_the_deviance_of_its_level_and_gradient_is_zero(firth):
    columns, y = simulated()
    x = np.column_stack(list(columns.values()))
    table = logistic_table(columns, y, method="firth" if firth else "auto", interval="profile", confidence=0.9)
    fit = fit_logistic(x, y.astype(float), firth=firth)
    for end in (table.terms[1].ci_low, table.terms[1].ci_high):
        held = fit_logistic(x, y.astype(float), firth=firth, fixed={2: float(np.log(end))})
        assert 2 * (fit.log_likelihood - held.log_likelihood) == pytest.approx(2.705543, abs=1e-5)
        assert held.coefficients[2] == pytest.approx(np.log(end))


def test_steps_of_the_odds_ratio():
    columns, y = simulated()
    plain, wide = (logistic_table(columns, y, units=units).terms[1] for units in (None, {"x1": 10}))
    assert wide.odds_ratio == pytest.approx(plain.odds_ratio**10)
    assert wide.ci_low == pytest.approx(plain.ci_low**10)
    assert wide.sd_odds_ratio == pytest.approx(plain.odds_ratio ** columns["x1"].std(ddof=1))
    shifted = logistic_table({"x0": columns["x0"], "x1": 1e-3 * columns["x1"] + 50}, y).terms[1]
    assert shifted.sd_odds_ratio == pytest.approx(plain.sd_odds_ratio, rel=1e-6)
    assert (shifted.wald, shifted.lr_p) == pytest.approx((plain.wald, plain.lr_p), rel=1e-6)


def test_missing_values_are_counted_and_each_screen_uses_its_own():
    columns, y = simulated()
    columns["x0"][:5] = np.nan
    y = np.where(np.arange(80) == 79, np.nan, y)
    table = logistic_table(columns, y)
    assert (table.n, table.n_missing) == (74, 6)
    assert "6 patients are left out" in table.warnings[0]
    first, second = univariable_screen(columns, y)
    assert (first.n_missing, second.n_missing) == (6, 1)
    assert first.size.n_parameters == 2
    assert second.terms[0].b == pytest.approx(logistic_table({"x1": columns["x1"]}, y).terms[0].b)
    assert np.isnan(table.predict(columns)[:5]).all()
    assert 0 < table.predict(columns)[6] < 1


def test_class_that_is_modelled():
    columns, y = simulated()
    table, other = logistic_table(columns, y), logistic_table(columns, np.where(y, "CR", "N-CR"), positive="N-CR")
    assert [t.b for t in other.terms] == pytest.approx([-t.b for t in table.terms])
    assert other.equation.startswith("probability of N-CR")
    assert table.records()[-1]["variable"] == "(intercept)"


def test_intervals_hold_the_truth():
    inside = []
    for seed in range(400):
        table = logistic_table(*simulated(80, (0.0, 0.7), seed))
        inside.append([np.log(t.ci_low) <= b <= np.log(t.ci_high) for t, b in zip(table.terms, (0, 0.7), strict=True)])
    assert np.all((np.mean(inside, axis=0) > 0.92) & (np.mean(inside, axis=0) < 0.98))


def test_sample_size_of_riley():
    # pmsampsize, example of its help: 24 parameters, prevalence 0.174, R2 0.288
    size = sample_size(10000, 1740, 24, cox_snell_r2=0.288)
    assert size.needed == (623, 662, 221)
    assert size.events_per_variable == pytest.approx(72.5)
    assert size.statement.endswith("enough.")
    assert sample_size(79, 25, 5).statement.endswith("too few.")
    assert sample_size(79, 60, 5).events_per_variable == pytest.approx(19 / 5)


def test_variance_inflation():
    x = np.random.default_rng(0).normal(size=(50, 3))
    x = np.column_stack([x, x[:, 0] + 0.1 * x[:, 1]])
    expected = np.diag(np.linalg.inv(np.corrcoef(x[:, [0, 2]].T)))
    np.testing.assert_allclose(variance_inflation(x[:, [0, 2]]), expected)
    assert np.isinf(variance_inflation(x)).tolist() == [True, True, False, True]
    table = logistic_table({"a": x[:, 0], "b": x[:, 3]}, np.arange(50) % 2)
    assert any("collinear" in text for text in table.warnings)


@pytest.mark.parametrize(
    ("columns", "y", "options", "message"),
    [
        ({"a": np.ones(20)}, np.arange(20) % 2, {}, "constant .*: a"),
        ({"a": np.full(20, np.nan)}, np.arange(20) % 2, {}, "both classes among the 0"),
        ({"a": np.arange(20), "b": 2 * np.arange(20) + 1}, np.arange(20) % 2, {}, "follow from each other; do: a, b"),
        ({"a": np.arange(20)}, np.ones(20), {}, "two classes, got 1"),
        ({"a": np.arange(19)}, np.arange(20) % 2, {}, "expected 20 values"),
        ({"a": np.arange(20)}, np.arange(20) % 2, {"units": {"A": 10}}, "units: expected names of columns, got A"),
        ({"a": np.arange(20)}, np.arange(20) % 2, {"units": {"a": 0}}, "above 0"),
        ({"a": np.arange(20)}, np.arange(20) % 2, {"positive": 2}, "positive"),
        ({"a": np.arange(20)}, np.arange(20) % 2, {"confidence": 95}, "percent"),
        ({"a": np.arange(3), "b": np.arange(3) ** 2}, np.arange(3) % 2, {}, "more than 3 patients"),
    ],
)
def test_bad_input(columns, y, options, message):
    with pytest.raises(ValueError, match=message):
        logistic_table(columns, y, **options)


def test_text_is_refused():
    with pytest.raises(TypeError, match="sex"):
        logistic_table({"sex": ["m", "f"] * 10}, np.arange(20) % 2)
