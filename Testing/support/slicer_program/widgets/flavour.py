"""Qt objects as PythonQt shows them: properties are attributes, signals are named by text or attribute.

Known differences that remain: enumerations are not ints here, and a conversion of an argument may be more or less
strict.
"""

import ctypes
import functools
import logging

from PySide6 import QtCore

from ..swallowed import Guard

_properties = {}
_signals = {}
_absent = {}
_being_read = set()
loading = set()  # names of files that are being loaded: PySide's loader then sets widgets as attributes of their parent


# Slicer has Qt 5.15, the stand-ins Qt 6: what is new there, and might be used without a thought.
NOT_IN_QT5 = {
    "QFormLayout": ("isRowVisible", "setRowVisible"),
    "QCheckBox": ("checkStateChanged",),
    "QShortcut": ("keys", "setKeys"),
}
CALLS = (
    lambda guard: lambda: guard(),
    lambda guard: lambda a: guard(a),
    lambda guard: lambda a, b: guard(a, b),
    lambda guard: lambda a, b, c: guard(a, b, c),
    lambda guard: lambda a, b, c, d: guard(a, b, c, d),
)


# PySide6 6.12 returns the bool of ``emit`` and ``disconnect`` without a reference of its own: before Python 3.12 the
# process would abort when none is left, often at its end.
_keep_reference = ctypes.pythonapi.Py_IncRef
_keep_reference.argtypes = [ctypes.py_object]


class Signal:
    """A signal of one object. Slots may take fewer arguments; what they raise is printed and swallowed."""

    def __init__(self, owner, name, arity=None):
        self._owner, self._name, self._arity = owner, name, arity

    def _qt(self):
        return QtCore.QObject.__getattribute__(self._owner, self._name)

    def connect(self, slot):
        guard = Guard(slot, self._arity)
        call = CALLS[signals_of(type(self._owner))[self._name]](guard)  # PySide gives no more than a slot declares
        self._qt().connect(call)
        self._owner._slots.setdefault(self._name, []).append((slot, call))
        return True

    def disconnect(self, slot=None):
        """Return False for a slot that is not connected."""
        slots = self._owner._slots.get(self._name, [])
        taken = [pair for pair in slots if slot is None or pair[0] == slot]
        for pair in taken[: None if slot is None else 1]:
            _keep_reference(self._qt().disconnect(pair[1]))
            slots.remove(pair)
        return bool(taken)

    def emit(self, *values):
        _keep_reference(self._qt().emit(*values))

    __call__ = emit


class Flavour:
    """Mixed into a class of Qt. An attribute that the class has not cannot be set, except on classes made from it."""

    foreign_signals = ()  # full names of signals whose arguments Qt itself does not know

    @property
    def _slots(self):
        return self.__dict__.setdefault("_connected", {})

    def __getattribute__(self, name):
        if name[:1] == "_":
            return super().__getattribute__(name)
        if name in ("connect", "disconnect"):  # PySide puts its own in the way
            return functools.partial(getattr(Flavour, name), self)
        if name == "name":
            name = "objectName"
        key = (id(self), name)  # some getters are virtual, and Qt's wrapper asks for the attribute again
        if name in properties_of(type(self)) and key not in _being_read:
            _being_read.add(key)
            try:
                value = QtCore.QObject.property(self, name)
            finally:
                _being_read.discard(key)
            return _wrapped(value) if name == "toolTip" else value
        if name in absent_of(type(self)):
            raise AttributeError(f"{type(self).__name__}.{name} came with Qt 6; Slicer has Qt 5")
        if name in signals_of(type(self)):
            return Signal(self, name)
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        if name == "name":
            name = "objectName"
        if name in properties_of(type(self)):
            value = list(value) if isinstance(value, tuple) else value
            is_text = isinstance(QtCore.QObject.property(self, name), str)
            if (is_text and value is None) or not QtCore.QObject.setProperty(self, name, value):
                raise AttributeError(f"{type(self).__name__}.{name} does not accept {value!r} of {type(value)}")
        elif name[:1] == "_" or "_is_stand_in" not in vars(type(self)):
            super().__setattr__(name, value)
        elif not loading:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def className(self):
        return self.metaObject().className()

    def delete(self):
        self.deleteLater()

    def connect(self, signal, slot):
        """Connect a signal named by its full text; for one that is not there log it and return False."""
        found = self._named(signal)
        return found.connect(slot) if found else False

    def disconnect(self, signal=None, slot=None):
        found = self._named(signal) if signal else None
        return found.disconnect(slot) if found else False

    def _named(self, signal):
        text = signal.replace(" ", "")
        name, _, arguments = text.rstrip(")").partition("(")
        known = self.metaObject().indexOfSignal(text) >= 0 or text in self.foreign_signals
        if not known or name not in signals_of(type(self)):
            logging.error(f"{self.className()} has no signal {signal}")
            return None
        return Signal(self, name, len(arguments.split(",")) if arguments else 0)


def _wrapped(text):
    return f"<p>{text}</p>" if text and not text.startswith("<") else text


def absent_of(kind):
    """Return the names of what a class has here and not in Slicer."""
    if kind not in _absent:
        _absent[kind] = {name for base in kind.__mro__ for name in NOT_IN_QT5.get(base.__name__, ())}
    return _absent[kind]


def properties_of(kind):
    """Return the names of the Qt properties of a class."""
    if kind not in _properties:
        meta = kind.staticMetaObject
        _properties[kind] = {meta.property(index).name() for index in range(meta.propertyCount())}
    return _properties[kind]


def signals_of(kind):
    """Return the names of the signals of a class, and how many arguments each has."""
    if kind not in _signals:
        meta = kind.staticMetaObject
        methods = [meta.method(index) for index in range(meta.methodCount())]
        signal = QtCore.QMetaMethod.MethodType.Signal
        counts = [(bytes(m.name()).decode(), m.parameterCount()) for m in methods if m.methodType() == signal]
        _signals[kind] = dict(sorted(counts, key=lambda pair: pair[1]))  # the overload with most arguments
    return _signals[kind]


def stand_in(kind):
    """Mark a class as a stand-in; on instances of it unknown attributes cannot be set."""
    kind._is_stand_in = True
    return kind


def kept(name, kind, default=None, then=None):
    """Make a Qt property that keeps its value; ``then(self)`` is called when it has changed.

    Parameters
    ----------
    name : str
        Its name.
    kind : type or str
        Its type.
    default : object
        Its first value.
    then : str, optional
        Method called after a change.
    """

    def read(self):
        return self.__dict__.get(f"_kept_{name}", default)

    def write(self, value):
        if value != read(self):
            self.__dict__[f"_kept_{name}"] = value
            if then:
                getattr(self, then)()

    return QtCore.Property(kind, read, write)
