import numpy as np
import pytest

from mrbiomarkers.tables.dictionary import data_dictionary
from mrbiomarkers.tables.table import Column, Table


def table():
    def text(name, *values, kind="text"):
        return Column(name, np.array(values, dtype=object), kind)

    return Table(
        "t",
        (
            Column("Gene", np.array([1, 0, 1, np.nan]), unit="1", coded={"999": 1}),
            text("site", "Köln", "", "Bonn", "Köln"),
            text("scan", "2016-06-30", "2009-01-01", "", "", kind="date"),
            Column("none", np.full(4, np.nan)),
        ),
    )


def test_every_column_has_its_counts_and_range():
    records = [entry.record() for entry in data_dictionary(table(), meanings={"Gene": "mutation"}, units={"none": "s"})]
    assert records == [
        {
            "name": "Gene",
            "kind": "number",
            "unit": "1",
            "meaning": "mutation",
            "n": 3,
            "n_missing": 1,
            "low": "0",
            "high": "1",
            "n_different": 2,
            "values": "0: 1; 1: 2",
            "codes": "999: 1",
        },
        {
            "name": "site",
            "kind": "text",
            "unit": "",
            "meaning": "",
            "n": 3,
            "n_missing": 1,
            "low": "",
            "high": "",
            "n_different": 2,
            "values": "Bonn: 1; Köln: 2",
            "codes": "",
        },
        {
            "name": "scan",
            "kind": "date",
            "unit": "",
            "meaning": "",
            "n": 2,
            "n_missing": 2,
            "low": "2009-01-01",
            "high": "2016-06-30",
            "n_different": 2,
            "values": "2009-01-01: 1; 2016-06-30: 1",
            "codes": "",
        },
        {
            "name": "none",
            "kind": "number",
            "unit": "s",
            "meaning": "",
            "n": 0,
            "n_missing": 4,
            "low": "",
            "high": "",
            "n_different": 0,
            "values": "",
            "codes": "",
        },
    ]


@pytest.mark.parametrize(("n", "shown"), [(12, True), (13, False)])
def test_many_values_are_not_listed(n, shown):
    (entry,) = data_dictionary(Table("t", (Column("x", np.arange(float(n))),)))
    assert (entry.n_different, bool(entry.values), entry.high) == (n, shown, str(n - 1))


def test_a_meaning_of_no_column_is_refused():
    with pytest.raises(ValueError, match="meanings: there is no column 'gen'; the nearest: 'Gene'"):
        data_dictionary(table(), meanings={"gen": "x"})
