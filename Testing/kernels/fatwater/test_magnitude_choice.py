"""Which solution of magnitudes is true: alone, with neighbours, and by the region rule."""

import numpy as np
import pytest

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.magnitude import fit_magnitude
from mrbiomarkers.fatwater.magnitude_choice import choose_solution
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

MARROW = [10, 20, 30, 40, 50, 60, 70, 80]
SIDE = 12  # of a cube of marrow [voxels]: 1728, as a vertebral body has


def cubes_of_marrow(tesla, snr=24):
    """Magnitudes and PDFF of cubes (R, k, j, i) of each PDFF and R2*, with a spread of 2 points inside."""
    pdff, rate = (grid.ravel() for grid in np.meshgrid(MARROW, [50, 100, 200], indexing="ij"))
    shape = (pdff.size, SIDE, SIDE, SIDE)
    truth = pdff[:, None, None, None] + np.random.default_rng(0).normal(0, 2, shape)
    signal = echo_signal(SIX_ECHOES, tesla, truth, np.broadcast_to(rate[:, None, None, None], shape), 0.0)
    return np.abs(with_complex_noise(signal, 1 / snr, 1)), truth


def fitted(signal, tesla, snr=24):
    flat = signal.reshape(-1, SIX_ECHOES.size)
    return fit_magnitude(flat, SIX_ECHOES, fat_modulation(SIX_ECHOES, tesla, "ren-marrow"), sigma=1 / snr)


def wrong_share(fit, is_fat, truth):
    """Voxels off by more than 15 points and on the other side."""
    found = fit.chosen(is_fat)
    pdff = 100 * found.fat / (found.water + found.fat)
    truth = truth.ravel()
    return np.mean((np.abs(pdff - truth) > 15) & ((pdff > fit.turning_point) != (truth > fit.turning_point)))


@pytest.mark.parametrize("tesla", [3.0, 1.5])
def test_by_the_region_rule_hardly_a_voxel_of_marrow_is_wrong(tesla):
    signal, truth = cubes_of_marrow(tesla)
    fit = fitted(signal, tesla)
    mask = np.ones(truth.shape, dtype=bool)
    cubes = {str(n): np.arange(len(truth))[:, None, None, None] * mask == n for n in range(len(truth))}
    costs = fit.water_dominant.cost, fit.fat_dominant.cost

    alone = choose_solution(*costs, mask, width=0.0)
    assert wrong_share(fit, alone.is_fat, truth) > 0.1
    assert alone.ambiguous.all()
    np.testing.assert_array_equal(alone.is_fat, costs[0] > costs[1])

    together = choose_solution(*costs, mask, regions=cubes)
    assert wrong_share(fit, together.is_fat, truth) <= 0.001
    sure = ~together.ambiguous.reshape(truth.shape)[:, 0, 0, 0]
    far = np.abs(truth.mean(axis=(1, 2, 3)) - fit.turning_point) > 13
    assert sure[far].all()

    few = {name: cube & (np.indices(truth.shape)[1:] < 3).all(axis=0) for name, cube in cubes.items()}
    small = choose_solution(*costs, mask, regions=few).ambiguous.reshape(truth.shape)[:, 0, 0, 0]
    assert small[~far].mean() > 0.7  # 27 voxels do not tell where the solutions merge, and say so


def test_neighbours_help():
    signal, truth = cubes_of_marrow(3.0)
    fit = fitted(signal, 3.0)
    costs = fit.water_dominant.cost, fit.fat_dominant.cost
    wrong = []
    for width in (0.0, 1.0, 2.0):
        kept = np.ones(truth.shape[1:], dtype=bool)
        choices = [
            choose_solution(*(cost.reshape(len(truth), -1)[n] for cost in costs), kept, width=width)
            for n in range(len(truth))
        ]
        wrong.append(wrong_share(fit, np.concatenate([choice.is_fat for choice in choices]), truth))
    assert wrong[1] < wrong[0] / 5
    assert wrong[2] <= wrong[1]


def test_spacing_is_that_of_the_axes():
    rng = np.random.default_rng(2)
    cost, none = rng.normal(size=6 * 7 * 8), np.zeros(6 * 7 * 8)
    mask = np.ones((6, 7, 8), dtype=bool)
    thick = choose_solution(cost, none, mask, width=1.0, spacing=[1e6, 1.0, 1.0])
    slices = [choose_solution(part, none[:56], mask[0]).score for part in cost.reshape(6, -1)]
    np.testing.assert_allclose(thick.score, np.concatenate(slices), rtol=1e-6)
    voxels = choose_solution(cost, none, mask, width=1.5)
    millimetres = choose_solution(cost, none, mask, width=3.0, spacing=[2.0, 2.0, 2.0])
    np.testing.assert_array_equal(voxels.score, millimetres.score)


