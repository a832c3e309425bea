"""The mean signal of a region and the models fitted to it, as a chart."""

from __future__ import annotations

from typing import Any

import numpy as np

from mrbiomarkers.diffusion import MODELS
from mrbiomarkers.jobs import EchoDecay, RegionDecay, RegionFit
from mrbiomarkers.maps import reported_value
from mrbiomarkers.mrml.plots_out import add_decay_chart
from mrbiomarkers.quantities import quantity
from mrbiomarkers.series import DiffusionSeries, EchoSeries

_POINTS = 200  # of a curve


def add_diffusion_decay(region: str, series: DiffusionSeries, decay: RegionDecay) -> Any:
    """Add the chart of a region's diffusion signal, on a logarithmic axis.

    Parameters
    ----------
    region : str
        Name of the region, with its reader where there are several.
    series : DiffusionSeries
        What was fitted.
    decay : RegionDecay
        Its mean, spread and fits.

    Returns
    -------
    vtkMRMLPlotChartNode
    """
    fine = np.linspace(0.0, float(series.bvalues.max()), _POINTS)
    curves = {_label(fit): fit.signal(fine) for fit in decay.fits.values()}
    return add_decay_chart(
        region,
        series.bvalues,
        decay.mean,
        decay.sd,
        curves,
        curve_x=fine,
        title=f"{_title(region, decay.n_voxels)}, coefficients in {quantity('D').ascii_unit}{_without(series)}",
    )


def add_echo_decay(region: str, series: EchoSeries, decay: EchoDecay) -> Any:
    """Add the chart of a region's multi-echo signal, each voxel turned back by its own field.

    Parameters
    ----------
    region : str
        Name of the region, with its reader where there are several.
    series : EchoSeries
        What was fitted.
    decay : EchoDecay
        Its mean, spread and fit.

    Returns
    -------
    vtkMRMLPlotChartNode
    """
    fine = np.linspace(0.0, float(series.echo_times.max()), _POINTS)
    values = decay.fit.values
    label = f"PDFF {values['PDFF']:.1f} %, R2* {values['R2star']:.0f} 1/s"
    return add_decay_chart(
        region,
        1e3 * series.echo_times,
        np.abs(decay.mean),
        decay.sd,
        {label: np.abs(decay.fit.signal(fine))},
        curve_x=1e3 * fine,
        x_title="TE [ms]",
        log=False,
        title=_title(region, decay.n_voxels),
    )


def _label(fit: RegionFit) -> str:
    """Return a model and its values in text that VTK draws; the title has the unit, for a legend covers the data."""
    parts = []
    for key, value in fit.values.items():
        if key != "S0":
            parts.append(f"{quantity(key).ascii_symbol} {reported_value(key, value):.3g}")
    return f"{MODELS[fit.model].name}: {', '.join(parts)}"


def _without(series: DiffusionSeries) -> str:
    return f", without b {', '.join(f'{b:g}' for b in series.left_out)}" if series.left_out else ""


def _title(region: str, n_voxels: int) -> str:
    return f"{region} ({n_voxels} voxel{'s' if n_voxels != 1 else ''})"
