"""Angles, heights and lengths of spines whose answers are known."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from measured_shapes import GRID, mask_of, spine

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.verse import find_subjects, load_subject, select_subjects
from ReVerteRLib.errors import CancelledError, CentroidError
from ReVerteRLib.measure.definitions import SPINE, VERTEBRA
from ReVerteRLib.measure.posture import coronal_curves, posture_of
from ReVerteRLib.measure.spine import genant_grade, measure_labels, measure_mask
from ReVerteRLib.measure.tables import csv_text, spine_table, vertebra_table, write_measurements


def level(name):
    return level_from_name(name)


def tilts(**coronal):
    """Parallel end-plates of these coronal tilts."""
    return {level(n): {"superior_coronal_deg": t, "inferior_coronal_deg": t} for n, t in coronal.items()}


def values_of(found) -> dict:
    return {v.definition.key: v for v in found}


@pytest.fixture(scope="module")
def lumbar():
    """L1 to L3: L1 bent back and to one side, L3 the other way, 32 mm apart."""
    places = {"L1": (0, 0, 64), "L2": (3, -4, 32), "L3": (0, 0, 0)}
    bent = {"L1": {"sagittal": -10.0, "coronal": -8.0}, "L3": {"sagittal": 15.0, "coronal": 9.0, "axial": 12.0}}
    return spine(places, bent)


@pytest.fixture(scope="module")
def measured(lumbar):
    return measure_labels(*lumbar)


@pytest.mark.parametrize("name", ["T6", "L2"])
def test_end_plates_of_a_tilted_mean_shape_tilt_by_as_much(name):
    straight = measure_mask(mask_of(name), GRID, level(name)).values
    tilted = measure_mask(mask_of(name, sagittal=14.0, coronal=-9.0), GRID, level(name)).values
    for plate in ("superior", "inferior"):
        assert tilted[f"{plate}_sagittal_deg"] - straight[f"{plate}_sagittal_deg"] == pytest.approx(14.0, abs=1.5)
        assert tilted[f"{plate}_coronal_deg"] - straight[f"{plate}_coronal_deg"] == pytest.approx(-9.0, abs=1.5)


def test_heights_do_not_change_when_a_vertebra_turns_about_its_axis():
    straight, turned = (measure_mask(mask_of("L2", axial=a), GRID, level("L2")).values for a in (0.0, 25.0))
    for where in ("anterior", "middle", "posterior"):
        assert turned[f"height_{where}_mm"] == pytest.approx(straight[f"height_{where}_mm"], abs=0.6)
    assert turned["pedicle_inner_mm"] == pytest.approx(straight["pedicle_inner_mm"], abs=2.0)


def test_a_bent_spine_of_mean_shapes_has_the_angle_it_was_bent_by(measured):
    curve = values_of(measured.spine)["cobb_main_deg"]
    assert (curve.levels, curve.remark) == ("L1-L3", "convex to the right")
    assert curve.value == pytest.approx(17.0, abs=1.5)
    assert measured.get(level("L3")).values["axial_rotation_deg"] == pytest.approx(12.0, abs=2.0)
    assert measured.value("height_mm") == pytest.approx(64.0, abs=2.5)
    assert measured.value("length_mm") > measured.value("height_mm")


def test_what_the_levels_do_not_allow_is_missing_with_a_reason(measured):
    found = values_of(measured.spine)
    for key in ("kyphosis_t4_t12_deg", "lordosis_l1_l5_deg", "lordosis_l1_s1_deg", "sagittal_vertical_axis_mm"):
        assert found[key].value is None
        assert found[key].remark
    assert found["lordosis_l1_l5_deg"].remark == "L5 not measured"
    assert "sacrum" in found["lordosis_l1_s1_deg"].remark


def test_centroids_are_found_in_the_masks_when_none_are_given(lumbar, measured):
    alone = measure_labels(lumbar[0])
    assert alone.value("cobb_main_deg") == pytest.approx(measured.value("cobb_main_deg"), abs=1.0)


def test_centroids_of_another_spine_are_refused(lumbar):
    stranger = CentroidSet((Centroid(level("C5"), (0.0, 0.0, 0.0)),))
    with pytest.raises(CentroidError, match="no centroid belongs"):
        measure_labels(lumbar[0], stranger)


def test_measuring_can_be_cancelled(lumbar):
    with pytest.raises(CancelledError):
        measure_labels(*lumbar, cancelled=lambda: True)


def test_curves_are_between_the_most_tilted_vertebrae_with_the_side_of_the_bulge():
    found = tilts(T3=2, T4=-14, T6=-2, T8=12, T10=16, T12=4, L2=-7, L4=-3)
    main, above, below = coronal_curves(found)
    assert (main.upper.name, main.lower.name, main.angle_deg, main.convex) == ("T4", "T10", 30, "right")
    assert above is None
    assert (below.upper.name, below.lower.name, below.angle_deg, below.convex) == ("T10", "L2", 23, "left")
    assert coronal_curves(tilts(L1=5, L2=-5)) == (None, None, None)


def test_a_curve_names_the_levels_between_its_ends_that_are_missing():
    found = values_of(posture_of({**tilts(T3=-14, T6=-2, T7=12), level("C2"): {}, level("L5"): {}}, {}))
    assert found["cobb_main_deg"].remark == "convex to the right; not measured in between: T4, T5"


def test_a_right_thoracic_curve_is_convex_to_the_right():
    """Centres that bulge to the patient's right (negative x), each level along the line of its neighbours."""
    names = [f"T{n}" for n in range(5, 12)]
    z = np.arange(len(names)) * -25.0
    x = -30.0 * np.sin(np.linspace(0, np.pi, len(names)))
    slope = np.gradient(x, z)
    # Up along the line of centres: its left part lowers the left side where it is positive.
    main, _, _ = coronal_curves(tilts(**dict(zip(names, -np.rad2deg(np.arctan(slope)), strict=True))))
    assert main.convex == "right"


