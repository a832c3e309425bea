"""Stand-ins for what may stand in ``Annotated[...]``: conditions on a value, its default, hints for a widget."""

import abc
from dataclasses import dataclass
from typing import Any


class Validator(abc.ABC):
    """A condition on the value of one parameter."""

    @abc.abstractmethod
    def validate(self, value):
        """Raise when the value does not fit."""


class NotNone(Validator):
    def validate(self, value):
        if value is None:
            raise ValueError("expected a value, got None")


class IsNone(Validator):
    def validate(self, value):
        if value is not None:
            raise ValueError(f"expected None, got {value!r}")


@dataclass(eq=False)
class IsInstance(Validator):
    """Of this class; None passes."""

    classtype: Any

    def validate(self, value):
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"expected a value of {self.classtype}, got {value!r} of {type(value)}")


@dataclass(eq=False)
class WithinRange(Validator):
    minimum: Any
    maximum: Any

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"expected {self.minimum} to {self.maximum}, got {value}")


@dataclass(eq=False)
class Minimum(Validator):
    minimum: Any

    def validate(self, value):
        if value < self.minimum:
            raise ValueError(f"expected at least {self.minimum}, got {value}")


@dataclass(eq=False)
class Maximum(Validator):
    maximum: Any

    def validate(self, value):
        if value > self.maximum:
            raise ValueError(f"expected at most {self.maximum}, got {value}")


@dataclass(eq=False)
class Choice(Validator):
    choices: Any

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"expected one of {self.choices}, got {value!r}")


@dataclass(eq=False)
class Exclude(Validator):
    excludedValues: Any

    def validate(self, value):
        if value in self.excludedValues:
            raise ValueError(f"expected none of {self.excludedValues}, got {value!r}")


@dataclass(eq=False)
class RangeBounds(Validator):
    """Bounds of a FloatRange.

    Slicer looks at the lower end only while the upper one fits, so a range that ends above the bounds passes.
    """

    minimum: Any
    maximum: Any

    def validate(self, value):
        too_low = value.minimum < self.minimum
        if too_low and value.maximum <= self.maximum:
            raise ValueError(f"expected a range within {self.minimum} to {self.maximum}, got {value}")


@dataclass
class Decimals:
    """For a spin box or slider: its number of decimals."""

    value: int


@dataclass
class SingleStep:
    """For a spin box or slider: its step."""

    value: float


class Default:
    """The value of a parameter that was not set yet; ``generator`` makes a new one each time."""

    def __init__(self, value=None, *, generator=None):
        self._value, self._generator = value, generator

    def __eq__(self, other):
        """Compare by value; as in Slicer, a type hint with a default in it cannot be hashed."""
        return isinstance(other, Default) and vars(self) == vars(other)

    __hash__ = None

    @property
    def value(self):
        return self._generator() if self._generator else self._value
