"""What the panel of diffusion series keeps in the scene, and the settings of the fit that it stands for."""

from typing import Annotated, Any, Union

from slicer import (
    vtkMRMLDiffusionWeightedVolumeNode,
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceNode,
    vtkMRMLVectorVolumeNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import (
    Choice,
    Default,
    FloatRange,
    RangeBounds,
    WithinRange,
    parameterNodeWrapper,
)

from mrbiomarkers.diffusion import MODELS
from mrbiomarkers.maps import kernel_value, reported_value
from mrbiomarkers.panels.diffusion.bvalue_table import bvalues_in, distinct
from mrbiomarkers.panels.diffusion.fat_share import FatMap
from mrbiomarkers.quantities import quantity
from mrbiomarkers.settings import DIFFUSION_METHODS, DIFFUSION_MODELS, IVIM_BOUNDS, DiffusionSettings

BOUNDED = {"f": "fBounds", "D": "DBounds", "Dstar": "DstarBounds"}  # parameters of the model, fields of the node
NOT_AVERAGED = "not averaged"
_SAME = 1e-9
_RESIDUAL = {  # by field: what it is, in words
    "residue": _("the part of the fat signal that suppression leaves"),
    "echoTime": _("the echo time of the diffusion series"),
    "fatT2": _("T2 of fat"),
    "waterT2": _("T2 of water"),
}


def _default(key: str) -> FloatRange:
    """Return the usual bounds in the unit that a person reads: 10^-3 mm2/s for coefficients."""
    low, high = IVIM_BOUNDS[key]
    return FloatRange(reported_value(key, low), reported_value(key, high))


@parameterNodeWrapper
class DiffusionParameterNode:
    """What the panel keeps in the scene.

    series - the diffusion series
    bvalues, excluded, tableSeries - b-values in place of its own [s/mm2], those left out, and the series they belong to
    adc, ivim, stretched, kurtosis - models to fit
    method - how IVIM is fitted
    fBounds, DBounds, DstarBounds - bounds of f [1], D and D* [10^-3 mm2/s]
    threshold, adcBvalues - where the segmented methods begin; b-values of the ADC fit as text [s/mm2]
    mask, errors - voxels to fit; whether maps of standard errors are made
    pdff, residue, echoTime, fatT2, waterT2 - fat fraction for the IVIM fit, with times in ms; 0: not given
    noise, coils, averaged - what makes the noise floor of region means; noise 0: it is not taken off
    """

    series: Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, vtkMRMLDiffusionWeightedVolumeNode, None]  # noqa: UP007
    tableSeries: Union[  # noqa: UP007
        vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, vtkMRMLDiffusionWeightedVolumeNode, None
    ]
    bvalues: list[float]
    excluded: list[float]
    adc: bool = True
    ivim: bool = True
    stretched: bool = False
    kurtosis: bool = False
    method: Annotated[str, Choice(list(DIFFUSION_METHODS))] = "nlls"
    fBounds: Annotated[FloatRange, RangeBounds(0.0, 1.0), Default(_default("f"))]
    DBounds: Annotated[FloatRange, RangeBounds(0.0, 10.0), Default(_default("D"))]
    DstarBounds: Annotated[FloatRange, RangeBounds(0.0, 1000.0), Default(_default("Dstar"))]
    threshold: Annotated[float, WithinRange(1.0, 2000.0)] = 200.0
    adcBvalues: str = ""
    mask: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007
    errors: bool = False
    pdff: vtkMRMLScalarVolumeNode
    residue: Annotated[float, WithinRange(-1.0, 1.0)] = 0.0
    echoTime: Annotated[float, WithinRange(0.0, 300.0)] = 0.0
    fatT2: Annotated[float, WithinRange(0.0, 1000.0)] = 0.0
    waterT2: Annotated[float, WithinRange(0.0, 1000.0)] = 0.0
    noise: Annotated[float, WithinRange(0.0, 100000.0)] = 0.0
    coils: Annotated[int, WithinRange(1, 128)] = 1
    averaged: Annotated[str, Choice([NOT_AVERAGED, "magnitude", "complex"])] = NOT_AVERAGED


def models_of(parameters: Any) -> dict[str, int]:
    """Return the models that are ticked, by their keys, and how many different b-values each needs."""
    return {key: len(MODELS[key].parameters) for key in DIFFUSION_MODELS if getattr(parameters, key)}


