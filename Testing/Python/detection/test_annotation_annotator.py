from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from annotation_spines import (
    USUAL_ROW,
    FakeDetector,
    Quality,
    Tally,
    detections_of,
    plain_pair,
    projections_of,
    random_spine,
)

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.detection.annotator import Annotator
from ReVerteRLib.detection.types import Anchor, Detection
from ReVerteRLib.errors import ArgumentError, CancelledError, InputError
from ReVerteRLib.geometry import Beam, View

CLEAR = Quality(noise_mm=0.5, miss=0.0, ghosts=0.0, level_spread=0.5, level_noise=0.1, level_shift=0.0)


@dataclasses.dataclass
class Case:
    spine: object
    pair: object
    rows: tuple

    @property
    def detector(self):
        return FakeDetector(self.rows)


def make(rng, first="T5", last="L4", quality=CLEAR, beam=Beam.PARALLEL):
    names = [level.name for level in USUAL_ROW]
    row = USUAL_ROW[names.index(first) : names.index(last) + 1]
    spine = random_spine(rng, row=row, length=len(row), spread=0.03)
    projections = projections_of(spine, beam=beam, margin_mm=40.0)
    rows = detections_of(rng, spine, projections, quality)
    ordered = tuple(tuple(sorted(row, key=lambda d: d.centre_rc[0])) for row in rows)
    return Case(spine, plain_pair(projections, rng), ordered)


def levels(annotation):
    return [v.level.name for v in annotation.vertebrae]


def point(case, name):
    index = [level.name for level in case.spine.levels].index(name)
    return tuple(float(v) for v in case.spine.points[index])


# --- many random spines --------------------------------------------------------------------------


@pytest.mark.parametrize(("anchored", "least"), [(False, 0.93), (True, 0.975)])
def test_random_spines_are_found_and_named(anchored, least):
    """Noise 1.5 mm, 4 % missed and 0.5 ghosts a view, level scores spread over three levels."""
    rng = np.random.default_rng(11)
    quality = Quality(level_shift=0.25)
    tally = Tally()
    for n in range(30):
        spine = random_spine(rng)
        projections = projections_of(spine, beam=Beam.CONE if n % 2 else Beam.PARALLEL)
        detector = FakeDetector(detections_of(rng, spine, projections, quality))
        index = int(rng.integers(len(spine.levels)))
        position = tuple(float(v) for v in spine.points[index])
        anchors = (Anchor(spine.levels[index], position),) if anchored else ()
        tally.add(spine, Annotator(detector).annotate(plain_pair(projections, rng), anchors=anchors))
    assert tally.found / tally.true > 0.96
    assert tally.found / tally.given > 0.96
    assert tally.named / tally.found >= least
    assert np.mean(tally.errors) < 3.0


def test_confident_vertebrae_are_right_more_often_than_doubtful_ones():
    rng = np.random.default_rng(12)
    quality = Quality(noise_mm=2.5, miss=0.1, ghosts=1.0, level_shift=0.6)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(30):
        spine = random_spine(rng)
        projections = projections_of(spine)
        annotation = Annotator(FakeDetector(detections_of(rng, spine, projections, quality))).annotate(
            plain_pair(projections, rng)
        )
        for v in annotation.vertebrae:
            distance = np.linalg.norm(spine.points - np.array(v.position_lps_mm), axis=1)
            good = distance.min() < 10.0 and spine.levels[int(distance.argmin())] == v.level
            right[v.confidence >= 0.7].append(bool(good))
    assert np.mean(right[True]) > 0.9
    assert np.mean(right[True]) > np.mean(right[False]) + 0.1


# --- one spine -----------------------------------------------------------------------------------


def test_a_clear_spine_comes_out_whole_confident_and_without_warnings(rng):
    case = make(rng, beam=Beam.CONE)
    annotation = Annotator(case.detector).annotate(case.pair)
    assert levels(annotation) == [level.name for level in case.spine.levels]
    assert [np.array(v.position_lps_mm) for v in annotation.vertebrae] == [
        pytest.approx(p, abs=3.0) for p in case.spine.points
    ]
    assert annotation.warnings == ()
    assert min(v.confidence for v in annotation.vertebrae) > 0.8
    assert all(v.reasons == () for v in annotation.vertebrae)
    assert len(annotation.centroids) == len(case.spine.levels)
    assert annotation.centroids.items[3].residual_mm == annotation.vertebrae[3].residual_mm


def test_a_missed_vertebra_is_reported_as_a_gap(rng):
    case = make(rng)
    case.rows = tuple(row[:4] + row[5:] for row in case.rows)
    annotation = Annotator(case.detector).annotate(case.pair)
    assert "T9" not in levels(annotation)
    assert "T9 was not found between T8 and T10" in annotation.warnings


