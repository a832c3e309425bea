"""Table 1: what is printed, which test is taken and named, what is missing, corrections, and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mrbiomarkers.response.groups import compare_categories, compare_groups, table_one

RNG = np.random.default_rng(7)
GROUPS = ["NCR"] * 25 + ["CR"] * 54
NORMAL = np.where(np.array(GROUPS) == "CR", 91.0, 84.0) + 15 * RNG.normal(size=79)
SKEWED = np.exp(RNG.normal(size=79))
SEX = RNG.choice(["boy", "girl"], 79)
COLUMNS = {"R2* [1/s]": NORMAL, "D": SKEWED, "sex": SEX, "risk": RNG.choice(["low", "medium", "high"], 79)}


def test_lines_are_printed_as_papers_print_them():
    found = table_one(COLUMNS, GROUPS, order=["NCR", "CR"])
    rows = found.records()
    assert (found.groups, found.n) == (("NCR", "CR"), (25, 54))
    assert [row["variable"] for row in rows] == ["R2* [1/s]", "D", "sex", "sex", "risk", "risk", "risk"]
    first, second, boys = rows[:3]
    part = NORMAL[:25]
    assert first["NCR (n = 25)"] == f"{part.mean():.2f} ± {part.std(ddof=1):.2f}"
    assert first["test"] == "Student's t test (equal variances)"
    assert first["normality"].startswith("NCR: Shapiro-Wilk p = ")
    quartiles = np.quantile(SKEWED[25:], [0.5, 0.25, 0.75])
    assert second["CR (n = 54)"] == "{:.2f} ({:.2f}, {:.2f})".format(*quartiles)
    assert second["test"].startswith("Mann-Whitney U test")
    count = np.count_nonzero(SEX[:25] == "boy")
    assert boys["NCR (n = 25)"] == f"{count} ({100 * count / 25:.1f})"
    assert boys["p"] == compare_categories(SEX, GROUPS, order=["NCR", "CR"]).p
    assert rows[3]["test"] == ""
    assert first["p"] == compare_groups(NORMAL, GROUPS, order=["NCR", "CR"]).p


def test_a_named_test_is_taken_and_decides_what_is_printed():
    tests = {"D": "welch", "sex": "yates", "R2* [1/s]": "mann-whitney"}
    rows = {row["variable"]: row for row in reversed(table_one(COLUMNS, GROUPS, tests=tests).records())}
    assert rows["D"]["test"].startswith("Welch's t")
    assert (rows["D"]["shown"], rows["R2* [1/s]"]["shown"]) == ("mean ± SD", "median (P25, P75)")
    assert "Yates" in rows["sex"]["test"]
    assert rows["D"]["reason"] == "asked for"


def test_three_groups():
    found = table_one({"f": NORMAL}, np.repeat(["a", "b", "c"], [30, 30, 19]))
    assert found.rows[0].test.test == "one-way ANOVA"
    assert [(row["variable"], row["first"], row["test"]) for row in found.pair_records()] == [
        ("f", "a", "Tukey-Kramer"),
        ("f", "a", "Tukey-Kramer"),
        ("f", "b", "Tukey-Kramer"),
    ]
    assert table_one(COLUMNS, GROUPS).pair_records() == []


def test_missing_values_are_counted():
    values = NORMAL.copy()
    values[[0, 30, 31]] = np.nan
    sex = SEX.astype(object)
    sex[2] = None
    groups = [*GROUPS[:-1], None]
    found = table_one({"R2*": values, "sex": sex}, groups, order=["NCR", "CR"])
    assert [row.missing for row in found.rows] == [(1, 2), (1, 0), (1, 0)]
    assert found.notes == ("1 patients without a group are left out",)
    assert "patients whose value is missing are left out: 1 of NCR, 2 of CR" in found.records()[0]["warnings"]


def test_columns_without_a_test_are_described_and_noted():
    columns = {"constant": [5.0] * 79, "one centre": ["A"] * 79, "few": [1.5, 2.5, 3.5] + [None] * 76}
    found = table_one(columns, GROUPS, kinds={"constant": "number"})
    assert all(row.test is None for row in found.rows)
    assert found.notes == (
        "constant: no test, all values are equal",
        "one centre: no test, fewer than two categories or a group without values",
        "few: no test, fewer than two values in a group",
    )
    assert found.records()[2]["NCR (n = 25)"] == "2.50 (2.00, 3.00)"


def test_correction_counts_columns_not_lines():
    found = table_one(COLUMNS, GROUPS, adjust="bonferroni")
    tested = [row for row in found.rows if row.test is not None]
    assert len(tested) == 4
    for row in tested:
        assert row.p_adjusted == pytest.approx(min(4 * row.test.p, 1))
    assert all(math.isnan(row.p_adjusted) for row in found.rows if row.test is None)
    assert found.notes == ("p_adjusted: Bonferroni",)


def test_kinds():
    columns = {
        "zero or one": [0, 1] * 39 + [0],
        "text numbers": [str(x) for x in NORMAL],
        "grade": [1, 2, 3] * 26 + [1],
    }
    shown = {row.variable: row.shown for row in table_one(columns, GROUPS, kinds={"grade": "category"}).rows}
    assert shown["zero or one"] == shown["grade"] == "n (%)"
    assert shown["text numbers"] == "mean ± SD"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="column 'LDH': values: expected a number in row 3, got '<100'"):
        table_one({"LDH": ["120", "130", "<100", *map(str, range(76))]}, GROUPS)
    with pytest.raises(ValueError, match="column 'age': groups: expected 2 values"):
        table_one({"age": [1.5, 2.5]}, GROUPS, kinds={"age": "number"})
    with pytest.raises(ValueError, match="tests: column: expected one of"):
        table_one(COLUMNS, GROUPS, tests={"Age": "student"})
    with pytest.raises(ValueError, match="kinds: sex: expected one of category, number"):
        table_one(COLUMNS, GROUPS, kinds={"sex": "text"})
    with pytest.raises(ValueError, match="two groups or more"):
        table_one(COLUMNS, ["CR"] * 79)
