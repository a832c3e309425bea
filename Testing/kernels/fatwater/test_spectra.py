import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import (
    SPECTRA,
    FatSpectrum,
    at_temperature,
    custom_spectrum,
    fat_modulation,
    spectrum,
    triglyceride_spectrum,
)

# Absolute chemical shifts with water at 4.7 ppm and amplitudes in 1/1000, typed from the tables of fat models of
# CREAM_PDFF, MR_CSS, hmrGC, MAGORINO and mri-fatwater (listed in shared/reference/fatwater.md, section 2).
NINE = [0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29]
PUBLISHED = {
    "ren-marrow": (NINE, [90, 584, 60, 85, 60, 15, 40, 10, 57]),
    "ren-scat": (NINE, [89, 593, 59, 81, 59, 15, 39, 10, 55]),
    "hamilton-vat": (NINE, [89, 596, 59, 80, 59, 14, 39, 10, 54]),
    "hamilton-ssat": (NINE, [89, 591, 59, 82, 59, 15, 39, 10, 56]),
    "hamilton-dsat": (NINE, [89, 593, 59, 81, 59, 15, 39, 10, 55]),
    "hamilton-liver-9": (NINE, [88, 642, 58, 62, 58, 6, 39, 10, 37]),
    "hamilton-liver-6": ([0.90, 1.30, 2.10, 2.75, 4.20, 5.30], [88, 700, 120, 6, 39, 47]),
    "ismrm-6": ([0.90, 1.30, 2.10, 2.76, 4.31, 5.30], [87, 693, 128, 4, 39, 48]),
    "karampinos-8": ([0.90, 1.30, 1.59, 2.00, 2.25, 2.77, 4.20, 5.31], [87, 568, 58, 92, 58, 27, 38, 73]),
    "philips-7": ([0.90, 1.30, 1.59, 2.03, 2.25, 2.77, 5.31], [85, 625, 71, 95, 66, 16, 42]),
    "single": ([1.30], [1000]),
}
# The same, given relative to water.
PUBLISHED_RELATIVE = {
    "hernando-6": ([-3.9, -3.5, -2.7, -2.04, -0.49, 0.50], [87, 694, 128, 4, 39, 48]),
    "peanut-oil": (
        [-3.94, -3.54, -3.25, -2.81, -2.59, -2.07, -0.74, -0.54, 0.37, 0.47],
        # the phantom's model in the programs of the BMRR group
        [
            87.49757,
            563.87323,
            58.33171,
            96.05289,
            58.33171,
            19.63834,
            19.4439,
            19.4439,
            9.72195,
            67.66479,
        ],
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_peaks_are_the_published_ones(name):
    ppm, amplitudes = PUBLISHED[name]
    np.testing.assert_allclose(SPECTRA[name].shifts, np.array(ppm) - 4.7, atol=1e-12)
    np.testing.assert_allclose(SPECTRA[name].amplitudes, np.array(amplitudes) / sum(amplitudes), atol=1e-12)


@pytest.mark.parametrize("name", PUBLISHED_RELATIVE)
def test_peaks_of_phantoms_are_the_published_ones(name):
    shifts, amplitudes = PUBLISHED_RELATIVE[name]
    np.testing.assert_allclose(SPECTRA[name].shifts, shifts, atol=1e-12)
    np.testing.assert_allclose(SPECTRA[name].amplitudes, np.array(amplitudes) / sum(amplitudes), atol=1e-7)
    assert SPECTRA[name].intended_for == "phantom"


def test_every_spectrum_is_checked_against_its_publication():
    assert set(SPECTRA) == set(PUBLISHED) | set(PUBLISHED_RELATIVE)


def test_amplitudes_of_ren_marrow_are_those_of_the_programs_that_use_it():
    exact = [0.08991, 0.58342, 0.05994, 0.08492, 0.05994, 0.01499, 0.03996, 0.00999, 0.05694]
    np.testing.assert_allclose(SPECTRA["ren-marrow"].amplitudes, exact, atol=5.1e-6)


@pytest.mark.parametrize("name", SPECTRA)
def test_spectra_are_whole(name):
    known = SPECTRA[name]
    assert known.name == name
    assert sum(known.amplitudes) == pytest.approx(1, abs=1e-12)
    assert len(known.source) > 10
    main = known.shifts[int(np.argmax(known.amplitudes))]
    assert main == pytest.approx(-3.4 - 0.01 * (37 - known.celsius), abs=1e-9)


# dPDFF [%] and dR2* [1/s] of a noise-free complex fit with another spectrum than that of the signal (ren-marrow, R2*
# 100 /s, 6 echoes 1.24 + 0.98 n ms, 3 T) at fat fractions of 5, 20, 40, 60 and 95 %: measured with an independent
# program (shared/reference/fatwater.md, section 2), PDFF by magnitude discrimination.
MISMATCH = {
    "hamilton-liver-9": [(-0.40, 0.1), (-1.34, 1.0), (-2.04, 5.2), (-2.20, 18), (-0.63, 21)],
    "hamilton-liver-6": [(-0.51, 0.1), (-1.72, 1.1), (-2.61, 7.2), (-2.80, 27), (-1.14, 34)],
    "ismrm-6": [(-0.46, 0.3), (-1.52, 2.1), (-2.25, 8.9), (-2.29, 26), (-0.14, 25)],
    "hernando-6": [(-0.63, 0.9), (-2.04, 5.3), (-2.84, 19), (-1.99, 43), (-0.38, 28)],
    "karampinos-8": [(0.13, -0.1), (0.43, -0.5), (0.59, -1.5), (0.47, -2.8), (-0.46, -0.2)],
    "single": [(-1.8, -0.2), (-6.4, 1.3), (-10, 19), (-10.7, 86), (-5.9, 121)],
}


def wrong_model_bias(truth, fitted, percent):
    """Bias of PDFF [%] by magnitude discrimination and of R2* [1/s] of a noise-free fit with the wrong spectrum."""
    times, share = (1.24 + 0.98 * np.arange(6)) * 1e-3, percent / 100
    signal = (1 - share + share * fat_modulation(times, 3.0, truth)) * np.exp(-100 * times)
    basis = np.stack([np.ones(6), fat_modulation(times, 3.0, fitted)], axis=1)

    def solve(x):
        columns = basis * np.exp(times * (2j * np.pi * 100 * x[0] - 100 * x[1]))[:, None]
        parts = np.linalg.lstsq(columns, signal, rcond=None)[0]
        return parts, columns @ parts - signal

    def residual(x):
        return solve(x)[1].view(np.float64)

    x = least_squares(residual, [0, 1], xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    water, fat = np.abs(solve(x)[0])
    total = abs(solve(x)[0].sum())
    return 100 * (fat / total if fat > water else 1 - water / total) - percent, 100 * x[1] - 100


@pytest.mark.parametrize("name", MISMATCH)
def test_bias_with_the_wrong_spectrum_is_that_of_an_independent_program(name):
    found = np.array([wrong_model_bias("ren-marrow", name, percent) for percent in (5, 20, 40, 60, 95)])
    expected = np.array(MISMATCH[name])
    # the table is rounded: to 0.01 % (0.1 % beyond 5 %) and to 0.1 /s (1 /s beyond 10 /s)
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=0.06 if name == "single" else 0.011)
    np.testing.assert_allclose(found[:, 1], expected[:, 1], atol=0.7)


def test_cold_water_biases_a_fit_as_an_independent_program_found():
    found = [
        [wrong_model_bias(at_temperature("ren-marrow", celsius), "ren-marrow", percent)[0] for celsius in (32, 27, 22)]
        for percent in (5, 20, 60)
    ]
    np.testing.assert_allclose(found, [[-0.04, -0.15, -0.32], [-0.11, -0.42, -0.93], [0.16, 0.51, 1.06]], atol=0.011)


def test_a_spectrum_is_found_by_name_or_passed_through():
    mine = custom_spectrum([1.3], [2])
    assert spectrum("ismrm-6") is SPECTRA["ismrm-6"]
    assert spectrum(mine) is mine


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"spectrum: expected one of hamilton-dsat, .*, single; got 'ren'"):
        spectrum("ren")
    with pytest.raises(TypeError, match="spectrum: expected a name or a FatSpectrum, got float"):
        spectrum(3.4)


def test_published_spectra_cannot_be_changed():
    with pytest.raises(TypeError, match="does not support item assignment"):
        SPECTRA["single"] = SPECTRA["ismrm-6"]
    with pytest.raises(FrozenInstanceError):
        SPECTRA["single"].shifts = (0.0,)


def test_values_are_plain_numbers_normalised_and_hashable():
    known = FatSpectrum("mine", np.array([-3.4, 0.6], np.float32), [3, 1], "me", "any")
    assert known.amplitudes == (0.75, 0.25)
    assert all(type(value) is float for value in (*known.shifts, *known.amplitudes, known.celsius))
    assert hash(known) == hash(FatSpectrum("mine", known.shifts, (0.75, 0.25), "me", "any"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amplitudes": (1.0,)}, "amplitudes: expected 2, one for each shift, got 1"),
        ({"shifts": (1.3, 5.3)}, r"shifts: expected ppm relative to water, -8 to 3 .*got \[1.3, 5.3\]"),
        ({"shifts": (3.4, -0.6)}, "shifts: expected ppm relative to water"),
        ({"shifts": (-434.0, 70.0)}, "shifts: expected ppm relative to water"),
        ({"shifts": (-3.4, np.nan)}, "shifts: expected finite numbers, one for each peak"),
        ({"shifts": ((-3.4, 0.6),)}, "shifts: expected 1 dimensions, got 2"),
        ({"amplitudes": (1.0, -0.1)}, r"amplitudes: expected 0 or more and not all 0, got \[1.0, -0.1\]"),
        ({"amplitudes": (0.0, 0.0)}, "amplitudes: expected 0 or more and not all 0"),
        ({"amplitudes": (np.inf, 0.0)}, "amplitudes: expected finite numbers"),
        ({"shifts": (), "amplitudes": ()}, "shifts: expected finite numbers, one for each peak, got none"),
        ({"intended_for": "brain"}, "intended_for: expected one of adipose tissue, any, liver, marrow, phantom"),
        ({"celsius": 310.0}, "celsius: expected 0 to 60 degC, got 310"),
    ],
)
def test_bad_peaks_are_refused(change, message):
    good = {"name": "x", "shifts": (-3.4, 0.6), "amplitudes": (0.9, 0.1), "source": "x", "intended_for": "any"}
    with pytest.raises(ValueError, match=message):
        FatSpectrum(**(good | change))


def test_peaks_must_be_real():
    with pytest.raises(TypeError, match="amplitudes: expected real numbers"):
        custom_spectrum([1.3], [1j])


def test_custom_spectra_are_relative_to_the_water_that_is_given():
    for water in (4.7, 4.85, 0):
        found = custom_spectrum([water - 3.4, water + 0.6], [9, 1], water=water, name="lard")
        np.testing.assert_allclose(found.shifts, [-3.4, 0.6], atol=1e-12)
        assert (found.name, found.intended_for, found.celsius) == ("lard", "any", 37)
    with pytest.raises(ValueError, match="water: expected a finite number, got nan"):
        custom_spectrum([1.3], [1], water=np.nan)


def test_triglycerides_have_the_protons_of_their_composition():
    # Trilinolein, C57 H98 O6: three chains of 18 carbons, each with two double bonds around one methylene.
    protons = {"berglund": 10, "hamilton": 9, "peterson": 8}
    for model, n_peaks in protons.items():
        found = triglyceride_spectrum(6, nmidb=3, chain_length=18, model=model)
        counted = np.array(found.amplitudes) * 98
        np.testing.assert_allclose(counted, np.round(counted), atol=1e-9)
        assert counted.size == n_peaks
        np.testing.assert_allclose(counted[:6], [9, 42, 6, 12, 6, 6], atol=1e-9)
        np.testing.assert_allclose(counted[6:].sum(), 17, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "ppm"),
    [
        ("berglund", [0.90, 1.30, 1.59, 2.03, 2.25, 2.77, 4.1, 4.3, 5.21, 5.31]),
        ("hamilton", NINE),
        ("peterson", [0.75, 1.16, 1.47, 1.88, 2.10, 2.61, 4.06, 5.17]),
    ],
)
def test_triglycerides_have_the_published_shifts_and_defaults(model, ppm):
    found = triglyceride_spectrum(2, model=model)
    np.testing.assert_allclose(found.shifts, np.array(ppm) - 4.7, atol=1e-12)
    nmidb, length = 0.093 * 2**2, 16.8 + 0.25 * 2
    same = triglyceride_spectrum(2, nmidb=nmidb, chain_length=length, model=model)
    assert found == same
    assert found.name == f"{model} (ndb 2, nmidb 0.372, chain length 17.3)"
    # all hydrogen atoms of the molecule: 2 + 6 CL - 2 ndb
    assert found.amplitudes[0] == pytest.approx(9 / (2 + 6 * length - 2 * 2), rel=1e-12)


