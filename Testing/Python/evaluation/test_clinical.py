"""Clinical measures of bodies whose heights, tilts and pedicles are known."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.verse import find_subjects, load_subject, select_subjects
from ReVerteRLib.evaluation.clinical import MEASURES, compare_measures, measure_vertebra, summarise_measures
from ReVerteRLib.geometry import PatchGrid

L3, C2 = level_from_name("L3"), level_from_name("C2")
GRID = PatchGrid((1.3, -2.4, 0.6), size=110, posterior_offset_mm=12.0)
HEIGHT, DEPTH, WIDTH = 26.0, 32.0, 44.0
PEDICLE_X, PEDICLE_RADIUS = 16.0, 5.0


def turn(sagittal: float, coronal: float) -> np.ndarray:
    """Columns left, posterior, up of a body whose front lies lower (sagittal) and left side higher (coronal)."""
    s, c = np.deg2rad([sagittal, coronal])
    about_x = np.array([[1, 0, 0], [0, np.cos(s), -np.sin(s)], [0, np.sin(s), np.cos(s)]])
    about_y = np.array([[np.cos(c), 0, -np.sin(c)], [0, 1, 0], [np.sin(c), 0, np.cos(c)]])
    return about_x @ about_y


def vertebra(sagittal=0.0, coronal=0.0, wedge=0.0, shift=(0.0, 0.0, 0.0), height=HEIGHT) -> np.ndarray:
    """A box around the centroid with two cylinders behind it; `wedge` degrees lowers the front of its upper face."""
    points = GRID.points_lps_mm(np.stack(np.indices((GRID.size,) * 3), axis=-1).reshape(-1, 3))
    x, y, z = ((points - GRID.centroid_lps_mm - shift) @ turn(sagittal, coronal)).T
    top = height / 2 + np.tan(np.deg2rad(wedge)) * y
    body = (np.abs(x) <= WIDTH / 2) & (np.abs(y) <= DEPTH / 2) & (z <= top) & (z >= -height / 2)
    radius = np.hypot(np.abs(x) - PEDICLE_X, z - 4.0)
    pedicles = (radius <= PEDICLE_RADIUS) & (y > 0) & (y <= DEPTH / 2 + 14)
    lamina = (np.abs(x) <= 22) & (np.abs(z) <= 9) & (y > DEPTH / 2 + 14) & (y <= DEPTH / 2 + 20)
    return (body | pedicles | lamina).reshape((GRID.size,) * 3)


def test_an_upright_box_has_its_height_level_end_plates_and_pedicles():
    found = measure_vertebra(vertebra(), GRID, L3)
    assert set(found) == set(MEASURES)
    for where in ("anterior", "middle", "posterior"):
        assert found[f"height_{where}_mm"] == pytest.approx(HEIGHT, abs=0.5)
    for key in MEASURES:
        if key.endswith("_deg"):
            assert found[key] == pytest.approx(0.0, abs=0.5)
    assert found["pedicle_inner_mm"] == pytest.approx(2 * (PEDICLE_X - PEDICLE_RADIUS), abs=1.0)
    assert found["pedicle_outer_mm"] == pytest.approx(2 * (PEDICLE_X + PEDICLE_RADIUS), abs=1.0)


@pytest.mark.parametrize(("sagittal", "coronal"), [(7.0, 0.0), (0.0, 7.0), (-7.0, 0.0), (20.0, -7.0)])
def test_tilts_are_found_within_half_a_degree_and_do_not_change_the_height(sagittal, coronal):
    normal = turn(sagittal, coronal)[:, 2]
    expected = np.rad2deg([np.arctan2(-normal[1], normal[2]), np.arctan2(-normal[0], normal[2])])
    found = measure_vertebra(vertebra(sagittal, coronal), GRID, L3)
    for plate in ("superior", "inferior"):
        assert found[f"{plate}_sagittal_deg"] == pytest.approx(expected[0], abs=0.5)
        assert found[f"{plate}_coronal_deg"] == pytest.approx(expected[1], abs=0.5)
    assert found["height_middle_mm"] == pytest.approx(HEIGHT, abs=0.6)
    assert found["pedicle_inner_mm"] == pytest.approx(2 * (PEDICLE_X - PEDICLE_RADIUS), abs=1.5)


def test_a_wedge_shows_in_heights_and_in_one_end_plate():
    found = measure_vertebra(vertebra(wedge=10.0), GRID, L3)
    assert found["superior_sagittal_deg"] == pytest.approx(10.0, abs=0.5)
    assert found["inferior_sagittal_deg"] == pytest.approx(0.0, abs=0.5)
    slope = np.tan(np.deg2rad(10.0)) * 0.7 * DEPTH  # between the middles of the front and the back strip
    assert found["height_posterior_mm"] - found["height_anterior_mm"] == pytest.approx(slope, abs=0.7)


def test_a_centroid_off_by_some_millimetres_changes_nothing():
    there, off = (measure_vertebra(vertebra(5.0, shift=s), GRID, L3) for s in ((0, 0, 0), (4.0, -5.0, 4.0)))
    for key in MEASURES:
        assert off[key] == pytest.approx(there[key], abs=0.8), key


def test_what_cannot_be_measured_is_left_out():
    assert measure_vertebra(np.zeros((GRID.size,) * 3, bool), GRID, L3) == {}
    assert measure_vertebra(vertebra(), GRID, C2) == {}
    body_only = vertebra() & (GRID.points_lps_mm(np.argwhere(np.ones((GRID.size,) * 3)))[:, 1] < 13).reshape(
        (GRID.size,) * 3
    )
    found = measure_vertebra(body_only, GRID, L3)
    assert "pedicle_inner_mm" not in found
    assert found["height_middle_mm"] == pytest.approx(HEIGHT, abs=0.5)


def test_errors_are_predicted_minus_reference_with_bias_sd_and_missed():
    taller, lower, none = vertebra(height=28.0), vertebra(height=25.0), np.zeros((GRID.size,) * 3, bool)
    rows = [compare_measures(mask, vertebra(), GRID, L3, "a") for mask in (taller, lower, none)]
    middle = summarise_measures(rows)["height_middle_mm"]
    assert middle["n"] == 2
    assert middle["missed"] == 1
    assert middle["mae"] == pytest.approx(1.5, abs=0.3)
    assert middle["bias"] == pytest.approx(0.5, abs=0.3)
    assert middle["sd"] == pytest.approx(3.0 / np.sqrt(2), abs=0.3)
    assert summarise_measures([])["pedicle_outer_mm"] == {"n": 0, "missed": 0, "mae": None, "bias": None, "sd": None}


def test_real_vertebrae_have_plausible_measures(data_root):
    (subject,) = select_subjects(find_subjects(data_root / "spines"), ["verse631"])
    case = load_subject(subject, with_ct=False)
    found = {}
    for name in ("T5", "T8", "L2", "L4"):
        level = level_from_name(name)
        grid = PatchGrid(case.centroids.get(level).position_lps_mm, posterior_offset_mm=12.0)
        found[name] = measure_vertebra(mask_on_grid(case.labels, level.verse_label, grid), grid, level)
    for name, low, high in (("T5", 18, 24), ("T8", 18, 24), ("L2", 25, 31), ("L4", 25, 31)):
        assert low < found[name]["height_middle_mm"] < high
    assert found["T5"]["superior_sagittal_deg"] > 10 > found["T8"]["superior_sagittal_deg"]  # kyphosis
    assert found["L4"]["superior_sagittal_deg"] > found["L2"]["superior_sagittal_deg"] + 10  # lordosis
    assert 12 < found["T8"]["pedicle_inner_mm"] < 20 < found["L4"]["pedicle_inner_mm"] < 32
