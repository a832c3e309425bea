"""Coil combination: against the sensitivities that made the images, and against single voxels done by hand."""

import numpy as np
import pytest

from mrbiomarkers.fatwater.coils import combine_coils
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

ROWS, COLUMNS = 24, 20


def sensitivities(n_coils):
    """Smooth complex sensitivities (J, I, C) of a ring of coils; the root of the sum of squares is 1."""
    angle = 2 * np.pi * np.arange(n_coils) / n_coils
    v, u = (axis[..., None] for axis in np.meshgrid(*(np.linspace(-1, 1, n) for n in (ROWS, COLUMNS)), indexing="ij"))
    distance = (u - 1.6 * np.cos(angle)) ** 2 + (v - 1.6 * np.sin(angle)) ** 2
    coils = np.exp(-distance / 1.5 + 1j * (angle + 0.8 * u * np.cos(angle) + 0.6 * v))
    return coils / np.sqrt(np.sum(np.abs(coils) ** 2, axis=-1, keepdims=True))


def echoes():
    """Signals (J, I, N) of marrow in a field that varies."""
    field = np.add.outer(np.linspace(-60, 60, ROWS), np.linspace(-30, 30, COLUMNS))
    return echo_signal(SIX_ECHOES, 3.0, 30.0, 100.0, field, phase=1.0, size=100.0)


def first_is_real(signal):
    return signal * np.exp(-1j * np.angle(signal[..., :1]))


@pytest.mark.parametrize("neighbourhood", [1, 5])
@pytest.mark.parametrize(("dtype", "close"), [(np.complex64, 2e-4), (np.complex128, 1e-9)])
def test_without_noise_it_is_the_root_of_the_sum_of_squares_with_the_phase_between_echoes(neighbourhood, dtype, close):
    images = 3.0 * sensitivities(4)[12, 10][:, None] * echoes()[..., None, :]
    found = combine_coils(images.astype(dtype), neighbourhood=neighbourhood)

    assert found.dtype == dtype
    np.testing.assert_allclose(found, 3.0 * first_is_real(echoes()), rtol=close, atol=100 * close)
    assert np.all(found[..., 0].real > 0)


def test_sensitivities_that_vary_cost_next_to_nothing():
    found = combine_coils(sensitivities(8)[..., None] * echoes()[..., None, :])
    np.testing.assert_allclose(found, first_is_real(echoes()), rtol=3e-3)  # steep coils: 0.25 %


def test_noise_neither_biases_the_echoes_nor_grows():
    """With weights from the first echo alone, the first would be 11 % too large at this noise, the others too small."""
    truth, coils, sigma = first_is_real(echoes()), sensitivities(16), 8.0
    repeats = [
        combine_coils(with_complex_noise(coils[..., None] * echoes()[..., None, :], sigma, seed)) for seed in range(12)
    ]
    inner = np.array(repeats)[:, 3:-3, 3:-3]
    turned = inner * np.exp(-1j * np.angle(np.sum(inner * truth[3:-3, 3:-3].conj(), axis=-1, keepdims=True)))
    error = turned / truth[3:-3, 3:-3] - 1
    # 12 * 18 * 14 voxels of a relative noise of 8 to 14 %: the standard error of a mean is 0.3 % at most
    np.testing.assert_allclose(error.mean(axis=(0, 1, 2)).real, 0, atol=0.012)
    in_units = error[..., -1].real * np.abs(truth[3:-3, 3:-3, -1])
    assert in_units.std() == pytest.approx(sigma, rel=0.05)  # that of the best weights, which are of length 1


def test_one_voxel_is_the_first_eigenvector_of_its_echoes():
    random = np.random.default_rng(3)
    images = random.normal(size=(5, 7, 2)).view(np.complex128)[..., 0]
    images = images + 4 * np.outer(random.normal(size=5), random.normal(size=7))
    _, vectors = np.linalg.eigh(images @ images.conj().T)

    found = combine_coils(images, neighbourhood=1)

    assert found.shape == (7,)
    np.testing.assert_allclose(found, first_is_real(vectors[:, -1].conj() @ images), rtol=1e-6)


def test_blocks_of_rows_leave_no_seam(monkeypatch):
    images = with_complex_noise(sensitivities(4)[..., None] * echoes()[..., None, :], 10.0, 1)
    whole = combine_coils(images)
    monkeypatch.setattr("mrbiomarkers.fatwater.coils._NUMBERS", 3 * COLUMNS * 16)

    np.testing.assert_allclose(combine_coils(images), whole, rtol=1e-9)


def test_slices_are_separate_and_one_coil_is_only_copied():
    images = np.stack([sensitivities(3)[..., None] * echoes()[..., None, :] * size for size in (1, 0, 1e9)])
    before = images.copy()
    found = combine_coils(images)

    for image, one in zip(images, found, strict=True):
        np.testing.assert_allclose(combine_coils(image), one)
    assert not found[1].any()
    alone = combine_coils(images[..., :1, :])
    np.testing.assert_array_equal(alone, images[..., 0, :])
    alone[:] = 0
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_voxel_that_is_not_finite_stays_alone(bad):
    images = with_complex_noise(sensitivities(4)[..., None] * echoes()[..., None, :], 2.0, 0)
    images[5, 6, 2, 3] = bad
    found = combine_coils(images)

    lost = ~np.isfinite(found).all(axis=-1)
    np.testing.assert_array_equal(np.argwhere(lost), [[5, 6]])


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        (np.ones((3, 4)), {}, TypeError, "images: expected complex numbers, got an array of type float64"),
        (np.ones(4) * 1j, {}, ValueError, r"images: expected coils and echoes as the last two axes, got shape \(4,\)"),
        (np.ones((5, 0, 4)) * 1j, {}, ValueError, r"images: expected coils and echoes.* got shape \(5, 0, 4\)"),
        (np.ones((3, 4)) * 1j, {"neighbourhood": 4}, ValueError, "neighbourhood: expected an odd number of voxels"),
        (np.ones((3, 4)) * 1j, {"neighbourhood": -1}, ValueError, "neighbourhood: expected an odd number of voxels"),
    ],
)
def test_bad_arguments_are_named(images, options, error, message):
    with pytest.raises(error, match=message):
        combine_coils(images, **options)
