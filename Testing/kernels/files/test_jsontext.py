import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.maps import Status
from mrbiomarkers.settings import DiffusionSettings


@dataclass
class Example:
    name: str
    bounds: tuple[float, float]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int16(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        ((1, "a", None), [1, "a", None]),
        ({"b", "a"}, ["a", "b"]),
        (float("nan"), None),
        (np.float64("nan"), None),
        ((-np.inf, np.inf), ["-inf", "inf"]),
        (Status.ON_BOUND, "ON_BOUND"),
        (Path("a") / "b", str(Path("a") / "b")),
        (Example("x", (0.0, 1.0)), {"name": "x", "bounds": [0.0, 1.0]}),
        (MappingProxyType({"f": (0, 1)}), {"f": [0, 1]}),
        ({1: "a"}, {"1": "a"}),
    ],
)
def test_plain_values(value, plain):
    assert json.loads(json_text({"key": value})) == {"key": plain}


def test_settings_have_a_text():
    assert json.loads(json_text(DiffusionSettings(bounds={"f": (0.0, 0.5)})))["bounds"] == {"f": [0.0, 0.5]}


def test_keys_keep_their_order():
    assert json_text({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'


@pytest.mark.parametrize("value", [object(), 1j, b"bytes"])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match=r"expected values that JSON can hold, got (object|complex|bytes)"):
        json_text({"key": value})
