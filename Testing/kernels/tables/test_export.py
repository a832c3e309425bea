import csv
import io

import numpy as np
import pytest

from mrbiomarkers.tables.export import spss_csv, tidy_csv, wide_csv
from mrbiomarkers.tables.table import Column, Table


def table():
    return Table(
        "t",
        (
            Column("subject", np.array(["a,b", '李"'], dtype=object), "text"),
            Column("PDFF %", np.array([30.25, np.nan]), unit="%", meaning="fat fraction"),
            Column("n", np.array([3.0, 4.0])),
        ),
    )


def rows(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_wide_has_a_column_each():
    assert rows(wide_csv(table())) == [["subject", "PDFF %", "n"], ["a,b", "30.25", "3"], ['李"', "", "4"]]


def test_tidy_has_a_row_a_value_and_one_for_what_is_missing():
    assert rows(tidy_csv(table())) == [
        ["subject", "variable", "unit", "value"],
        ["a,b", "PDFF %", "%", "30.25"],
        ["a,b", "n", "", "3"],
        ['李"', "PDFF %", "%", ""],
        ['李"', "n", "", "4"],
    ]
    assert rows(tidy_csv(table(), keys=("n", "subject")))[0] == ["n", "subject", "variable", "unit", "value"]


def test_tidy_needs_keys():
    with pytest.raises(ValueError, match="keys: expected columns of t, got ID"):
        tidy_csv(table(), keys=("ID",))
    with pytest.raises(ValueError, match="keys: expected other names than variable"):
        tidy_csv(table().renamed({"n": "value"}), keys=("value",))


def test_spss_has_its_names_and_a_dictionary_with_the_old_ones():
    export = spss_csv(table())
    assert export.names == {"subject": "subject", "PDFF %": "PDFF_pct", "n": "n"}
    assert rows(export.table) == [["subject", "PDFF_pct", "n"], *rows(wide_csv(table()))[1:]]
    heading, *entries = rows(export.dictionary)
    entry = dict(zip(heading, entries[1], strict=True))
    assert (entry["variable"], entry["name"], entry["unit"], entry["n_missing"]) == ("PDFF_pct", "PDFF %", "%", "1")
    assert (entry["meaning"], entry["low"], entry["high"]) == ("fat fraction", "30.25", "30.25")
