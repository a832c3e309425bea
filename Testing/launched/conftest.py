"""The cases need a launched 3D Slicer with its Qt; pytest leaves them out elsewhere. ``run.py`` needs no pytest."""

import importlib.util

if importlib.util.find_spec("PythonQt") is None:
    collect_ignore_glob = ["cases/*"]
