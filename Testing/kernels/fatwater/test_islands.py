from collections import deque

import numpy as np
import pytest

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.islands import best_first, change_of_energy, find_islands, shore_jumps
from mrbiomarkers.fatwater.refine import Refiner
from mrbiomarkers.fatwater.residual import FieldResidual
from mrbiomarkers.fatwater.second_look import SecondLook
from mrbiomarkers.fatwater.volume import EchoVolume
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

PERIOD = 1 / 0.98e-3


def apart(one, other):
    difference = one - other
    return difference - PERIOD * np.round(difference / PERIOD)


def blocks(seed, shape=(3, 9, 10)):
    """A field of few levels, so that it falls into groups, with holes."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0.0, 100.0, 480.0, -480.0], size=(2, 4, 4))
    index = np.indices(shape) // np.array([2, 3, 3])[:, None, None, None]
    field = coarse[tuple(index)] + rng.uniform(-5, 5, shape)
    field[rng.random(shape) < 0.1] = np.nan
    return field


def neighbours(voxel, shape):
    for axis in range(3):
        for step in (-1, 1):
            other = list(voxel)
            other[axis] += step
            if 0 <= other[axis] < shape[axis]:
                yield axis, tuple(other)


def flooded(field, joined):
    """The groups, as sets of voxels, filled one voxel at a time."""
    left = {voxel for voxel in np.ndindex(*field.shape) if np.isfinite(field[voxel])}
    groups = []
    while left:
        group, edge = set(), deque([left.pop()])
        while edge:
            voxel = edge.popleft()
            group.add(voxel)
            for _, other in neighbours(voxel, field.shape):
                if other in left and abs(apart(field[voxel], field[other])) <= joined:
                    left.remove(other)
                    edge.append(other)
        groups.append(group)
    return groups


@pytest.mark.parametrize("seed", range(6))
def test_islands_are_those_of_a_flood(seed):
    field = blocks(seed)
    groups = sorted(flooded(field, 30.0), key=len)
    islands = find_islands(field, apart, 30.0, (3, 40))
    where = np.stack(np.unravel_index(islands.voxels, field.shape), axis=1)
    found = {frozenset(map(tuple, where[islands.island == n].tolist())) for n in range(islands.number)}
    assert found == {frozenset(group) for group in groups[:-1] if 3 <= len(group) <= 40}
    assert len(found) > 1


def test_a_smooth_field_and_a_field_of_large_groups_have_no_island():
    field = np.add.outer(np.zeros((2, 4)), 20.0 * np.arange(40))
    assert find_islands(field, apart, 30.0, (2, 1000)) is None
    field[:, :, 20:] += 200
    assert find_islands(field, apart, 30.0, (2, 100)) is None
    assert find_islands(field, apart, 30.0, (2, 1000)).voxels.size == 160


@pytest.mark.parametrize("seed", range(4))
def test_the_change_of_energy_is_that_of_the_whole_volume(seed):
    field = blocks(seed)
    rng = np.random.default_rng(100 + seed)
    islands = find_islands(field, apart, 30.0, (3, 40))
    after = field.ravel()[islands.voxels] + rng.uniform(-300, 300, islands.voxels.size)
    own = rng.normal(size=islands.voxels.size)
    factor = np.array([1.0, 2.0, 3.0])

    def energy(values):
        total = 0.0
        for voxel in np.ndindex(*values.shape):
            for axis, other in neighbours(voxel, values.shape):
                if other > voxel and np.isfinite(values[voxel]) and np.isfinite(values[other]):
                    total += factor[axis] * np.sqrt(abs(apart(values[voxel], values[other])))
        return total

    def link(one, other, which):
        return factor[islands.axis[which]] * np.sqrt(np.abs(apart(one, other)))

    change = change_of_energy(islands, own, field.ravel(), after, link)
    before = energy(field)
    for n in range(islands.number):
        moved = field.copy().ravel()
        mine = islands.island == n
        moved[islands.voxels[mine]] = after[mine]
        assert change[n] == pytest.approx(energy(moved.reshape(field.shape)) - before + own[mine].sum(), abs=1e-8)


def test_jumps_are_those_across_the_shore():
    field = np.zeros((3, 20, 20))
    field[:, 4:8, 4:8] = 217.0
    field[:, 4:8, 8:12] = -300.0  # beside the first
    field[:, 14:17, 14:17] = 900.0  # round the corner: -120 Hz from the rest
    islands = find_islands(field, apart, 30.0, (4, 100))
    first, second = shore_jumps(islands, field.ravel(), apart, 2)
    level = {round(field.ravel()[islands.voxels[islands.island == n][0]]): n for n in range(3)}
    assert first[level[217]] == pytest.approx(-217)
    assert second[level[217]] == pytest.approx(apart(-300.0, 217.0))
    assert first[level[-300]] == pytest.approx(300)
    assert second[level[-300]] == pytest.approx(apart(217.0, -300.0))
    assert first[level[900]] == pytest.approx(PERIOD - 900)


def test_of_islands_beside_each_other_the_better_moves():
    field = np.zeros((1, 12, 12))
    field[0, 2:4, 2:4], field[0, 2:4, 4:6], field[0, 8:10, 8:10] = 100, 200, 300
    islands = find_islands(field, apart, 30.0, (2, 50))
    levels = [field.ravel()[islands.voxels[islands.island == n][0]] for n in range(3)]
    assert levels == [100, 200, 300]
    assert best_first(islands, np.array([-20.0, -30.0, -15.0]), 10.0).tolist() == [False, True, True]
    assert best_first(islands, np.array([-30.0, -20.0, -15.0]), 10.0).tolist() == [True, False, True]
    assert best_first(islands, np.array([-20.0, -5.0, -15.0]), 10.0).tolist() == [True, False, True]
    assert not best_first(islands, np.array([-9.0, 5.0, np.inf]), 10.0).any()


def test_an_island_on_the_wrong_solution_is_moved_and_a_true_one_stays():
    shape = (5, 24, 24)
    pdff, field = np.full(shape, 5.0), np.zeros(shape)
    pdff[1:4, 3:10, 3:10] = 95.0
    field[1:4, 14:21, 14:21] = 150.0  # a jump that is there
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 1.5, pdff, 60.0, field), 1 / 20, 3)
    modulation = fat_modulation(SIX_ECHOES, 1.5, "ren-marrow")
    volume = EchoVolume(signal, None, None, None)
    refiner = Refiner(SIX_ECHOES, modulation, np.float64, (0.0, 600.0))
    start = field.ravel().copy()
    swapped = np.zeros(shape, dtype=bool)
    swapped[1:4, 3:10, 3:10] = True
    start[swapped.ravel()] -= 210.0  # fat taken for water
    fit = refiner.fit(volume.signals(slice(None)), start, np.full(start.size, 60.0))
    found = fit.field.copy()
    assert np.mean(np.abs(found[swapped.ravel()] + 210) < 60) > 0.9
    look = SecondLook(volume, FieldResidual(SIX_ECHOES, modulation, 1.5), refiner, 1 / 400)

    def put(some, signal, fit):
        found[some] = fit.field

    look.run(fit.field, fit.spread_field, fit.sum_of_squares.copy(), fit.rate.copy(), put)
    wrong = np.abs(apart(found, field.ravel())) > 60
    assert np.count_nonzero(wrong) <= 3
