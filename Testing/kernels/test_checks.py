import numpy as np
import pytest

from mrbiomarkers.checks import (
    check_affine,
    check_bounds,
    check_bvalues,
    check_choice,
    check_mask,
    check_real_array,
)


def test_big_endian_becomes_native_and_native_is_not_copied():
    big = np.arange(6, dtype=">i2")
    assert check_real_array("x", big).dtype.isnative
    np.testing.assert_array_equal(check_real_array("x", big), big)
    native = np.arange(6.0)
    assert check_real_array("x", native) is native


@pytest.mark.parametrize("bad", [np.array([1j]), np.array(["a"]), np.array([None])])
def test_not_real_is_refused(bad):
    with pytest.raises(TypeError, match="x: expected real numbers"):
        check_real_array("x", bad)


def test_wrong_number_of_dimensions_says_both():
    with pytest.raises(ValueError, match=r"x: expected 4 dimensions, got 2 \(shape \(2, 3\)\)"):
        check_real_array("x", np.zeros((2, 3)), ndim=4)


@pytest.mark.parametrize(
    ("bvalues", "n", "message"),
    [
        ([0, 100], 3, "expected 3 values, one for each measurement .* got 2"),
        ([], 0, "expected at least two b-values, got none"),
        ([0, np.nan], 2, "expected finite values"),
        ([0, np.inf], 2, "expected finite values"),
        ([0, -50], 2, "expected values of 0 s/mm2 or more, got -50 s/mm2"),
        ([500, 500], 2, "expected at least two different b-values, got only 500 s/mm2"),
        ([[0, 100]], None, "expected 1 dimensions, got 2"),
    ],
)
def test_bad_bvalues_are_named(bvalues, n, message):
    with pytest.raises(ValueError, match=f"bvalues: {message}"):
        check_bvalues(bvalues, n)


def test_mask_above_zero_and_not_nan():
    mask = check_mask("m", [0.0, 0.5, np.nan, -1, 2], (5,))
    np.testing.assert_array_equal(mask, [False, True, False, False, True])


def test_mask_of_another_shape_says_both():
    with pytest.raises(ValueError, match=r"m: expected shape \(2, 2\), got \(3,\)"):
        check_mask("m", np.ones(3), (2, 2))


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.eye(3), "expected shape"),
        (np.diag([1, 1, np.nan, 1]), "expected finite numbers"),
        (np.diag([1, 1, 1, 2]), "last row of 0 0 0 1"),
        (np.diag([1, 1, 0, 1]), "three independent axes"),
    ],
)
def test_bad_affine_is_refused(affine, message):
    with pytest.raises(ValueError, match=f"affine: .*{message}"):
        check_affine(affine)


def test_choice_lists_what_is_allowed():
    assert check_choice("method", "nlls", ("nlls",)) == "nlls"
    with pytest.raises(ValueError, match="method: expected one of a, b; got 'c'"):
        check_choice("method", "c", ("b", "a"))


@pytest.mark.parametrize("bad", [(2, 1), (1, 1), (1,), "ab", (0, np.nan), None])
def test_bad_bounds_are_refused(bad):
    with pytest.raises(ValueError, match="bounds of D: expected"):
        check_bounds("D", bad)
