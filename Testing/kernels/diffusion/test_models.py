import math

import numpy as np
import pytest

from mrbiomarkers.diffusion import MODELS as TABLE
from mrbiomarkers.diffusion import (
    biexponential,
    biexponential_jacobian,
    kurtosis,
    kurtosis_jacobian,
    monoexponential,
    monoexponential_jacobian,
    stretched_exponential,
    stretched_exponential_jacobian,
)
from Testing.support.simulate import B_ALL, ivim_signal

MODELS = {
    "mono": (monoexponential, monoexponential_jacobian, (2.0, 0.7e-3)),
    "bi": (biexponential, biexponential_jacobian, (2.0, 0.2, 0.7e-3, 30e-3)),
    "stretched": (stretched_exponential, stretched_exponential_jacobian, (2.0, 0.9e-3, 0.75)),
    "kurtosis": (kurtosis, kurtosis_jacobian, (2.0, 0.9e-3, 0.8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_signal_at_b_zero_is_s0(name):
    model, _, parameters = MODELS[name]
    assert model([0.0], *parameters)[0] == 2.0


def test_values_worked_out_by_hand():
    assert monoexponential([1000.0], 3.0, 1e-3)[0] == pytest.approx(3 / math.e)
    # 2 [0.75 e^-0.5 + 0.25 e^-10]
    assert biexponential([500.0], 2.0, 0.25, 1e-3, 20e-3)[0] == pytest.approx(
        2 * (0.75 * math.exp(-0.5) + 0.25 * math.exp(-10))
    )


def test_values_of_the_other_two_worked_out_by_hand():
    # 3 exp(-sqrt(0.25)), 3 exp(-1 + 0.6 / 6)
    assert stretched_exponential([250.0], 3.0, 1e-3, 0.5)[0] == pytest.approx(3 * math.exp(-0.5))
    assert kurtosis([1000.0], 3.0, 1e-3, 0.6)[0] == pytest.approx(3 * math.exp(-0.9))


def test_the_others_become_the_mono_exponential():
    single = monoexponential(B_ALL, 1.7, 0.8e-3)
    np.testing.assert_allclose(stretched_exponential(B_ALL, 1.7, 0.8e-3, 1.0), single, rtol=1e-14)
    np.testing.assert_allclose(kurtosis(B_ALL, 1.7, 0.8e-3, 0.0), single, rtol=1e-14)
    np.testing.assert_allclose(biexponential(B_ALL, 1.7, 0.0, 0.8e-3, 0.05), single, rtol=1e-14)


def test_the_table_of_models_names_their_parameters():
    assert {key: model.parameters for key, model in TABLE.items()} == {
        "adc": ("S0", "ADC"),
        "ivim": ("S0", "f", "D", "Dstar"),
        "stretched": ("S0", "DDC", "alpha"),
        "kurtosis": ("S0", "MD", "MK"),
    }


def test_fast_compartment_decays_with_dstar_itself():
    np.testing.assert_allclose(biexponential(B_ALL, 1.0, 1.0, 0.5e-3, 20e-3), np.exp(-B_ALL * 20e-3), rtol=1e-15)


def test_equals_an_independent_forward_model():
    np.testing.assert_allclose(
        biexponential(B_ALL, 1.3, 0.15, 0.43e-3, 28e-3), ivim_signal(B_ALL, 1.3, 0.15, 0.43e-3, 28e-3), rtol=1e-14
    )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 3, 4)])
def test_any_leading_shape_with_b_last(name, shape):
    model, jacobian, parameters = MODELS[name]
    full = [np.full(shape, p) for p in parameters]
    assert model(B_ALL, *full).shape == (*shape, B_ALL.size)
    assert jacobian(B_ALL, *full).shape == (*shape, B_ALL.size, len(parameters))
    np.testing.assert_array_equal(
        model(B_ALL, *full)[..., :], np.broadcast_to(model(B_ALL, *parameters), (*shape, B_ALL.size))
    )


@pytest.mark.parametrize("name", MODELS)
def test_jacobian_equals_finite_differences(name):
    model, jacobian, parameters = MODELS[name]
    analytic = jacobian(B_ALL, *parameters)
    for column, value in enumerate(parameters):
        step = 1e-5 * value
        high, low = list(parameters), list(parameters)
        high[column], low[column] = value + step, value - step
        numeric = (model(B_ALL, *high) - model(B_ALL, *low)) / (2 * step)
        # central differences with a relative step of 1e-5 are good to 1e-8 of the largest derivative
        np.testing.assert_allclose(
            analytic[:, column], numeric, rtol=1e-6, atol=1e-8 * np.abs(analytic[:, column]).max()
        )
