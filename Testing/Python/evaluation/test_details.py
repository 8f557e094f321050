"""The field of view rule, what errors consist of, and the tables that tell."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.evaluation.decomposition import PARTS, decompose, plane_mm, summarise_parts
from ReVerteRLib.evaluation.field_of_view import field_of_view
from ReVerteRLib.evaluation.metrics import score_in_domain, score_masks
from ReVerteRLib.evaluation.plots import plot_error_parts
from ReVerteRLib.evaluation.report import COLUMNS, VertebraScore, write_report
from ReVerteRLib.evaluation.runner import detail
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume

L3 = level_from_name("L3")
GRID = PatchGrid((0.0, 0.0, 0.0), size=80)
MM = (1.0, 1.0, 1.0)


def bone(shift=(0.0, 0.0, 0.0), turn=0.0, scale=1.0, tips=True) -> np.ndarray:
    """A body, a spinous process and two transverse ones; moved (LPS mm), turned about z (degrees) and scaled."""
    points = GRID.points_lps_mm(np.stack(np.indices((GRID.size,) * 3), axis=-1).reshape(-1, 3))
    back = Rotation.from_euler("z", turn, degrees=True)
    x, y, z = (back.inv().apply(points - np.asarray(shift)) / scale).T
    body = (np.abs(x) <= 18) & (np.abs(y) <= 13) & (np.abs(z) <= 11)
    spinous = (np.abs(x) <= 3) & (y > 13) & (y <= 36) & (np.abs(z) <= 6)
    transverse = (np.abs(x) <= 34) & (np.abs(y - 17) <= 4) & (np.abs(z) <= 4)
    return (body | spinous | (transverse & tips)).reshape((GRID.size,) * 3)


# --- field of view -------------------------------------------------------------------------------


def test_the_field_of_view_is_the_scan_less_a_voxel_at_each_face():
    matrix = np.diag([-2.0, 1.0, 3.0, 1.0])
    matrix[:3, 3] = (19.0, -10.0, -12.0)
    scan = LabelVolume(np.zeros((9, 21, 20), np.uint8), matrix)
    seen = GRID.points_lps_mm(np.argwhere(field_of_view(scan, GRID)))
    # x: -20 to 20 less 2, y: -10.5 to 10.5 less 1, z: -13.5 to 13.5 less 3; voxel centres lie at halves
    np.testing.assert_allclose(seen.min(axis=0), [-17.5, -9.5, -10.5])
    np.testing.assert_allclose(seen.max(axis=0), [17.5, 9.5, 10.5])
    assert len(seen) == 36 * 20 * 22


def test_bone_predicted_outside_the_scan_is_unknown_not_wrong():
    """A scan 50 mm wide cuts the tips of the transverse processes; the whole vertebra is predicted."""
    matrix = np.eye(4)
    matrix[:3, 3] = (-25.0, -40.0, -40.0)
    scan = LabelVolume(np.zeros((81, 81, 51), np.uint8), matrix)
    whole = bone()
    x = GRID.points_lps_mm(np.argwhere(np.ones_like(whole)))[:, 0].reshape(whole.shape)
    cut = whole & (np.abs(x) <= 25.5)
    strict = score_masks(whole, cut, MM)
    fair = score_in_domain(whole, cut, MM, field_of_view(scan, GRID))
    assert strict.dice < 0.985
    assert strict.nsd[2] < 0.97
    assert fair.dice == 1.0
    assert fair.hd95_mm == 0.0
    assert fair.nsd[0] == pytest.approx(1.0)


def test_with_everything_in_view_both_figures_agree_and_errors_in_view_stay():
    domain = np.ones((80, 80, 80), dtype=bool)
    predicted, true = bone(shift=(3.0, 0.0, 0.0)), bone()
    assert score_in_domain(predicted, true, MM, domain) == score_masks(predicted, true, MM)
    domain[:, :, :2] = False  # no bone there, but the other way of computing must give the same
    domain[:, 78:] = False
    domain[0] = False
    assert score_in_domain(predicted, true, MM, domain) == score_masks(predicted, true, MM)
    domain[:, :, 74:] = domain[:, :, :8] = False  # just the outermost tips of the processes
    part = score_in_domain(predicted, true, MM, domain)
    assert part.dice == pytest.approx(score_masks(predicted, true, MM).dice, abs=0.02)
    assert part.hd95_mm == pytest.approx(3.0)


def test_an_invisible_truth_is_no_score_and_a_missing_prediction_a_failure():
    domain = np.zeros((80, 80, 80), dtype=bool)
    assert score_in_domain(bone(), bone(), MM, domain) is None
    domain[:, :, 40:] = True
    lost = score_in_domain(np.zeros_like(domain), bone(), MM, domain)
    assert lost.failed
    assert lost.dice == 0.0
    assert lost.hd95_mm == pytest.approx(80 * np.sqrt(3))


# --- error parts ---------------------------------------------------------------------------------


def test_a_mere_shift_is_all_position():
    found = decompose(bone(shift=(3.0, -4.0, 0.0)), bone(), GRID, L3)
    assert found.shift_mm == pytest.approx(5.0)
    assert found.dice_shifted == 1.0
    assert found.part("position") == pytest.approx(1.0 - found.dice)
    assert found.part("pose") == found.part("shape") == 0.0
    assert (found.rotation_deg, found.scale) == (0.0, 1.0)


def test_a_turn_and_a_size_are_pose_and_are_found():
    found = decompose(bone(turn=10.0, scale=1.08), bone(), GRID, L3)
    assert found.rotation_deg == pytest.approx(10.0, abs=1.0)
    assert found.scale == pytest.approx(1.0 / 1.08, abs=0.015)
    assert found.dice_posed > 0.96
    assert found.part("pose") > 5 * found.part("position")


def test_missing_processes_are_shape_behind_the_body():
    found = decompose(bone(tips=False), bone(), GRID, L3)
    assert found.dice_body > 0.93
    assert found.dice_posterior < 0.75
    assert found.part("shape") > 0.9 * (1.0 - found.dice)
    assert sum(found.part(name) for name in PARTS) == pytest.approx(1.0 - found.dice)


def test_the_plane_behind_the_body_depends_on_the_level_and_empty_masks_have_no_parts():
    planes = [plane_mm(level_from_name(name)) for name in ("C4", "T3", "T6", "T12", "T13", "L2")]
    assert planes == [8.0, 8.0, 11.0, 14.0, 14.0, 18.0]
    assert decompose(np.zeros((80, 80, 80), bool), bone(), GRID, L3) is None
    assert summarise_parts([]) == {"n": 0}


# --- tables --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> list[VertebraScore]:
    matrix = np.eye(4)
    matrix[:3, 3] = (-30.0, -40.0, -40.0)
    scan = LabelVolume(np.zeros((81, 81, 61), np.uint8), matrix)
    made = []
    for name, shift in (("L2", 2.0), ("L3", 0.0)):
        level, predicted = level_from_name(name), bone(shift=(0.0, shift, 0.0))
        more = detail(predicted, bone(), GRID, level, labels=scan, subject="sub-a")
        made.append(VertebraScore("sub-a", level, "real", score_masks(predicted, bone(), MM), 0.0, 0.1, more))
    return made


def test_details_give_columns_tables_and_a_clinical_file(rows, tmp_path):
    lost = dataclasses.replace(rows[0], details=dataclasses.replace(rows[0].details, in_fov=None, parts=None))
    summary = write_report([*rows, lost], tmp_path, weights="w", sha256="s")
    with (tmp_path / "metrics.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert tuple(table[0]) == COLUMNS
    assert float(table[0]["dice_shifted"]) == 1.0
    assert float(table[1]["dice_in_fov"]) == 1.0
    assert 0.0 < float(table[1]["outside_fov"]) < 0.1
    assert table[2]["dice_in_fov"] == table[2]["dice_shifted"] == ""
    assert summary["in_fov"]["all"]["n"] == summary["error_parts"]["all"]["n"] == 2
    assert summary["error_parts"]["lumbar"]["position"] == pytest.approx((1 - rows[0].scores.dice) / 2, abs=1e-3)
    assert summary["clinical"]["all"]["height_middle_mm"]["n"] == 3
    assert summary["by_level"]["L2"]["n"] == 2
    with (tmp_path / "clinical.csv").open() as stream:
        heights = [r for r in csv.DictReader(stream) if r["measure"] == "height_middle_mm"]
    assert [r["level"] for r in heights] == ["L2", "L3", "L2"]
    assert float(heights[0]["reference"]) == pytest.approx(22.0, abs=0.6)
    text = (tmp_path / "report.md").read_text()
    for heading in ("By level", "field of view", "What the error consists of", "Clinical measures"):
        assert heading in text
    assert "thoracic" not in text


def test_without_details_there_is_no_clinical_file(rows, tmp_path):
    summary = write_report([dataclasses.replace(rows[0], details=None)], tmp_path, weights="w", sha256="s")
    assert "error_parts" not in summary
    assert not (tmp_path / "clinical.csv").exists()
    assert "By level" in (tmp_path / "report.md").read_text()


def test_the_error_plot_shows_the_position_part(rows, tmp_path):
    from PIL import Image

    plot_error_parts(rows, tmp_path / "parts.png")
    picture = np.asarray(Image.open(tmp_path / "parts.png").convert("RGB")).astype(int)
    assert (np.abs(picture - [0x4C, 0x78, 0xA8]).max(axis=-1) <= 3).sum() > 150
