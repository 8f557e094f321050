"""Between the automatic annotation and a centroid list in the scene; nothing of it is lost in saved scenes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.detection.types import (
    Anchor,
    AnnotatedVertebra,
    Annotation,
    Detection,
    Position,
    no_corners,
    no_scores,
)
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import Projection
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.scene.centroid_points import Point, same_place

RECORD = "ReVerteR.Annotation"
"""Node attribute: JSON (LPS mm, pixels) of what the annotation knows beyond its points."""
Projections = tuple[Projection, Projection]
Relabel = Callable[[Annotation, Sequence[Anchor]], Annotation]


@dataclass(frozen=True, eq=False)
class Record:
    """What belongs to a centroid list as a whole.

    removed:    positions that a person removed and that stay empty.
    warnings, about_images, trust: as in Annotation.
    detections: by position, so that they hold as long as their point is not moved, whatever its name.
    """

    removed: tuple[Position, ...] = ()
    warnings: tuple[str, ...] = ()
    about_images: tuple[str, ...] = ()
    trust: float = 1.0
    detections: tuple[tuple[Position, Detection | None, Detection | None], ...] = ()

    def detections_at(self, position: Position) -> tuple[Detection | None, Detection | None]:
        """The AP and the lateral detection behind a point that still lies where it was found."""
        for place, ap, lateral in self.detections:
            if same_place(place, position):
                return ap, lateral
        return None, None


def read_record(node: Any) -> Record:
    """The record of a list; an empty one where there is none or it cannot be read (a list that others have made)."""
    try:
        values = json.loads(node.GetAttribute(RECORD) or "{}")
        return Record(
            tuple(_triple(p) for p in values.get("removed", ())),
            tuple(str(text) for text in values.get("warnings", ())),
            tuple(str(text) for text in values.get("about_images", ())),
            float(values.get("trust", 1.0)),
            tuple((_triple(p), _detection(a), _detection(b)) for p, a, b in values.get("detections", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Record()


def write_record(node: Any, record: Record) -> None:
    """Keeps the record with the node."""
    values = {
        "frame": "LPS",
        "removed": [_rounded(p) for p in record.removed],
        "warnings": record.warnings,
        "about_images": record.about_images,
        "trust": record.trust,
        "detections": [(_rounded(p), _plain(a), _plain(b)) for p, a, b in record.detections],
    }
    node.SetAttribute(RECORD, json.dumps(values))


# --- the annotation ------------------------------------------------------------------------------


def to_annotation(points: Sequence[Point], record: Record, projections: Projections | None = None) -> Annotation:
    """The placed and named points, head to foot; others are left out. `locked` is the point's lock."""
    vertebrae = []
    for point in points:
        if point.level is None or point.position_lps_mm is None:
            continue
        ap, lateral = record.detections_at(point.position_lps_mm)
        vertebrae.append(
            AnnotatedVertebra(
                point.level,
                point.position_lps_mm,
                point.confidence,
                point.residual_mm,
                point.reasons,
                ap,
                lateral,
                point.locked,
            )
        )
    vertebrae.sort(key=lambda v: v.level.order)
    return Annotation(tuple(vertebrae), record.warnings, record.removed, projections, record.about_images, record.trust)


def from_annotation(annotation: Annotation, before: Sequence[Point] = ()) -> tuple[tuple[Point, ...], Record]:
    """Points and record of an annotation. Points of `before` at the same place keep lock and check mark.

    Locked vertebrae of the annotation are a person's; those that were not locked in the scene stay free there.
    """
    points = tuple(_point(vertebra, before) for vertebra in annotation.vertebrae)
    detections = tuple(
        (v.position_lps_mm, v.ap, v.lateral) for v in annotation.vertebrae if v.ap is not None or v.lateral is not None
    )
    record = Record(
        annotation.removed, annotation.warnings, annotation.about_images, float(annotation.trust), detections
    )
    return points, record


def held_centroids(points: Sequence[Point]) -> CentroidSet:
    """What a new automatic run must keep: locked points and those that a person placed or moved.

    Raises CentroidError for two of the same level.
    """
    kept = [p for p in points if (p.locked or p.by_hand) and p.level is not None and p.position_lps_mm is not None]
    return CentroidSet(
        tuple(Centroid(p.level, p.position_lps_mm, p.confidence, p.residual_mm) for p in kept if p.level is not None)  # type: ignore[arg-type]
    )


