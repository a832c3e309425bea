"""How a value of one type is kept in the parameters and node references of a node.

The names under which a keeper writes are Slicer's, so that scenes of either can be read by the other.
"""

import abc
import enum
import logging
import pathlib
import typing

import slicer

from .checks import IsInstance, IsNone, NotNone
from .hints import is_node_class, sort_annotations, splitAnnotations, union_members
from .observed import ObservedDict, ObservedList

PATHS = (pathlib.Path, pathlib.PurePath, type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath)
NONE = type(None)


class Keeper(abc.ABC):
    """Reads and writes a value of one type; ``validators`` run before each writing, in their order."""

    validators: typing.Sequence = ()

    def validate(self, value):
        for validator in self.validators:
            validator.validate(value)

    def store(self, node, name, value):
        self.validate(value)
        self.write(node, name, value)

    def takes(self, kind):
        """Whether a value of this class may be one for this keeper; in a union the first that takes it gets it."""
        return False

    def has(self, node, name):
        return node.HasParameter(name)

    def remove(self, node, name):
        node.UnsetParameter(name)

    @abc.abstractmethod
    def default(self): ...

    @abc.abstractmethod
    def write(self, node, name, value): ...

    @abc.abstractmethod
    def read(self, node, name): ...


class TextKeeper(Keeper):
    """For types that are written as text: str, int, float, bool, paths, enumerations."""

    def __init__(self, kind, default, to_text, from_text, checks):
        self.kind, self._default, self._to_text, self._from_text = kind, default, to_text, from_text
        self.validators = checks

    def takes(self, kind):
        if issubclass(self.kind, enum.Enum):
            return isinstance(kind, type) and issubclass(kind, enum.Enum)
        alike = {int: (int, float), float: (int, float)}.get(self.kind)
        alike = PATHS if self.kind in PATHS else alike or (self.kind,)
        return kind in alike

    def default(self):
        return self._default()

    def write(self, node, name, value):
        node.SetParameter(name, self._to_text(value))

    def read(self, node, name):
        return self._from_text(node.GetParameter(name))


class NodeKeeper(Keeper):
    """A node reference. The empty parameter of the same name says that it was written."""

    def __init__(self, kind):
        self.validators = [IsInstance(kind)]

    def takes(self, kind):
        return is_node_class(kind)

    def default(self):
        return None

    def write(self, node, name, value):
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, None if value is None else value.GetID())

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class NoneKeeper(Keeper):
    validators = (IsNone(),)

    def takes(self, kind):
        return kind is NONE

    def default(self):
        return None

    def write(self, node, name, value):
        node.SetParameter(name, "True")

    def read(self, node, name):
        return None


class TupleKeeper(Keeper):
    def __init__(self, members):
        self._members = members

    def takes(self, kind):
        return kind is tuple

    def default(self):
        return tuple(member.default() for member in self._members)

    def has(self, node, name):
        return self._members[0].has(node, f"{name}.0")

    def write(self, node, name, value):
        for index, (member, part) in enumerate(zip(self._members, value, strict=True)):
            member.store(node, f"{name}.{index}", part)

    def read(self, node, name):
        return tuple(member.read(node, f"{name}.{index}") for index, member in enumerate(self._members))

    def remove(self, node, name):
        for index, member in enumerate(self._members):
            member.remove(node, f"{name}.{index}")