def test_a_vertebra_of_one_view_is_kept_with_its_reason(rng):
    case = make(rng)
    case.rows = (case.rows[0], case.rows[1][:4] + case.rows[1][5:])
    alone = Annotator(case.detector).annotate(case.pair).get(level_from_name("T9"))
    assert alone.lateral is None
    assert alone.confidence < 0.65
    assert "found in the AP view only, depth from its neighbours" in alone.reasons


def test_a_large_residual_is_told(rng):
    case = make(rng)
    lateral = list(case.rows[1])
    row, column = lateral[5].centre_rc
    lateral[5] = dataclasses.replace(lateral[5], centre_rc=(row + 9.0, column))
    case.rows = (case.rows[0], tuple(lateral))
    off = Annotator(case.detector).annotate(case.pair).get(level_from_name("T10"))
    assert off.residual_mm == pytest.approx(9.0, abs=2.5)
    assert f"pair residual {off.residual_mm:.0f} mm" in off.reasons
    assert off.confidence < 0.8


def test_detectors_without_an_idea_of_levels_are_called_guesses(rng):
    case = make(rng, "T4", "T9")
    case.rows = tuple(tuple(dataclasses.replace(d, level_scores=np.zeros(0)) for d in row) for row in case.rows)
    annotation = Annotator(case.detector).annotate(case.pair)
    assert any("guessed from the spacing" in w for w in annotation.warnings)
    assert max(v.confidence for v in annotation.vertebrae) < 0.6
    assert any("may be" in reason for v in annotation.vertebrae for reason in v.reasons)


# --- a person decides ----------------------------------------------------------------------------


def test_an_anchor_in_space_renames_the_whole_row(rng):
    case = make(rng)
    anchor = Anchor(level_from_name("T11"), point(case, "T10"))
    annotation = Annotator(case.detector).annotate(case.pair, anchors=[anchor])
    assert levels(annotation)[0] == "T6"
    assert levels(annotation)[-1] == "L5"
    assert annotation.get(level_from_name("T11")).locked


@pytest.mark.parametrize("view", list(View))
def test_an_anchor_in_a_view_does_the_same_without_another_detector_run(view, rng):
    case = make(rng, beam=Beam.CONE)
    detector = case.detector
    annotator = Annotator(detector)
    annotation = annotator.annotate(case.pair)
    before = detector.runs
    projection = case.pair.ap.projection if view is View.AP else case.pair.lateral.projection
    pixel = tuple(projection.project(point(case, "T10"))[0] + [2.0, -3.0])
    renamed = annotator.relabel(annotation, [Anchor(level_from_name("T11"), view=view, pixel_rc=pixel)])
    assert levels(renamed)[0] == "T6"
    assert detector.runs == before
    back = annotator.relabel(renamed, [Anchor(level_from_name("T10"), point(case, "T10"))])
    assert levels(back) == levels(annotation)


def test_an_anchor_where_nothing_was_found_becomes_a_vertebra(rng):
    case = make(rng)
    case.rows = tuple(row[:4] + row[5:] for row in case.rows)
    anchor = Anchor(level_from_name("T9"), point(case, "T9"))
    annotation = Annotator(case.detector).annotate(case.pair, anchors=[anchor])
    placed = annotation.get(level_from_name("T9"))
    assert placed.position_lps_mm == pytest.approx(point(case, "T9"))
    assert placed.confidence == 1.0
    assert annotation.warnings == ()


def test_anchors_that_contradict_each_other_are_refused(rng):
    case = make(rng)
    anchors = [
        Anchor(level_from_name("L1"), point(case, "T8")),
        Anchor(level_from_name("T8"), point(case, "L1")),
    ]
    with pytest.raises(ArgumentError, match="do not fit the order"):
        Annotator(case.detector).annotate(case.pair, anchors=anchors)
    twice = [Anchor(level_from_name(n), point(case, "T8")) for n in ("T8", "T9")]
    with pytest.raises(ArgumentError, match="same vertebra"):
        Annotator(case.detector).annotate(case.pair, anchors=twice)
    astray = Anchor(level_from_name("T8"), view=View.AP, pixel_rc=(3.0, 3.0))
    with pytest.raises(ArgumentError, match="no vertebra was found within 15 mm"):
        Annotator(case.detector).annotate(case.pair, anchors=[astray])


def test_an_anchor_needs_exactly_one_place():
    with pytest.raises(ArgumentError, match="one place"):
        Anchor(level_from_name("L1"))
    with pytest.raises(ArgumentError, match="one place"):
        Anchor(level_from_name("L1"), (0.0, 0.0, 0.0), View.AP, (1.0, 1.0))
    with pytest.raises(ArgumentError, match="one place"):
        Anchor(level_from_name("L1"), view=View.AP)


