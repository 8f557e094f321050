"""Against analytic bodies and against ITK-RTK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drr_phantoms import REFERENCE_CT, centred, reference_phantom, reference_projections, sampled

from ReVerteRLib.drr import AttenuationModel, project, projections_for, simulate
from ReVerteRLib.drr.attenuation import above_air
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging import CtVolume, read_ct

RTK = Path(__file__).parents[1] / "data" / "rtk"
CENTRE = np.array([11.0, -23.0, 57.0])
WATER_PER_MM = float(AttenuationModel().per_mm(0.0)[0])


def _rays(projection: Projection) -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in projection.image_hw), indexing="ij"), -1)
    return projection.back_project(grid.reshape(-1, 2))


def _linear(kind: str, rng, random_frame) -> np.ndarray:
    if kind == "aligned":
        return np.diag([-1.0, 1.0, 1.0]) * [1.0, 1.2, 0.8]
    linear = random_frame(rng, left_handed=True)[:3, :3]
    return linear / np.linalg.norm(linear, axis=0) * [1.0, 1.2, 0.8]


RADIUS = 32.0


@pytest.fixture(scope="module", params=["aligned", "oblique"])
def sphere(request, random_frame) -> CtVolume:
    """A ball of water around CENTRE in air, with true partial volumes at its rim."""
    shape = (92, 78, 86)
    linear = _linear(request.param, np.random.default_rng(5), random_frame)
    matrix = centred(linear, shape, CENTRE + np.array([3.0, -2.0, 1.0]))
    share = sampled(lambda p: ((p - CENTRE) ** 2).sum(axis=1) < RADIUS**2, matrix, shape, parts=2)
    return CtVolume((share * 1000 - 1000).astype(np.float32), matrix)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_a_sphere_of_water_casts_its_analytic_shadow(view, beam, sphere):
    projection = projections_for(sphere, beam=beam, spacing_mm=1.1, sad_mm=700, sdd_mm=900)[view is View.LATERAL]
    found = simulate(sphere, projection, device="cpu").image_hw.ravel() / WATER_PER_MM
    points, directions = _rays(projection)
    away = points - CENTRE
    distance = np.linalg.norm(away - (away * directions).sum(axis=1, keepdims=True) * directions, axis=1)
    expected = 2 * np.sqrt(np.maximum(RADIUS**2 - distance**2, 0))
    interior, middle = distance < 0.9 * RADIUS, distance < 3.0
    assert np.sqrt(np.mean((found - expected)[interior] ** 2)) < 0.01 * np.sqrt(np.mean(expected[interior] ** 2))
    assert np.abs(found[middle] / expected[middle] - 1).max() < 0.01
    assert np.abs(found[distance > RADIUS + 2.5]).max() < 0.01 * 2 * RADIUS


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_a_cube_of_water_casts_its_analytic_shadow(view, beam):
    shape = (70, 66, 74)
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[10:60, 8:58, 12:62] = 0  # 50 mm each way
    matrix = centred(np.eye(3), shape, CENTRE)
    ct = CtVolume(hu, matrix)
    projection = projections_for(ct, beam=beam, sad_mm=500, sdd_mm=700)[view is View.LATERAL]
    found = simulate(ct, projection, device="cpu").image_hw.ravel() / WATER_PER_MM
    points, directions = _rays(projection)
    low, high = ct.to_lps([(11.5, 7.5, 9.5), (61.5, 57.5, 59.5)])
    expected = _length_in_box(points, directions, low, high)
    # rays through front and back that keep 1.5 mm off the other faces
    deep = _length_in_box(points, directions, low + 1.5, high - 1.5) > 46.9
    assert deep.sum() > 500
    assert np.abs(found[deep] / expected[deep] - 1).max() < 0.01
    assert np.sqrt(np.mean((found - expected)[deep] ** 2)) < 0.01 * 50
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.06 * np.sqrt(np.mean(expected**2))  # with the blurred rim


def _length_in_box(points, directions, low, high) -> np.ndarray:
    slopes = np.where(np.abs(directions) < 1e-12, 1e-12, directions)
    ends = np.sort(np.stack([low - points, high - points]) / slopes, axis=0)
    return np.maximum(ends[1].min(axis=1) - ends[0].max(axis=1), 0)


def _assert_like_rtk(name: str, stored: np.ndarray, matrix: np.ndarray, beam_views=reference_projections) -> None:
    reference = np.load(RTK / f"joseph_{name}.npz")
    for projection in beam_views(stored.shape, matrix):
        found = project(torch.from_numpy(stored), matrix, projection, "cpu", above_air).numpy().astype(np.float64)
        expected = reference[projection.view.value].astype(np.float64)
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999
        assert np.sqrt(np.mean((found - expected) ** 2)) < 0.02 * np.sqrt(np.mean(expected**2))


def test_cone_beams_agree_with_rtk_on_a_phantom():
    _assert_like_rtk("phantom", *reference_phantom())


def test_cone_beams_agree_with_rtk_on_a_real_ct(data_root):
    if not (data_root / REFERENCE_CT).is_file():
        pytest.skip(f"no {REFERENCE_CT} in {data_root}")
    ct = read_ct(data_root / REFERENCE_CT)
    _assert_like_rtk("ct", ct.array_kji, ct.ijk_to_lps_mm)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("spacing_mm", [0.5, 1.0, 2.3, 3.0])
def test_coarse_pixels_skip_no_voxel(beam, spacing_mm, rng):
    """The mean of the picture does not depend on the pixel size, even for voxel noise."""
    shape = (60, 64, 68)
    volume = torch.from_numpy(rng.uniform(0, 1, shape).astype(np.float32) ** 4)
    matrix = centred(np.eye(3), shape, CENTRE)
    for view in View:
        ct = CtVolume(volume.numpy(), matrix)
        p = Projection.covering(view, ct.corners_lps_mm, spacing_mm=spacing_mm, beam=beam, sad_mm=5e4, sdd_mm=6e4)
        total = project(volume, matrix, p, "cpu").sum().item() * spacing_mm**2
        assert total == pytest.approx(volume.sum().item(), rel=0.01)


def test_coarse_pixels_skip_no_voxel_of_an_oblique_volume(rng, random_frame):
    shape = (61, 50, 43)
    volume = torch.from_numpy(rng.uniform(0, 1, shape).astype(np.float32) ** 4)
    linear = random_frame(rng, left_handed=True)[:3, :3]
    matrix = centred(linear / np.linalg.norm(linear, axis=0), shape, CENTRE)
    corners = CtVolume(volume.numpy(), matrix).corners_lps_mm
    for view in View:
        p = Projection.covering(view, corners, spacing_mm=2.3)
        total = project(volume, matrix, p, "cpu").sum().item() * 2.3**2
        assert total == pytest.approx(volume.sum().item(), rel=0.01)


def test_rays_that_miss_the_volume_are_zero():
    hu = np.zeros((20, 20, 20), dtype=np.int16)
    ct = CtVolume(hu, np.eye(4))
    far = Projection.covering(View.AP, ct.corners_lps_mm + np.array([300.0, 0, 0]), beam=Beam.CONE)
    assert not simulate(ct, far, device="cpu").image_hw.any()


def test_what_lies_behind_the_source_casts_no_shadow():
    volume = np.full((40, 40, 40), -1000.0, dtype=np.float32)
    volume[:, :10, :] = 1000.0  # in front (towards the source) in the AP view
    matrix = centred(np.eye(3), volume.shape, np.zeros(3))
    view = Projection(View.AP, Beam.CONE, (41, 41), (1.0, 1.0), (-20.0, 0.0, 20.0), sad_mm=9.0, sdd_mm=60.0)
    assert not simulate(CtVolume(volume, matrix), view, device="cpu").image_hw.any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("kind", ["aligned", "oblique"])
def test_cpu_and_gpu_give_the_same_picture(beam, kind, rng, random_frame):
    shape = (60, 64, 68)
    hu = rng.integers(-1100, 1500, shape).astype(np.int16)
    ct = CtVolume(hu, centred(_linear(kind, rng, random_frame), shape, CENTRE))
    for projection in projections_for(ct, beam=beam):
        on_cpu, on_gpu = (simulate(ct, projection, device=d).image_hw for d in ("cpu", "cuda"))
        np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4 * on_cpu.max())
