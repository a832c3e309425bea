"""Exceptions in slots and in observers of VTK: printed and forgotten by Slicer, printed and kept here."""

import inspect
import sys
import traceback

errors = []


def keep(error):
    """Print an exception as Slicer does, and keep it for the end of the test."""
    traceback.print_exception(error)
    errors.append(error)


def hook(kind, error, trace):
    """Stand in for ``sys.excepthook``, which VTK calls for what an observer raises."""
    keep(error)


class Guard:
    """A slot that never raises, and is given no more arguments than it takes."""

    def __init__(self, slot, arity=None):
        self.slot, self._count = slot, arity
        takes = _positional(slot)
        if takes is not None:
            self._count = takes if arity is None else min(takes, arity)

    def __call__(self, *values):
        try:
            self.slot(*values[: self._count])
        except (Exception, SystemExit) as error:
            keep(error)


def _positional(slot):
    """Return how many arguments can be given, or None for any number."""
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return sum(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters
    )


class Swallowed:
    """What was swallowed while a program ran."""

    def __enter__(self):
        errors.clear()
        self._hook, sys.excepthook = sys.excepthook, hook
        return self

    def __exit__(self, *_):
        sys.excepthook = self._hook

    def __iter__(self):
        return iter(list(errors))

    def __len__(self):
        return len(errors)

    def expect(self, kind, match=""):
        """Take the oldest exception of this kind with this text in it; fail when there is none.

        Parameters
        ----------
        kind : type
            Class of the exception.
        match : str, optional
            Part of its text.
        """
        for error in errors:
            if isinstance(error, kind) and match in str(error):
                errors.remove(error)
                return error
        raise AssertionError(f"expected {kind.__name__} with {match!r} to be swallowed, there were {errors}")
