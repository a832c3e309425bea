import numpy as np
import pytest

from mrbiomarkers.maps import (
    NOT_FITTED,
    STATUS_TEXT,
    ParameterMap,
    Status,
    kernel_value,
    parameter_flags,
    reported_value,
    to_reported,
)
from mrbiomarkers.quantities import quantity


def make(key="D", unit=None, values=None, **more):
    known = quantity(key)
    values = np.array([[[0.5e-3, np.nan]]]) if values is None else values
    return ParameterMap(values, known, unit or known.unit, np.eye(4), **more)


def test_reported_once_and_only_once():
    once = to_reported(make())
    np.testing.assert_allclose(once.values, [[[0.5, np.nan]]], rtol=1e-15)
    assert once.unit == "10^-3 mm2/s"
    assert once.is_reported
    assert to_reported(once) is once


def test_reported_keeps_the_floating_point_type_and_the_original():
    original = make(values=np.full((1, 1, 2), 1e-3, np.float32))
    reported = to_reported(original)
    assert reported.values.dtype == np.float32
    np.testing.assert_array_equal(original.values, np.float32(1e-3))


def test_a_pure_number_is_the_same_in_both_units():
    fraction = make("f")
    assert fraction.is_reported
    assert to_reported(fraction) is fraction


def test_single_value():
    assert reported_value("Dstar", 0.02) == pytest.approx(20.0)
    assert reported_value("f", 0.2) == 0.2
    assert kernel_value("Dstar", 20.0) == pytest.approx(0.02)


def test_status_is_made_from_nan_where_not_given():
    np.testing.assert_array_equal(make().status, [[[Status.FITTED, Status.NOT_FINITE]]])


def test_status_is_uint16_and_narrower_flags_are_widened():
    assert make().status.dtype == np.uint16
    for kind in (np.uint8, np.uint16):
        status = np.full((1, 1, 2), Status.ON_BOUND, kind)
        found = make(status=status).status
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, status)


@pytest.mark.parametrize("kind", [np.uint32, np.int64, np.float64])
def test_a_status_that_could_lose_flags_is_refused(kind):
    with pytest.raises(TypeError, match="status of D: expected flags as uint16 or uint8, got"):
        make(status=np.zeros((1, 1, 2), kind))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "um2/s"}, "unit of D: expected 'mm2/s' or '10\\^-3 mm2/s', got 'um2/s'"),
        ({"values": np.zeros((2, 2))}, "values of D: expected 3 dimensions"),
        ({"status": np.zeros((1, 1, 1), np.uint8)}, "status of D: expected shape"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="values of D: expected floating point"):
        make(values=np.zeros((1, 1, 1), np.int16))


def test_flags_do_not_overlap_and_have_texts():
    flags = [int(flag) for flag in Status] + [flag for position in range(5) for flag in parameter_flags(position)]
    assert len(set(flags)) == len(flags)
    assert sum(flags) == np.bitwise_or.reduce(flags) < 2**32
    assert all(flag < 2**16 for flag in Status)
    assert min(parameter_flags(0)) == 2**16
    assert set(STATUS_TEXT) >= set(Status)
    assert not NOT_FITTED & (Status.ON_BOUND | Status.NOT_CONVERGED | Status.BEYOND_MODEL | Status.NOT_IDENTIFIABLE)