def test_locked_centroids_keep_place_and_name_and_name_the_others(rng):
    case = make(rng)
    moved = tuple(np.array(point(case, "T10")) + np.array([3.0, -3.0, 2.0]))
    locked = CentroidSet((Centroid(level_from_name("T11"), moved),))
    annotation = Annotator(case.detector).annotate(case.pair, locked=locked)
    held = annotation.get(level_from_name("T11"))
    assert held.position_lps_mm == pytest.approx(moved)
    assert held.locked
    assert held.ap is not None
    assert held.lateral is not None
    assert len(annotation.vertebrae) == len(case.spine.levels)
    assert levels(annotation)[0] == "T6"


def test_removed_vertebrae_stay_away_on_a_re_run(rng):
    case = make(rng)
    annotator = Annotator(case.detector)
    less = annotator.remove(annotator.annotate(case.pair), level_from_name("T9"))
    assert "T9" not in levels(less)
    again = annotator.annotate(case.pair, removed=less.removed)
    assert levels(again) == levels(less)
    assert again.removed == less.removed
    with pytest.raises(ArgumentError, match="T9 is not among"):
        annotator.remove(less, level_from_name("T9"))


def test_an_added_vertebra_fills_the_gap_and_leaves_the_others(rng):
    case = make(rng)
    case.rows = tuple(row[:4] + row[5:] for row in case.rows)
    annotator = Annotator(case.detector)
    annotation = annotator.annotate(case.pair)
    more = annotator.add(annotation, point(case, "T9"))
    assert levels(more) == [level.name for level in case.spine.levels]
    new = more.get(level_from_name("T9"))
    assert new.locked
    assert new.confidence == 1.0
    assert more.get(level_from_name("T8")) is annotation.get(level_from_name("T8"))
    assert more.warnings == ()


def test_an_added_vertebra_below_the_row_is_the_next_level(rng):
    case = make(rng)
    case.rows = tuple(row[:-1] for row in case.rows)
    annotator = Annotator(case.detector)
    more = annotator.add(annotator.annotate(case.pair), point(case, "L4"))
    assert levels(more)[-2:] == ["L3", "L4"]


def test_an_added_vertebra_without_a_free_name_renames_the_row(rng):
    case = make(rng)
    annotator = Annotator(case.detector)
    annotation = annotator.annotate(case.pair)
    between = tuple((np.array(point(case, "L1")) + np.array(point(case, "L2"))) / 2.0)
    more = annotator.add(annotation, between)
    assert any(v.position_lps_mm == pytest.approx(between) and v.locked for v in more.vertebrae)
    assert len(set(levels(more))) == len(more.vertebrae)
    with pytest.raises(ArgumentError, match="remove it first"):
        annotator.add(annotation, annotation.get(level_from_name("L1")).position_lps_mm)


def test_adding_where_something_was_removed_frees_the_place(rng):
    case = make(rng)
    annotator = Annotator(case.detector)
    less = annotator.remove(annotator.annotate(case.pair), level_from_name("T9"))
    assert annotator.add(less, point(case, "T9")).removed == ()


# --- flow ----------------------------------------------------------------------------------------


def test_progress_is_told_and_cancelling_stops_before_the_detector(rng):
    case = make(rng)
    told = []
    Annotator(case.detector).annotate(case.pair, progress=lambda *step: told.append(step))
    assert [step[:2] for step in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    detector = case.detector
    with pytest.raises(CancelledError):
        Annotator(detector).annotate(case.pair, cancelled=lambda: True)
    assert detector.runs == 0


def test_views_that_share_nothing_are_refused_with_a_remedy(rng):
    case = make(rng)
    shape = case.pair.lateral.image_hw.shape
    far = tuple(Detection((shape[0] - 5.0 - 9.0 * n, 40.0), np.full((4, 2), np.nan), 0.9, np.zeros(0)) for n in (0, 1))
    top = tuple(dataclasses.replace(d, centre_rc=(5.0 + 9.0 * n, 40.0)) for n, d in enumerate(far))
    with pytest.raises(InputError, match="no vertebra was found in both") as caught:
        Annotator(FakeDetector((top, far))).annotate(case.pair)
    assert "by hand" in caught.value.remedy


def test_few_pairs_and_shifted_views_are_warned_of_with_low_confidence(rng):
    case = make(rng)
    shifted = tuple(dataclasses.replace(d, centre_rc=(d.centre_rc[0] + 7.0, d.centre_rc[1])) for d in case.rows[1])
    annotation = Annotator(FakeDetector((case.rows[0], shifted))).annotate(case.pair)
    assert any("lateral radiograph lies 7 mm too low" in w for w in annotation.warnings)
    few = Annotator(FakeDetector((case.rows[0], case.rows[1][:2]))).annotate(case.pair)
    assert any("Only 2 vertebrae were found in both views" in w for w in few.warnings)
    assert max(v.confidence for v in few.vertebrae) < 0.5