def relabelled(
    points: Sequence[Point],
    record: Record,
    anchors: Sequence[Anchor],
    relabel: Relabel,
    projections: Projections | None = None,
) -> tuple[Point, ...]:
    """The same points in the same order, renamed to agree with the anchors and the locked ones.

    A point that finds no name in the new row keeps its place and gets none. Raises what `relabel` raises, and
    CentroidError when a locked point would have to change its name.
    """
    asked = to_annotation(_as_some_row(points), record, projections)
    row = dataclasses.replace(asked, vertebrae=tuple(_surely_there(v, projections) for v in asked.vertebrae))
    answer = relabel(row, anchors).vertebrae
    renamed = tuple(_renamed(point, answer) for point in points)
    for old, new in zip(points, renamed, strict=True):
        if old.locked and old.level is not new.level:
            raise CentroidError(
                f"{old.label} is locked and would become {new.label}", remedy="Unlock it, or choose another level"
            )
    return renamed


def default_relabel() -> Relabel:
    """Annotator.relabel, which needs no detector for it. Raises WeightsError without the usual spine's file."""
    from ReVerteRLib.detection.annotator import Annotator

    return Annotator(_NoDetector()).relabel


class _NoDetector:
    def detect(self, pair: RadiographPair) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
        raise CentroidError("renaming does not look at the radiographs", where=pair.ap.source)


# --- parts ---------------------------------------------------------------------------------------


def _point(vertebra: AnnotatedVertebra, before: Sequence[Point]) -> Point:
    old = next((p for p in before if same_place(p.position_lps_mm, vertebra.position_lps_mm)), None)
    by_hand = old.by_hand if old else vertebra.locked
    return Point(
        vertebra.level.name,
        vertebra.position_lps_mm,
        round(vertebra.confidence, 4),
        round(vertebra.residual_mm, 3),
        vertebra.reasons,
        locked=old.locked or (vertebra.locked and not old.by_hand) if old else vertebra.locked,
        checked=old.checked if old else True,
        by_hand=by_hand,
    )


def _as_some_row(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points without a level get any that is free: relabelling renames them, but must see them."""
    from ReVerteRLib.anatomy import VERTEBRAE

    taken = {point.level for point in points}
    free = (level.name for level in VERTEBRAE if level not in taken)
    return tuple(
        point if point.level is not None else dataclasses.replace(point, label=next(free, "?"), locked=False)
        for point in points
    )


def _surely_there(vertebra: AnnotatedVertebra, projections: Projections | None) -> AnnotatedVertebra:
    """Every point of the list is a vertebra for the person who kept it, whatever the detector thought."""

    def seen(detection: Detection | None, number: int) -> Detection:
        if detection is not None:
            return dataclasses.replace(detection, score=max(detection.score, 0.99))
        pixel = projections[number].project(vertebra.position_lps_mm)[0].tolist() if projections else (0.0, 0.0)
        return Detection((pixel[0], pixel[1]), no_corners(), 0.99, no_scores())

    return dataclasses.replace(vertebra, ap=seen(vertebra.ap, 0), lateral=seen(vertebra.lateral, 1))


def _renamed(point: Point, answer: Sequence[AnnotatedVertebra]) -> Point:
    if point.position_lps_mm is None:
        return point
    found = next((v for v in answer if same_place(v.position_lps_mm, point.position_lps_mm)), None)
    if found is None:
        return dataclasses.replace(point, label="?", confidence=0.0, reasons=("does not fit into the row",))
    if point.locked and point.level is found.level:
        return point
    return dataclasses.replace(
        point, label=found.level.name, confidence=round(found.confidence, 4), reasons=found.reasons
    )


def _triple(values: Sequence[float]) -> Position:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(v), 4) for v in values]


def _plain(detection: Detection | None) -> dict[str, Any] | None:
    if detection is None:
        return None
    return {
        "centre_rc": _rounded(detection.centre_rc),
        "corners_rc": [None if not np.isfinite(v) else round(float(v), 3) for v in detection.corners_rc.ravel()],
        "score": round(float(detection.score), 5),
        "level_scores": _rounded(detection.level_scores.tolist()),
    }


def _detection(values: dict[str, Any] | None) -> Detection | None:
    if values is None:
        return None
    row, column = (float(v) for v in values["centre_rc"])
    corners = np.array([np.nan if v is None else v for v in values["corners_rc"]], dtype=np.float64).reshape(4, 2)
    scores = np.array(values["level_scores"], dtype=np.float64)
    return Detection((row, column), corners, float(values["score"]), scores)
