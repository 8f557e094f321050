"""Pairs, label silhouettes and centroids through the same geometry."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from drr_phantoms import centred, reference_phantom

from ReVerteRLib.devices import pick_device
from ReVerteRLib.drr import (
    POLY_90_KVP,
    AttenuationModel,
    Realism,
    project_labels,
    projections_for,
    simulate,
    simulate_pair,
)
from ReVerteRLib.errors import ArgumentError, GeometryError
from ReVerteRLib.geometry import Beam, View, triangulate
from ReVerteRLib.imaging import CtVolume, LabelVolume


@pytest.fixture
def ct() -> CtVolume:
    return CtVolume(*reference_phantom(), source="phantom")


def test_parallel_views_share_rows_and_height(ct):
    ap, lateral = projections_for(ct, spacing_mm=1.5)
    assert ap.image_hw[0] == lateral.image_hw[0]
    assert ap.origin_lps_mm[2] == pytest.approx(lateral.origin_lps_mm[2], abs=1e-9)
    assert (ap.view, lateral.view) == (View.AP, View.LATERAL)
    ball = np.array([[20.0, -35.0, 110.0]])
    assert ap.project(ball)[0, 0] == pytest.approx(lateral.project(ball)[0, 0], abs=1e-9)


@pytest.mark.parametrize("beam", list(Beam))
def test_a_pair_shows_the_whole_ct(ct, beam):
    pair = simulate_pair(ct, beam=beam, spacing_mm=2.0, device="cpu")
    for radiograph in pair:
        assert radiograph.projection.contains(radiograph.projection.project(ct.corners_lps_mm)).all()
        assert radiograph.image_hw.dtype == np.float32
        assert radiograph.source == "phantom"
        assert 3.0 < radiograph.image_hw.max() < 8.0


def test_a_pair_equals_its_two_single_views(ct):
    pair = simulate_pair(ct, spacing_mm=2.0, device="cpu")
    for radiograph in pair:
        alone = simulate(ct, radiograph.projection, device="cpu")
        np.testing.assert_allclose(alone.image_hw, radiograph.image_hw, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64, ">i2", np.dtype("<f4")])
def test_the_stored_number_type_does_not_matter_and_the_ct_is_not_changed(ct, dtype):
    expected = simulate_pair(ct, spacing_mm=3.0, device="cpu").ap.image_hw
    array = ct.array_kji.astype(dtype)
    array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = simulate_pair(CtVolume(array, ct.ijk_to_lps_mm), spacing_mm=3.0, device="cpu").ap.image_hw
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.array_equal(array.astype(np.int32), ct.array_kji)


def test_padding_values_below_air_count_as_air(ct):
    padded = np.where(ct.array_kji == -1000, -3024, ct.array_kji).astype(np.int16)
    found = simulate_pair(CtVolume(padded, ct.ijk_to_lps_mm), spacing_mm=3.0, device="cpu").lateral.image_hw
    np.testing.assert_allclose(found, simulate_pair(ct, spacing_mm=3.0, device="cpu").lateral.image_hw, rtol=1e-5)


def test_several_energies_give_less_than_their_mean_attenuation(ct):
    view = projections_for(ct, spacing_mm=3.0)[0]
    poly = simulate(ct, view, device="cpu", attenuation=AttenuationModel(bins=POLY_90_KVP)).image_hw
    single = [
        simulate(ct, view, device="cpu", attenuation=AttenuationModel(bins=(type(b)(b.energy_kev, 1.0),))).image_hw
        for b in POLY_90_KVP
    ]
    mean = sum(b.weight * image for b, image in zip(POLY_90_KVP, single, strict=True))
    thick = mean > 2.0
    assert np.all(poly[thick] < mean[thick])
    assert np.all(poly[thick] > single[-1][thick])
    np.testing.assert_allclose(poly[mean < 1e-3], mean[mean < 1e-3], atol=1e-4)


# --- labels and centroids ------------------------------------------------------------------------


def _two_balls(linear, shape=(70, 66, 74)) -> tuple[CtVolume, LabelVolume, dict[int, np.ndarray]]:
    matrix = centred(linear, shape, np.array([30.0, -10.0, 400.0]))
    middles = {7: np.array([24.0, -16.0, 410.0]), 300: np.array([37.0, -2.0, 388.0])}
    volume = LabelVolume(np.zeros(shape, np.uint16), matrix)
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    points = volume.to_lps(np.stack([i, j, k], -1).reshape(-1, 3)).reshape(*shape, 3)
    for label, middle in middles.items():
        volume.array_kji[((points - middle) ** 2).sum(axis=-1) < 9.0**2] = label
    hu = np.where(volume.array_kji > 0, 1000, -1000).astype(np.int16)
    return CtVolume(hu, matrix), volume, middles


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("kind", ["aligned", "oblique"])
def test_labels_centroids_and_picture_line_up(beam, kind, rng, random_frame):
    linear = np.diag([-1.0, 1.0, 1.0]) if kind == "aligned" else random_frame(rng, left_handed=True)[:3, :3]
    ct, labels, middles = _two_balls(linear / np.linalg.norm(linear, axis=0))
    pair = simulate_pair(ct, beam=beam, device="cpu", sad_mm=600, sdd_mm=800)
    seen = []
    for radiograph in pair:
        thickness = project_labels(labels, radiograph.projection, device="cpu")
        assert set(thickness) == {7, 300}
        total = sum(thickness.values())
        # an oblique label is sampled at other places than the whole oblique CT
        # and one along the axes has other sheets of slices
        tolerance = 0.02 if kind == "oblique" else 1e-3 if beam is Beam.PARALLEL else 0.01
        scaled = total * radiograph.image_hw.max() / total.max()
        np.testing.assert_allclose(radiograph.image_hw, scaled, atol=tolerance)
        rows_columns = np.stack(np.meshgrid(*(np.arange(n) for n in radiograph.image_hw.shape), indexing="ij"), -1)
        for label, middle in middles.items():
            assert thickness[label].max() == pytest.approx(18.0, rel=0.08)
            weight = thickness[label][..., None]
            centre = (rows_columns * weight).sum(axis=(0, 1)) / weight.sum()
            np.testing.assert_allclose(centre, radiograph.projection.project(middle)[0], atol=0.3)
            seen.append((label, radiograph.projection, centre))
    for label, middle in middles.items():
        found = triangulate([(projection, centre) for name, projection, centre in seen if name == label])
        assert np.linalg.norm(found.point_lps_mm - middle) < 0.5
        assert found.residual_mm < 0.5


def test_maximum_projections_of_a_mask_are_the_predicted_silhouettes(rng):
    shape = (37, 41, 45)
    mask = np.zeros(shape, np.uint8)
    for k, j, i in rng.integers(6, 30, (12, 3)):
        mask[k : k + 5, j : j + 4, i : i + 6] = 1
    labels = LabelVolume(mask, centred(np.eye(3), shape, np.array([5.0, 6.0, 7.0])))
    ap, lateral = projections_for(labels)
    for projection, axis in ((ap, 1), (lateral, 2)):
        silhouette = project_labels(labels, projection, device="cpu")[1] > 0.5
        expected = mask.max(axis=axis)[::-1].astype(bool)
        margin = [(n - m) // 2 for n, m in zip(silhouette.shape, expected.shape, strict=True)]
        inner = silhouette[margin[0] : -margin[0] or None, margin[1] : -margin[1] or None]
        assert np.array_equal(inner, expected)
        assert silhouette.sum() == expected.sum()


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("beam", list(Beam))
def test_every_voxel_of_a_mask_projects_into_its_silhouette(beam, left_handed, rng, random_frame):
    shape = (30, 32, 34)
    mask = np.zeros(shape, np.uint8)
    mask[8:20, 10:22, 5:28] = 3
    mask[18:26, 4:12, 10:16] = 3
    labels = LabelVolume(mask, random_frame(rng, left_handed=left_handed))
    centres = labels.to_lps(np.argwhere(mask)[:, ::-1])
    for projection in projections_for(labels, beam=beam, sad_mm=800, sdd_mm=1000):
        silhouette = project_labels(labels, projection, device="cpu")[3] > 0
        pixels = np.rint(projection.project(centres)).astype(int)
        assert silhouette[pixels[:, 0], pixels[:, 1]].all()
        hit = np.zeros_like(silhouette)
        corners = [labels.to_lps(np.argwhere(mask)[:, ::-1] + rng.uniform(-0.5, 0.5, 3)) for _ in range(80)]
        pixels = np.rint(projection.project(np.concatenate(corners))).astype(int)
        hit[pixels[:, 0], pixels[:, 1]] = True
        thick = project_labels(labels, projection, device="cpu")[3] > 4.0
        assert (thick & ~hit).sum() <= 0.01 * thick.sum()


# --- refusals ------------------------------------------------------------------------------------


def test_an_unknown_device_is_refused(ct):
    with pytest.raises(ArgumentError, match="tpu"):
        simulate_pair(ct, device="tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_asking_for_a_missing_gpu_says_so():
    with pytest.raises(ArgumentError, match="no usable CUDA device"):
        pick_device("cuda")
    assert pick_device("auto").type == "cpu"


def test_pixels_that_are_far_too_small_are_refused(ct):
    with pytest.raises(ArgumentError, match="too small"):
        simulate_pair(ct, spacing_mm=0.001)


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, float("nan")])
def test_impossible_pixel_sizes_are_refused(ct, spacing_mm):
    with pytest.raises(GeometryError, match="spacing"):
        simulate_pair(ct, spacing_mm=spacing_mm)


def test_a_source_inside_the_patient_is_refused(ct):
    with pytest.raises(GeometryError, match="inside the volume"):
        simulate_pair(ct, beam=Beam.CONE, sad_mm=50, sdd_mm=100)


def test_realism_is_seeded_and_differs_between_views_and_seeds(ct):
    noisy = Realism(photons=1e4)
    first, again, other = (simulate_pair(ct, spacing_mm=3.0, device="cpu", realism=noisy, seed=s) for s in (1, 1, 2))
    clean = simulate_pair(ct, spacing_mm=3.0, device="cpu")
    for a, b, c, d in zip(first, again, other, clean, strict=True):
        assert np.array_equal(a.image_hw, b.image_hw)
        assert not np.array_equal(a.image_hw, c.image_hw)
        assert 0.001 < np.abs(a.image_hw - d.image_hw).mean() < 0.3
