from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from annotation_spines import T13, Quality, level_scores, random_row, random_spine

from ReVerteRLib.anatomy import LEVELS, VERTEBRAE, level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.detection.judging import level_warnings
from ReVerteRLib.detection.labelling import Find, Labelling, LabelSettings, SequenceLabeller
from ReVerteRLib.detection.places import Place
from ReVerteRLib.detection.types import Detection, no_corners
from ReVerteRLib.detection.usual import USUAL_BODY_MM, shipped_spine, steps
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import PatchGrid

SHARP = Quality(level_spread=0.4, level_noise=0.0)


@pytest.fixture(scope="module")
def labeller():
    return SequenceLabeller(shipped_spine())


def finds_of(rng, spine, quality=SHARP, score=0.9):
    rank = [level.order - (level.order > T13.order) for level in spine.levels]
    return [
        Find(point, score, level_scores(rng, r + 1e-6, quality), views=1)
        for point, r in zip(spine.points, rank, strict=True)
    ]


def names(labelling):
    return [level.name if level else None for level in labelling.levels]


def test_clear_scores_name_every_vertebra(labeller, rng):
    for _ in range(20):
        spine = random_spine(rng, row=random_row(rng, t13=False, l6=False))
        labelling = labeller.label(finds_of(rng, spine))
        assert labelling.levels == spine.levels
        assert min(labelling.certainty(n) for n in range(len(spine.levels))) > 0.7


def test_one_missed_vertebra_leaves_a_gap_in_the_names(labeller, rng):
    right = 0
    for _ in range(20):
        spine = random_spine(rng, length=10, row=random_row(rng, t13=False, l6=False))
        found = finds_of(rng, spine)
        del found[5]
        right += labeller.label(found).levels == spine.levels[:5] + spine.levels[6:]
    assert right >= 19


def test_a_ghost_between_two_vertebrae_gets_no_name(labeller, rng):
    right = 0
    for _ in range(20):
        spine = random_spine(rng, length=9, row=random_row(rng, t13=False, l6=False))
        found = finds_of(rng, spine)
        found.insert(4, Find(spine.points[3:5].mean(axis=0), 0.4, np.zeros(0)))
        labelling = labeller.label(found)
        right += labelling.levels == (*spine.levels[:4], None, *spine.levels[4:])
    assert right >= 19


def test_the_sacrum_gets_no_name_of_a_vertebra(labeller, rng):
    row = random_row(rng, t13=False, l6=False)
    spine = random_spine(rng, row=row, length=24)
    found = finds_of(rng, spine)[14:]
    sacral = np.full(len(LEVELS), -8.0)
    sacral[-1] = -0.01
    found.append(Find(spine.points[-1] + [0, 10.0, -32.0], 0.8, sacral))
    assert labeller.label(found).levels == (*row[14:], None)


def test_thirteen_thoracic_vertebrae_are_named_when_the_scores_say_so(labeller, rng):
    row = random_row(rng, t13=True, l6=False)
    spine = random_spine(rng, row=row, length=len(row))
    found = finds_of(rng, spine)
    own = np.full(len(LEVELS), -6.0)
    own[T13.order] = -0.1
    index = row.index(T13)
    found[index] = dataclasses.replace(found[index], level_scores=own)
    assert labeller.label(found).levels == row


def test_l6_is_named_when_there_is_one_more_below_a_certain_l5(labeller, rng):
    row = random_row(rng, t13=False, l6=True)
    spine = random_spine(rng, row=row, length=len(row))
    found = finds_of(rng, spine)
    found[-2] = dataclasses.replace(found[-2], level=level_from_name("L5"))
    assert names(labeller.label(found))[-3:] == ["L4", "L5", "L6"]


def test_a_fixed_name_moves_the_whole_row(labeller, rng):
    spine = random_spine(rng, row=random_row(rng, t13=False, l6=False)[7:17], length=8)
    found = finds_of(rng, spine)
    shifted = [LEVELS[level.order + 1] for level in spine.levels]
    found[4] = dataclasses.replace(found[4], level=shifted[4])
    assert list(labeller.label(found).levels) == shifted


def test_fixed_names_in_the_wrong_order_are_refused(labeller, rng):
    spine = random_spine(rng, length=6)
    found = finds_of(rng, spine)
    found[1] = dataclasses.replace(found[1], level=level_from_name("L3"))
    found[4] = dataclasses.replace(found[4], level=level_from_name("T9"))
    with pytest.raises(ArgumentError, match="L3, T9 do not fit"):
        labeller.label(found)


def test_without_scores_and_ends_the_names_are_uncertain(labeller, rng):
    spine = random_spine(rng, row=random_row(rng, t13=False, l6=False)[10:15], length=5)
    found = [dataclasses.replace(f, level_scores=np.zeros(0)) for f in finds_of(rng, spine)]
    labelling = labeller.label(found)
    assert max(labelling.certainty(n) for n in range(5)) < 0.5
    assert labelling.posterior.sum(axis=1) == pytest.approx(1.0)


