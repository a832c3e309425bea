"""The maximal correlation coefficient against the eigenvalues of Haralick's matrix Q."""

import numpy as np
import pytest

from mrbiomarkers.radiomics import correlation
from mrbiomarkers.radiomics.correlation import maximal_correlation
from mrbiomarkers.radiomics.tally import Counts


def from_matrices(matrices):
    group, row, column = np.nonzero(matrices)
    return Counts(group, row, column, matrices[group, row, column].astype(np.float64), len(matrices))


def coefficient(matrices):
    counts = from_matrices(matrices)
    share = counts.count / counts.sums()[counts.group]
    joint = matrices / matrices.sum(axis=(1, 2), keepdims=True)
    return maximal_correlation(counts, share, joint.sum(axis=2), joint.sum(axis=1)), joint


def by_definition(joint):
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.nan_to_num(joint / rows[:, np.newaxis]) @ np.nan_to_num(joint / columns).T
    return np.sqrt(np.sort(np.linalg.eigvals(q).real)[-2])


@pytest.mark.parametrize("symmetrical", [True, False])
@pytest.mark.parametrize("most_dense", [100, 1])
def test_it_is_the_root_of_the_second_largest_eigenvalue(monkeypatch, symmetrical, most_dense):
    monkeypatch.setattr(correlation, "_MOST_DENSE", most_dense)
    matrices = np.random.default_rng(3).integers(0, 6, (3, 12, 12))
    if symmetrical:
        matrices = matrices + matrices.transpose(0, 2, 1)

    found, joint = coefficient(matrices)

    assert found == pytest.approx([by_definition(part) for part in joint], rel=1e-9)


@pytest.mark.parametrize("most_dense", [100, 1])
def test_levels_that_never_meet_are_perfectly_correlated(monkeypatch, most_dense):
    monkeypatch.setattr(correlation, "_MOST_DENSE", most_dense)
    blocks = np.zeros((1, 9, 9), dtype=np.int64)
    blocks[0, :4, :4] = blocks[0, 4:, 4:] = 3

    assert coefficient(blocks)[0] == pytest.approx([1.0], abs=1e-9)


@pytest.mark.parametrize("most_dense", [100, 1])
def test_independent_levels_are_not_correlated(monkeypatch, most_dense):
    monkeypatch.setattr(correlation, "_MOST_DENSE", most_dense)
    share = np.arange(1, 9)

    assert coefficient((share[:, np.newaxis] * share)[np.newaxis])[0] == pytest.approx([0.0], abs=1e-6)


def test_one_level_gives_one_as_in_pyradiomics():
    assert coefficient(np.full((2, 1, 1), 5))[0].tolist() == [1, 1]
