"""Charts back to numbers: in the session, and after the scene was saved and loaded."""

import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman
from Testing.scene.mrml.test_saved_scene import saved_and_loaded

B = np.array([0.0, 0.0, 50, 400, 800])
MEAN = np.array([100.123456789, 98.5, 80, np.nan, 45])
SD = np.array([np.nan, 3.25, 90, 1, 2])  # a bar that reaches below 0, means without a bar
FINE = np.linspace(0, 800, 200)


def decay_chart(**options):
    from mrbiomarkers.mrml import add_decay_chart

    title = "A L3 (60 voxels), coefficients in 10^-3 mm^2/s"
    curves = {"IVIM: D 0.6": 100 * np.exp(-FINE / 900), "ADC: ADC 0.7": 99 * np.exp(-FINE / 1000)}
    return add_decay_chart("A L3", B, MEAN, SD, curves, curve_x=FINE, title=title, **options)


def check_decay(found, rtol):
    known = np.isfinite(MEAN)
    np.testing.assert_allclose(found.x, B[known], rtol=rtol)
    np.testing.assert_allclose(found.mean, MEAN[known], rtol=rtol)
    np.testing.assert_allclose(found.sd, SD[known], rtol=100 * rtol, atol=1e3 * rtol)
    assert list(found.curves) == ["IVIM: D 0.6", "ADC: ADC 0.7"]
    np.testing.assert_allclose(found.curves["IVIM: D 0.6"][0], FINE, rtol=rtol)
    np.testing.assert_allclose(found.curves["IVIM: D 0.6"][1], 100 * np.exp(-FINE / 900), rtol=rtol)
    assert (found.region, found.n_voxels, found.note) == ("A L3", 60, "coefficients in 10^-3 mm^2/s")
    assert not found.is_echo


def test_a_decay_comes_back(scene):
    from mrbiomarkers.mrml.charts_in import decay_numbers, pair_numbers

    decay_chart()
    chart = decay_chart()  # the second has a number in the names of its series

    check_decay(decay_numbers(chart), 1e-12)
    assert pair_numbers(chart) is None


def test_a_decay_comes_back_from_a_saved_scene(scene, tmp_path):
    import slicer

    from mrbiomarkers.mrml.charts_in import decay_numbers

    decay_chart()
    saved_and_loaded(scene, tmp_path)
    (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")

    check_decay(decay_numbers(chart), 1e-5)


def test_echoes_are_told_from_b_values(scene):
    from mrbiomarkers.mrml.charts_in import decay_numbers

    chart = decay_chart(x_title="TE [ms]", log=False)

    assert decay_numbers(chart).is_echo


@pytest.mark.parametrize("scale", ["difference", "percent", "log"])
@pytest.mark.parametrize("key", ["Dstar", "f", "PDFF", "volume [mm3]"])
def test_pairs_come_back(scene, scale, key):
    from mrbiomarkers.mrml import add_agreement_chart
    from mrbiomarkers.mrml.charts_in import decay_numbers, pair_numbers

    a, b = np.random.default_rng(4).uniform(10, 30, (2, 6))
    readers = ("A and son", "B")
    add_agreement_chart(bland_altman(a, b, scale=scale), key, readers=readers, name=f"Agreement in {key}, ivim")
    chart = add_agreement_chart(bland_altman(a, b, scale=scale), key, readers=readers, name=f"Agreement in {key}, ivim")
    found = pair_numbers(chart)

    np.testing.assert_allclose(found.a, a, rtol=1e-12)
    np.testing.assert_allclose(found.b, b, rtol=1e-12)
    assert (found.quantity, found.readers, found.scale, found.name) == (key, readers, scale, f"{key}, ivim")
    assert decay_numbers(chart) is None


def test_a_box_chart_is_neither(scene):
    from mrbiomarkers.mrml import add_box_chart
    from mrbiomarkers.mrml.charts_in import decay_numbers, pair_numbers

    chart = add_box_chart({"mean": [1, 2, 3], "pairs": [2, 3, 4]}, "D [10^-3 mm^2/s]")

    assert (decay_numbers(chart), pair_numbers(chart)) == (None, None)


def test_a_table_that_was_deleted_is_said(scene):
    from mrbiomarkers.mrml.charts_in import decay_numbers

    chart = decay_chart()
    scene.RemoveNode(chart.GetNthPlotSeriesNode(0).GetTableNode())
    with pytest.raises(ValueError, match=r"decay.*expected a table with x and y"):
        decay_numbers(chart)


def test_other_nodes_are_refused(scene):
    from mrbiomarkers.mrml.charts_in import decay_numbers

    with pytest.raises(TypeError, match="PlotChart"):
        decay_numbers(scene.AddNewNodeByClass("vtkMRMLTableNode"))
