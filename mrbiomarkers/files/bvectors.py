"""Directions of diffusion gradients beside a NIfTI file, as FSL has them (``.bvec``)."""

from __future__ import annotations

import numpy as np

from mrbiomarkers.files.outputs import write_text
from mrbiomarkers.files.paths import PathLike, check_suffix
from mrbiomarkers.series import DiffusionSeries


def write_bvectors(path: PathLike, series: DiffusionSeries) -> None:
    """Write the directions of a series: three rows, a column for each image, 0 0 0 where there is none.

    The vectors are those of the voxel axes; where the axes are right-handed (the affine has a positive determinant),
    the first component has the other sign.

    Parameters
    ----------
    path : path
        ``.bvec``.
    series : DiffusionSeries
        With directions, unit vectors in RAS.

    Raises
    ------
    ValueError
        When the suffix is another one, or the series knows no directions.
    OSError
        When the file cannot be written.

    References
    ----------
    FSL documentation, FDT, "What conventions do the bvecs use?".
    """
    check_suffix(path, (".bvec",), "a file of directions")
    if series.directions is None:
        raise ValueError("series: expected one with directions, got one without")
    columns = series.affine[:3, :3]
    axes = columns / np.linalg.norm(columns, axis=0)
    vectors = np.nan_to_num(series.directions) @ axes
    if np.linalg.det(axes) > 0:
        vectors[:, 0] *= -1
    rows = [" ".join(f"{value:.8g}" for value in row + 0.0) for row in vectors.T]  # + 0.0: no minus zero
    write_text(path, "\n".join(rows) + "\n")
