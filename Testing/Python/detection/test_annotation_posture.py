from __future__ import annotations

import csv

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.detection.posture_table import CURVE, END_PLATES, posture_table
from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.geometry import Beam, Projection, View

BOX = np.array([[x, y, z] for x in (-150.0, 150.0) for y in (-150.0, 150.0) for z in (-350.0, 350.0)])
HEIGHT, HALF = 24.0, 18.0


def projections(beam):
    return tuple(Projection.covering(v, BOX, beam=beam, spacing_mm=0.8) for v in (View.AP, View.LATERAL))


def corners(centre, tilt_deg, view, height=HEIGHT):
    """(4, 3) ends of end-plates tilted by a positive coronal or sagittal angle."""
    t = np.deg2rad(tilt_deg)
    across = np.array([np.cos(t), 0, np.sin(t)] if view is View.AP else [0, np.cos(t), np.sin(t)])
    up = np.array([-np.sin(t), 0, np.cos(t)] if view is View.AP else [0, -np.sin(t), np.cos(t)])
    return centre + np.array([up * h + across * w for h in (height / 2, -height / 2) for w in (-HALF, HALF)])


def vertebra(name, centre, tilts, views, known=True):
    found = []
    for projection, tilt in zip(views, tilts, strict=True):
        pixels = projection.project(corners(np.array(centre), tilt, projection.view))
        pixels = pixels if known else np.full((4, 2), np.nan)
        found.append(Detection(tuple(projection.project(centre)[0]), pixels, 0.9, np.zeros(0)))
    return AnnotatedVertebra(level_from_name(name), tuple(centre), 0.9, 0.0, (), *found)


def annotation_of(tilts, beam=Beam.CONE, known=True, x=0.0):
    views = projections(beam)
    rows = [
        vertebra(name, (x, 40.0, 150.0 - 30.0 * n), tilt, views, known) for n, (name, tilt) in enumerate(tilts.items())
    ]
    return Annotation(tuple(rows), projections=views)


@pytest.mark.parametrize("beam", list(Beam))
def test_tilts_and_heights_are_those_of_the_bone_whatever_the_beam(beam):
    table = posture_table(annotation_of({"T11": (7.0, -4.0), "T12": (0.0, 12.0)}, beam, x=60.0))
    first, second = table.rows
    assert (first.superior_coronal_deg, first.inferior_coronal_deg) == pytest.approx((7.0, 7.0), abs=0.8)
    assert (first.superior_sagittal_deg, first.inferior_sagittal_deg) == pytest.approx((-4.0, -4.0), abs=0.8)
    assert second.superior_sagittal_deg == pytest.approx(12.0, abs=0.8)
    heights = (first.height_right_mm, first.height_left_mm, first.height_anterior_mm, first.height_posterior_mm)
    assert heights == pytest.approx([HEIGHT] * 4, rel=0.03)
    assert first.coronal_from == END_PLATES


def test_signs_agree_with_the_measures_of_a_mask():
    """The same tilted box as a mask; left side high and front low are positive in both."""
    from ReVerteRLib.geometry import PatchGrid
    from ReVerteRLib.measure.vertebra import measure_vertebra

    grid = PatchGrid((0.0, 0.0, 0.0))
    points = grid.points_lps_mm(np.stack(np.indices((120, 120, 120)), axis=-1))
    for view, tilt in ((View.AP, 9.0), (View.LATERAL, 9.0)):
        t = np.deg2rad(tilt)
        plane = points[..., 0] if view is View.AP else points[..., 1]
        along = -np.sin(t) * plane + np.cos(t) * points[..., 2]
        mask = (np.abs(along) <= 12.0) & (np.abs(points[..., 0]) <= 20.0) & (np.abs(points[..., 1]) <= 15.0)
        measures = measure_vertebra(mask, grid, level_from_name("L1"))
        key = "superior_coronal_deg" if view is View.AP else "superior_sagittal_deg"
        tilts = (tilt, 0.0) if view is View.AP else (0.0, tilt)
        row = posture_table(annotation_of({"L1": tilts, "L2": (0.0, 0.0)}, Beam.PARALLEL)).rows[0]
        assert measures[key] == pytest.approx(tilt, abs=1.0)
        assert getattr(row, key) == pytest.approx(tilt, abs=0.5)


