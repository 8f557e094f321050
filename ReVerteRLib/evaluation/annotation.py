"""How good automatic centroids are: found, placed, named, their corners and angles, beside the reference's.

A find and a reference vertebra belong together where they lie within 10 mm in space, each once, with the least sum of
distances; names do not matter for that. Masks name the whole vertebrae of a scan only. So a find that lies beyond the
first or last reference vertebra, by more than half a spacing, can be neither confirmed nor refuted: it is counted apart
(`beyond`) and the strict precision counts it as wrong.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from ReVerteRLib.anatomy import Level
from ReVerteRLib.detection.landmarks import corners_in_view
from ReVerteRLib.detection.posture_table import posture_table
from ReVerteRLib.detection.types import Anchor, AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.annotation_cases import AnnotationCase, ReferenceVertebra
from ReVerteRLib.geometry import INFERIOR, Projection
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.measure.posture import coronal_curves

_TILTS = tuple(f"{plate}_{plane}_deg" for plate in ("superior", "inferior") for plane in ("coronal", "sagittal"))
FOUND_MM = 10.0
"""A vertebra is found when a centroid lies within this distance of its own."""


class PairAnnotator(Protocol):
    """What is measured; `detection.annotator.Annotator` is one."""

    def annotate(self, pair: RadiographPair, *, anchors: Sequence[Anchor] = ()) -> Annotation:
        """The labelled spine; raises InputError where no vertebra is found."""
        ...


@dataclass(frozen=True)
class AnnotationRow:
    """One reference vertebra.

    error_mm:    distance in space; None when it was not found. ap_mm, lateral_mm: the same on the views' planes.
    named, named_with_anchor: whether the name is right, without and with one vertebra named by a person.
    corner_mm:   mean distance of the corners by view ("ap", "lateral") on the view's plane, where both are known.
    tilt_error_deg: end-plate tilts found minus those of the mask, by key.
    """

    case: str
    level: Level
    error_mm: float | None
    ap_mm: float | None = None
    lateral_mm: float | None = None
    named: bool = False
    named_with_anchor: bool = False
    confidence: float = 0.0
    corner_mm: Mapping[str, float] = field(default_factory=dict)
    tilt_error_deg: Mapping[str, float] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        rounded = {k: _rounded(getattr(self, k)) for k in ("error_mm", "ap_mm", "lateral_mm", "confidence")}
        parts = {key: _all_rounded(getattr(self, key)) for key in ("corner_mm", "tilt_error_deg")}
        names = {"named": self.named, "named_with_anchor": self.named_with_anchor}
        return {"case": self.case, "level": self.level.name, **rounded, **names, **parts}


@dataclass(frozen=True)
class CaseOutcome:
    """One pair of radiographs.

    wrong, beyond: finds that are no vertebra, and finds beyond what the reference covers.
    cobb_error_deg: by plane ("coronal", "sagittal"), found minus mask, where all end-plates are known.
    failure: why nothing was found, "" otherwise.
    """

    case: str
    partial: bool
    rows: tuple[AnnotationRow, ...]
    wrong: int
    beyond: int
    seconds: float
    cobb_error_deg: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    failure: str = ""
    annotation: Annotation | None = None

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "case": self.case, "partial": self.partial, "wrong": self.wrong, "beyond": self.beyond,
            "seconds": round(self.seconds, 3), "cobb_error_deg": _all_rounded(self.cobb_error_deg),
            "warnings": list(self.warnings), "failure": self.failure,
            "vertebrae": [row.as_record() for row in self.rows],
        }  # fmt: skip


def measure_case(case: AnnotationCase, annotator: PairAnnotator) -> CaseOutcome:
    """Annotates a case without and with an anchor (the middle reference vertebra) and compares."""
    started = time.perf_counter()
    try:
        annotation = annotator.annotate(case.pair)
    except InputError as error:
        rows = tuple(AnnotationRow(case.name, v.level, None) for v in case.reference)
        seconds = time.perf_counter() - started
        return CaseOutcome(case.name, case.partial, rows, 0, 0, seconds, {}, failure=error.message())
    seconds = time.perf_counter() - started
    matches = match(case.reference, annotation.vertebrae)
    anchored = _named_with_anchor(case, annotator)
    rows = tuple(_row(case, v, matches.get(v.level), v.level in anchored) for v in case.reference)
    unmatched = [v for v in annotation.vertebrae if all(v is not m for m in matches.values())]
    beyond = sum(_is_beyond(v, case) for v in unmatched)
    cobb = _cobb_errors(case, matches)
    return CaseOutcome(
        case.name, case.partial, rows, len(unmatched) - beyond, beyond, seconds, cobb,
        warnings=annotation.warnings, annotation=annotation,
    )  # fmt: skip


def match(
    reference: Sequence[ReferenceVertebra], found: Sequence[AnnotatedVertebra], limit_mm: float = FOUND_MM
) -> dict[Level, AnnotatedVertebra]:
    """The find that belongs to each reference level, where there is one."""
    if not reference or not found:
        return {}
    true = np.array([v.position_lps_mm for v in reference])
    places = np.array([v.position_lps_mm for v in found])
    distance = np.linalg.norm(true[:, None] - places[None], axis=2)
    pairs = zip(*linear_sum_assignment(np.where(distance <= limit_mm, distance, 1e6)), strict=True)
    return {reference[i].level: found[j] for i, j in pairs if distance[i, j] <= limit_mm}


def _named_with_anchor(case: AnnotationCase, annotator: PairAnnotator) -> set[Level]:
    middle = case.reference[len(case.reference) // 2]
    try:
        annotation = annotator.annotate(case.pair, anchors=(Anchor(middle.level, middle.position_lps_mm),))
    except (InputError, ValueError):
        return set()
    return {level for level, v in match(case.reference, annotation.vertebrae).items() if v.level == level}


def _row(
    case: AnnotationCase, true: ReferenceVertebra, found: AnnotatedVertebra | None, named_with_anchor: bool
) -> AnnotationRow:
    if found is None:
        return AnnotationRow(case.name, true.level, None, named_with_anchor=named_with_anchor)
    corners, off, tilts = {}, {}, tilts_of(found, case.pair)
    seen: tuple[Detection | None, ...] = (found.ap, found.lateral)
    for radiograph, detection in zip(case.pair, seen, strict=True):
        projection, view = radiograph.projection, radiograph.view.value
        off[view] = _view_error(projection, true, found)
        if detection is not None:
            corners[view] = _corner_error(projection, true, detection)
    known = {k: v - true.tilts_deg[k] for k, v in tilts.items() if k in true.tilts_deg}
    return AnnotationRow(
        case.name, true.level, _distance(true.position_lps_mm, found.position_lps_mm), off["ap"], off["lateral"],
        found.level == true.level, named_with_anchor, found.confidence,
        {k: v for k, v in corners.items() if np.isfinite(v)}, known,
    )  # fmt: skip


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))


def _view_error(projection: Projection, true: ReferenceVertebra, found: AnnotatedVertebra) -> float:
    """Distance in mm on the plane through the true centre."""
    pixels = projection.project([true.position_lps_mm, found.position_lps_mm])
    points = projection.point_at_depth(pixels, float(projection.depth_mm(true.position_lps_mm)[0]))
    return _distance(points[0], points[1])


def _corner_error(projection: Projection, true: ReferenceVertebra, detection: Detection) -> float:
    """Mean distance in mm of the four corners; NaN where one is not known."""
    expected = corners_in_view(true.landmarks_lps_mm, projection)[0]
    steps = (expected - detection.corners_rc) * np.array(projection.spacing_mm)
    return float(np.linalg.norm(steps, axis=1).mean())


def _is_beyond(found: AnnotatedVertebra, case: AnnotationCase) -> bool:
    """Whether it lies more than half a spacing above the first or below the last reference vertebra."""
    down = np.array([v.position_lps_mm for v in case.reference]) @ np.array(INFERIOR)
    half = 0.5 * float(np.median(np.diff(down))) if len(down) > 1 else 12.0
    place = float(np.array(found.position_lps_mm) @ np.array(INFERIOR))
    return bool(place < down[0] - half or place > down[-1] + half)


# --- angles --------------------------------------------------------------------------------------


def tilts_of(vertebra: AnnotatedVertebra, pair: RadiographPair) -> dict[str, float]:
    """End-plate tilts from the corners of both views, by key of measure.definitions; without those not known."""
    alone = Annotation((vertebra,), projections=(pair.ap.projection, pair.lateral.projection))
    (row,) = posture_table(alone).rows
    known = {key: getattr(row, key) for key in _TILTS}
    return {key: value for key, value in known.items() if value is not None}


def _cobb_errors(case: AnnotationCase, matches: Mapping[Level, AnnotatedVertebra]) -> dict[str, float]:
    """Found minus mask: the main coronal curve between the mask's end vertebrae, and first against last sagittally."""
    true = {v.level: v.tilts_deg for v in case.reference if v.tilts_deg}
    found = {level: tilts_of(vertebra, case.pair) for level, vertebra in matches.items()}
    errors = {}
    main = coronal_curves(true)[0]
    if main is not None:
        errors["coronal"] = _angle_error(true, found, main.upper, main.lower, "coronal")
    if len(true) >= 2:
        errors["sagittal"] = _angle_error(true, found, min(true), max(true), "sagittal")
    return {plane: error for plane, error in errors.items() if error is not None}


