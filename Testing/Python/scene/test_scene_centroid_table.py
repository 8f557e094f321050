from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.detection.types import Anchor, AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.geometry import View
from ReVerteRLib.scene.annotation import RECORD, from_annotation, read_record, to_annotation, write_record
from ReVerteRLib.scene.bootstrap import SceneHost
from ReVerteRLib.scene.builder import build_scene, read_mrb, save_mrb
from ReVerteRLib.scene.centroid_editor import CentroidEditor
from ReVerteRLib.scene.centroid_points import Point, read_points, write_points
from ReVerteRLib.scene.centroid_table import CentroidTable, chosen_levels, rows_of, write_rows
from ReVerteRLib.scene.keys import KEYS, Action, perform
from ReVerteRLib.scene.markups import centroids_from_node
from ReVerteRLib.scene.placing import ClickPlacer
from ReVerteRLib.scene.undo import UndoStack

L = {name: level_from_name(name) for name in ("T11", "T12", "L1", "L2", "L3", "L4", "S1")}


def _detection(row, column, *, scores=True):
    corners = np.array([[row - 9, column - 9], [row - 9, column + 9], [np.nan, np.nan], [row + 9, column + 9.5]])
    return Detection((row, column), corners, 0.83, np.linspace(-9.0, -0.1, 27) if scores else np.zeros(0))


def _annotation():
    """T11 to L2, of which L1 is a person's and L2 was seen in one view."""
    return Annotation(
        vertebrae=(
            AnnotatedVertebra(L["T11"], (5.0, -20.0, 90.0), 0.91, 1.2, (), _detection(12.0, 30.0), _detection(12, 44)),
            AnnotatedVertebra(L["T12"], (12.0, -20.0, 65.0), 0.4, 7.5, ("may be T11 (30 %; chosen 40 %)", "faint")),
            AnnotatedVertebra(L["L1"], (3.0, -5.0, 30.0), 1.0, 0.0, locked=True),
            AnnotatedVertebra(
                L["L2"], (-8.0, 8.0, -4.0), 0.6, 0.0, ("seen once",), None, _detection(99, 5, scores=False)
            ),
        ),
        warnings=("The levels are uncertain",),
        removed=((1.0, 2.0, -30.0),),
        about_images=("dark",),
        trust=0.4,
    )


@pytest.fixture
def an_editor(a_scene):
    pair = samples.pair()
    spine = build_scene(a_scene, radiographs=pair, centroids=samples.centroids())
    with CentroidEditor(a_scene, spine.centroids, pair) as editor:
        yield editor


@pytest.fixture
def a_node(a_scene):
    return build_scene(a_scene, centroids=samples.centroids()).centroids


# --- annotation ----------------------------------------------------------------------------------


def _assert_same_annotation(mine, theirs):
    assert (mine.warnings, mine.about_images, mine.trust) == (theirs.warnings, theirs.about_images, theirs.trust)
    assert mine.removed == theirs.removed
    assert len(mine.vertebrae) == len(theirs.vertebrae)
    for one, other in zip(mine.vertebrae, theirs.vertebrae, strict=True):
        assert one.level == other.level
        assert other.position_lps_mm == pytest.approx(one.position_lps_mm, abs=1e-3)
        assert (one.confidence, one.residual_mm, one.locked) == (other.confidence, other.residual_mm, other.locked)
        assert tuple(r.replace(";", ",") for r in one.reasons) == other.reasons
        for first, second in ((one.ap, other.ap), (one.lateral, other.lateral)):
            assert (first is None) == (second is None)
            if first is not None:
                assert (first.centre_rc, first.score) == (second.centre_rc, second.score)
                assert np.allclose(first.corners_rc, second.corners_rc, equal_nan=True)
                assert np.allclose(first.level_scores, second.level_scores, atol=1e-4)


def test_an_annotation_comes_back_from_the_scene_whole(an_editor):
    an_editor.apply(_annotation())
    _assert_same_annotation(_annotation(), an_editor.annotation())
    assert an_editor.undo()
    assert [p.label for p in an_editor.points] == ["T12", "L1", "L2"]
    assert an_editor.removed == ()