def test_what_the_field_of_view_shows_beyond_the_row_speaks_for_its_ends(labeller, rng):
    row = random_row(rng, t13=False, l6=False)
    spine = random_spine(rng, row=row[-6:], length=6, spread=0.0)
    found = [dataclasses.replace(f, level_scores=np.zeros(0)) for f in finds_of(rng, spine)]
    blind, seeing = labeller.label(found), labeller.label(found, visible=(0.0, 3.0))
    l5 = level_from_name("L5").order
    assert seeing.posterior[-1, l5] > blind.posterior[-1, l5] + 0.1
    assert names(seeing)[-1] == "L5"


def test_certainties_keep_what_they_promise(labeller):
    """Brier-like check: among names with a posterior of 0.5 to 0.9 about that share is right."""
    rng = np.random.default_rng(5)
    promised, kept = [], []
    for _ in range(80):
        spine = random_spine(rng, row=random_row(rng, t13=False, l6=False), spread=0.07)
        quality = Quality(level_spread=1.0, level_noise=0.6)
        found = finds_of(rng, spine, quality)
        labelling = labeller.label(found)
        promised.append(labelling.certainty(len(found) // 2))
        kept.append(labelling.levels[len(found) // 2] == spine.levels[len(found) // 2])
    assert np.mean(kept) >= np.mean(promised) - 0.06
    assert np.mean(kept) > 0.85


def test_usual_distances_grow_downwards_and_t13_adds_a_step():
    usual = shipped_spine()
    order = {level.name: level.order for level in LEVELS}
    distances, table = usual.distances_mm(), steps()
    assert 15.0 < distances[order["C5"], order["C6"]] < 20.0
    assert 32.0 < distances[order["L2"], order["L3"]] < 38.0
    assert table[order["T12"], order["L1"]] == 1
    assert table[order["T12"], order["T13"]] == 1
    assert table[order["T13"], order["L1"]] == 1
    assert table[order["T11"], order["L2"]] == 3
    whole = distances[order["C1"], order["L5"]]
    assert whole == pytest.approx(distances[order["C1"], order["T6"]] + distances[order["T6"], order["L5"]])


def test_usual_bodies_are_those_of_the_mean_shapes():
    from ReVerteRLib.measure.vertebra import measure_vertebra
    from ReVerteRLib.shapes.store import load_shapes

    shapes, grid = load_shapes(), PatchGrid((0.0, 0.0, 0.0), posterior_offset_mm=12.0)
    for name in ("C5", "T6", "L3"):
        level = level_from_name(name)
        measures = measure_vertebra(shapes.place(level, (0.0, 0.0, 0.0), CentroidSet(()), grid), grid, level)
        height = (measures["height_anterior_mm"] + measures["height_posterior_mm"]) / 2.0
        assert height == pytest.approx(USUAL_BODY_MM[name][0], abs=0.5)


def test_settings_reach_the_model(rng):
    spine = random_spine(rng, length=8, row=random_row(rng, t13=False, l6=False))
    found = finds_of(rng, spine)
    weak, strong = (
        SequenceLabeller(shipped_spine(), LabelSettings(level_correlation=rho)).label(found) for rho in (1.0, 0.0)
    )
    assert strong.certainty(4) > weak.certainty(4)


def test_a_doubtful_row_says_which_other_row_it_may_be():
    usual = [v for v in VERTEBRAE if v.name != "T13"]
    first = usual.index(level_from_name("L2"))
    posterior = np.zeros((3, len(VERTEBRAE)))
    for n in range(3):
        for shift, share in ((0, 0.5), (-1, 0.35), (1, 0.15)):
            posterior[n, usual[first + n + shift].order] = share
    levels = tuple(usual[first : first + 3])
    labelling = Labelling(levels, posterior, np.ones(3), 0.0, 1.0)
    scores = np.log(np.full(len(LEVELS), 1e-3))
    scores[first] = 0.0
    seen = Detection((10.0, 10.0), no_corners(), 0.9, scores)
    places = [Place(np.array([0.0, 0.0, -30.0 * n]), ap=seen, lateral=seen) for n in range(3)]
    (warning,) = level_warnings(places, labelling)
    assert warning == "The levels are uncertain: L2 to L4 may be L1 to L3 (35 %). Name one vertebra that you know"
    sure = Labelling(levels, np.eye(len(VERTEBRAE))[[level.order for level in levels]], np.ones(3), 0.0, 1.0)
    assert level_warnings(places, sure) == ()


def test_a_row_with_t13_may_be_another_one_too():
    levels = tuple(level_from_name(name) for name in ("T12", "T13", "L1"))
    posterior = np.zeros((3, len(VERTEBRAE)))
    posterior[[0, 1, 2], [level.order for level in levels]] = 0.4
    for n, name in enumerate(("L1", "L2", "L2")):
        posterior[n, level_from_name(name).order] = 0.6
    labelling = Labelling(levels, posterior, np.ones(3), 0.0, 1.0)
    places = [Place(np.array([0.0, 0.0, -30.0 * n])) for n in range(3)]
    (warning,) = level_warnings(places, labelling)
    assert "guessed from the spacing" in warning