def test_the_largest_coronal_curve_is_found_with_its_ends_and_side():
    tilts = {"T6": (2.0, 0), "T7": (14.0, 0), "T8": (6.0, 0), "T9": (-3.0, 0), "T10": (-12.0, 0), "T11": (-5.0, 0)}
    cobb = next(a for a in posture_table(annotation_of(tilts)).angles if a.name == "coronal Cobb")
    assert (cobb.upper.name, cobb.lower.name) == ("T7", "T10")
    assert cobb.degrees == pytest.approx(26.0, abs=1.0)
    assert cobb.convex == "left"


def test_the_convex_side_is_where_the_curve_bulges():
    views = projections(Beam.PARALLEL)
    z = 120.0 - 30.0 * np.arange(9)
    x = 30.0 * np.cos(z / 130.0)  # apex in the middle, to the left (positive x)
    rows = [vertebra(f"T{n + 2}", (x[n], 0.0, z[n]), (0.0, 0.0), views, known=False) for n in range(9)]
    table = posture_table(Annotation(tuple(rows), projections=views))
    cobb = next(a for a in table.angles if a.name == "coronal Cobb")
    assert cobb.convex == "left"
    assert cobb.source == CURVE
    slope = np.rad2deg(np.arctan(30.0 / 130.0 * np.sin(120.0 / 130.0)))
    assert cobb.degrees == pytest.approx(2 * slope, rel=0.15)


def test_kyphosis_and_lordosis_have_their_signs_and_ends():
    names = [*(f"T{n}" for n in range(4, 13)), *(f"L{n}" for n in range(1, 6))]
    sagittal = [20.0, *np.linspace(15.0, -8.0, 7), -15.0, -14.0, -8.0, 0.0, 10.0, 24.0]
    angles = {
        a.name: a
        for a in posture_table(annotation_of(dict(zip(names, [(0, s) for s in sagittal], strict=True)))).angles
    }
    kyphosis, lordosis = angles["thoracic kyphosis"], angles["lumbar lordosis"]
    assert (kyphosis.upper.name, kyphosis.lower.name) == ("T4", "T12")
    assert kyphosis.degrees == pytest.approx(35.0, abs=1.5)
    assert (lordosis.upper.name, lordosis.lower.name) == ("L1", "L5")
    assert lordosis.degrees == pytest.approx(38.0, abs=1.5)


def test_without_landmarks_the_curve_of_the_centroids_stands_in():
    table = posture_table(annotation_of({"T7": (0, 0), "T8": (0, 0), "T9": (0, 0)}, known=False))
    assert table.rows[1].sagittal_from == CURVE
    assert table.rows[1].superior_sagittal_deg == pytest.approx(0.0, abs=1e-6)
    assert table.rows[1].height_anterior_mm is None
    lone = posture_table(annotation_of({"T7": (0, 0)}, known=False))
    assert lone.rows[0].superior_coronal_deg is None
    assert lone.angles == ()


def test_the_csv_holds_both_tables(tmp_path):
    table = posture_table(annotation_of({"T11": (7.0, -4.0), "T12": (0.0, 12.0)}))
    path = tmp_path / "posture.csv"
    table.write(path)
    rows, angles = path.read_text(encoding="utf-8").split("\n\n")
    first = next(csv.DictReader(rows.splitlines()))
    assert first["level"] == "T11"
    assert float(first["superior_coronal_deg"]) == pytest.approx(7.0, abs=0.8)
    assert next(csv.DictReader(angles.splitlines()))["name"] == "coronal Cobb"
