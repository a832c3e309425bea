"""Images as a volume sequence (``.seq.nrrd``) that 3D Slicer opens with their b-values or echo times as index."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.files.geometry import set_geometry
from mrbiomarkers.files.paths import PathLike, atomic_path, check_suffix
from mrbiomarkers.series import DiffusionSeries


def write_nrrd_sequence(path: PathLike, series: DiffusionSeries) -> None:
    """Write a diffusion series as a sequence: one volume a b-value, in the order of the series.

    The index is named ``b``, is numeric, and has the unit s/mm2.

    Parameters
    ----------
    path : path
        ``.seq.nrrd``.
    series : DiffusionSeries
        The signal keeps its floating point type; directions and averages are not written.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When the file cannot be written.

    References
    ----------
    3D Slicer developer documentation, "Volume sequence file format (.seq.nrrd)".
    """
    write_image_sequence(path, series.signal, series.affine, name="b", unit="s/mm2", index=series.bvalues.tolist())


def write_image_sequence(
    path: PathLike, images: NDArray[Any], affine: NDArray[np.float64], *, name: str, unit: str, index: Iterable[float]
) -> None:
    """Write images as a sequence, one volume each, in their order.

    Parameters
    ----------
    path : path
        ``.seq.nrrd``.
    images : (K, J, I, N) array
        float64 stays so; all else is written as float32.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    name, unit : str
        Of the index, as 3D Slicer shows them.
    index : iterable of float
        The N values of the index, all different.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When the file cannot be written.
    """
    check_suffix(path, (".seq.nrrd",), "a volume sequence")
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    set_geometry(image, affine)
    columns = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    kind = np.dtype(np.float64 if images.dtype == np.float64 else np.float32)
    sizes = [images.shape[-1], *images.shape[2::-1]]
    lines = [
        "NRRD0005",
        f"type: {'double' if kind == np.float64 else 'float'}",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in sizes)}",
        f"space directions: none {' '.join(_vector(column) for column in columns.T)}",
        "kinds: list domain domain domain",
        f'labels: "{name}" "" "" ""',
        f'units: "{unit}" "" "" ""',
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(np.array(image.GetOrigin()))}",
        "axis 0 index type:=numeric",
        f"axis 0 index values:={' '.join(f'{value:.10g}' for value in index)}",
        "DataNodeClassName:=vtkMRMLScalarVolumeNode",
    ]
    voxels = np.ascontiguousarray(images, dtype=kind.newbyteorder("<")).tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join([*lines, "", ""]).encode("ascii") + gzip.compress(voxels, mtime=0))


def _vector(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
