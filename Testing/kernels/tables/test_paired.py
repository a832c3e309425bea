import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman, icc
from mrbiomarkers.measurements import COLUMNS, Measurement
from mrbiomarkers.tables import PairLabel, pairs

# The first two of the four judges of Shrout and Fleiss 1979, table 2.
JUDGES = {"A": (9, 6, 8, 7, 10, 6), "B": (2, 1, 4, 1, 5, 2)}


def row(reader="A", value=1.0, **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {"subject": "s1", "region": "L1", "slice": "all"}
    given |= {"quantity": "D", "unit": "10^-3 mm2/s", "model": "ivim", "fit": "nlls", "method": "mean of map"}
    return Measurement(**{**given, "reader": reader, "value": value, **changes})


@pytest.fixture
def table():
    """The second reader's rows come in another order."""
    first = [row("A", value, subject=f"s{n}") for n, value in enumerate(JUDGES["A"])]
    second = [row("B", value, subject=f"s{n}") for n, value in enumerate(JUDGES["B"])]
    return first + second[::-1]


def test_pairs_go_straight_into_the_agreement_room(table):
    found = pairs(table, "A", "B", "D")
    assert found.ratings.tolist() == np.transpose([JUDGES["A"], JUDGES["B"]]).tolist()
    assert [label.subject for label in found.labels] == [f"s{n}" for n in range(6)]
    assert (found.unit, found.readers, found.warnings) == ("10^-3 mm2/s", ("A", "B"), ())
    difference = np.subtract(JUDGES["A"], JUDGES["B"])
    assert bland_altman(found.a, found.b).bias.value == pytest.approx(difference.mean())
    # Mean squares between targets and of what is left, for two judges: from the means and differences of the pairs.
    between, rest = 2 * np.add(JUDGES["A"], JUDGES["B"]).var(ddof=1) / 4, difference.var(ddof=1) / 2
    assert icc(found.ratings, kind="3,1").value == pytest.approx((between - rest) / (between + rest))


def test_turned_round_the_readers_are_turned_round(table):
    assert pairs(table, "B", "A", "D").ratings[:, ::-1].tolist() == pairs(table, "A", "B", "D").ratings.tolist()[::-1]


def test_rows_of_one_reader_only_are_listed():
    rows = [row("A"), row("B"), row("A", region="L2"), row("B", timepoint="post"), row("C", region="L9")]
    found = pairs(rows, "A", "B", "D")
    assert found.only_a == (PairLabel("s1", "", "", "L2", "all"),)
    assert found.only_b == (PairLabel("s1", "post", "", "L1", "all"),)
    assert found.warnings == ("D: only reader 'A' measured s1 L2", "D: only reader 'B' measured s1 post L1")


def test_empty_values_stay_as_missing_ones():
    rows = [row("A"), row("B", float("nan")), row("A", subject="s2"), row("B", 2.0, subject="s2")]
    found = pairs(rows, "A", "B", "D")
    assert np.isnan(found.b).tolist() == [True, False]
    assert found.a.tolist() == [1.0, 1.0]


def test_regions_slices_and_columns_are_chosen():
    rows = [
        row(reader, value, region=region, slice=part, area_mm2=10 * value)
        for reader, value in (("A", 1.0), ("B", 2.0))
        for region in ("L1", "L2")
        for part in ("all", "3")
    ]
    assert [(label.region, label.slice) for label in pairs(rows, "A", "B", "D", regions=("L2",)).labels] == [
        ("L2", "all")
    ]
    assert [label.slice for label in pairs(rows, "A", "B", "D", per_slice=True).labels] == ["3", "3"]
    areas = pairs(rows, "A", "B", "D", column="area_mm2")
    assert (areas.unit, areas.a.tolist(), areas.b.tolist()) == ("mm2", [10, 10], [20, 20])


def test_one_of_several_models_must_be_chosen():
    rows = [row(reader, value, model=model) for reader in "AB" for model, value in (("ivim", 1.0), ("ivim2", 3.0))]
    with pytest.raises(ValueError, match="choose one of 'ivim', 'nlls', 'mean of map'; 'ivim2', 'nlls', 'mean of map'"):
        pairs(rows, "A", "B", "D")
    assert pairs(rows, "A", "B", "D", model="ivim2").a.tolist() == [3.0]


@pytest.mark.parametrize(
    ("rows", "readers", "options", "message"),
    [
        ([row("A"), row("B")], "AA", {}, "reader_b: expected another reader than reader_a, got 'A' for both"),
        (
            [row("A"), row("B")],
            "AX",
            {},
            r"reader_b: expected a reader with rows of quantity 'D' \('A', 'B'\), got 'X'",
        ),
        ([row("A"), row("B")], "AB", {"method": "x"}, r"rows of quantity 'D', method 'x' \(none\), got 'A'"),
        ([row("A"), row("B")], "AB", {"column": "se"}, "column: expected one of area_mm2, max, .*; got 'se'"),
        ([row("A"), row("B", unit="mm2/s")], "AB", {}, "expected one unit of D, got '10.-3 mm2/s' .*'A'.* and 'mm2/s'"),
        ([row("A"), row("A"), row("B")], "AB", {}, "every row once, got two of subject 's1', reader 'A', region 'L1'"),
        ([row("A"), row("B", region="L2")], "AB", {}, "that readers 'A' and 'B' have in common, got none"),
        ([row("A"), row("B", fit="segmented")], "AB", {}, "expected one model, fit and method"),
    ],
)
def test_bad_input_is_refused(rows, readers, options, message):
    with pytest.raises(ValueError, match=message):
        pairs(rows, *readers, "D", **options)


def test_a_text_as_regions_is_refused():
    with pytest.raises(TypeError, match="regions: expected a sequence of names, got the text 'L1'"):
        pairs([row("A"), row("B")], "A", "B", "D", regions="L1")