class ListKeeper(Keeper):
    """A length and one parameter an element; what could not be written whole leaves the former value."""

    def __init__(self, member):
        self._member = member

    def takes(self, kind):
        return kind is list

    def default(self):
        return []

    def has(self, node, name):
        return node.HasParameter(f"{name}.len")

    def write(self, node, name, value):
        before = list(self.read(node, name)) if self.has(node, name) else None
        with slicer.util.NodeModify(node):
            try:
                for index, part in enumerate(value):
                    self._member.store(node, f"{name}.{index}", part)
                node.SetParameter(f"{name}.len", str(len(value)))
                for index in range(len(value), len(before or ())):
                    self._member.remove(node, f"{name}.{index}")
            except Exception:
                if before is None:
                    self.remove(node, name)
                else:
                    self.write(node, name, before)
                raise

    def read(self, node, name):
        return ObservedList(self._parts(node, name), lambda values: self._rewrite(node, name, values))

    def _rewrite(self, node, name, values):
        self.write(node, name, values)
        return self._parts(node, name)

    def _parts(self, node, name):
        count = int(node.GetParameter(f"{name}.len")) if self.has(node, name) else 0
        return [self._member.read(node, f"{name}.{index}") for index in range(count)]

    def remove(self, node, name):
        for index in range(len(self._parts(node, name))):
            self._member.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class DictKeeper(Keeper):
    """A list of pairs."""

    def __init__(self, key, value):
        self._pairs = ListKeeper(TupleKeeper([key, value]))

    def takes(self, kind):
        return kind is dict

    def default(self):
        return {}

    def has(self, node, name):
        return self._pairs.has(node, name)

    def write(self, node, name, value):
        self._pairs.write(node, name, value.items())

    def read(self, node, name):
        return ObservedDict(self._parts(node, name), lambda values: self._rewrite(node, name, values))

    def _rewrite(self, node, name, values):
        self.write(node, name, values)
        return self._parts(node, name)

    def _parts(self, node, name):
        return dict(self._pairs.read(node, name))

    def remove(self, node, name):
        self._pairs.remove(node, name)


class UnionKeeper(Keeper):
    """The value is kept under the number of the member that takes it."""

    def __init__(self, members):
        self._members = members

    def default(self):
        optional = len(self._members) == 2 and isinstance(self._members[1], NoneKeeper)
        return None if optional else self._members[0].default()

    def has(self, node, name):
        return any(member.has(node, f"{name}.{index}") for index, member in enumerate(self._members))

    def _member_for(self, value):
        refused = TypeError(f"expected a value of one of the types of the union, got {value!r} of {type(value)}")
        for index, member in enumerate(self._members):
            if member.takes(type(value)):
                try:
                    member.validate(value)
                except Exception as error:
                    refused = error
                else:
                    return index, member
        raise refused

    def write(self, node, name, value):
        index, member = self._member_for(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            member.store(node, f"{name}.{index}", value)

    def read(self, node, name):
        for index, member in enumerate(self._members):
            if member.has(node, f"{name}.{index}"):
                return member.read(node, f"{name}.{index}")
        raise KeyError(f"no value is kept for {name}")

    def remove(self, node, name):
        for index, member in enumerate(self._members):
            member.remove(node, f"{name}.{index}")


def keeper_for(hint):
    """Return the keeper of a type, the default given in its annotations (or None).

    Raises
    ------
    Exception
        When values of this type cannot be kept.
    """
    kind, annotations = splitAnnotations(hint)
    validators, default, rest = sort_annotations(annotations)
    keeper = _plain_keeper(kind)
    keeper.validators = [*keeper.validators, *validators]
    if rest:
        logging.warning(f"Unused annotations: {rest}")
    return keeper, default


def _plain_keeper(kind):
    members = union_members(kind)
    if members is not None:
        return UnionKeeper([keeper_for(member)[0] for member in members])
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (list, dict, tuple):
        parts = [keeper_for(argument)[0] for argument in arguments]
        return {list: ListKeeper, dict: DictKeeper}[origin](*parts) if origin is not tuple else TupleKeeper(parts)
    if kind is NONE:
        return NoneKeeper()
    if is_node_class(kind):
        return NodeKeeper(kind)
    if hasattr(kind, "keeper"):  # a parameter pack
        return kind.keeper()
    return _text_keeper(kind)


def _text_keeper(kind):
    checks = [NotNone(), IsInstance(kind)]
    if kind in (int, float):
        checks = [NotNone(), IsInstance((int, float) if kind is float else int)]
        return TextKeeper(kind, lambda: 0, str, kind, checks)
    if kind is str:
        return TextKeeper(str, str, str, str, checks)
    if kind is bool:
        return TextKeeper(bool, bool, lambda value: "True" if value else "False", lambda text: text == "True", checks)
    if kind in PATHS:
        return TextKeeper(kind, kind, str, kind, checks)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if len(kind) == 0:
            raise ValueError(f"{kind} has no members")
        return TextKeeper(
            kind, lambda: next(iter(kind)), lambda value: value.name, lambda key: _member(kind, key), checks
        )
    raise Exception(f"values of type {kind} cannot be kept in a parameter node")


def _member(kind, key):
    try:
        return kind[key]
    except KeyError as error:
        raise ValueError(f"{key!r} is not a name of {kind}") from error
