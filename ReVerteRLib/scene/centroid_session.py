"""One centroid list under edit: its state, undo, selection, drags, and changes that come from outside."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.detection.types import Annotation
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import Array, Projection, View
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.scene import annotation as records
from ReVerteRLib.scene.bootstrap import import_slicer
from ReVerteRLib.scene.centroid_points import UNNAMED, Point, Position, read_points, same_place, write_points
from ReVerteRLib.scene.epipolar import moved_in_view
from ReVerteRLib.scene.level_rules import head_to_foot, propose_level
from ReVerteRLib.scene.linked_views import Focus, LinkedViews
from ReVerteRLib.scene.observers import Observers
from ReVerteRLib.scene.undo import STEPS, UndoStack


class Change(Enum):
    """What the subscribers of an editor are told."""

    POINTS = "points"
    SELECTION = "selection"
    CLOSED = "closed"


@dataclass(frozen=True)
class _State:
    """Everything that undo brings back: the points, and the node's record as text."""

    points: tuple[Point, ...]
    record: str


class CentroidSession:
    """What the editor stands on: the state of one list, its undo, its selection, drags and changes from outside."""

    def __init__(
        self,
        scene: Any,
        node: Any,
        pair: RadiographPair | None = None,
        *,
        relabel: records.Relabel | None = None,
        history: int = STEPS,
    ) -> None:
        if node is None or node.GetScene() is not scene:
            raise CentroidError("there is no centroid list to edit", remedy="Choose or create one")
        self.scene, self.node = scene, node
        self._projections = {p.projection.view: p.projection for p in pair} if pair is not None else {}
        self._relabel = relabel
        self._undo: UndoStack[_State] = UndoStack(history)
        self._subscribers: list[Callable[[Change], None]] = []
        self._observers = Observers()
        self._busy, self._alive = 0, True
        self._focus = Focus()
        self._before_drag: _State | None = None
        self._views = LinkedViews(scene, node, self._projections, self._on_moved, self._on_dragging)
        self._observe()
        self._known = self._state()
        self._refresh()

    # --- what there is ---------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """False after `close`, also when the node was removed or the scene closed."""
        return self._alive

    @property
    def points(self) -> tuple[Point, ...]:
        """All points in the node's order."""
        return read_points(self.node) if self._alive else ()

    @property
    def removed(self) -> tuple[Position, ...]:
        """Positions (LPS mm) that were deleted and that a new automatic run leaves empty."""
        return records.read_record(self.node).removed if self._alive else ()

    @property
    def selected(self) -> int | None:
        """Index of the selected point."""
        return self._focus.index

    @property
    def pending(self) -> tuple[View, tuple[float, float]] | None:
        """View and pixel of a first click that waits for its partner."""
        return self._focus.ray

    @property
    def views(self) -> LinkedViews:
        """What is drawn in the radiographs."""
        return self._views

    @property
    def observer_count(self) -> int:
        """How many observers the editor and its drawings hold; 0 after `close`."""
        return len(self._observers) + self._views.observer_count

    def annotation(self) -> Annotation:
        """The placed and named points as an annotation."""
        self._require_alive()
        return records.to_annotation(self.points, records.read_record(self.node), self._both())

    def held(self) -> CentroidSet:
        """What a new automatic run must keep: locked points and those placed or moved by hand."""
        return records.held_centroids(self.points)

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Tells of every change until the function that is returned is called."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    # --- selection -------------------------------------------------------------------------------

    def select(self, index: int | None) -> None:
        """Selects a point: its epipolar lines and linked heights are drawn in both views."""
        self._require_alive()
        if index is not None:
            self._point(index)
        self._focus = Focus(index)
        self._refresh()
        self._tell(Change.SELECTION)

    def select_next(self, step: int = 1) -> int | None:
        """Selects the next placed point towards the feet (step -1: the head), without running around."""
        order = head_to_foot(self.points)
        if not order:
            return None
        now = order.index(self.selected) if self.selected in order else (-1 if step > 0 else len(order))
        self.select(order[min(max(now + step, 0), len(order) - 1)])
        return self.selected

    # --- undo ------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._alive and self._undo.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._alive and self._undo.can_redo

    def undo(self) -> bool:
        """Takes the last step back; False when there is none."""
        return self._travel(self._undo.undo)

    def redo(self) -> bool:
        """Does the step again that was undone last; False when there is none."""
        return self._travel(self._undo.redo)

    def close(self) -> None:
        """Takes all helpers and observers away; the list stays. May be called twice."""
        if not self._alive:
            return
        self._alive = False
        self._observers.remove_all()
        self._views.remove()
        self._undo.clear()
        self._tell(Change.CLOSED)
        self._subscribers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- steps -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        """Changes within are one step; when they fail, none of them stays."""
        self._require_alive()
        before, focus = self._state(), self._focus
        self._busy += 1
        try:
            yield
        except Exception:
            self._restore(before)
            self._focus = focus
            raise
        finally:
            self._busy -= 1
        self._finish(before)

    def _finish(self, before: _State) -> None:
        """Ends a step: remembers what was before, when anything changed."""
        self._known = self._state()
        if self._known != before:
            self._undo.push(before)
        self._refresh()
        self._tell(Change.POINTS)

    def _state(self) -> _State:
        return _State(read_points(self.node), self.node.GetAttribute(records.RECORD) or "")

    def _restore(self, state: _State) -> None:
        write_points(self.node, state.points)
        self.node.SetAttribute(records.RECORD, state.record or None)

    def _travel(self, way: Callable[[_State], _State | None]) -> bool:
        self._require_alive()
        state = way(self._state())
        if state is None:
            return False
        self._busy += 1
        try:
            self._restore(state)
        finally:
            self._busy -= 1
        self._known = self._state()
        self._refresh()
        self._tell(Change.POINTS)
        return True

    def _refresh(self) -> None:
        """Draws everything anew; a selection that no longer exists is given up."""
        points = self.points
        if self._focus.index is not None and self._focus.index >= len(points):
            self._focus = Focus(ray=self._focus.ray)
        self._busy += 1
        try:
            self._views.show(points, self._focus)
        finally:
            self._busy -= 1

    def _tell(self, change: Change) -> None:
        for callback in tuple(self._subscribers):
            callback(change)

    # --- drags in a view -------------------------------------------------------------------------

    def _on_dragging(self, view: View, started: bool) -> None:
        if not self._alive:
            return
        if started:
            self._before_drag = self._state()
            self._focus = Focus(self._focus.index, view if self._focus.index is not None else None)
        elif self._before_drag is not None:
            before, self._before_drag = self._before_drag, None
            self._focus = Focus(self._focus.index)
            self._finish(before)

    def _on_moved(self, view: View, index: int, pixel_rc: Array) -> None:
        """A handle was put elsewhere; the point follows, live in a drag, else as a step of its own."""
        points = self.points
        if not self._alive or index >= len(points):
            return
        point = points[index]
        if point.locked or point.position_lps_mm is None:
            self._refresh()
            return
        moved = point.placed_at(moved_in_view(self.require_projection(view), point.position_lps_mm, pixel_rc))
        points = (*points[:index], moved, *points[index + 1 :])
        if self._before_drag is None:
            with self._step():
                write_points(self.node, points)
            return
        self._busy += 1
        try:
            write_points(self.node, points)
        finally:
            self._busy -= 1
        self._focus = Focus(index, view)
        self._refresh()
        self._tell(Change.POINTS)

    # --- changes from outside --------------------------------------------------------------------

    def _observe(self) -> None:
        node, scene_class = self.node, import_slicer().vtkMRMLScene
        changes = (node.PointModifiedEvent, node.PointAddedEvent, node.PointRemovedEvent)
        self._observers.add(node, (*changes, node.TransformModifiedEvent), self._on_outside)
        self._observers.add(node, (node.PointStartInteractionEvent,), self._on_outside_drag)
        self._observers.add(node, (node.PointEndInteractionEvent,), self._on_outside_drop)
        self._observers.add(self.scene, (scene_class.NodeRemovedEvent,), self._on_node_removed)
        self._observers.add(self.scene, (scene_class.StartCloseEvent,), lambda *_: self.close())

    def _on_outside(self, *_: Any) -> None:
        """Someone else has changed the list: drawn at once, and one step of undo unless a drag is going on."""
        if self._busy or not self._alive or self._is_placing():
            return
        if self._before_drag is not None:
            self._refresh()
            self._tell(Change.POINTS)
            return
        self._absorb(self._known)

    def _on_outside_drag(self, *_: Any) -> None:
        self._before_drag = self._known

    def _on_outside_drop(self, *_: Any) -> None:
        before, self._before_drag = self._before_drag, None
        if before is not None:
            self._absorb(before)

    def _absorb(self, before: _State) -> None:
        points, names = self.points, [point.label for point in before.points]
        taken_up = list(points)
        if len(points) == len(before.points):
            taken_up = [_by_hand(new, old) for new, old in zip(points, before.points, strict=True)]
        elif len(points) > len(before.points) and [p.label for p in points[: len(names)]] == names:
            taken_up = [*points[: len(names)], *(_named(p, points) for p in points[len(names) :])]
        self._busy += 1
        try:
            write_points(self.node, taken_up)
            gone = [p for p in before.points if p not in points]
            if len(gone) == len(before.points) - len(points) > 0:
                for point in gone:
                    self._remember_removed(point)
        finally:
            self._busy -= 1
        self._finish(before)

    def _is_placing(self) -> bool:
        """While Slicer shows a point under the mouse that is not placed yet."""
        node = self.node
        states = (node.GetNthControlPointPositionStatus(n) for n in range(node.GetNumberOfControlPoints()))
        return any(state == node.PositionPreview for state in states)

    def _on_node_removed(self, *_: Any) -> None:
        if self._alive and self.node.GetScene() is None:
            self.close()

    # --- parts -----------------------------------------------------------------------------------

    def _require_alive(self) -> None:
        if not self._alive:
            raise CentroidError("the centroid list is closed or was removed", remedy="Choose a list again")

    def _point(self, index: int) -> Point:
        self._require_alive()
        points = self.points
        if not 0 <= index < len(points):
            raise CentroidError(f"there is no point number {index}", where=self.node.GetName())
        return points[index]

    def require_projection(self, view: View) -> Projection:
        """The geometry of a view. Raises CentroidError without radiographs."""
        if view not in self._projections:
            raise CentroidError("there are no radiographs", remedy="Choose the AP and the lateral radiograph")
        return self._projections[view]

    def _both(self) -> records.Projections | None:
        if not self._projections:
            return None
        return self._projections[View.AP], self._projections[View.LATERAL]

    def _remember_removed(self, point: Point) -> None:
        if point.position_lps_mm is None:
            return
        record = records.read_record(self.node)
        changed = dataclasses.replace(record, removed=(*record.removed, point.position_lps_mm))
        records.write_record(self.node, changed)


def _by_hand(new: Point, old: Point) -> Point:
    """A point that was moved from outside is a person's."""
    moved = new.position_lps_mm is not None and not same_place(new.position_lps_mm, old.position_lps_mm, 1e-6)
    same_text = (new.confidence, new.residual_mm, new.reasons) == (old.confidence, old.residual_mm, old.reasons)
    return new.placed_at(new.position_lps_mm) if moved and same_text and new.position_lps_mm else new


def _named(point: Point, points: Sequence[Point]) -> Point:
    """A point that Slicer has called "Centroids-4" gets its level by its neighbours."""
    if point.level is not None or point.position_lps_mm is None:
        return point
    level = propose_level(points, point.position_lps_mm)
    return dataclasses.replace(point, label=level.name if level else UNNAMED)
