"""How well vertebrae are found in single views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.detection.chest_shadows import shadowed, trunk_of
from ReVerteRLib.detection.film_corpus import PatientFilms
from ReVerteRLib.detection.types import Detection, ViewDetector
from ReVerteRLib.geometry import Array, Projection
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

FOUND_MM = 10.0


@dataclass(frozen=True)
class DetectionCase:
    """A pair with its true vertebrae: centroids (N, 3) LPS mm, levels (N,) orders, whole (N,).

    Vertebrae that are cut by the scan need not be found, and finding them is no error.
    """

    name: str
    group: str
    pair: RadiographPair
    centroids_lps: Array
    levels: NDArray[np.int64]
    whole: NDArray[np.bool_]


def synthetic_cases(patients: Iterable[PatientFilms], group: str = "synthetic") -> list[DetectionCase]:
    """Whole films of synthetic patients."""
    return [DetectionCase(p.name, group, p.pair(), p.centroids_lps, p.levels, p.whole) for p in patients]


def shadowed_cases(patients: Iterable[PatientFilms], group: str = "shadowed") -> list[DetectionCase]:
    """Whole films of synthetic patients under the chest of another one (chest_shadows); the same in every call."""
    cases = []
    for number, patient in enumerate(patients):
        rng = np.random.default_rng([5, number])
        views = []
        for radiograph in patient.pair():
            projection = radiograph.projection
            centres = projection.project(patient.centroids_lps)
            trunk = trunk_of(radiograph.image_hw, centres, patient.levels, projection.spacing_mm[1])
            views.append(
                Radiograph(shadowed(radiograph.image_hw, projection.view, trunk, rng), projection, patient.name)
            )
        pair = RadiographPair(views[0], views[1])
        cases.append(DetectionCase(patient.name, group, pair, patient.centroids_lps, patient.levels, patient.whole))
    return cases


def real_cases(data_root: Path, split: str = "val", group: str = "real") -> list[DetectionCase]:
    """Simulated pairs, parallel and cone, of the real CTs of a split. Raises DatasetError where there is no data."""
    from ReVerteRLib.datasets.corpus import subjects_of_split
    from ReVerteRLib.datasets.source_cache import whole_targets
    from ReVerteRLib.datasets.verse import load_subject
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.geometry import Beam

    cases = []
    for subject in subjects_of_split(data_root, split):
        loaded = load_subject(subject)
        if loaded.ct is None:
            continue
        whole = {level.order for level in whole_targets(loaded)}
        orders = np.array([c.level.order for c in loaded.centroids], dtype=np.int64)
        places = np.array([c.position_lps_mm for c in loaded.centroids], dtype=np.float64)
        for beam in (Beam.PARALLEL, Beam.CONE):
            pair = simulate_pair(loaded.ct, beam=beam, device="cpu")
            known = np.array([order in whole for order in orders])
            cases.append(DetectionCase(f"{subject.key} {beam.value}", group, pair, places, orders, known))
    return cases


@dataclass(frozen=True)
class ViewScore:
    """Counts of one view of one case; errors in mm on the reference plane of the vertebrae that were found."""

    wanted: int
    found: int
    false: int
    errors_mm: tuple[float, ...]
    levels_right: int


def score_view(
    detections: Sequence[Detection], projection: Projection, case: DetectionCase, lowest_score: float
) -> ViewScore:
    """Detections from the surest down take the nearest free vertebra within 10 mm."""
    true = projection.project(case.centroids_lps)
    spacing = np.array(projection.spacing_mm)
    free = projection.contains(true)
    errors, right, false, found = [], 0, 0, 0
    wanted = int((free & case.whole).sum())
    for detection in sorted((d for d in detections if d.score >= lowest_score), key=lambda d: -d.score):
        away = np.linalg.norm((true - np.array(detection.centre_rc)) * spacing, axis=1)
        away[~free] = np.inf
        nearest = int(away.argmin()) if len(away) else -1
        if nearest < 0 or away[nearest] > FOUND_MM:
            false += 1
            continue
        free[nearest] = False
        if case.whole[nearest]:
            found += 1
            errors.append(float(away[nearest]))
            right += detection.level_scores.size > 0 and int(detection.level_scores.argmax()) == case.levels[nearest]
    return ViewScore(wanted, found, false, tuple(errors), right)


def score_detector(
    detector: ViewDetector, cases: Iterable[DetectionCase], lowest_score: float = 0.4
) -> dict[str, dict[str, Any]]:
    """By group and view ("real ap"): recall, precision, mean and 95 % error (mm), share of levels told right alone."""
    scores: dict[str, list[ViewScore]] = {}
    for case in cases:
        for detections, radiograph in zip(detector.detect(case.pair), case.pair, strict=True):
            score = score_view(detections, radiograph.projection, case, lowest_score)
            scores.setdefault(f"{case.group} {radiograph.view.value}", []).append(score)
    return {name: _summary(rows) for name, rows in scores.items()}


def _summary(rows: Sequence[ViewScore]) -> dict[str, Any]:
    wanted, found, false = (sum(getattr(row, key) for row in rows) for key in ("wanted", "found", "false"))
    errors = [error for row in rows for error in row.errors_mm]
    return {
        "wanted": wanted,
        "recall": round(found / wanted, 4) if wanted else None,
        "precision": round(found / (found + false), 4) if found + false else None,
        "mean_mm": round(float(np.mean(errors)), 2) if errors else None,
        "p95_mm": round(float(np.percentile(errors, 95)), 2) if errors else None,
        "levels": round(sum(row.levels_right for row in rows) / found, 4) if found else None,
    }
