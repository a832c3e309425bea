"""Points of Slicer and of tables: which position, which level, and what is refused."""

import json

import numpy as np
import pytest

from mrbiomarkers.files import read_points, write_points
from Testing.support.volumes import one_line

L1, L2 = (1.5, -2.0, 30.25), (-4.0, 5.0, 0.0)  # RAS


def markups(path, labels=("L1", "L2"), *, sign=-1, **fields):
    """Write what Slicer 5.12 writes (checked against a file of its own); ``sign`` -1 for LPS."""
    points = [
        {"id": str(n), "label": label, "position": [sign * x, sign * y, z], "positionStatus": "defined"}
        for n, (label, (x, y, z)) in enumerate(zip(labels, (L1, L2), strict=True), start=1)
    ]
    points.append({"id": "3", "label": "F-3", "position": "", "positionStatus": "undefined"})
    found = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": points} | fields
    path.write_text(json.dumps({"@schema": "...", "markups": [{k: v for k, v in found.items() if v is not None}]}))
    return path


FCSV = """# Markups fiducial file version = 5.12
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,{x},{y},30.25,0,0,0,1,1,1,0,"L1",,,2,0
2,{u},{v},0,0,0,0,1,1,1,0,l2-1,,,2,0
3,-7,-8,9,0,0,0,1,1,1,0,F-3,,,0,0
"""


def same(points):
    assert list(points) == ["L1", "L2"]
    np.testing.assert_array_equal(points["L1"], L1)
    np.testing.assert_array_equal(points["L2"], L2)


@pytest.mark.parametrize(
    ("system", "sign"), [("LPS", -1), ("RAS", 1), ("0", 1), ("1", -1), (None, -1)], ids=lambda value: str(value)
)
def test_markups_as_slicer_reads_them(tmp_path, system, sign):
    same(read_points(markups(tmp_path / "p.mrk.json", sign=sign, coordinateSystem=system)))


@pytest.mark.parametrize(("system", "sign"), [("LPS", -1), ("RAS", 1), ("0", 1), ("1", -1)])
def test_fcsv(tmp_path, system, sign):
    path = tmp_path / "p.fcsv"
    x, y, u, v = (sign * value for value in (*L1[:2], *L2[:2]))
    path.write_text(FCSV.format(system=system, x=x, y=y, u=u, v=v))
    same(read_points(path))


@pytest.mark.parametrize(
    "text",
    [
        "level,r,a,s\nL1,1.5,-2,30.25\nL2,-4,5,0\n",
        "\ufeffLevel , L,P,S,remark\r\n L1 ,-1.5,2,30.25,\r\n\r\nl2,4,-5,0,low\r\n",
        "# by hand\ns,a,r,level\n30.25,-2,1.5,L1\n0,5,-4,L2 body\n",
    ],
)
def test_tables(tmp_path, text):
    path = tmp_path / "p.csv"
    path.write_bytes(text.encode())
    same(read_points(path))


@pytest.mark.parametrize(
    ("label", "level"),
    [("L1", "L1"), (" l4 ", "L4"), ("L3-1", "L3"), ("T12 vertebra", "T12"), ("vertebrae_L5", "L5"), ("L6", "L6")],
)
def test_labels_that_name_a_level(tmp_path, label, level):
    assert list(read_points(markups(tmp_path / "p.mrk.json", (label, "L2")))) == [level, "L2"]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("L4-5", "L4-5 may be the disc below L4"),
        ("T12-13", "T12-13 may be the disc"),
        ("L9", "L9 is none"),
        ("T14-1", "T14 is none"),
        ("L5-S1", r"point 1 \('L5-S1'\): expected the name of a level"),
        ("L1 left", "expected the name of a level"),
        ("F-1", r"expected every point to be named after its level \(L1 ...\), got point 1 \('F-1'\)"),
        ("L2-1", r"point 2 \('L2'\): expected each level once, got L2 twice"),
    ],
)
def test_labels_that_are_refused(tmp_path, label, message):
    path = markups(tmp_path / "p.mrk.json", (label, "L2"))
    with pytest.raises(ValueError, match=message) as caught:
        read_points(path, levels=("L1", "L2"))
    one_line(caught.value, path)


