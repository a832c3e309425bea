"""Columns as they come from tables: what is missing, what is a number, and which row is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mrbiomarkers.response.labels import read_labels, read_numbers


def test_labels_of_all_kinds():
    given = [" CR ", "", None, math.nan, True, 0, 1.0, 2.5, np.float64(3), np.int64(4)]
    assert read_labels("outcome", given) == ["CR", None, None, None, 1, 0, 1, 2.5, 3, 4]
    assert read_labels("outcome", np.array([True, False])) == [1, 0]


def test_numbers_of_all_kinds():
    found = read_numbers("LDH", ["1.5", " 2 ", "", None, math.nan, 3, np.float32(4)])
    np.testing.assert_array_equal(found, [1.5, 2, math.nan, math.nan, math.nan, 3, 4])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, "<0.5"], "LDH: expected a number in row 3, got '<0.5'"),
        ([1, math.inf], "LDH: expected a finite number in row 2, got inf"),
        ([[1, 2], [3, 4]], "LDH: expected one value for each patient, got rows of several"),
        ("1, 2", "LDH: expected one value for each patient"),
        (3.0, "LDH: expected one value for each patient, got 3.0"),
        ([1j], "LDH: expected a number in row 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(values, message):
    with pytest.raises(ValueError, match=message):
        read_numbers("LDH", values)
