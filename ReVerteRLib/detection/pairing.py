"""Which vertebra of the AP radiograph is which of the lateral one, and where it lies in space.

Both views share the patient's long axis, so both rows of detections are aligned in order (dynamic programming, as
Needleman and Wunsch, J Mol Biol 48, 1970): a pair costs what its rays miss each other by, what its level scores and
body heights differ by; a detection without partner costs the more the surer the detector was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.detection.types import Detection
from ReVerteRLib.geometry import Array, Projection, triangulate

Projections = tuple[Projection, Projection]
"""AP and lateral."""


@dataclass(frozen=True)
class PairingSettings:
    """Prices of the alignment.

    ray_mm:         usual distance of the rays of a pair; the cost is half the square of the distance over it.
    level_price:    times the Bhattacharyya distance of both views' level probabilities, at most `price_limit`.
    height_mm:      difference of the body heights that costs 1, at most `height_limit`.
    lone_price:     of a detection without partner, plus `lone_score` times its score; off the spine's course only
                    `stray_price`.
    stray_mm:       distance from the course of the neighbours in its view from which a detection is a stray.
    same_mm:        detections of one view nearer than this are one.
    faintest:       lowest score of a detection that is kept without partner.
    offset_mm:      common shift of both views along the spine from which it is taken out.
    beyond:         how many spacings beyond the last pair a detection without partner is kept.
    """

    ray_mm: float = 3.0
    level_price: float = 1.0
    price_limit: float = 4.0
    height_mm: float = 5.0
    height_limit: float = 1.5
    lone_price: float = 1.5
    lone_score: float = 4.0
    stray_price: float = 0.5
    stray_mm: float = 20.0
    same_mm: float = 7.0
    faintest: float = 0.2
    offset_mm: float = 3.0
    beyond: float = 3.2


@dataclass(frozen=True, eq=False)
class Paired:
    """One vertebra, or ghost, in space.

    position_lps_mm: (3,). residual_mm: distance of both rays, 0 for one view.
    beyond:          for one view, how many spacings it lies beyond the pairs between which depth is known; 0 between.
    """

    position_lps_mm: Array
    residual_mm: float
    ap: Detection | None
    lateral: Detection | None
    beyond: float = 0.0

    @property
    def both(self) -> bool:
        """Seen in both views."""
        return self.ap is not None and self.lateral is not None


@dataclass(frozen=True, eq=False)
class Pairing:
    """All finds from head to foot, and by how much the lateral view lies higher than the AP one (mm)."""

    finds: tuple[Paired, ...]
    offset_mm: float

    @property
    def pairs(self) -> tuple[Paired, ...]:
        """Those seen in both views."""
        return tuple(find for find in self.finds if find.both)


def pair_detections(
    projections: Projections,
    ap: Sequence[Detection],
    lateral: Sequence[Detection],
    settings: PairingSettings | None = None,
) -> Pairing:
    """Aligns both views and triangulates.

    A detection in one view alone is kept where the course of the pairs tells its depth, else dropped; without pairs
    nothing is kept.
    """
    settings = settings or PairingSettings()
    rows = [_ordered(p, d, settings) for p, d in zip(projections, (ap, lateral), strict=True)]
    if not all(rows):
        return Pairing((), 0.0)
    misses = ray_distances(projections, *rows)
    prices = [_lone_prices(p, row, settings) for p, row in zip(projections, rows, strict=True)]
    extra = _differences(projections, rows[0], rows[1], settings)
    matches, offset = _align_with_offset(misses, extra, prices, settings)
    pairs = [_triangulated(projections, rows[0][i], rows[1][j]) for i, j in matches]
    lone = [
        (view, d)
        for view, row in enumerate(rows)
        for n, d in enumerate(row)
        if n not in {match[view] for match in matches}
        and d.score >= settings.faintest
        and prices[view][n] > settings.stray_price
    ]
    finds = pairs + [f for view, d in lone if (f := _placed_alone(projections[view], view, d, pairs, settings))]
    return Pairing(tuple(sorted(finds, key=lambda f: -f.position_lps_mm[2])), offset)


def ray_distances(projections: Projections, ap: Sequence[Detection], lateral: Sequence[Detection]) -> Array:
    """(N, M) signed distances in mm between AP and lateral rays; positive where the lateral one is higher."""
    (p, d), (q, e) = (
        projection.back_project(np.array([detection.centre_rc for detection in row]))
        for projection, row in zip(projections, (ap, lateral), strict=True)
    )
    normal = np.cross(d[:, None], e[None])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    signed = np.einsum("nmi,nmi->nm", q[None] - p[:, None], normal)
    return signed * np.where(normal[..., 2] >= 0.0, 1.0, -1.0)


# --- one view ------------------------------------------------------------------------------------


def plane_mm(projection: Projection, detections: Sequence[Detection]) -> Array:
    """(N, 2) height (towards the head) and place across, in mm on the reference plane."""
    points = projection.plane_point(np.array([d.centre_rc for d in detections]))
    return np.stack([points[:, 2], points @ np.array(projection.column_direction)], axis=1)


def _ordered(projection: Projection, detections: Sequence[Detection], settings: PairingSettings) -> list[Detection]:
    """From head to foot, of detections on one spot only the surest."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        near = plane_mm(projection, [detection, *kept])
        if (np.linalg.norm(near[1:] - near[0], axis=1) >= settings.same_mm).all():
            kept.append(detection)
    return sorted(kept, key=lambda d: -float(plane_mm(projection, [d])[0, 0]))


