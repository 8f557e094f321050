"""What keeps the panel quick, without a clock: what is loaded when it opens, and what is not done while it turns."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run", allow_module_level=True)

REPOSITORY = Path(__file__).parents[3]


def test_opening_the_panel_loads_nothing_that_takes_long():
    code = (
        "import json, os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import panel\n"
        "with panel.application() as (host, app):\n"
        "    widget = panel.opened(host)\n"
        "    print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
        "    sys.stdout.flush()\n"
        "    os._exit(0)\n"
    )
    benchmarks = str(REPOSITORY / "Testing" / "Benchmarks")
    done = subprocess.run([sys.executable, "-c", code, benchmarks], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "ReVerteRLib" in loaded
    assert loaded.isdisjoint({"torch", "scipy", "skimage", "SimpleITK", "monai", "pydicom", "matplotlib"})


@pytest.mark.usefixtures("inline")
def test_turning_the_view_fills_no_table_and_a_new_choice_does(panel, ct_node, monkeypatch):
    filled = []
    monkeypatch.setattr(panel.look, "update", lambda: filled.append("look"))
    monkeypatch.setattr(panel, "updateButtons", lambda: filled.append("buttons"))
    for angle in (10.0, 20.0, 30.0):
        panel.parameterNode.rotationDeg = angle
    assert filled == []
    assert panel.ui.rotationSlider.property("value") == 30.0
    panel.parameterNode.ct = ct_node
    assert "buttons" in filled
    filled.clear()
    panel.parameterNode.silhouettes = True
    assert filled == ["look", "buttons"]


def test_every_choice_by_which_something_looks_different_is_watched(module):
    """The choices that are not watched are each seen in their own widget only."""
    own = {"beam", "pixelSpacingMm", "rotationDeg", "elevationDeg", "rollDeg", "exportFrame"}
    hints = module.ReVerteRParameterNode.parameters
    exported = {name for name in hints if name.startswith("export")}
    assert set(module.SHOWN) == set(hints) - own - exported
