"""Draggable points in one radiograph: the shadows of the centroids, where the beam really casts them.

A slice view shows a point in space at right angles to its plane; under a diverging beam its shadow lies elsewhere
(16 mm beside for a point 40 mm behind the plane, 600 mm from the axis and 1500 mm from the source). So what is seen
and dragged in the AP and the lateral view are these helper points, and the centroid list itself hides there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ReVerteRLib.geometry import Array, Projection, View
from ReVerteRLib.scene.centroid_points import Point
from ReVerteRLib.scene.epipolar import VIEW_NODE_ID, as_helper, batched, pixel_of_ras, plane_point_ras, remove_helper
from ReVerteRLib.scene.observers import Observers

_MOVED_MM = 1e-3

Moved = Callable[[View, int, Array], None]
Dragging = Callable[[View, bool], None]


class ViewHandles:
    """The points of one view.

    moved(view, index, pixel_rc):  a person put the point of this index there.
    dragging(view, started):       a drag begins or ends.
    set_display(display):          colours and sizes of the points.
    """

    def __init__(
        self, scene: Any, projection: Projection, moved: Moved, dragging: Dragging, set_display: Callable[[Any], None]
    ) -> None:
        self._scene, self._projection = scene, projection
        self._moved, self._dragging, self._set_display = moved, dragging, set_display
        self._observers = Observers()
        self._expected: list[Array | None] = []
        self._busy = False
        self._node: Any = None

    @property
    def node(self) -> Any:
        """The helper node; None while there is none."""
        return self._node if self._node is not None and self._node.GetScene() is not None else None

    @property
    def observer_count(self) -> int:
        """How many observers it holds."""
        return len(self._observers)

    def show(self, points: Sequence[Point], except_index: int | None = None) -> None:
        """Puts all handles where these points cast their shadows; the one being dragged may be left alone."""
        if self.node is None:
            self._observers.remove_all()
            self._node = self._make()
        self._busy = True
        try:
            with batched(self._node):
                self._fit_count(len(points))
                self._expected = [self._place(n, point, n == except_index) for n, point in enumerate(points)]
        finally:
            self._busy = False

    def remove(self) -> None:
        """Takes the helper node out of the scene and all observers off."""
        self._observers.remove_all()
        remove_helper(self._scene, self.node)
        self._node = None

    def _make(self) -> Any:
        view = self._projection.view
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", f"Centroids {view.value}")
        node.CreateDefaultDisplayNodes()
        self._set_display(node.GetDisplayNode())
        node.GetDisplayNode().AddViewNodeID(VIEW_NODE_ID[view])
        node.SetFixedNumberOfControlPoints(True)  # points come and go through the editor alone
        as_helper(node)
        self._observers.add(node, (node.PointModifiedEvent,), self._on_modified)
        self._observers.add(node, (node.PointStartInteractionEvent,), lambda *_: self._dragging(view, True))
        self._observers.add(node, (node.PointEndInteractionEvent,), lambda *_: self._dragging(view, False))
        return node

    def _fit_count(self, count: int) -> None:
        node = self._node
        if node.GetNumberOfControlPoints() == count:
            return
        node.SetFixedNumberOfControlPoints(False)
        for index in range(node.GetNumberOfControlPoints() - 1, count - 1, -1):
            node.RemoveNthControlPoint(index)
        while node.GetNumberOfControlPoints() < count:
            node.AddControlPoint([0.0, 0.0, 0.0], "")
        node.SetFixedNumberOfControlPoints(True)

    def _place(self, index: int, point: Point, keep: bool) -> Array | None:
        node = self._node
        label = f"{point.label} ?" if point.reasons else point.label
        for now, wanted, set_it in (
            (node.GetNthControlPointLabel(index), label, node.SetNthControlPointLabel),
            (bool(node.GetNthControlPointLocked(index)), point.locked, node.SetNthControlPointLocked),
            (bool(node.GetNthControlPointSelected(index)), point.checked, node.SetNthControlPointSelected),
        ):
            if now != wanted:
                set_it(index, wanted)
        if keep:
            return self._position(index)
        pixel = None if point.position_lps_mm is None else self._projection.project(point.position_lps_mm)[0]
        if pixel is None or not np.isfinite(pixel).all():
            if node.GetNthControlPointPositionStatus(index) != node.PositionUndefined:
                node.UnsetNthControlPointPosition(index)
            return None
        position = np.array(plane_point_ras(self._projection, pixel))
        now_at = self._position(index)
        if now_at is None or np.linalg.norm(now_at - position) > 1e-9:
            node.SetNthControlPointPosition(index, *position)
        return position

    def _position(self, index: int) -> Array | None:
        if self._node.GetNthControlPointPositionStatus(index) != self._node.PositionDefined:
            return None
        position = np.zeros(3)
        self._node.GetNthControlPointPosition(index, position)
        return position

    def _on_modified(self, *_: Any) -> None:
        """Finds the point that left its place; Slicer does not say which one for batched changes."""
        if self._busy:
            return
        for index, expected in enumerate(self._expected[: self._node.GetNumberOfControlPoints()]):
            position = self._position(index)
            if expected is None or position is None or np.linalg.norm(position - expected) <= _MOVED_MM:
                continue
            self._expected[index] = position
            self._moved(self._projection.view, index, pixel_of_ras(self._projection, position))
            return
