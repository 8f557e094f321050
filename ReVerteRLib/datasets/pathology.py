"""Broken bodies and osteophytes, made in a copy of the source spine, so that CT and mask have the same bone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import LEVELS, Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.patient_settings import AilmentSettings
from ReVerteRLib.datasets.resampling import sample
from ReVerteRLib.datasets.sources import Settled, SourceSpine, bone_distance
from ReVerteRLib.geometry import Array

_BY_NAME = {level.name: level for level in LEVELS}
_BREAKABLE = (_BY_NAME["T3"].order, _BY_NAME["L5"].order)
_SPURRED = (_BY_NAME["C3"].order, _BY_NAME["L5"].order)
_TYPICAL = _BY_NAME["T12"].order
_MARGIN = 10


@dataclass(frozen=True)
class VertebraFrame:
    """A vertebra's own axes in the source: x to the left, y to the back, z up along the spine; lengths in mm.

    box:      slices [k, j, i] of the source around the bone, with a margin.
    rotation: (3, 3) columns x, y, z in LPS.
    top, bottom, front, back: where the body ends, from its centre.
    """

    level: Level
    box: tuple[slice, slice, slice]
    centre_lps_mm: Array
    rotation: Array
    top: float
    bottom: float
    front: float
    back: float

    def local(self, source: SourceSpine) -> NDArray[np.float32]:
        """Coordinates [3, k, j, i] of the box's voxels in this frame."""
        k, j, i = np.meshgrid(*(np.arange(p.start, p.stop, dtype=np.float32) for p in self.box), indexing="ij")
        away = [
            v + np.float32(o - c) for v, o, c in zip((i, j, k), source.origin_lps_mm, self.centre_lps_mm, strict=True)
        ]
        turned: NDArray[np.float32] = np.tensordot(self.rotation.T.astype(np.float32), np.stack(away), axes=1)
        return turned

    def to_lps(self, local: Array) -> Array:
        """LPS (N, 3) of points (N, 3) in this frame."""
        points: Array = self.centre_lps_mm + np.atleast_2d(local) @ self.rotation.T
        return points


def vertebra_frame(source: SourceSpine, level: Level) -> VertebraFrame | None:
    """The frame of a level, None where it has no centre or no body is found around it."""
    centroid, bounds = source.centroids.get(level), source.bounds(level)
    if centroid is None or bounds is None:
        return None
    centre = np.array(centroid.position_lps_mm)
    low = np.maximum(bounds[0] - _MARGIN, 0)
    high = np.minimum(bounds[1] + _MARGIN, source.labels.shape)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    frame = VertebraFrame(level, box, centre, _rotation(source.centroids, level), 0.0, 0.0, 0.0, 0.0)
    x, y, z = frame.local(source)[:, source.labels[box] == level.verse_label]
    column = z[(np.abs(x) < 7) & (np.abs(y) < 6)]
    row = np.unique(np.round(y[(np.abs(x) < 5) & (np.abs(z) < 5)]))
    if len(column) < 200 or len(row) < 8 or column.min() > -3 or column.max() < 3:
        return None
    body = _run_through_zero(row)
    if body is None:
        return None
    top, bottom = (float(v) for v in np.percentile(column, [99.0, 1.0]))
    return dataclasses.replace(frame, top=top, bottom=bottom, front=body[0], back=body[1])


def _rotation(centroids: CentroidSet, level: Level) -> Array:
    ordered = sorted(centroids, key=lambda c: c.position_lps_mm[2])
    place = [c.level for c in ordered].index(level)
    first, last = ordered[max(place - 1, 0)], ordered[min(place + 1, len(ordered) - 1)]
    up = np.array(last.position_lps_mm) - np.array(first.position_lps_mm)
    up = up / np.linalg.norm(up) if np.linalg.norm(up) > 1.0 else np.array([0.0, 0.0, 1.0])
    x = np.array([1.0, 0.0, 0.0]) - up[0] * up
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(up, x), up], axis=1)


def _run_through_zero(row: NDArray[np.float32]) -> tuple[float, float] | None:
    """First and last of the whole numbers without a gap around 0: the body, in front of the canal."""
    parts = np.split(row, np.flatnonzero(np.diff(row) > 1.5) + 1)
    return next(((float(p[0]), float(p[-1])) for p in parts if p[0] <= 0 <= p[-1] and len(p) > 8), None)


