"""Run the suite in ``cases/`` inside a launched 3D Slicer, then end Slicer with an exit status.

    Slicer --testing --no-splash --ignore-slicerrc
           --additional-module-paths /absolute/IVIMBoneMarrow /absolute/IDEALFatQuant
           --python-script Testing/launched/run.py [part of a test's name ...]

With a main window (panels are opened) and with an outer time limit; a crash gives a status of the system's. The
statuses are in ``launched_suite.py``; 0 means that tests ran and all of them passed. Nothing but Slicer is needed.
"""

import sys
import traceback
from pathlib import Path

import slicer

code = 3  # unless something better is known
try:
    sys.path.append(str(Path(__file__).resolve().parent))
    from launched_suite import run_cases

    code = run_cases(Path(__file__).resolve().parent / "cases", sys.argv[1:])
except BaseException:  # also SystemExit and KeyboardInterrupt: whatever happens, Slicer must end
    traceback.print_exc()
finally:
    sys.stdout.flush()
    sys.stderr.flush()
    slicer.util.exit(code)  # Slicer ends after this script, so this is its last statement
