"""CT volume nodes as the library's CtVolume."""

from __future__ import annotations

from typing import Any

import numpy as np

from ReVerteRLib.errors import GeometryError, VolumeError
from ReVerteRLib.imaging.volume import CtVolume, check_hounsfield
from ReVerteRLib.scene.frames import from_vtk_matrix, matrix_to_lps
from ReVerteRLib.scene.roles import given


def ct_from_node(node: Any) -> CtVolume:
    """The CT of a vtkMRMLScalarVolumeNode in LPS mm; the voxels are shared with the node, not copied.

    Raises VolumeError when the node holds no 3-D volume of Hounsfield units, GeometryError when it has a transform,
    InputError for None.
    """
    import vtk
    from vtkmodules.util.numpy_support import vtk_to_numpy

    name = given(node, "CT", "Choose a CT volume").GetName()
    image = node.GetImageData()
    if image is None or image.GetNumberOfScalarComponents() != 1 or min(image.GetDimensions()) < 2:
        size = image.GetDimensions() if image else "no"
        raise VolumeError(f"a CT volume is needed, this has {size} voxels", where=name, remedy="Choose a CT")
    if node.GetParentTransformNode() is not None:
        raise GeometryError("the CT has a transform", where=name, remedy="Harden or remove the transform")
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    check_hounsfield(np.asarray(array), name)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return CtVolume(array, matrix_to_lps(from_vtk_matrix(matrix)), name)
