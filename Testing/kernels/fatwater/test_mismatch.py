"""The bias of a wrong spectrum of fat, or a wrong temperature, is that of the reference."""

import numpy as np
import pytest

from Testing.benchmarks import fatwater_spectra as benchmark


@pytest.mark.parametrize("spectrum", benchmark.SPECTRA)
def test_a_wrong_spectrum_gives_the_bias_of_the_reference(spectrum):
    _, pdff, rate = benchmark.SPECTRA[spectrum]
    of_pdff, of_rate, of_map = benchmark.bias(spectrum, benchmark.TRUE_PDFF)
    coarse = spectrum == "single"  # printed with a digit less
    np.testing.assert_allclose(of_pdff, pdff, atol=0.055 if coarse else 0.0075)
    np.testing.assert_allclose(of_rate, rate, atol=0.55)
    np.testing.assert_allclose(of_rate[:2], rate[:2], atol=0.055)
    np.testing.assert_allclose(of_map, pdff, atol=0.35)  # another definition, see the benchmark


@pytest.mark.parametrize("distance", benchmark.COLD)
def test_a_wrong_temperature_gives_the_bias_of_the_reference(distance):
    pdff, rate = benchmark.COLD[distance]
    of_pdff, of_rate, _ = benchmark.bias("ren-marrow", benchmark.COLD_PDFF, distance)
    np.testing.assert_allclose(of_pdff, pdff, atol=0.0075)
    if rate is not None:
        np.testing.assert_allclose(of_rate, rate, atol=0.5)
        np.testing.assert_allclose(of_rate[:2], rate[:2], atol=0.1)


def test_the_right_spectrum_gives_none():
    for part, limit in zip(benchmark.bias("ren-marrow", benchmark.TRUE_PDFF), (1e-4, 1e-3, 1e-4), strict=True):
        np.testing.assert_allclose(part, 0.0, atol=limit)
