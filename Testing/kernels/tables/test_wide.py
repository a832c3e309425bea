import numpy as np
import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement
from mrbiomarkers.tables.features import FeatureRow
from mrbiomarkers.tables.wide import feature_table, measurement_table


def row(subject, quantity, value, **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {"timepoint": "before", "region": "L1-L5", "slice": "all", "unit": "1"}
    given |= {"model": "ivim", "fit": "nlls", "method": "mean of map"}
    return Measurement(**{**given, "subject": subject, "quantity": quantity, "value": value, **changes})


def test_one_row_a_subject_and_timepoint_one_column_a_quantity():
    rows = [
        row("a", "f", 0.5),
        row("a", "D", 0.4, unit="10^-3 mm2/s"),
        row("b", "f", 0.6, timepoint="after"),
        row("a", "f", 9.0, slice="3"),
    ]
    table = measurement_table(rows)
    assert table.names == ("subject", "timepoint", "f", "D")
    assert (table.texts("subject"), table.texts("timepoint")) == (["a", "b"], ["before", "after"])
    np.testing.assert_array_equal(table.numbers("f"), [0.5, 0.6])
    np.testing.assert_array_equal(table.numbers("D"), [0.4, np.nan])
    assert table.column("D").unit == "10^-3 mm2/s"
    assert table.column("D").meaning == "D, value: region L1-L5, model ivim, fit nlls, method mean of map"
    assert table.notes == ("1 rows of single slices are left out",)


def test_names_say_what_differs_within_a_quantity_only():
    rows = [
        row("a", "f", 0.5, region="L1", reader="A"),
        row("a", "f", 0.6, region="L2", reader="A"),
        row("a", "f", 0.7, region="L2", reader="B"),
        row("a", "PDFF", 30.0, unit="%", model="fatwater"),
    ]
    table = measurement_table(rows)
    assert table.names[2:] == ("f_L1_A", "f_L2_A", "f_L2_B", "PDFF")
    assert [table.numbers(name)[0] for name in table.names[2:]] == [0.5, 0.6, 0.7, 30]
    assert measurement_table(rows, parts=("region",)).names[-1] == "PDFF_L1-L5"


def test_another_column_has_its_name_and_unit():
    table = measurement_table([row("a", "f", 0.5, median=0.4, volume_mm3=12.0)], column="volume_mm3")
    assert table.names[2:] == ("f_volume_mm3",)
    assert table.column("f_volume_mm3").unit == "mm3"
    assert table.numbers("f_volume_mm3")[0] == 12


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([row("a", "f", 1), row("a", "f", 2)], {}, "twice in measurements"),
        ([row("a", "f", 1), row("b", "f", 2, unit="%")], {}, "expected one unit of f"),
        ([row("a", "f", 1, slice="2")], {}, "got none"),
        ([row("a", "f", 1)], {"column": "unit"}, "column: expected one of"),
        ([row("a", "f", 1)], {"parts": ("slice",)}, "parts: expected one of"),
    ],
)
def test_tables_that_are_not_one_are_refused(rows, options, message):
    with pytest.raises(ValueError, match=message):
        measurement_table(rows, **options)


def test_features_side_by_side_and_failures_said():
    rows = [
        FeatureRow("a", "before", "T2", "tumour", features={"Mean": 1.0, "Energy": 2.0}),
        FeatureRow("a", "before", "ADC", "tumour", features={"Mean": 3.0}),
        FeatureRow("b", "before", "T2", "tumour", status="failed", reason="empty region"),
    ]
    table = feature_table(rows)
    assert table.names == ("subject", "timepoint", "T2_Mean", "T2_Energy", "ADC_Mean")
    np.testing.assert_array_equal(table.numbers("ADC_Mean"), [3, np.nan])
    assert table.notes == ("b before T2 tumour: no features (empty region)",)
    assert feature_table(rows[:1]).names[2:] == ("Mean", "Energy")
    with pytest.raises(ValueError, match="twice"):
        feature_table([rows[0], rows[0]])
    with pytest.raises(ValueError, match="rows: expected at least one"):
        feature_table([])
