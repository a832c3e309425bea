import numpy as np
import pytest

from mrbiomarkers.radiomics import products
from mrbiomarkers.radiomics.products import along_first


@pytest.mark.parametrize("most", [1, 500, 10**9])
@pytest.mark.parametrize("shape", [(11,), (11, 1), (11, 7, 5), (11, 30, 17)])
def test_pieces_give_the_whole_product(monkeypatch, most, shape):
    monkeypatch.setattr(products, "_MOST_MULTIPLICATIONS", most)
    rng = np.random.default_rng(0)
    matrix, data = rng.normal(size=(4, 11)), rng.normal(size=shape)

    assert along_first(matrix, data) == pytest.approx(np.tensordot(matrix, data, axes=1), rel=1e-12, abs=1e-12)
