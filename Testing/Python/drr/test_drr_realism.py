"""Each step of realism changes what it should and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.drr import MetalRod, Realism, apply_realism
from ReVerteRLib.drr.realism import COLLIMATOR_TAU, chord_mm, metal_tau
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Beam, Projection, View

HW = (90, 110)


@pytest.fixture
def projection() -> Projection:
    return Projection(View.AP, Beam.CONE, HW, (1.0, 1.0), (-54.5, 0.0, 44.5), sad_mm=1000.0, sdd_mm=1300.0)


@pytest.fixture
def tau() -> np.ndarray:
    image = np.full(HW, 2.0, dtype=np.float32)
    image[:, :50] = 0.5
    return image


def test_without_settings_nothing_changes(tau, projection):
    result = apply_realism(tau, projection, Realism(), seed=3)
    np.testing.assert_allclose(result, tau, rtol=1e-6)
    assert result.dtype == np.float32


def test_quantum_noise_has_the_variance_of_a_poisson_count(tau, projection):
    photons = 5e4
    result = apply_realism(tau, projection, Realism(photons=photons), seed=3)
    for part, value in ((result[:, :50], 0.5), (result[:, 50:], 2.0)):
        assert part.mean() == pytest.approx(value, abs=2e-3)
        assert part.std() == pytest.approx(np.sqrt(np.exp(value) / photons), rel=0.05)
    assert np.array_equal(result, apply_realism(tau, projection, Realism(photons=photons), seed=3))
    assert not np.array_equal(result, apply_realism(tau, projection, Realism(photons=photons), seed=4))


def test_starved_pixels_stay_finite(projection):
    result = apply_realism(np.full(HW, 30.0, np.float32), projection, Realism(photons=100.0), seed=0)
    np.testing.assert_allclose(result, np.log(200.0), rtol=1e-6)


def test_scatter_adds_the_asked_share_of_intensity_and_lowers_contrast(tau, projection):
    result = apply_realism(tau, projection, Realism(scatter_fraction=0.4, scatter_sigma_mm=25.0))
    before, after = np.exp(-tau.astype(float)), np.exp(-result.astype(float))
    assert (after.sum() - before.sum()) / after.sum() == pytest.approx(0.4, abs=1e-3)
    assert result[:, 55].mean() - result[:, 45].mean() < 0.75 * 1.5  # contrast across the edge
    assert np.all(result < tau)


def test_blur_widens_an_edge_and_keeps_the_intensity(tau, projection):
    result = apply_realism(tau, projection, Realism(blur_fwhm_mm=6.0))
    assert np.exp(-result.astype(float)).mean() == pytest.approx(np.exp(-tau.astype(float)).mean(), rel=1e-3)
    profile = np.exp(-result[40].astype(float))
    line_spread = -np.diff(profile) / (np.exp(-0.5) - np.exp(-2.0))
    position = np.arange(line_spread.size)
    sigma = np.sqrt((line_spread * (position - 49.0) ** 2).sum())
    assert 2.355 * sigma == pytest.approx(6.0, rel=0.03)


def test_focal_blur_grows_with_magnification_and_vanishes_for_parallel_rays(tau, projection):
    import dataclasses

    spot = Realism(focal_spot_mm=8.0)
    change = []
    for sdd in (1050.0, 1300.0, 1900.0):
        nearer = dataclasses.replace(projection, sdd_mm=sdd)
        change.append(np.abs(apply_realism(tau, nearer, spot) - tau).sum())
    assert change[0] < change[1] < change[2]
    parallel = dataclasses.replace(projection, beam=Beam.PARALLEL)
    np.testing.assert_allclose(apply_realism(tau, parallel, spot), tau, rtol=1e-6)


def test_shutters_cover_just_their_borders(tau, projection):
    result = apply_realism(tau, projection, Realism(collimation_mm=(5.0, 7.0, 3.0, 11.0)))
    shut = np.ones(HW, dtype=bool)
    shut[5:-7, 3:-11] = False
    np.testing.assert_allclose(result - tau, COLLIMATOR_TAU * shut, atol=1e-5)


def test_grid_lines_have_their_period_and_contrast(tau, projection):
    result = apply_realism(tau, projection, Realism(grid_period_mm=5.5, grid_contrast=0.08))
    lines = (result - tau)[0]
    assert np.ptp(lines) == pytest.approx(0.08, rel=0.05)
    spectrum = np.abs(np.fft.rfft(lines - lines.mean()))
    assert spectrum.argmax() == HW[1] / 5.5
    assert np.ptp(result - tau, axis=0).max() < 1e-5


def test_metal_adds_its_chord_where_its_shadow_lies(tau, projection):
    rod = MetalRod((-20.0, 10.0, 25.0), (30.0, 10.0, -15.0), radius_mm=3.0, attenuation_per_mm=0.25)
    result = apply_realism(tau, projection, Realism(metal=(rod,)))
    added = result - tau
    middle = projection.project([(5.0, 10.0, 5.0)])[0]
    row, column = np.rint(middle).astype(int)
    assert added[row, column] == pytest.approx(0.25 * 6.0, rel=0.05)
    ends = projection.project([rod.start_lps_mm, rod.end_lps_mm])
    rows, columns = np.nonzero(added > 0)
    np.testing.assert_allclose([rows.min(), rows.max()], sorted(ends[:, 0]), atol=4)
    np.testing.assert_allclose([columns.min(), columns.max()], sorted(ends[:, 1]), atol=4)


def test_the_rods_of_both_views_hold_the_same_metal(rng):
    rod = MetalRod((-12.0, 4.0, 9.0), (8.0, -11.0, -14.0), radius_mm=2.5, attenuation_per_mm=1.0)
    volume_mm3 = np.pi * 2.5**2 * np.linalg.norm(np.subtract(rod.end_lps_mm, rod.start_lps_mm))
    box = rng.uniform(-40, 40, (50, 3))
    for view in View:
        wide = Projection.covering(view, box, spacing_mm=0.5)
        assert metal_tau(wide, (rod,)).sum() * 0.25 == pytest.approx(volume_mm3, rel=0.01)


def test_chords_of_a_cylinder_are_exact_along_and_across_it():
    rod = MetalRod((0.0, 0.0, 0.0), (0.0, 0.0, 10.0), radius_mm=2.0)
    points = np.array([[0.0, 0.0, 5.0], [1.0, 0.0, 5.0], [0.5, 0.5, 3.0], [3.0, 0.0, 5.0], [0.0, 0.0, 12.0]])
    across = np.tile([0.0, 1.0, 0.0], (5, 1))
    np.testing.assert_allclose(chord_mm(rod, points, across), [4, 2 * np.sqrt(3), 2 * np.sqrt(3.75), 0, 0], atol=1e-12)
    along = np.tile([0.0, 0.0, 1.0], (5, 1))
    np.testing.assert_allclose(chord_mm(rod, points, along), [10, 10, 10, 0, 10], atol=1e-12)
    slanted = np.tile([0.0, np.sqrt(0.5), np.sqrt(0.5)], (1, 1))
    np.testing.assert_allclose(chord_mm(rod, points[:1], slanted), [4 * np.sqrt(2)], atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{"photons": -1.0}, {"scatter_fraction": 1.0}, {"blur_fwhm_mm": float("nan")}, {"collimation_mm": (0, 0, -1, 0)}],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ArgumentError):
        Realism(**settings)