def settings_of(parameters: Any) -> DiffusionSettings:
    """Return the settings of the fit; of the bounds only those that differ from the usual ones.

    Raises
    ------
    ValueError
        When something does not fit; :func:`lacking` names all that can be known before.
    """
    bounds = {}
    for key, name in BOUNDED.items():
        chosen, usual = getattr(parameters, name), _default(key)
        pairs = ((chosen.minimum, usual.minimum), (chosen.maximum, usual.maximum))
        if any(abs(one - other) > _SAME for one, other in pairs):
            low, high = (kernel_value(key, float(one)) for one, _other in pairs)
            bounds[key] = low, high
    return DiffusionSettings(
        models=tuple(models_of(parameters)),
        method=parameters.method,
        bounds=bounds if parameters.ivim else {},
        threshold=float(parameters.threshold),
        adc_bvalues=bvalues_in(parameters.adcBvalues) if parameters.adc else (),
        errors=bool(parameters.errors),
        noise_sigma=float(parameters.noise),
        n_coils=int(parameters.coils),
        averaged="" if parameters.averaged == NOT_AVERAGED else parameters.averaged,
    )


def fat_of(parameters: Any) -> dict[str, FatMap]:
    """Return the argument ``fat`` of the logic's ``fit``; empty where none is wanted."""
    if parameters.pdff is None or not parameters.ivim:
        return {}
    times = (1e-3 * float(value) for value in (parameters.echoTime, parameters.fatT2, parameters.waterT2))
    return {"fat": FatMap(parameters.pdff, float(parameters.residue), *times)}


def lacking(parameters: Any, left: list[float]) -> list[str]:
    """Return what the settings lack before a fit, in words, but for series, regions and number of b-values.

    Parameters
    ----------
    parameters : DiffusionParameterNode
        What is chosen.
    left : list of float [s/mm2]
        The different b-values that are used.
    """
    missing = [] if models_of(parameters) else [_("a model")]
    if parameters.adc:
        missing += _lacking_adc(parameters.adcBvalues, left)
    return missing + (_lacking_ivim(parameters, left) if parameters.ivim else [])


def _lacking_adc(text: str, left: list[float]) -> list[str]:
    try:
        wanted = bvalues_in(text)
    except ValueError:
        return [_("usable b-values of the ADC fit, as 0 800 (or none for all)")]
    strange = [b for b in wanted if left and all(abs(b - other) > 0.5 for other in left)]
    if strange:
        values = ", ".join(f"{b:g}" for b in strange)
        return [_("b-values of the ADC fit that the series has, and not {values}").format(values=values)]
    return [_("two different b-values of the ADC fit")] if wanted and len(distinct(wanted)) < 2 else []


def _lacking_ivim(parameters: Any, left: list[float]) -> list[str]:
    limits = {key: getattr(parameters, name) for key, name in BOUNDED.items()}
    text = _("a lower bound of {symbol} that lies below the upper one")
    missing = [
        text.format(symbol=quantity(key).symbol)
        for key, pair in limits.items()
        if not pair.minimum + _SAME < pair.maximum
    ]
    slow, fast = limits["D"], limits["Dstar"]
    if slow.minimum > fast.minimum or slow.maximum > fast.maximum:
        missing.append(_("bounds of D that do not lie above those of D*"))
    if parameters.method.startswith("segmented") and left:
        missing += _lacking_segmented(parameters, left)
    if parameters.pdff is not None:
        missing += _lacking_fat(parameters)
    return missing


def _lacking_segmented(parameters: Any, left: list[float]) -> list[str]:
    missing = []
    if sum(b >= parameters.threshold for b in left) < 2 or left[0] >= parameters.threshold:
        text = _("a threshold with two b-values from it on and one below it, and not {value} s/mm²")
        missing.append(text.format(value=f"{parameters.threshold:g}"))
    if parameters.method == "segmented" and left[0] > 0:
        missing.append(_("images at b = 0, which the method segmented needs"))
    return missing


def _lacking_fat(parameters: Any) -> list[str]:
    if parameters.method != "nlls":
        return [_("the method nlls, which a fat fraction needs")]
    missing = []
    if parameters.pdff.GetAttribute("MRBiomarkers.Quantity") != "PDFF":
        missing.append(_("a fat fraction map of this extension (make one of a scanner's in Maps of the scanner)"))
    return missing + [text for name, text in _RESIDUAL.items() if getattr(parameters, name) == 0]
