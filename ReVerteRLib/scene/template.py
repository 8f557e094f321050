"""A whole row of levels from two clicks: the ones between are interpolated."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import ArgumentError, ReVerteRError
from ReVerteRLib.scene.centroid_points import Position


def template_positions(
    levels: Sequence[Level], top: Position, bottom: Position, fixed: Mapping[Level, Position] | None = None
) -> dict[Level, Position]:
    """Positions (LPS mm) of the levels between the first one at `top` and the last one at `bottom`.

    They lie on straight lines, spaced as the levels usually are. `fixed` ones stay and bend the row.
    Raises ArgumentError for fewer than two levels and for a bottom that does not lie below the top.
    """
    row = sorted(set(levels))
    if len(row) < 2:
        raise ArgumentError("a row needs two levels or more", remedy="Choose the first and the last level")
    if bottom[2] >= top[2]:
        raise ArgumentError(
            f"{row[-1]} would not lie below {row[0]}", remedy="Click the uppermost vertebra first, then the lowest one"
        )
    places = _places(row)
    knots = {row[0]: top, row[-1]: bottom, **{n: p for n, p in (fixed or {}).items() if n in row}}
    known = sorted(knots)
    at = [places[level] for level in known]
    axes = [np.interp([places[level] for level in row], at, [knots[k][axis] for k in known]) for axis in range(3)]
    return {level: (float(axes[0][n]), float(axes[1][n]), float(axes[2][n])) for n, level in enumerate(row)}


def _places(row: Sequence[Level]) -> dict[Level, float]:
    """How far along the spine each level lies: usual distances, or equal steps where they are not installed."""
    from ReVerteRLib.anatomy import VERTEBRAE
    from ReVerteRLib.detection.usual import shipped_spine

    equal = {level: float(n) for n, level in enumerate(row)}
    if any(level not in VERTEBRAE for level in row):
        return equal
    try:
        distances = shipped_spine().distances_mm()
    except ReVerteRError:
        return equal
    steps = [distances[a.order, b.order] for a, b in itertools.pairwise(row)]
    return dict(zip(row, np.concatenate([[0.0], np.cumsum(steps)]).tolist(), strict=True))
