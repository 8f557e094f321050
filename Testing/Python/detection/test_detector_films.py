"""Films: common rows, places, grey values; crops of them; the maps of targets and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from detector_samples import pair_of, patient, spine, write_films

from ReVerteRLib.anatomy import LEVELS, level_from_name
from ReVerteRLib.detection.config import CORNERS, DetectorConfig, FilmSettings
from ReVerteRLib.detection.detector import decode
from ReVerteRLib.detection.film_augmentation import CropSettings, FilmCropper
from ReVerteRLib.detection.film_corpus import held_out, read_films
from ReVerteRLib.detection.films import FilmFrame, film_pair, frames_of, normalise
from ReVerteRLib.detection.grey_values import disturbed
from ReVerteRLib.detection.landmarks import corners_in_view, landmarks_of
from ReVerteRLib.detection.loss import CORNER, LEVEL, OFFSET
from ReVerteRLib.detection.targets import VertebraeInFilm, build_targets
from ReVerteRLib.errors import DatasetError, ResourceError
from ReVerteRLib.geometry import Beam, PatchGrid
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

SETTINGS = FilmSettings()
PLAIN = CropSettings(scale=0, view_scale=0, turn_deg=0, row_shift_mm=0, rows_missing=0, mirror=0, disturbances=False)


def bright_near(film: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Centre of the brightness within 5 pixels of a place."""
    rows, columns = np.mgrid[: film.shape[0], : film.shape[1]]
    near = (np.abs(rows - place[0]) <= 5) & (np.abs(columns - place[1]) <= 5)
    weight = np.where(near, film - np.median(film[near]), 0.0).clip(min=0.0)
    return np.array([(weight * rows).sum(), (weight * columns).sum()]) / weight.sum()


@pytest.mark.parametrize("beam", [Beam.PARALLEL, Beam.CONE])
def test_a_vertebra_lies_on_its_film_where_its_radiograph_says(beam: Beam) -> None:
    _, centroids, _ = spine()
    pair = pair_of(centroids, beam)
    films = film_pair(pair, SETTINGS)
    for radiograph, film, frame in zip(pair, films.films, films.frames, strict=True):
        pixels = radiograph.projection.project(centroids)
        for place, pixel in zip(frame.to_film(pixels), pixels, strict=True):
            assert np.abs(bright_near(film[0], place) - place).max() <= 0.35
            assert np.allclose(frame.to_radiograph(place), pixel)


def test_parallel_films_show_a_vertebra_in_the_same_row_even_when_one_view_is_shorter() -> None:
    _, centroids, _ = spine()
    pair = pair_of(centroids)
    cut, projection = 70, pair.lateral.projection
    origin = projection.plane_point([[cut, 0]])[0]
    shorter = dataclasses.replace(
        projection,
        image_hw=(projection.image_hw[0] - cut - 40, projection.image_hw[1]),
        origin_lps_mm=tuple(origin.tolist()),
    )
    lateral = Radiograph(pair.lateral.image_hw[cut:-40].copy(), shorter)
    films = film_pair(RadiographPair(pair.ap, lateral), SETTINGS)
    rows = [
        f.to_film(r.projection.project(centroids))[:, 0] for f, r in zip(films.frames, (pair.ap, lateral), strict=True)
    ]
    assert np.allclose(rows[0], rows[1])
    assert films.films[0].shape[1] == films.films[1].shape[1]
    assert films.films[1][2, 0].max() == 0.0
    assert films.films[1][2, 60].min() == 1.0


def test_an_image_stored_feet_first_gives_the_same_film() -> None:
    _, centroids, _ = spine()
    pair = pair_of(centroids)
    projection = pair.ap.projection
    foot = projection.plane_point([[projection.image_hw[0] - 1, 0]])[0]
    turned = dataclasses.replace(projection, origin_lps_mm=tuple(foot.tolist()), row_direction=(0.0, 0.0, 1.0))
    ap = Radiograph(pair.ap.image_hw[::-1].copy(), turned)
    films = film_pair(RadiographPair(ap, pair.lateral), SETTINGS).films
    assert np.abs(films[0] - film_pair(pair, SETTINGS).films[0]).max() < 0.02


