"""The panel with a real worker in trouble: no such Python, one without PyTorch, one that crashes; then a good one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run", allow_module_level=True)

from panel_steps import nothing_lost, plain_qt, press, still_works

FAILING = Path(__file__).parents[1] / "worker" / "failing_worker.py"


@pytest.fixture
def interpreter(tmp_path):
    """A function that gives the path of a Python in which the worker is in the given trouble."""

    def make(mode: str) -> str:
        path = tmp_path / f"python {mode}"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAILING}" {mode}\n')
        path.chmod(0o755)
        return str(path)

    return make


@pytest.mark.slow
def test_whatever_is_wrong_with_the_worker_is_said_once_and_another_one_goes_on(
    panel, qt_app, ct_node, centroids_node, interpreter
):
    plain_qt(__name__)
    node, python = panel.parameterNode, panel.ui.pythonPathLineEdit
    node.ap, node.lateral = panel.logic.simulateRadiographs(ct_node)
    node.centroids = centroids_node

    python.setProperty("currentPath", "/no/such/python")
    with nothing_lost(panel, qt_app, "/no/such/python", "cannot be started", "Check the interpreter"):
        press(panel, qt_app, "reconstructButton")
    with nothing_lost(panel, qt_app, "/no/such/python"):
        press(panel, qt_app, "preflightButton")
    assert "FAULT  Worker: the worker cannot be started" in panel.ui.preflightText.toPlainText()

    python.setProperty("currentPath", interpreter("no-torch"))
    with nothing_lost(panel, qt_app, sys.executable, "torch is not installed", "another Python"):
        press(panel, qt_app, "reconstructButton")
    press(panel, qt_app, "preflightButton")
    assert "torch is not installed" in panel.ui.preflightText.toPlainText()

    python.setProperty("currentPath", interpreter("crash"))
    with nothing_lost(panel, qt_app, "crashed (SIGSEGV)", "loading libbroken.so", "report these lines"):
        press(panel, qt_app, "reconstructButton")

    python.setProperty("currentPath", sys.executable)
    still_works(panel, qt_app)