def test_published_amplitudes_are_those_of_a_composition():
    # Peaks of one triglyceride: marrow (Ren), three-digit amplitudes; liver (Hamilton 2011: ndb 1.92, nmidb 0.32, CL
    # 17.45) and the oil of the phantom.
    marrow = triglyceride_spectrum(2.86, nmidb=0.74, chain_length=17.3, model="hamilton")
    liver = triglyceride_spectrum(1.92, nmidb=0.32, chain_length=17.45, model="hamilton")
    oil = triglyceride_spectrum(3.48, nmidb=1.01, chain_length=17.97)
    np.testing.assert_allclose(marrow.amplitudes, SPECTRA["ren-marrow"].amplitudes, atol=6e-4)
    np.testing.assert_allclose(liver.amplitudes, SPECTRA["hamilton-liver-9"].amplitudes, atol=1e-3)
    np.testing.assert_allclose(oil.amplitudes, SPECTRA["peanut-oil"].amplitudes, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ndb": -1.0}, "ndb, nmidb, chain_length: expected 0 <= nmidb <= ndb"),
        ({"ndb": 2.0, "nmidb": 3.0}, "got ndb 2, nmidb 3, chain length 17.3"),
        ({"ndb": 6.0, "nmidb": 0.0, "chain_length": 10.0}, "chains long enough for the double bonds"),
        ({"ndb": np.nan}, "ndb: expected a finite number, got nan"),
        ({"ndb": 2.0, "chain_length": np.inf}, "chain_length: expected a finite number, got inf"),
        ({"ndb": 2.0, "model": "lipid"}, "model: expected one of berglund, hamilton, peterson; got 'lipid'"),
    ],
)
def test_impossible_triglycerides_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        triglyceride_spectrum(**arguments)


