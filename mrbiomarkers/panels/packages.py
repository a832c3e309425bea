"""Python packages that 3D Slicer does not bundle: asked for when they are first needed, never at import."""

from __future__ import annotations

import importlib.util
import subprocess


def ensure_package(name: str, requirement: str, purpose: str) -> None:
    """Return when a package can be imported; else ask the user whether it may be installed.

    Parameters
    ----------
    name : str
        Name to import.
    requirement : str
        What pip installs, as ``"matplotlib>=3.8"``.
    purpose : str
        What needs it, for the question and the message.

    Raises
    ------
    ImportError
        When it is not there and was not installed.
    """
    if importlib.util.find_spec(name) is not None:
        return
    import slicer

    packaging, reason = _packaging(), None
    try:
        if packaging is not None:
            packaging.pip_ensure([requirement], requester="MRBiomarkers")  # asks; installs nothing in tests
        elif slicer.util.confirmOkCancelDisplay(
            f"{purpose} needs the Python package {name}. Install it now? This needs the internet.", "MRBiomarkers"
        ):
            slicer.util.pip_install(requirement)
    except (RuntimeError, subprocess.CalledProcessError) as error:  # the user said no; pip failed
        reason = error
    importlib.invalidate_caches()
    if importlib.util.find_spec(name) is None:
        raise ImportError(
            f"{purpose} needs the Python package {name}, which is not installed; type "
            f"slicer.util.pip_install({requirement!r}) in the Python console, or do without"
        ) from reason


def _packaging():  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Return the module of Slicer 5.11 and later that installs packages; None in older ones."""
    try:
        from slicer import packaging
    except ImportError:
        return None
    return packaging if hasattr(packaging, "pip_ensure") else None
