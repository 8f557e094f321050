"""Steps and checks that tests of the panel under bad input share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


def plain_qt(*modules: str) -> None:
    """Lets test modules call Qt's methods by their own names, whatever the panel's modules were allowed before them."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "torch"}
    try:
        from shibokensupport import feature

        for name in (__name__, *modules):
            feature.set_selection(0, name)
    finally:
        sys.modules.update(hidden)


def press(panel, app, button: str, limit_s: float = 120.0) -> None:
    """Presses a button and waits for the end of its task."""
    import qt_host

    widget = getattr(panel.ui, button)
    assert widget.isEnabled(), widget.toolTip()
    widget.click()
    qt_host.spin(lambda: not panel.busy, app, limit_s)


@contextlib.contextmanager
def nothing_lost(panel, app, *words: str) -> Iterator[None]:
    """What happens inside must end in one message with these words, and leave everything as it was."""
    before = _inventory(panel)
    app.errors.clear()
    yield
    assert len(app.errors) == 1, app.errors
    for word in words:
        assert word in app.errors[0], app.errors[0]
    assert panel.ui.statusLabel.text() == app.errors[0]
    assert "Traceback" not in app.errors[0]
    assert _inventory(panel) == before
    assert not panel.busy
    assert not panel.ui.cancelButton.isVisibleTo(panel.panel)


def still_works(panel, app) -> None:
    """The next reconstruction succeeds."""
    before = panel.parameterNode.segmentation
    app.errors.clear()
    press(panel, app, "reconstructButton")
    assert app.errors == []
    assert panel.parameterNode.segmentation is not before
    assert panel.parameterNode.segmentation.GetSegmentation().GetNumberOfSegments() == 2


def _inventory(panel) -> dict:
    """Everything that a person would miss: nodes with their looks, centroids with their places, choices."""
    node, scene = panel.parameterNode, panel.scene
    nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    kinds = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode", "vtkMRMLMarkupsFiducialNode")
    shown = [n for n in nodes if n.GetClassName() in kinds and not n.GetHideFromEditors()]
    points = node.centroids
    return {
        "nodes": {
            n.GetID(): (n.GetName(), bool(n.GetDisplayNode() and n.GetDisplayNode().GetVisibility())) for n in shown
        },
        "helpers": sum(n.GetHideFromEditors() and n.GetClassName() in kinds for n in nodes),
        "result": node.segmentation.GetID() if node.segmentation else None,
        "segments": node.segmentation.GetSegmentation().GetNumberOfSegments() if node.segmentation else 0,
        "points": [
            (points.GetNthControlPointLabel(n), tuple(points.GetNthControlPointPosition(n)))
            for n in range(points.GetNumberOfControlPoints())
        ],
        "choices": (node.ap.GetID(), node.lateral.GetID(), node.weights, node.device),
    }
