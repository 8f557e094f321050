"""Outlines of known bodies, and the silhouette distance of vertebrae that were moved by known amounts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import vtk
from measured_shapes import spine

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.verse import find_subjects, load_subject, select_subjects
from ReVerteRLib.drr import simulate_pair
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.imaging.volume import CtVolume
from ReVerteRLib.measure.quality import silhouette_quality
from ReVerteRLib.measure.silhouettes import body_outline, silhouettes_of, surfaces_of_labels

L1, L2 = level_from_name("L1"), level_from_name("L2")
CORNERS = np.array([[x, y, z] for x in (-60, 60) for y in (-60, 60) for z in (-60, 60)], dtype=float)


def ball(centre, radius=15.0):
    source = vtk.vtkSphereSource()
    source.SetCenter(*centre)
    source.SetRadius(radius)
    source.SetThetaResolution(120)
    source.SetPhiResolution(120)
    source.Update()
    return source.GetOutput()


def moved(surfaces, step):
    found = {}
    for level, surface in surfaces.items():
        transform = vtk.vtkTransform()
        transform.Translate(*(float(s) for s in step))
        move = vtk.vtkTransformPolyDataFilter()
        move.SetTransform(transform)
        move.SetInputData(surface)
        move.Update()
        found[level] = move.GetOutput()
    return found


def shifted(centroids, step):
    items = (Centroid(c.level, tuple(float(v) for v in np.add(c.position_lps_mm, step))) for c in centroids)
    return CentroidSet(tuple(items))


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_the_outline_of_a_ball_is_the_circle_that_the_beam_makes(view, beam):
    centre, radius = np.array([7.0, -11.0, 5.0]), 15.0
    projection = Projection.covering(view, CORNERS, beam=beam, spacing_mm=0.7)
    (outline,) = silhouettes_of({L1: ball(centre, radius)}, projection)[L1].outlines_rc
    middle = projection.project(centre)[0]
    distance_mm = np.linalg.norm((outline - middle) * np.array(projection.spacing_mm), axis=1)
    rows, columns = projection.scale_at(projection.depth_mm(centre))[0]
    assert distance_mm.mean() == pytest.approx(radius * (rows + columns) / 2, abs=0.2)
    assert distance_mm.std() < 0.2


def test_outlines_lie_on_the_image_plane():
    projection = Projection.covering(View.LATERAL, CORNERS, beam=Beam.CONE)
    silhouette = silhouettes_of({L1: ball((0, 0, 0))}, projection)[L1]
    assert np.abs(projection.depth_mm(silhouette.outlines_lps_mm[0])).max() < 1e-9
    np.testing.assert_allclose(projection.project(silhouette.outlines_lps_mm[0]), silhouette.outlines_rc[0], atol=1e-9)


def test_an_empty_surface_has_no_silhouette():
    projection = Projection.covering(View.AP, CORNERS)
    assert silhouettes_of({L1: vtk.vtkPolyData()}, projection) == {}
    assert body_outline(vtk.vtkPolyData(), (0, 0, 0), projection) is None


def test_the_outline_of_the_body_leaves_the_processes_out_and_points_outwards():
    labels, centroids = spine({"L1": (0, 0, 0)})
    surface = surfaces_of_labels(labels)[L1]
    for view, width in ((View.AP, 65.0), (View.LATERAL, 40.0)):
        projection = Projection.covering(view, CORNERS)
        points = body_outline(surface, centroids.items[0].position_lps_mm, projection)
        middle = points.positions_mm.mean(axis=0)
        assert np.ptp(points.positions_mm[:, 1]) < width
        assert np.mean(((points.positions_mm - middle) * points.normals).sum(axis=1) > 0) > 0.9


@pytest.fixture(scope="module")
def toy():
    """A simulated pair of two mean lumbar vertebrae in soft tissue, with a little noise."""
    labels, centroids = spine({"L1": (0, 0, 36), "L2": (3, -3, 0)})
    noise = np.random.default_rng(3).normal(0, 15, labels.array_kji.shape)
    ct = np.where(labels.array_kji > 0, 350.0, 40.0) + noise
    pair = simulate_pair(CtVolume(ct.astype(np.float32), labels.ijk_to_lps_mm, "toy"), device="cpu")
    return surfaces_of_labels(labels), centroids, pair


@pytest.mark.parametrize(
    ("step", "tolerance"), [((0, 0, 3), 0.8), ((0, 0, -6), 1.2), ((3, 0, 0), 1.0), ((6, 0, 0), 1.5)]
)
def test_the_silhouette_distance_is_about_what_a_vertebra_was_moved_by(toy, step, tolerance):
    surfaces, centroids, pair = toy
    still = silhouette_quality(surfaces, centroids, pair)
    away = silhouette_quality(moved(surfaces, step), shifted(centroids, step), pair)
    for before, after in zip(still, away, strict=True):
        assert before.distance_mm < 1.2
        assert not before.suspicious
        assert after.distance_mm > before.distance_mm + 1.0
        assert after.distance_mm == pytest.approx(np.linalg.norm(step), abs=tolerance)
        assert np.dot(after.shift_lps_mm, step) < 0  # the shift leads back
    assert all(q.suspicious for q in away) or np.linalg.norm(step) < 4


@pytest.mark.parametrize("step", [(6, 0, 0), (0, 6, 0)])
def test_shifts_across_the_spine_are_seen_though_measured_too_small(toy, step):
    surfaces, centroids, pair = toy
    still = silhouette_quality(surfaces, centroids, pair)
    away = silhouette_quality(moved(surfaces, step), shifted(centroids, step), pair)
    for before, after in zip(still, away, strict=True):
        assert after.distance_mm > before.distance_mm + 1.5


def test_a_record_tells_both_views(toy):
    surfaces, centroids, pair = toy
    record = json.loads(json.dumps(silhouette_quality(surfaces, centroids, pair)[0].record()))
    assert [v["view"] for v in record["views"]] == ["ap", "lateral"]
    assert all(0.5 < v["found_share"] <= 1.0 and v["residual_mm"] < 1.5 for v in record["views"])


def test_radiographs_without_any_edge_give_no_number(toy):
    surfaces, centroids, pair = toy
    flat = [np.full_like(r.image_hw, 2.0) for r in pair]
    flat[0][0, 0] = 2.1  # a pair of equal images is refused
    blind = RadiographPair(*(Radiograph(i, r.projection) for i, r in zip(flat, pair, strict=True)))
    for quality in silhouette_quality(surfaces, centroids, blind):
        assert quality.distance_mm is None
        assert quality.suspicious


def test_moved_masks_of_a_real_ct_rank_by_how_far_they_were_moved(data_root):
    (subject,) = select_subjects(find_subjects(data_root / "spines"), ["totalseg01"])
    case = load_subject(subject)
    pair = simulate_pair(case.ct, device="cpu")
    surfaces = surfaces_of_labels(case.labels)
    centroids = CentroidSet(tuple(c for c in case.centroids if c.level in case.whole_levels))
    medians = []
    for step in ((0, 0, 0), (0, 0, 3), (0, 0, 6)):
        found = silhouette_quality(moved(surfaces, step), shifted(centroids, step), pair)
        medians.append(float(np.median([q.distance_mm for q in found])))
    assert medians[0] < 2.0
    assert medians == sorted(medians)
    assert medians[1] == pytest.approx(3.0, abs=1.2)
    assert medians[2] == pytest.approx(6.0, abs=1.5)
