"""The fast ways against the slow one: slices against planes across the beam, sums in the memory's order."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from drr_phantoms import centred

from ReVerteRLib.drr import aligned, project, project_views, projector
from ReVerteRLib.drr.attenuation import above_air, air_to_water_part, water_to_bone_part
from ReVerteRLib.drr.march import march
from ReVerteRLib.drr.ramp import Ramp, as_float, written
from ReVerteRLib.drr.rays import slice_rays
from ReVerteRLib.drr.warp import axis_view
from ReVerteRLib.geometry import Beam, Projection, View

CENTRE = np.array([11.0, -23.0, 57.0])
SHAPE = (40, 44, 36)


def _smooth(shape=SHAPE) -> torch.Tensor:
    """Blobs much wider than a voxel, zero at the border."""
    rng = np.random.default_rng(11)
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    total = np.zeros(shape)
    for _ in range(6):
        z, y, x = rng.uniform(-0.4, 0.4, 3)
        total += rng.uniform(0.5, 1.5) * np.exp(-((k - z) ** 2 + (j - y) ** 2 + (i - x) ** 2) / 0.05)
    return torch.from_numpy((total * (np.maximum(np.maximum(abs(k), abs(j)), abs(i)) < 0.95)).astype(np.float32))


def _turned(degrees: tuple[float, float, float], spacing=(1.1, 0.9, 1.3), left_handed=False) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    linear = Rotation.from_euler("zyx", degrees, degrees=True).as_matrix() * np.array(spacing)
    return centred(linear * ([-1, 1, 1] if left_handed else [1, 1, 1]), SHAPE, CENTRE)


def _view(view: View, beam: Beam, matrix: np.ndarray) -> Projection:
    ends = np.array(list(itertools.product((0, 1), repeat=3))) * (np.array(SHAPE[::-1]) - 1)
    corners = ends @ matrix[:3, :3].T + matrix[:3, 3]
    return Projection.covering(view, corners, spacing_mm=1.0, beam=beam, sad_mm=250, sdd_mm=350)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("degrees", [(0.5, 0, 0), (10, -7, 5), (40, 20, -30), (0, 90, 12), (35.3, 45, 0)])
def test_slices_give_what_planes_across_the_beam_give(degrees, view, beam):
    volume, matrix = _smooth(), _turned(degrees, left_handed=True)
    projection = _view(view, beam, matrix)
    assert slice_rays(torch.from_numpy(matrix), projection, SHAPE) is not None
    fast = project(volume, matrix, projection, "cpu")
    slow = march(volume, matrix, projection, as_float)
    assert slow.max() > 10
    assert (fast - slow).abs().max() < 0.01 * slow.max()
    assert float(fast.sum()) == pytest.approx(float(slow.sum()), rel=2e-3)


def test_every_slice_axis_was_used():
    seen = set()
    for degrees in [(10, 0, 0), (80, 0, 0), (0, 10, 80)]:
        matrix = _turned(degrees)
        rays = slice_rays(torch.from_numpy(matrix), _view(View.AP, Beam.CONE, matrix), SHAPE)
        seen.add(rays.dim)
    assert seen == {0, 1, 2}


def test_many_poses_at_once_equal_single_ones():
    volume, matrix = _smooth(), _turned((0, 0, 0))
    first = _view(View.AP, Beam.CONE, matrix)
    views = [first]
    for angle in (3.0, 20.0, 75.0):
        turn = np.eye(3)
        a = np.deg2rad(angle)
        turn[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
        moved = {
            "origin_lps_mm": tuple(CENTRE + turn @ (np.array(first.origin_lps_mm) - CENTRE)),
            "column_direction": tuple(turn @ np.array(first.column_direction)),
            "beam_direction": tuple(turn @ np.array(first.beam_direction)),
        }
        views.append(dataclasses.replace(first, **moved))
    for view, image in zip(views, project_views(volume, matrix, views, "cpu"), strict=True):
        np.testing.assert_array_equal(image, project(volume, matrix, view, "cpu"))


def test_beams_too_wide_for_slices_are_still_right():
    volume, matrix = torch.ones(SHAPE), _turned((30, 0, 0), spacing=(1.0, 1.0, 1.0))
    wide = Projection(
        View.AP, Beam.CONE, (90, 400), (1.0, 1.0), tuple(CENTRE + np.array([-200.0, 0, 45.0])), sad_mm=60, sdd_mm=90
    )
    assert slice_rays(torch.from_numpy(matrix), wide, SHAPE) is None
    found = project(volume, matrix, wide, "cpu")
    np.testing.assert_array_equal(found, march(volume, matrix, wide, as_float))
    assert float(found.max()) > 30


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.SLOT])
def test_an_oblique_source_inside_the_volume_sees_only_what_lies_before_it(beam):
    volume = torch.zeros(SHAPE)
    volume[:, :12] = 1.0  # towards the source in the AP view
    matrix = _turned((4, 0, 0), spacing=(1.0, 1.0, 1.0))
    behind = Projection(
        View.AP, beam, (11, 11), (1.0, 1.0), tuple(CENTRE + np.array([-5.0, 0, 5.0])), sad_mm=6.0, sdd_mm=60.0
    )
    assert not project(volume, matrix, behind, "cpu").any()
    assert project(1 - volume, matrix, behind, "cpu").min() > 5


# --- sums and ramps ------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parallel_views_do_not_depend_on_the_order_in_memory(order, rng):
    stored = rng.integers(-1100, 2000, (23, 31, 27)).astype(np.int16)
    inverse = np.argsort(order)
    volume = torch.from_numpy(np.ascontiguousarray(stored.transpose(order))).permute(*inverse.tolist())
    assert volume.shape == stored.shape
    matrix = centred(np.diag([1.0, 1.0, 1.0]), stored.shape, CENTRE)
    ends = np.array([[0, 0, 0], [26, 30, 22]]) + matrix[:3, 3]
    views = [Projection.covering(view, ends) for view in View]
    ap, lateral = project_views(volume, matrix, views, "cpu", above_air)
    expected = np.maximum(stored.astype(np.float64), -1000) + 1000
    np.testing.assert_allclose(ap, expected.sum(1)[::-1], rtol=1e-5)
    np.testing.assert_allclose(lateral, expected.sum(2)[::-1], rtol=1e-5)


@pytest.mark.parametrize("ramp", [as_float, above_air, air_to_water_part, water_to_bone_part, Ramp(-3.5, 200.0)])
@pytest.mark.parametrize("dtype", [torch.int16, torch.uint8, torch.float32, torch.float64])
def test_a_ramp_written_in_place_equals_the_plain_formula(ramp, dtype):
    values = torch.linspace(0 if dtype == torch.uint8 else -2000, 250, 61).to(dtype)
    kept = values.clone()
    low, high = (-np.inf if ramp.low is None else ramp.low), (np.inf if ramp.high is None else ramp.high)
    expected = np.clip(values.double().numpy(), low, high) - (ramp.low or 0.0)
    memory = torch.full((61,), 7.0)
    np.testing.assert_allclose(written(ramp, values, memory), expected, rtol=1e-6)
    np.testing.assert_allclose(ramp(values), expected, rtol=1e-6)
    np.testing.assert_allclose(written(ramp.__call__, values, memory), expected, rtol=1e-6)
    assert torch.equal(values, kept)


# --- pictures along the volume's axes ------------------------------------------------------------


@pytest.mark.parametrize("beam", [Beam.PARALLEL, Beam.CONE])
@pytest.mark.parametrize("spacing", [0.3, 0.7, 1.4, 1.9])
def test_a_resampled_picture_is_as_exact_as_samples_on_slices(beam, spacing, rng):
    """Noise from voxel to voxel, the hardest case; both are compared with fine planes across the beam."""
    volume = torch.from_numpy(rng.uniform(0, 1, SHAPE).astype(np.float32))
    matrix = _turned((25, -12, 8), spacing=(1.0, 1.0, 1.0))
    projection = dataclasses.replace(_view(View.AP, beam, matrix), spacing_mm=(spacing, spacing))
    height, width = (int(n / spacing) for n in projection.image_hw)
    projection = dataclasses.replace(projection, image_hw=(height, width))
    fine = _refined(volume, matrix)
    truth = march(*fine, projection, as_float)
    error = {}
    view = axis_view(matrix, SHAPE, projection)
    if spacing < 1.5:
        assert view is not None
    else:
        assert view is None  # samples on slices cost no more
        return
    (resampled,) = projector._warped(volume, matrix, [projection], as_float)
    (sampled,) = projector._joseph(volume, matrix, [projection], as_float)
    for name, image in (("resampled", resampled), ("sampled", sampled)):
        error[name] = float((image - truth).square().mean().sqrt() / truth.square().mean().sqrt())
    assert error["resampled"] < 1.5 * error["sampled"]
    assert error["resampled"] < (0.03 if spacing < 1.0 else 0.05)  # a single ray misses voxels of coarse pixels
    np.testing.assert_array_equal(project(volume, matrix, projection, "cpu"), resampled)


def _refined(volume: torch.Tensor, matrix: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """The linear interpolation of a volume on a grid four times as fine."""
    padded = torch.nn.functional.pad(volume, (1,) * 6)
    size = [4 * (n - 1) + 1 for n in padded.shape]
    fine = torch.nn.functional.interpolate(padded[None, None], size, mode="trilinear", align_corners=True)[0, 0]
    moved = matrix.copy()
    moved[:3, :3] /= 4.0
    moved[:3, 3] -= matrix[:3, :3] @ np.ones(3)
    return fine, moved


def test_views_that_no_picture_along_an_axis_holds_go_the_other_ways():
    matrix = _turned((25, -12, 8))
    assert axis_view(matrix, SHAPE, _view(View.AP, Beam.SLOT, matrix)) is None
    sheared = matrix.copy()
    sheared[:3, 1] += 0.1 * sheared[:3, 0]
    fine = dataclasses.replace(_view(View.AP, Beam.CONE, matrix), spacing_mm=(0.5, 0.5))
    assert axis_view(matrix, SHAPE, fine) is not None
    assert axis_view(sheared, SHAPE, fine) is None
    near = dataclasses.replace(fine, sad_mm=6.0, sdd_mm=60.0)
    assert axis_view(matrix, SHAPE, near) is None


def test_a_view_past_the_volume_is_empty():
    volume, matrix = torch.ones(SHAPE), _turned((25, -12, 8))
    fine = dataclasses.replace(_view(View.AP, Beam.CONE, matrix), spacing_mm=(0.5, 0.5))
    below = tuple((np.array(fine.origin_lps_mm) + np.array([0.0, 0.0, 900.0])).tolist())
    beside = dataclasses.replace(fine, origin_lps_mm=below, principal_point_rc=(1800.0, 50.0))
    assert not project(volume, matrix, beside, "cpu").any()


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.SLOT])
@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("spacing", [0.7, 1.6])
def test_a_deep_volume_is_added_up_over_all_its_slabs(view, beam, spacing):
    """More slices across the beam than one slab or one set of taps holds, and an odd number of them."""
    shape = (40, 301, 36) if view is View.AP else (40, 36, 301)
    matrix = centred(np.diag([1.0, 1.0, 1.0]), shape, CENTRE)
    ends = np.array(list(itertools.product((0, 1), repeat=3))) * (np.array(shape[::-1]) - 1)
    corners = ends @ matrix[:3, :3].T + matrix[:3, 3]
    projection = Projection.covering(view, corners, spacing_mm=spacing, beam=beam, sad_mm=900, sdd_mm=1200)
    volume = _smooth(shape)
    fast, slow = project(volume, matrix, projection, "cpu"), march(volume, matrix, projection, as_float)
    assert slow.max() > 30
    limit = 0.01 if spacing < 1 else 0.03  # coarse pixels are means, planes have one sample for each
    assert (fast - slow).abs().max() < limit * slow.max()
    assert fast.is_contiguous()


def test_sheets_of_slices_are_as_thick_as_the_rays_allow_and_change_little(rng, monkeypatch):
    shape = (60, 57, 64)
    matrix = centred(np.diag([1.0, 1.0, 1.0]), shape, CENTRE)
    volume = torch.from_numpy(rng.uniform(0, 1, shape).astype(np.float32))
    ends = np.array(list(itertools.product((0, 1), repeat=3))) * (np.array(shape[::-1]) - 1)
    corners = ends @ matrix[:3, :3].T + matrix[:3, 3]

    def thickness(sad_mm, spacing_mm):
        projection = Projection.covering(
            View.AP, corners, spacing_mm=spacing_mm, beam=Beam.CONE, sad_mm=sad_mm, sdd_mm=2e5
        )
        return aligned.sheet_thickness([(aligned.Alignment.of(volume, matrix, projection), projection)]), projection

    assert [thickness(sad, 1.0)[0] for sad in (60, 400, 900, 1e5)] == [1, 3, 6, 8]
    assert thickness(400, 2.0)[0] > 3
    _, projection = thickness(400, 1.0)
    thick = project(volume, matrix, projection, "cpu")
    monkeypatch.setattr(aligned, "_SHEET_SHIFT", 0.0)
    thin = project(volume, matrix, projection, "cpu")
    assert thickness(400, 1.0)[0] == 1
    # voxel noise is the worst there can be
    assert 0.0 < ((thick - thin).square().mean() / thin.square().mean()).sqrt() < 6e-3
