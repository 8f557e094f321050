"""Projection, triangulation and patch grids: the same geometry in every direction."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ReVerteRLib.errors import GeometryError
from ReVerteRLib.geometry import (
    Beam,
    PatchGrid,
    Projection,
    View,
    epipolar_line,
    triangulate,
)
from ReVerteRLib.imaging import Volume

BOX = np.array([[-150.0, -120.0, -200.0], [140.0, 110.0, 230.0]])


def _views(beam: Beam, **options) -> tuple[Projection, Projection]:
    return tuple(Projection.covering(view, BOX, beam=beam, **options) for view in View)


def _turned(projection: Projection, rotation: np.ndarray, principal=None) -> Projection:
    """The same view with a turned apparatus: any direction must work, not the standard ones alone."""
    directions = {
        name: tuple((rotation @ getattr(projection, name)).tolist())
        for name in ("row_direction", "column_direction", "beam_direction", "origin_lps_mm")
    }
    return dataclasses.replace(projection, **directions, principal_point_rc=principal)


# --- round trips ---------------------------------------------------------------------------------


@pytest.mark.parametrize("left_handed", [False, True])
def test_voxels_go_to_patient_space_and_back(left_handed, rng, random_frame):
    for _ in range(20):
        volume = Volume(np.zeros((4, 5, 6)), random_frame(rng, left_handed=left_handed))
        assert (np.linalg.det(volume.ijk_to_lps_mm[:3, :3]) < 0) == left_handed
        ijk = rng.uniform(-100, 600, (50, 3))
        np.testing.assert_allclose(volume.to_ijk(volume.to_lps(ijk)), ijk, atol=1e-3)
        homogeneous = np.c_[ijk, np.ones(50)] @ volume.ijk_to_lps_mm.T
        np.testing.assert_allclose(volume.to_lps(ijk), homogeneous[:, :3], atol=1e-9)


@pytest.mark.parametrize("beam", list(Beam))
def test_points_are_recovered_from_pixel_and_depth_for_any_pose(beam, rng, random_frame):
    for _ in range(20):
        frame = random_frame(rng)[:3, :3]
        rotation = frame / np.linalg.norm(frame, axis=0)
        principal = tuple(rng.uniform(0, 300, 2).tolist())
        projection = _turned(_views(beam, spacing_mm=0.7)[0], rotation, principal)
        points = rng.uniform(-180, 180, (30, 3))
        pixels, depths = projection.project(points), projection.depth_mm(points)
        back = [projection.point_at_depth(rc, d)[0] for rc, d in zip(pixels, depths, strict=True)]
        np.testing.assert_allclose(back, points, atol=1e-3)
        on_ray, directions = projection.back_project(pixels)
        away = points - on_ray
        off = away - (away * directions).sum(axis=1, keepdims=True) * directions
        assert np.linalg.norm(off, axis=1).max() < 1e-3
        np.testing.assert_allclose(projection.project(on_ray + 37.0 * directions), pixels, atol=1e-6)


def test_a_stored_projection_is_equal_after_reading():
    for beam in Beam:
        for projection in _views(beam, spacing_mm=0.8):
            moved = dataclasses.replace(projection, principal_point_rc=(12.5, 80.25))
            for each in (projection, moved):
                assert Projection.from_dict(each.to_dict()) == each


def test_rows_run_to_the_feet_and_columns_to_left_or_back():
    for beam in Beam:
        ap, lateral = _views(beam)
        middle, left, back, head = [0.0, 0, 0], [30.0, 0, 0], [0, 30.0, 0], [0, 0, 30.0]
        in_ap, in_lateral = (p.project([middle, left, back, head]) for p in (ap, lateral))
        assert in_ap[1, 1] > in_ap[0, 1] + 25
        assert in_lateral[2, 1] > in_lateral[0, 1] + 25
        assert in_ap[3, 0] < in_ap[0, 0] - 25
        assert in_lateral[3, 0] < in_lateral[0, 0] - 25


# --- beams ---------------------------------------------------------------------------------------


def test_cone_rays_magnify_by_similar_triangles():
    ap = Projection(View.AP, Beam.CONE, (201, 201), (1.0, 1.0), (-100.0, 0.0, 100.0), sad_mm=1000.0, sdd_mm=1500.0)
    np.testing.assert_allclose(ap.source_lps_mm, [0.0, -1000.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(ap.project([[50.0, 0, 40.0]]), [[60.0, 150.0]])
    np.testing.assert_allclose(ap.project([[50.0, -200.0, 40.0]]), [[100 - 50.0, 100 + 62.5]])  # nearer: larger
    np.testing.assert_allclose(ap.project([[50.0, 250.0, 40.0]]), [[100 - 32.0, 100 + 40.0]])
    np.testing.assert_allclose(ap.detector_spacing_mm, (1.5, 1.5))
    assert np.isnan(ap.project([[0.0, -1001.0, 0.0]])).all()


def test_slot_rays_diverge_along_columns_only():
    cone, slot, parallel = (_views(beam, sad_mm=900, sdd_mm=1200)[0] for beam in (Beam.CONE, Beam.SLOT, Beam.PARALLEL))
    point = np.array([[60.0, -90.0, 120.0]])

    def offset(projection: Projection) -> np.ndarray:
        return (projection.project(point) - projection.principal_rc)[0]

    assert offset(slot)[0] == pytest.approx(offset(parallel)[0])
    assert offset(slot)[1] == pytest.approx(offset(cone)[1])
    assert abs(offset(cone)[0]) > abs(offset(slot)[0]) + 5
    assert slot.detector_spacing_mm == pytest.approx((1.0, 1200 / 900))
    _, directions = slot.back_project([[0.0, 0.0], [300.0, 0.0]])
    np.testing.assert_allclose(directions[0], directions[1], atol=1e-12)
    assert directions[0] @ slot.row_direction == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("beam", list(Beam))
def test_a_covering_view_is_just_large_enough(beam, rng):
    corners = rng.uniform(-200, 200, (8, 3))
    for view in View:
        for spacing in (0.5, 1.0, 2.2):
            projection = Projection.covering(view, corners, spacing_mm=spacing, beam=beam, sad_mm=800, sdd_mm=1000)
            pixels = projection.project(corners)
            assert projection.contains(pixels).all()
            size = np.array(projection.image_hw)
            slack = np.minimum(pixels, size - 1 - pixels).min(axis=0)
            assert np.all(slack >= -1e-6)
            assert np.all(slack < 1.0)


# --- triangulation -------------------------------------------------------------------------------


@pytest.mark.parametrize("beams", [(a, b) for a in Beam for b in Beam])
def test_two_clicks_give_the_point(beams, rng):
    ap = Projection.covering(View.AP, BOX, beam=beams[0], sad_mm=1100, sdd_mm=1500)
    lateral = Projection.covering(View.LATERAL, BOX, beam=beams[1], sad_mm=1300, sdd_mm=1500)
    for point in rng.uniform(BOX[0], BOX[1], (20, 3)):
        found = triangulate([(p, p.project(point)) for p in (ap, lateral)])
        np.testing.assert_allclose(found.point_lps_mm, point, atol=1e-3)
        assert found.residual_mm < 1e-3


def test_the_residual_is_the_distance_of_the_rays():
    ap, lateral = _views(Beam.PARALLEL, spacing_mm=0.5)
    point = np.array([10.0, 20.0, 30.0])
    shifted = lateral.project(point) + np.array([8.0, 0.0])  # 4 mm lower in the lateral view
    found = triangulate([(ap, ap.project(point)), (lateral, shifted)])
    assert found.residual_mm == pytest.approx(4.0, abs=1e-6)
    np.testing.assert_allclose(found.point_lps_mm, [10.0, 20.0, 28.0], atol=1e-6)


@pytest.mark.parametrize("beam", list(Beam))
def test_the_epipolar_line_holds_the_other_views_pixel(beam, rng):
    ap, lateral = _views(beam)
    for point in rng.uniform(BOX[0], BOX[1], (10, 3)):
        start, end = epipolar_line(ap, ap.project(point), lateral, 400.0)
        pixel = lateral.project(point)[0]
        along = (end - start) / np.linalg.norm(end - start)
        away = pixel - start
        assert abs(away[0] * along[1] - away[1] * along[0]) < 1e-3


def test_one_view_or_parallel_rays_give_no_point():
    ap, _ = _views(Beam.PARALLEL)
    with pytest.raises(GeometryError, match="one view"):
        triangulate([(ap, (10.0, 10.0))])
    with pytest.raises(GeometryError, match="parallel"):
        triangulate([(ap, (10.0, 10.0)), (ap, (12.0, 10.0))])


# --- patches -------------------------------------------------------------------------------------


def test_patch_axes_are_head_to_foot_front_to_back_and_right_to_left():
    grid = PatchGrid((10.0, -20.0, 300.0), size=120, spacing_mm=1.0)
    middle = (grid.size - 1) / 2
    np.testing.assert_allclose(grid.points_lps_mm([middle] * 3), [10.0, -20.0, 300.0])
    np.testing.assert_allclose(grid.centroid_zyx, [middle] * 3)
    np.testing.assert_allclose(grid.points_lps_mm([middle + 7, middle + 5, middle + 3]), [13.0, -15.0, 293.0])


def test_the_posterior_offset_moves_the_cube_to_the_back():
    grid = PatchGrid((0.0, 0.0, 0.0), size=100, spacing_mm=1.5, posterior_offset_mm=12.0)
    np.testing.assert_allclose(grid.points_lps_mm([49.5] * 3), [0.0, 12.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(grid.centroid_zyx, [49.5, 49.5 - 8.0, 49.5])


@pytest.mark.parametrize("offset_mm", [0.0, 15.0])
@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_perspective_patch_coordinates_and_projection_agree(view, beam, offset_mm, rng):
    """Three ways to find a voxel in a patch image: by the radiograph, by its ray, by the four perspective numbers."""
    projection = Projection.covering(view, BOX, spacing_mm=0.9, beam=beam, sad_mm=700, sdd_mm=1000)
    grid = PatchGrid((40.0, 35.0, -90.0), size=64, spacing_mm=1.5, posterior_offset_mm=offset_mm)
    zyx = rng.uniform(0, 63, (200, 3))
    points = grid.points_lps_mm(zyx)
    by_ray = grid.patch_coordinates(projection, points)

    row, column, inverse_row, inverse_column = grid.perspective(projection)
    depth_axis, plane_axis = (1, 2) if view is View.AP else (2, 1)
    behind = zyx[:, depth_axis] - grid.centroid_zyx[depth_axis]
    by_numbers = np.stack(
        [
            row + (zyx[:, 0] - row) / (1 + behind * inverse_row),
            column + (zyx[:, plane_axis] - column) / (1 + behind * inverse_column),
        ],
        axis=1,
    )
    if beam is Beam.PARALLEL:
        assert not grid.perspective(projection).any()
        np.testing.assert_allclose(by_ray, zyx[:, [0, plane_axis]], atol=1e-9)
    else:
        assert np.abs(by_ray - zyx[:, [0, plane_axis]]).max() > 1.0
    np.testing.assert_allclose(by_ray, by_numbers, atol=1e-6)

    # the patch image's own pixels, interpolated at those coordinates, are the radiograph's pixels of the points
    corners = grid.image_pixels(projection)
    step_row, step_column = corners[1, 0] - corners[0, 0], corners[0, 1] - corners[0, 0]
    in_radiograph = corners[0, 0] + by_ray[:, :1] * step_row + by_ray[:, 1:] * step_column
    np.testing.assert_allclose(in_radiograph, projection.project(points), atol=1e-6)
    np.testing.assert_allclose(corners[-1, -1], corners[0, 0] + 63 * (step_row + step_column), atol=1e-6)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_hw": (0, 10)}, "image size"),
        ({"spacing_mm": (1.0, -1.0)}, "spacing"),
        ({"origin_lps_mm": (0.0, float("nan"), 0.0)}, "origin"),
        ({"row_direction": (0.0, 0.1, -1.0)}, "orthogonal"),
        ({"beam_direction": (1.0, 0.0, 0.0)}, "orthogonal"),
        ({"sad_mm": 0.0}, "source-patient"),
        ({"sad_mm": 2000.0}, "source-patient"),
    ],
)
def test_impossible_projections_are_refused(change, message):
    cone = _views(Beam.CONE)[0]
    with pytest.raises(GeometryError, match=message):
        dataclasses.replace(cone, **change)


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: r.pop("view"),
        lambda r: r.update(beam="fan"),
        lambda r: r.update(frame="RAS"),
        lambda r: r.pop("origin_lps_mm"),
        lambda r: r.update(image_hw=None),
    ],
)
def test_damaged_records_are_refused(damage):
    record = _views(Beam.CONE)[0].to_dict()
    damage(record)
    with pytest.raises(GeometryError):
        Projection.from_dict(record)


def test_parallel_rays_have_no_source():
    with pytest.raises(GeometryError, match="no source"):
        _ = _views(Beam.PARALLEL)[0].source_lps_mm


def test_a_box_around_the_source_cannot_be_covered():
    with pytest.raises(GeometryError, match="--sad"):
        Projection.covering(View.AP, BOX, beam=Beam.CONE, sad_mm=80, sdd_mm=1000)
