import math

import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement
from mrbiomarkers.tables.rules import mean_by_rules, regions_of


def row(region, quantity, value, reader="A", **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {
        "subject": "s",
        "slice": "all",
        "unit": "1",
        "method": "fit of mean signal",
    }
    given |= {"region": region, "quantity": quantity, "reader": reader}
    return Measurement(**{**given, "value": value, "n_voxels": 10, **changes})


def cohort():
    return [
        row(f"L{n}", quantity, n + more + (0.5 if reader == "B" else 0), reader)
        for quantity, more in (("f", 0.0), ("PDFF", 10.0), ("T2", 100.0))
        for reader in "AB"
        for n in range(1, 6)
    ]


@pytest.mark.parametrize(
    ("rule", "regions"),
    [
        ("L1-L5", ("L1", "L2", "L3", "L4", "L5")),
        ("L2-4", ("L2", "L3", "L4")),
        ("T12 + L1-L2", ("T12", "L1", "L2")),
        ("lesion", ("lesion",)),
        ("T12-L2", ("T12-L2",)),
    ],
)
def test_the_regions_of_a_rule(rule, regions):
    assert regions_of(rule) == regions


def test_every_quantity_has_its_regions_then_the_readers_are_averaged():
    rows = cohort()
    result = mean_by_rules(rows, {"L1-L5": ("PDFF",), "L2-L4": ("f",)})
    assert result.given == rows
    # (2 + 3 + 4) / 3 = 3 and (1 + ... + 5) / 5 = 3: the second reader is 0.5 above; so the weights must tell.
    found = {(mean.region, mean.quantity, mean.reader): mean.value for mean in result.means}
    assert found == pytest.approx(
        {
            ("L1-L5", "PDFF", "A"): 13,
            ("L1-L5", "PDFF", "B"): 13.5,
            ("L1-L5", "PDFF", "mean"): 13.25,
            ("L2-L4", "f", "A"): 3,
            ("L2-L4", "f", "B"): 3.5,
            ("L2-L4", "f", "mean"): 3.25,
        }
    )
    assert [mean.n_voxels for mean in result.means if mean.quantity == "f"] == [30, 30, 30]
    assert result.notes == ["no rule for 'T2', no mean"]


def test_a_rule_without_quantities_is_for_the_rest():
    result = mean_by_rules(cohort(), {"L1": (), "L2-L4": ("f",)}, readers=None)
    assert {(mean.region, mean.quantity) for mean in result.means} == {("L2-L4", "f")}
    result = mean_by_rules(cohort(), {"L1": (), "L2-L4": ("f",)})
    assert {(mean.region, mean.quantity, mean.reader) for mean in result.means} == {
        ("L2-L4", "f", "A"),
        ("L2-L4", "f", "B"),
        ("L2-L4", "f", "mean"),
        ("L1", "PDFF", "mean"),
        ("L1", "T2", "mean"),
    }
    assert result.notes == []


def test_a_single_reader_has_no_mean_and_what_is_missing_is_said():
    rows = [row("L2", "f", 1.0), row("L3", "f", 3.0)]
    result = mean_by_rules(rows, {"L2-L4": ()}, weights="equal")
    assert [(mean.reader, mean.value) for mean in result.means] == [("A", 2.0)]
    assert "mean of L2-L4 without L4, which the table lacks" in result.notes[0]
    assert result.notes[1] == "readers: 'A', no mean of readers"
    assert math.isnan(mean_by_rules([row("L2", "f", math.nan)], {"L2-L4": ()}).means[0].value)


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({}, ValueError, "rules: expected at least one"),
        ({"L1-L5": "PDFF"}, TypeError, "rules, L1-L5: expected a sequence of quantities, got the text 'PDFF'"),
        ({"L1-L5": ("f",), "L2-L4": ("f",)}, ValueError, "got 'f' in L1-L5 and in L2-L4"),
        ({"L1-L5": ("R2",)}, ValueError, r"rules, L1-L5: expected quantities of the table \('f', 'PDFF', 'T2'\)"),
        ({"L1-L5": (), "L2-L4": ()}, ValueError, "expected one for all the rest, got 'L1-L5', 'L2-L4'"),
        ({"L4-L2": ()}, ValueError, "range from the upper to the lower body"),
        ({"L1+": ()}, ValueError, "rule: expected names of regions"),
        ({"sacrum": ()}, ValueError, "rules: expected regions of the table"),
        ({"S1-S3": ()}, ValueError, "regions: expected at least one of those in the table"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules, error, message):
    with pytest.raises(error, match=message):
        mean_by_rules(cohort(), rules)
