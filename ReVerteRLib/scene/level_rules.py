"""Names of centroids: which one a new point gets, and what is wrong with those that are there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.scene.centroid_points import Point, Position

USUAL = tuple(level for level in VERTEBRAE if level.name not in ("T13", "L6"))
"""The 24 levels that most people have; T13 and L6 are given by hand only."""


def head_to_foot(points: Sequence[Point]) -> list[int]:
    """Indices of the placed points, by height."""
    placed = [(point.position_lps_mm[2], n) for n, point in enumerate(points) if point.position_lps_mm is not None]
    return [n for _, n in sorted(placed, key=lambda entry: -entry[0])]


def propose_level(points: Sequence[Point], position_lps_mm: Position) -> Level | None:
    """The level that a new point here would have by its named neighbours; None when nobody could tell.

    Between two names with several missing the height decides; beyond the last name the next usual one follows.
    """
    named = [(points[n], points[n].level) for n in head_to_foot(points)]
    known = [(p.position_lps_mm[2], level) for p, level in named if p.position_lps_mm and level]
    above = [(z, level) for z, level in known if z >= position_lps_mm[2]]
    below = [(z, level) for z, level in known if z < position_lps_mm[2]]
    taken = {level for _, level in known}
    low = above[-1][1].order if above else -1
    high = below[0][1].order if below else len(VERTEBRAE)
    free = [level for level in USUAL if low < level.order < high and level not in taken]
    if not free or not known:
        return None
    if not below:
        return free[0]
    if not above:
        return free[-1]
    share = (above[-1][0] - position_lps_mm[2]) / max(above[-1][0] - below[0][0], 1e-6)
    return free[min(max(round(share * (len(free) + 1)), 1), len(free)) - 1]


def problems(points: Sequence[Point]) -> tuple[tuple[str, ...], ...]:
    """For each point what is wrong with it, in plain words; empty where nothing is."""
    found: list[list[str]] = [_of_one(point) for point in points]
    names = [point.label.strip().upper() for point in points]
    for n, point in enumerate(points):
        if point.level is not None and names.count(names[n]) > 1:
            found[n].append(f"{names[n]} occurs {names.count(names[n])} times")
    row = [n for n in head_to_foot(points) if points[n].level is not None]
    for upper, lower in itertools.pairwise(row):
        first, second = points[upper].level, points[lower].level
        if first is not None and second is not None and first.order > second.order:
            for n in (upper, lower):
                found[n].append(f"{first} lies above {second}")
    return tuple(tuple(texts) for texts in found)


def _of_one(point: Point) -> list[str]:
    texts = []
    if point.level is None:
        named = point.label.strip() not in ("", "?")
        texts.append(f"'{point.label}' is not a vertebral level" if named else "has no level yet")
    elif point.level not in VERTEBRAE and point.checked:
        texts.append(f"{point.level} cannot be reconstructed")
    if point.position_lps_mm is None:
        texts.append("is not placed yet")
    return texts
