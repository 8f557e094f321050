"""The centroid list as rows of a table, with what is wrong in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.scene.centroid_points import Point, Position, read_points, write_points
from ReVerteRLib.scene.level_rules import head_to_foot, problems
from ReVerteRLib.scene.observers import Observers

Schedule = Callable[[Callable[[], None]], None]
"""Runs a function soon, once the present events are handled; under Qt `lambda f: QTimer.singleShot(50, f)`."""


@dataclass(frozen=True)
class Row:
    """One point with its index in the node and its problems in plain words (empty when it can be used)."""

    index: int
    point: Point
    problems: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What stands in the column "Level"."""
        return self.point.label

    @property
    def level(self) -> Level | None:
        """The level, None for a label that names none."""
        return self.point.level

    @property
    def position_lps_mm(self) -> Position | None:
        """None while it is not placed."""
        return self.point.position_lps_mm

    @property
    def remark(self) -> str:
        """Problems first, then the reasons for low confidence, joined by semicolons."""
        return "; ".join((*self.problems, *self.point.reasons))


def rows_of(node: Any) -> tuple[Row, ...]:
    """All rows from the head to the foot, points that are not placed at the end."""
    points = read_points(node)
    told = problems(points)
    order = head_to_foot(points)
    return tuple(Row(n, points[n], told[n]) for n in (*order, *(n for n in range(len(points)) if n not in order)))


def write_rows(node: Any, rows: tuple[Row, ...]) -> None:
    """Makes the node's points be those of the rows, in the order of their indices, as one change."""
    write_points(node, [row.point for row in sorted(rows, key=lambda row: row.index)])


def chosen_levels(rows: tuple[Row, ...]) -> tuple[Level, ...]:
    """The checked levels that can be reconstructed, from the head down; rows with problems are left out."""
    chosen = {row.level for row in rows if row.point.checked and not row.problems and row.level in VERTEBRAE}
    return tuple(sorted(level for level in chosen if level is not None))


class CentroidTable:
    """Follows a list and tells its rows, many changes at once being told once.

    node:     a vtkMRMLMarkupsFiducialNode. changed: gets the new rows; not called when nothing differs.
    schedule: puts the telling off; at once if None.

    Locks, check marks and names are changed through CentroidEditor, which makes each of them one step of undo.
    """

    def __init__(
        self, node: Any, changed: Callable[[tuple[Row, ...]], None] | None = None, schedule: Schedule | None = None
    ) -> None:
        self._node, self._changed = node, changed
        self._schedule = schedule or (lambda function: function())
        self._observers = Observers()
        self._waiting = False
        self._rows = rows_of(node)
        events = (node.PointModifiedEvent, node.PointAddedEvent, node.PointRemovedEvent, node.TransformModifiedEvent)
        self._observers.add(node, events, self._on_event)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The present rows, also those that were not told yet; empty after `close`."""
        return rows_of(self._node) if len(self._observers) else ()

    @property
    def observer_count(self) -> int:
        """How many observers it holds."""
        return len(self._observers)

    def flush(self) -> None:
        """Tells what has changed since the last time, now."""
        self._waiting = False
        if not len(self._observers):
            return
        rows = rows_of(self._node)
        if rows != self._rows:
            self._rows = rows
            if self._changed is not None:
                self._changed(rows)

    def close(self) -> None:
        """Stops following; a telling that is on its way comes to nothing."""
        self._observers.remove_all()

    def _on_event(self, *_: Any) -> None:
        if not self._waiting:
            self._waiting = True
            self._schedule(self.flush)
