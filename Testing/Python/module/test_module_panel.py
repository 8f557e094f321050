"""The panel under Qt: every button, and what happens when a scene is closed or the module is left."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ReVerteRLib.scene import layout

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("inline")
FOUR_UP = 3


def run(panel, app, button: str) -> None:
    """Presses a button and waits for the end of its task."""
    import qt_host

    widget = getattr(panel.ui, button)
    assert widget.isEnabled(), widget.toolTip()
    widget.click()
    qt_host.spin(lambda: not panel.busy, app)


@pytest.fixture
def ready(panel, qt_app, ct_node, centroids_node):
    """The panel after 'Simulate radiographs', with centroids chosen."""
    panel.parameterNode.ct = ct_node
    run(panel, qt_app, "simulateButton")
    panel.parameterNode.centroids = centroids_node
    return panel


@pytest.fixture
def done(ready, qt_app):
    """The panel after 'Reconstruct'."""
    run(ready, qt_app, "reconstructButton")
    return ready


def cell(table, row: int, column: int) -> str:
    return table.item(row, column).text()


# --- in the order of the work ------------------------------------------------------------------------


def test_a_fresh_panel_says_what_is_missing(panel):
    for button in ("simulateButton", "findButton", "reconstructButton", "exportButton", "measureButton"):
        widget = getattr(panel.ui, button)
        assert not widget.isEnabled()
        assert len(widget.toolTip()) > 15, button
    assert "Choose a CT" in panel.ui.simulateButton.toolTip()
    assert not panel.ui.cancelButton.isVisibleTo(panel.panel)
    assert [panel.ui.weightsComboBox.itemText(n) for n in range(panel.ui.weightsComboBox.count())] == ["tiny"]


def test_simulating_chooses_the_radiographs_and_shows_the_layout(ready, host, inline):
    assert inline[0][0] == "simulate"
    assert ready.parameterNode.ap.GetName() == "Phantom AP"
    assert ready.parameterNode.lateral.GetName() == "Phantom lateral"
    assert host.slicer.app.layoutManager().layout == layout.LAYOUT_ID
    assert ready.ui.reconstructButton.isEnabled()
    assert "L1, L2" in ready.ui.reconstructButton.toolTip()


def test_the_table_lists_the_vertebrae_and_its_boxes_work(ready, centroids_node):
    table = ready.ui.levelsTable
    assert [cell(table, row, 0) for row in range(table.rowCount())] == ["L1", "L2"]
    from PySide6.QtCore import Qt

    table.item(0, 0).setCheckState(Qt.Unchecked)
    assert not centroids_node.GetNthControlPointSelected(0)
    assert [level.name for level in ready.facts().chosen] == ["L2"]
    ready.vertebrae.table.flush()
    table.item(1, 3).setCheckState(Qt.Checked)
    assert centroids_node.GetNthControlPointLocked(1)
    ready.ui.checkNoneButton.click()
    assert not ready.ui.reconstructButton.isEnabled()
    assert "Check at least one" in ready.ui.reconstructButton.toolTip()
    ready.ui.checkAllButton.click()
    assert ready.ui.reconstructButton.isEnabled()


def test_selecting_naming_deleting_and_undo(ready, centroids_node):
    table, ui = ready.ui.levelsTable, ready.ui
    assert "Select a vertebra" in ui.deleteButton.toolTip()
    table.selectRow(1)
    assert ready.vertebrae.editor.selected == 1
    assert ui.levelComboBox.currentText() == "L2"
    ui.levelComboBox.setCurrentText("L3")
    ui.renameButton.click()
    assert centroids_node.GetNthControlPointLabel(1) == "L3"
    ui.undoButton.click()
    assert centroids_node.GetNthControlPointLabel(1) == "L2"
    ui.redoButton.click()
    assert centroids_node.GetNthControlPointLabel(1) == "L3"
    table.selectRow(1)
    ui.deleteButton.click()
    assert centroids_node.GetNumberOfControlPoints() == 1
    assert table.rowCount() == 1
    ui.undoButton.click()
    assert centroids_node.GetNumberOfControlPoints() == 2


def test_an_anchor_renames_the_others(ready, centroids_node):
    ready.ui.levelsTable.selectRow(0)
    ready.ui.levelComboBox.setCurrentText("T12")
    ready.ui.anchorButton.click()
    assert [centroids_node.GetNthControlPointLabel(n) for n in range(2)] == ["T12", "L1"]
    assert centroids_node.GetNthControlPointLocked(0)
    ready.ui.levelsTable.selectRow(0)
    assert not ready.ui.deleteButton.isEnabled()
    assert "locked" in ready.ui.deleteButton.toolTip()


def test_add_takes_a_click_in_each_view(ready, centroids_node):
    from ReVerteRLib.geometry import View
    from ReVerteRLib.scene.volumes import radiograph_from_node

    ready.ui.addButton.click()
    placer = ready.vertebrae.placer
    assert placer.active
    place = (-60.0, -60.0, 44.0)
    ap, lateral = (radiograph_from_node(n).projection for n in (ready.parameterNode.ap, ready.parameterNode.lateral))
    placer.click(View.AP, tuple(ap.project(place)[0]))
    placer.click(View.LATERAL, tuple(lateral.project(place)[0]))
    assert centroids_node.GetNumberOfControlPoints() == 3
    assert centroids_node.GetNthControlPointLabel(2) == "L3"
    position = np.zeros(3)
    centroids_node.GetNthControlPointPositionWorld(2, position)
    assert position == pytest.approx([60.0, 60.0, 44.0], abs=0.01)
    ready.ui.addButton.click()
    assert not placer.active


def test_finding_fills_a_new_list(ready, qt_app, monkeypatch, inline):
    from ReVerteRLib.worker import registry

    def annotate(_arguments, context):
        context.progress(1, 3, "Finding", stage="annotate")
        return {
            "vertebrae": [
                {"level": "L2", "position_lps_mm": [-60, -60, 76], "confidence": 0.8, "residual_mm": 1.5,
                 "reasons": ["faint"], "locked": False, "ap": None, "lateral": None},
            ],
            "warnings": ["The lateral view is dark"], "removed": [],
        }  # fmt: skip

    monkeypatch.setitem(registry.JOB_FUNCTIONS, "annotate", annotate)
    ready.parameterNode.centroids = None
    assert not ready.ui.reconstructButton.isEnabled()
    run(ready, qt_app, "findButton")
    assert ready.parameterNode.centroids.GetNthControlPointLabel(0) == "L2"
    table = ready.ui.levelsTable
    assert [cell(table, 0, column) for column in (0, 1, 2, 4)] == ["L2", "80 %  !", "1.5", "faint"]
    assert ready.ui.annotationLabel.text() == "The lateral view is dark"
    ready.ui.levelsTable.selectRow(0)
    ready.vertebrae.editor.move(0, (-61.0, -60.0, 77.0))
    run(ready, qt_app, "findButton")
    assert inline[-1][1]["locked"].endswith("held.mrk.json")


def test_keys_act_only_while_the_module_is_open(ready, centroids_node):
    from ReVerteRLib.scene.keys import KEYS

    shortcuts = ready.vertebrae.shortcuts
    assert len(shortcuts) == len(KEYS)
    ready.ui.levelsTable.selectRow(1)
    delete = next(s for s, key in zip(shortcuts, KEYS, strict=True) if key.sequence == "Del")
    delete.activated.emit()
    assert centroids_node.GetNumberOfControlPoints() == 1
    ready.exit()
    assert ready.vertebrae.shortcuts == []
    assert not delete.isEnabled()
    ready.enter()
    assert len(ready.vertebrae.shortcuts) == len(KEYS)


def test_each_vertebra_appears_when_it_is_finished(ready, qt_app, host):
    import qt_host

    seen = []
    original = ready.onProgress

    def watch(state) -> None:
        original(state)
        preliminary = [n for n in nodes_of(host, "vtkMRMLModelNode") if "preliminary" in n.GetName()]
        seen.append((state.done, state.total, len(preliminary), ready.ui.cancelButton.isEnabled()))

    ready.controller._listener = SimpleNamespace(**{**vars(ready.controller._listener), "progress": watch})
    run(ready, qt_app, "reconstructButton")
    qt_host.spin(lambda: not ready.timer.isActive(), qt_app)
    assert (1, 2, 1, True) in seen
    assert (2, 2, 2, True) in seen
    result = ready.parameterNode.segmentation
    assert result.GetSegmentation().GetNumberOfSegments() == 2
    assert [n.GetName() for n in nodes_of(host, "vtkMRMLModelNode") if not n.GetHideFromEditors()] == ["L1", "L2"]
    assert "2 vertebrae in" in ready.ui.statusLabel.text()
    assert "cpu" in ready.ui.deviceLabel.text() or "CPU" in ready.ui.deviceLabel.text()
    assert not ready.ui.cancelButton.isVisibleTo(ready.panel)


def nodes_of(host, class_name: str) -> list:
    scene = host.scene
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]


def test_only_a_corrected_vertebra_is_computed_again(done, qt_app, host, inline):
    assert not done.ui.againButton.isEnabled()
    assert "moved or added" in done.ui.againButton.toolTip()
    before = done.parameterNode.segmentation
    done.vertebrae.edit("move", 1, (-60.0, -60.0, 70.0))
    assert done.ui.againButton.toolTip() == "Compute only what has changed: L2"
    run(done, qt_app, "againButton")
    assert inline[-1][1]["levels"] == ["L2"]
    assert inline[-1][1]["base"] == inline[-2][1]["out"]
    after = done.parameterNode.segmentation
    assert after is not before
    assert before.GetScene() is None
    assert after.GetSegmentation().GetNumberOfSegments() == 2
    assert len(nodes_of(host, "vtkMRMLSegmentationNode")) == 1
    assert json.loads(after.GetAttribute("ReVerteR.Centroids"))["L2"] == [-60.0, -60.0, 70.0]


def test_an_earlier_result_is_kept_hidden_when_all_is_computed_anew(done, qt_app, host):
    before = done.parameterNode.segmentation
    run(done, qt_app, "reconstructButton")
    assert len(nodes_of(host, "vtkMRMLSegmentationNode")) == 2
    assert not before.GetDisplayNode().GetVisibility()
    assert done.parameterNode.segmentation is not before


def test_a_result_edited_by_hand_is_never_thrown_away(done, qt_app, host):
    before = done.parameterNode.segmentation
    before.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").Modified()
    done.vertebrae.edit("move", 1, (-60.0, -60.0, 70.0))
    run(done, qt_app, "againButton")
    assert before.GetScene() is host.scene
    assert not before.GetDisplayNode().GetVisibility()


def test_the_sliders_and_the_buttons_turn_the_view(done, host):
    ui = done.ui
    camera = host.slicer.vtkMRMLCameraNode()
    camera.SetLayoutName(layout.THREED_VIEW)
    camera = host.scene.AddNode(camera)
    ui.frontButton.click()
    front = np.array(camera.GetPosition())
    assert front[1] > 100.0
    ui.sideButton.click()
    assert (ui.rotationSlider.property("value"), ui.cArmLabel.text()) == (90.0, "LAO 90 / CRAN 0")
    assert camera.GetPosition()[0] < -50.0
    ui.topButton.click()
    assert camera.GetPosition()[2] > 150.0
    ui.angle60Button.click()
    assert done.parameterNode.rotationDeg == 60.0
    ui.frontButton.click()
    assert np.array(camera.GetPosition()) == pytest.approx(front)


def test_the_turntable_turns_until_it_is_pressed_again(done, qt_app):
    import qt_host

    done.ui.turntableButton.click()
    qt_host.spin(lambda: done.parameterNode.rotationDeg > 4.0, qt_app)
    done.ui.turntableButton.click()
    assert not done.look._timer.isActive()
    done.ui.turntableButton.click()
    start = done.parameterNode.rotationDeg
    for _ in range(180):
        done.look.onTurnStep()
    assert done.parameterNode.rotationDeg == pytest.approx(start)
    done.look.onTurnStep()
    assert done.parameterNode.rotationDeg == pytest.approx(start + 2.0)


def test_levels_are_hidden_faded_and_shown_again(done, host):
    from PySide6.QtCore import Qt

    table = done.ui.lookTable
    models = {n.GetName(): n.GetDisplayNode() for n in nodes_of(host, "vtkMRMLModelNode") if not n.GetHideFromEditors()}
    assert [cell(table, row, 0) for row in range(2)] == ["L1", "L2"]
    table.item(0, 0).setCheckState(Qt.Unchecked)
    assert not models["L1"].GetVisibility()
    assert models["L2"].GetVisibility()
    done.ui.showAllButton.click()
    assert models["L1"].GetVisibility()
    table.selectRow(1)
    done.ui.opacitySlider.setProperty("value", 40.0)
    assert (models["L1"].GetOpacity(), models["L2"].GetOpacity()) == (1.0, pytest.approx(0.4))
    assert cell(table, 1, 1) == "40 %"


def test_silhouettes_are_drawn_and_taken_away(done, host):
    from ReVerteRLib.scene import roles
    from ReVerteRLib.scene.overlay import SILHOUETTE_ROLE

    done.ui.silhouettesCheckBox.click()
    assert len(roles.nodes_with_role(host.scene, SILHOUETTE_ROLE)) == 4
    assert done.parameterNode.silhouettes is True
    done.ui.silhouettesCheckBox.click()
    assert roles.nodes_with_role(host.scene, SILHOUETTE_ROLE) == []


def test_measuring_fills_tables(done, qt_app, host):
    run(done, qt_app, "measureButton")
    table = done.ui.measurementsTable
    assert table.rowCount() > 5
    assert {"Vertebrae measurements", "Spine measurements"} <= {n.GetName() for n in nodes_of(host, "vtkMRMLTableNode")}
    assert cell(done.ui.lookTable, 0, 2) != ""


def test_export_asks_for_a_folder_and_formats_and_does_not_replace_files(done, qt_app, tmp_path):
    ui = done.ui
    assert "Choose a folder" in ui.exportButton.toolTip()
    ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "Wirbelsäule Ω"))
    for box in ("stlCheckBox", "segNrrdCheckBox"):
        getattr(ui, box).click()
    assert "format" in ui.exportButton.toolTip()
    for box in ("plyCheckBox", "niftiCheckBox"):
        getattr(ui, box).click()
    ui.frameComboBox.setCurrentText("RAS")
    ui.exportButton.click()
    written = sorted(p.relative_to(tmp_path / "Wirbelsäule Ω").as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert written == ["labels.nii.gz", "models/L1.ply", "models/L2.ply", "models/spine.ply"]
    assert "4 files" in ui.statusLabel.text()
    assert done.parameterNode.exportFrame == "RAS"
    ui.exportButton.click()
    assert "there already" in qt_app.errors[-1]
    ui.overwriteCheckBox.click()
    ui.exportButton.click()
    assert len(qt_app.errors) == 1


# --- set-up ----------------------------------------------------------------------------------------------


def test_the_check_makes_a_report_that_can_be_copied(panel, qt_app):
    import qt_host

    run(panel, qt_app, "preflightButton")
    report = panel.ui.preflightText.toPlainText()
    for word in ("ReVerteR", "Slicer 5.12.3", "Weights tiny: SHA-256", "Disk", "Device", "PyTorch"):
        assert word in report
    panel.ui.copyReportButton.click()
    assert qt_host.application().clipboard().text() == report


def test_other_weights_are_looked_at_first(panel, qt_app, tiny_store, tmp_path):
    own = tmp_path / "mine.safetensors"
    own.write_bytes((tiny_store / "Weights" / "tiny.safetensors").read_bytes())
    panel.ui.weightsPathLineEdit.setProperty("currentPath", str(own))
    assert panel.ui.weightsComboBox.currentText() == str(own)
    assert panel.parameterNode.weights == str(own)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"x" * 100)
    panel.ui.weightsPathLineEdit.setProperty("currentPath", str(broken))
    assert "broken.safetensors" in qt_app.errors[-1]
    assert panel.parameterNode.weights == str(own)


def test_another_python_is_used_for_the_next_task_and_remembered(panel, qt_app):
    first = panel.controller
    panel.ui.pythonPathLineEdit.setProperty("currentPath", "/opt/python")
    assert first.client.closed
    assert panel.controller.client.command.command[0] == "/opt/python"
    assert qt_app.settings().value("ReVerteR/Python") == "/opt/python"


def test_whoever_declines_the_installation_keeps_the_scene(panel, ct_node, monkeypatch):
    panel.parameterNode.ct = ct_node
    monkeypatch.setattr(panel.logic, "installDependencies", lambda: False)
    panel.ui.simulateButton.click()
    panel.ui.installButton.click()
    assert not panel.busy
    assert panel.parameterNode.ap is None


def test_the_samples(panel, ct_node, monkeypatch):
    asked = []
    sample = SimpleNamespace(downloadSample=lambda name: (asked.append(name), ct_node)[1])
    monkeypatch.setitem(sys.modules, "SampleData", sample)
    panel.ui.sampleButton.click()
    assert asked == ["CTChest"]
    assert panel.parameterNode.ct is ct_node
    monkeypatch.setattr(panel.logic, "makePhantom", lambda: ct_node)
    panel.parameterNode.ct = None
    panel.ui.phantomButton.click()
    assert panel.parameterNode.ct is ct_node


# --- what can go wrong -------------------------------------------------------------------------------------


def test_cancel_leaves_no_trace(ready, qt_app, host):
    import qt_host

    ready.ui.reconstructButton.click()
    qt_host.spin(lambda: "1/2" in ready.ui.statusLabel.text(), qt_app)
    ready.ui.cancelButton.click()
    qt_host.spin(lambda: not ready.busy, qt_app)
    assert ready.parameterNode.segmentation is None
    assert nodes_of(host, "vtkMRMLSegmentationNode") == []
    assert nodes_of(host, "vtkMRMLModelNode") == [] or all(
        n.GetHideFromEditors() for n in nodes_of(host, "vtkMRMLModelNode")
    )
    assert "Cancelled" in ready.ui.statusLabel.text()
    assert ready.ui.reconstructButton.isEnabled()


def test_closing_the_scene_ends_a_run_and_nothing_is_added(ready, qt_app, host):
    import qt_host

    ready.ui.reconstructButton.click()
    qt_host.spin(lambda: "1/2" in ready.ui.statusLabel.text(), qt_app)
    host.scene.Clear(False)
    assert not ready.busy
    qt_host.spin(lambda: not ready.timer.isActive(), qt_app)
    assert nodes_of(host, "vtkMRMLSegmentationNode") == []
    assert nodes_of(host, "vtkMRMLModelNode") == []
    assert ready.parameterNode is not None
    assert ready.parameterNode.ap is None
    assert ready.vertebrae.editor is None
    assert ready.ui.levelsTable.rowCount() == 0


def test_a_failure_is_said_and_nothing_is_lost(done, qt_app, monkeypatch):
    from ReVerteRLib.errors import ResourceError
    from ReVerteRLib.worker import registry

    def fail(_arguments, _context):
        raise ResourceError("the worker was killed", where="worker", remedy="Close other programs")

    before = done.parameterNode.segmentation
    monkeypatch.setitem(registry.JOB_FUNCTIONS, "reconstruct", fail)
    run(done, qt_app, "reconstructButton")
    assert qt_app.errors == ["worker: the worker was killed. Close other programs"]
    assert done.ui.statusLabel.text() == qt_app.errors[0]
    assert done.parameterNode.segmentation is before
    assert before.GetDisplayNode().GetVisibility()
    assert done.parameterNode.centroids.GetNumberOfControlPoints() == 2
    assert done.ui.reconstructButton.isEnabled()


def test_radiographs_that_do_not_fit_are_said_at_once(ready, qt_app):
    ready.parameterNode.lateral = ready.parameterNode.ap
    assert "same image" in ready.ui.annotationLabel.text()
    ready.ui.reconstructButton.click()
    assert "same image" in qt_app.errors[-1]
    assert not ready.busy


def test_a_centroid_list_that_is_deleted_meanwhile(ready, host, centroids_node):
    host.scene.RemoveNode(centroids_node)
    ready.update()
    assert ready.ui.levelsTable.rowCount() == 0
    assert not ready.ui.reconstructButton.isEnabled()


# --- coming and going --------------------------------------------------------------------------------------


def test_leaving_the_module_brings_the_earlier_layout_back(ready, host):
    ready.exit()
    assert host.slicer.app.layoutManager().layout == FOUR_UP
    assert ready.parameterNode is None
    from ReVerteRLib.scene import roles
    from ReVerteRLib.scene.epipolar import HELPER

    assert roles.nodes_with_role(host.scene, HELPER) == []


def test_a_layout_that_the_user_chose_meanwhile_stays(ready, host):
    host.slicer.app.layoutManager().setLayout(4)
    ready.exit()
    assert host.slicer.app.layoutManager().layout == 4


def test_choices_survive_leaving_and_coming_back(ready):
    ready.ui.rollSlider.setProperty("value", 12.0)
    ready.exit()
    ready.enter()
    assert ready.parameterNode.rollDeg == 12.0
    assert ready.parameterNode.ap.GetName() == "Phantom AP"
    assert ready.ui.levelsTable.rowCount() == 2


def test_a_saved_scene_restores_the_panel(done, host, tmp_path):
    done.ui.levelsTable.selectRow(0)
    done.ui.rotationSlider.setProperty("value", 33.0)
    done.ui.plyCheckBox.click()
    done.vertebrae.edit("set_checked", 1, False)
    path = tmp_path / "case.mrb"
    assert host.scene.WriteToMRB(str(path))
    host.scene.Clear(False)
    assert done.parameterNode.ap is None
    assert host.scene.ReadFromMRB(str(path))
    node = done.parameterNode
    assert (node.ap.GetName(), node.segmentation.GetSegmentation().GetNumberOfSegments()) == ("Phantom AP", 2)
    assert (node.rotationDeg, node.exportPly) == (33.0, True)
    assert done.ui.rotationSlider.property("value") == 33.0
    assert [level.name for level in done.facts().chosen] == ["L1"]
    assert done.facts().changed == ()
    assert "not there any more" in done.ui.againButton.toolTip() or "moved or added" in done.ui.againButton.toolTip()


def test_which_sections_are_open_is_remembered(panel, qt_app):
    assert panel.ui.setupSection.property("collapsed")
    assert not panel.ui.lookSection.property("collapsed")
    panel.ui.lookSection.setProperty("collapsed", True)
    assert qt_app.settings().value("ReVerteR/Collapsed/lookSection") is True


def test_the_radiograph_views_say_which_side_is_which_while_the_module_is_open(ready, host):
    widgets = host.slicer.app.layoutManager().slice_widgets
    shown = {
        name: {p.GetInput() for p in widget.renderer.GetViewProps() if p.IsA("vtkTextActor")}
        for name, widget in widgets.items()
    }
    assert shown == {layout.AP_VIEW: {"R", "L", "H", "F"}, layout.LATERAL_VIEW: {"A", "P", "H", "F"}}
    ready.exit()
    assert [widget.renderer.GetViewProps().GetNumberOfItems() for widget in widgets.values()] == [0, 0]
    ready.enter()
    ready.showLayout()
    assert [widget.renderer.GetViewProps().GetNumberOfItems() for widget in widgets.values()] == [4, 4]


def test_the_3d_view_begins_with_a_figure_that_can_be_put_out(ready, host):
    view = host.scene.GetSingletonNode(layout.THREED_VIEW, "vtkMRMLViewNode")
    assert view.GetOrientationMarkerType() == view.OrientationMarkerTypeHuman
    view.SetOrientationMarkerType(view.OrientationMarkerTypeNone)
    ready.showLayout()
    assert view.GetOrientationMarkerType() == view.OrientationMarkerTypeNone


def test_every_button_shows_its_icon(panel):
    from PySide6.QtWidgets import QPushButton

    panel.ui.importButton.click()
    windows = (panel.panel, panel.parts[0].dialog.window)
    buttons = [button for window in windows for button in window.findChildren(QPushButton)]
    assert len(buttons) > 35
    pictures = {}
    for button in buttons:
        picture = button.icon().pixmap(24, 24).toImage()
        assert not picture.isNull(), button.objectName()
        shown = sum(picture.pixelColor(x, y).alpha() > 128 for x in range(24) for y in range(24))
        assert 40 < shown < 480, button.objectName()
        pictures[button.objectName().removeprefix("ap").removeprefix("lateral")] = bytes(picture.constBits())
    assert len(set(pictures.values())) == len(pictures)


def test_every_widget_has_a_name_for_screen_readers(panel):
    from PySide6 import QtGui, QtWidgets

    panel.ui.importButton.click()
    for ui in (panel.ui, panel.parts[0].dialog.ui):
        for name, widget in vars(ui).items():
            if isinstance(widget, QtWidgets.QAbstractButton):
                assert widget.text() or widget.accessibleName(), name
            elif widget.focusPolicy() != QtGui.Qt.NoFocus and widget.toolTip():
                assert widget.accessibleName(), name


def test_reload_forgets_both_packages(panel, qt_app):
    kept = {n: m for n, m in sys.modules.items() if n.split(".")[0] in ("ReVerteRLib", "ReVerteRPanel")}
    try:
        panel.onReload()
        assert qt_app.reloaded == ["ReVerteR"]
        assert not [name for name in sys.modules if name.split(".")[0] in ("ReVerteRLib", "ReVerteRPanel")]
    finally:
        sys.modules.update(kept)
