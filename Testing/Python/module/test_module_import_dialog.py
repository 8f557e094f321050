"""The window that imports radiograph files, under Qt."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the window cannot be opened", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def files(tmp_path, module, ct_node):
    """Both radiographs of the phantom as pictures without any header; names that are not ASCII."""
    from PIL import Image
    from slicer.util import arrayFromVolume

    folder = tmp_path / "Röntgen 患者"
    folder.mkdir()
    for node, name in zip(module.ReVerteRLogic().simulateRadiographs(ct_node), ("ap", "lateral"), strict=True):
        picture = arrayFromVolume(node)[0]
        Image.fromarray((picture / picture.max() * 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder / "ap.png", folder / "lateral.png"


@pytest.fixture
def dialog(files, panel):
    """Opened by its button, with both files chosen."""
    panel.ui.importButton.click()
    dialog = panel.parts[0].dialog
    dialog.ui.apPathLineEdit.setProperty("currentPath", str(files[0]))
    dialog.ui.lateralPathLineEdit.setProperty("currentPath", str(files[1]))
    return dialog


def decisions(dialog, side: str) -> dict[str, tuple[str, str]]:
    table = getattr(dialog.ui, f"{side}DecisionsTable")
    cells = [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())]
    return {topic: (value, why) for topic, value, why in cells}


def test_a_missing_pixel_size_is_asked_for_and_then_everything_is_shown(dialog):
    assert not dialog.ui.acceptButton.isEnabled()
    assert "spacing" in dialog.ui.importWarnings.text() or "pixel size" in dialog.ui.importWarnings.text()
    for side in ("ap", "lateral"):
        getattr(dialog.ui, f"{side}SpacingSpinBox").setValue(1.5)
    assert dialog.ui.acceptButton.isEnabled()
    found = decisions(dialog, "ap")
    assert found["pixel size"][0] == "1.5 mm"
    assert found["view"][1].endswith("(assumed)")
    assert "Orientation unknown" in dialog.ui.importWarnings.text()
    dialog.window.resize(820, 860)
    dialog.ui.apPicture.parentWidget().layout().activate()
    assert 200 < dialog.ui.apPicture.pixmap().height() <= dialog.ui.apPicture.height()


def test_turning_and_mirroring_is_seen_at_once(dialog):
    for side in ("ap", "lateral"):
        getattr(dialog.ui, f"{side}SpacingSpinBox").setValue(1.5)
    from ReVerteRLib.geometry import View

    before = dialog.session.picture(View.LATERAL)
    shape = dialog.session.image(View.LATERAL).radiograph.image_hw.shape
    dialog.ui.lateralRotateButton.click()
    assert dialog.session.image(View.LATERAL).radiograph.image_hw.shape == shape[::-1]
    for _ in range(3):
        dialog.ui.lateralRotateButton.click()
    assert np.array_equal(dialog.session.picture(View.LATERAL), before)
    dialog.ui.lateralOverButton.click()
    assert not np.array_equal(dialog.session.picture(View.LATERAL), before)
    assert decisions(dialog, "lateral")["orientation"][1].endswith("(chosen)")
    dialog.ui.lateralOverButton.click()
    dialog.ui.lateralFlipButton.click()
    dialog.ui.lateralGreyComboBox.setCurrentText("inverted")
    assert decisions(dialog, "lateral")["grey values"][0] == "inverted"
    dialog.ui.lateralPositionComboBox.setCurrentText("RL")
    assert decisions(dialog, "lateral")["view"][0] == "RL"


def test_a_cone_beam_and_a_height_can_be_given(dialog, panel):
    from ReVerteRLib.geometry import Beam
    from ReVerteRLib.scene.volumes import radiograph_from_node

    for side in ("ap", "lateral"):
        getattr(dialog.ui, f"{side}SpacingSpinBox").setValue(1.5)
        getattr(dialog.ui, f"{side}SadSpinBox").setValue(1500)
        getattr(dialog.ui, f"{side}SddSpinBox").setValue(1800)
    dialog.ui.offsetSpinBox.setValue(12.0)
    dialog.ui.acceptButton.click()
    assert not dialog.window.isVisible()
    projections = [radiograph_from_node(n).projection for n in (panel.parameterNode.ap, panel.parameterNode.lateral)]
    assert {p.beam for p in projections} == {Beam.CONE}
    heights = [p.plane_point([[(n - 1) / 2 for n in p.image_hw]])[0][2] for p in projections]
    assert heights[1] - heights[0] == pytest.approx(12.0)
    assert panel.ui.apSelector.currentNode() is panel.parameterNode.ap
    assert panel.ui.findButton.isEnabled()


def test_what_is_no_radiograph_is_said_in_the_window(dialog, tmp_path, files):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"not a picture")
    dialog.ui.apPathLineEdit.setProperty("currentPath", str(broken))
    assert "broken.dcm" in dialog.ui.importWarnings.text()
    assert not dialog.ui.acceptButton.isEnabled()
    dialog.ui.apPathLineEdit.setProperty("currentPath", str(files[1]))
    assert "same image" in dialog.ui.importWarnings.text()
    dialog.ui.apPathLineEdit.setProperty("currentPath", str(tmp_path / "nothing.png"))
    assert "nothing.png" in dialog.ui.importWarnings.text()
    dialog.ui.closeButton.click()
    assert not dialog.window.isVisible()