def test_sagittal_angles_have_the_usual_signs():
    plates = {
        level("T4"): {"superior_sagittal_deg": 20.0},
        level("T12"): {"inferior_sagittal_deg": -18.0},
        level("L1"): {"superior_sagittal_deg": -17.0},
        level("L5"): {"inferior_sagittal_deg": 24.0},
    }
    found = values_of(posture_of(plates, {}))
    assert found["kyphosis_t4_t12_deg"].value == pytest.approx(38.0)
    assert found["lordosis_l1_l5_deg"].value == pytest.approx(41.0)
    assert found["kyphosis_t5_t12_deg"].remark == "T5 not measured"


def test_offsets_and_tilts_follow_the_centres():
    centres = {level("C7"): np.array([10.0, -30.0, 450.0]), level("L5"): np.array([0.0, 0.0, 0.0])}
    found = values_of(posture_of({}, centres))
    assert found["coronal_offset_c7_l5_mm"].value == pytest.approx(10.0)
    assert found["sagittal_offset_c7_l5_mm"].value == pytest.approx(30.0)
    assert found["coronal_tilt_deg"].value == pytest.approx(np.rad2deg(np.arctan(10 / 450)))
    assert found["sagittal_tilt_deg"].value == pytest.approx(np.rad2deg(np.arctan(30 / 450)))
    assert found["length_mm"].value is None
    assert "T1, T2" in found["length_mm"].remark
    assert "T13" not in found["length_mm"].remark


@pytest.mark.parametrize(("ratio", "grade"), [(1.0, 0), (0.81, 0), (0.79, 1), (0.74, 2), (0.61, 2), (0.59, 3)])
def test_height_loss_is_graded_as_genant_does(ratio, grade):
    assert genant_grade([1.05, ratio]) == grade


def test_a_wedged_vertebra_is_graded_and_a_low_one_is_told_by_its_neighbours(measured):
    names = {d.key for d in VERTEBRA}
    middle = measured.get(level("L2")).values
    assert set(middle) <= names
    assert middle["genant_grade"] == 0
    assert middle["crush_ratio"] == pytest.approx(1.0, abs=0.08)


def test_tables_carry_units_definitions_and_sources(measured, tmp_path):
    files = write_measurements(measured, tmp_path)
    rows = list(csv.DictReader(io.StringIO(files["vertebrae"].read_text(encoding="utf-8"))))
    assert [row["Level"] for row in rows] == ["L1", "L2", "L3"]
    assert float(rows[0]["Body height, middle (mm)"]) > 15
    record = json.loads(files["measurements"].read_text(encoding="utf-8"))
    assert record["spine"]["lordosis_l1_s1_deg"]["value"] is None
    assert all(record["definitions"][d.key]["source"] for d in (*VERTEBRA, *SPINE))
    spine_rows = list(csv.DictReader(io.StringIO(csv_text(spine_table(measured)))))
    assert len(spine_rows) == len(SPINE)
    assert {row["Unit"] for row in spine_rows} == {"°", "mm"}
    assert vertebra_table(measured).columns[1].unit == "mm"


def test_the_reference_masks_of_a_validation_subject_give_plausible_numbers(data_root):
    (subject,) = select_subjects(find_subjects(data_root / "spines"), ["totalseg01"])
    case = load_subject(subject, with_ct=False)
    found = measure_labels(case.labels, CentroidSet(tuple(c for c in case.centroids if c.level in case.whole_levels)))
    assert found.value("lordosis_l1_l5_deg") == pytest.approx(44.7, abs=1.0)
    assert found.value("length_mm") == pytest.approx(149.4, abs=1.5)
    assert all(v.values["genant_grade"] == 0 for v in found.vertebrae)