def _angle_error(
    true: Mapping[Level, Mapping[str, float]],
    found: Mapping[Level, Mapping[str, float]],
    upper: Level,
    lower: Level,
    plane: str,
) -> float | None:
    first, last = f"superior_{plane}_deg", f"inferior_{plane}_deg"
    angles = []
    for tilts in (true, found):
        if first not in tilts.get(upper, {}) or last not in tilts.get(lower, {}):
            return None
        angles.append(abs(tilts[upper][first] - tilts[lower][last]))
    return angles[1] - angles[0]


# --- summary -------------------------------------------------------------------------------------


def summarise_annotation(outcomes: Iterable[CaseOutcome]) -> dict[str, Any]:
    """All figures of some cases together; a number is None where nothing could be measured."""
    outcomes = list(outcomes)
    rows = [row for outcome in outcomes for row in outcome.rows]
    found = [row for row in rows if row.error_mm is not None]
    wrong, beyond = (sum(getattr(o, key) for o in outcomes) for key in ("wrong", "beyond"))
    corners = {view: [r.corner_mm[view] for r in found if view in r.corner_mm] for view in ("ap", "lateral")}
    tilts = [abs(v) for r in found for v in r.tilt_error_deg.values()]
    cobb = {p: [abs(o.cobb_error_deg[p]) for o in outcomes if p in o.cobb_error_deg] for p in ("coronal", "sagittal")}
    return {
        "cases": len(outcomes), "n": len(rows), "found": len(found), "wrong": wrong, "beyond": beyond,
        "recall": _share(len(found), len(rows)), "precision": _share(len(found), len(found) + wrong),
        "precision_strict": _share(len(found), len(found) + wrong + beyond),
        "error_mm": _spread([r.error_mm for r in found]), "ap_mm": _spread([r.ap_mm for r in found]),
        "lateral_mm": _spread([r.lateral_mm for r in found]),
        "label_accuracy": _share(sum(r.named for r in found), len(found)),
        "label_accuracy_with_anchor": _share(sum(r.named_with_anchor for r in found), len(found)),
        "named_of_all": _share(sum(r.named for r in found), len(rows)),
        **{f"corner_{view}_mm": _spread(values) for view, values in corners.items()},
        "tilt_error_deg": _spread(tilts), **{f"cobb_{plane}_deg": _spread(v) for plane, v in cobb.items()},
        "seconds": _spread([o.seconds for o in outcomes]), "failures": sum(bool(o.failure) for o in outcomes),
    }  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    """Mean, 95th percentile and number."""
    known = [v for v in values if v is not None]
    if not known:
        return None
    return {
        "mean": round(statistics.fmean(known), 3), "p95": round(float(np.percentile(known, 95)), 3), "n": len(known),
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)


def _all_rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: _rounded(value) for key, value in values.items()}