def _lone_prices(projection: Projection, row: Sequence[Detection], settings: PairingSettings) -> Array:
    price = np.array([settings.lone_price + settings.lone_score * d.score for d in row])
    return np.where(_strays(projection, row, settings.stray_mm), settings.stray_price, price)


def _strays(projection: Projection, row: Sequence[Detection], limit_mm: float) -> NDArray[np.bool_]:
    """(N,) whether a detection lies far off the straight line through its neighbours within 75 mm."""
    place, weight = plane_mm(projection, row), np.array([d.score for d in row]) + 1e-3
    found = np.zeros(len(row), bool)
    for n, (height, across) in enumerate(place):
        relative = place[:, 0] - height
        near = (np.abs(relative) < 75.0) & (np.arange(len(row)) != n)
        if near.sum() < 3:
            continue
        points, weights = np.stack([np.ones(int(near.sum())), relative[near]], axis=1), weight[near]
        for _ in range(3):  # reweighted, so that a neighbouring stray does not draw the line to itself
            root = np.sqrt(weights)[:, None]
            line, *_ = np.linalg.lstsq(points * root, place[near, 1] * root[:, 0], rcond=None)
            weights = weight[near] / (1.0 + ((place[near, 1] - points @ line) / 6.0) ** 2)
        found[n] = abs(across - line[0]) > limit_mm
    return found


# --- both views ----------------------------------------------------------------------------------


def _differences(
    projections: Projections, ap: Sequence[Detection], lateral: Sequence[Detection], settings: PairingSettings
) -> Array:
    """(N, M) cost of different level scores and body heights; 0 where either is unknown."""
    cost = np.zeros((len(ap), len(lateral)))
    heights = [[_height(p, d) for d in row] for p, row in zip(projections, (ap, lateral), strict=True)]
    apart = np.abs(np.array(heights[0])[:, None] - np.array(heights[1])[None]) / settings.height_mm
    cost += np.nan_to_num(np.minimum(apart, settings.height_limit), nan=0.0)
    roots = [np.array([_root_probabilities(d) for d in row]) for row in (ap, lateral)]
    apart_levels = -np.log(np.maximum(roots[0] @ roots[1].T, np.exp(-settings.price_limit)))
    return cost + settings.level_price * np.nan_to_num(np.maximum(apart_levels, 0.0), nan=0.0)


def _root_probabilities(detection: Detection) -> Array:
    """Square roots of the level probabilities, NaN where there are none."""
    if detection.level_scores.size != len(LEVELS):
        return np.full(len(LEVELS), np.nan)
    return np.exp((detection.level_scores - logsumexp(detection.level_scores)) / 2.0)


