"""Synthetic patients: the same seed gives the same patient, the mask follows the deformation."""

from __future__ import annotations

import numpy as np
import pytest
from block_phantom import block_spine

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.deformation import DeformationSettings, SpineDeformation
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.synthesis import SYNTHETIC, SyntheticPatient, prepare_source, synthesise_ct
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import PatchGrid


@pytest.fixture(scope="module")
def spine():
    return block_spine()


@pytest.fixture(scope="module")
def source(spine):
    return prepare_source(*spine)


def centres(count: int = 8) -> np.ndarray:
    z = np.linspace(0.0, 200.0, count)
    return np.stack([3 * np.sin(z / 60), 20 * np.sin(z / 90), z], axis=1)


def test_the_identity_changes_nothing(rng):
    points = rng.uniform([-60, -60, 0], [60, 60, 200], (200, 3))
    assert np.abs(SpineDeformation.identity(centres()).to_source(points) - points).max() < 1e-6


def test_to_patient_inverts_to_source(rng):
    for seed in range(5):
        deformation = SpineDeformation.random(centres(), np.random.default_rng(seed))
        points = rng.uniform([-45, -45, 20], [45, 60, 180], (100, 3))
        back = deformation.to_source(deformation.to_patient(points))
        assert np.abs(back - points).max() < 0.05


def test_random_patients_differ_and_stay_anatomical():
    moved = []
    for seed in range(12):
        deformation = SpineDeformation.random(centres(), np.random.default_rng(seed))
        patient = deformation.to_patient(centres())
        moved.append(patient)
        gaps = np.linalg.norm(np.diff(patient, axis=0), axis=1)
        assert gaps.min() > 0.6 * 28 and gaps.max() < 1.6 * 32  # noqa: PT018
    assert np.std([m[:, 1] for m in moved], axis=0).max() > 2.0


def test_a_synthetic_ct_has_bone_where_the_mask_has(spine):
    labels, centroids = spine
    ct = synthesise_ct(labels, centroids, seed=3, spacing_mm=1.5)
    rim = np.array([c.position_lps_mm for c in centroids]) + np.array([20.5, 0.0, 0.0])
    ijk = np.round(ct.to_ijk(rim)).astype(int)
    shell = ct.array_kji[ijk[:, 2], ijk[:, 1], ijk[:, 0]]
    assert shell.min() > 150.0
    skin = ct.array_kji[:, 0, :]
    assert np.median(skin) < -500.0
    assert ct.source.startswith(SYNTHETIC)


def test_the_seed_decides_everything(spine):
    first, again, other = (synthesise_ct(*spine, seed=s, spacing_mm=3.0).array_kji for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_an_undeformed_patients_mask_is_the_source_mask(spine, source):
    labels, centroids = spine
    level = level_from_name("L2")
    grid = PatchGrid(centroids.get(level).position_lps_mm, posterior_offset_mm=12.0)
    expected = mask_on_grid(labels, level.verse_label, grid)
    mask = SyntheticPatient(source, seed=0).mask(level, grid)
    dice = 2 * (mask & expected).sum() / (mask.sum() + expected.sum())
    assert dice > 0.97


def test_mask_and_ct_of_a_deformed_patient_agree(source):
    patient = SyntheticPatient(source, seed=11, deformation=DeformationSettings())
    ct = patient.ct(1.5)
    for level in source.levels[1:3]:
        grid = PatchGrid(patient.centroids.get(level).position_lps_mm)
        mask = patient.mask(level, grid)
        assert mask.sum() > 5000
        points = grid.points_lps_mm(np.argwhere(mask)[::37])
        ijk = np.round(ct.to_ijk(points)).astype(int)
        inside = ((ijk >= 0) & (ijk < ct.array_kji.shape[::-1])).all(axis=1)
        i, j, k = ijk[inside].T
        assert np.median(ct.array_kji[k, j, i]) > 120.0  # denser than flesh (under 70) and disc (under 121)
        assert np.linalg.norm(np.argwhere(mask).mean(axis=0) - grid.centroid_zyx) < 25.0


def test_a_mask_without_vertebrae_is_refused(spine):
    labels, _ = spine
    with pytest.raises(DatasetError, match="no labelled vertebra"):
        prepare_source(labels, CentroidSet(()))
