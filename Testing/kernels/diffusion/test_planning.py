"""Plans against exhaustive search, published designs and designs derived by hand."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from scipy.optimize import brentq

from mrbiomarkers.diffusion.planning import TISSUES, default_candidates, plan_bvalues
from mrbiomarkers.diffusion.precision import cramer_rao
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION

MARROW = {"f": 0.15, "D": 0.42e-3, "Dstar": 30e-3}
LESION = {"f": 0.33, "D": 0.9e-3, "Dstar": 29e-3}


def criterion(model, tissues, b, averages, snr, weights, worst=False):
    """The criterion from the bounds, tissue by tissue."""
    each = []
    for values in tissues:
        bounds = cramer_rao(model, values, b, snr=snr, averages=averages)
        each.append(sum(w * (bounds[name] / values[name]) ** 2 for name, w in weights.items()))
    return max(each) if worst else np.mean(each)


def best_of_all(model, tissues, candidates, n, snr, weights, worst=False):
    """The smallest criterion over every way to put n images on the candidates."""
    best = np.inf
    for chosen in combinations_with_replacement(range(len(candidates)), n):
        b, counts = np.unique(np.array(candidates)[list(chosen)], return_counts=True)
        if b.size > 1:
            best = min(best, criterion(model, tissues, b, counts, snr, weights, worst))
    return best


ALL = {"f": 1.0, "D": 1.0, "Dstar": 1.0}


@pytest.mark.parametrize(
    ("model", "tissues", "candidates", "n", "weights", "over"),
    [
        ("ivim", [MARROW], [0, 20, 40, 100, 200, 400, 1000], 7, ALL, "mean"),
        ("ivim", [MARROW, LESION], [0, 30, 60, 200, 500, 1000], 7, {"f": 1.0, "D": 3.0}, "mean"),
        ("ivim", [MARROW, LESION], [0, 30, 60, 200, 500, 1000], 7, ALL, "worst"),
        ("ivim", [MARROW], [0, 20, 40, 100, 200, 1000], 4, ALL, "mean"),
        ("kurtosis", [{"MD": 1e-3, "MK": 0.8}], [0, 200, 400, 700, 1000, 2000], 8, {"MD": 1.0, "MK": 1.0}, "mean"),
        ("stretched", [{"DDC": 1.2e-3, "alpha": 0.7}], [0, 50, 100, 400, 800, 1500], 8, {"alpha": 1.0}, "mean"),
    ],
)
def test_a_plan_is_the_best_of_all_possible_ones(model, tissues, candidates, n, weights, over):
    named = {f"tissue {k}": values for k, values in enumerate(tissues)}
    plan = plan_bvalues(model, named, snr=30, n_images=n, candidates=candidates, weights=weights, over=over)
    best = best_of_all(model, tissues, candidates, n, 30, weights, over == "worst")
    assert plan.proposal.criterion == pytest.approx(best, rel=1e-9)
    assert plan.lower_limit <= best * (1 + 1e-9)
    assert plan.proposal.n_images == n


@pytest.mark.parametrize("over", ["mean", "worst"])
def test_no_image_can_be_moved_to_advantage_and_the_lower_limit_is_close(over):
    tissues = TISSUES["ivim"]
    plan = plan_bvalues("ivim", tissues, snr=50, n_images=40, over=over)
    assert 0.99 < plan.efficiency <= 1 + 1e-9
    grid = default_candidates(1200)
    counts = np.zeros(grid.size)
    counts[np.searchsorted(grid, plan.proposal.bvalues)] = plan.proposal.averages
    values = list(tissues.values())
    for source in np.flatnonzero(counts):
        for target in range(grid.size):
            moved = counts.copy()
            moved[source] -= 1
            moved[target] += 1
            used = moved > 0
            other = criterion("ivim", values, grid[used], moved[used], 50, ALL, over == "worst")
            assert other >= plan.proposal.criterion * (1 - 1e-8)


def test_continuous_optimum_satisfies_the_equivalence_theorem():
    """At the optimum no b-value gains more than the criterion: with many images the whole plan comes close to it."""
    plan = plan_bvalues("ivim", MARROW, snr=1, n_images=2000)
    names = ("f", "D", "Dstar")
    from mrbiomarkers.diffusion import biexponential_jacobian

    scale = np.array([1.0, *MARROW.values()])
    rows = biexponential_jacobian(plan.proposal.bvalues, 1.0, *MARROW.values()) * scale
    information = rows.T @ (rows * plan.proposal.averages[:, None]) / 2000
    every = biexponential_jacobian(default_candidates(1200), 1.0, *MARROW.values()) * scale
    gain = ((every @ np.linalg.inv(information))[:, 1:] ** 2).sum(axis=1)
    loss = np.trace(np.linalg.inv(information)[1:, 1:])
    assert plan.proposal.criterion * 2000 == pytest.approx(loss)
    assert gain.max() == pytest.approx(loss, rel=0.01)
    assert sum(plan.proposal.relative["tissue"][name] ** 2 for name in names) == pytest.approx(loss / 2000)


def test_two_points_of_the_mono_exponential_model_are_those_derived_by_hand():
    """var(ADC) = [1/n0 + exp(2x)/n1] / (b SNR)^2 with x = b ADC.

    For a given sum of images the best n1/n0 is exp(x), which leaves (1 + exp(x)) / x to be made small: (x - 1) exp(x)
    = 1, x = 1.278, n1/n0 = 3.59.
    """
    x = brentq(lambda x: (x - 1) * np.exp(x) - 1, 1, 2)
    assert (x, np.exp(x)) == pytest.approx((1.2785, 3.5911), abs=1e-4)
    plan = plan_bvalues("adc", {"ADC": 1e-3}, snr=20, n_images=459, candidates=np.arange(0, 2000, 10))
    np.testing.assert_array_equal(plan.proposal.bvalues, [0, 1280])
    np.testing.assert_array_equal(plan.proposal.averages, [100, 359])
    assert plan.proposal.criterion == pytest.approx(((1 + np.exp(x)) / x / 20) ** 2 / 459, rel=1e-4)
    assert plan.efficiency > 0.9998


def test_one_image_each_gives_the_other_known_factor():
    """With as many images at b as at 0, b = 1.109 / ADC is best: the comparison of two b-values finds it."""
    losses = []
    grid = np.arange(1000, 1250, 5)
    for b in grid:
        plan = plan_bvalues("adc", {"ADC": 1e-3}, snr=20, n_images=10, candidates=[0, 1280], compare=[0, b])
        losses.append(plan.comparison.criterion)
    assert grid[int(np.argmin(losses))] == 1110


@pytest.mark.parametrize("values", [{"f": 0.15, "D": 0.42e-3}, {"f": 0.15, "D": 1e-3}, {"f": 0.3, "D": 1e-3}])
def test_segmented_estimation_of_d_and_f_needs_three_b_values(values):
    """With blood gone at the threshold of 200 s/mm2 and b up to 800: 0, 200 and 800, as 1:2:2 (Jalnefjord 2019)."""
    values = values | {"Dstar": 1e3}
    options = {"candidates": [0, *range(200, 801, 10)], "weights": {"f": 1, "D": 1}}
    for n in (5, 50):
        plan = plan_bvalues("ivim", values, snr=30, n_images=n, **options)
        np.testing.assert_array_equal(plan.proposal.bvalues, [0, 200, 800])
        # Theirs minimises a mean over many tissues: for one of these tissues some tenths go elsewhere.
        np.testing.assert_allclose(plan.proposal.averages / n, [0.2, 0.4, 0.4], atol=0 if n == 5 else 0.13)
        assert plan.proposal.relative["tissue"]["Dstar"] == np.inf


def test_prediction_of_both_sets_is_the_bound_and_the_comparison_has_as_many_images():
    plan = plan_bvalues(
        "ivim", {"lesion": LESION}, snr=40, n_images=58, compare=B_LESION[::-1], compare_averages=NEX_LESION[::-1]
    )
    other = plan.comparison
    np.testing.assert_array_equal(other.bvalues, B_LESION)
    np.testing.assert_allclose(other.averages, 2 * NEX_LESION)  # 29 in the study
    for given in (plan.proposal, other):
        bounds = cramer_rao("ivim", LESION, given.bvalues, snr=40, averages=given.averages)
        for name, relative in given.relative["lesion"].items():
            assert relative == pytest.approx(bounds[name] / LESION[name])
    assert plan.gain == pytest.approx(other.criterion / plan.proposal.criterion)
    assert plan.gain > 1


def test_snr_scales_the_prediction_and_not_the_proposal():
    low, high = (plan_bvalues("ivim", MARROW, snr=snr, n_images=20) for snr in (10, 200))
    np.testing.assert_array_equal(low.proposal.averages, high.proposal.averages)
    np.testing.assert_array_equal(low.proposal.bvalues, high.proposal.bvalues)
    assert low.proposal.criterion == pytest.approx(400 * high.proposal.criterion)
    assert np.isnan(low.gain)


def test_the_worst_tissue_is_better_off_when_the_worst_counts():
    mean, worst = (plan_bvalues("ivim", TISSUES["ivim"], snr=50, n_images=60, over=over) for over in ("mean", "worst"))
    tops = [
        max(sum(cv**2 for cv in values.values()) for values in plan.proposal.relative.values())
        for plan in (mean, worst)
    ]
    assert tops[1] < tops[0]
    assert worst.proposal.criterion == pytest.approx(tops[1])


def test_images_that_are_asked_for_are_there():
    free = plan_bvalues("ivim", MARROW, snr=50, n_images=20)
    bound = plan_bvalues("ivim", MARROW, snr=50, n_images=20, minimum={0: 1, 650: 3, 37: 2})
    counts = dict(zip(bound.proposal.bvalues.tolist(), bound.proposal.averages.tolist(), strict=True))
    assert counts[650] == 3
    assert counts[37] >= 2
    assert sum(counts.values()) == 20
    assert bound.proposal.criterion > free.proposal.criterion
    everything = plan_bvalues("ivim", MARROW, snr=50, n_images=11, minimum=dict.fromkeys(B_ALL, 1))
    np.testing.assert_array_equal(everything.proposal.bvalues, B_ALL)


def test_candidates():
    np.testing.assert_array_equal(default_candidates(30), [0, 5, 10, 15, 20, 25, 30])
    grid = default_candidates(815)
    assert grid[-3:].tolist() == [750, 800, 815]
    assert {45, 50, 60, 190, 200, 250} <= set(grid.tolist())
    plan = plan_bvalues("ivim", MARROW, snr=50, n_images=10, candidates=[800, 0, 50, 50, 300, 20])
    assert set(plan.proposal.bvalues) <= {0, 20, 50, 300, 800}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "dti"}, "model: expected one of adc, ivim"),
        ({"tissues": {}}, "tissues: expected the parameters of at least one tissue"),
        ({"tissues": {"f": 0.1}}, "parameters of ivim: expected f, D, Dstar"),
        ({"tissues": {"a": MARROW | {"f": [0.1, 0.2]}}}, "tissues: expected one finite number .* 'a'"),
        ({"tissues": MARROW | {"f": 0.0}}, "tissues: f of 'tissue' is 0, so its relative error is infinite"),
        ({"snr": -3}, "snr: expected a number above 0, got -3"),
        ({"n_images": 3}, "n_images: expected a whole number, enough for 4 parameters, 0 images .*; got 3"),
        ({"n_images": 10.5}, "n_images: expected a whole number"),
        ({"n_images": 5, "minimum": {0: 4, 10: 2}}, "6 images asked for by minimum; got 5"),
        ({"n_images": 5, "minimum": {0: 3}}, "n_images: 5 images, with those of minimum, do not determine"),
        ({"minimum": {-1: 4}}, "minimum: expected whole numbers of images"),
        ({"minimum": {0: 0.5}}, "minimum: expected whole numbers of images"),
        ({"weights": {"ADC": 1}}, "weights: expected some of f, D, Dstar; got ADC"),
        ({"weights": {}}, "weights: expected some of f, D, Dstar; got none"),
        ({"weights": {"f": 0}}, "weights: expected finite numbers above 0"),
        ({"over": "median"}, "over: expected one of mean, worst"),
        ({"candidates": [0, 100, 500]}, "candidates: the b-values .* do not determine f, D, Dstar"),
        ({"tissues": MARROW | {"Dstar": 1e9}}, "candidates: expected b-values that Dstar of 'tissue' has an influence"),
        ({"b_max": 0}, "b_max: expected a number above 0 and up to 20000 s/mm2, got 0"),
        ({"compare": [0, 50], "compare_averages": [1]}, "compare_averages: expected 2 positive numbers"),
        ({"compare": [0, -50]}, "bvalues: expected values of 0 s/mm2 or more"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"model": "ivim", "tissues": MARROW, "snr": 50, "n_images": 20} | changes
    with pytest.raises(ValueError, match=message):
        plan_bvalues(arguments.pop("model"), arguments.pop("tissues"), **arguments)