def test_an_annotation_survives_saving_and_reading_of_the_scene(tmp_path):
    with SceneHost() as host:
        pair = samples.pair()
        spine = build_scene(host.scene, radiographs=pair, centroids=samples.centroids(), name="Case 9")
        with CentroidEditor(host.scene, spine.centroids, pair) as editor:
            editor.apply(_annotation())
            editor.set_checked(1, False)
            editor.move(3, (-9.0, 9.0, -5.0))
            editor.select(0)
            expected, points = editor.annotation(), editor.points
            save_mrb(spine, tmp_path / "edited.mrb")
    with SceneHost() as host:
        spine = read_mrb(host.scene, tmp_path / "edited.mrb")
        names = [host.scene.GetNthNode(n).GetName() or "" for n in range(host.scene.GetNumberOfNodes())]
        assert not [name for name in names if "Epipolar" in name or name in ("Centroids ap", "Centroids lateral")]
        with CentroidEditor(host.scene, spine.centroids, samples.pair()) as editor:
            _assert_same_annotation(expected, editor.annotation())
            assert [(p.label, p.locked, p.checked, p.by_hand) for p in editor.points] == [
                (p.label, p.locked, p.checked, p.by_hand) for p in points
            ]
            assert [c.level.name for c in editor.held()] == ["L1", "L2"]


def test_a_plain_scene_file_keeps_it_too(an_editor, tmp_path):
    scene = an_editor.scene
    an_editor.apply(_annotation())
    storage = scene.AddNewNodeByClass("vtkMRMLMarkupsJsonStorageNode")
    storage.SetFileName(str(tmp_path / "points.mrk.json"))
    assert storage.WriteData(an_editor.node)
    again = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    assert storage.ReadData(again)
    ours = [dataclasses.replace(p, position_lps_mm=None) for p in an_editor.points]
    assert [dataclasses.replace(p, position_lps_mm=None) for p in read_points(again)] == ours
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    assert "ReVerteR.Annotation" in (tmp_path / "scene.mrml").read_text(encoding="utf-8")
    assert "Epipolar" not in (tmp_path / "scene.mrml").read_text(encoding="utf-8")


def test_points_that_were_moved_no_longer_claim_their_detections(an_editor):
    an_editor.apply(_annotation())
    an_editor.move(0, (6.0, -20.0, 91.0))
    moved = an_editor.annotation().get(L["T11"])
    assert (moved.ap, moved.lateral, moved.confidence, moved.reasons) == (None, None, 1.0, ())


def test_a_new_run_keeps_lock_and_check_mark_of_points_at_the_same_place():
    before = (
        Point("T12", (12.0, -20.0, 65.0), locked=True, checked=False),
        Point("L1", (3.0, -5.0, 30.0), by_hand=True),
    )
    points, _ = from_annotation(_annotation(), before)
    assert [(p.label, p.locked, p.checked) for p in points] == [
        ("T11", False, True),
        ("T12", True, False),
        ("L1", False, True),
        ("L2", False, True),
    ]
    assert points[2].by_hand


def test_records_that_cannot_be_read_are_taken_for_empty(a_node):
    for text in ("{", "[1]", '{"removed": [[1]]}', '{"trust": "x"}'):
        a_node.SetAttribute(RECORD, text)
        assert read_record(a_node).removed == ()
    write_record(a_node, read_record(a_node))
    assert to_annotation(read_points(a_node), read_record(a_node)).trust == 1.0


def test_an_anchor_renames_the_whole_row_in_one_step_and_is_locked(an_editor):
    before = an_editor.points
    an_editor.anchor(1, "L2")
    assert [p.label for p in an_editor.points] == ["L1", "L2", "L3"]
    assert [p.locked for p in an_editor.points] == [False, True, False]
    assert [p.position_lps_mm for p in an_editor.points] == [p.position_lps_mm for p in before]
    assert an_editor.undo()
    assert an_editor.points == before
    assert not an_editor.can_undo


def test_an_anchor_gives_a_name_to_points_that_had_none(an_editor):
    an_editor.node.AddControlPoint([6.0, -12.0, -38.0], "")
    an_editor.node.SetNthControlPointLabel(3, "what")
    an_editor.anchor(0, "T11")
    assert [p.label for p in an_editor.points] == ["T11", "T12", "L1", "L2"]


def test_an_anchor_against_a_locked_level_is_refused(an_editor):
    an_editor.set_locked(0, True)
    with pytest.raises(CentroidError, match=r"T12 is locked and would become T11. Unlock it"):
        an_editor.anchor(1, "T12")
    with pytest.raises((ArgumentError, CentroidError)):
        an_editor.anchor(1, "T8")
    assert [p.label for p in an_editor.points] == ["T12", "L1", "L2"]


