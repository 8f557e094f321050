from __future__ import annotations

import gc
import itertools

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.scene.builder import build_scene
from ReVerteRLib.scene.centroid_editor import CentroidEditor, Change
from ReVerteRLib.scene.centroid_points import Point
from ReVerteRLib.scene.frames import to_vtk_matrix
from ReVerteRLib.scene.markups import centroids_from_node


def _editor(scene, beam=Beam.PARALLEL, **options):
    pair = samples.pair(beam)
    spine = build_scene(scene, radiographs=pair, centroids=samples.centroids())
    return CentroidEditor(scene, spine.centroids, pair, **options)


@pytest.fixture
def an_editor(a_scene):
    with _editor(a_scene) as editor:
        yield editor


@pytest.fixture
def a_cone_editor(a_scene):
    with _editor(a_scene, Beam.CONE) as editor:
        yield editor


def _position(editor, index):
    return editor.points[index].position_lps_mm


def _labels(editor):
    return [point.label for point in editor.points]


def _drag(editor, view, index, steps_rc):
    """As Slicer's widget does: the handle moves in the plane of the view, between start and end events."""
    node = editor.views.handle_node(view)
    projection = samples.projection(view, Beam.CONE if _is_cone(editor) else Beam.PARALLEL)
    node.InvokeEvent(node.PointStartInteractionEvent)
    start = projection.project(_position(editor, index))[0]
    for step in steps_rc:
        point = projection.plane_point(start + step)[0] * (-1.0, -1.0, 1.0)
        node.SetNthControlPointPosition(index, *point)
    node.InvokeEvent(node.PointEndInteractionEvent)
    return projection, start


def _is_cone(editor):
    return editor._projections[View.AP].beam is Beam.CONE


def _handle_lps(editor, view, index):
    position = np.zeros(3)
    editor.views.handle_node(view).GetNthControlPointPosition(index, position)
    return position * (-1.0, -1.0, 1.0)


# --- linked views --------------------------------------------------------------------------------


def test_a_drag_in_ap_changes_height_and_left_right_alone(an_editor):
    _drag(an_editor, View.AP, 1, [(1.0, 1.0), (4.0, -6.0)])
    assert _position(an_editor, 1) == pytest.approx((-3.0, -5.0, 26.0))


def test_a_drag_in_lateral_changes_height_and_front_back_alone(an_editor):
    _drag(an_editor, View.LATERAL, 1, [(-2.0, 0.0), (-5.0, 7.0)])
    assert _position(an_editor, 1) == pytest.approx((3.0, 2.0, 35.0))


@pytest.mark.parametrize(("view", "other"), [(View.AP, View.LATERAL), (View.LATERAL, View.AP)])
def test_under_a_cone_beam_both_handles_are_the_shadows_of_the_moved_centroid(a_cone_editor, view, other):
    depth_before = samples.projection(view, Beam.CONE).depth_mm(_position(a_cone_editor, 0))[0]
    projection, start = _drag(a_cone_editor, view, 0, [(3.0, 5.0), (9.0, -8.0)])
    place = _position(a_cone_editor, 0)
    assert projection.project(place)[0] == pytest.approx(start + np.array([9.0, -8.0]), abs=1e-6)
    assert projection.depth_mm(place)[0] == pytest.approx(depth_before, abs=1e-9)
    partner = samples.projection(other, Beam.CONE)
    assert _handle_lps(a_cone_editor, other, 0) == pytest.approx(partner.plane_point(partner.project(place))[0])
    assert partner.depth_mm(_handle_lps(a_cone_editor, other, 0))[0] == pytest.approx(0.0, abs=1e-9)


