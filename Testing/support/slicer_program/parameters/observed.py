"""Lists and dictionaries that write themselves back to the parameter node after each change.

``save`` writes the values and returns them as they are read again; what it refuses leaves the old ones.
"""

import collections.abc


class ObservedList(collections.abc.MutableSequence):
    """A list. New lists by + and * are refused, as in Slicer."""

    def __init__(self, values, save):
        self._values, self._save = values, save

    def __repr__(self):
        return f"ObservedList({self._values})"

    def __eq__(self, other):
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    def __len__(self):
        return len(self._values)

    def __getitem__(self, index):
        return self._values[index]

    def __setitem__(self, index, value):
        self._change(lambda values: values.__setitem__(index, value))

    def __delitem__(self, index):
        self._change(lambda values: values.__delitem__(index))

    def insert(self, index, value):
        self._change(lambda values: values.insert(index, value))

    def extend(self, other):
        self._change(lambda values: values.extend(other))

    def __iadd__(self, other):
        self.extend(other)
        return self

    def clear(self):
        self._change(lambda values: values.clear())

    def reverse(self):
        self._change(lambda values: values.reverse())

    def sort(self, **options):
        self._change(lambda values: values.sort(**options))

    def __add__(self, other):
        raise NotImplementedError("adding to an ObservedList makes no list that is observed; += does")

    __radd__ = __mul__ = __rmul__ = __add__

    def _change(self, change):
        values = list(self._values)
        change(values)
        self._values = self._save(values)


class ObservedDict(collections.abc.MutableMapping):
    """A dictionary. ``get`` and ``pop`` take no default, as in Slicer."""

    def __init__(self, values, save):
        self._values, self._save = values, save

    def __repr__(self):
        return f"ObservedDict({self._values})"

    def __eq__(self, other):
        return self._values == (other._values if isinstance(other, ObservedDict) else other)

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return iter(self._values)

    def __getitem__(self, key):
        return self._values[key]

    def __setitem__(self, key, value):
        self._change(lambda values: values.__setitem__(key, value))

    def __delitem__(self, key):
        self._change(lambda values: values.__delitem__(key))

    def clear(self):
        self._change(lambda values: values.clear())

    def get(self, key):
        return self._values.get(key)

    def pop(self, key):
        value = self[key]
        del self[key]
        return value

    def _change(self, change):
        values = dict(self._values)
        change(values)
        self._values = self._save(values)
