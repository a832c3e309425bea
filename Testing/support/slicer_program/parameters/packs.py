"""Stand-ins for ``parameterPack`` and ``FloatRange``: several values that make one parameter."""

import typing

import slicer

from .checks import IsInstance, NotNone
from .hints import split_name, unannotatedType
from .keepers import Keeper, keeper_for

VALUES = "_values_of_pack"
SAVE = "_save_pack"


def parameterPack(classtype=None):
    """Make a class with annotated members a parameter pack; usable with and without parentheses."""
    return _make_pack if classtype is None else _make_pack(classtype)


def isParameterPack(thing):
    return bool(getattr(thing, "_is_parameterPack", False))


def _make_pack(pack):
    hints = typing.get_type_hints(pack, include_extras=True)
    if not hints:
        raise ValueError(f"{pack.__name__} has no members")
    members = {}
    for name, hint in hints.items():
        keeper, default = keeper_for(hint)
        fallback = default.value if default else keeper.default()
        value = getattr(pack, name, fallback)
        try:
            keeper.validate(value)
        except Exception as error:
            raise ValueError(f"the default {value!r} of {name} is refused: {error}") from error
        members[name] = (keeper, value, hint)
        setattr(pack, name, _member_property(name, keeper))
    pack._members = members
    pack._is_parameterPack = True
    pack.allParameters = {name: hint for name, (_, _, hint) in members.items()}
    pack.keeper = classmethod(PackKeeper)
    pack.dataType = staticmethod(lambda name: _data_type(pack, name))
    pack.getValue, pack.setValue = _get_value, _set_value
    own = pack.__dict__.get("__init__")
    pack.__init__ = _initializer(own)
    pack.__setattr__ = _set_attribute
    if "__eq__" not in pack.__dict__:
        pack.__eq__ = _equal
        pack.__hash__ = None
    if "__repr__" not in pack.__dict__:
        pack.__repr__ = _repr
    return pack


def _member_property(name, keeper):
    def write(self, value):
        keeper.validate(value)
        getattr(self, VALUES)[name] = value
        save = self.__dict__.get(SAVE)
        if save:
            save(self)

    return property(lambda self: getattr(self, VALUES)[name], write)


def _initializer(own):
    def fill(self, *values, **named):
        self.__dict__[VALUES] = {name: value for name, (_, value, _) in self._members.items()}
        if own is not None:
            own(self, *values, **named)
            return
        for name, value in [*zip(self._members, values, strict=False), *named.items()]:
            if name not in self._members:
                raise TypeError(f"unexpected argument {name!r}")
            setattr(self, name, value)

    return fill


def _set_attribute(self, name, value):
    """Refuse new attributes on a pack that came from a parameter node; they would be lost."""
    if SAVE in self.__dict__ and not hasattr(self, name):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
    object.__setattr__(self, name, value)


def _equal(self, other):
    return type(self) is type(other) and getattr(self, VALUES) == getattr(other, VALUES)


def _repr(self):
    return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in getattr(self, VALUES).items())})"


def check_member(pack, name):
    """Raise ValueError when a pack has no member of this name, which may be dotted."""
    top, rest = split_name(name)
    if not hasattr(pack, top):
        raise ValueError(f"{pack} has no member {top!r}")
    if rest is not None:
        inner = unannotatedType(pack.allParameters[top])
        if not isParameterPack(inner):
            raise ValueError(f"{inner} is not a parameter pack and has no {rest!r}")
        check_member(inner, rest)


def _get_value(self, name):
    check_member(self, name)
    top, rest = split_name(name)
    value = getattr(self, top)
    return value if rest is None else value.getValue(rest)


def _set_value(self, name, value):
    check_member(self, name)
    top, rest = split_name(name)
    if rest is None:
        setattr(self, top, value)
    else:
        getattr(self, top).setValue(rest, value)


def _data_type(pack, name):
    check_member(pack, name)
    top, rest = split_name(name)
    hint = pack.allParameters[top]
    return hint if rest is None else unannotatedType(hint).dataType(rest)


class PackKeeper(Keeper):
    """Keeps each member under a name of its own; the pack that is read writes itself back when it is changed."""

    def __init__(self, pack):
        self._pack = pack
        self.validators = [NotNone(), IsInstance(pack)]

    def takes(self, kind):
        return isParameterPack(kind)

    def default(self):
        return self._pack()

    def has(self, node, name):
        first, (keeper, _, _) = next(iter(self._pack._members.items()))
        return keeper.has(node, f"{name}.{first}")

    def write(self, node, name, value):
        with slicer.util.NodeModify(node):
            for member, (keeper, _, _) in self._pack._members.items():
                keeper.store(node, f"{name}.{member}", getattr(value, VALUES)[member])

    def read(self, node, name):
        pack = self._pack.__new__(self._pack)
        pack.__dict__[VALUES] = {
            member: keeper.read(node, f"{name}.{member}") for member, (keeper, _, _) in self._pack._members.items()
        }
        pack.__dict__[SAVE] = lambda changed: self.write(node, name, changed)
        return pack

    def remove(self, node, name):
        for member, (keeper, _, _) in self._pack._members.items():
            keeper.remove(node, f"{name}.{member}")


@parameterPack
class FloatRange:
    """Two numbers, the first not above the second."""

    _minimum: float
    _maximum: float

    def __init__(self, minimum=0, maximum=0):
        self.setRange(minimum, maximum)

    @property
    def minimum(self):
        return self._minimum

    @minimum.setter
    def minimum(self, value):
        self.checkRange(value, self._maximum)
        self._minimum = value

    @property
    def maximum(self):
        return self._maximum

    @maximum.setter
    def maximum(self, value):
        self.checkRange(self._minimum, value)
        self._maximum = value

    def setRange(self, minimum, maximum):
        self.checkRange(minimum, maximum)
        self._minimum, self._maximum = minimum, maximum

    @staticmethod
    def checkRange(minimum, maximum):
        if not minimum <= maximum:
            raise ValueError(f"expected a minimum not above the maximum, got {minimum} and {maximum}")
