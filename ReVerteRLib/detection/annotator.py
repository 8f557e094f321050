"""From two radiographs to labelled centroids, with a person in charge of all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.detection import checks
from ReVerteRLib.detection.judging import Judge, JudgeSettings, level_warnings, pairing_warnings
from ReVerteRLib.detection.labelling import SequenceLabeller
from ReVerteRLib.detection.pairing import PairingSettings, Projections, pair_detections
from ReVerteRLib.detection.places import (
    REMOVED_MM,
    Place,
    claim_locked,
    nearest_mm,
    ordered,
    place_of,
    visible_beyond,
    with_anchors,
    without_removed,
)
from ReVerteRLib.detection.readings import better_readings
from ReVerteRLib.detection.types import Anchor, AnnotatedVertebra, Annotation, Position, ViewDetector
from ReVerteRLib.detection.usual import UsualSpine, shipped_spine
from ReVerteRLib.errors import ArgumentError, CancelledError, InputError
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.progress import Cancelled, Progress

_STEPS = 3
_TOO_NEAR_MM = 6.0


class Annotator:
    """Finds and names the vertebrae of a pair of radiographs.

    detector: finds vertebrae in both views, learned or classical.
    spine:    usual distances and sizes by level; those of the shipped mean shapes by default.
    pairing, labeller, judge: the parts after it, exchangeable for studies.
    """

    def __init__(
        self,
        detector: ViewDetector,
        *,
        spine: UsualSpine | None = None,
        pairing: PairingSettings | None = None,
        labeller: SequenceLabeller | None = None,
        judging: JudgeSettings | None = None,
    ) -> None:
        spine = spine or shipped_spine()
        self._detector = detector
        self._pairing = pairing or PairingSettings()
        self._labeller = labeller or SequenceLabeller(spine)
        self._judging = judging or JudgeSettings()
        self._judge = Judge(spine, self._judging)

    def annotate(
        self,
        pair: RadiographPair,
        *,
        anchors: Sequence[Anchor] = (),
        locked: CentroidSet | None = None,
        removed: Sequence[Position] = (),
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Annotation:
        """Detects, pairs and names.

        anchors: levels that a person gave; the whole row is named to agree with them.
        locked:  centroids that keep place and level.
        removed: positions (LPS mm) within 12 mm of which nothing is found again.
        Raises InputError for radiographs that are blank, twice the same or show no spine, ArgumentError for anchors
        that contradict each other, CancelledError.
        """
        told = progress or (lambda *_: None)
        told(0, _STEPS, "Checking the radiographs")
        findings = list(checks.check_images(pair))
        _ask(cancelled)
        told(1, _STEPS, "Finding vertebrae in both views")
        views = self._detector.detect(pair)
        _ask(cancelled)
        told(2, _STEPS, "Pairing and naming")
        views = tuple(tuple(row) for row in without_removed(_projections(pair), views, removed))  # type: ignore[assignment]
        if not locked:
            findings += checks.check_detections(pair, *views)
        places, found, trust = self._places(pair, views, locked, removed)
        places = with_anchors(places, anchors, _projections(pair))
        if not any(f.doubtful for f in findings) and self._reads_better_reversed(places):
            findings.append(checks.UPSIDE_DOWN)
        if not locked and not anchors and not any(f.doubtful for f in findings):
            _ask(cancelled)
            findings += better_readings(pair, views, self._detector)
        if any(f.doubtful for f in findings):
            trust *= self._judging.doubtful
        about = (*(f.text for f in findings), *found)
        base = Annotation((), (), tuple(removed), _projections(pair), about, trust)
        annotation = self._named(base, places, visible_beyond(pair, places))
        told(_STEPS, _STEPS, f"{len(annotation.vertebrae)} vertebrae found")
        return annotation

    def relabel(self, annotation: Annotation, anchors: Sequence[Anchor]) -> Annotation:
        """The same vertebrae, renamed to agree with the anchors and with what was locked before; no detector run.

        Raises ArgumentError for anchors that contradict each other or mean nothing that was found.
        """
        renamed = {anchor.level for anchor in anchors}
        places = [place_of(v) for v in annotation.vertebrae]
        # A new anchor overrules an old one of the same level elsewhere.
        places = [dataclasses.replace(p, level=None, real=False) if p.level in renamed else p for p in places]
        return self._named(annotation, with_anchors(places, anchors, annotation.projections))

    def add(self, annotation: Annotation, position_lps_mm: Position) -> Annotation:
        """With one vertebra more, locked, named as its neighbours demand.

        The others keep their names where there is room for a new one; else what no person named is renamed.
        Raises ArgumentError for a place that is taken or for which no name is left.
        """
        position = np.array(position_lps_mm, dtype=np.float64)
        distance = nearest_mm([place_of(v) for v in annotation.vertebrae], position)
        if distance.size and distance.min() < _TOO_NEAR_MM:
            taken = annotation.vertebrae[int(distance.argmin())]
            raise ArgumentError(
                f"{taken.level} lies {distance.min():.0f} mm from the new vertebra",
                remedy=f"Move {taken.level} instead, or remove it first",
            )
        new = Place(position, real=True)
        kept = [dataclasses.replace(place_of(v), level=v.level) for v in annotation.vertebrae]
        removed = tuple(p for p in annotation.removed if np.linalg.norm(position - np.array(p)) > REMOVED_MM)
        base = dataclasses.replace(annotation, removed=removed)
        try:
            return self._named(base, ordered([*kept, new]), others=annotation.vertebrae)
        except ArgumentError:
            free = [place_of(v) for v in annotation.vertebrae]
            return self._named(base, ordered([*free, new]))

    def remove(self, annotation: Annotation, level: Level) -> Annotation:
        """Without the vertebra of this level; its place stays empty on a re-run, the others keep their names.

        Raises ArgumentError when there is none.
        """
        gone = annotation.get(level)
        if gone is None:
            have = ", ".join(v.level.name for v in annotation.vertebrae) or "none"
            raise ArgumentError(f"{level} is not among the vertebrae", remedy=f"Choose among {have}")
        vertebrae = tuple(v for v in annotation.vertebrae if v is not gone)
        removed = (*annotation.removed, gone.position_lps_mm)
        return dataclasses.replace(annotation, vertebrae=vertebrae, removed=removed)

    # --- parts -----------------------------------------------------------------------------------

    def _places(
        self,
        pair: RadiographPair,
        views: Sequence[Sequence],  # type: ignore[type-arg]
        locked: CentroidSet | None,
        removed: Sequence[Position],
    ) -> tuple[list[Place], tuple[str, ...], float]:
        """Locked and found places from head to foot, warnings of the pairing and the factor on confidences."""
        projections = _projections(pair)
        held, rest = claim_locked(projections, views, locked)
        pairing = pair_detections(projections, rest[0], rest[1], self._pairing)
        if not pairing.pairs and not held:
            raise InputError(
                f"no vertebra was found in both radiographs (AP {len(views[0])}, lateral {len(views[1])})",
                where=f"{pair.ap.source}, {pair.lateral.source}",
                remedy="Check that both show the same part of one spine, or place the centroids by hand",
            )
        warnings, trust = pairing_warnings(pairing, (len(rest[0]), len(rest[1])), self._judging)
        if held:
            warnings, trust = (), 1.0
        found = [Place(f.position_lps_mm, f.residual_mm, f.ap, f.lateral) for f in pairing.finds]
        found = [p for p in found if not (np.array(nearest_mm(_gone(removed), p.position_lps_mm)) <= REMOVED_MM).any()]
        return ordered([*held, *found]), warnings, trust

    def _named(
        self,
        base: Annotation,
        places: Sequence[Place],
        visible: tuple[float, float] = (0.0, 0.0),
        others: Sequence[AnnotatedVertebra] = (),
    ) -> Annotation:
        """Names places; `others` are vertebrae that come back as they were."""
        labelling = self._labeller.label([p.find(base.projections) for p in places], visible)
        vertebrae = self._judge.vertebrae(places, labelling, base.trust)
        before = {v.position_lps_mm: v for v in others}
        vertebrae = tuple(before.get(v.position_lps_mm, v) for v in vertebrae)
        warnings = (*base.about_images, *level_warnings(places, labelling))
        return dataclasses.replace(base, vertebrae=vertebrae, warnings=warnings)

    def _reads_better_reversed(self, places: Sequence[Place]) -> bool:
        """Whether the row is far more likely from foot to head, by its level scores and spacings."""
        if len(places) < 4 or any(p.level is not None for p in places):
            return False
        finds = [p.find(None) for p in places]
        turned = [dataclasses.replace(f, position_lps_mm=-f.position_lps_mm) for f in reversed(finds)]
        ahead, back = (self._labeller.best_likelihood(row) for row in (finds, turned))
        return back - ahead > self._judging.reversal


def _gone(removed: Sequence[Position]) -> list[Place]:
    return [Place(np.array(position, dtype=np.float64)) for position in removed]


def _projections(pair: RadiographPair) -> Projections:
    return pair.ap.projection, pair.lateral.projection


def _ask(cancelled: Cancelled | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("the annotation was cancelled")
