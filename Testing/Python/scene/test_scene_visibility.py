from __future__ import annotations

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.scene import layout
from ReVerteRLib.scene.bootstrap import SceneHost
from ReVerteRLib.scene.builder import build_scene, read_mrb, save_mrb
from ReVerteRLib.scene.epipolar import VIEW_NODE_ID
from ReVerteRLib.scene.turntable import c_arm_text, turntable, wrapped
from ReVerteRLib.scene.visibility import LevelVisibility, centre_camera, centre_slice_views

T12, L1, L2 = samples.LEVELS
L5 = level_from_name("L5")


@pytest.fixture
def a_spine(a_scene):
    return build_scene(
        a_scene, radiographs=samples.pair(Beam.CONE), labels=samples.labels(), surfaces=samples.surfaces()
    )


def _segment_shown(spine, level):
    return bool(spine.segmentation.GetDisplayNode().GetSegmentVisibility(level.name))


def test_a_level_is_hidden_in_segmentation_and_model_together(a_spine):
    look = LevelVisibility.of_spine(a_spine)
    look.set_visible(L1, False)
    assert not look.is_visible(L1)
    assert not _segment_shown(a_spine, L1)
    assert not a_spine.models[L1].GetDisplayNode().GetVisibility()
    assert [_segment_shown(a_spine, level) for level in (T12, L2)] == [True, True]
    look.show_only([L2])
    assert [look.is_visible(level) for level in look.levels] == [False, False, True]
    look.show_all()
    assert all(_segment_shown(a_spine, level) for level in samples.LEVELS)


def test_opacity_is_one_number_for_both(a_spine):
    look = LevelVisibility.of_spine(a_spine)
    look.set_opacity(T12, 0.35)
    display = a_spine.segmentation.GetDisplayNode()
    assert a_spine.models[T12].GetDisplayNode().GetOpacity() == pytest.approx(0.35)
    assert display.GetSegmentOpacity3D("T12") == pytest.approx(0.35)
    assert display.GetSegmentOpacity2DFill("T12") == pytest.approx(0.35)
    assert look.opacity(L1) == 1.0
    look.set_all_opacities(0.5)
    assert [look.opacity(level) for level in look.levels] == [0.5] * 3
    with pytest.raises(ArgumentError, match=r"opacity of 1.5"):
        look.set_opacity(T12, 1.5)


def test_a_level_that_the_result_does_not_hold_is_named(a_spine):
    with pytest.raises(ArgumentError, match=r"holds no L5. Choose among T12, L1, L2"):
        LevelVisibility.of_spine(a_spine).set_visible(L5, True)


def test_nodes_that_are_gone_are_passed_over(a_scene, a_spine):
    look = LevelVisibility.of_spine(a_spine)
    a_scene.RemoveNode(a_spine.models[L1])
    look.set_visible(L1, False)
    assert not look.is_visible(L1)
    assert look.opacity(L1) == 1.0
    a_scene.RemoveNode(a_spine.segmentation)
    assert look.levels == (T12, L2)
    look.set_opacity(T12, 0.2)
    a_scene.Clear(0)
    assert look.levels == ()
    look.show_all()


def test_models_alone_and_segments_alone_are_enough(a_scene):
    only_labels = LevelVisibility.of_spine(build_scene(a_scene, labels=samples.labels()))
    only_models = LevelVisibility.of_spine(build_scene(a_scene, surfaces=samples.surfaces()))
    for look in (only_labels, only_models):
        look.set_visible(L2, False)
        look.set_opacity(L1, 0.4)
        assert [look.is_visible(level) for level in look.levels] == [True, True, False]
        assert look.opacity(L1) == pytest.approx(0.4)


def test_each_of_several_results_has_its_own_models(a_scene):
    first = build_scene(a_scene, labels=samples.labels(), surfaces=samples.surfaces(), name="first")
    second = build_scene(a_scene, labels=samples.labels(), surfaces=samples.surfaces(), name="second")
    LevelVisibility.of_segmentation(first.segmentation).set_visible(L1, False)
    assert not first.models[L1].GetDisplayNode().GetVisibility()
    assert second.models[L1].GetDisplayNode().GetVisibility()
    assert _segment_shown(second, L1)


def test_what_is_hidden_stays_so_in_the_saved_scene(tmp_path):
    with SceneHost() as host:
        spine = build_scene(host.scene, labels=samples.labels(), surfaces=samples.surfaces())
        look = LevelVisibility.of_spine(spine)
        look.set_visible(L1, False)
        look.set_opacity(T12, 0.25)
        save_mrb(spine, tmp_path / "look.mrb")
    with SceneHost() as host:
        look = LevelVisibility.of_spine(read_mrb(host.scene, tmp_path / "look.mrb"))
        assert [look.is_visible(level) for level in look.levels] == [True, False, True]
        assert look.opacity(T12) == pytest.approx(0.25)


