"""A scene of 3D Slicer without its desktop program: the MRML classes and module logics of the wheel ``slicer-core``.

The desktop program makes a scene, an application logic and one logic a module when it starts. The wheel holds the same
C++ classes but no program that wires them; :func:`start` does.
"""

import tempfile
from types import SimpleNamespace

LOGICS = {
    "volumes": "vtkSlicerVolumesLogic",
    "segmentations": "vtkSlicerSegmentationsModuleLogic",
    "markups": "vtkSlicerMarkupsLogic",
    "tables": "vtkSlicerTablesLogic",
    "plots": "vtkSlicerPlotsLogic",
    "sequences": "vtkSlicerSequencesLogic",
    "subjecthierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
}
MODULES = {"subjecthierarchy": "SubjectHierarchy"}
_kept = []  # the scene knows these, but does not own them


def start():
    """Make a new scene with every logic observing it; set it as ``slicer.mrmlScene`` and return it."""
    import slicer

    _kept.clear()
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    colours = slicer.vtkMRMLColorLogic()
    remote = slicer.vtkMRMLRemoteIOLogic()
    for logic in (colours, remote):
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
    application.SetModuleLogic("Colors", colours)
    colours.AddDefaultColorNodes()
    remote.GetCacheManager().SetRemoteCacheDirectory(tempfile.mkdtemp(prefix="slicer-cache-"))
    transfer = slicer.vtkDataIOManagerLogic()
    transfer.SetMRMLScene(scene)
    transfer.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    slicer.modules = SimpleNamespace(colors=_module(colours))
    for name, kind in LOGICS.items():
        if not hasattr(slicer, kind):
            continue
        logic = getattr(slicer, kind)()
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(MODULES.get(name, name.capitalize()), logic)
        setattr(slicer.modules, name, _module(logic))
    slicer.app = SimpleNamespace(applicationLogic=lambda: application, testingEnabled=lambda: True)
    _kept.extend((scene, application, colours, remote, transfer))
    return scene


def _module(logic):
    """Return what ``slicer.modules.NAME`` is for: something whose ``logic()`` returns the logic."""
    return SimpleNamespace(logic=lambda: logic)
