import math

import numpy as np
import pytest

from mrbiomarkers.diffusion.fat_fraction import eta_from_pdff

MARROW = {"echo_time": 0.06, "T2_fat": 0.08, "T2_water": 0.025}


def share(pdff, residue, te, t2_fat, t2_water):
    """Signal of fat over that of both, from the magnetisations left at the echo."""
    fat = residue * pdff * math.exp(-te / t2_fat)
    return fat / (fat + (100 - pdff) * math.exp(-te / t2_water))


@pytest.mark.parametrize("pdff", [0.0, 12.5, 45.0, 60.0])
@pytest.mark.parametrize("residue", [-0.02, 0.0, 0.05, 1.0])
def test_it_is_the_share_of_the_signal(pdff, residue):
    found = eta_from_pdff(pdff, residue, **MARROW)
    assert found.eta == pytest.approx(share(pdff, residue, 0.06, 0.08, 0.025), rel=1e-12)
    assert found.sd is None


def test_without_suppression_and_decay_it_is_the_fat_fraction():
    np.testing.assert_allclose(eta_from_pdff([10, 40, 99], 1.0, 0.0, 0.08, 0.02).eta, [0.1, 0.4, 0.99])


def test_errors_are_propagated():
    pdff, residue = np.array([[20.0, 50.0], [35.0, 60.0]]), np.array([[0.05, -0.03], [0.1, 0.02]])

    def slope(first, second, step):
        values = [eta_from_pdff(*arguments, **MARROW).eta for arguments in (first, second)]
        return (values[0] - values[1]) / (2 * step)

    by_pdff = slope((pdff + 1e-3, residue), (pdff - 1e-3, residue), 1e-3)
    by_residue = slope((pdff, residue + 1e-6), (pdff, residue - 1e-6), 1e-6)
    both = eta_from_pdff(pdff, residue, **MARROW, pdff_sd=3.0, residue_sd=np.full((2, 2), 0.01))
    np.testing.assert_allclose(both.sd, np.hypot(by_pdff * 3.0, by_residue * 0.01), rtol=1e-6)
    one = eta_from_pdff(pdff, residue, **MARROW, residue_sd=0.01)
    np.testing.assert_allclose(one.sd, np.abs(by_residue) * 0.01, rtol=1e-6)


def test_linear_errors_are_those_of_a_simulation():
    rng = np.random.default_rng(0)
    drawn = eta_from_pdff(rng.normal(45, 2, 100_000), rng.normal(0.05, 0.005, 100_000), **MARROW).eta
    stated = eta_from_pdff(45.0, 0.05, **MARROW, pdff_sd=2.0, residue_sd=0.005)
    assert np.std(drawn) == pytest.approx(float(stated.sd), rel=0.03)


def test_where_fat_outweighs_water_there_is_no_share():
    found = eta_from_pdff([100.0, 100.0, 95.0, np.nan, 50.0], [0.1, 0.0, -0.1, 0.1, 0.1], **MARROW, pdff_sd=1.0)
    assert np.isnan(found.eta).tolist() == [True, True, True, True, False]
    assert np.isnan(found.sd).tolist() == [True, True, True, True, False]


def test_arguments_are_left_alone_and_integers_are_taken():
    pdff = np.array([10, 20], dtype=np.int16)
    assert eta_from_pdff(pdff, 1, 0, 1, 1).eta.tolist() == [0.1, 0.2]
    assert pdff.tolist() == [10, 20]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pdff": [10.0, 101.0]}, "pdff: expected a fat fraction of 0 to 100 %; got 101"),
        ({"pdff": [-1.0, 10.0]}, "pdff: expected .* got -1"),
        ({"pdff": np.nan}, "pdff: expected .* got nan"),
        ({"suppression_residue": 1.5}, "suppression_residue: expected a part of the fat signal, -1 to 1; got 1.5"),
        (
            {"suppression_residue": [0.1]},
            r"suppression_residue: expected .* map of shape \(2,\), as pdff, got shape \(1,\)",
        ),
        ({"echo_time": 70}, "echo_time: expected seconds, 0 to 1; got 70"),
        ({"echo_time": [0.06, 0.06]}, "echo_time: expected one number"),
        ({"T2_fat": -0.08}, "T2_fat: expected seconds above 0.*got -0.08"),
        ({"T2_water": 0.0}, "T2_water: expected seconds above 0.*got 0"),
        ({"T2_water": 25.0}, "T2_water: expected seconds .*got 25"),
        ({"pdff_sd": -1.0}, "pdff_sd: expected a standard deviation, 0 or more; got -1"),
        ({"residue_sd": [[0.1]]}, "residue_sd: expected one number or a map"),
    ],
)
def test_bad_input_is_named(options, message):
    arguments = {"pdff": [10.0, 40.0], "suppression_residue": 0.05, **MARROW, **options}
    with pytest.raises(ValueError, match=message):
        eta_from_pdff(**arguments)
