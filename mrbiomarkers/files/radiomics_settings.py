"""Parameter files of PyRadiomics (YAML or JSON) as recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from mrbiomarkers.files.paths import PathLike, existing_file
from mrbiomarkers.settings import FEATURE_FAMILIES, RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe, few_levels_expected
from mrbiomarkers.tables.feature_codes import FEATURE_CODES

_PARTS = ("setting", "imageType", "featureClass", "voxelSetting")
_IMAGES = {
    "Original": "original",
    "Wavelet": "wavelet",
    "LoG": "log",
    "Square": "square",
    "SquareRoot": "squareroot",
    "Logarithm": "logarithm",
    "Exponential": "exponential",
    "Gradient": "gradient",
}
_UNKNOWN_HERE = ("LBP2D", "LBP3D")
_INTERPOLATORS: dict[Any, str] = {1: "nearest", 2: "linear", 3: "bspline"}
_NAMED: dict[Any, str] = {"sitkNearestNeighbor": "nearest", "sitkLinear": "linear", "sitkBSpline": "bspline"}


def _whole(value: Any) -> int:
    number = _real(value)
    if number != int(number):
        raise ValueError("a whole number")
    return int(number)


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a number")
    try:
        return float(value)  # YAML takes 1e-3 for a text
    except ValueError:
        raise ValueError("a number") from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _reals(value: Any) -> tuple[float, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError("a list of numbers")
    return tuple(_real(item) for item in value)


def _wholes(value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError("a list of whole numbers")
    return tuple(_whole(item) for item in value)


def _interpolator(value: Any) -> str:
    known = {**_INTERPOLATORS, **_NAMED}
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value not in known:
        raise ValueError(f"one of {', '.join(_NAMED)}")
    return str(known[value])


class _Key(NamedTuple):
    """Where the value of a key goes, how it is read, and whether one image may have its own."""

    field: str
    read: Callable[[Any], Any]
    of_image: bool = False


_SETTINGS: dict[str, _Key] = {
    "minimumROIDimensions": _Key("minimum_dimensions", _whole),
    "minimumROISize": _Key("minimum_voxels", _whole),
    "geometryTolerance": _Key("geometry_tolerance", _real),
    "correctMask": _Key("resample_mask", _flag),
    "label": _Key("label", _whole),
    "binWidth": _Key("bin_width", _real, True),
    "binCount": _Key("bin_count", _whole, True),
    "normalize": _Key("normalize", _flag),
    "normalizeScale": _Key("normalize_scale", _real),
    "removeOutliers": _Key("remove_outliers", _real),
    "resampledPixelSpacing": _Key("spacing", _reals),
    "interpolator": _Key("interpolator", _interpolator),
    "padDistance": _Key("pad_distance", _whole),
    "distances": _Key("distances", _wholes, True),
    "force2D": _Key("force_2d", _flag, True),
    "force2Ddimension": _Key("force_2d_axis", _whole, True),
    "resegmentRange": _Key("resegment_range", _reals),
    "resegmentMode": _Key("resegment_mode", _text),
    "resegmentShape": _Key("resegment_shape", _flag),
    "sigma": _Key("log_sigma", _reals, True),
    "wavelet": _Key("wavelet", _text, True),
    "start_level": _Key("wavelet_start_level", _whole, True),
    "level": _Key("wavelet_levels", _whole, True),
    "gradientUseSpacing": _Key("gradient_use_spacing", _flag, True),
    "voxelArrayShift": _Key("voxel_array_shift", _real, True),
    "symmetricalGLCM": _Key("symmetrical_glcm", _flag, True),
    "weightingNorm": _Key("weighting_norm", _text, True),
    "gldm_a": _Key("gldm_alpha", _real, True),
    # These PyRadiomics does not have.
    "standard": _Key("standard", _text),
    "binMinimum": _Key("bin_minimum", _real),
    "aggregation": _Key("aggregation", _text, True),
}
_ONE_FILTER = {"sigma", "wavelet", "start_level", "level", "gradientUseSpacing"}  # these touch no other image
_NO_EFFECT = {
    "additionalInfo": "",
    "enableCExtensions": "",
    "label_channel": "label_channel is not used: masks have one number a voxel here",
    "preCrop": "preCrop is not followed: filters see as far as they do without it",
}


def read_radiomics_settings(path: PathLike) -> RadiomicsRecipe:
    """Read a parameter file of PyRadiomics.

    What a file does not say has the default of PyRadiomics. Besides its keys, ``setting`` may hold ``standard``
    (pyradiomics or ibsi), ``binMinimum`` and ``aggregation`` (average or merge). Needs PyYAML (extra ``radiomics``).

    Parameters
    ----------
    path : path
        YAML or JSON with the parts ``setting``, ``imageType`` and ``featureClass``.

    Returns
    -------
    RadiomicsRecipe
        Images with settings of their own (``Wavelet: {binWidth: 10}``) become an extraction of their own.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no such file, a key or name does not exist (the message has the nearest that does), or a value does
        not suit.
    ModuleNotFoundError
        When PyYAML is not installed.
    """
    found = existing_file(path, "a parameter file of PyRadiomics")
    try:
        return _recipe(found.name, _parsed(found.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        import yaml
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "settings file: expected PyYAML to read it, which is not installed; pip install 'mrbiomarkers[radiomics]'"
        ) from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"expected YAML, got a text that cannot be read ({' '.join(str(error).split())})") from None
    _check_keys_once("", node)
    if not isinstance(data, dict) or not data:
        raise ValueError(f"expected the parts {', '.join(_PARTS[:3])}; got {type(data).__name__}")
    for key in data:
        _check_known("part", key, _PARTS)
    return data


def _check_keys_once(where: str, node: Any) -> None:
    """Check that no key stands twice in one mapping, of which YAML would take the last; ``node`` is not constructed.

    Parts lie three mappings deep at most, so deeper ones, which may repeat themselves without end, are not looked at.
    """
    if getattr(node, "id", "") != "mapping" or where.count(",") > 1:
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            raise ValueError(
                f"{where}{': ' if where else ''}expected every key once, got {name!r} in lines {lines[name]} and {line}"
            )
        lines[name] = line
        _check_keys_once(f"{where}, {name}" if where else name, value)


def _recipe(name: str, data: Mapping[str, Any]) -> RadiomicsRecipe:
    notes: list[str] = []
    base = _fields("setting", _mapping("setting", data.get("setting")), notes)
    images = _mapping("imageType", data.get("imageType")) or {"Original": None}
    own: dict[str, dict[str, Any]] = {}
    for image, given in images.items():
        if image in _UNKNOWN_HERE:
            raise ValueError(f"imageType: expected any of {', '.join(_IMAGES)}; {image} is not supported")
        _check_known("imageType", image, tuple(_IMAGES))
        where = f"imageType, {image}"
        keys = _mapping(where, given)
        for key in keys:
            if key in _SETTINGS and not _SETTINGS[key].of_image:
                raise ValueError(f"{where}: {key} holds for all images; expected it under setting")
        base |= _fields(where, {key: value for key, value in keys.items() if key in _ONE_FILTER}, notes)
        rest = _fields(where, {key: value for key, value in keys.items() if key not in _ONE_FILTER}, notes)
        own[_IMAGES[image]] = {field: value for field, value in rest.items() if base.get(field) != value}
    features = _features(data.get("featureClass"))
    families = tuple(family for family in FEATURE_FAMILIES if not features or family in features)
    if "shape2D" in features and "shape" not in families:
        families = ("shape", *families)
    if data.get("voxelSetting"):
        notes.append("voxelSetting is not used: features are measured in regions")
    settings = _extractions(base, own, families)
    notes += [few_levels_expected(one) for one in settings]
    return RadiomicsRecipe(name, settings, features, tuple(dict.fromkeys(note for note in notes if note)))


def _extractions(
    base: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]], families: tuple[str, ...]
) -> tuple[RadiomicsSettings, ...]:
    """Return one extraction for each run of images with the same settings; shape is measured in the first."""
    groups: list[tuple[Mapping[str, Any], list[str]]] = []
    for image, changes in own.items():
        if not groups or groups[-1][0] != changes:
            groups.append((changes, []))
        groups[-1][1].append(image)
    settings: list[RadiomicsSettings] = []
    for changes, filters in groups:
        fields = {**base, **changes}
        if "log" not in filters:
            fields.pop("log_sigma", None)
        settings.append(RadiomicsSettings(**fields, filters=tuple(filters), families=families))
        families = tuple(family for family in families if family != "shape")
        if not families:
            break
    return tuple(settings)


def _fields(where: str, given: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return the values of the keys by the names of our settings; an empty value is no value."""
    fields = {}
    for key, value in given.items():
        if key in _NO_EFFECT:
            notes.append(_NO_EFFECT[key] if value else "")
            continue
        _check_known(where, key, tuple(_SETTINGS))
        if value is None:
            continue
        try:
            fields[_SETTINGS[key].field] = _SETTINGS[key].read(value)
        except ValueError as error:
            raise ValueError(f"{where}: expected {error} for {key}, got {value!r}") from None
    return fields