def with_ailments(source: SourceSpine, rng: np.random.Generator, settings: AilmentSettings) -> SourceSpine:
    """The spine with the breaks and osteophytes that the dice give it; the same spine when they give none."""
    broken = _broken_levels(source, rng, settings)
    spurred = rng.random() < settings.spur_chance
    if not broken and not spurred:
        return source
    changed = dataclasses.replace(source, labels=source.labels.copy(), distance_mm=source.distance_mm.copy())
    for level in broken:
        frame = vertebra_frame(changed, level)
        if frame is not None:
            changed = _broken(changed, frame, float(rng.uniform(*settings.height_loss)), rng)
    if spurred:
        severity = rng.uniform(0.3, 1.0)
        for level in changed.levels:
            frame = vertebra_frame(changed, level) if _SPURRED[0] <= level.order <= _SPURRED[1] else None
            if frame is not None:
                _grow_spurs(changed, frame, settings, severity, rng)
    return changed


# --- breaks -----------------------------------------------------------------------------------------


def _broken_levels(source: SourceSpine, rng: np.random.Generator, s: AilmentSettings) -> list[Level]:
    """Levels to break: mostly about T12, often neighbours."""
    able = [c.level for c in source.centroids if _BREAKABLE[0] <= c.level.order <= _BREAKABLE[1]]
    if rng.random() >= s.fracture_chance or not able:
        return []
    orders = np.array([level.order for level in able])
    likely = 0.25 + np.exp(-0.5 * ((orders - _TYPICAL) / 2.5) ** 2)
    count = min(int(rng.integers(1, s.fractures + 1)), len(able))
    chosen = rng.choice(len(able), size=count, replace=False, p=likely / likely.sum())
    return [able[n] for n in chosen]


def _broken(source: SourceSpine, frame: VertebraFrame, loss: float, rng: np.random.Generator) -> SourceSpine:
    """The spine with one body wedged, sunk in or crushed; arrays are changed in place, the record is new."""
    local = frame.local(source)
    weight, centre_weight, tilt = _loss_pattern(
        local, frame, str(rng.choice(["wedge", "sunk", "crush"], p=[0.5, 0.25, 0.25]))
    )
    upper = float(rng.uniform(0.55, 1.0))
    height = frame.top - frame.bottom
    sinking = [loss * height * upper, loss * height * (1.0 - upper)]
    top = np.maximum(frame.top - sinking[0] * weight, 3.0)
    bottom = np.minimum(frame.bottom + sinking[1] * weight, -3.0)
    z = local[2]
    moved = np.where(z > 0, z * (frame.top / top), z * (frame.bottom / bottom))
    shift_lps = frame.rotation[:, 2:].astype(np.float32) * (moved - z).reshape(1, -1)
    shift_kji = shift_lps[::-1].reshape(3, *z.shape)
    index = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in z.shape), indexing="ij")) + shift_kji
    part = source.labels[frame.box]
    value = frame.level.verse_label
    bone = sample((part == value).astype(np.float32), np.ascontiguousarray(index), outside=0.0) >= 0.5
    part[part == value] = 0
    part[bone & (part == 0)] = value
    _renew_distance(source, frame.box)
    lost = (sinking[0] - sinking[1]) * centre_weight / 2.0
    settled = Settled(
        frame.level, sum(sinking) * centre_weight, tilt * loss * height / max(frame.back - frame.front, 8.0)
    )
    lowered = frame.centre_lps_mm - lost * frame.rotation[:, 2]
    return dataclasses.replace(
        source,
        centroids=_moved(source.centroids, frame.level, lowered),
        settled=(*source.settled, settled),
    )