# --- centring ------------------------------------------------------------------------------------


@pytest.fixture
def shown_views(a_scene, a_spine):
    import slicer

    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(a_scene)
    layout.show_layout(logic.GetLayoutNode())
    layout.show_spine(a_spine)
    yield {view: a_scene.GetNodeByID(identifier) for view, identifier in VIEW_NODE_ID.items()}
    logic.SetMRMLScene(None)


def test_slice_views_centre_on_the_shadow_and_keep_their_planes(a_scene, shown_views):
    projections = {view: samples.projection(view, Beam.CONE) for view in View}
    place = samples.POSITIONS_LPS_MM[T12]
    normals = {view: _slice_matrix(node)[:3, 2] for view, node in shown_views.items()}
    centre_slice_views(a_scene, place, projections)
    for view, node in shown_views.items():
        projection = projections[view]
        middle_lps = _slice_matrix(node)[:3, 3] * (-1.0, -1.0, 1.0)
        assert middle_lps == pytest.approx(projection.plane_point(projection.project(place))[0], abs=1e-6)
        assert _slice_matrix(node)[:3, 2] == pytest.approx(normals[view])


def test_centring_without_views_does_nothing(a_scene):
    centre_slice_views(a_scene, (0.0, 0.0, 0.0), {View.AP: samples.projection(View.AP)})
    assert a_scene.GetNodeByID(VIEW_NODE_ID[View.AP]) is None


def test_the_camera_looks_from_the_same_side_and_distance(a_scene):
    camera = a_scene.AddNewNodeByClass("vtkMRMLCameraNode")
    layout.camera_pose(40.0, 10.0, 5.0, (-50, 50, -40, 60, -100, 100)).apply(camera)
    before = np.array(camera.GetPosition()) - np.array(camera.GetFocalPoint())
    centre_camera(camera, (12.0, -20.0, 65.0))
    assert camera.GetFocalPoint() == pytest.approx((-12.0, 20.0, 65.0))
    assert np.array(camera.GetPosition()) - np.array(camera.GetFocalPoint()) == pytest.approx(before)


def _slice_matrix(node):
    from ReVerteRLib.scene.frames import from_vtk_matrix

    return from_vtk_matrix(node.GetSliceToRAS())


# --- turning -------------------------------------------------------------------------------------


def test_a_thousand_turns_end_exactly_where_they_began():
    *_, last = turntable((33.3, -12.0, 7.0), steps=7, turns=1000)
    assert last == (33.3, -12.0, 7.0)


def test_a_turn_goes_by_even_steps_and_the_other_way_when_told():
    forwards = [angles[0] for angles in turntable(steps=8)]
    assert forwards == [45.0, 90.0, 135.0, 180.0, -135.0, -90.0, -45.0, 0.0]
    assert [angles[0] for angles in turntable(steps=8, turns=-0.5)] == [-45.0, -90.0, -135.0, 180.0]
    with pytest.raises(ArgumentError, match="stands still"):
        next(turntable(steps=1))


@pytest.mark.parametrize(("angle", "expected"), [(0.0, 0.0), (180.0, 180.0), (-180.0, 180.0), (725.0, 5.0)])
def test_angles_are_wrapped(angle, expected):
    assert wrapped(angle) == expected


@pytest.mark.parametrize(
    ("rotation", "elevation", "text"),
    [
        (-30.0, 10.0, "RAO 30 / CRAN 10"),
        (90.0, 0.0, "LAO 90 / CRAN 0"),
        (0.0, -25.4, "LAO 0 / CAUD 25"),
        (-0.3, -0.3, "LAO 0 / CRAN 0"),
        (270.0, 5.0, "RAO 90 / CRAN 5"),
    ],
)
def test_c_arm_angles_are_those_of_the_detector_about_the_patient(rotation, elevation, text):
    assert c_arm_text(rotation, elevation) == text


def test_lao_means_that_the_camera_stands_at_the_patients_left_front():
    pose = layout.camera_pose(30.0, 10.0, 0.0, (-1, 1, -1, 1, -1, 1))
    right, anterior, superior = pose.position - pose.focal_point
    assert right < 0 < anterior
    assert superior > 0
    assert c_arm_text(30.0, 10.0) == "LAO 30 / CRAN 10"