def test_scale_and_offset_of_the_grey_values_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    image, valid = rng.random((80, 64)).astype(np.float32), np.ones((80, 64), bool)
    assert np.abs(normalise(image * 4000 - 1000, valid, SETTINGS) - normalise(image, valid, SETTINGS)).max() < 1e-3


def test_views_that_lie_metres_apart_are_refused() -> None:
    _, centroids, _ = spine()
    pair = pair_of(centroids)
    away = dataclasses.replace(pair.lateral.projection, origin_lps_mm=(0.0, 0.0, 90_000.0))
    with pytest.raises(ResourceError, match="m together"):
        frames_of(pair.ap.projection, away, 2.0)


def test_a_crop_keeps_centres_and_corners_on_the_vertebrae(tmp_path: Path) -> None:
    films = patient(tmp_path, Beam.CONE)
    crop = FilmCropper(SETTINGS, PLAIN).draw(films, (160, 64), np.random.default_rng(2))
    for film, found in zip(crop.films, crop.vertebrae, strict=True):
        assert found.certain.sum() >= 3
        for centre, corners in zip(found.centres[found.certain], found.corners[found.certain], strict=True):
            assert np.abs(bright_near(film[0], centre) - centre).max() <= 0.35
            assert np.abs(corners.mean(axis=0) - centre).max() < 0.3
            assert corners[2, 0] - corners[0, 0] == pytest.approx(9.0, abs=0.3)


def test_a_mirrored_crop_exchanges_right_and_left(tmp_path: Path) -> None:
    films = patient(tmp_path)
    draw = [
        FilmCropper(SETTINGS, dataclasses.replace(PLAIN, mirror=chance)).draw(
            films, (160, 64), np.random.default_rng(4)
        )
        for chance in (0.0, 1.0)
    ]
    plain, mirrored = (crop.vertebrae[0] for crop in draw)
    assert np.allclose(63 - plain.centres[:, 1], mirrored.centres[:, 1])
    assert np.all(mirrored.corners[:, 0, 1] < mirrored.corners[:, 1, 1])
    assert np.array_equal(draw[0].films[1], draw[1].films[1])


def test_vertebrae_that_the_scan_cuts_are_neither_wanted_nor_punished(tmp_path: Path) -> None:
    films = patient(tmp_path)
    crop = FilmCropper(SETTINGS, PLAIN).draw(films, (160, 64), np.random.default_rng(2))
    found = crop.vertebrae[0]
    cut = found.levels == films.levels[0]
    assert cut.sum() == 1
    assert not found.certain[cut].any()
    targets = build_targets(found, (160, 64))
    row, column = (found.centres[cut][0] / 2).astype(int)
    assert not targets.counted[row, column]
    assert not targets.near[row, column]


def test_the_same_seed_gives_the_same_crop_and_all_grey_values_are_finite(tmp_path: Path) -> None:
    cropper, films = FilmCropper(SETTINGS, CropSettings()), patient(tmp_path)
    for seed in range(30):
        crops = [cropper.draw(films, (96, 64), np.random.default_rng(seed)) for _ in range(2)]
        assert np.array_equal(crops[0].films[0], crops[1].films[0])
        assert np.isfinite(crops[0].films).all()
        assert np.abs(crops[0].films).max() <= 3.0


def test_shutters_hide_at_most_half_of_the_vertebrae_and_say_what_they_hide() -> None:
    centres = np.array([[20.0, 32.0], [50.0, 30.0], [80.0, 30.0]])
    hidden = 0
    for seed in range(60):
        tau = np.ones((100, 64), np.float32) + np.random.default_rng(seed).random((100, 64), dtype=np.float32)
        image, valid, seen = disturbed(tau, np.ones(tau.shape, bool), centres, 2.0, np.random.default_rng(seed))
        assert image.shape == tau.shape
        assert not (seen & ~valid).any()
        assert seen[[20, 50, 80], [32, 30, 30]].mean() >= 0.5
        hidden += not seen.all()
    assert 5 < hidden < 45


