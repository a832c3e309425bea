"""The surface between the voxels of a region and those around it: marching cubes, and squares for a slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Flags

Numbers = NDArray[np.float64]

# Corners of a cube (k, j, i), bit by bit, and the middles of its edges a to l, twice their (k, j, i).
_CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))
_EDGES = np.array(
    [
        *[(0, 0, 1), (0, 1, 2), (0, 2, 1), (0, 1, 0), (2, 0, 1), (2, 1, 2)],
        *[(2, 2, 1), (2, 1, 0), (1, 0, 0), (1, 0, 2), (1, 2, 2), (1, 2, 0)],
    ]
)
# Which triangles cut a cube whose corners of the set bits belong to the region: three edges a triangle, for 1 to 127.
# With the eighth corner, the triangles are those of the opposite case. Several surfaces cut some of the cases: these
# triangles (after Lorensen and Cline, Comput Graph 1987;21:163) are the ones that PyRadiomics measures.
_TRIANGLES = (
    "aid bja bidbji bck aidbck jckacj cidckikji lcd lcaail bjalcd lcbbjljil dkblkd kbaaikilk jaddljlkj jiklki "
    "ehi aedehd bjaehi bjebehbhd bckehi dehdaebck jckjacehi ckjcjhchdehj ehilcd lehlcecae bjaehilcd "
    "ehljellcjbjc dkblkdehi lkbbelbaeehl ehijaddljlkj ehleljjlk jfe jfeaid afeabf ifeidfdbf bckjfe aidbckjfe "
    "ckffeccea ckfdcfdfeide jfelcd lcaailjfe afeabflcd cbfcfilcifei dkblkdjfe fejkbaaikilk feafalkfllad "
    "feikfilki hijfhj dajfdjdfh hiaabhhbf bfhbhd hijfhjbck bckdajdjfdfh aciicfifhckf ckfcfddfh fhjhijlcd "
    "fhjjhccajlch lcdabibhibfh cblbhlbfh hijfhjdkblkd fhafajhlakbalka lkaadlkfaahifha lkffhl gfk aidgfk "
    "bjagfk bidbjigfk bgfbcg bgfbcgaid jgfjagacg fjificfcgidc lcdgfk lcaailgfk bjalcdgfk lcbbjljilgfk "
    "gdlgfdfbd ailalfafbflg gdladgagfafj gfjgjllji ehigfk aedehdgfk bjaehigfk bjebehbhdgfk ehibgfbcg "
    "aedehdbgfbcg ehijgfjagacg hdjehjdcjfjgcgj lcdehigfk lehlcecaegfk bjalcdehigfk ehljellcjbjcgfk "
    "ehigdlgfdfbd fblflgbalehlael ehigdladgagfafj gfjgjlehjhlj kejgek kejgekaid abkkgagea bidbgiigegbk "
    "bejbcecge bejbcecgeaid aceecg idciceecg lcdkejgek lcaailkejgek lcdabkkgagea gebgbkbeilcbbil jgedgjbdjlgd "
    "bilaiblgbbejgeb gdladggea igegil ghkhikijk ghkakhajkahd ghkbkhbhiabi ghkbkhbhd bcgbgibijghi "
    "cgjbcjghjdajhdj ahihaggac chdcgh lcdghkhikijk cahlchajhghkjkh ghkbkhbhiabilcd lcbbhlkgbbgh "
    "ijgghibgjlgdbdg ajbghl ahihagadllga ghl "
)

# Edge middles (twice j, i) of a square and the lines that cut it, for 1 to 14, so that the region is on one side.
_SQUARE_CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))
_SQUARE_EDGES = np.array([(0, 1), (1, 2), (2, 1), (1, 0)])
_LINES = ("da", "ab", "db", "bc", "bcda", "ac", "dc", "cd", "ca", "abcd", "cb", "bd", "ba", "ad")


@dataclass(frozen=True)
class Mesh:
    """What is measured on a surface, or on an outline.

    Attributes
    ----------
    content : float [mm3 or mm2]
        Volume inside the surface, or area inside the outline.
    border : float [mm2 or mm]
        Area of the surface, or length of the outline.
    """

    content: float
    border: float


def surface_mesh(mask: Flags, spacing: tuple[float, ...]) -> Mesh:
    """Return volume and area of the surface around a region.

    Parameters
    ----------
    mask : (K, J, I) array of bool
        The region.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i.
    """
    cases = _cases(mask, _CORNERS)
    cubes = np.flatnonzero((cases > 0) & (cases < 255))
    case = cases.ravel()[cubes].astype(np.int64)
    flipped = case >= 128
    case = np.where(flipped, 255 - case, case)
    sign = np.where(flipped, -1.0, 1.0)
    normals, volumes = _cube_table()
    # Twice the vector area of each case, in voxels: what moving the cube by its place adds to six times the volume.
    vectors = np.array([normal.sum(axis=0) for normal in normals])
    place = np.stack(np.unravel_index(cubes, cases.shape), axis=1)
    volume = np.sum(sign * (volumes[case] + np.einsum("na,na->n", vectors[case], place)))
    faces = np.array(spacing)[[1, 0, 0]] * np.array(spacing)[[2, 2, 1]]
    areas = np.array([np.sqrt(((normal * faces) ** 2).sum(axis=1)).sum() for normal in normals])
    tally = np.bincount(case, minlength=128)
    return Mesh(float(volume * np.prod(spacing) / 6), float(tally @ areas / 2))


def outline_mesh(mask: Flags, spacing: tuple[float, ...]) -> Mesh:
    """Return area and length of the outline of a region in a plane.

    Parameters
    ----------
    mask : (J, I) array of bool
        The region.
    spacing : (2,) tuple of float [mm]
        Pixel size along both axes.
    """
    cases = _cases(mask, _SQUARE_CORNERS)
    area = length = 0.0
    for case, name in enumerate(_LINES, start=1):
        places = np.argwhere(cases == case)
        for start, end in zip(name[::2], name[1::2], strict=True):
            a, b = (places + _SQUARE_EDGES[ord(letter) - ord("a")] / 2 for letter in (start, end))
            area += float(np.sum(a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]))
            step = _SQUARE_EDGES[ord(start) - ord("a")] - _SQUARE_EDGES[ord(end) - ord("a")]
            length += len(places) * float(np.sqrt(np.sum((step / 2 * spacing) ** 2)))
    return Mesh(area * float(np.prod(spacing)) / 2, length)


def border_points(mask: Flags) -> NDArray[np.int64]:
    """Return the corners of the mesh: middles between a voxel of the region and a neighbour outside.

    Parameters
    ----------
    mask : array of bool
        The region, any number of axes.

    Returns
    -------
    (P, axes) array of int
        Twice their index, in a grid with one voxel more before the first.
    """
    padded = np.pad(mask, 1)
    points = []
    for axis in range(mask.ndim):
        change = np.argwhere(np.diff(padded, axis=axis))
        middle = 2 * change
        middle[:, axis] += 1
        points.append(middle)
    return np.concatenate(points)


def _cases(mask: Flags, corners: tuple[tuple[int, ...], ...]) -> NDArray[np.uint8]:
    padded = np.pad(mask, 1).view(np.uint8)
    cases = np.zeros([length - 1 for length in padded.shape], dtype=np.uint8)
    for bit, corner in enumerate(corners):
        part = tuple(slice(at, at + length) for at, length in zip(corner, cases.shape, strict=True))
        cases |= padded[part] << np.uint8(bit)
    return cases


def _cube_table() -> tuple[list[Numbers], Numbers]:
    """Return twice the vector areas of the triangles of each case, and the determinants of their corners, summed."""
    normals, volumes = [np.zeros((0, 3))], [0.0]
    for name in _TRIANGLES.split():
        corners = _EDGES[[ord(letter) - ord("a") for letter in name]].reshape(-1, 3, 3) / 2
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        normals.append(np.cross(a, b) + np.cross(b, c) + np.cross(c, a))
        volumes.append(float(np.sum(np.cross(a, b) * c)))
    return normals, np.array(volumes)
