"""The decay of a region as a chart: points, spread and curves are those of the job, in text that VTK draws."""

import numpy as np
import pytest


@pytest.fixture
def spine(scene):
    from mrbiomarkers.phantom import lumbar_diffusion

    return lumbar_diffusion(shape=(5, 48, 48))


def series_of(chart):
    """Every series of a chart, by the name in the legend: x and y."""
    import slicer

    found = {}
    for number in range(chart.GetNumberOfPlotSeriesNodes()):
        node = chart.GetNthPlotSeriesNode(number)
        columns = [
            slicer.util.arrayFromTableColumn(node.GetTableNode(), name)
            for name in (node.GetXColumnName(), node.GetYColumnName())
        ]
        found[node.GetName()] = columns
    return found


def test_a_diffusion_decay_shows_the_signal_and_the_fitted_curves(spine):
    from mrbiomarkers.jobs import run_diffusion
    from mrbiomarkers.mrml import add_diffusion_decay
    from mrbiomarkers.settings import DiffusionSettings

    regions = {"L3": spine.regions["L3"]}
    decay = run_diffusion(spine.series, regions, settings=DiffusionSettings(models=("adc", "ivim"))).decays["L3"]
    chart = add_diffusion_decay("A L3", spine.series, decay)
    drawn = series_of(chart)
    (ivim,) = [name for name in drawn if "IVIM" in name]
    fit, (x, y) = decay.fits["ivim"], drawn[ivim]

    np.testing.assert_allclose(drawn["A L3: mean"], [spine.series.bvalues, decay.mean])
    np.testing.assert_allclose(y, fit.signal(np.asarray(x)), rtol=1e-6)
    assert x[0] == 0
    assert x[-1] == spine.series.bvalues.max()
    assert f"f {fit.values['f']:.3g}, D {1e3 * fit.values['D']:.3g}, D* {1e3 * fit.values['Dstar']:.3g}" in ivim
    assert chart.GetTitle() == f"A L3 ({decay.n_voxels} voxels), coefficients in 10^-3 mm^2/s"
    assert chart.GetXAxisTitle() == "b [s/mm^2]"
    assert all(name.isascii() for name in drawn)
    assert chart.GetYAxisLogScale()


def test_an_echo_decay_shows_times_in_milliseconds(scene):
    from mrbiomarkers.jobs import run_fatwater
    from mrbiomarkers.mrml import add_echo_decay
    from mrbiomarkers.phantom import lumbar_fat_water

    phantom = lumbar_fat_water(shape=(5, 48, 48))
    decay = run_fatwater(phantom.series, {"L4": phantom.regions["L4"]}).decays["L4"]
    chart = add_echo_decay("L4", phantom.series, decay)
    drawn = series_of(chart)
    (curve,) = [name for name in drawn if "PDFF" in name]

    np.testing.assert_allclose(drawn["L4: mean"], [1e3 * phantom.series.echo_times, decay.mean])
    np.testing.assert_allclose(drawn[curve][1], np.abs(decay.fit.signal(1e-3 * np.asarray(drawn[curve][0]))), rtol=1e-6)
    assert f"PDFF {decay.fit.values['PDFF']:.1f} %" in curve
    assert chart.GetXAxisTitle() == "TE [ms]"
    assert not chart.GetYAxisLogScale()
