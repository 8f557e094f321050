"""The border between the library's LPS and Slicer's RAS; no other file changes the signs.

Both frames are right-handed millimetres and differ by half a turn about the head-foot axis, so the same
operation leads there and back and the winding of surfaces stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.geometry import Array

_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])


def points_to_ras(points_lps_mm: ArrayLike) -> Array:
    """Positions or directions (..., 3), LPS to RAS."""
    points = np.asarray(points_lps_mm, dtype=np.float64)
    return points * np.diag(_HALF_TURN)[:3]


def points_to_lps(points_ras_mm: ArrayLike) -> Array:
    """Positions or directions (..., 3), RAS to LPS."""
    return points_to_ras(points_ras_mm)


def matrix_to_ras(ijk_to_lps_mm: ArrayLike) -> Array:
    """4x4 of an image: index-to-LPS becomes index-to-RAS."""
    matrix: Array = _HALF_TURN @ np.asarray(ijk_to_lps_mm, dtype=np.float64)
    return matrix


def matrix_to_lps(ijk_to_ras_mm: ArrayLike) -> Array:
    """4x4 of an image: index-to-RAS becomes index-to-LPS."""
    return matrix_to_ras(ijk_to_ras_mm)


def surface_to_ras(surface_lps: Any) -> Any:
    """A turned copy of a vtkPolyData in LPS; point data are kept, normals are turned too."""
    import vtk

    transform = vtk.vtkTransform()
    transform.SetMatrix(to_vtk_matrix(_HALF_TURN))
    turn = vtk.vtkTransformPolyDataFilter()
    turn.SetTransform(transform)
    turn.SetInputData(surface_lps)
    turn.Update()
    result = vtk.vtkPolyData()
    result.DeepCopy(turn.GetOutput())
    return result


def surface_to_lps(surface_ras: Any) -> Any:
    """A turned copy of a vtkPolyData in RAS."""
    return surface_to_ras(surface_ras)


def to_vtk_matrix(matrix: ArrayLike) -> Any:
    """vtkMatrix4x4 of a 4x4 array."""
    import vtk

    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return result


def from_vtk_matrix(matrix: Any) -> Array:
    """4x4 array of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
