"""A diffusion series as a volume sequence (``.seq.nrrd``) that 3D Slicer opens with its b-values as index."""

from __future__ import annotations

import gzip

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)

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
    check_suffix(path, (".seq.nrrd",), "a volume sequence")
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    set_geometry(image, series.affine)
    columns = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    signal = series.signal
    sizes = [signal.shape[-1], *signal.shape[2::-1]]
    lines = [
        "NRRD0005",
        f"type: {'double' if signal.dtype == np.float64 else 'float'}",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in sizes)}",
        f"space directions: none {' '.join(_vector(column) for column in columns.T)}",
        "kinds: list domain domain domain",
        'labels: "b" "" "" ""',
        'units: "s/mm2" "" "" ""',
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(np.array(image.GetOrigin()))}",
        "axis 0 index type:=numeric",
        f"axis 0 index values:={' '.join(f'{b:.10g}' for b in series.bvalues)}",
        "DataNodeClassName:=vtkMRMLScalarVolumeNode",
    ]
    voxels = np.ascontiguousarray(signal, dtype=signal.dtype.newbyteorder("<")).tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join([*lines, "", ""]).encode("ascii") + gzip.compress(voxels, mtime=0))


def _vector(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
