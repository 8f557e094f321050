"""Off-screen drawing surfaces that need no display and fail with a message instead of taking the process down."""

from __future__ import annotations

import functools
import os
import sys

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.offscreen import REMEDY, rendering_problem
from ReVerteRLib.scene.messages import vtk_messages

Pixels = NDArray[np.uint8]
BACKGROUND_RGB = (1.0, 1.0, 1.0)


class OffscreenWindow:
    """One renderer in an off-screen window of a given size (width, height). Use as a context manager.

    oversampling: drawn so many times larger and averaged; with software OpenGL that is faster than multisampling.
    Raises ResourceError where nothing can draw.
    """

    def __init__(
        self,
        size_wh: tuple[int, int],
        background_rgb: tuple[float, float, float] = BACKGROUND_RGB,
        oversampling: int = 1,
    ) -> None:
        import vtk

        if min(size_wh) < 1:
            raise ArgumentError(f"a picture of {size_wh[0]} x {size_wh[1]} pixels is impossible")
        self.size_wh, self.oversampling = size_wh, oversampling
        self.window = getattr(vtk, _window_class())()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(size_wh[0] * oversampling, size_wh[1] * oversampling)
        self.window.SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.renderer.SetBackground(*background_rgb)
        self.window.AddRenderer(self.renderer)

    def pixels(self) -> Pixels:
        """Draws and returns the picture, uint8 [rows from the top, columns, RGB]."""
        import vtk
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.SetInputBufferTypeToRGB()
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height = self.size_wh
        flat = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        fine = flat.reshape(height, self.oversampling, width, self.oversampling, 3)[::-1]
        averaged: Pixels = np.rint(fine.mean(axis=(1, 3))).astype(np.uint8)
        return averaged

    def close(self) -> None:
        """Gives the graphics memory back."""
        self.window.Finalize()

    def __enter__(self) -> OffscreenWindow:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _window_class() -> str:
    """Name of the VTK class that can draw here. Raises ResourceError when there is none."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return "vtkRenderWindow"
    problem = rendering_problem() or ("" if _drawable_class() else f"Pictures cannot be drawn: no graphics. {REMEDY}")
    if problem:
        what, _, remedy = problem.partition(". ")
        raise ResourceError(what, where="off-screen rendering", remedy=remedy)
    return _drawable_class()


@functools.cache
def _drawable_class() -> str:
    """'' where neither EGL nor OSMesa gives a context; found out without drawing, as VTK crashes when it draws in vain.

    vtkOSOpenGLRenderWindow.SupportsOpenGL says yes even without its library, so the library itself is looked for.
    """
    import ctypes

    import vtk

    with vtk_messages():
        if vtk.vtkEGLRenderWindow().SupportsOpenGL():
            return "vtkEGLRenderWindow"
    for name in ("libOSMesa.so.8", "libOSMesa.so"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return "vtkOSOpenGLRenderWindow"
    return ""