def _features(given: Any) -> dict[str, tuple[str, ...]]:
    """Return the features of each family that are asked for; nothing where all are."""
    found: dict[str, tuple[str, ...]] = {}
    for family, names in _mapping("featureClass", given).items():
        _check_known("featureClass", family, tuple(FEATURE_CODES))
        if names is not None and (isinstance(names, str) or not isinstance(names, (list, dict))):
            raise ValueError(f"featureClass, {family}: expected a list of features, or nothing for all; got {names!r}")
        for name in names or ():
            _check_known(f"featureClass, {family}", name, tuple(FEATURE_CODES[family]))
        found[family] = tuple(names or ())
    if "shape" in found and not found["shape"]:
        found.setdefault("shape2D", ())  # regions of one slice have these, too
    return found


def _mapping(where: str, given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError(f"{where}: expected keys with values (key: value), got {given!r}")
    return given


def _check_known(where: str, name: Any, known: tuple[str, ...]) -> None:
    if name in known:
        return
    lower = {one.lower(): one for one in known}
    asked = str(name).lower()
    near = get_close_matches(asked, list(lower), n=3, cutoff=0.0)
    nearest = min(near, key=lambda one: sorted(one) != sorted(asked))  # letters in another order go first
    raise ValueError(f"{where}: there is no {name!r}; the nearest is {lower[nearest]!r}")
