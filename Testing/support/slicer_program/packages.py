"""Stand-in for ``slicer.packaging`` in a program that was started with --testing: nothing is ever installed."""

import importlib.metadata
import logging
from pathlib import Path

from packaging.requirements import Requirement


def load_requirements(path):
    """Return the requirements of a file, one a line. A comment behind a requirement is an error, as in Slicer."""
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def _listed(requirements):
    if isinstance(requirements, str):
        requirements = requirements.split()
    if isinstance(requirements, Requirement):
        requirements = [requirements]
    return [Requirement(str(requirement)) for requirement in requirements]


def pip_check(requirements):
    """Whether what is required is installed in the right version."""
    for requirement in _listed(requirements):
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            return False
        if not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


def pip_ensure(requirements, constraints=None, *, requester=None, **options):
    """Return None and install nothing; the import that follows must have an error of its own."""
    missing = [str(requirement) for requirement in _listed(requirements) if not pip_check(requirement)]
    if missing:
        logging.info(f"Testing mode is enabled: {requester} is not given {', '.join(missing)}")


def pip_install(requirements, **options):
    """Raise; a test must not change the environment it runs in."""
    raise RuntimeError(f"a test asked for the installation of {requirements}")


def pip_uninstall(requirements, **options):
    raise RuntimeError(f"a test asked for the removal of {requirements}")
