"""The public cases of the ISMRM 2012 challenge, scored as in the benchmark."""

import pytest

from mrbiomarkers.fatwater import fit_fat_water
from Testing.benchmarks import fatwater_fit as benchmark


@pytest.mark.parametrize("number", [13, 15, 16])
def test_challenge_cases_reach_the_score_of_the_best(shared_data, number):
    signal, mask, times, tesla, fat, water = benchmark.challenge_case(number)
    maps = fit_fat_water(signal, times, tesla, spectrum="ismrm-6", spacing=benchmark.SPACING, mask=mask)
    assert benchmark.score(maps, mask, fat, water) >= 9980
