"""Names and side files of derivatives as the Brain Imaging Data Structure (BIDS) has them.

R2*, T2* and proton density maps have suffixes of their own in the standard. Diffusion maps follow the proposal BEP016
(``model``, ``param``, ``dwimap``); PDFF and the rest have no place in it yet and need a line in ``.bidsignore``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import RATIOS, quantity

_OWN_SUFFIX = {"R2star": "R2starmap", "T2star": "T2starmap", "PDFF": "PDFFmap"}
_DIFFUSION = frozenset({*RATIOS, "S0", "rmse", "eta", "R2", "AICc", "p_F"})
_LABEL = re.compile(r"[A-Za-z0-9]+")


def bids_name(
    key: str, subject: str, *, session: str = "", model: str = "", acquisition: str = "", suffix: str = ".nii.gz"
) -> str:
    """Return the file name of a map.

    Parameters
    ----------
    key : str
        Quantity, a key of :data:`mrbiomarkers.quantities.QUANTITIES`. A standard error (``sd_D``) is ``param-sdD``.
    subject, session : str
        Labels of letters and digits, without ``sub-`` and ``ses-``; the session may be empty.
    model : str
        Diffusion model (``"ivim"``), for diffusion quantities; others have none in their names.
    acquisition : str
        Label of the acquisition, for example ``"lumbar"``; may be empty.
    suffix : str
        Suffix of the file; ``".json"`` for the side file.

    Returns
    -------
    str
        For example ``sub-01_ses-pre_acq-lumbar_R2starmap.nii.gz``, ``sub-01_PDFFmap.nii.gz`` or
        ``sub-01_model-ivim_param-Dstar_dwimap.nii.gz``; of what has no suffix anywhere,
        ``sub-01_desc-water_map.nii.gz``.

    Raises
    ------
    ValueError
        When there is no such quantity, a label holds something else than letters and digits, or a diffusion quantity
        comes without its model.
    """
    known = quantity(key)
    label = known.key.replace("_", "")
    parts = [f"sub-{_checked('subject', subject)}"]
    for entity, name, value in (("ses", "session", session), ("acq", "acquisition", acquisition)):
        if value:
            parts.append(f"{entity}-{_checked(name, value)}")
    own = known.key.removeprefix("sd_")
    if own.removeprefix("r") in _DIFFUSION or own in _DIFFUSION:
        if not model:
            raise ValueError(f"model: expected the diffusion model that {key} belongs to, got none")
        parts += [f"model-{_checked('model', model)}", f"param-{label}", "dwimap"]
    elif known.key in _OWN_SUFFIX:
        parts.append(_OWN_SUFFIX[known.key])
    else:
        parts += [f"desc-{label}", "map"]
    return "_".join(parts) + suffix


def bids_sidecar(parameter_map: ParameterMap, sources: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the JSON file beside a map says, by BIDS key.

    Parameters
    ----------
    parameter_map : ParameterMap
        Its reported unit is stated, in which maps are written.
    sources : sequence of str
        Paths of the images it was made of, as BIDS URIs or relative to the data set.

    Returns
    -------
    dict
        ``Description``, ``Units``, and where they are known ``Model``, ``FitMethod``, ``BValues`` [s/mm2],
        ``EchoTimes`` [s], ``SoftwareVersion``, ``Sources``.
    """
    reported = to_reported(parameter_map)
    said = reported.provenance
    found: dict[str, Any] = {
        "Description": reported.quantity.name,
        "Units": "arbitrary" if reported.unit == "a.u." else reported.unit,
        "Model": said.get("model"),
        "FitMethod": said.get("method"),
        "BValues": _numbers(said.get("bvalues")),
        "EchoTimes": _numbers(said.get("echo_times_s")),
        "SoftwareVersion": said.get("software"),
        "Sources": list(sources),
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _checked(name: str, value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(f"{name}: expected letters and digits only, as BIDS has its labels, got {value!r}")
    return value


def _numbers(values: Any) -> list[float]:
    return [] if values is None else np.ravel(np.asarray(values, dtype=np.float64)).tolist()
