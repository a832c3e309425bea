"""Stand-in for what ``connectGui`` does: widgets whose property SlicerParameterName names a parameter follow it.

The combinations are those that Slicer 5.12 can bind (reference/slicer_desktop.md, 2.1); any other raises RuntimeError.
"""

import enum
import logging
import pathlib
import types

import slicer
import vtk
from PySide6.QtWidgets import QWidget

from ..parameters.checks import Choice, Decimals, Default, Maximum, Minimum, RangeBounds, SingleStep, WithinRange
from ..parameters.hints import findFirstAnnotation, getNodeTypes, isNodeOrUnionOfNodes, splitAnnotations, union_members
from ..parameters.packs import FloatRange
from ..parameters.wrapper import SlicerParameterNamePropertyName, check_name

INTEGERS = ("QSlider", "QSpinBox")
NUMBERS = (
    "QDoubleSpinBox",
    "ctkSliderWidget",
    "qMRMLSliderWidget",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "qMRMLSpinBox",
)
NEED_LIMITS = ("QSlider", "ctkSliderWidget", "qMRMLSliderWidget")
RANGES = ("ctkRangeWidget", "ctkDoubleRangeSlider", "qMRMLRangeWidget")
PATHS = (pathlib.Path, pathlib.PurePath)


class Bond:
    """One widget bound to one parameter: a signal to hear, a function to read and one to write."""

    def __init__(self, widget, signal, read, write):
        self.widget, self._signal, self.read, self.write = widget, signal, read, write
        self._slot = None

    def hear(self, slot):
        self._slot = slot
        if self._signal:
            getattr(self.widget, self._signal).connect(slot)

    def release(self):
        if self._signal:
            getattr(self.widget, self._signal).disconnect(self._slot)


def bond(widget, hint):
    """Return the bond of a widget to a parameter of this type.

    Raises
    ------
    RuntimeError
        When Slicer has no connection for them.
    """
    name, (kind, annotations) = type(widget).__name__, splitAnnotations(hint)
    for fits, make in KINDS:
        if fits(name, kind):
            return make(widget, kind, annotations)
    raise RuntimeError(f"a {name} cannot be bound to a parameter of type {hint}")


def _attribute(name, signal):
    return lambda widget, kind, annotations: Bond(
        widget, signal, lambda: getattr(widget, name), lambda value: setattr(widget, name, value)
    )


def _button(widget, kind, annotations):
    if not widget.checkable and not getattr(widget, "checkBoxControlsButtonToggleState", False):
        logging.warning(f"{widget.name} is made checkable")
        widget.checkable = True
    return _attribute("checked", "toggled")(widget, kind, annotations)


def _limits(annotations):
    within = findFirstAnnotation(annotations, WithinRange)
    if within:
        return within.minimum, within.maximum
    low, high = findFirstAnnotation(annotations, Minimum), findFirstAnnotation(annotations, Maximum)
    return low and low.minimum, high and high.maximum


def _number(widget, kind, annotations):
    low, high = _limits(annotations)
    name = type(widget).__name__
    if name in NEED_LIMITS and (low is None or high is None):
        raise RuntimeError(f"a {name} cannot be bound to a number without limits")
    decimals, step = findFirstAnnotation(annotations, Decimals), findFirstAnnotation(annotations, SingleStep)
    if name in NUMBERS and name != "ctkDoubleSlider" and (kind is int or decimals):
        widget.decimals = 0 if kind is int else decimals.value
    if step:
        widget.singleStep = step.value
    endless = (-(2**31), 2**31 - 1) if name in INTEGERS else (float("-inf"), float("inf"))
    widget.minimum = endless[0] if low is None else low
    widget.maximum = endless[1] if high is None else high
    return Bond(widget, "valueChanged", lambda: kind(widget.value), lambda value: setattr(widget, "value", kind(value)))


def _choice(widget, kind, annotations):
    choice = findFirstAnnotation(annotations, Choice)
    if choice is None:
        raise RuntimeError("a combo box can be bound to a value only with the annotation Choice")
    return _items(widget, {str(value): value for value in choice.choices})


def _enumeration(widget, kind, annotations):
    label = getattr(kind, "label", lambda member: member.name)
    return _items(widget, {label(member): member for member in kind})


def _items(widget, values):
    widget.clear()
    for label in values:
        widget.addItem(label)
    listed = list(values.values())

    def write(value):
        if value not in listed:
            raise ValueError(f"expected one of {listed}, got {value!r}")
        widget.currentIndex = listed.index(value)

    return Bond(widget, "currentIndexChanged", lambda: listed[widget.currentIndex], write)


