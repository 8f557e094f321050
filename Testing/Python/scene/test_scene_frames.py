from __future__ import annotations

import numpy as np
import scene_samples as samples
from vtkmodules.util.numpy_support import vtk_to_numpy

from ReVerteRLib.scene.frames import (
    from_vtk_matrix,
    matrix_to_lps,
    matrix_to_ras,
    points_to_lps,
    points_to_ras,
    surface_to_lps,
    surface_to_ras,
    to_vtk_matrix,
)


def test_left_and_posterior_change_their_sign_and_superior_does_not():
    assert points_to_ras([[1.0, 2.0, 3.0]]).tolist() == [[-1.0, -2.0, 3.0]]
    assert points_to_lps([-1.0, -2.0, 3.0]).tolist() == [1.0, 2.0, 3.0]


def test_a_voxel_has_the_same_place_by_matrix_and_by_point():
    matrix = samples.oblique_matrix(left_handed=True)
    index = np.array([3.0, 5.0, 7.0, 1.0])
    assert np.allclose((matrix_to_ras(matrix) @ index)[:3], points_to_ras((matrix @ index)[:3]))
    assert np.array_equal(matrix_to_lps(matrix_to_ras(matrix)), matrix)


def test_matrices_keep_rows_and_columns_on_the_way_through_vtk():
    matrix = samples.oblique_matrix()
    assert to_vtk_matrix(matrix).GetElement(0, 3) == matrix[0, 3]
    assert np.array_equal(from_vtk_matrix(to_vtk_matrix(matrix)), matrix)


def test_a_turned_surface_keeps_normals_outwards_and_leaves_the_original_alone():
    centre = np.array([12.0, -20.0, 65.0])
    original = samples.ball(tuple(centre))
    turned = surface_to_ras(original)
    points = vtk_to_numpy(turned.GetPoints().GetData())
    normals = vtk_to_numpy(turned.GetPointData().GetNormals())
    assert np.allclose(points.mean(axis=0), [-12.0, 20.0, 65.0], atol=0.01)
    assert ((points - [-12.0, 20.0, 65.0]) * normals).sum(axis=1).min() > 9.0
    assert abs(original.GetCenter()[0] - 12.0) < 0.01
    back = vtk_to_numpy(surface_to_lps(turned).GetPoints().GetData())
    assert np.allclose(back, vtk_to_numpy(original.GetPoints().GetData()), atol=1e-5)
