"""Random spines and what a detector of given quality sees of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ReVerteRLib.anatomy import LEVELS, VERTEBRAE, Level, level_from_name
from ReVerteRLib.detection.types import Detection
from ReVerteRLib.detection.usual import USUAL_BODY_MM, shipped_spine
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

T13, L6 = level_from_name("T13"), level_from_name("L6")
USUAL_ROW = tuple(level for level in VERTEBRAE if level not in (T13, L6))


@dataclass(frozen=True)
class Quality:
    """How good the pretended detector is."""

    noise_mm: float = 1.5
    miss: float = 0.04
    ghosts: float = 0.5  # mean number in each view
    level_spread: float = 0.9  # of its belief, in levels
    level_noise: float = 0.6  # of the belief's middle, each vertebra and view
    level_shift: float = 0.5  # of the belief's middle, common to a spine and both views
    levels: bool = True


@dataclass(frozen=True)
class Spine:
    levels: tuple[Level, ...]
    points: np.ndarray
    scale: float


def random_row(rng: np.random.Generator, *, t13: bool | None = None, l6: bool | None = None) -> tuple[Level, ...]:
    row = list(USUAL_ROW)
    if t13 if t13 is not None else rng.random() < 0.02:
        row.insert(row.index(level_from_name("L1")), T13)
    if l6 if l6 is not None else rng.random() < 0.04:
        row.append(L6)
    return tuple(row)


def random_spine(
    rng: np.random.Generator, *, length: int | None = None, row: tuple[Level, ...] | None = None, spread: float = 0.05
) -> Spine:
    """A stretch of a curved spine with varying spacings, in LPS mm."""
    row = row or random_row(rng)
    length = length or int(rng.integers(5, len(row) + 1))
    first = int(rng.integers(0, len(row) - length + 1))
    levels = row[first : first + length]
    scale = float(np.exp(rng.normal(0.0, 0.07)))
    distances = shipped_spine().distances_mm()
    steps = [distances[a.order, b.order] for a, b in itertools.pairwise(levels)]
    steps = scale * np.array(steps) * np.exp(rng.normal(0.0, spread, len(steps)))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    total = 600.0 * scale
    phase = 2 * np.pi * (along / total) + rng.uniform(0, 6.3)
    tilt = rng.normal(0.0, 0.06, 2)
    sagittal = rng.uniform(0.1, 0.45) * np.sin(1.3 * phase) + tilt[0]
    coronal = rng.choice([0.05, 0.3], p=[0.75, 0.25]) * np.sin(1.6 * phase + 1.0) + tilt[1]
    direction = np.stack([np.sin(coronal), np.sin(sagittal), -np.cos(coronal) * np.cos(sagittal)], axis=1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    points = np.zeros((length, 3))
    points[1:] = np.cumsum(direction[:-1] * steps[:, None], axis=0)
    return Spine(levels, points - points.mean(axis=0) + rng.uniform(-30, 30, 3), scale)


def projections_of(
    spine: Spine, *, beam: Beam = Beam.PARALLEL, spacing_mm: float = 1.0, margin_mm: float = 60.0
) -> tuple[Projection, Projection]:
    low, high = spine.points.min(axis=0) - margin_mm, spine.points.max(axis=0) + margin_mm
    corners = np.stack(np.meshgrid(*np.stack([low, high], axis=1), indexing="ij"), axis=-1).reshape(-1, 3)
    ap, lateral = (Projection.covering(v, corners, beam=beam, spacing_mm=spacing_mm) for v in (View.AP, View.LATERAL))
    return ap, lateral


def plain_pair(projections: tuple[Projection, Projection], rng: np.random.Generator) -> RadiographPair:
    """Grey noise, unlike in both views, wherever a vertebra may be."""
    images = [rng.uniform(0.5, 1.0, p.image_hw).astype(np.float32) for p in projections]
    ap, lateral = (Radiograph(i, p, p.view.value) for i, p in zip(images, projections, strict=True))
    return RadiographPair(ap, lateral)


def level_scores(rng: np.random.Generator, middle: float, quality: Quality) -> np.ndarray:
    if not quality.levels:
        return np.zeros(0)
    place = np.arange(len(LEVELS), dtype=float)
    place[T13.order + 1 :] -= 1.0
    rank = place[int(middle)] if float(middle).is_integer() else middle
    at = rank + rng.normal(0.0, quality.level_noise)
    logits = -0.5 * ((place - at) / quality.level_spread) ** 2
    logits[T13.order] -= 3.0
    logits[L6.order] -= 2.0
    return logits - np.logaddexp.reduce(logits)


def corners_of(projection: Projection, spine: Spine, index: int) -> np.ndarray:
    """(4, 2) pixels of a box of the usual size, upright along the spine's course."""
    level = spine.levels[index]
    if level.name not in USUAL_BODY_MM:
        return np.full((4, 2), np.nan)
    height, width, depth = (spine.scale * v for v in USUAL_BODY_MM[level.name])
    upper, lower = spine.points[max(index - 1, 0)], spine.points[min(index + 1, len(spine.points) - 1)]
    up = (upper - lower) / max(np.linalg.norm(upper - lower), 1e-9)
    across = np.array([width, 0, 0]) if projection.view is View.AP else np.array([0, depth, 0])
    across = across - (across @ up) * up
    ends = [sign_h * up * height / 2 + sign_w * across / 2 for sign_h in (1, -1) for sign_w in (-1, 1)]
    return projection.project(spine.points[index] + np.array(ends))


