from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scene_samples as samples
import vtk

from ReVerteRLib.errors import GeometryError, VolumeError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging.radiograph import Radiograph
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.frames import points_to_ras
from ReVerteRLib.scene.volumes import add_radiograph, display_range, radiograph_from_node


def _ras_of_pixel(node, row, column):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array(matrix.MultiplyPoint((column, row, 0, 1))[:3])


@pytest.mark.parametrize("view", list(View))
def test_a_bright_pixel_lies_under_the_point_that_cast_it(a_scene, view):
    import slicer

    node = add_radiograph(a_scene, samples.radiograph(view))
    pixels = slicer.util.arrayFromVolume(node)[0]
    along = 1 if view is View.AP else 0
    for position in samples.POSITIONS_LPS_MM.values():
        row, column = np.rint(samples.projection(view).project(position)[0]).astype(int)
        assert pixels[row, column] == 40.0
        expected = points_to_ras(position)
        actual = _ras_of_pixel(node, row, column)
        off = np.delete(np.abs(actual - expected), along)
        assert off.max() <= 0.5 + 1e-6


def test_the_ap_picture_is_coronal_with_the_patients_left_on_the_right_and_the_head_up(a_scene):
    node = add_radiograph(a_scene, samples.radiograph(View.AP))
    first = _ras_of_pixel(node, 0, 0)
    assert np.allclose(_ras_of_pixel(node, 0, 1) - first, [-1, 0, 0])
    assert np.allclose(_ras_of_pixel(node, 1, 0) - first, [0, 0, -1])


def test_the_lateral_picture_is_sagittal_with_the_back_on_the_right_and_the_head_up(a_scene):
    node = add_radiograph(a_scene, samples.radiograph(View.LATERAL))
    first = _ras_of_pixel(node, 0, 0)
    assert np.allclose(_ras_of_pixel(node, 0, 1) - first, [0, -1, 0])
    assert np.allclose(_ras_of_pixel(node, 1, 0) - first, [0, 0, -1])


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("beam", list(Beam))
def test_a_radiograph_comes_back_from_its_node_unchanged(a_scene, view, beam):
    original = samples.radiograph(view, beam)
    node = add_radiograph(a_scene, original)
    restored = radiograph_from_node(node)
    assert np.array_equal(restored.image_hw, original.image_hw)
    assert restored.projection == original.projection
    assert node.GetAttribute(roles.ROLE) == f"radiograph.{view.value}"


@pytest.mark.parametrize("view", list(View))
def test_a_node_without_stored_geometry_is_read_by_its_plane(a_scene, view):
    original = samples.radiograph(view)
    node = add_radiograph(a_scene, original)
    node.RemoveAttribute(roles.PROJECTION)
    with pytest.raises(GeometryError, match="no projection geometry"):
        radiograph_from_node(node)
    restored = radiograph_from_node(node, view).projection
    point = [[1.0, 2.0, 3.0]]
    assert np.allclose(restored.project(point), original.projection.project(point))
    assert np.allclose(restored.beam_direction, original.projection.beam_direction)


def test_a_node_in_the_wrong_plane_is_refused(a_scene):
    node = add_radiograph(a_scene, samples.radiograph(View.AP))
    node.RemoveAttribute(roles.PROJECTION)
    with pytest.raises(GeometryError, match="plane of the lateral view"):
        radiograph_from_node(node, View.LATERAL)


def test_a_moved_node_is_refused(a_scene):
    node = add_radiograph(a_scene, samples.radiograph(View.AP))
    node.SetOrigin(1.0, 2.0, 3.0)
    with pytest.raises(GeometryError, match="no longer lies"):
        radiograph_from_node(node)


def test_a_transformed_node_is_refused(a_scene):
    node = add_radiograph(a_scene, samples.radiograph(View.AP))
    node.SetAndObserveTransformNodeID(a_scene.AddNewNodeByClass("vtkMRMLLinearTransformNode").GetID())
    with pytest.raises(GeometryError, match="transform"):
        radiograph_from_node(node)


def test_a_ct_is_no_radiograph(a_scene):
    node = a_scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    with pytest.raises(VolumeError, match="one slice"):
        radiograph_from_node(node, View.AP)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_FLOAT, 1)
    node.SetAndObserveImageData(image)
    with pytest.raises(VolumeError, match="one slice"):
        radiograph_from_node(node, View.AP)


def test_the_window_ignores_empty_air_and_a_few_hot_pixels_and_shows_bone_bright(a_scene):
    image = np.zeros((100, 100), dtype=np.float32)
    image[40:60] = np.linspace(1.0, 5.0, 2000).reshape(20, 100)
    image[50, 50] = 1e6
    geometry = dataclasses.replace(samples.projection(View.AP), image_hw=(100, 100))
    node = add_radiograph(a_scene, Radiograph(image, geometry))
    display = node.GetDisplayNode()
    assert 1.0 < display.GetWindowLevelMin() < 1.2
    assert 4.9 < display.GetWindowLevelMax() <= 5.0
    assert display.GetColorNode().GetName() == "Grey"
    assert not display.GetInvertDisplayScalarRange() if hasattr(display, "GetInvertDisplayScalarRange") else True


def test_a_two_valued_image_still_has_a_window():
    image = np.zeros((40, 40), dtype=np.float32)
    image[10:20] = 1.0
    assert display_range(image) == (0.0, 1.0)
