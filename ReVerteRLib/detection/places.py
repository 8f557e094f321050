"""Finds in space on their way to names: what a person decided, what the detections say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.detection.corners import body_size_mm
from ReVerteRLib.detection.labelling import Find
from ReVerteRLib.detection.pairing import Projections
from ReVerteRLib.detection.types import Anchor, AnnotatedVertebra, Detection, Position
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Array, Projection, View
from ReVerteRLib.imaging.radiograph import RadiographPair

REMOVED_MM = 12.0
"""Detections this near to a removed position are ignored, and to a locked one are taken as its own."""
_ANCHOR_MM = 15.0
_SINGLE_SPREAD_MM = 4.0
_PAIR_SPREAD_MM = 1.5


@dataclass(frozen=True, eq=False)
class Place:
    """A vertebra without a name, or with one that a person gave.

    real: a person says that a vertebra is here; level: and that it is this one.
    """

    position_lps_mm: Array
    residual_mm: float = 0.0
    ap: Detection | None = None
    lateral: Detection | None = None
    level: Level | None = None
    real: bool = False

    @property
    def views(self) -> int:
        """How many views show it."""
        return (self.ap is not None) + (self.lateral is not None)

    @property
    def score(self) -> float:
        """0..1 that it is a vertebra: 1 if a person said so, else that not both views err."""
        if self.real:
            return 1.0
        missing = [1.0 - d.score for d in (self.ap, self.lateral) if d is not None]
        return float(1.0 - np.prod(missing)) if missing else 0.0

    def seen_as(self, view: View, detection: Detection) -> Place:
        """With its detection in a view."""
        if view is View.AP:
            return dataclasses.replace(self, ap=detection)
        return dataclasses.replace(self, lateral=detection)

    def find(self, projections: Projections | None) -> Find:
        """What the labelling needs to know."""
        scores = [d.level_scores for d in (self.ap, self.lateral) if d is not None and d.level_scores.size]
        both = self.views == 2
        spread = _PAIR_SPREAD_MM + self.residual_mm / 4.0 if both or self.real else _SINGLE_SPREAD_MM
        size = np.full(3, np.nan)
        if projections is not None:
            size = body_size_mm(projections, self.ap, self.lateral, self.position_lps_mm)
        return Find(
            self.position_lps_mm,
            self.score if both or self.real else 0.8 * self.score,
            np.sum(scores, axis=0) if scores else np.zeros(0),
            spread,
            len(scores),
            size,
            self.level,
            self.real,
        )


def place_of(vertebra: AnnotatedVertebra) -> Place:
    """The place of an annotated vertebra; only what a person placed or named keeps its name."""
    return Place(
        np.array(vertebra.position_lps_mm, dtype=np.float64),
        vertebra.residual_mm,
        vertebra.ap,
        vertebra.lateral,
        vertebra.level if vertebra.locked else None,
        vertebra.locked,
    )


def ordered(places: Sequence[Place]) -> list[Place]:
    """From head to foot."""
    return sorted(places, key=lambda p: -float(p.position_lps_mm[2]))


def nearest_mm(places: Sequence[Place], position_lps_mm: Array | Position) -> Array:
    """(N,) distances of places from a position."""
    positions = np.array([p.position_lps_mm for p in places], dtype=np.float64).reshape(-1, 3)
    return np.linalg.norm(positions - np.asarray(position_lps_mm), axis=1)


# --- what a person decided -----------------------------------------------------------------------


def without_removed(
    projections: Projections, views: Sequence[Sequence[Detection]], removed: Sequence[Position]
) -> list[list[Detection]]:
    """Both rows without the detections whose rays pass within REMOVED_MM of a removed position."""
    kept = []
    for projection, row in zip(projections, views, strict=True):
        distances = ray_to_points_mm(projection, row, np.array(removed, dtype=np.float64).reshape(-1, 3))
        near = np.any(distances <= REMOVED_MM, axis=1).tolist()
        kept.append([d for d, gone in zip(row, near, strict=True) if not gone])
    return kept


def claim_locked(
    projections: Projections, views: Sequence[Sequence[Detection]], locked: CentroidSet | None
) -> tuple[list[Place], list[list[Detection]]]:
    """The places of locked centroids, each with its nearest detection of each view, and the detections left over."""
    places = [
        Place(np.array(c.position_lps_mm, dtype=np.float64), 0.0, None, None, c.level, True) for c in locked or ()
    ]
    rest = []
    points = np.array([p.position_lps_mm for p in places]).reshape(-1, 3)
    for projection, row in zip(projections, views, strict=True):
        distances = ray_to_points_mm(projection, row, points)
        taken: list[bool] = np.any(distances <= REMOVED_MM / 2.0, axis=1).tolist()
        for n in range(len(places)):
            best = int(distances[:, n].argmin()) if row else -1
            if row and distances[best, n] <= REMOVED_MM:
                places[n] = places[n].seen_as(projection.view, row[best])
                taken[best] = True
        rest.append([d for d, gone in zip(row, taken, strict=True) if not gone])
    return places, rest


def ray_to_points_mm(projection: Projection, row: Sequence[Detection], points: Array) -> Array:
    """(detections, points) distances in mm of rays from points (K, 3)."""
    if not len(row) or not len(points):
        return np.zeros((len(row), len(points)))
    starts, directions = projection.back_project(np.array([d.centre_rc for d in row]))
    relative = points[None] - starts[:, None]
    along = np.einsum("nki,ni->nk", relative, directions)
    return np.linalg.norm(relative - along[..., None] * directions[:, None], axis=2)


def with_anchors(places: Sequence[Place], anchors: Sequence[Anchor], projections: Projections | None) -> list[Place]:
    """The places with the anchors' names; an anchor in space where nothing was found becomes a place of its own.

    Raises ArgumentError for a pixel where no vertebra is, and for two anchors on one vertebra.
    """
    found = list(places)
    used: set[int] = set()
    for anchor in anchors:
        index = _anchored(found, anchor, projections)
        if index is None:
            position = np.array(anchor.position_lps_mm, dtype=np.float64)
            found.append(Place(position, level=anchor.level, real=True))
            index = len(found) - 1
        if index in used:
            raise ArgumentError(
                f"two anchors name the same vertebra, one of them {anchor.level}", remedy="Keep one of them"
            )
        used.add(index)
        found[index] = dataclasses.replace(found[index], level=anchor.level, real=True)
    names = [p.level for p in found if p.level is not None]
    if twice := sorted({level.name for level in names if names.count(level) > 1}):
        raise ArgumentError(f"{', '.join(twice)} is given to two vertebrae", remedy="Correct or remove one of them")
    return ordered(found)


def _anchored(places: Sequence[Place], anchor: Anchor, projections: Projections | None) -> int | None:
    """Index of the place that an anchor means; None where there is none and the anchor brings its own position."""
    if anchor.position_lps_mm is not None:
        distance = nearest_mm(places, anchor.position_lps_mm)
        return int(distance.argmin()) if distance.size and distance.min() <= _ANCHOR_MM else None
    projection = next((p for p in projections or () if p.view is anchor.view), None)
    if projection is None or anchor.pixel_rc is None:
        raise ArgumentError(
            f"the anchor {anchor.level} is a pixel, and the annotation does not know its radiographs",
            remedy="Give the anchor's position in space",
        )
    pixels = projection.project(np.array([p.position_lps_mm for p in places]).reshape(-1, 3))
    steps = (pixels - np.array(anchor.pixel_rc)) * np.array(projection.spacing_mm)
    distance = np.linalg.norm(steps, axis=1)
    if not distance.size or float(np.nanmin(distance)) > _ANCHOR_MM:
        row, column = anchor.pixel_rc
        raise ArgumentError(
            f"no vertebra was found within {_ANCHOR_MM:.0f} mm of the anchor {anchor.level}",
            where=f"{projection.view.value} radiograph, row {row:.0f}, column {column:.0f}",
            remedy="Name a vertebra that was found, or place this one in both views",
        )
    return int(np.nanargmin(distance))


# --- the field of view ---------------------------------------------------------------------------


def visible_beyond(pair: RadiographPair, places: Sequence[Place], most: int = 3) -> tuple[float, float]:
    """How many further vertebrae, above the first place and below the last, both radiographs would show whole."""
    if len(places) < 2:
        return 0.0, 0.0
    points = np.array([p.position_lps_mm for p in places])
    return _steps_inside(pair, points[1], points[0], most), _steps_inside(pair, points[-2], points[-1], most)


def _steps_inside(pair: RadiographPair, inner: Array, outer: Array, most: int) -> float:
    step = outer - inner
    step *= min(1.0, 36.0 / max(float(np.linalg.norm(step)), 1e-6))  # a gap is no measure of the next vertebra
    for count in range(1, most + 1):
        border = outer + (count + 0.5) * step
        for radiograph in pair:
            row = float(radiograph.projection.project(border)[0, 0])
            first, last = content_rows(radiograph.image_hw)
            if not first <= row <= last:
                return count - 1.0
    return float(most)


def content_rows(image_hw: NDArray[np.float32]) -> tuple[int, int]:
    """First and last row that shows anything; rows of one grey value are outside the field."""
    shown = np.flatnonzero(np.ptp(image_hw, axis=1) > 1e-3 * max(float(np.ptp(image_hw)), 1e-12))
    return (int(shown[0]), int(shown[-1])) if shown.size else (0, -1)
