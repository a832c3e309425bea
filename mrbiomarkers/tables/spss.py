"""Names that SPSS takes: ASCII, at most 64 characters, no reserved word, none twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 64
_RESERVED = frozenset(("ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"))
_SIGNS = {
    "*": "star",
    "%": "_pct",
    "<": "_lt_",
    ">": "_gt_",
    "≤": "_le_",
    "≥": "_ge_",
    "ß": "ss",
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "Δ": "delta",
    "κ": "kappa",
    "λ": "lambda",
    "μ": "u",
    "ρ": "rho",
    "σ": "sigma",
    "τ": "tau",
    "χ": "chi",
}


def spss_names(names: Sequence[str]) -> dict[str, str]:
    """Return a name for SPSS for each name.

    Parameters
    ----------
    names : sequence of str
        Names of columns, each once.

    Returns
    -------
    dict of str to str
        In the order of the names: letters, digits and ``_``, a letter first, no ``_`` last, at most 64 characters, no
        reserved word (AND, BY, WITH ...), none twice whether in upper or lower case. Greek letters and signs are
        spelled out; what has no ASCII form is left out, and a name of which nothing is left is ``v`` and its place.
        Long names lose their middle; a name that is taken gets a number.

    Raises
    ------
    ValueError
        When a name is there twice.

    Notes
    -----
    Rules: IBM SPSS Statistics, Command Syntax Reference, "Variable names".
    """
    if len(set(names)) < len(names):
        raise ValueError("names: expected every name once, got one twice")
    given: dict[str, str] = {}
    taken: set[str] = set()
    # A name that needs no change keeps it, also where one before it would come to the same.
    for name in names:
        if _ascii(name, 0) == name and name.upper() not in taken:
            given[name] = name
            taken.add(name.upper())
    for place, name in enumerate(names, start=1):
        if name in given:
            continue
        base = new = _ascii(name, place)
        n = 1
        while new.upper() in taken:
            n += 1
            new = _shortened(base, LONGEST - len(f"_{n}")) + f"_{n}"
        given[name] = new
        taken.add(new.upper())
    return {name: given[name] for name in names}


def _ascii(name: str, place: int) -> str:
    # The micro sign becomes the Greek letter by NFKC, and a superscript 2 a plain one.
    text = "".join(_SIGNS.get(sign, sign) for sign in unicodedata.normalize("NFKC", name))
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_") if not _is_plain(plain) else plain
    if not words:
        return f"v{place}"
    if not words[0].isalpha() or words.upper() in _RESERVED:
        words = f"v_{words}"
    return _shortened(words, LONGEST)


def _is_plain(name: str) -> bool:
    """Tell whether SPSS takes a name as it is."""
    return re.fullmatch(r"[A-Za-z]\w*[A-Za-z0-9]|[A-Za-z]", name, re.ASCII) is not None


def _shortened(name: str, longest: int) -> str:
    """Return a name without its middle where it is too long: features differ at their ends."""
    if len(name) <= longest:
        return name
    tail = (longest - 1) * 2 // 3
    return f"{name[: longest - 1 - tail].rstrip('_')}_{name[-tail:].lstrip('_')}"
