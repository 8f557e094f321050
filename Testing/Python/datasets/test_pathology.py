"""Rich patients: what is ill is ill in CT and mask, what is foreign is in the CT alone, nothing is there when off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from block_phantom import block_spine

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.contact_sheet import draw_contact_sheet
from ReVerteRLib.datasets.deformation import DeformationSettings
from ReVerteRLib.datasets.foreign import Canvas, ForeignPainter
from ReVerteRLib.datasets.pathology import vertebra_frame, with_ailments
from ReVerteRLib.datasets.patient_settings import AilmentSettings, ForeignSettings, PatientSettings
from ReVerteRLib.datasets.synthesis import SyntheticPatient, prepare_source
from ReVerteRLib.drr import simulate_pair
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import PatchGrid

BREAKS = AilmentSettings(fracture_chance=1.0, fractures=1, height_loss=(0.4, 0.45), spur_chance=0.0)
SPURS = AilmentSettings(fracture_chance=0.0, spur_chance=1.0, spur_share=1.0, spur_mm=(4.0, 7.0))
NOTHING = ForeignSettings(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def source():
    return prepare_source(*block_spine())


def only(name: str) -> ForeignSettings:
    return dataclasses.replace(NOTHING, **{f"{name}_chance": 1.0})


def rich_patient(source, seed: int, **parts) -> SyntheticPatient:
    settings = PatientSettings.rich()
    return SyntheticPatient(
        source, seed=seed, deformation=DeformationSettings(), settings=dataclasses.replace(settings, **parts)
    )


def values_under(ct, grid: PatchGrid, mask: np.ndarray) -> np.ndarray:
    """HU of the CT at the patch's mask voxels, without those beyond the scan."""
    ijk = np.round(ct.to_ijk(grid.points_lps_mm(np.argwhere(mask)))).astype(int)
    i, j, k = ijk[((ijk >= 0) & (ijk < ct.array_kji.shape[::-1])).all(axis=1)].T
    return ct.array_kji[k, j, i]


def test_settings_that_are_off_leave_the_patient_as_it_was(source):
    plain = SyntheticPatient(source, seed=4, deformation=DeformationSettings())
    same = SyntheticPatient(source, seed=4, deformation=DeformationSettings(), settings=PatientSettings())
    assert np.array_equal(plain.ct(3.0).array_kji, same.ct(3.0).array_kji)
    foreign = SyntheticPatient(
        source, seed=4, deformation=DeformationSettings(), settings=PatientSettings(foreign=ForeignSettings(1, 1, 1, 1))
    )
    assert not np.array_equal(plain.ct(3.0).array_kji, foreign.ct(3.0).array_kji)
    level = level_from_name("L1")
    grid = PatchGrid(plain.centroids.get(level).position_lps_mm)
    assert np.array_equal(plain.mask(level, grid), foreign.mask(level, grid))


def test_the_frame_of_a_block_is_the_block(source):
    frame = vertebra_frame(source, level_from_name("L1"))
    assert frame.top == pytest.approx(12.0, abs=1.5)
    assert frame.bottom == pytest.approx(-12.0, abs=1.5)
    assert frame.front == pytest.approx(-15.5, abs=1.5)


def test_a_broken_body_is_lower_and_its_neighbours_are_whole(source):
    for seed in range(4):
        broken = with_ailments(source, np.random.default_rng(seed), BREAKS)
        assert len(broken.settled) == 1
        level = broken.settled[0].level
        before = (source.labels == level.verse_label).sum()
        after = (broken.labels == level.verse_label).sum()
        assert 0.5 * before < after < 0.95 * before
        others = source.labels * (source.labels != level.verse_label)
        assert np.array_equal(others, broken.labels * (broken.labels != level.verse_label))
        assert np.array_equal(broken.labels > 0, broken.distance_mm > 0)
        assert 1.0 < broken.settled[0].lost_mm < 12.0
    assert (source.labels > 0).sum() == sum((source.labels == level.verse_label).sum() for level in source.levels)