def test_a_point_that_finds_no_name_in_the_row_stays_and_says_so(a_scene):
    spine = build_scene(a_scene, centroids=samples.centroids())
    asked = []

    def relabel(annotation, anchors):
        asked.extend(anchors)
        return dataclasses.replace(annotation, vertebrae=annotation.vertebrae[:2])

    with CentroidEditor(a_scene, spine.centroids, relabel=relabel) as editor:
        editor.anchor(0, "T12")
        assert asked == [Anchor(L["T12"], samples.POSITIONS_LPS_MM[L["T12"]])]
        assert editor.points[2].label == "?"
        assert "does not fit into the row" in rows_of(editor.node)[2].remark


# --- rows ----------------------------------------------------------------------------------------


def test_rows_come_from_the_head_down_with_all_that_is_known(an_editor):
    an_editor.apply(_annotation())
    an_editor.move(3, (0.0, 0.0, 120.0))
    rows = rows_of(an_editor.node)
    assert [row.label for row in rows] == ["L2", "T11", "T12", "L1"]
    assert [row.index for row in rows] == [3, 0, 1, 2]
    third = rows[2]
    assert (third.point.confidence, third.point.residual_mm) == (0.4, 7.5)
    assert third.remark == "may be T11 (30 %, chosen 40 %); faint"
    assert rows[0].problems == ("L2 lies above T11",) == rows[1].problems


def test_each_wrong_name_is_told_in_words(a_node):
    write_points(
        a_node,
        [
            Point("T12", (0.0, 0.0, 90.0)),
            Point("l1", (0.0, 0.0, 60.0)),
            Point("L1", (0.0, 0.0, 30.0)),
            Point("?", (0.0, 0.0, 0.0)),
            Point("F-3", (0.0, 0.0, -30.0)),
            Point("S1", (0.0, 0.0, -60.0)),
            Point("L4", None),
        ],
    )
    assert [row.remark for row in rows_of(a_node)] == [
        "",
        "L1 occurs 2 times",
        "L1 occurs 2 times",
        "has no level yet",
        "'F-3' is not a vertebral level",
        "S1 cannot be reconstructed",
        "is not placed yet",
    ]
    assert [level.name for level in chosen_levels(rows_of(a_node))] == ["T12"]


def test_rows_written_back_make_the_same_list(a_node):
    rows = rows_of(a_node)
    changed = tuple(
        dataclasses.replace(row, point=dataclasses.replace(row.point, checked=row.label != "L1", locked=True))
        for row in rows
    )
    write_rows(a_node, changed)
    assert rows_of(a_node) == changed
    assert [level.name for level in chosen_levels(rows_of(a_node))] == ["T12", "L2"]
    write_rows(a_node, rows[:1])
    assert [c.level.name for c in centroids_from_node(a_node)] == ["T12"]


def test_many_changes_are_told_once(a_node):
    told, waiting = [], []
    table = CentroidTable(a_node, told.append, waiting.append)
    for number in range(5):
        a_node.SetNthControlPointLabel(0, f"T{number + 1}")
    assert (len(waiting), told) == (1, [])
    waiting.pop()()
    assert [[row.label for row in rows] for rows in told] == [["T5", "L1", "L2"]]
    a_node.SetNthControlPointLabel(0, "T5")
    for flush in waiting:
        flush()
    assert len(told) == 1
    table.close()


def test_a_closed_table_is_silent_and_leaves_no_observer(a_node):
    told, waiting = [], []
    table = CentroidTable(a_node, told.append, waiting.append)
    assert table.observer_count == 4
    a_node.SetNthControlPointLabel(0, "T5")
    table.close()
    table.close()
    waiting.pop()()
    assert (told, table.rows, table.observer_count) == ([], (), 0)
    assert not a_node.HasObserver(a_node.PointAddedEvent)


def test_a_table_outlives_the_deletion_of_its_list(a_scene, a_node):
    told = []
    table = CentroidTable(a_node, told.append)
    a_scene.RemoveNode(a_node)
    table.flush()
    a_scene.Clear(0)
    assert told == []
    table.close()


def test_a_drag_is_seen_in_the_table(an_editor):
    told = []
    table = CentroidTable(an_editor.node, told.append)
    an_editor.move_in_view(1, View.AP, samples.projection(View.AP).project((9.0, -5.0, 33.0))[0])
    assert told[-1][1].position_lps_mm == pytest.approx((9.0, -5.0, 33.0))
    table.close()


# --- keys ----------------------------------------------------------------------------------------


def test_no_key_has_two_meanings_and_each_action_has_one():
    assert len({key.sequence.lower() for key in KEYS}) == len(KEYS)
    assert {key.action for key in KEYS} == set(Action)
    assert all(key.text for key in KEYS)
    assert not [key.sequence for key in KEYS if len(key.sequence) == 1]