def test_fat_is_further_from_water_when_it_is_cold():
    cold = at_temperature("ren-marrow", 22)
    assert cold.shifts[1] == pytest.approx(-3.55, abs=1e-9)
    np.testing.assert_allclose(np.subtract(cold.shifts, SPECTRA["ren-marrow"].shifts), -0.15, atol=1e-9)
    assert cold.amplitudes == pytest.approx(SPECTRA["ren-marrow"].amplitudes, abs=1e-15)
    assert (cold.name, cold.celsius) == ("ren-marrow at 22 C", 22)
    assert at_temperature("ren-marrow", 40).shifts[1] == pytest.approx(-3.37, abs=1e-9)


def test_temperature_starts_at_that_of_the_spectrum():
    assert at_temperature("ren-marrow", 37) is SPECTRA["ren-marrow"]
    twice = at_temperature(at_temperature("ren-marrow", 10.5), 22)
    np.testing.assert_allclose(twice.shifts, at_temperature("ren-marrow", 22).shifts, atol=1e-9)
    assert twice.name == "ren-marrow at 22 C"
    # a phantom's spectrum is one of a cold sample already
    assert at_temperature("hernando-6", 22).shifts[1] == pytest.approx(-3.55, abs=1e-9)


@pytest.mark.parametrize("celsius", [-5, 295, np.nan])
def test_bad_temperatures_are_refused(celsius):
    with pytest.raises(ValueError, match="celsius: expected"):
        at_temperature("single", celsius)
