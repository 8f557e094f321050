"""Postures drawn from keypoints, and the map that gives them to a spine."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.beam import BeamDeformation, BeamPlan
from ReVerteRLib.datasets.deformation import DeformationSettings
from ReVerteRLib.datasets.patient_settings import PatientSettings, PostureSettings
from ReVerteRLib.datasets.plans import follow, random_beam
from ReVerteRLib.datasets.posture import (
    LADDER,
    Posture,
    PostureStatistics,
    fit_posture,
    made_upright,
    posture_of,
    with_scoliosis,
)
from ReVerteRLib.errors import DatasetError

KYPHOSIS, LORDOSIS = np.deg2rad(20.0), np.deg2rad(-14.0)
CURVE = np.interp(np.arange(23), [0, 8, 15, 22], [KYPHOSIS, KYPHOSIS, LORDOSIS, LORDOSIS])
LYING = PostureSettings(upright_chance=0.0, scoliosis_chance=0.0)


def write_keypoints(folder, scans: int = 60) -> None:
    """People with kyphosis above and lordosis below whose strength differs, each scan showing a part of the spine."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    with (folder / "scans.csv").open("w", newline="") as a, (folder / "keypoints.csv").open("w", newline="") as b:
        people, points = csv.writer(a), csv.writer(b)
        people.writerow(["scan_id", "subject"])
        points.writerow(["scan_id", "level", *(f"{p}_{c}" for p in ("body", "left", "right") for c in "xyz")])
        for scan in range(scans):
            people.writerow([f"s{scan}", f"p{scan // 2}"])
            strength, tilt = rng.normal(1.0, 0.25), rng.normal(0.0, 0.05)
            angle = strength * CURVE + tilt
            down = 25.0 * np.stack([np.zeros(23), np.sin(angle), -np.cos(angle)], axis=1)
            body = np.concatenate([np.zeros((1, 3)), np.cumsum(down, axis=0)])
            start = int(rng.integers(0, 8))
            for rung in range(start, start + 16):
                beside = body[rung] + np.array([[14.0, 15.0, 0.0], [-14.0, 15.0, 0.0]])
                row = np.round([*body[rung], *beside.ravel()], 2)
                points.writerow([f"s{scan}", LADDER[rung].name, *row[:3], *([""] * 6 if rung == 9 else row[3:])])


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> PostureStatistics:
    folder = tmp_path_factory.mktemp("data") / "vid"
    write_keypoints(folder)
    return fit_posture(folder)


def spine_of(names: list[str], pitch: float = 25.0) -> CentroidSet:
    """A straight spine."""
    return CentroidSet(
        tuple(Centroid(level_from_name(n), (0.0, 0.0, 600.0 - pitch * i)) for i, n in enumerate(names)), "straight"
    )


def angles_of(points: np.ndarray) -> np.ndarray:
    """Sagittal angles of the ways down, radians."""
    down = np.diff(points[np.argsort(-points[:, 2])], axis=0)
    return np.arctan2(down[:, 1], -down[:, 2])


def test_the_statistics_are_those_of_the_people(statistics):
    assert statistics.people == 30
    assert np.abs(statistics.sagittal.mean - CURVE)[2:22].max() < np.deg2rad(3.0)
    spread = np.sqrt((statistics.sagittal.modes**2).sum(axis=0))
    assert np.deg2rad(3.0) < spread[5] < np.deg2rad(9.0)  # 0.25 * 20 degrees, and 3 of tilt
    assert np.allclose(np.exp(statistics.lengths.mean[:23]), 25.0, atol=0.3)


def test_strong_kyphosis_goes_with_strong_lordosis_though_no_scan_shows_both_ends(statistics):
    rng = np.random.default_rng(0)
    drawn = np.array([statistics.draw(rng, LYING).sagittal_rad for _ in range(400)])
    above, below = drawn[:, 4:8].mean(axis=1), drawn[:, 16:20].mean(axis=1)
    mean_angle = (drawn[:, 4:8].mean(axis=1) + drawn[:, 16:20].mean(axis=1)) / 2.0
    assert np.corrcoef(above - mean_angle, below - mean_angle)[0, 1] < -0.5
    assert np.std(above - below) > np.deg2rad(4.0)


def test_people_can_be_left_out_and_too_few_are_refused(tmp_path):
    write_keypoints(tmp_path / "vid")
    assert fit_posture(tmp_path / "vid", {"p0", "p1"}).people == 28
    with pytest.raises(DatasetError, match="too few"):
        fit_posture(tmp_path / "vid", {f"p{n}" for n in range(27)})
    (tmp_path / "vid" / "scans.csv").write_text("nothing\n1\n")
    with pytest.raises(DatasetError, match="cannot be read"):
        fit_posture(tmp_path / "vid")


def test_a_standing_spine_is_balanced_and_steeper(statistics):
    rng = np.random.default_rng(3)
    lying = statistics.draw(rng, LYING)
    standing = made_upright(lying, 1.3, 0.0, rng)
    centres = standing.centres_lps_mm()
    assert np.abs(centres[6, :2] - centres[23, :2]).max() < 12.0  # C7 over L5
    assert np.ptp(standing.sagittal_rad) == pytest.approx(1.3 * np.ptp(lying.sagittal_rad), rel=1e-6)


