"""The stand-in for the parameter node wrapper, against Slicer's own: run with both (see ``slicer_program``)."""

import enum
import gc
import pathlib
from typing import Annotated, Union

import numpy as np
import pytest


class Method(enum.Enum):
    NLLS = 1
    SEGMENTED = 2


@pytest.fixture
def node(program):
    return program.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


def wrap(node, **members):
    """A wrapper with these members; a pair is type and default."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    hints = {name: member[0] if isinstance(member, tuple) else member for name, member in members.items()}
    defaults = {name: member[1] for name, member in members.items() if isinstance(member, tuple)}
    return parameterNodeWrapper(type("Parameters", (), {"__annotations__": hints, **defaults}))(node)


def add(scene, kind="vtkMRMLScalarVolumeNode", name="volume"):
    return scene.AddNewNodeByClass(kind, name)


def test_defaults(node):
    import slicer
    from slicer.parameterNodeWrapper import Default, FloatRange

    made = wrap(
        node,
        volume=slicer.vtkMRMLScalarVolumeNode,
        number=int,
        text=str,
        flag=bool,
        method=Method,
        folder=pathlib.Path,
        values=list[float],
        labels=dict[str, int],
        limit=(float, 3.0),
        other=Annotated[int, Default(4)],
        bounds=Annotated[FloatRange, Default(FloatRange(0.1, 5))],
    )
    assert made.volume is None
    assert (made.number, made.text, made.flag, made.method) == (0, "", False, Method.NLLS)
    assert (made.folder, made.values, made.labels) == (pathlib.Path(), [], {})
    assert (made.limit, made.other, made.bounds) == (3.0, 4, FloatRange(0.1, 5))


def test_what_is_set_is_there_for_another_wrapper_of_the_node(node):
    import slicer

    volume = add(slicer.mrmlScene)
    members = {
        "volume": slicer.vtkMRMLScalarVolumeNode,
        "either": Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode, None],  # noqa: UP007
        "maps": list[slicer.vtkMRMLScalarVolumeNode],
        "labels": dict[str, slicer.vtkMRMLScalarVolumeNode],
        "limit": float,
        "folder": pathlib.Path,
        "method": Method,
    }
    made = wrap(node, **members)
    values = {"volume": volume, "either": volume, "maps": [volume, None], "labels": {"a": volume}}
    values |= {"limit": np.float64(0.1), "folder": pathlib.Path("/a b"), "method": Method.SEGMENTED}
    for name, value in values.items():
        setattr(made, name, value)

    again = wrap(node, **members)
    for name, value in values.items():
        assert getattr(again, name) == getattr(made, name) == value, name
    again.either = None
    assert made.either is None


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (int, 2.0, TypeError),
        (int, np.int64(2), TypeError),
        (int, None, ValueError),
        (int, True, ValueError),  # written as "True", and not read again
        (float, np.float32(2), TypeError),
        (float, "2", TypeError),
        (str, None, ValueError),
        (bool, 1, TypeError),
        (pathlib.Path, "/a", TypeError),
        (Method, "NLLS", TypeError),
        (list[float], ["a"], TypeError),
        (dict[str, float], {1: 1.0}, TypeError),
    ],
)
def test_what_is_refused(node, kind, value, error):
    made = wrap(node, member=kind)
    before = made.member
    with pytest.raises(error):
        made.member = value
    assert made.member == before


@pytest.mark.parametrize(("kind", "value"), [(float, 2), (float, np.float64(2)), (list[float], np.ones(2))])
def test_what_is_taken(node, kind, value):
    made = wrap(node, member=kind)
    made.member = value
    assert np.all(made.member == value)


def test_conditions(node):
    from slicer.parameterNodeWrapper import Choice, WithinRange

    made = wrap(node, limit=(Annotated[float, WithinRange(0, 10)], 1.0), kind=(Annotated[str, Choice(["a", "b"])], "a"))
    made.limit, made.kind = 10, "b"
    for name, value in {"limit": 10.5, "kind": "c"}.items():
        with pytest.raises(ValueError, match=str(value)):
            setattr(made, name, value)
    assert (made.limit, made.kind) == (10, "b")
    with pytest.raises(ValueError, match="a"):
        wrap(node, other=Annotated[str, Choice(["a", "b"])])  # the empty text is the default, and no choice


def test_a_node_of_another_class_is_refused(node):
    import slicer

    made = wrap(node, volume=slicer.vtkMRMLScalarVolumeNode, either=Union[slicer.vtkMRMLSequenceNode, None])  # noqa: UP007
    table = add(slicer.mrmlScene, "vtkMRMLTableNode")
    for name in ("volume", "either"):
        with pytest.raises(TypeError):
            setattr(made, name, table)
    with pytest.raises(TypeError):  # None is the default, and not in the union
        wrap(node, other=Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode])  # noqa: UP007


def test_lists_and_dictionaries_write_themselves_back(node):
    members = {"values": list[float], "labels": dict[str, float]}
    made = wrap(node, **members)
    made.values = [3.0, 1.0]
    made.values.append(2.0)
    made.values[0] = 5.0
    made.values += [7.0]
    made.values.sort()
    made.labels["a"] = 1.0
    made.labels.update(b=2.0)
    del made.labels["a"]

    again = wrap(node, **members)
    assert again.values == [1.0, 2.0, 5.0, 7.0]
    assert again.labels == {"b": 2.0}
    with pytest.raises(TypeError):
        made.values.append("a")
    assert made.values == again.values == [1.0, 2.0, 5.0, 7.0]
    with pytest.raises(NotImplementedError):
        made.values + [1.0]  # noqa: RUF005
    with pytest.raises(TypeError):
        made.labels.get("a", 0)
    made.values.clear()
    assert again.values == []


def test_packs_write_themselves_back(node):
    from slicer.parameterNodeWrapper import FloatRange, WithinRange, parameterPack

    @parameterPack
    class Bounds:
        low: Annotated[float, WithinRange(0, 1)] = 0.5
        names: list[str]
        span: FloatRange

    made = wrap(node, bounds=Bounds)
    made.bounds.low = 0.25
    made.bounds.names.append("D")
    made.bounds.span.maximum = 3.0

    again = wrap(node, bounds=Bounds)
    assert (again.bounds.low, again.bounds.names) == (0.25, ["D"])
    assert (again.getValue("bounds.span"), again.dataType("bounds.span")) == (FloatRange(0, 3.0), FloatRange)
    again.setValue("bounds.low", 0.75)
    assert made.bounds.low == 0.75
    with pytest.raises(ValueError, match="2"):
        made.bounds.low = 2
    with pytest.raises(ValueError, match="minimum"):
        made.bounds.span.minimum = 4.0
    with pytest.raises(AttributeError):
        made.bounds.lower = 1.0
    with pytest.raises(ValueError, match="high"):
        made.getValue("bounds.high")
    assert Bounds(low=0.1) != Bounds()


def test_bounds_of_a_range(node):
    from slicer.parameterNodeWrapper import Default, FloatRange, RangeBounds

    made = wrap(node, span=Annotated[FloatRange, RangeBounds(0, 10), Default(FloatRange(0.1, 5))])
    with pytest.raises(ValueError, match="-1"):
        made.span = FloatRange(-1, 5)
    made.span = FloatRange(1, 11)  # Slicer lets it pass
    assert made.span.maximum == 11


def test_a_misspelt_name_is_taken_silently(node):
    made = wrap(node, threshold=float)
    made.thresold = 3
    assert made.threshold == 0


def test_unknown_names_and_types(node, caplog):
    made = wrap(node, threshold=float)
    with pytest.raises(ValueError, match="threshold"):
        made.getValue("thresold")
    with pytest.raises(Exception, match="member"):
        wrap(node, member=complex)
    with pytest.raises(ValueError, match="getValue"):
        wrap(node, getValue=float)
    caplog.clear()
    wrap(node, member=Annotated[float, "a remark"])
    assert "Unused annotations" in caplog.text


def test_one_event_a_change_and_none_for_the_same_value(node):
    import vtk

    made = wrap(node, values=list[float], limit=float)
    seen = []
    made.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: seen.append((made.limit, len(made.values))))
    made.limit = 2.0
    made.limit = 2.0
    made.values = [1.0, 2.0]
    assert seen == [(2.0, 0), (2.0, 2)]


def test_an_old_wrapper_leaves_no_observer(node):
    made = wrap(node, limit=float)
    del made
    gc.collect()
    node.SetParameter("limit", "not a number")  # an old wrapper would try to read it


def test_a_class_that_cannot_be_made_has_no_selector(program):
    import slicer
    from slicer.parameterNodeWrapper import getNodeTypes, isNodeOrUnionOfNodes

    either = Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode, None]  # noqa: UP007
    assert isNodeOrUnionOfNodes(either)
    assert getNodeTypes(either) == ("vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode")
    assert not isNodeOrUnionOfNodes(Union[int, None])  # noqa: UP007
    with pytest.raises(TypeError):
        getNodeTypes(slicer.vtkMRMLNode)
