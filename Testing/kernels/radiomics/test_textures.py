"""Matrices of grey levels against plain loops over voxels, on small images with holes."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from mrbiomarkers.radiomics import lines as lines_module
from mrbiomarkers.radiomics.discretise import discretise
from mrbiomarkers.radiomics.glcm import co_occurrences, glcm_features
from mrbiomarkers.radiomics.gldm import dependences
from mrbiomarkers.radiomics.glrlm import glrlm_features, runs
from mrbiomarkers.radiomics.glszm import zones
from mrbiomarkers.radiomics.lines import find_lines
from mrbiomarkers.radiomics.ngtdm import differences, ngtdm_features
from mrbiomarkers.settings import RadiomicsSettings

UNIT = RadiomicsSettings(bin_width=1)
DIRECTIONS = list(product((1, 0, -1), repeat=3))[:13]


def small_image(seed, highest=4):
    rng = np.random.default_rng(seed)
    shape = (4, 5, 6)
    return rng.integers(1, highest + 1, shape), rng.random(shape) < 0.7


def with_both(seed, distances=(1,), flat_axis=None):
    values, mask = small_image(seed)
    levels = discretise(values[mask], UNIT)
    return values, mask, levels, find_lines(mask, distances, flat_axis)


def as_counter(counts, levels, group=0):
    """Entries of one matrix by grey level and column."""
    here = counts.group == group
    rows = levels.grey[counts.row[here]].astype(int)
    return Counter(dict(zip(zip(rows, counts.column[here], strict=True), counts.count[here], strict=True)))


def neighbour(place, step, mask, times=1):
    there = tuple(int(at + times * by) for at, by in zip(place, step, strict=True))
    inside = all(0 <= at < size for at, size in zip(there, mask.shape, strict=True)) and mask[there]
    return there if inside else None


@pytest.mark.parametrize("at_once", [10**6, 1])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_levels_are_counted_in_each_direction(monkeypatch, seed, at_once):
    monkeypatch.setattr(lines_module, "_MOST_AT_ONCE", at_once)
    values, mask, levels, lines = with_both(seed)
    counts = co_occurrences(levels, lines, symmetrical=True)

    assert len(lines) == (1 if at_once > 1 else 13)
    for group, step in enumerate(DIRECTIONS):
        expected = Counter()
        for place in zip(*np.nonzero(mask), strict=True):
            there = neighbour(place, step, mask)
            if there is not None:
                expected[int(values[place]), int(np.searchsorted(levels.grey, values[there]))] += 1
                expected[int(values[there]), int(np.searchsorted(levels.grey, values[place]))] += 1
        assert as_counter(counts, levels, group) == expected


@pytest.mark.parametrize("at_once", [10**6, 1])
@pytest.mark.parametrize("seed", range(3))
def test_runs_are_counted_in_each_direction(monkeypatch, seed, at_once):
    monkeypatch.setattr(lines_module, "_MOST_AT_ONCE", at_once)
    values, mask, levels, lines = with_both(seed)
    counts = runs(levels, lines)

    for group, step in enumerate(DIRECTIONS):
        expected = Counter()
        for place in zip(*np.nonzero(mask), strict=True):
            before = neighbour(place, step, mask, -1)
            if before is not None and values[before] == values[place]:
                continue
            length, there = 0, neighbour(place, step, mask)
            while there is not None and values[there] == values[place]:
                length, there = length + 1, neighbour(there, step, mask)
            expected[int(values[place]), length] += 1
        assert as_counter(counts, levels, group) == expected


@pytest.mark.parametrize("at_once", [10**6, 1])
@pytest.mark.parametrize("seed", range(3))
def test_zones_are_what_can_be_reached_through_neighbours(monkeypatch, seed, at_once):
    monkeypatch.setattr(lines_module, "_MOST_AT_ONCE", at_once)
    values, mask, levels, lines = with_both(seed)
    left, expected = {tuple(map(int, place)) for place in zip(*np.nonzero(mask), strict=True)}, Counter()
    while left:
        first = left.pop()
        front, size = [first], 1
        while front:
            place = front.pop()
            for step in product((-1, 0, 1), repeat=3):
                there = neighbour(place, step, mask)
                if there in left and values[there] == values[first]:
                    left.remove(there)
                    front.append(there)
                    size += 1
        expected[int(values[first]), size - 1] += 1

    assert as_counter(zones(levels, lines), levels) == expected


@pytest.mark.parametrize(("distances", "alpha"), [((1,), 0), ((1, 2), 1), ((2,), 2)])
def test_dependences_and_differences_look_at_all_neighbours(distances, alpha):
    values, mask, levels, lines = with_both(1, distances)
    reach = max(distances)
    steps = [s for s in product(range(-reach, reach + 1), repeat=3) if max(map(abs, s)) in distances]
    dependent, total = Counter(), Counter()
    for place in zip(*np.nonzero(mask), strict=True):
        others = [values[there] for there in (neighbour(place, step, mask) for step in steps) if there is not None]
        own = int(values[place])
        dependent[own, sum(abs(int(other) - own) <= alpha for other in others)] += 1
        total[own] += abs(own - np.mean(others))

    assert as_counter(dependences(levels, lines, alpha), levels) == dependent
    found = differences(levels, lines, lonely=True)
    assert dict(zip(found.grey.astype(int), found.total, strict=True)) == pytest.approx(dict(total), rel=1e-12)


def test_the_matrix_of_amadasun_and_king_in_one_slice():
    # The worked example of the documentation of PyRadiomics, each sum by hand.
    values = np.array([[[1, 2, 5, 2], [3, 5, 1, 3], [1, 3, 5, 5], [3, 1, 1, 1]]])
    mask = np.ones(values.shape, dtype=bool)

    found = differences(discretise(values[mask], UNIT), find_lines(mask, (1,), None), lonely=True)

    assert found.grey.tolist() == [1, 2, 3, 5]
    assert found.count.tolist() == [6, 2, 4, 4]
    assert found.total == pytest.approx([13.35, 2.0, 0.6 + 0.6 + 0.5 + 4 / 3, 10.075])


def test_voxels_without_neighbours_count_in_pyradiomics_only():
    values, mask = np.full((3, 3, 5), 2), np.zeros((3, 3, 5), dtype=bool)
    mask[1, 1, (0, 1, 4)] = True
    levels, lines = discretise(values[mask], UNIT), find_lines(mask, (1,), None)

    assert differences(levels, lines, lonely=True).count.tolist() == [3]
    assert differences(levels, lines, lonely=False).count.tolist() == [2]


def test_the_standard_decides_about_voxels_without_neighbours():
    values, mask = np.array([[[1, 3, 0, 0, 5]]]), np.array([[[True, True, False, False, True]]])
    levels, lines = discretise(values[mask], UNIT), find_lines(mask, (1,), None)
    ours, ibsi = (ngtdm_features(levels, lines, RadiomicsSettings(standard=name)) for name in ("pyradiomics", "ibsi"))

    # Differences of 2 at the levels 1 and 3, each a half, or a third, of the voxels.
    assert ibsi["Coarseness"] == pytest.approx(1 / 2)
    assert ours["Coarseness"] == pytest.approx(3 / 4)


def test_no_steps_leave_the_slice():
    _, mask = small_image(0)

    for axis in range(3):
        directions = np.concatenate([block.directions for block in find_lines(mask, (1,), axis)])
        assert len(directions) == 4
        assert not directions[:, axis].any()


def test_a_direction_counts_where_one_line_has_two_voxels_even_with_a_gap():
    mask = np.zeros((1, 1, 4), dtype=bool)
    mask[0, 0, [0, 2]] = True
    levels, lines = discretise(np.array([1, 1]), UNIT), find_lines(mask, (1,), None)

    assert [block.long.tolist() for block in lines] == [[True]]
    assert glrlm_features(levels, lines, (1, 1, 1), UNIT)["RunPercentage"] == 1.0
    assert np.isnan(glcm_features(levels, lines, (1, 1, 1), UNIT)["JointEntropy"])


def test_a_direction_without_such_a_line_does_not_count():
    mask = np.zeros((2, 1, 4), dtype=bool)
    mask[0, 0, :2] = mask[1, 0, 3] = True
    levels, lines = discretise(np.array([1, 1, 1]), UNIT), find_lines(mask, (1,), None)

    # Along i: a run of two and one of one. No other line has two voxels.
    assert glrlm_features(levels, lines, (1, 1, 1), UNIT)["RunPercentage"] == pytest.approx(2 / 3)


def test_many_levels_take_little_memory_and_give_the_same():
    values, mask = small_image(5, highest=4)
    spread = values.astype(np.float64) ** 8  # 1 to 65,536: the matrix would have 4e9 entries
    lines = find_lines(mask, (1,), None)
    few, many = (glcm_features(discretise(v[mask], UNIT), lines, (1, 1, 1), UNIT) for v in (values, spread))

    for name in ("JointEntropy", "JointEnergy", "Imc1", "MCC", "MaximumProbability"):
        assert many[name] == pytest.approx(few[name], rel=1e-12)
