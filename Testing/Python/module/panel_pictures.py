"""Pictures of the panel in every state, to be looked at: python panel_pictures.py FOLDER [LANGUAGE]

It runs as a test with the fixtures of this folder (but with the shipped weights), and is not collected by default.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import translations

FOLDER, LANGUAGE = "REVERTER_PICTURES", "REVERTER_LANGUAGE"
SECTIONS = ("radiographs", "vertebrae", "reconstruct", "look", "results", "setup")

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def tiny_weights():
    """The shipped weights are used instead."""


@pytest.fixture
def qt_app(qt_app):
    """In the language of the second argument."""
    import qt_host

    qt_app.applicationLocaleName = os.environ.get(LANGUAGE) or "en_US"
    language = qt_app.applicationLocaleName.replace("_", "-")
    qt_app.translator = qt_host.QtCore.QTranslator()  # kept there: Qt does not keep it
    if qt_app.translator.load(str(translations.FOLDER / f"ReVerteR_{language}.qm")):
        qt_host.QtCore.QCoreApplication.installTranslator(qt_app.translator)
    return qt_app


@pytest.fixture
def shoot(panel, qt_app):  # noqa: ARG001 - it must be there first
    """Writes a picture of the panel, of some of its sections, or of another window."""
    import qt_host

    folder = Path(os.environ[FOLDER])
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str, open_sections=(), window=None, width: int = 460) -> None:
        for section in SECTIONS:
            box = getattr(panel.ui, f"{section}Section")
            box.setProperty("collapsed", section not in open_sections)
            box.setVisible(not open_sections or section in open_sections or window is None)
        qt_host.picture(window or panel.panel, folder / f"{name}.png", width)

    return take


def wait(panel, app) -> None:
    import qt_host

    qt_host.spin(lambda: not panel.busy, app, 400.0)


def test_pictures_of_every_state(panel, qt_app, shoot, tmp_path):
    import qt_host

    ui = panel.ui
    shoot("01_empty", SECTIONS[:3])
    ui.phantomButton.click()
    shoot("02_ct_chosen", SECTIONS[:1])
    ui.simulateButton.click()
    wait(panel, qt_app)
    shoot("03_radiographs_made", SECTIONS[:2])
    ui.findButton.click()
    wait(panel, qt_app)
    shoot("04_found", SECTIONS[1:2])
    doubt(panel)
    ui.levelsTable.selectRow(1)
    shoot("05_one_is_doubtful", SECTIONS[1:2])
    ui.checkNoneButton.click()
    for row in (4, 5, 6):
        panel.vertebrae.edit("set_checked", panel.vertebrae.rows[row].index, True)
    ui.weightsComboBox.setProperty("currentText", "fast")
    ui.reconstructButton.click()
    qt_host.spin(lambda: "2/3" in ui.statusLabel.property("text"), qt_app, 400.0)
    panel.timer.stop()
    shoot("06_running", SECTIONS[2:3])
    panel.timer.start()
    wait(panel, qt_app)
    ui.silhouettesCheckBox.click()
    shoot("07_finished", SECTIONS[2:4])
    ui.angle60Button.click()
    ui.measureButton.click()
    wait(panel, qt_app)
    shoot("08_measured", SECTIONS[3:5])
    ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "spine"))
    ui.exportButton.click()
    shoot("09_exported", SECTIONS[4:5])
    ui.exportButton.click()
    shoot("10_error", SECTIONS[4:5])
    ui.preflightButton.click()
    wait(panel, qt_app)
    shoot("11_preflight", SECTIONS[5:])
    ui.exportPathLineEdit.setProperty("currentPath", "/data/spine")
    shoot("13_upper_half", SECTIONS[:3])
    shoot("14_lower_half", SECTIONS[3:5])
    side_by_side(Path(os.environ[FOLDER]), ("13_upper_half", "14_lower_half"), "panel")


def test_picture_of_the_import_window(panel, qt_app, shoot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel.ui.phantomButton.click()
    panel.ui.simulateButton.click()
    wait(panel, qt_app)
    both_files(panel)
    shoot("12_import", SECTIONS, panel.parts[0].dialog.window, 860)
    side_by_side(Path(os.environ[FOLDER]), ("12_import",), "import")


def side_by_side(folder: Path, names, result: str) -> None:
    """One small picture (256 colours) of several."""
    from PIL import Image

    pictures = [Image.open(folder / f"{name}.png").convert("RGB") for name in names]
    size = sum(p.width for p in pictures), max(p.height for p in pictures)
    sheet = Image.new("RGB", size, pictures[0].getpixel((2, 2)))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (sum(p.width for p in pictures[:number]), 0))
    sheet.quantize(256, dither=Image.Dither.NONE).save(folder / f"{result}.png", optimize=True)


def doubt(panel) -> None:
    """Makes one centroid doubtful, as the shoulders do in a real lateral radiograph."""
    import dataclasses

    from ReVerteRLib.scene.centroid_table import rows_of, write_rows

    node = panel.parameterNode.centroids
    rows = list(rows_of(node))
    point = dataclasses.replace(rows[0].point, confidence=0.31, residual_mm=4.2, reasons=("faint in the lateral view",))
    rows[0] = dataclasses.replace(rows[0], point=point)
    write_rows(node, tuple(rows))
    panel.vertebrae.table.flush()


def both_files(panel) -> None:
    """The radiographs as pictures without any header, in the import window."""
    from PIL import Image
    from slicer.util import arrayFromVolume

    panel.ui.importButton.click()
    ui = panel.parts[0].dialog.ui
    for side, node in (("ap", panel.parameterNode.ap), ("lateral", panel.parameterNode.lateral)):
        pixels = arrayFromVolume(node)[0]
        Image.fromarray((pixels / pixels.max() * 255).astype(np.uint8)).save(f"{side}.png")
        getattr(ui, f"{side}PathLineEdit").setProperty("currentPath", f"{side}.png")
    for side in ("ap", "lateral"):
        getattr(ui, f"{side}SpacingSpinBox").setProperty("value", 1.0)


if __name__ == "__main__":
    os.environ[FOLDER] = str(Path(sys.argv[1]).resolve())
    os.environ[LANGUAGE] = sys.argv[2] if len(sys.argv) > 2 else ""
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
