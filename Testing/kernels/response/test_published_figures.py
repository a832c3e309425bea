"""Figures printed in the papers: every row marked yes is computed again from its inputs by the test it names."""

from __future__ import annotations

import csv
import itertools
import re

import numpy as np
import pytest

from mrbiomarkers.agreement import icc
from mrbiomarkers.response.groups import Summary, compare_counts, compare_summaries
from mrbiomarkers.response.intervals import proportion

# Rows whose printed figure is further away than rounding explains; the file says so. Largest difference.
FURTHER = {"65.0 (40.8-84.5)": 0.15, "94.0 (83.4-98.7)": 0.1, "R2* before P": 0.01}
EXPECTED_ROWS = 36


@pytest.fixture(scope="module")
def rows(shared_data):
    with (shared_data / "response" / "published_figures.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(text):
    return [float(found) for found in re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?", text)]


def half_unit(text):
    """Half of the last digit."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2]) + 1e-9


def interval(row):
    """Share and interval in percent."""
    found = proportion(*map(int, row["inputs"].split("/")), interval="clopper-pearson")
    assert row["method"] == found.method
    ours = [100 * value for value in (found.value, found.ci_low, found.ci_high)]
    for text, column, step in ((row["recomputed"], 0.005, 0.05), (row["printed"], 0.05, 0.05)):
        theirs = [abs(value) for value in numbers(text.replace("-", " "))]
        allowed = FURTHER.get(text, column)
        assert theirs[0] == pytest.approx(ours[0], abs=step)
        assert theirs[1:] == pytest.approx(ours[1:], abs=allowed + 1e-9)


def share(row):
    k, n = map(int, row["inputs"].split("/"))
    found = proportion(k, n).value
    for text in (row["printed"], row["recomputed"]):
        unit = 100 if float(text) > 1 else 1
        assert float(text) == pytest.approx(unit * found, abs=half_unit(text))


def summaries(row, steps=(0, 0, 0, 0)):
    parts = re.findall(r"(-?[\d.]+)\+-([\d.]+) n=(\d+)", row["inputs"])
    moves = zip(steps[::2], steps[1::2], strict=True)
    return [
        Summary(int(n), float(mean) + a * half_unit(mean), float(sd) + b * half_unit(sd))
        for (mean, sd, n), (a, b) in zip(parts, moves, strict=True)
    ]


def mean_test(row):
    name = row["method"].split()[0].lower()
    figure = "statistic" if row["item"].endswith(" t") else "p"

    def ours(steps=(0, 0, 0, 0)):
        return getattr(compare_summaries(summaries(row, steps), test=name), figure)

    text = row["recomputed"].split(" / ")[0]
    assert ours() == pytest.approx(float(text), abs=half_unit(text))
    reached = [ours(steps) for steps in itertools.product((-1, 1), repeat=4)]
    slack = FURTHER.get(row["item"], half_unit(row["printed"]))
    assert min(reached) - slack <= float(row["printed"]) <= max(reached) + slack


def chi_square(row):
    found = compare_counts([numbers(part.replace("/", " ")) for part in row["inputs"].split("vs")], test="yates")
    assert "Yates" in found.test
    for text in (row["printed"], row["recomputed"]):
        assert found.p == pytest.approx(float(text), abs=half_unit(text))


def intraclass(row):
    """Ratings of two readers with just this coefficient, and its interval."""
    r, n, k = numbers(row["inputs"].replace("=", " "))
    rng = np.random.default_rng(0)
    parts = np.linalg.qr(np.column_stack([np.ones(int(n)), rng.normal(size=(int(n), 2))]))[0][:, 1:]
    subjects, error = parts[:, 0] * np.sqrt(1 + r), parts[:, 1] * np.sqrt(1 - r)
    found = icc(np.column_stack([subjects + error, subjects - error]), "3,1")
    assert k == 2
    assert float(found.value) == pytest.approx(r, abs=1e-12)
    for text, allowed in ((row["recomputed"], 0.0005), (row["printed"], 0.0015)):
        theirs = [float(end) for end in text.split("-")]
        assert [float(found.ci_low), float(found.ci_high)] == pytest.approx(theirs, abs=allowed + 1e-9)


def way(row):
    method = row["method"]
    if method == "Clopper-Pearson":
        return interval
    if method.startswith("count"):
        return share
    if method.startswith(("Student from summary", "Welch from summary")):
        return mean_test
    if method == "chi-square with Yates correction":
        return chi_square
    if method.startswith("ICC(3,1)"):
        return intraclass
    raise AssertionError(f"no test for {row}")


def test_every_row_marked_yes_is_reproduced(rows):
    marked = [row for row in rows if row["reproduces"].startswith("yes")]
    for row in marked:
        way(row)(row)
    assert len(marked) == EXPECTED_ROWS


@pytest.mark.parametrize(
    ("item", "printed", "table", "p"),
    [
        ("CNSL P", 0.729, [[59, 7], [16, 2]], 1.0),
        ("sex P", 0.375, [[11, 14], [32, 22]], 0.306),
        ("risk groups", 0.001, [[3, 21, 1], [5, 40, 9]], 0.285),
    ],
)
def test_misprints_stay_misprints(item, printed, table, p):
    test = "yates" if len(table[0]) == 2 else "chi-square"
    found = compare_counts(table, test=test)
    assert found.p == pytest.approx(p, abs=0.001), item
    assert abs(found.p - printed) > 0.03
