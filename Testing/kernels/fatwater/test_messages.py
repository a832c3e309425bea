import itertools

import numpy as np
import pytest

from mrbiomarkers.fatwater.messages import choose_labels


def energy(labels, cost, place, stiffness, spacing, cap):
    """The energy, written voxel by voxel."""
    total = 0.0
    for voxel in np.ndindex(*labels.shape):
        total += cost[(labels[voxel], *voxel)]
        for axis in range(3):
            other = list(voxel)
            other[axis] += 1
            if other[axis] < labels.shape[axis]:
                other = tuple(other)
                apart = abs(int(place[(labels[voxel], *voxel)]) - int(place[(labels[other], *other)]))
                apart = min(apart, 65536 - apart, cap)
                total += min(stiffness[voxel], stiffness[other]) / spacing[axis] * apart**2
    return total


def volume(shape, seed, labels=3):
    rng = np.random.default_rng(seed)
    cost = np.sort(rng.uniform(0, 1, (labels, *shape)), axis=0).astype(np.float32)
    place = rng.integers(-32768, 32768, (labels, *shape)).astype(np.int16)
    stiffness = rng.uniform(0.5, 2, shape).astype(np.float32) * 2e-9
    return cost - cost[:1], place, stiffness


@pytest.mark.parametrize("seed", range(8))
def test_a_line_is_solved_exactly(seed):
    cost, place, stiffness = volume((1, 1, 7), seed)
    chosen = choose_labels(cost, place, stiffness, (1.0, 1.0, 1.5), cap=9000)
    best = min(
        energy(np.reshape(labels, (1, 1, 7)), cost, place, stiffness, (1.0, 1.0, 1.5), 9000)
        for labels in itertools.product(range(3), repeat=7)
    )
    assert energy(chosen, cost, place, stiffness, (1.0, 1.0, 1.5), 9000) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_a_small_volume_comes_near_the_best_of_all(seed):
    shape, spacing = (2, 2, 3), (2.0, 1.0, 1.0)
    cost, place, stiffness = volume(shape, seed, labels=2)
    chosen = choose_labels(cost, place, stiffness, spacing, cap=9000)
    energies = [
        energy(np.reshape(labels, shape), cost, place, stiffness, spacing, 9000)
        for labels in itertools.product(range(2), repeat=12)
    ]
    found = energy(chosen, cost, place, stiffness, spacing, 9000)
    greedy = energy(np.zeros(shape, int), cost, place, stiffness, spacing, 9000)
    assert found <= min(energies) + 0.1 * (np.median(energies) - min(energies))
    assert found <= greedy + 1e-6


def test_one_wrong_voxel_among_many_is_set_right():
    shape = (3, 5, 5)
    cost = np.zeros((2, *shape), np.float32)
    cost[1] = 0.5
    place = np.zeros((2, *shape), np.int16)
    place[1] = 20000
    place[:, 1, 2, 2] = place[::-1, 1, 2, 2]  # here the better candidate is far from its neighbours
    labels = choose_labels(cost, place, np.full(shape, 1e-7, np.float32), (1, 1, 1), cap=9000)
    assert labels[1, 2, 2] == 1
    assert labels.sum() == 1


def test_the_ring_closes():
    cost = np.zeros((2, 1, 1, 2), np.float32)
    cost[1] = 0.01
    place = np.array([[32700, 100], [15000, -32700]], np.int16).reshape(2, 1, 1, 2)
    labels = choose_labels(cost, place, np.full((1, 1, 2), 1e-6, np.float32), (1, 1, 1), cap=9000)
    np.testing.assert_array_equal(labels.ravel(), [0, 1])  # 32700 and -32700 are 136 ticks apart


def test_a_voxel_without_stiffness_decides_alone_and_arguments_are_kept():
    cost, place, stiffness = volume((2, 4, 4), 3)
    stiffness[:] = 0
    before = cost.copy()
    labels = choose_labels(cost, place, stiffness, (1, 1, 1), cap=9000)
    assert np.all(labels == 0)
    np.testing.assert_array_equal(cost, before)


def test_progress_is_told():
    cost, place, stiffness = volume((2, 4, 4), 3)
    seen = []
    choose_labels(cost, place, stiffness, (1, 1, 1), cap=9000, progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (12, 12)
    assert len(seen) == 12