@pytest.mark.parametrize("spacing", [[1.0, 1.0, 1.0], [4.5, 1.0, 1.0]])
def test_slabs_do_not_show(monkeypatch, spacing):
    rng = np.random.default_rng(4)
    mask = rng.random((40, 9, 8)) > 0.3
    mask[20:22] = False
    cost, none = rng.normal(size=mask.sum()), np.zeros(mask.sum())
    whole = choose_solution(cost, none, mask, width=1.3, spacing=spacing)
    monkeypatch.setattr("mrbiomarkers.fatwater.magnitude_choice._SLAB", 1)
    slabs = choose_solution(cost, none, mask, width=1.3, spacing=spacing)
    np.testing.assert_array_equal(slabs.is_fat, whole.is_fat)
    np.testing.assert_allclose(slabs.score, whole.score, rtol=1e-9)


def test_score_without_a_difference_is_that_of_chance():
    rng = np.random.default_rng(3)
    mask = np.ones((20, 20, 20), dtype=bool)
    score = choose_solution(rng.normal(size=8000), np.zeros(8000), mask).score
    assert 0.8 < score.std() < 1.2
    means = [
        choose_solution(rng.normal(size=100), np.zeros(100), np.ones(100), regions={"a": np.ones(100)}).score[0]
        for _ in range(300)
    ]
    assert 0.85 < np.std(means) < 1.15
    for width in (0.0, 1.0):
        tiny = {str(n): (np.arange(8000) // 4 == n).reshape(mask.shape) for n in range(0, 2000, 4)}
        choice = choose_solution(rng.normal(size=8000), np.zeros(8000), mask, regions=tiny, width=width)
        scores = np.array(list(choice.regions.values()))
        assert 0.9 < scores.std() < 1.1  # Student's distribution of four voxels would have 1.7
        np.testing.assert_array_equal(choice.score[::16], scores)


def test_a_region_without_scatter_is_sure_and_one_voxel_is_not():
    mask = np.ones((4, 5), dtype=bool)
    one = np.indices(mask.shape).sum(axis=0) == 0
    choice = choose_solution(np.full(20, 2.0), np.ones(20), mask, regions={"all": mask, "one": one}, width=0.0)
    assert choice.regions["all"] == np.inf
    assert np.isnan(choice.regions["one"])
    np.testing.assert_array_equal(choice.ambiguous.reshape(mask.shape), one)
    lonely = choose_solution([2.0, 3.0], [1.0, 1.0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert np.isnan(lonely.score).all()  # no neighbour in reach
    assert lonely.ambiguous.all()


def test_voxels_outside_and_unfitted_have_no_vote():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[1:4, 1:5, 2:6] = True
    n = int(mask.sum())
    water, fat = np.linspace(2, 3, n), np.ones(n)
    water[:5], fat[5:9] = np.nan, np.inf
    choice = choose_solution(water, fat, mask)
    assert choice.is_fat.all()
    half = np.zeros(mask.shape, dtype=bool)
    half[:, :3] = True
    regions = {"half": half, "none": np.zeros(mask.shape)}
    whole = choose_solution(water, fat + 10 * half[mask], mask, regions=regions)
    assert not whole.is_fat[half[mask]].any()
    assert np.ptp(whole.score[half[mask]]) == 0
    nothing = choose_solution(np.full(n, np.nan), fat, mask, regions={"half": half})
    assert nothing.ambiguous.all()
    assert not nothing.is_fat.any()
    assert choose_solution([], [], np.zeros((3, 4))).is_fat.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost_fat": np.ones(5)}, r"cost_fat: expected shape \(12,\), one for each voxel of the mask, got \(5,\)"),
        ({"cost_water": np.ones((3, 4))}, r"cost_water: expected shape \(12,\)"),
        ({"regions": {"L1": np.ones(12)}}, r"regions\['L1'\]: expected"),
        ({"width": -1.0}, "width: expected a finite number, 0 or above, got -1"),
        ({"spacing": [1.0]}, "spacing: expected 2 numbers above 0 in mm"),
        ({"spacing": [1.0, 0.0]}, "spacing: expected 2 numbers above 0 in mm"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    given = {"cost_water": np.ones(12), "cost_fat": np.ones(12), "mask": np.ones((3, 4))} | change
    with pytest.raises(ValueError, match=message):
        choose_solution(**given)