def test_while_a_point_is_dragged_the_partner_view_shows_line_and_height_and_follows(an_editor):
    node = an_editor.views.handle_node(View.AP)
    node.InvokeEvent(node.PointStartInteractionEvent)
    node.SetNthControlPointPosition(0, -12.0, 0.0, 75.0)
    visible = {n.GetName(): n.GetDisplayNode().GetVisibility() for n in an_editor.views.guide.nodes}
    assert visible["Epipolar line lateral"] == visible["Epipolar tick lateral"] == 1
    assert not any(shown for name, shown in visible.items() if name.endswith(" ap"))
    assert _handle_lps(an_editor, View.LATERAL, 0)[2] == pytest.approx(75.0)
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert an_editor.selected == 0
    assert all(n.GetDisplayNode().GetVisibility() for n in an_editor.views.guide.nodes)


def test_a_selected_point_has_lines_in_both_views_until_it_is_given_up(an_editor):
    an_editor.select(2)
    shown = [n.GetDisplayNode().GetVisibility() for n in an_editor.views.guide.nodes]
    assert shown == [1, 1, 1, 1]
    an_editor.select(None)
    assert not any(n.GetDisplayNode().GetVisibility() for n in an_editor.views.guide.nodes)


def test_a_drag_is_one_step_of_undo_and_makes_the_point_a_persons(an_editor):
    before = an_editor.points
    _drag(an_editor, View.AP, 1, [(n, 2.0 * n) for n in range(1, 9)])
    moved = an_editor.points[1]
    assert (moved.confidence, moved.residual_mm, moved.by_hand) == (1.0, 0.0, True)
    assert an_editor.undo()
    assert an_editor.points == before
    assert not an_editor.can_undo
    assert an_editor.redo()
    assert an_editor.points[1] == moved


def test_a_locked_point_stays_where_it_is_when_its_handle_is_pushed(an_editor):
    an_editor.set_locked(0, True)
    handle = an_editor.views.handle_node(View.AP)
    assert handle.GetNthControlPointLocked(0)
    before = _handle_lps(an_editor, View.AP, 0)
    _drag(an_editor, View.AP, 0, [(5.0, 5.0)])
    assert _position(an_editor, 0) == samples.POSITIONS_LPS_MM[samples.LEVELS[0]]
    assert _handle_lps(an_editor, View.AP, 0) == pytest.approx(before)


def test_handles_belong_to_one_view_each_and_stand_for_the_list_there(an_editor):
    for view, name in ((View.AP, "ReVerteRAP"), (View.LATERAL, "ReVerteRLateral")):
        node = an_editor.views.handle_node(view)
        assert node.GetDisplayNode().GetViewNodeIDs() == (f"vtkMRMLSliceNode{name}",)
        assert not node.GetSaveWithScene()
        assert node.GetFixedNumberOfControlPoints()
    assert not an_editor.node.GetDisplayNode().GetVisibility2D()
    an_editor.close()
    assert an_editor.node.GetDisplayNode().GetVisibility2D()


def test_in_a_saved_scene_the_list_is_visible_in_slices_when_slicer_announces_the_saving(a_scene, an_editor):
    display = an_editor.node.GetDisplayNode()
    import slicer

    a_scene.InvokeEvent(slicer.vtkMRMLScene.StartSaveEvent)
    assert display.GetVisibility2D()
    a_scene.InvokeEvent(slicer.vtkMRMLScene.EndSaveEvent)
    assert not display.GetVisibility2D()


def test_a_transform_above_the_list_is_honoured(a_scene, an_editor):
    transform = a_scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = np.eye(4)
    shift[:3, 3] = (10.0, 0.0, 5.0)
    transform.SetMatrixTransformToParent(to_vtk_matrix(shift))
    an_editor.node.SetAndObserveTransformNodeID(transform.GetID())
    assert _position(an_editor, 0) == pytest.approx((2.0, -20.0, 70.0))
    assert _handle_lps(an_editor, View.AP, 0)[[0, 2]] == pytest.approx((2.0, 70.0))
    an_editor.move(0, (1.0, 2.0, 80.0))
    assert _position(an_editor, 0) == pytest.approx((1.0, 2.0, 80.0))


