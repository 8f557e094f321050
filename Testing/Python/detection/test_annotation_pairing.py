from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from annotation_spines import Quality, detections_of, projections_of, random_spine
from random_frames import random_rotation

from ReVerteRLib.detection.pairing import pair_detections, ray_distances
from ReVerteRLib.detection.types import Detection
from ReVerteRLib.geometry import Beam, triangulate

EXACT = Quality(noise_mm=0.0, miss=0.0, ghosts=0.0)


def plain(pixels, score=0.9):
    return [Detection((float(r), float(c)), np.full((4, 2), np.nan), score, np.zeros(0)) for r, c in pixels]


@pytest.mark.parametrize("beam", list(Beam))
def test_exact_detections_come_back_as_the_points_they_show(beam, rng):
    for _ in range(10):
        spine = random_spine(rng)
        projections = projections_of(spine, beam=beam)
        pairing = pair_detections(projections, *detections_of(rng, spine, projections, EXACT))
        points = np.array([p.position_lps_mm for p in pairing.pairs])
        assert points == pytest.approx(spine.points, abs=1e-4)
        assert max(p.residual_mm for p in pairing.finds) < 1e-4
        assert pairing.offset_mm == 0.0


def test_turned_projections_make_no_difference(rng):
    """Both views turned together by up to 12 degrees about any axis."""
    for n in range(30):
        spine = random_spine(rng, length=8)
        turn = random_rotation(rng, 12.0)
        projections = tuple(
            dataclasses.replace(
                p,
                origin_lps_mm=tuple(turn @ np.array(p.origin_lps_mm)),
                row_direction=tuple(turn @ np.array(p.row_direction)),
                column_direction=tuple(turn @ np.array(p.column_direction)),
                beam_direction=tuple(turn @ np.array(p.beam_direction)),
            )
            for p in projections_of(spine, beam=(Beam.CONE, Beam.PARALLEL, Beam.SLOT)[n % 3])
        )
        rows = [plain(p.project(spine.points)) for p in projections]
        pairing = pair_detections(projections, *rows)
        assert np.array([p.position_lps_mm for p in pairing.pairs]) == pytest.approx(spine.points, abs=1e-3)


def test_ray_distances_are_the_triangulations_residuals(rng):
    spine = random_spine(rng, length=6)
    projections = projections_of(spine, beam=Beam.CONE)
    rows = [plain(p.project(spine.points) + rng.normal(0.0, 3.0, (6, 2))) for p in projections]
    distances = ray_distances(projections, *rows)
    for i in range(6):
        for j in range(6):
            views = [(projections[0], rows[0][i].centre_rc), (projections[1], rows[1][j].centre_rc)]
            assert abs(distances[i, j]) == pytest.approx(triangulate(views).residual_mm, abs=1e-6)
    assert distances[3, 2] > 0 > distances[2, 3]  # the higher lateral one is positive


def test_noise_and_ghosts_leave_nearly_all_pairs_right():
    rng = np.random.default_rng(7)
    quality = Quality(noise_mm=2.0, miss=0.0, ghosts=1.0)
    right = total = 0
    for n in range(60):
        spine = random_spine(rng)
        projections = projections_of(spine, beam=Beam.CONE if n % 2 else Beam.PARALLEL)
        pairs = pair_detections(projections, *detections_of(rng, spine, projections, quality)).pairs
        points = np.array([p.position_lps_mm for p in pairs])
        total += len(spine.points)
        right += int((np.linalg.norm(points[None] - spine.points[:, None], axis=2).min(axis=1) < 10.0).sum())
    assert right / total > 0.98


def test_a_vertebra_missed_in_one_view_is_placed_on_the_curve(rng):
    spine = random_spine(rng, length=9)
    projections = projections_of(spine)
    rows = [plain(p.project(spine.points)) for p in projections]
    del rows[1][4]
    pairing = pair_detections(projections, *rows)
    assert len(pairing.finds) == 9
    assert len(pairing.pairs) == 8
    alone = pairing.finds[4]
    assert alone.lateral is None
    assert alone.beyond == 0.0
    assert np.linalg.norm(alone.position_lps_mm - spine.points[4]) < 4.0


def test_vertebrae_beyond_the_other_field_of_view_are_continued_but_not_far(rng):
    spine = random_spine(rng, length=12)
    projections = projections_of(spine)
    rows = [plain(p.project(spine.points)) for p in projections]
    pairing = pair_detections(projections, rows[0], rows[1][6:])
    lone = [f for f in pairing.finds if not f.both]
    assert 2 <= len(lone) <= 4
    assert all(f.beyond > 0 for f in lone)
    assert pairing.finds[0].position_lps_mm[2] < spine.points[1][2] - 10.0


def test_a_faint_stray_beside_the_spine_is_dropped(rng):
    spine = random_spine(rng, length=10)
    projections = projections_of(spine, margin_mm=80.0)
    rows = [plain(p.project(spine.points)) for p in projections]
    beside = rows[0][5].centre_rc
    rows[0].append(*plain([(beside[0] + 9.0, beside[1] + 60.0)], score=0.9))
    pairing = pair_detections(projections, *rows)
    assert len(pairing.finds) == 10
    assert np.array([f.position_lps_mm for f in pairing.finds]) == pytest.approx(spine.points, abs=1e-3)


def test_one_spot_detected_twice_counts_once(rng):
    spine = random_spine(rng, length=7)
    projections = projections_of(spine)
    rows = [plain(p.project(spine.points)) for p in projections]
    row, column = rows[0][3].centre_rc
    rows[0] += plain([(row + 2.0, column - 2.0)], score=0.5)
    assert len(pair_detections(projections, *rows).finds) == 7


def test_a_common_shift_of_both_views_is_measured(rng):
    spine = random_spine(rng, length=9)
    projections = projections_of(spine)
    rows = [plain(p.project(spine.points)) for p in projections]
    shifted = plain([(d.centre_rc[0] - 6.0, d.centre_rc[1]) for d in rows[1]])
    pairing = pair_detections(projections, rows[0], shifted)
    assert pairing.offset_mm == pytest.approx(6.0, abs=0.2)
    assert len(pairing.pairs) == 9


def test_without_pairs_nothing_is_kept(rng):
    spine = random_spine(rng, length=5)
    projections = projections_of(spine)
    rows = [plain(p.project(spine.points)) for p in projections]
    assert pair_detections(projections, rows[0], ()).finds == ()
