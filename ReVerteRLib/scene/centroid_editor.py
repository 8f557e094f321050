"""Editing the centroids of one spine, linked between both radiographs, every user operation one step of undo."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.detection.types import Anchor, Annotation
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import Array, View, triangulate
from ReVerteRLib.scene import annotation as records
from ReVerteRLib.scene.centroid_points import UNNAMED, Point, Position, same_place, write_points
from ReVerteRLib.scene.centroid_session import CentroidSession, Change
from ReVerteRLib.scene.epipolar import OTHER, line_in_other, moved_in_view, nearest_on_line
from ReVerteRLib.scene.level_rules import head_to_foot, propose_level
from ReVerteRLib.scene.linked_views import Focus
from ReVerteRLib.scene.template import template_positions

__all__ = ["CentroidEditor", "Change"]

TOO_NEAR_MM = 6.0
"""A new point this near to an old one is taken for a slip."""


class CentroidEditor(CentroidSession):
    """One centroid list under edit; the fiducial node is the truth, everything else is drawn from it.

    scene, node: a vtkMRMLScene and a vtkMRMLMarkupsFiducialNode in it.
    pair:        the radiographs, for handles and epipolar lines in both views; None to edit in space alone.
    relabel:     names a row to agree with anchors; Annotator.relabel by default.
    history:     steps of undo that are kept.

    Points are named by their index in the node. Locked points refuse every change but unlocking. Changes from
    outside (Slicer's own widgets, scripts) are taken up, shown, and can be undone, too. `close` leaves the node and
    takes away all that was drawn; that also happens when the node is removed or the scene is closed, and every
    operation after it raises CentroidError. Use as a context manager or call `close`.
    """

    # --- operations, one step of undo each -------------------------------------------------------

    def add(self, position_lps_mm: Sequence[float], level: Level | str | None = None) -> int:
        """A new point; its level by its neighbours if None ("?" when they leave none). Returns its index.

        Raises CentroidError where a point is already, ArgumentError for a name that is no level.
        """
        place = _triple(position_lps_mm)
        for point in self.points:
            if point.position_lps_mm is not None and same_place(point.position_lps_mm, place, TOO_NEAR_MM):
                raise CentroidError(
                    f"{point.label} lies less than {TOO_NEAR_MM:.0f} mm from the new point",
                    remedy=f"Move {point.label} instead, or delete it first",
                )
        named = _level(level) if level is not None else propose_level(self.points, place)
        new = Point(named.name if named else UNNAMED, place, by_hand=True)
        with self._step():
            write_points(self.node, (*self.points, new))
            self._forget_removed(place)
            self._focus = Focus(len(self.points) - 1)
        return len(self.points) - 1

    def begin_add(self, view: View, pixel_rc: ArrayLike) -> None:
        """First click of two: the epipolar line of this pixel (row, column) is drawn in the other view.

        Raises CentroidError without radiographs, GeometryError when the ray misses the other image.
        """
        self._line(view, pixel_rc)
        row, column = (float(v) for v in np.asarray(pixel_rc).ravel())
        self._focus = Focus(ray=(view, (row, column)))
        self._refresh()
        self._tell(Change.SELECTION)

    def complete_add(self, pixel_rc: ArrayLike, level: Level | str | None = None) -> int:
        """Second click, in the other view: taken at its nearest place on the epipolar line. Returns the new index.

        Raises CentroidError without a first click, and what `add` raises; the first click then stays.
        """
        if self.pending is None:
            raise CentroidError("there is no first click", remedy="Click the vertebra in one of the radiographs first")
        view, first = self.pending
        second = nearest_on_line(self._line(view, first), np.asarray(pixel_rc, dtype=np.float64).ravel())
        views = [(self._projections[view], first), (self._projections[OTHER[view]], second)]
        return self.add(triangulate(views).point_lps_mm, level)  # type: ignore[arg-type]

    def cancel_add(self) -> None:
        """Forgets the first click."""
        if self.pending is not None:
            self.select(None)

    def move(self, index: int, position_lps_mm: Sequence[float]) -> None:
        """Puts a point there, in space."""
        self._change(index, self._free(index).placed_at(position_lps_mm))

    def move_in_view(self, index: int, view: View, pixel_rc: ArrayLike) -> None:
        """As a drag in one view: height and the other direction of that view change, the depth is kept."""
        point = self._free(index)
        if point.position_lps_mm is None:
            raise CentroidError(f"{point.label} is not placed yet", remedy="Click it in both views")
        projection = self.require_projection(view)
        self._change(index, point.placed_at(moved_in_view(projection, point.position_lps_mm, pixel_rc)))

    def delete(self, index: int) -> None:
        """Removes a point and remembers its place, which stays empty in a new automatic run."""
        gone = self._free(index)
        order = head_to_foot(self.points)
        after = order[order.index(index) + 1 :][:1] if index in order else []
        with self._step():
            self.node.RemoveNthControlPoint(index)
            self._remember_removed(gone)
            self._focus = Focus(after[0] - (after[0] > index) if after else None)

    def rename(self, index: int, level: Level | str) -> None:
        """Names one point alone; the table tells when a name then occurs twice. Raises ArgumentError."""
        self._change(index, dataclasses.replace(self._free(index), label=_level(level).name))

    def set_locked(self, index: int, locked: bool) -> None:
        """Locks a point in place and level, or unlocks it."""
        self._change(index, dataclasses.replace(self._point(index), locked=locked))

    def set_checked(self, index: int, checked: bool) -> None:
        """Whether the level is to be reconstructed; locked points, too."""
        self._change(index, dataclasses.replace(self._point(index), checked=checked))

    def set_all(self, *, locked: bool | None = None, checked: bool | None = None) -> None:
        """Locks or checks all points in one step."""
        with self._step():
            write_points(
                self.node,
                [
                    dataclasses.replace(
                        p,
                        locked=p.locked if locked is None else locked,
                        checked=p.checked if checked is None else checked,
                    )
                    for p in self.points
                ],
            )

    def anchor(self, index: int, level: Level | str) -> None:
        """Says "this one is L1": renames the whole row to agree; the anchored point is locked then.

        Raises ArgumentError when that contradicts what is locked, WeightsError when the usual distances are missing.
        """
        point, named = self._free(index), _level(level)
        if point.position_lps_mm is None:
            raise CentroidError(f"{point.label} is not placed yet", remedy="Place it first, then say which level it is")
        relabel = self._relabel or records.default_relabel()
        points, record = self.points, records.read_record(self.node)
        renamed = list(
            records.relabelled(points, record, [Anchor(named, point.position_lps_mm)], relabel, self._both())
        )
        renamed[index] = dataclasses.replace(renamed[index], label=named.name, locked=True, confidence=1.0, reasons=())
        with self._step():
            write_points(self.node, renamed)

    def place_template(self, levels: Sequence[Level], top: Sequence[float], bottom: Sequence[float]) -> None:
        """A row of levels between two places (LPS mm); points of these levels move there, locked ones stay."""
        points = list(self.points)
        at = {point.level: n for n, point in reversed(list(enumerate(points)))}
        fixed = {p.level: p.position_lps_mm for p in points if p.locked and p.level and p.position_lps_mm}
        for level, position in template_positions(levels, _triple(top), _triple(bottom), fixed).items():
            if level in fixed:
                continue
            if level in at:
                points[at[level]] = points[at[level]].placed_at(position)
            else:
                points.append(Point(level.name, position, by_hand=True))
        with self._step():
            write_points(self.node, points)

    def apply(self, annotation: Annotation) -> None:
        """Takes over an automatic annotation; points at the same place keep lock and check mark."""
        points, record = records.from_annotation(annotation, self.points)
        with self._step():
            write_points(self.node, points)
            records.write_record(self.node, record)
            self._focus = Focus()

    # --- parts -----------------------------------------------------------------------------------

    def _free(self, index: int) -> Point:
        point = self._point(index)
        if point.locked:
            raise CentroidError(f"{point.label} is locked", remedy="Unlock it first")
        return point

    def _change(self, index: int, point: Point) -> None:
        points = self.points
        with self._step():
            write_points(self.node, (*points[:index], point, *points[index + 1 :]))

    def _line(self, view: View, pixel_rc: ArrayLike) -> Array:
        self._require_alive()
        return line_in_other(self.require_projection(view), pixel_rc, self.require_projection(OTHER[view]))

    def _forget_removed(self, place: Position) -> None:
        record = records.read_record(self.node)
        from ReVerteRLib.detection.places import REMOVED_MM  # it needs SciPy, which takes long to load

        kept = tuple(p for p in record.removed if not same_place(p, place, REMOVED_MM))
        if kept != record.removed:
            records.write_record(self.node, dataclasses.replace(record, removed=kept))


def _level(level: Level | str) -> Level:
    return level_from_name(level) if isinstance(level, str) else level


def _triple(values: Sequence[float]) -> Position:
    x, y, z = (float(v) for v in values)
    if not np.isfinite((x, y, z)).all():
        raise CentroidError("the position is not a number")
    return x, y, z