# --- operations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [Beam.PARALLEL, Beam.CONE])
@pytest.mark.parametrize("first", [View.AP, View.LATERAL])
def test_two_clicks_make_a_point_where_both_rays_meet(a_scene, beam, first):
    wanted = (-15.0, 12.0, -35.0)
    with _editor(a_scene, beam) as editor:
        second = View.LATERAL if first is View.AP else View.AP
        editor.begin_add(first, samples.projection(first, beam).project(wanted)[0])
        assert any(n.GetDisplayNode().GetVisibility() for n in editor.views.guide.nodes)
        beside = samples.projection(second, beam).project(wanted)[0] + (3.0, 0.0)
        index = editor.complete_add(beside)
        assert _position(editor, index) == pytest.approx(wanted, abs=0.2)
        assert _labels(editor)[index] == "L3"
        assert (editor.pending, editor.selected) == (None, index)
        assert editor.undo()
        assert len(editor.points) == 3


def test_a_first_click_can_be_forgotten_and_a_second_one_needs_it(an_editor):
    with pytest.raises(CentroidError, match="no first click"):
        an_editor.complete_add((3.0, 3.0))
    an_editor.begin_add(View.AP, (20.0, 20.0))
    an_editor.cancel_add()
    assert an_editor.pending is None
    assert not an_editor.can_undo


@pytest.mark.parametrize(
    ("position", "name"), [((0.0, 0.0, 90.0), "T11"), ((0.0, 0.0, -39.0), "L3"), ((0.0, 0.0, 47.0), "?")]
)
def test_a_new_point_is_named_by_its_neighbours(an_editor, position, name):
    index = an_editor.add(position)
    assert _labels(an_editor)[index] == name


def test_a_gap_is_filled_with_the_level_that_its_height_says(an_editor):
    an_editor.rename(0, "T9")
    index = an_editor.add((0.0, 0.0, 40.0))
    assert _labels(an_editor)[index] == "T12"
    index = an_editor.add((0.0, 0.0, 57.0))
    assert _labels(an_editor)[index] == "T10"


def test_a_click_on_a_point_is_taken_for_a_slip(an_editor):
    with pytest.raises(CentroidError, match=r"L1 lies less than 6 mm.*Move L1 instead"):
        an_editor.add((3.0, -3.0, 32.0))
    assert not an_editor.can_undo


def test_deleted_places_are_remembered_undone_and_forgotten_when_filled_again(an_editor):
    an_editor.select(1)
    an_editor.delete(1)
    assert _labels(an_editor) == ["T12", "L2"]
    assert an_editor.selected == 1
    assert an_editor.removed == (samples.POSITIONS_LPS_MM[samples.LEVELS[1]],)
    an_editor.undo()
    assert (an_editor.removed, _labels(an_editor)) == ((), ["T12", "L1", "L2"])
    an_editor.redo()
    an_editor.add((4.0, -6.0, 31.0))
    assert an_editor.removed == ()


def test_locked_points_refuse_every_change_but_unlocking_and_checking(an_editor):
    an_editor.set_locked(1, True)
    for change in (
        lambda: an_editor.delete(1),
        lambda: an_editor.move(1, (0.0, 0.0, 0.0)),
        lambda: an_editor.rename(1, "L4"),
        lambda: an_editor.move_in_view(1, View.AP, (3.0, 3.0)),
        lambda: an_editor.anchor(1, "L4"),
    ):
        with pytest.raises(CentroidError, match=r"L1 is locked. Unlock it first"):
            change()
    an_editor.set_checked(1, False)
    an_editor.set_locked(1, False)
    an_editor.rename(1, "l4")
    assert _labels(an_editor) == ["T12", "L4", "L2"]


def test_names_that_are_no_levels_are_refused_and_change_nothing(an_editor):
    for change in (lambda: an_editor.rename(0, "X1"), lambda: an_editor.add((0.0, 0.0, 90.0), "X1")):
        with pytest.raises(ArgumentError, match="'X1' is not a vertebral level"):
            change()
    with pytest.raises(CentroidError, match="no point number 7"):
        an_editor.delete(7)
    assert not an_editor.can_undo


