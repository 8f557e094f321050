"""Radiographs as one-slice volume nodes that stand in their true planes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ReVerteRLib.errors import GeometryError, VolumeError
from ReVerteRLib.geometry import Array, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, projection_from_matrix
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.frames import from_vtk_matrix, matrix_to_lps, matrix_to_ras, to_vtk_matrix

WINDOW_PERCENTILES = (2.0, 99.7)
"""Part of the non-zero pixels between black and white; the tails are air and metal."""
_STATISTICS = 2048
"""Percentiles are those of every n-th pixel of images that are larger; sorting 8000 x 8000 takes seconds."""
_ROLE_OF = {View.AP: roles.AP, View.LATERAL: roles.LATERAL}
_VIEW_NAMES = {View.AP: "AP", View.LATERAL: "lateral"}
_NAME_OF = {View.AP: "AP radiograph", View.LATERAL: "Lateral radiograph"}


def add_radiograph(scene: Any, radiograph: Radiograph, name: str = "") -> Any:
    """A vtkMRMLScalarVolumeNode of one slice, lying on the projection's reference plane (RAS mm).

    The whole projection is kept as JSON (LPS mm) in the attribute ReVerteR.Projection, because source and detector
    cannot be seen from the plane alone. Bone is bright.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name or _NAME_OF[radiograph.view])
    node.SetAndObserveImageData(_image_data(radiograph.image_hw))
    node.SetIJKToRASMatrix(to_vtk_matrix(plane_to_ras(radiograph.projection)))
    node.SetAttribute(roles.PROJECTION, json.dumps(radiograph.projection.to_dict()))
    roles.mark(node, _ROLE_OF[radiograph.view])
    node.CreateDefaultDisplayNodes()
    _set_window(node, radiograph)
    return node


def plane_to_ras(projection: Projection) -> Array:
    """4x4 of the one-slice volume: i = column, j = row, k = along or against the beam so that ijk is right-handed.

    Slicer turns left-handed volumes over when it reads them; one slice does not care for the sign of k.
    """
    matrix = matrix_to_ras(projection.ijk_to_lps_mm)
    if np.linalg.det(matrix[:3, :3]) < 0:
        matrix[:3, 2] *= -1.0
    return matrix


def display_range(image_hw: Any) -> tuple[float, float]:
    """The values to show as black and white: percentiles of the pixels that are not empty background."""
    image = np.asarray(image_hw, dtype=np.float32)
    step = max(1, -(-max(image.shape) // _STATISTICS))
    values = image[::step, ::step] if image.ndim == 2 else image
    lit = values[values > values.min()]
    low, high = np.percentile(lit if lit.size else values, WINDOW_PERCENTILES)
    return (float(low), float(high)) if high > low else (float(values.min()), float(values.max()))


def radiograph_from_node(node: Any, view: View | None = None) -> Radiograph:
    """The radiograph that a volume node holds, with its projection; float32 pixels are shared with the node.

    view: needed for nodes without a stored projection; they are taken as parallel projections in their own plane.
    Raises InputError for None, VolumeError when the node holds no single slice of numbers and GeometryError when the
    node was moved away from its stored geometry, has a transform, or its plane does not belong to the view.
    """
    both = "Two radiographs are needed, one AP and one lateral"
    roles.given(node, f"{_VIEW_NAMES[view]} radiograph" if view else "radiograph", both)
    pixels = _pixels(node)
    if node.GetParentTransformNode() is not None:
        raise GeometryError("the radiograph has a transform", where=node.GetName(), remedy="Remove the transform")
    matrix_ras = _matrix_of(node)
    stored = node.GetAttribute(roles.PROJECTION)
    if stored:
        projection = Projection.from_dict(json.loads(stored))
        _check_unmoved(plane_to_ras(projection), matrix_ras, node.GetName())
    elif view is not None:
        height, width = pixels.shape
        projection = projection_from_matrix(view, matrix_to_lps(matrix_ras), (height, width), node.GetName())
    else:
        raise GeometryError(
            "the volume carries no projection geometry", where=node.GetName(), remedy="Say which view it is"
        )
    return Radiograph(pixels, projection, node.GetName())


def _image_data(image_hw: Any) -> Any:
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    height, width = image_hw.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    scalars = numpy_to_vtk(np.ascontiguousarray(image_hw, dtype=np.float32).ravel(), deep=True)
    scalars.SetName("radiograph")
    image.GetPointData().SetScalars(scalars)
    return image


def _set_window(node: Any, radiograph: Radiograph) -> None:
    low, high = display_range(radiograph.image_hw)
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(low, high)
    display.SetInterpolate(1)


def _pixels(node: Any) -> Any:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    if image is None or image.GetDimensions()[2] != 1 or image.GetNumberOfScalarComponents() != 1:
        size = image.GetDimensions() if image else "no"
        raise VolumeError(f"a radiograph of one slice is needed, this has {size} pixels", where=node.GetName())
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width).astype(np.float32, copy=False)


def _matrix_of(node: Any) -> Array:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return from_vtk_matrix(matrix)


def _check_unmoved(stored_ras: Array, actual_ras: Array, name: str) -> None:
    if not np.allclose(stored_ras, actual_ras, atol=1e-3):
        raise GeometryError(
            "the radiograph no longer lies where its stored geometry says",
            where=name,
            remedy="Load the radiograph again, or undo the change of its spacing, origin or direction",
        )
