"""Adding centroids by clicks in the views, through Slicer's own place mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ReVerteRLib.errors import ReVerteRError
from ReVerteRLib.geometry import View
from ReVerteRLib.scene.centroid_editor import CentroidEditor, Change
from ReVerteRLib.scene.epipolar import OTHER, VIEW_NODE_ID, as_helper, pixel_of_ras, remove_helper
from ReVerteRLib.scene.frames import points_to_lps
from ReVerteRLib.scene.observers import Observers

Placed = Callable[[int], None]
Failed = Callable[[ReVerteRError], None]


class ClickPlacer:
    """While it is on, a click in one radiograph and one in the other make a centroid; then the next pair is awaited.

    A second click in the same view replaces the first. Clicks are taken by a helper list that is Slicer's active
    place node meanwhile; the place mode of before comes back at the end.
    placed(index): a centroid was added. failed(error): a click could not be used; the placer stays on.
    """

    def __init__(self, editor: CentroidEditor, placed: Placed | None = None, failed: Failed | None = None) -> None:
        self._editor, self._placed, self._failed = editor, placed, failed
        self._observers = Observers()
        self._node: Any = None
        self._leave: Callable[[], None] = lambda: None
        self._before: tuple[str | None, int, int] = (None, 0, 0)

    @property
    def active(self) -> bool:
        """Whether clicks are awaited."""
        return self._node is not None

    @property
    def node(self) -> Any:
        """The helper list that takes the clicks; None while it is off."""
        return self._node

    def start(self) -> None:
        """Begins to take clicks. Raises CentroidError without radiographs."""
        if self.active:
            return
        scene = self._editor.scene
        self._editor.require_projection(View.AP)
        self._node = as_helper(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Click"))
        self._observers.add(self._node, (self._node.PointPositionDefinedEvent,), self._on_click)
        self._observers.add(scene, (type(scene).NodeRemovedEvent,), self._on_node_removed)
        self._leave = self._editor.subscribe(self._on_change)
        selection, interaction = self._place_nodes()
        if selection is not None and interaction is not None:
            self._before = (
                selection.GetActivePlaceNodeID(),
                interaction.GetCurrentInteractionMode(),
                interaction.GetPlaceModePersistence(),
            )
            selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
            selection.SetActivePlaceNodeID(self._node.GetID())
            interaction.SetPlaceModePersistence(1)
            interaction.SetCurrentInteractionMode(interaction.Place)

    def stop(self) -> None:
        """Takes no more clicks, forgets a first one that has no partner. May be called twice."""
        if not self.active:
            return
        self._observers.remove_all()
        self._leave()
        node, self._node = self._node, None
        selection, interaction = self._place_nodes()
        if selection is not None and interaction is not None:
            place_node, mode, persistence = self._before
            selection.SetActivePlaceNodeID(place_node)
            interaction.SetPlaceModePersistence(persistence)
            interaction.SetCurrentInteractionMode(mode)
        remove_helper(self._editor.scene, node)
        if self._editor.alive:
            self._editor.cancel_add()

    def click(self, view: View, pixel_rc: tuple[float, float]) -> None:
        """What a click does; also for scripts and panels that know the view."""
        editor = self._editor
        if editor.pending is None or editor.pending[0] is view:
            editor.begin_add(view, pixel_rc)
            return
        index = editor.complete_add(pixel_rc)
        if self._placed is not None:
            self._placed(index)

    # --- parts -----------------------------------------------------------------------------------

    def _on_click(self, *_: Any) -> None:
        number = self._node.GetNumberOfControlPoints() - 1
        if number < 0:
            return
        ras_mm = np.zeros(3)
        self._node.GetNthControlPointPositionWorld(number, ras_mm)
        self._node.RemoveAllControlPoints()
        view = self._view_of(ras_mm)
        row, column = pixel_of_ras(self._editor.require_projection(view), ras_mm)
        try:
            self.click(view, (float(row), float(column)))
        except ReVerteRError as error:
            if self._failed is None:
                raise
            self._failed(error)

    def _view_of(self, ras_mm: Any) -> View:
        """The view under the mouse, or the one in whose plane the point lies; of equals the one that is awaited."""
        crosshair = self._editor.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        under_mouse = crosshair.GetCursorPositionXYZ([0.0, 0.0, 0.0]) if crosshair is not None else None
        for view, identifier in VIEW_NODE_ID.items():
            if under_mouse is not None and under_mouse.GetID() == identifier:
                return view
        away = {
            view: round(abs(float(self._editor.require_projection(view).depth_mm(points_to_lps(ras_mm))[0])), 3)
            for view in View
        }
        awaited = OTHER[self._editor.pending[0]] if self._editor.pending else View.AP
        return min(View, key=lambda view: (away[view], view is not awaited))

    def _on_node_removed(self, *_: Any) -> None:
        if self.active and self._node.GetScene() is None:
            self.stop()

    def _on_change(self, change: Change) -> None:
        if change is Change.CLOSED:
            self.stop()

    def _place_nodes(self) -> tuple[Any, Any]:
        scene = self._editor.scene
        return (
            scene.GetNodeByID("vtkMRMLSelectionNodeSingleton"),
            scene.GetNodeByID("vtkMRMLInteractionNodeSingleton"),
        )