def test_spurs_grow_on_the_bone_and_nowhere_into_another(source):
    grown = with_ailments(source, np.random.default_rng(1), SPURS)
    new = grown.labels != source.labels
    assert 200 < new.sum() < 0.2 * (source.labels > 0).sum()
    assert not source.labels[new].any()
    assert np.array_equal(grown.labels > 0, grown.distance_mm > 0)


def test_mask_and_ct_of_ill_patients_agree(source):
    both = dataclasses.replace(SPURS, fracture_chance=1.0, height_loss=(0.4, 0.45))
    for seed in (1, 2):
        patient = rich_patient(source, seed, ailments=both, foreign=None)
        assert patient.source.settled
        ct = patient.ct(2.0)
        for level in patient.source.levels[1:3]:
            grid = PatchGrid(patient.centroids.get(level).position_lps_mm)
            mask = patient.mask(level, grid)
            assert mask.sum() > 4000
            inside = values_under(ct, grid, mask)
            assert (inside > 120.0).mean() > 0.9  # denser than flesh and disc, but for the partial volume at the rim
            ring = np.zeros_like(mask)
            ring[:, :-5] |= mask[:, 5:]  # 5 mm in front of the bone
            ring &= ~mask
            assert np.median(values_under(ct, grid, ring)) < 120.0 < np.median(inside)


def test_what_is_grown_is_in_the_patients_mask_and_ct(source):
    """The mask of the ill patient, looked up where the healthy source has no bone, is bone in the CT."""
    patient = rich_patient(source, 6, ailments=SPURS, foreign=None, posture=None, shape=None)
    healthy = rich_patient(source, 6, ailments=None, foreign=None, posture=None, shape=None)
    level = level_from_name("L1")
    grid = PatchGrid(patient.centroids.get(level).position_lps_mm)
    new = patient.mask(level, grid) & ~healthy.mask(level, grid)
    assert new.sum() > 100
    ill, well = (np.mean(values_under(p.ct(2.0), grid, new)) for p in (patient, healthy))
    assert ill > well + 100.0


def test_each_foreign_thing_is_dense_and_only_in_the_ct(source):
    patient = rich_patient(source, 3, ailments=None, foreign=None)
    ct = patient.ct(2.0)
    for name, brighter in (("screws", 2000.0), ("cement", 800.0), ("aorta", 200.0), ("cables", 300.0)):
        canvas = Canvas(ct.array_kji.copy(), ct.ijk_to_lps_mm[:3, 3], 2.0)
        painter = ForeignPainter(source, patient.centroids, patient.deformation, np.random.default_rng(0))
        drawn = painter.paint(canvas, only(name))
        added = canvas.volume - ct.array_kji
        assert drawn == (name,) if name != "screws" else True, name  # blocks have no pedicles in some postures
        if drawn:
            assert added.min() >= 0.0
            assert added.max() > brighter, name
            assert (added > 1.0).mean() < 0.03, name
    assert painter.paint(canvas, only("necklace")) == ()  # no neck to hang it on


def test_thin_lines_keep_their_mass():
    volume = np.zeros((20, 20, 40), dtype=np.float32)
    Canvas(volume, np.zeros(3), 1.5).line(np.array([[6.0, 15.0, 15.0], [50.0, 15.0, 15.0]]), 0.4, 4000.0)
    expected = np.pi * 0.4**2 * 44.0 * 4000.0
    assert volume.sum() * 1.5**3 == pytest.approx(expected, rel=0.4)


def test_a_contact_sheet_shows_every_pair(source, tmp_path):
    patient = rich_patient(source, 3)
    pair = simulate_pair(patient.ct(3.0), device="cpu", spacing_mm=3.0)
    draw_contact_sheet(
        tmp_path / "sheet.png", [("a", pair), ("b", pair)], centroids=[patient.centroids, None], columns=1
    )
    from matplotlib.image import imread

    page = imread(tmp_path / "sheet.png")[..., :3]
    half = page.shape[0] // 2
    assert all(part.std() > 0.05 for part in (page[:half, : half // 2], page[half:, -half // 2 :]))
    red = (page[..., 0] > 0.6) & (page[..., 1] < 0.3)
    assert red[:half].any()
    assert not red[half:].any()
    with pytest.raises(ArgumentError, match="no radiograph"):
        draw_contact_sheet(tmp_path / "none.png", [])