def _loss_pattern(
    local: NDArray[np.float32], frame: VertebraFrame, kind: str
) -> tuple[NDArray[np.float32], float, float]:
    """Share of the loss at every voxel, at the centre, and between the back and the front; none behind the body."""
    x, y = local[0], local[1]
    depth = frame.back - frame.front
    forward = np.clip((frame.back - y) / depth, 0.0, 1.15)
    body = np.clip((frame.back + 3.0 - y) / 6.0, 0.0, 1.0)
    if kind == "wedge":
        return forward * body, frame.back / depth, 1.0
    middle = 0.5 * (frame.front + frame.back)
    if kind == "sunk":
        dish = 1.0 - ((y - middle) / (0.62 * depth)) ** 2 - (x / (0.75 * depth)) ** 2
        return np.clip(dish, 0.0, 1.0) * body, 0.8, 0.0
    return (0.55 + 0.45 * forward) * body, 0.55 + 0.45 * frame.back / depth, 0.45


def _moved(centroids: CentroidSet, level: Level, position: Array) -> CentroidSet:
    x, y, z = (float(v) for v in position)
    items = tuple(Centroid(c.level, (x, y, z)) if c.level == level else c for c in centroids)
    return CentroidSet(items, centroids.source)


def _renew_distance(source: SourceSpine, box: tuple[slice, slice, slice]) -> None:
    """Distances in a box from its labels, in place; its outermost voxels, which lack their surroundings, stay."""
    fresh = bone_distance(np.ascontiguousarray(source.labels[box]))
    inner = tuple(slice(4, -4) for _ in range(3))
    source.distance_mm[box][inner] = fresh[inner]


# --- osteophytes ------------------------------------------------------------------------------------


def _grow_spurs(
    source: SourceSpine, frame: VertebraFrame, s: AilmentSettings, severity: float, rng: np.random.Generator
) -> None:
    """Beaks at the rims of the end-plates, in front and at the sides, in place."""
    local = frame.local(source)
    bone = source.labels[frame.box] == frame.level.verse_label
    for end in (frame.top, frame.bottom):
        if rng.random() >= s.spur_share:
            continue
        for angle in rng.normal(0.0, np.deg2rad(65.0), int(rng.integers(1, 5))):
            rim = _rim(local, bone, end, float(angle), frame)
            if rim is not None:
                length = float(rng.uniform(s.spur_mm[0], s.spur_mm[0] + severity * (s.spur_mm[1] - s.spur_mm[0])))
                radii = (length, float(rng.uniform(3.0, 8.0)), float(rng.uniform(1.8, 3.4)))
                _grow(source, frame, centre=rim, radii=radii, angle=float(angle))


def _rim(
    local: NDArray[np.float32], bone: NDArray[np.bool_], end: float, angle: float, frame: VertebraFrame
) -> Array | None:
    """The body's outermost point (local) near an end-plate in one direction; 0 is the front, positive the left."""
    x, y, z = local
    ahead = np.array([np.sin(angle), -np.cos(angle)])
    along = x * ahead[0] + y * ahead[1]
    aside = x * ahead[1] - y * ahead[0]
    near = bone & (np.abs(z - end * 0.88) < 2.0) & (np.abs(aside) < 2.0) & (along > 4.0) & (along < 40.0)
    near &= y < frame.back
    if near.sum() < 8:
        return None
    reach = float(np.percentile(along[near], 97.0))
    return np.array([reach * ahead[0], reach * ahead[1], end * 0.92])


def _grow(
    source: SourceSpine,
    frame: VertebraFrame,
    *,
    centre: Array,
    radii: tuple[float, float, float],
    angle: float,
) -> None:
    """Adds an ellipsoid (radii ahead, aside, up) to the vertebra in labels and distances, where no other bone is."""
    away = frame.local(source) - centre.astype(np.float32).reshape(3, 1, 1, 1)
    ahead, aside = np.sin(angle), -np.cos(angle)
    inside = ((away[0] * ahead + away[1] * aside) / radii[0]) ** 2
    inside = inside + ((away[0] * aside - away[1] * ahead) / radii[1]) ** 2 + (away[2] / radii[2]) ** 2
    depth = ((1.0 - np.sqrt(inside)) * min(radii)).astype(np.float32)
    labels, distance = source.labels[frame.box], source.distance_mm[frame.box]
    value = frame.level.verse_label
    grown = (depth > 0) & (labels == 0)
    labels[grown] = value
    own = (depth > -2.0) & ((labels == value) | (labels == 0))
    distance[own] = np.maximum(distance[own], depth[own])
