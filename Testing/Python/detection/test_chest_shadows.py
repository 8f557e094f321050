"""Shadows of another chest: where organs lie, what stays untouched, and that crops with them keep their vertebrae."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from detector_samples import patient

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.detection import chest_shadows as shadows
from ReVerteRLib.detection.config import FilmSettings
from ReVerteRLib.detection.film_augmentation import CropSettings, FilmCropper
from ReVerteRLib.detection.view_metrics import shadowed_cases, synthetic_cases
from ReVerteRLib.geometry import View

ROWS, COLUMNS, PIXEL_MM = 220, 150, 2.0


def thorax(tau: float = 4.0):
    """A plain film from C7 to L2 with its spine at column 70, and the Trunk on it."""
    film = np.full((ROWS, COLUMNS), tau, np.float32)
    film[:, :10] = 0.0
    orders = np.array([n for n in range(level_from_name("C7").order, level_from_name("L2").order + 1) if n != 19])
    centres = np.stack([np.linspace(10, 200, len(orders)), np.full(len(orders), 70.0)], axis=1)
    return film, shadows.trunk_of(film, centres, orders, PIXEL_MM)


def test_levels_lie_where_their_centres_are_and_are_continued_beyond() -> None:
    _, trunk = thorax()
    pitch = 190 * PIXEL_MM / 14
    assert trunk.at("C7") == pytest.approx(20.0)
    assert trunk.at("T1") == pytest.approx(20.0 + pitch)
    assert trunk.at("L1") - trunk.at("T12") == pytest.approx(pitch)
    assert trunk.at("L5") == pytest.approx(400.0 + 3 * 24.0)
    assert trunk.side[5, 71] == 2.0


@pytest.mark.parametrize("view", list(View))
def test_shadows_stay_within_the_body_and_are_finite(view: View) -> None:
    film, trunk = thorax()
    changed = 0.0
    for seed in range(25):
        image = shadows.shadowed(film, view, trunk, np.random.default_rng(seed))
        assert np.isfinite(image).all()
        assert image.min() >= 0.0
        assert np.abs(image[:, :8]).max() <= 1e-5  # air stays air
        changed += float(np.abs(image - film)[:, 40:100].mean())
    assert changed / 25 > 0.3


def test_the_same_seed_gives_the_same_shadows() -> None:
    film, trunk = thorax()
    first, again, other = (shadows.shadowed(film, View.AP, trunk, np.random.default_rng(s)) for s in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_heart_leans_to_the_patients_left_and_the_belly_lies_under_the_domes() -> None:
    _, trunk = thorax()
    heart = np.mean([shadows._heart(trunk, np.random.default_rng(s)) for s in range(20)], axis=0)
    assert (heart * trunk.side).sum() / heart.sum() > 10.0
    depth = (heart * trunk.down).sum() / heart.sum()
    assert trunk.at("T6") < depth < trunk.at("T11")
    belly = shadows._belly(trunk, np.random.default_rng(1))
    assert belly[: int(trunk.at("T5") / PIXEL_MM)].max() < 1e-3
    assert belly[-1].min() > 0.05


def test_shoulders_cover_the_upper_chest_only() -> None:
    _, trunk = thorax()
    image = np.mean([shadows._shoulders(trunk, np.random.default_rng(s)) for s in range(20)], axis=0)
    near = image[:, 60:80].mean(axis=1)
    assert near[int(trunk.at("T2") / PIXEL_MM)] > 0.5
    assert near[int(trunk.at("T10") / PIXEL_MM)] < 0.05


def test_thin_slabs_hold_thinner_shadows() -> None:
    assert thorax(1.2)[1].much < 0.5 * thorax(4.5)[1].much


def test_a_dimmed_spine_is_as_bright_as_its_surroundings_and_the_rest_is_not_touched() -> None:
    film, trunk = thorax()
    film[:, 64:76] += 1.0
    contrast, far = [], 0.0
    for seed in range(20):
        image = shadows._dimmed(film, trunk, np.random.default_rng(seed))
        contrast.append(float(image[110, 70] - image[110, 80]))
        far = max(far, float(np.abs(image - film)[:, 125:].max()))
    assert min(contrast) < 0.4 < max(contrast) <= 1.0
    assert far == 0.0


def test_crops_under_shadows_have_the_same_vertebrae(tmp_path: Path) -> None:
    films = patient(tmp_path)
    bare = CropSettings(shadows=0.0, chest=0.0)
    covered = dataclasses.replace(bare, shadows=1.0)
    plain, hidden = (
        FilmCropper(FilmSettings(), s).draw(films, (160, 64), np.random.default_rng(6)) for s in (bare, covered)
    )
    # The AP view is drawn first, so its place is the same whatever is painted on it.
    assert np.allclose(plain.vertebrae[0].centres, hidden.vertebrae[0].centres)
    assert not np.array_equal(plain.films[0], hidden.films[0])


def test_chest_crops_lie_about_the_thoracic_spine(tmp_path: Path) -> None:
    films = patient(tmp_path)
    orders = np.arange(level_from_name("T4").order, level_from_name("T4").order + len(films.levels))
    films = dataclasses.replace(films, levels=orders)
    cropper = FilmCropper(FilmSettings(), CropSettings(chest=1.0, disturbances=False))
    for seed in range(10):
        crop = cropper.draw(films, (64, 64), np.random.default_rng(seed))
        assert len(crop.vertebrae[0].centres) >= 2


def test_shadowed_cases_are_the_same_in_every_call_and_differ_from_the_bare_ones(tmp_path: Path) -> None:
    films = [patient(tmp_path)]
    (bare,), (first,), (again,) = synthetic_cases(films), shadowed_cases(films), shadowed_cases(films)
    assert np.array_equal(first.pair.ap.image_hw, again.pair.ap.image_hw)
    assert not np.array_equal(first.pair.ap.image_hw, bare.pair.ap.image_hw)
    assert first.group == "shadowed"
    assert np.array_equal(first.centroids_lps, bare.centroids_lps)