def test_all_can_be_locked_or_checked_in_one_step(an_editor):
    an_editor.set_all(locked=True, checked=False)
    assert [(p.locked, p.checked) for p in an_editor.points] == [(True, False)] * 3
    an_editor.undo()
    assert [(p.locked, p.checked) for p in an_editor.points] == [(False, True)] * 3


def test_moving_on_runs_from_head_to_foot_and_stops_at_the_ends(an_editor):
    assert [an_editor.select_next() for _ in range(4)] == [0, 1, 2, 2]
    assert [an_editor.select_next(-1) for _ in range(3)] == [1, 0, 0]


def test_a_template_fills_the_levels_between_two_places_around_a_locked_one(an_editor):
    from ReVerteRLib.anatomy import level_from_name

    an_editor.set_locked(1, True)
    levels = [level_from_name(f"L{n}") for n in range(1, 6)] + samples.LEVELS[:1]
    an_editor.place_template(levels, (0.0, 0.0, 60.0), (0.0, 0.0, -120.0))
    heights = {p.label: p.position_lps_mm[2] for p in an_editor.points}
    assert heights["T12"] == 60.0
    assert heights["L5"] == -120.0
    assert heights["L1"] == 30.0
    row = [heights[name] for name in ("T12", "L1", "L2", "L3", "L4", "L5")]
    assert row == sorted(row, reverse=True)
    assert all(25.0 < a - b < 50.0 for a, b in itertools.pairwise(row[1:]))
    assert len(an_editor.points) == 6
    an_editor.undo()
    assert len(an_editor.points) == 3
    with pytest.raises(ArgumentError, match="would not lie below"):
        an_editor.place_template(levels, (0.0, 0.0, 0.0), (0.0, 0.0, 10.0))


# --- undo ----------------------------------------------------------------------------------------


def test_only_so_many_steps_are_kept(a_scene):
    with _editor(a_scene, history=3) as editor:
        for number in range(5):
            editor.move(0, (float(number), 0.0, 70.0))
        assert [editor.undo() for _ in range(4)] == [True, True, True, False]
        assert _position(editor, 0)[0] == 1.0
        editor.redo()
        editor.move(1, (0.0, 0.0, 20.0))
        assert not editor.can_redo


def test_a_change_to_the_same_is_no_step(an_editor):
    an_editor.rename(0, "T12")
    an_editor.set_locked(0, False)
    assert not an_editor.can_undo


def test_an_operation_that_fails_midway_leaves_everything_as_it_was(an_editor, monkeypatch):
    before = an_editor.points

    def fail(*_):
        raise CentroidError("no")

    monkeypatch.setattr(an_editor, "_remember_removed", fail)
    with pytest.raises(CentroidError):
        an_editor.delete(0)
    assert an_editor.points == before
    assert not an_editor.can_undo


def test_a_random_walk_of_operations_can_be_undone_to_the_start_and_redone_to_the_end(a_scene):
    random = np.random.default_rng(5)
    with _editor(a_scene, Beam.CONE) as editor:
        states = [editor.points]
        for _ in range(40):
            _random_operation(editor, random)
            if editor.points != states[-1]:
                states.append(editor.points)
        for state in reversed(states[:-1]):
            assert editor.undo()
            assert editor.points == state
        assert not editor.can_undo
        while editor.redo():
            pass
        assert editor.points == states[-1]


def _random_operation(editor, random):
    count, kind = len(editor.points), int(random.integers(6))
    index = int(random.integers(max(count, 1)))
    place = tuple(random.uniform((-40, -60, -35), (50, 35, 95)).tolist())
    try:
        if kind == 0 or count == 0:
            editor.add(place)
        elif kind == 1:
            editor.delete(index)
        elif kind == 2:
            editor.set_locked(index, not editor.points[index].locked)
        elif kind == 3:
            editor.rename(index, samples.LEVELS[int(random.integers(3))])
        else:
            view = (View.AP, View.LATERAL)[kind - 4]
            editor.move_in_view(index, view, random.uniform(10.0, 90.0, 2))
    except CentroidError:
        pass