def test_perfect_maps_are_decoded_into_the_vertebrae_they_were_made_of() -> None:
    centres = np.array([[21.3, 30.7], [38.9, 28.1], [57.2, 29.9]])
    corners = centres[:, None] + np.array([[-6, -9], [-5, 9], [6, -8], [5, 10]])
    levels = np.array([4, 5, 20])
    targets = build_targets(VertebraeInFilm(centres, corners, levels, np.ones(3, bool)), (80, 64))
    maps = torch.zeros(DetectorConfig().outputs, 40, 32)
    maps[0] = torch.logit(torch.from_numpy(targets.heat).clamp(1e-4, 1 - 1e-4))
    maps[OFFSET], maps[CORNER] = torch.from_numpy(targets.offset), torch.from_numpy(targets.corners)
    maps[LEVEL] = 9.0 * torch.nn.functional.one_hot(torch.from_numpy(targets.level), len(LEVELS)).permute(2, 0, 1)
    frame = FilmFrame((100.0, -7.0), (4.0, 2.0), (80, 64))
    found = decode(maps, np.ones((80, 64), bool), frame, 0.3)
    assert [int(d.level_scores.argmax()) for d in found] == [4, 5, 20]
    assert np.allclose([d.centre_rc for d in found], frame.to_radiograph(centres), atol=1e-3)
    assert np.allclose([d.corners_rc for d in found], frame.to_radiograph(corners), atol=1e-3)
    assert np.exp(found[0].level_scores).sum() == pytest.approx(1.0)
    assert found[0].corners_rc.shape == (CORNERS, 2)


def test_nothing_is_decoded_outside_the_film() -> None:
    maps = torch.full((DetectorConfig().outputs, 20, 20), -5.0)
    maps[0, 10, 15] = 5.0
    maps[1:3] = 0.0
    film = np.ones((40, 40), bool)
    frame = FilmFrame((0.0, 0.0), (1.0, 1.0), (40, 40))
    assert len(decode(maps, film, frame, 0.3)) == 1
    film[:, 25:] = False
    assert decode(maps, film, frame, 0.3) == ()


def test_landmarks_of_a_box_are_its_end_plates_ends() -> None:
    grid = PatchGrid((10.0, -20.0, 300.0), 120, 1.0, 0.0)
    mask = np.zeros((120, 120, 120), bool)
    mask[48:72, 45:77, 40:82] = True
    middle = grid.zyx_to_lps_mm @ np.array([59.5, 60.5, 60.5, 1.0])
    points = landmarks_of(mask, grid, level_from_name("L2"))
    wide, deep, high = 21.0, 16.0, 12.0
    signs = [(-1, 0, 1), (1, 0, 1), (-1, 0, -1), (1, 0, -1), (0, -1, 1), (0, 1, 1), (0, -1, -1), (0, 1, -1)]
    assert np.abs(points - (middle[:3] + np.array(signs) * [wide, deep, high])).max() < 0.8
    assert np.isnan(landmarks_of(mask, grid, level_from_name("C1"))).all()


def test_each_view_gets_its_own_corners() -> None:
    _, centroids, landmarks = spine(2)
    pair = pair_of(centroids)
    ap = corners_in_view(landmarks, pair.ap.projection)
    lateral = corners_in_view(landmarks, pair.lateral.projection)
    assert np.allclose(ap[:, 1, 1] - ap[:, 0, 1], 18.0)
    assert np.allclose(lateral[:, 1, 1] - lateral[:, 0, 1], 18.0)
    assert np.allclose(lateral[:, 2, 0] - lateral[:, 0, 0], 18.0)


def test_held_out_patients_come_from_every_spine_and_stay_out_of_training(tmp_path: Path) -> None:
    films = read_films(write_films(tmp_path, 4))
    training, kept = held_out(films, 2)
    assert [p.name for p in kept] == ["patient-00002", "patient-00003"]
    assert {p.name for p in training} == {"patient-00000", "patient-00001"}


def test_a_folder_without_films_and_a_damaged_film_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no films"):
        read_films(tmp_path)
    (tmp_path / "patient-00000.npz").write_bytes(b"PK nothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_films(tmp_path)
