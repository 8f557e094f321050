"""The README's tutorial pressed through the real panel, with the shipped weights and the real worker process:

python panel_tutorial.py    tells the seconds of each step; a person's looking and clicking comes on top.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def tiny_weights():
    """The shipped weights are used instead."""


class Watch:
    """Presses buttons and notes how long the machine takes."""

    def __init__(self, panel, app) -> None:
        self.panel, self.app, self.seconds = panel, app, {}

    def press(self, button: str) -> None:
        import qt_host

        widget = getattr(self.panel.ui, button)
        assert widget.property("enabled"), widget.property("toolTip")
        began = time.monotonic()
        widget.click()
        qt_host.spin(lambda: not self.panel.busy, self.app, 500.0)
        assert self.app.errors == []
        self.seconds[widget.property("text")] = time.monotonic() - began


def test_from_a_ct_to_stl_files(panel, qt_app, tmp_path, capsys):
    watch, ui = Watch(panel, qt_app), panel.ui
    ui.pythonPathLineEdit.setProperty("currentPath", sys.executable)
    for button in ("phantomButton", "simulateButton", "findButton"):
        watch.press(button)
    found = [row.label for row in panel.vertebrae.rows]
    ui.levelsTable.selectRow(len(found) - 1)
    ui.levelComboBox.setProperty("currentText", "L5")
    watch.press("anchorButton")
    watch.press("reconstructButton")
    ui.silhouettesCheckBox.click()
    watch.press("measureButton")
    ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "spine"))
    watch.press("exportButton")
    files = sorted(path.name for path in Path(tmp_path / "spine").rglob("*.stl"))
    with capsys.disabled():
        for text, seconds in watch.seconds.items():
            sys.stdout.write(f"{text:22} {seconds:6.1f} s\n")
        sys.stdout.write(f"{'together':22} {sum(watch.seconds.values()):6.1f} s\n{', '.join(files)}\n")
    assert {"L1.stl", "L5.stl", "spine.stl"} <= set(files)
    assert len(files) == panel.parameterNode.segmentation.GetSegmentation().GetNumberOfSegments() + 1


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
