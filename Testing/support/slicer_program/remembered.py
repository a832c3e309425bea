"""What is the same in every test and takes its time: compiled files of the repository, drawn anatomies."""

from contextlib import contextmanager
from importlib.machinery import SourceFileLoader

from Testing.support.source_tree import ROOT

_codes, _anatomies = {}, {}
_compile = SourceFileLoader.source_to_code


@contextmanager
def remembered():
    """Compile a file that has not changed, and draw the anatomy of a phantom on one grid, only once a session."""
    from mrbiomarkers.phantom import lumbar, lumbar_fatwater

    drawn = lumbar.tissue_fractions
    SourceFileLoader.source_to_code = _code
    lumbar.tissue_fractions = lumbar_fatwater.tissue_fractions = lambda grid, **options: _fractions(
        drawn, grid, **options
    )
    try:
        yield
    finally:
        SourceFileLoader.source_to_code = _compile
        lumbar.tissue_fractions = lumbar_fatwater.tissue_fractions = drawn


def _code(self, data, path, **options):
    if not str(path).startswith(str(ROOT)) or not isinstance(data, bytes):
        return _compile(self, data, path, **options)
    key = str(path), data, *options.items()
    if key not in _codes:
        _codes[key] = _compile(self, data, path, **options)
    return _codes[key]


def _fractions(draw, grid, **options):
    key = *(axis.tobytes() for axis in (grid.x, grid.v, grid.u)), grid.size, *options.items()
    if key not in _anatomies:
        _anatomies[key] = draw(grid, **options)
        for fraction in _anatomies[key].values():
            fraction.flags.writeable = False
    return dict(_anatomies[key])
