"""The panel: what its buttons do, and what happens when a scene is closed or the module is left."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from ReVerteRLib.scene import layout

pytestmark = pytest.mark.usefixtures("tiny_weights")
FOUR_UP = 3


@pytest.fixture
def panel(module, host):
    """The panel, opened; with the Four-Up layout shown before."""
    host.slicer.app.layoutManager().setLayout(FOUR_UP)
    widget = module.ReVerteRWidget(SimpleNamespace(isEntered=True))
    widget.setup()
    widget.enter()
    yield widget
    widget.cleanup()


@pytest.fixture
def ready(panel, ct_node, centroids_node):
    """The panel after 'Simulate radiographs', with centroids chosen."""
    panel._parameterNode.ct = ct_node
    panel.ui.simulateButton.click()
    panel._parameterNode.centroids = centroids_node
    return panel


def test_a_fresh_panel_says_what_is_missing(panel):
    for button in (panel.ui.simulateButton, panel.ui.reconstructButton, panel.ui.exportButton):
        assert not button.enabled
        assert button.toolTip.startswith("Choose")
    assert not panel.ui.cancelButton.enabled
    assert not panel.ui.progressBar.visible
    assert ("addItems", ["tiny"]) in panel.ui.weightsComboBox.calls
    assert panel.ui.weightsComboBox.currentText == "tiny"


def test_simulating_chooses_the_radiographs_and_shows_the_layout(ready, host):
    assert ready._parameterNode.ap.GetName() == "Phantom AP"
    assert ready._parameterNode.lateral.GetName() == "Phantom lateral"
    assert host.slicer.app.layoutManager().layout == layout.LAYOUT_ID
    assert ready.ui.reconstructButton.enabled


def test_reconstructing_reports_progress_and_offers_the_result(ready):
    seen = []
    original = ready._showProgress
    ready._showProgress = lambda *step: (original(*step), seen.append((ready.ui.progressBar.value, busy(ready))))
    ready.ui.reconstructButton.click()
    assert seen == [(1, True), (2, True)]
    assert ready._parameterNode.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert ready.ui.exportButton.enabled
    assert ready.ui.statusLabel.text == "Done"
    assert not busy(ready)


def busy(panel) -> bool:
    return panel.ui.cancelButton.enabled and panel.ui.progressBar.visible and not panel.ui.reconstructButton.enabled


def test_cancel_takes_effect_after_the_present_vertebra(ready, host):
    host.slicer.app.processEvents = lambda: ready.ui.progressBar.value == 1 and ready.ui.cancelButton.click()
    ready.ui.reconstructButton.click()
    assert ready._parameterNode.segmentation is None
    assert "cancelled after 1 of 2" in ready.ui.statusLabel.text
    assert ready.ui.reconstructButton.enabled


def test_closing_the_scene_ends_a_run_and_nothing_is_added(ready, host):
    def close_once() -> None:
        if ready.ui.progressBar.value == 1 and ready._parameterNode is not None and ready._running:
            ready.onSceneStartClose()

    host.slicer.app.processEvents = close_once
    ready.ui.reconstructButton.click()
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert not ready._running


def test_a_failure_is_said_and_the_panel_can_be_used_again(ready):
    ready._parameterNode.levels = "T3"
    with pytest.raises(Exception, match="no centroid for T3"):
        ready.ui.reconstructButton.click()
    assert ready.ui.statusLabel.text == "Failed"
    assert ready.ui.reconstructButton.enabled
    assert not ready.ui.progressBar.visible


def test_whoever_declines_the_installation_keeps_the_scene(panel, ct_node, monkeypatch):
    panel._parameterNode.ct = ct_node
    monkeypatch.setattr(panel.logic, "installDependencies", lambda: False)
    panel.ui.simulateButton.click()
    assert panel._parameterNode.ap is None


def test_leaving_the_module_brings_the_earlier_layout_back(ready, host):
    ready.exit()
    assert host.slicer.app.layoutManager().layout == FOUR_UP
    assert ready._parameterNode is None


def test_a_layout_that_the_user_chose_meanwhile_stays(ready, host):
    host.slicer.app.layoutManager().setLayout(4)
    ready.exit()
    assert host.slicer.app.layoutManager().layout == 4


def test_choices_survive_leaving_and_coming_back(ready):
    ready._parameterNode.levels = "L1"
    ready.ui.weightsComboBox.emit("currentTextChanged(QString)", "tiny")
    ready.exit()
    ready.enter()
    assert (ready._parameterNode.levels, ready._parameterNode.weights) == ("L1", "tiny")
    assert ready._parameterNode.ap.GetName() == "Phantom AP"


def test_radiographs_and_centroids_in_the_scene_are_proposed(panel, ct_node, host):
    from ReVerteRLib.anatomy import level_from_name
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.scene.markups import add_centroids

    panel.exit()
    panel.logic.simulateRadiographs(ct_node)
    add_centroids(host.scene, CentroidSet((Centroid(level_from_name("L1"), (-60.0, -60.0, 108.0)),)), "Picked")
    panel.enter()
    assert panel._parameterNode.ap.GetName() == "Phantom AP"
    assert panel._parameterNode.centroids.GetName() == "Picked"


def test_closing_the_scene_gives_a_fresh_parameter_node(ready, host):
    host.scene.Clear(False)
    assert ready._parameterNode is not None
    assert ready._parameterNode.ap is None


def test_export_asks_for_a_folder(ready, monkeypatch, tmp_path):
    ready.ui.reconstructButton.click()
    dialog = sys.modules["qt"].QFileDialog
    monkeypatch.setattr(dialog, "getExistingDirectory", lambda *_: "", raising=False)
    ready.ui.exportButton.click()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(dialog, "getExistingDirectory", lambda *_: str(tmp_path), raising=False)
    ready.ui.exportButton.click()
    assert (tmp_path / "spine.seg.nrrd").is_file()
    assert "4 files" in ready.ui.statusLabel.text


def test_the_sample_comes_from_slicers_own_samples(panel, ct_node, monkeypatch):
    asked = []
    sample = SimpleNamespace(downloadSample=lambda name: (asked.append(name), ct_node)[1])
    monkeypatch.setitem(sys.modules, "SampleData", sample)
    panel.ui.sampleButton.click()
    assert asked == ["CTChest"]
    assert panel._parameterNode.ct is ct_node


def test_reload_forgets_the_whole_library(panel):

    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ReVerteRLib"}
    try:
        panel.onReload()
        assert not [name for name in sys.modules if name.startswith("ReVerteRLib")]
        import ReVerteRLib.scene.workflow as fresh

        assert fresh is not kept["ReVerteRLib.scene.workflow"]
    finally:
        sys.modules.update(kept)
