"""The panel with its real worker process: one run, a cancelled one, a killed one."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run", allow_module_level=True)


def test_a_worker_runs_is_cancelled_and_may_be_killed(panel, qt_app, ct_node, centroids_node):
    """One test for all, because a worker takes a while to start."""
    import qt_host

    panel.ui.pythonPathLineEdit.setProperty("currentPath", sys.executable)
    panel.parameterNode.ct = ct_node
    panel.ui.simulateButton.click()
    assert panel.busy
    qt_host.spin(lambda: not panel.busy, qt_app)
    panel.parameterNode.centroids = centroids_node
    panel.ui.reconstructButton.click()
    qt_host.spin(lambda: not panel.busy, qt_app)
    first = panel.parameterNode.segmentation
    assert first.GetSegmentation().GetNumberOfSegments() == 2
    assert panel.controller.client.starts == 1

    panel.ui.reconstructButton.click()
    panel.ui.cancelButton.click()
    qt_host.spin(lambda: not panel.busy, qt_app, limit_s=10.0)
    assert "Cancelled" in panel.ui.statusLabel.text()
    assert panel.parameterNode.segmentation is first
    assert qt_app.errors == []

    panel.ui.reconstructButton.click()
    qt_host.spin(lambda: panel.controller.client.pid is not None, qt_app)
    os.kill(panel.controller.client.pid, signal.SIGKILL)
    qt_host.spin(lambda: not panel.busy, qt_app)
    assert "memory" in qt_app.errors[0] or "cancel" in panel.ui.statusLabel.text().lower()
    assert panel.parameterNode.segmentation is first
    assert panel.ui.reconstructButton.isEnabled()
    pid = panel.controller.client.pid
    panel.cleanup()
    assert pid is None or not Path(f"/proc/{pid}").exists() or panel.controller.client.pid is None