def _line(widget, kind, annotations):
    def write(value):
        if value != widget.text:  # else the cursor would jump
            widget.text = value

    return Bond(widget, "textChanged", lambda: widget.text, write)


def _text(widget, kind, annotations):
    return Bond(widget, "textChanged", widget.toPlainText, widget.setPlainText)


def _range(widget, kind, annotations):
    bounds = findFirstAnnotation(annotations, RangeBounds)
    if bounds is None:
        raise RuntimeError(f"a {type(widget).__name__} can be bound to a range only with the annotation RangeBounds")
    if findFirstAnnotation(annotations, Default) is None:
        # Slicer takes 0 for a range here, so that bounds are of no use without a default inside Annotated.
        raise AttributeError("'int' object has no attribute 'minimum'")
    widget.setRange(bounds.minimum, bounds.maximum)
    read = lambda: FloatRange(widget.minimumValue, widget.maximumValue)  # noqa: E731
    return Bond(widget, "valuesChanged", read, lambda value: widget.setValues(value.minimum, value.maximum))


def _path(name, signal):
    return lambda widget, kind, annotations: Bond(
        widget, signal, lambda: kind(getattr(widget, name)), lambda value: setattr(widget, name, str(value))
    )


def _node(widget, kind, annotations):
    members = union_members(kind)
    if members and len(members) == 2 and type(None) in members:
        raise RuntimeError("an optional node class cannot be bound to a qMRMLNodeComboBox; name the class alone")
    widget.nodeTypes = getNodeTypes(kind)
    return Bond(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)


def _is_enumeration(kind):
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


KINDS = (
    (lambda name, kind: name in ("QCheckBox", "ctkCheckBox") and kind is bool, _attribute("checked", "stateChanged")),
    (lambda name, kind: name in ("QPushButton", "ctkCheckablePushButton") and kind is bool, _button),
    (lambda name, kind: name in INTEGERS and kind is int, _number),
    (lambda name, kind: name in NUMBERS and kind in (int, float), _number),
    (lambda name, kind: name in ("QComboBox", "ctkComboBox") and kind in (int, float, str, bool), _choice),
    (lambda name, kind: name in ("QComboBox", "ctkComboBox") and _is_enumeration(kind), _enumeration),
    (lambda name, kind: name == "QLineEdit" and kind is str, _line),
    (lambda name, kind: name == "QLabel" and kind is str, _attribute("text", None)),
    (lambda name, kind: name == "QTextEdit" and kind is str, _text),
    (lambda name, kind: name in RANGES and kind is FloatRange, _range),
    (lambda name, kind: name == "ctkPathLineEdit" and kind in PATHS, _path("currentPath", "currentPathChanged")),
    (lambda name, kind: name == "ctkDirectoryButton" and kind in PATHS, _path("directory", "directoryChanged")),
    (lambda name, kind: name == "qMRMLNodeComboBox" and isNodeOrUnionOfNodes(kind), _node),
)


def connect(wrapper, gui):
    """Bind the widgets of ``gui``, a widget or what ``childWidgetVariables`` returned; return a tag."""
    is_widget = getattr(gui, "isWidgetType", lambda: False)()
    widgets = gui.findChildren(QWidget) if is_widget else vars(gui).values()
    names = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
    names = {name: widget for name, widget in names.items() if name}
    for name in names:
        check_name(wrapper, name)
    bonds = {name: bond(widget, wrapper.dataType(name)) for name, widget in names.items()}
    state = types.SimpleNamespace(bonds=bonds, writing=False)

    def write_all(caller=None, event=None):
        if state.writing:
            return
        state.writing = True
        try:
            with slicer.util.NodeModify(wrapper):
                for name, one in bonds.items():
                    one.write(wrapper.getValue(name))
        finally:
            state.writing = False

    for name, one in bonds.items():
        one.write(wrapper.getValue(name))
        one.hear(_follower(wrapper, name, one, state))
    state.tag = wrapper.AddObserver(vtk.vtkCommand.ModifiedEvent, write_all)
    tag = max(wrapper._bindings, default=-1) + 1
    wrapper._bindings[tag] = state
    return tag


def _follower(wrapper, name, one, state):
    def changed():
        with slicer.util.NodeModify(wrapper):
            if not state.writing:
                wrapper.setValue(name, one.read())

    return changed


def disconnect(wrapper, tag):
    state = wrapper._bindings.pop(tag, None)
    if state:
        for one in state.bonds.values():
            one.release()
        wrapper.RemoveObserver(state.tag)
