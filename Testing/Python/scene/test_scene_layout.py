from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import scene_samples as samples
import vtk

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.scene import layout
from ReVerteRLib.scene.builder import build_scene

BOUNDS = (-40.0, 60.0, -30.0, 50.0, -200.0, 260.0)


@pytest.fixture
def a_layout_node(a_scene):
    import slicer

    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(a_scene)
    yield logic.GetLayoutNode()
    logic.SetMRMLScene(None)


def test_the_layout_has_its_own_views_in_the_order_ap_lateral_3d():
    views = list(ET.fromstring(layout.layout_xml()).iter("view"))  # noqa: S314 - our own file
    assert [view.get("singletontag") for view in views] == ["ReVerteRAP", "ReVerteRLateral", "ReVerteR3D"]
    groups = {prop.text for view in views for prop in view.findall("property") if prop.get("name") == "viewgroup"}
    assert groups == {"53"}


def test_slicers_layout_logic_makes_the_views(a_scene, a_layout_node):
    before = layout.show_layout(a_layout_node)
    assert a_layout_node.GetViewArrangement() == layout.LAYOUT_ID
    ap = a_scene.GetSingletonNode(layout.AP_VIEW, "vtkMRMLSliceNode")
    lateral = a_scene.GetSingletonNode(layout.LATERAL_VIEW, "vtkMRMLSliceNode")
    assert (ap.GetOrientation(), ap.GetLayoutLabel(), ap.GetViewGroup()) == ("Coronal", "AP", 53)
    assert (lateral.GetOrientation(), lateral.GetLayoutLabel()) == ("Sagittal", "LAT")
    assert a_scene.GetSingletonNode(layout.THREED_VIEW, "vtkMRMLViewNode").GetViewGroup() == 53
    a_layout_node.SetViewArrangement(before)
    assert not ap.IsMappedInLayout()


def test_registering_twice_is_allowed_and_does_not_switch(a_layout_node):
    before = a_layout_node.GetViewArrangement()
    layout.register_layout(a_layout_node)
    layout.register_layout(a_layout_node)
    assert a_layout_node.IsLayoutDescription(layout.LAYOUT_ID)
    assert a_layout_node.GetViewArrangement() == before


def test_the_slice_views_lie_in_the_planes_of_the_radiographs(a_scene, a_layout_node):
    spine = build_scene(a_scene, radiographs=samples.pair())
    layout.show_layout(a_layout_node)
    layout.show_spine(spine)
    for name, volume, right in (
        (layout.AP_VIEW, spine.ap, (-1, 0, 0)),
        (layout.LATERAL_VIEW, spine.lateral, (0, -1, 0)),
    ):
        matrix = a_scene.GetSingletonNode(name, "vtkMRMLSliceNode").GetSliceToRAS()
        assert [matrix.GetElement(row, 0) for row in range(3)] == pytest.approx(right, abs=1e-6)
        assert [matrix.GetElement(row, 1) for row in range(3)] == pytest.approx((0, 0, 1), abs=1e-6)
        bounds = np.zeros(6)
        volume.GetRASBounds(bounds)
        across = int(np.argmax(np.abs([matrix.GetElement(row, 2) for row in range(3)])))
        assert matrix.GetElement(across, 3) == pytest.approx(bounds.reshape(3, 2)[across].mean(), abs=0.51)
        composites = [n for n in a_scene.GetNodesByClass("vtkMRMLSliceCompositeNode") if n.GetLayoutName() == name]
        assert [node.GetBackgroundVolumeID() for node in composites] == [volume.GetID()]


def _on_screen(pose, point_ras_mm):
    """Right and up coordinates of a point as a real vtkCamera sees it."""
    camera = vtk.vtkCamera()
    pose.apply(camera)
    x, y, _, _ = camera.GetViewTransformMatrix().MultiplyPoint((*point_ras_mm, 1.0))
    return x, y


def test_from_the_front_the_patients_left_is_on_the_right_and_the_head_is_up():
    pose = layout.camera_pose(*layout.PRESETS["front"], BOUNDS)
    x, y = _on_screen(pose, pose.focal_point + np.array([-10.0, 3.0, 20.0]))
    assert (x, y) == pytest.approx((10.0, 20.0), abs=1e-6)


def test_the_side_view_looks_as_the_lateral_radiograph_does():
    pose = layout.camera_pose(*layout.PRESETS["side"], BOUNDS)
    assert _on_screen(pose, pose.focal_point + np.array([7.0, -10.0, 20.0])) == pytest.approx((10.0, 20.0), abs=1e-6)


def test_the_top_view_has_the_front_below_and_the_patients_left_on_the_right():
    pose = layout.camera_pose(*layout.PRESETS["top"], BOUNDS)
    assert _on_screen(pose, pose.focal_point + np.array([-10.0, 5.0, 7.0])) == pytest.approx((10.0, -5.0), abs=1e-6)


def test_roll_turns_the_picture_clockwise():
    pose = layout.camera_pose(0.0, 0.0, 90.0, BOUNDS)
    assert _on_screen(pose, pose.focal_point + np.array([0.0, 0.0, 20.0])) == pytest.approx((20.0, 0.0), abs=1e-6)


def test_turning_right_round_in_steps_ends_where_it_began():
    first = layout.camera_pose(0.0, 12.0, 3.0, BOUNDS)
    last = [layout.camera_pose(7.2 * step, 12.0, 3.0, BOUNDS) for step in range(51)][-1]
    assert np.allclose(first.position, last.position, atol=1e-9)
    assert np.allclose(first.view_up, last.view_up, atol=1e-12)


def test_the_distance_does_not_depend_on_the_angles_and_the_box_always_fits():
    for angles in ((0, 0, 0), (60, 20, 5), (213, -75, 90)):
        pose = layout.camera_pose(*angles, BOUNDS)
        assert pose.radius_mm == pytest.approx(np.linalg.norm([100, 80, 460]) / 2)
        distance = np.linalg.norm(pose.position - pose.focal_point)
        assert distance == pytest.approx(pose.radius_mm / np.sin(np.deg2rad(15.0)))
        assert pose.view_up @ (pose.position - pose.focal_point) == pytest.approx(0.0, abs=1e-9)


def test_a_camera_node_takes_a_pose(a_scene):
    node = a_scene.AddNewNodeByClass("vtkMRMLCameraNode")
    pose = layout.camera_pose(60.0, 10.0, 0.0, BOUNDS)
    pose.apply(node)
    assert node.GetPosition() == pytest.approx(tuple(pose.position))
    assert node.GetViewUp() == pytest.approx(tuple(pose.view_up))


@pytest.mark.parametrize("bounds", [(1, -1, 1, -1, 1, -1), (0, 0, 0, 0, 0, 0), (0, np.nan, 0, 1, 0, 1)])
def test_empty_bounds_are_refused(bounds):
    with pytest.raises(ArgumentError, match="nothing to look at"):
        layout.camera_pose(0.0, 0.0, 0.0, bounds)
