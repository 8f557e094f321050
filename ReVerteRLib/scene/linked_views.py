"""Handles and epipolar guides in both radiographs of one centroid list."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from ReVerteRLib.geometry import Projection, View
from ReVerteRLib.scene.bootstrap import import_slicer
from ReVerteRLib.scene.centroid_points import Point
from ReVerteRLib.scene.epipolar import OTHER, EpipolarGuide
from ReVerteRLib.scene.handles import Dragging, Moved, ViewHandles
from ReVerteRLib.scene.markups import set_point_display
from ReVerteRLib.scene.observers import Observers


@dataclasses.dataclass(frozen=True)
class Focus:
    """What the guides are drawn for.

    index: of the selected or dragged point, None for none. view: where it is dragged, None when it is only selected.
    ray:   a first click without its partner, view and pixel; it goes before the rest.
    """

    index: int | None = None
    view: View | None = None
    ray: tuple[View, tuple[float, float]] | None = None


class LinkedViews:
    """Draws a list in both radiographs as long as it is edited; `remove` leaves the scene as it was.

    projections: by view; nothing is drawn when there are none.
    """

    def __init__(
        self, scene: Any, node: Any, projections: Mapping[View, Projection], moved: Moved, dragging: Dragging
    ) -> None:
        self._scene, self._node = scene, node
        self._handles = {
            view: ViewHandles(scene, projection, moved, dragging, set_point_display)
            for view, projection in projections.items()
        }
        self._guide = EpipolarGuide(scene, dict(projections))
        self._observers = Observers()
        self._shown_2d = True
        if self._handles:
            self._hide_list()

    @property
    def observer_count(self) -> int:
        """How many observers it holds."""
        return len(self._observers) + sum(handles.observer_count for handles in self._handles.values())

    @property
    def guide(self) -> EpipolarGuide:
        """Epipolar lines and ticks."""
        return self._guide

    def handle_node(self, view: View) -> Any:
        """The helper list of a view; None without radiographs."""
        return self._handles[view].node if view in self._handles else None

    def show(self, points: Sequence[Point], focus: Focus) -> None:
        """Brings handles and guides in line with the points."""
        for view, handles in self._handles.items():
            handles.show(points, focus.index if focus.view is view else None)
        if self._handles:
            self._show_guides(points, focus)

    def show_ray(self, view: View, pixel_rc: ArrayLike) -> None:
        """The line of a click that waits for its partner."""
        self._guide.hide()
        self._guide.show_ray(view, pixel_rc)

    def remove(self) -> None:
        """Takes all helpers out of the scene; the list is shown in slice views as before."""
        self._observers.remove_all()
        for handles in self._handles.values():
            handles.remove()
        self._guide.remove()
        if self._handles:
            self._set_list_visible(self._shown_2d)

    def _show_guides(self, points: Sequence[Point], focus: Focus) -> None:
        if focus.ray is not None:
            self.show_ray(*focus.ray)
            return
        position = points[focus.index].position_lps_mm if focus.index is not None else None
        for view in self._handles:
            if position is None or focus.view is OTHER[view]:
                self._guide.hide(view)
            else:
                self._guide.show(view, position)

    def _hide_list(self) -> None:
        """The handles stand for the list in slice views; in the file it is kept as it was."""
        if self._node.GetDisplayNode() is None:
            self._node.CreateDefaultDisplayNodes()
            set_point_display(self._node.GetDisplayNode())
        self._shown_2d = bool(self._node.GetDisplayNode().GetVisibility2D())
        self._set_list_visible(False)
        scene_class = import_slicer().vtkMRMLScene
        self._observers.add(
            self._scene, (scene_class.StartSaveEvent,), lambda *_: self._set_list_visible(self._shown_2d)
        )
        self._observers.add(self._scene, (scene_class.EndSaveEvent,), lambda *_: self._set_list_visible(False))

    def _set_list_visible(self, visible: bool) -> None:
        display = self._node.GetDisplayNode()
        if display is not None:
            display.SetVisibility2D(visible)
