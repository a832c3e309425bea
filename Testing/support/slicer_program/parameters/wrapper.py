"""Stand-in for the class decorator ``parameterNodeWrapper``.

Each member is read once and kept; it is read again whenever the parameter node says that it was modified. While a scene
is imported this happens before the referenced nodes exist, so that the wrapper goes on giving None for them although
the references are right. Slicer's wrapper has this fault, and a module must make a new wrapper after an import.
"""

import logging
import typing
import weakref
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from .checks import Default
from .hints import split_name, unannotatedType
from .keepers import keeper_for
from .packs import check_member

SlicerParameterNamePropertyName = "SlicerParameterName"


def parameterNodeWrapper(classtype=None):
    """Give a class with annotated members their reading and writing; usable with and without parentheses."""
    return _make_wrapper if classtype is None else _make_wrapper(classtype)


def isParameterNodeWrapper(thing):
    return bool(getattr(thing, "_is_parameter_node_wrapper", False))


@dataclass
class _Parameter:
    keeper: Any
    default: Default
    hint: Any


class _KeptValue:
    """One parameter of one node, with the value that was read last."""

    def __init__(self, name, parameter, node):
        self.name, self.parameter, self.node = name, parameter, node
        if not parameter.keeper.has(node, name):
            parameter.keeper.store(node, name, parameter.default.value)
        self.value = self._read()
        self._writing = False
        own = weakref.ref(self)  # the observer must not keep this object alive

        def modified(caller, event):
            if own() is not None:
                own()._modified()

        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, modified)

    def __del__(self):
        if hasattr(self, "_tag"):
            self.node.RemoveObserver(self._tag)

    def _read(self):
        if not self.parameter.keeper.has(self.node, self.name):
            self.parameter.keeper.store(self.node, self.name, self.parameter.default.value)
        return self.parameter.keeper.read(self.node, self.name)

    def _modified(self):
        if not self._writing:
            self.value = self._read()

    def write(self, value):
        self._writing = True
        try:
            with slicer.util.NodeModify(self.node):  # observers of the node see the new value
                self.parameter.keeper.store(self.node, self.name, value)
                self.value = self._read()
        finally:
            self._writing = False


def _make_wrapper(wrapped):
    parameters = {}
    for name, hint in typing.get_type_hints(wrapped, include_extras=True).items():
        try:
            keeper, default = keeper_for(hint)
        except Exception as error:
            raise Exception(f"{wrapped.__name__}.{name} cannot be kept in a parameter node") from error
        if hasattr(wrapped, name):
            if default is not None:
                logging.warning(f"Unused annotations: {[default]}")
            default = Default(getattr(wrapped, name))
        parameters[name] = _Parameter(keeper, default or Default(keeper.default()), hint)
        setattr(wrapped, name, _member_property(name))
    wrapped.__init__ = _initialize
    methods = {name: method for name, method in vars(_Wrapper).items() if not name.startswith("__")}
    methods |= {"allParameters": parameters, "_is_parameter_node_wrapper": True}
    methods["dataType"] = staticmethod(lambda name: _data_type(wrapped, name))
    for name, method in methods.items():
        if hasattr(wrapped, name):
            raise ValueError(f"a parameter node wrapper cannot have a member named {name!r}")
        setattr(wrapped, name, method)
    return wrapped


def _member_property(name):
    return property(lambda self: self._kept[name].value, lambda self, value: self._kept[name].write(value))


def _initialize(self, parameterNode, prefix=None):
    self.parameterNode = parameterNode
    self._kept = {
        name: _KeptValue(f"{prefix or ''}{name}", parameter, parameterNode)
        for name, parameter in self.allParameters.items()
    }
    self._bindings = {}


def check_name(wrapped, name):
    top, rest = split_name(name)
    if top not in wrapped.allParameters:
        names = ", ".join(wrapped.allParameters)
        raise ValueError(f"there is no parameter named {top!r}; there are {names}")
    if rest is not None:
        check_member(unannotatedType(wrapped.allParameters[top].hint), rest)
    return top, rest


def _data_type(wrapped, name):
    top, rest = check_name(wrapped, name)
    hint = wrapped.allParameters[top].hint
    return hint if rest is None else unannotatedType(hint).dataType(rest)


class _Wrapper:
    """What every wrapper can do beside reading and writing its members."""

    def getValue(self, name):
        top, rest = check_name(self, name)
        value = self._kept[top].value
        return value if rest is None else value.getValue(rest)

    def setValue(self, name, value):
        top, rest = check_name(self, name)
        if rest is None:
            self._kept[top].write(value)
        else:
            self._kept[top].value.setValue(rest, value)

    def default(self, name):
        check_name(self, name)
        return self.allParameters[name].default

    def isCached(self, name):
        check_name(self, name)
        return True

    def connectGui(self, gui):
        from ..widgets.binding import connect  # needs Qt

        return connect(self, gui)

    def disconnectGui(self, tag):
        from ..widgets.binding import disconnect

        disconnect(self, tag)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, before):
        return self.parameterNode.EndModify(before)

    def Modified(self):
        self.parameterNode.Modified()