def detections_of(
    rng: np.random.Generator, spine: Spine, projections: tuple[Projection, Projection], quality: Quality
) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
    shift = rng.normal(0.0, quality.level_shift)
    rows = []
    for projection in projections:
        pixels = projection.project(spine.points)
        row = []
        for n, level in enumerate(spine.levels):
            if rng.random() < quality.miss or not projection.contains(pixels[n])[0]:
                continue
            noise = rng.normal(0.0, quality.noise_mm, 2) / np.array(projection.spacing_mm)
            middle = (level.order - (level.order > T13.order)) + shift + 1e-6
            corners = corners_of(projection, spine, n) + rng.normal(0.0, quality.noise_mm, (4, 2))
            scores = level_scores(rng, middle, quality)
            row.append(Detection(tuple(pixels[n] + noise), corners, float(rng.uniform(0.6, 0.98)), scores))
        row += [_ghost(rng, pixels, projection, quality) for _ in range(rng.poisson(quality.ghosts))]
        rng.shuffle(row)
        rows.append(tuple(row))
    return rows[0], rows[1]


def _ghost(rng, pixels, projection, quality):
    at = pixels[rng.integers(len(pixels))] + rng.normal(0.0, 25.0, 2) / np.array(projection.spacing_mm)
    at = np.clip(at, 0, np.array(projection.image_hw) - 1.0)
    scores = level_scores(rng, rng.uniform(0, 24.0), quality)
    return Detection(tuple(at), np.full((4, 2), np.nan), float(rng.uniform(0.2, 0.6)), scores)


class FakeDetector:
    """Hands out what it was given and counts its runs."""

    def __init__(self, rows) -> None:
        self.rows = rows
        self.runs = 0

    def detect(self, pair):  # noqa: ARG002
        self.runs += 1
        return self.rows


@dataclass
class Tally:
    """Found within 10 mm, rightly named, error."""

    true: int = 0
    found: int = 0
    given: int = 0
    named: int = 0
    errors: tuple = ()

    def add(self, spine: Spine, annotation) -> None:
        positions = np.array([v.position_lps_mm for v in annotation.vertebrae]).reshape(-1, 3)
        self.true += len(spine.levels)
        self.given += len(positions)
        if not len(positions):
            return
        distance = np.linalg.norm(positions[:, None] - spine.points[None], axis=2)
        for n, level in enumerate(spine.levels):
            k = int(distance[:, n].argmin())
            if distance[k, n] <= 10.0 and int(distance[k].argmin()) == n:
                self.found += 1
                self.named += annotation.vertebrae[k].level == level
                self.errors = (*self.errors, float(distance[k, n]))

    def __str__(self) -> str:
        return (
            f"recall {self.found / self.true:.3f} precision {self.found / max(self.given, 1):.3f} "
            f"names {self.named / max(self.found, 1):.3f} error {np.mean(self.errors):.2f} mm "
            f"(95 % {np.percentile(self.errors, 95):.2f})"
        )