def test_keys_do_what_they_say(an_editor):
    assert not perform(Action.DELETE, an_editor)
    assert perform(Action.NEXT_LEVEL, an_editor)
    assert perform(Action.NEXT_LEVEL, an_editor)
    assert an_editor.selected == 1
    assert perform(Action.LOCK, an_editor)
    assert an_editor.points[1].locked
    with pytest.raises(CentroidError, match="L1 is locked"):
        perform(Action.DELETE, an_editor)
    assert perform(Action.UNDO, an_editor)
    assert perform(Action.CHECK, an_editor)
    assert not an_editor.points[1].checked
    assert perform(Action.DELETE, an_editor)
    assert [p.label for p in an_editor.points] == ["T12", "L2"]
    assert perform(Action.UNDO, an_editor)
    assert perform(Action.REDO, an_editor)
    assert not perform(Action.REDO, an_editor)
    assert perform(Action.PREVIOUS_LEVEL, an_editor)
    assert an_editor.selected == 0
    assert not perform(Action.ANCHOR, an_editor)
    assert not perform(Action.ANCHOR, an_editor, lambda _: None)
    assert perform(Action.ANCHOR, an_editor, lambda present: "T11" if present == L["T12"] else None)
    assert an_editor.points[0].label == "T11"
    assert perform(Action.CANCEL, an_editor)
    assert not perform(Action.CANCEL, an_editor)


# --- clicks --------------------------------------------------------------------------------------


def _click(node, view, position_lps_mm):
    """As Slicer's place mode does: a point in the plane of the view in which the mouse was."""
    projection = samples.projection(view)
    point = projection.plane_point(projection.project(position_lps_mm))[0] * (-1.0, -1.0, 1.0)
    node.AddControlPoint(point.tolist())


def test_clicks_in_both_views_place_one_centroid_after_the_other(an_editor):
    placed = []
    placer = ClickPlacer(an_editor, placed.append)
    placer.start()
    interaction = an_editor.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    selection = an_editor.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert selection.GetActivePlaceNodeID() == placer.node.GetID()
    for place, views in (
        ((4.0, -9.0, 95.0), (View.AP, View.LATERAL)),
        ((-12.0, 15.0, -34.0), (View.LATERAL, View.LATERAL, View.AP)),
    ):
        for number, view in enumerate(views):
            wrong = (0.0, 0.0, 12.0) if number < len(views) - 2 else (0.0, 0.0, 0.0)
            _click(placer.node, view, np.add(place, wrong))
        assert an_editor.points[placed[-1]].position_lps_mm == pytest.approx(place, abs=1e-6)
    assert placed == [3, 4]
    placer.stop()
    placer.stop()
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert not selection.GetActivePlaceNodeID()
    assert (placer.active, an_editor.pending) == (False, None)


def test_a_click_that_cannot_be_used_is_told_and_the_next_one_is_taken(an_editor):
    failed = []
    placer = ClickPlacer(an_editor, failed=failed.append)
    placer.start()
    for view in View:
        _click(placer.node, view, samples.POSITIONS_LPS_MM[L["L1"]])
    assert ["L1 lies less than 6 mm" in str(error) for error in failed] == [True]
    assert an_editor.pending is not None
    assert len(an_editor.points) == 3
    placer.stop()


@pytest.mark.parametrize("ending", ["editor closed", "list removed", "helper removed", "scene closed"])
def test_however_it_ends_no_helper_and_no_place_mode_stay(an_editor, ending):
    scene = an_editor.scene
    placer = ClickPlacer(an_editor)
    placer.start()
    {
        "editor closed": an_editor.close,
        "list removed": lambda: scene.RemoveNode(an_editor.node),
        "helper removed": lambda: scene.RemoveNode(placer.node),
        "scene closed": lambda: scene.Clear(0),
    }[ending]()
    assert not placer.active
    assert scene.GetFirstNodeByName("Click") is None
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() != interaction.Place


# --- undo by itself ------------------------------------------------------------------------------


def test_an_undo_stack_of_no_steps_is_refused():
    with pytest.raises(ArgumentError, match="0 steps"):
        UndoStack(0)


def test_states_come_back_in_order_and_a_new_step_cuts_the_future():
    stack = UndoStack[int](2)
    for before in range(4):
        stack.push(before)
    assert stack.undo(4) == 3
    assert stack.undo(3) == 2
    assert stack.undo(2) is None
    assert stack.redo(2) == 3
    stack.push(3)
    assert stack.redo(9) is None
    stack.clear()
    assert not stack.can_undo
