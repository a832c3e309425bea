"""A slice view as an array of pixels: what Slicer's own displayable managers draw, without a window on the screen.

The desktop program puts the same parts into a widget (qMRMLSliceView): a slice logic that blends the layers, and
displayable managers that draw regions, control points and colour legends over them.
"""

import ctypes
import os
import sys

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = (
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
NEEDED = "a driver for OpenGL without a screen; on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"


def offscreen_window():
    """Return a render window that needs no screen, or None where there is no driver for it.

    Asked first, because VTK ends the process where it renders without a driver.
    """
    if sys.platform.startswith("linux"):
        window = vtk.vtkEGLRenderWindow() if hasattr(vtk, "vtkEGLRenderWindow") else None
        if window is not None and window.SupportsOpenGL():
            return window
        return vtk.vtkOSOpenGLRenderWindow() if _has_osmesa() else None
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(True)
    return window if window.SupportsOpenGL() else None


def _has_osmesa():
    """Whether the library is there: VTK's class for it says yes to every question."""
    for name in ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


class SliceView:
    """One slice of a scene. The plane is that of the background's voxels unless ``across`` gives another."""

    def __init__(self, background, foreground=None, *, opacity=0.6, size=(400, 400), name="Red", across=None):
        import slicer

        self.window = offscreen_window()
        if self.window is None:
            raise RuntimeError(NEEDED)
        self._prepare_window(size)
        application = slicer.app.applicationLogic()
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.AddSliceNode(name)
        if application.GetSliceLogics() is None:
            application.SetSliceLogics(vtk.vtkCollection())
        application.GetSliceLogics().AddItem(self.logic)  # the colour legend looks for the layers there
        self._choose_layers(background, foreground, opacity)
        self._turn(background, across, size)
        self._add_image()
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        for manager in MANAGERS:
            made = getattr(slicer, manager)()
            made.SetMRMLApplicationLogic(application)
            self.group.AddDisplayableManager(made)
        self.group.SetMRMLDisplayableNode(self.node)

    def _prepare_window(self, size):
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.window.SetInteractor(self.interactor)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()

    def _choose_layers(self, background, foreground, opacity):
        layers = self.logic.GetSliceCompositeNode()
        layers.SetBackgroundVolumeID(background.GetID())
        if foreground is not None:
            layers.SetForegroundVolumeID(foreground.GetID())
            layers.SetForegroundOpacity(opacity)

    def _turn(self, background, across, size):
        if across is None:
            self.node.RotateToVolumePlane(background)
        else:
            self.node.SetOrientation(across)
        self.logic.ResizeSliceNode(*size)
        self.logic.FitSliceToBackground(*size)

    def _add_image(self):
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(self.logic.GetImageDataConnection())
        image = vtk.vtkActor2D()
        image.SetMapper(mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddActor2D(image)

    def jump(self, position):
        """Move the slice through a RAS position [mm], not within its plane."""
        self.node.JumpSliceByOffsetting(*position)

    def pixel(self, position):
        """Return row and column, as in :meth:`picture`, of a RAS position [mm] in the slice."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), inverse)
        column, row = inverse.MultiplyPoint((*position, 1.0))[:2]
        return int(round(self.window.GetSize()[1] - 1 - row)), int(round(column))

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
