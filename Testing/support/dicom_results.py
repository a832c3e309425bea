"""Results to be written as DICOM, and an independent look at where the pixels of a written object lie."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.quantities import quantity
from Testing.support.dicom.datasets import PATIENT

SAID = {"model": "ivim", "method": "segmented", "bvalues": [0.0, 50.0, 400.0, 800.0], "note": "DOE^JANE was here"}


def headers(folder: Path) -> list[Dataset]:
    """The headers of all files of a folder."""
    return [dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))]


def numbered_map(shape: tuple[int, ...], affine: NDArray[np.float64], key: str = "D", **said: Any) -> ParameterMap:
    """A map whose voxels are all different, in the kernel unit; the first two rows of the first slice are NaN."""
    values = (1 + np.arange(np.prod(shape), dtype=np.float64).reshape(shape)) / quantity(key).scale
    values[0, :2] = np.nan
    return ParameterMap(values, quantity(key), quantity(key).unit, affine, provenance={**SAID, **said})


def regions(shape: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    """Two vertebrae, a lesion in one of them, and something else."""
    made = {name: np.zeros(shape, dtype=bool) for name in ("L1", "L3", "lesion é", "muscle")}
    made["L1"][1, 2:5, 2:6] = True
    made["L3"][:2, 6:9, 2:6] = True
    made["lesion é"][1, 3:5, 3:9] = True
    made["muscle"][0, 4:7, 7:9] = True
    return made


def row(region: str, reader: str, quantity: str = "D", **changed: Any) -> Measurement:
    """A row of the measurement table."""
    known: dict[str, Any] = {
        "subject": "S01", "timepoint": "pre", "series": "dwi", "slice": "all", "unit": "10^-3 mm2/s", "model": "ivim",
        "fit": "segmented", "method": "mean of map", "value": 1.25, "mean": 1.25, "sd": 0.2, "median": 1.2, "p25": 1.1,
        "p75": 1.3, "min": 0.7, "max": 1.9, "n_voxels": 33, "area_mm2": 120.5, "volume_mm3": 900.25,
    }  # fmt: skip
    return Measurement(region=region, reader=reader, quantity=quantity, **{**known, **changed})


def places(dataset: Dataset, frames: NDArray[Any]) -> NDArray[np.float64]:
    """RAS position of every pixel (F, rows, columns, 3), by the rules of PS3.3 C.7.6.2.1.1."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    direction = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    row, column = np.indices(frames.shape[1:])
    flat = (column * between_columns)[..., None] * direction[0] + (row * between_rows)[..., None] * direction[1]
    starts = [
        np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        for item in dataset.PerFrameFunctionalGroupsSequence
    ]
    return np.array([start + flat for start in starts]) * [-1, -1, 1]


def identity_left(path: Path) -> list[str]:
    """What of the patient of the simulations is still in a file, anywhere."""
    content = path.read_bytes()
    return [word for word in (*PATIENT.values(), "DOE", "20260102") if word.encode() in content]


def tool(name: str) -> str:
    """Path of a program that checks DICOM files; without it a test is skipped, or fails with DICOM_CHECKS=required."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed (Debian package dicom3tools)"
        if os.environ.get("DICOM_CHECKS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def complaints(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    result = subprocess.run([tool("dciodvfy"), str(path)], capture_output=True, text=True, timeout=60, check=False)
    text = (result.stdout + result.stderr).splitlines()
    assert text, "dciodvfy says nothing"
    return [line for line in text if line.startswith("Error")]