# --- others change the list ----------------------------------------------------------------------


def test_a_change_from_outside_is_drawn_counts_as_a_persons_and_can_be_undone(an_editor):
    before = an_editor.points
    an_editor.node.SetNthControlPointPosition(0, -1.0, -2.0, 70.0)
    assert _handle_lps(an_editor, View.AP, 0)[[0, 2]] == pytest.approx((1.0, 70.0))
    assert an_editor.points[0].by_hand
    assert an_editor.undo()
    assert an_editor.points == before


def test_a_drag_in_the_3d_view_is_one_step(an_editor):
    node, before = an_editor.node, an_editor.points
    node.InvokeEvent(node.PointStartInteractionEvent)
    for number in range(5):
        node.SetNthControlPointPosition(1, 0.0, 5.0, 30.0 + number)
    assert _handle_lps(an_editor, View.LATERAL, 1)[2] == pytest.approx(34.0)
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert an_editor.undo()
    assert an_editor.points == before
    assert not an_editor.can_undo


def test_points_that_slicer_adds_get_a_level_and_those_it_deletes_are_remembered(an_editor):
    an_editor.node.AddControlPoint([0.0, 0.0, -38.0], "Centroids-4")
    assert _labels(an_editor) == ["T12", "L1", "L2", "L3"]
    an_editor.node.RemoveNthControlPoint(0)
    assert _labels(an_editor) == ["L1", "L2", "L3"]
    assert an_editor.removed == (samples.POSITIONS_LPS_MM[samples.LEVELS[0]],)
    assert an_editor.views.handle_node(View.AP).GetNumberOfControlPoints() == 3


def test_a_point_that_is_not_placed_yet_has_no_handle_and_can_be_placed(an_editor):
    an_editor.node.UnsetNthControlPointPosition(2)
    handle = an_editor.views.handle_node(View.AP)
    assert handle.GetNthControlPointPositionStatus(2) == handle.PositionUndefined
    with pytest.raises(CentroidError, match="L2 is not placed yet"):
        an_editor.move_in_view(2, View.AP, (3.0, 3.0))
    an_editor.move(2, (0.0, 0.0, -5.0))
    assert _handle_lps(an_editor, View.AP, 2)[2] == pytest.approx(-5.0)


def test_a_handle_list_that_someone_deletes_comes_back(a_scene, an_editor):
    a_scene.RemoveNode(an_editor.views.handle_node(View.AP))
    assert an_editor.views.handle_node(View.AP) is None
    an_editor.select(0)
    assert an_editor.views.handle_node(View.AP).GetNumberOfControlPoints() == 3
    _drag(an_editor, View.AP, 0, [(1.0, 1.0)])
    assert _position(an_editor, 0)[2] == pytest.approx(64.0)


def test_subscribers_are_told_until_they_leave(an_editor):
    told = []
    leave = an_editor.subscribe(told.append)
    an_editor.select(0)
    an_editor.move(0, (0.0, 0.0, 70.0))
    leave()
    an_editor.move(0, (0.0, 0.0, 71.0))
    assert told == [Change.SELECTION, Change.POINTS]


# --- ends ----------------------------------------------------------------------------------------


def _observer_total(scene, node):
    """Observers of everything that an editor watches, as VTK itself knows them."""
    import slicer

    scene_events = ("StartCloseEvent", "NodeRemovedEvent", "StartSaveEvent", "EndSaveEvent")
    node_events = (
        "PointModifiedEvent",
        "PointAddedEvent",
        "PointRemovedEvent",
        "PointStartInteractionEvent",
        "PointEndInteractionEvent",
        "TransformModifiedEvent",
    )
    return [bool(scene.HasObserver(getattr(slicer.vtkMRMLScene, event))) for event in scene_events] + [
        bool(node.HasObserver(getattr(node, event))) for event in node_events
    ]


