"""A slice view as an array of pixels: what Slicer's own displayable managers draw, without a window on the screen.

The desktop program puts the same parts into a widget (qMRMLSliceView): a slice logic that blends the layers, and
displayable managers that draw regions, control points and colour legends over them.
"""

import functools
import subprocess
import sys

import vtk
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = (
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
NEEDED = "a driver for OpenGL without a screen; on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
_TRY = """
import sys, vtk
window = getattr(vtk, sys.argv[1])()
window.SetOffScreenRendering(True)
if not window.SupportsOpenGL():
    sys.exit(1)
window.AddRenderer(vtk.vtkRenderer())
window.Render()
"""


class NoDriverError(RuntimeError):
    """Nothing on this machine draws without a screen; the message says what to install."""


@functools.cache
def window_kind():
    """Return the name of VTK's class of render window that draws here without a screen, or None.

    Tried in a process of its own, because VTK ends the process that renders without a driver.
    """
    on_linux = sys.platform.startswith("linux")
    for kind in ("vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow") if on_linux else ("vtkRenderWindow",):
        tried = subprocess.run([sys.executable, "-c", _TRY, kind], capture_output=True, timeout=120, check=False)
        if tried.returncode == 0:
            return kind
    return None


class SliceView:
    """One slice view; empty until :meth:`show`. Make it before the nodes, as the desktop program does.

    The patient's right is at the left of axial and coronal views, anterior at the left of sagittal ones.
    """

    def __init__(self, size=(400, 400), name="Red"):
        import slicer

        kind = window_kind()
        if kind is None:
            raise NoDriverError(NEEDED)
        self.window = getattr(vtk, kind)()
        self._size = size
        self._prepare_window()
        scene, application = slicer.mrmlScene, slicer.app.applicationLogic()
        scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # the Colors module does so
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode(name)
        if application.GetSliceLogics() is None:
            application.SetSliceLogics(vtk.vtkCollection())
        application.GetSliceLogics().AddItem(self.logic)  # the colour legend looks for the layers there
        self._add_image()
        vtk.vtkMapper.SetResolveCoincidentTopologyToPolygonOffset()  # as the program does
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        for manager in MANAGERS:
            made = getattr(slicer, manager)()
            made.SetMRMLApplicationLogic(application)
            self.group.AddDisplayableManager(made)
        self.group.SetMRMLDisplayableNode(self.node)

    def show(self, background, foreground=None, *, opacity=0.6, orientation="Sagittal", at=None):
        """Show one or two volumes, in the plane of the background's voxels that is nearest to an orientation.

        ``at``: the slice goes through this RAS position [mm].
        """
        layers = self.logic.GetSliceCompositeNode()
        layers.SetBackgroundVolumeID(background.GetID())
        layers.SetForegroundVolumeID(None if foreground is None else foreground.GetID())
        layers.SetForegroundOpacity(opacity)
        self.node.SetOrientation(orientation)
        self.node.RotateToVolumePlane(background)
        self.logic.ResizeSliceNode(*self._size)
        self.logic.FitSliceToBackground(*self._size)
        self._image.SetInputConnection(self.logic.GetImageDataConnection())  # there is none before
        if at is not None:
            self.node.JumpSliceByOffsetting(*at)

    def _prepare_window(self):
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*self._size)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.window.SetInteractor(self.interactor)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()

    def _add_image(self):
        self._image = vtk.vtkImageMapper()
        self._image.SetColorWindow(255)
        self._image.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._image)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)

    def pixel(self, position):
        """Return row and column, as in :meth:`picture`, of a RAS position [mm] in the slice."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), inverse)
        column, row = inverse.MultiplyPoint((*position, 1.0))[:2]
        return round(self.window.GetSize()[1] - 1 - row), round(column)

    def picture(self):
        """Render; return the pixels as a (rows, columns, 3) uint8 array, the first row on top."""
        self.window.Render()
        grabbed = vtk.vtkWindowToImageFilter()
        grabbed.SetInput(self.window)
        grabbed.ReadFrontBufferOff()
        grabbed.Update()
        image = grabbed.GetOutput()
        columns, rows, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, 3)[::-1].copy()

    def close(self):
        """Let the window and everything drawn in it go, before the scene does."""
        import slicer

        self.group.SetMRMLDisplayableNode(None)
        slicer.app.applicationLogic().GetSliceLogics().RemoveItem(self.logic)
        self.logic.SetMRMLScene(None)
        self.window.Finalize()
