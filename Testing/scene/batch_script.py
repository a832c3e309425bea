"""Many subjects without a window: Slicer --no-main-window --python-script batch_script.py DATA RESULTS.

DATA holds a folder for each subject, with a diffusion series in ``dwi`` (DICOM) or ``dwi.nii.gz``, and regions in
``regions.seg.nrrd``.
"""

import sys
import traceback
from pathlib import Path

import slicer

from IVIMBoneMarrow import IVIMBoneMarrowLogic
from mrbiomarkers.settings import DiffusionSettings

code = 1
try:
    data, results = map(Path, sys.argv[1:])
    cases = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        series = folder / "dwi" if (folder / "dwi").is_dir() else folder / "dwi.nii.gz"
        cases.append({"subject": folder.name, "series": series, "regions": folder / "regions.seg.nrrd"})
    report = IVIMBoneMarrowLogic().runBatch(cases, DiffusionSettings(models=("adc",)), results)
    for name, reason in report.failed.items():
        print(f"{name} failed: {reason}")
    print(f"{len(report.done)} done, {len(report.resumed)} were there, table: {results / 'measurements.csv'}")
    code = 1 if report.failed else 0
except Exception:
    traceback.print_exc()
finally:
    slicer.util.exit(code)  # without this, Slicer stays open when something fails