def test_closing_leaves_no_node_and_no_observer(a_scene):
    spine = build_scene(a_scene, radiographs=samples.pair(), centroids=samples.centroids())
    nodes, observers = a_scene.GetNumberOfNodes(), _observer_total(a_scene, spine.centroids)
    editor = CentroidEditor(a_scene, spine.centroids, samples.pair())
    editor.select(1)
    editor.begin_add(View.AP, (30.0, 30.0))
    assert a_scene.GetNumberOfNodes() > nodes
    assert editor.observer_count == 16
    assert _observer_total(a_scene, spine.centroids) == [True] * 10
    told = []
    editor.subscribe(told.append)
    editor.close()
    editor.close()
    assert told == [Change.CLOSED]
    assert (a_scene.GetNumberOfNodes(), editor.observer_count) == (nodes, 0)
    assert _observer_total(a_scene, spine.centroids) == observers
    with pytest.raises(CentroidError, match="closed or was removed"):
        editor.add((0.0, 0.0, 0.0))
    assert len(centroids_from_node(spine.centroids)) == 3


def test_a_list_that_is_deleted_ends_the_editor_and_its_drawings(a_scene):
    editor = _editor(a_scene)
    editor.select(0)
    a_scene.RemoveNode(editor.node)
    assert (editor.alive, editor.observer_count, editor.points, editor.can_undo) == (False, 0, (), False)
    assert not [n for n in _nodes(a_scene) if n.GetAttribute("ReVerteR.Role") == "helper"]


def test_a_scene_that_is_closed_in_the_middle_of_a_drag_ends_the_editor(a_scene):
    editor = _editor(a_scene)
    handle = editor.views.handle_node(View.AP)
    handle.InvokeEvent(handle.PointStartInteractionEvent)
    handle.SetNthControlPointPosition(0, 0.0, 0.0, 50.0)
    a_scene.Clear(0)
    assert (editor.alive, editor.observer_count) == (False, 0)
    handle.InvokeEvent(handle.PointEndInteractionEvent)
    assert not [n for n in _nodes(a_scene) if n.IsA("vtkMRMLMarkupsNode")]
    with _editor(a_scene) as again:
        assert len(again.points) == 3


def test_closed_editors_are_freed(a_scene):
    import weakref

    editor = _editor(a_scene)
    editor.select(0)
    gone = weakref.ref(editor)
    editor.close()
    del editor
    gc.collect()
    assert gone() is None


def test_several_spines_are_edited_beside_each_other(a_scene):
    with _editor(a_scene) as first, _editor(a_scene, Beam.CONE) as second:
        first.delete(0)
        second.move(0, (9.0, 9.0, 60.0))
        assert (len(first.points), len(second.points)) == (2, 3)
        a_scene.RemoveNode(first.node)
        assert (first.alive, second.alive) == (False, True)
        second.undo()
        assert _position(second, 0) == samples.POSITIONS_LPS_MM[samples.LEVELS[0]]


def test_without_radiographs_points_are_edited_in_space_alone(a_scene):
    spine = build_scene(a_scene, centroids=samples.centroids())
    with CentroidEditor(a_scene, spine.centroids) as editor:
        editor.move(0, (1.0, 2.0, 66.0))
        assert editor.views.handle_node(View.AP) is None
        assert editor.node.GetDisplayNode().GetVisibility2D()
        with pytest.raises(CentroidError, match="no radiographs"):
            editor.begin_add(View.AP, (1.0, 1.0))


def test_a_list_that_is_in_no_scene_cannot_be_edited(a_scene):
    with pytest.raises(CentroidError, match="no centroid list"):
        CentroidEditor(a_scene, None)


def test_points_that_a_user_wrote_a_note_for_are_a_persons(an_editor):
    an_editor.node.SetNthControlPointDescription(0, "fractured")
    assert an_editor.points[0] == Point("T12", samples.POSITIONS_LPS_MM[samples.LEVELS[0]], 1.0, 0.0, by_hand=True)


def _nodes(scene):
    return [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
