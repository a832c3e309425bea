"""Stand-ins for the modules ``qt`` and ``ctk`` where no Qt is: a module's file can name classes, but make no widget.

A logic that makes a widget fails here, as it must work without a main window.
"""

import types


class _AnyClass(type):
    """The type of names that may be subclassed and may stand in a type hint."""

    lenient = False

    def __getattr__(cls, name):
        if name.startswith("__") or name in ("keeper",):
            raise AttributeError(name)
        return _named(f"{cls.__name__}.{name}", cls.lenient)

    def __or__(cls, other):
        return cls

    def __call__(cls, *arguments, **options):
        if not cls.lenient:
            raise RuntimeError(f"{cls.__name__} was asked for where there is no Qt: this code must run without widgets")
        return super().__call__()


def _named(name, lenient):
    kind = _AnyClass(name, (), {"lenient": lenient})
    if lenient:
        kind.__getattr__ = lambda self, attribute: _absorb if attribute[:2] != "__" else _missing(attribute)
    return kind


def _missing(attribute):
    raise AttributeError(attribute)


def _absorb(*arguments, **options):
    return _named("anything", True)()


class AbsentModule(types.ModuleType):
    """A module in which every public name is a class. A lenient one makes objects that accept any call."""

    def __init__(self, name, lenient=False):
        super().__init__(name)
        self._lenient, self._classes = lenient, {}

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._classes.setdefault(name, _named(name, self._lenient))
