import csv
import io
import math

import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement, measurements_from_csv, measurements_to_csv

# The table of DESIGN.md, column by column: others build on it.
DESIGNED = (
    "subject, timepoint, series, reader, region, slice, quantity, unit, model, fit, method, value, se, ci_low, "
    "ci_high, mean, sd, median, p25, p75, min, max, n_voxels, n_slices, n_unfitted, n_on_bound, area_mm2, "
    "volume_mm3, outside_fraction"
)


def row(**changes):
    given = dict.fromkeys(COLUMNS[:11], "")
    given.update(region='lesion "A", left', quantity="D", unit="10^-3 mm2/s", slice="all", method="mean of map")
    return Measurement(**{**given, **changes})


def test_columns_are_those_that_others_build_on():
    assert ", ".join(COLUMNS) == DESIGNED


def test_round_trip_keeps_every_digit_and_empty_cells():
    rows = [row(value=0.1 + 0.2, mean=1 / 3, n_voxels=12, area_mm2=1e-300), row(subject="Ä;1", sd=-0.0)]
    back = measurements_from_csv(measurements_to_csv(rows))
    for before, after in zip(rows, back, strict=True):
        for name in COLUMNS:
            a, b = getattr(before, name), getattr(after, name)
            assert a == b or (math.isnan(a) and math.isnan(b)), name


def test_nan_is_an_empty_cell():
    record = next(csv.DictReader(io.StringIO(measurements_to_csv([row()]))))
    assert record["value"] == ""
    assert record["n_voxels"] == "0"


def test_no_rows_still_have_a_header():
    assert measurements_to_csv([]) == ",".join(COLUMNS) + "\n"
    assert measurements_from_csv(measurements_to_csv([])) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guess"}, "method: expected one of"),
        ({"region": ""}, "region: expected a name"),
        ({"unit": ""}, "unit: expected a name"),
    ],
)
def test_bad_row_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        row(**changes)


def test_missing_column_is_named():
    text = measurements_to_csv([row()]).replace("median", "mediane", 1)
    with pytest.raises(ValueError, match=r"missing=\['median'\], unknown=\['mediane'\]"):
        measurements_from_csv(text)


def test_bad_number_is_named_with_its_line():
    text = measurements_to_csv([row(), row(value=1.5)]).replace(",1.5,", ",1;5,")
    with pytest.raises(ValueError, match="line 3, column value: expected a number, got '1;5'"):
        measurements_from_csv(text)


def test_short_line_is_named():
    text = measurements_to_csv([row()]) + "a,b\n"
    with pytest.raises(ValueError, match="line 3: expected 29 cells, got fewer"):
        measurements_from_csv(text)


def test_long_line_is_named():
    text = measurements_to_csv([row()]).rstrip() + ",1,2\n"
    with pytest.raises(ValueError, match="line 2: expected 29 cells, got more"):
        measurements_from_csv(text)