def _height(projection: Projection, detection: Detection) -> float:
    """Distance in mm between the middles of both end-plates; NaN where unknown."""
    superior, inferior = detection.corners_rc.reshape(2, 2, 2).mean(axis=1)
    return float(np.linalg.norm((inferior - superior) * np.array(projection.spacing_mm)))


def _align_with_offset(
    misses: Array, extra: Array, prices: Sequence[Array], settings: PairingSettings
) -> tuple[list[tuple[int, int]], float]:
    """Alignment, once more without the common shift of the views when there is one."""
    offset = 0.0
    matches = _align(_pair_cost(misses, extra, settings), *prices)
    for _ in range(2):
        shift = float(np.median([misses[match] for match in matches])) if len(matches) >= 3 else 0.0
        if abs(shift - offset) < 1.0 or abs(shift) < settings.offset_mm:
            break
        offset = shift
        matches = _align(_pair_cost(misses - offset, extra, settings), *prices)
    return matches, offset


def _pair_cost(misses: Array, extra: Array, settings: PairingSettings) -> Array:
    return 0.5 * (misses / settings.ray_mm) ** 2 + extra


def _align(cost: Array, ap_prices: Array, lateral_prices: Array) -> list[tuple[int, int]]:
    """Cheapest order-keeping pairs."""
    n, m = cost.shape
    total = np.zeros((n + 1, m + 1))
    total[1:, 0], total[0, 1:] = np.cumsum(ap_prices), np.cumsum(lateral_prices)
    step = np.zeros((n + 1, m + 1), int)
    step[1:, 0], step[0, 1:] = 1, 2
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            ways = (
                total[i - 1, j - 1] + cost[i - 1, j - 1],
                total[i - 1, j] + ap_prices[i - 1],
                total[i, j - 1] + lateral_prices[j - 1],
            )
            step[i, j] = int(np.argmin(ways))
            total[i, j] = ways[step[i, j]]
    matches, i, j = [], n, m
    while i or j:
        taken = step[i, j]
        if taken == 0:
            matches.append((i - 1, j - 1))
        i, j = i - (taken != 2), j - (taken != 1)
    return matches[::-1]


# --- places --------------------------------------------------------------------------------------


def _triangulated(projections: Projections, ap: Detection, lateral: Detection) -> Paired:
    found = triangulate([(projections[0], ap.centre_rc), (projections[1], lateral.centre_rc)])
    return Paired(found.point_lps_mm, found.residual_mm, ap, lateral)


def _placed_alone(
    projection: Projection, view: int, detection: Detection, pairs: Sequence[Paired], settings: PairingSettings
) -> Paired | None:
    """The point of the detection's ray nearest to the course of the pairs; None where that tells nothing."""
    if len(pairs) < 2:
        return None
    course = np.array(sorted((p.position_lps_mm for p in pairs), key=lambda p: p[2]))
    spacing = float(np.median(np.linalg.norm(np.diff(course, axis=0), axis=1)))
    points, directions = projection.back_project(np.array([detection.centre_rc]))
    point, direction = points[0], directions[0]
    position = point + ((course.mean(axis=0) - point) @ direction) * direction
    for _ in range(3):
        position = point + ((course_at(course, float(position[2])) - point) @ direction) * direction
    beyond = max(course[0, 2] - position[2], position[2] - course[-1, 2], 0.0) / max(spacing, 1.0)
    nearest = float(np.abs(course[:, 2] - position[2]).min())
    if beyond > settings.beyond or nearest < settings.same_mm:
        return None
    ap, lateral = (detection, None) if view == 0 else (None, detection)
    return Paired(position, 0.0, ap, lateral, beyond)


def course_at(course: Array, z: float) -> Array:
    """(3,) point of a course (N, 3), sorted by rising z, at a height; beyond its ends along its last three points."""
    inside = float(np.clip(z, course[0, 2], course[-1, 2]))
    found = np.array([np.interp(inside, course[:, 2], course[:, axis]) for axis in range(3)])
    if z != inside:
        last = course[:3] if z < inside else course[-3:]
        slope = np.polyfit(last[:, 2], last[:, :2], 1)[0] if np.ptp(last[:, 2]) > 1.0 else np.zeros(2)
        found += np.append(np.clip(slope, -1.0, 1.0), 1.0) * (z - inside)
    return found