def test_scoliosis_has_the_cobb_angle_and_turns_to_the_convex_side():
    straight = Posture(np.zeros(23), np.zeros(23), np.full(23, 25.0), np.zeros(24), np.ones(24))
    for seed in range(6):
        bent = with_scoliosis(straight, np.deg2rad(30.0), PostureSettings(), np.random.default_rng(seed))
        assert np.rad2deg(np.ptp(bent.coronal_rad)) == pytest.approx(30.0, abs=0.5)
        apex = int(np.abs(bent.rotation_rad).argmax())
        x = bent.centres_lps_mm()[:, 0]
        ends = np.interp(apex, [max(apex - 3, 0), min(apex + 3, 23)], x[[max(apex - 3, 0), min(apex + 3, 23)]])
        assert np.sign(bent.rotation_rad[apex]) == np.sign(x[apex] - ends)


def test_the_plan_gives_the_spine_the_drawn_posture(statistics):
    names = ["T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"]
    spine = spine_of(names, pitch=27.0)
    points = np.array([c.position_lps_mm for c in spine])[::-1]
    posture = statistics.draw(np.random.default_rng(2), LYING)
    plan = follow(BeamPlan.unchanged(16), points, [c.level for c in spine][::-1], posture, LYING)
    moved = BeamDeformation(points, plan).to_patient(points)
    wanted = posture.sagittal_rad[8:23]
    assert np.abs(angles_of(moved) - wanted)[1:-1].max() < np.deg2rad(6.0)  # blended, so not exact at the turn
    assert np.abs(angles_of(moved) - wanted).mean() < np.deg2rad(2.0)
    gaps = np.linalg.norm(np.diff(moved, axis=0), axis=1)[::-1]
    assert np.abs(gaps / posture.spacing_mm[8:23] - 1.0).max() < 0.04


def test_missing_and_extra_vertebrae_do_not_tear_the_spine(statistics):
    for names in (["T9", "T10", "T11", "L1", "L2"], ["T11", "T12", "T13", "L1", "L2"], ["C1", "C2", "C3"], ["L4"]):
        beam = random_beam(
            spine_of(names, 28.0),
            np.random.default_rng(0),
            DeformationSettings(),
            PatientSettings.rich(),
            statistics=statistics,
        )
        moved = beam.to_patient(np.array([c.position_lps_mm for c in spine_of(names, 28.0)]))
        gaps = np.linalg.norm(np.diff(moved, axis=0), axis=1)
        assert np.isfinite(moved).all()
        assert ((gaps > 18.0) & (gaps < 40.0)).all()


def test_an_unchanged_beam_changes_nothing(rng):
    centres = np.stack([3 * np.sin(np.arange(8) / 2), 9 * np.sin(np.arange(8) / 3), np.arange(8) * 27.0], axis=1)
    points = rng.uniform([-60, -60, 0], [60, 70, 190], (300, 3))
    assert np.abs(BeamDeformation(centres, BeamPlan.unchanged(8)).to_source(points) - points).max() < 0.02


def test_one_vertebra_can_be_turned_and_scaled(rng):
    """A plan with the same change everywhere is a plain turn and scale about the axis."""
    centres = np.stack([np.zeros(6), np.zeros(6), np.arange(6) * 30.0], axis=1)
    plan = dataclasses.replace(
        BeamPlan.unchanged(6), twist_rad=np.full(6, 0.3), length=np.full(5, 1.1), width=np.full(6, 0.9)
    )
    points = rng.uniform([-20, -20, 40], [20, 5, 110], (50, 3))
    moved = BeamDeformation(centres, plan).to_patient(points)
    x, y = 0.9 * points[:, 0], points[:, 1]
    expected = np.stack([np.cos(0.3) * x - np.sin(0.3) * y, np.sin(0.3) * x + np.cos(0.3) * y], axis=1)
    assert np.abs(moved[:, :2] - expected).max() < 0.05
    assert np.abs(np.ptp(moved[:, 2]) - 1.1 * np.ptp(points[:, 2])) < 0.05


def test_the_beam_is_inverted_to_a_twentieth_of_a_millimetre(statistics, rng):
    names = [level.name for level in LADDER[2:]]
    spine = spine_of(names, 22.0)
    for seed in range(6):
        beam = random_beam(
            spine, np.random.default_rng(seed), DeformationSettings(), PatientSettings.rich(), statistics=statistics
        )
        points = rng.uniform([-45, -40, 150], [45, 55, 600], (300, 3))
        assert np.abs(beam.to_source(beam.to_patient(points)) - points).max() < 0.05


def test_the_settings_survive_their_record():
    import json

    settings = PatientSettings.rich()
    assert PatientSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert PatientSettings.from_dict(PatientSettings().to_dict()) == PatientSettings()


def test_the_keypoints_beside_the_spines_give_usual_postures(data_root):
    statistics = posture_of(data_root)
    if statistics is None:
        pytest.skip("no keypoints beside the spines")
    assert statistics.people > 1000
    degrees = np.rad2deg(statistics.sagittal.mean)
    rung = {level.name: n for n, level in enumerate(LADDER)}
    assert 15.0 < degrees[rung["T3"]] < 25.0
    assert -20.0 < degrees[rung["L1"]] < -10.0
    rng = np.random.default_rng(0)
    drawn = [statistics.draw(rng, PostureSettings()) for _ in range(100)]
    kyphosis = np.rad2deg([p.sagittal_rad[rung["T1"]] - p.sagittal_rad[rung["T12"]] for p in drawn])
    assert 35.0 < np.median(kyphosis) < 55.0
    assert posture_of(data_root / "spines") is not None