@pytest.mark.parametrize("labels", [("F-1", "F-2"), ("L1-L5-1", "L1-L5-2"), ("", ""), ("1", "2"), ("L-1", "L-2")])
def test_points_without_names_need_levels(tmp_path, labels):
    path = markups(tmp_path / "p.mrk.json", labels)
    same(read_points(path, levels=("L1", "L2")))
    for levels, got in (((), "none"), (("L1", "L2", "L3"), "L1, L2, L3")):
        with pytest.raises(ValueError, match=f"2 points, from point 1 .* and {got}") as caught:
            read_points(path, levels=levels)
        one_line(caught.value, path)
    with pytest.raises(ValueError, match="expected levels as L1 or T12, got 'X1'"):
        read_points(path, levels=("X1", "L2"))
    with pytest.raises(ValueError, match="each level once"):
        read_points(path, levels=("L1", "L1"))


def test_names_go_before_stated_levels(tmp_path):
    same(read_points(markups(tmp_path / "p.mrk.json"), levels=("L4",)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coordinateSystem": 0}, "coordinate system 'LPS' or 'RAS', got 0"),
        ({"coordinateSystem": "IJK"}, "got 'IJK'"),
        ({"coordinateUnits": "um"}, "coordinateUnits 'mm', got 'um'"),
        ({"controlPoints": []}, "at least one point with a position, got none"),
        ({"controlPoints": "x"}, "a list of points"),
        ({"controlPoints": [{"label": "L1", "position": [1, 2]}]}, r"point 1 \('L1'\): expected three finite numbers"),
        ({"controlPoints": [{"label": "L1", "position": [1, 2, float("nan")]}]}, "three finite numbers"),
        ({"controlPoints": [{"label": "L1"}]}, "three finite numbers in mm, got None"),
    ],
)
def test_markups_that_are_refused(tmp_path, fields, message):
    path = markups(tmp_path / "p.mrk.json", **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_points(path)
    one_line(caught.value, path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.json", "{", "mistake in line 1"),
        ("p.json", "[1]", "expected 3D Slicer's markups"),
        ("p.json", '{"markups": [1]}', "expected 3D Slicer's markups"),
        ("p.fcsv", "1,2,3,4,0,0,0,1,1,1,0,L1,,\n", "a line '# CoordinateSystem = LPS'"),
        ("p.fcsv", "# CoordinateSystem = IJK\n", "got 'IJK'"),
        ("p.fcsv", "# CoordinateSystem = RAS\n# columns = id,x,y\n", "columns x, y, z and label, got id, x, y"),
        ("p.fcsv", "# CoordinateSystem = RAS\n1,2\n", "line 2: expected 12 columns, got 2"),
        ("p.fcsv", "# CoordinateSystem = RAS\n1,a,2,3,0,0,0,1,1,1,0,L1\n", "line 2: expected three finite numbers"),
        ("p.csv", "level,x,y,z\nL1,1,2,3\n", "'level,r,a,s' or 'level,l,p,s'.*got 'level,x,y,z'"),
        ("p.csv", "level,r,a,s,l,p\nL1,1,2,3,1,2\n", "which says what the numbers are"),
        ("p.csv", "level,r,a,s\nL1,1,2\n", "line 2: expected 4 columns, got 3"),
        ("p.csv", "level,r,a,s\nL1,1,2,inf\n", "line 2: expected three finite numbers"),
        ("p.csv", "", "which says what the numbers are"),
        ("p.csv", "level,r,a,s\n", "at least one point"),
        ("p.csv", 'level,r,a,s\n"L1,1,2,3\n', "line 2: expected comma-separated values"),
        ("p.txt", "level,r,a,s\n", r"expected points \(.json, .fcsv, .csv\), got .txt"),
    ],
)
def test_files_that_are_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_points(path)
    one_line(caught.value, path)


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected points"):
        read_points(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="expected a text file of points, got other bytes"):
        read_points(tmp_path / "p.csv")


def test_written_points_come_back_and_are_lps_in_the_file(tmp_path):
    path = tmp_path / "p.mrk.json"
    write_points(path, {"L1": L1, "L2": L2})
    same(read_points(path))
    written = json.loads(path.read_text())["markups"][0]
    assert written["coordinateSystem"] == "LPS"
    assert [point["position"] for point in written["controlPoints"]] == [[-1.5, 2.0, 30.25], [4.0, -5.0, 0.0]]
    assert [point["id"] for point in written["controlPoints"]] == ["1", "2"]


def test_points_that_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"ends in .mrk.json, got 'p.json'"):
        write_points(tmp_path / "p.json", {"L1": L1})
    for point in ((1, 2), (1, 2, np.nan)):
        with pytest.raises(ValueError, match=r"points\['L1'\]: expected three finite numbers"):
            write_points(tmp_path / "p.mrk.json", {"L1": point})
    assert list(tmp_path.iterdir()) == []
