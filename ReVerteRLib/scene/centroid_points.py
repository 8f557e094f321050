"""The control points of a centroid list as plain data, in both directions.

Everything lives in what Slicer itself saves with a point: label, position, description, locked, selected. "Selected"
says whether the level is to be reconstructed; the description carries confidence, residual, whether a person placed
it, and the reasons for doubt, separated by semicolons.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.scene.frames import points_to_lps, points_to_ras

Position = tuple[float, float, float]
UNNAMED = "?"
"""Label of a point that has no level yet."""
BY_HAND = "by hand"
SAME_MM = 0.05
"""Positions nearer than this are the same one; files round to less."""
_NUMBERS = re.compile(r"confidence ([0-9.]+), residual ([0-9.]+) mm")


@dataclass(frozen=True)
class Point:
    """One control point.

    label:           a level's name, or anything that a user has typed.
    position_lps_mm: None while it is not placed.
    confidence:      0..1; 1 for what a person placed.
    residual_mm:     distance between the rays of both views.
    reasons:         for low confidence, in plain words.
    locked:          place and level stay.
    checked:         to be reconstructed.
    by_hand:         a person placed or moved it, so that a new automatic run keeps it.
    """

    label: str
    position_lps_mm: Position | None
    confidence: float = 1.0
    residual_mm: float = 0.0
    reasons: tuple[str, ...] = ()
    locked: bool = False
    checked: bool = True
    by_hand: bool = False

    @property
    def level(self) -> Level | None:
        """The level that the label names, None when it names none."""
        try:
            return level_from_name(self.label)
        except ArgumentError:
            return None

    def placed_at(self, position_lps_mm: Sequence[float]) -> Point:
        """The same point, put there by a person: certain, and no longer what was detected."""
        x, y, z = (float(v) for v in position_lps_mm)
        return dataclasses.replace(
            self, position_lps_mm=(x, y, z), confidence=1.0, residual_mm=0.0, reasons=(), by_hand=True
        )


def same_place(one: Position | None, other: Position | None, tolerance_mm: float = SAME_MM) -> bool:
    """Whether two positions are the same, two that are not placed included."""
    if one is None or other is None:
        return one is other
    return float(np.linalg.norm(np.subtract(one, other))) <= tolerance_mm


def describe(point: Point) -> str:
    """The description that the point carries in the scene and in .mrk.json files."""
    parts = [f"confidence {point.confidence:.4f}, residual {point.residual_mm:.3f} mm"]
    parts += [BY_HAND] if point.by_hand else []
    parts += [reason.replace(";", ",") for reason in point.reasons]
    return "; ".join(parts)


def read_points(node: Any) -> tuple[Point, ...]:
    """All control points in the node's order, positions in LPS mm with a parent transform applied."""
    return tuple(_read(node, index) for index in range(node.GetNumberOfControlPoints()))


def write_points(node: Any, points: Sequence[Point]) -> None:
    """Makes the control points be these, as one change, touching only what differs."""
    was_modifying = node.StartModify()
    try:
        for index in range(node.GetNumberOfControlPoints() - 1, len(points) - 1, -1):
            node.RemoveNthControlPoint(index)
        for point in points[node.GetNumberOfControlPoints() :]:
            node.AddControlPoint([0.0, 0.0, 0.0], point.label)
        for index, point in enumerate(points):
            _write(node, index, point)
    finally:
        node.EndModify(was_modifying)


def _read(node: Any, index: int) -> Point:
    position = None
    if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
        ras_mm = np.zeros(3)
        node.GetNthControlPointPositionWorld(index, ras_mm)
        x, y, z = (float(v) + 0.0 for v in points_to_lps(ras_mm))
        position = (x, y, z)
    numbers, by_hand, reasons = _parse(node.GetNthControlPointDescription(index) or "")
    return Point(
        label=node.GetNthControlPointLabel(index),
        position_lps_mm=position,
        confidence=numbers[0],
        residual_mm=numbers[1],
        reasons=reasons,
        locked=bool(node.GetNthControlPointLocked(index)),
        checked=bool(node.GetNthControlPointSelected(index)),
        by_hand=by_hand,
    )


def _parse(description: str) -> tuple[tuple[float, float], bool, tuple[str, ...]]:
    """Numbers, by hand, reasons. A text that is not ours is a user's note and leaves the numbers as for a person's."""
    first, *rest = [part.strip() for part in description.split(";")]
    found = _NUMBERS.fullmatch(first)
    if not found:
        return (1.0, 0.0), True, ()
    confidence, residual_mm = (float(text) for text in found.groups())
    return (confidence, residual_mm), BY_HAND in rest, tuple(part for part in rest if part and part != BY_HAND)


def _write(node: Any, index: int, point: Point) -> None:
    now = _read(node, index)
    if now == point:
        return
    if point.position_lps_mm is None:
        node.UnsetNthControlPointPosition(index)
    elif now.position_lps_mm != point.position_lps_mm:
        node.SetNthControlPointPositionWorld(index, points_to_ras(point.position_lps_mm).tolist())
    if now.label != point.label:
        node.SetNthControlPointLabel(index, point.label)
    if dataclasses.replace(point, position_lps_mm=None, label="") != dataclasses.replace(
        now, position_lps_mm=None, label=""
    ):
        node.SetNthControlPointDescription(index, describe(point))
        node.SetNthControlPointLocked(index, point.locked)
        node.SetNthControlPointSelected(index, point.checked)
