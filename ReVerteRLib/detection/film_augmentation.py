"""Crops of films with what real ones have and line integrals lack: any contrast, shutters, text, metal, haze, noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.detection.chest_shadows import shadowed, trunk_of
from ReVerteRLib.detection.config import FilmSettings
from ReVerteRLib.detection.film_corpus import PatientFilms, ViewFilm
from ReVerteRLib.detection.films import normalise
from ReVerteRLib.detection.grey_values import disturbed
from ReVerteRLib.detection.targets import VertebraeInFilm
from ReVerteRLib.geometry import Array, View

_MIRRORED_CORNERS = (1, 0, 3, 2)
_BORDER_PX = 2.0
_CHEST = tuple(level_from_name(name).order for name in ("T3", "T11"))


@dataclass(frozen=True)
class CropSettings:
    """How crops are drawn; the strengths are standard deviations unless they are chances.

    scale, view_scale: of both views together and of one alone. turn_deg: in the plane, each view.
    row_shift_mm:      of one view against the other (registration). rows_missing: chance that a view ends early.
    mirror:            chance that left and right are exchanged.
    chest:             chance that the crop lies about the thoracic spine, of patients who have one.
    shadows:           chance of another patient's chest over both films (chest_shadows).
    """

    scale: float = 0.06
    view_scale: float = 0.015
    turn_deg: float = 2.5
    row_shift_mm: float = 2.0
    rows_missing: float = 0.2
    mirror: float = 0.5
    chest: float = 0.25
    shadows: float = 0.65
    disturbances: bool = True


@dataclass(frozen=True)
class FilmCrop:
    """Both films (3, rows, columns) of a crop with the vertebrae in them."""

    films: tuple[NDArray[np.float32], NDArray[np.float32]]
    vertebrae: tuple[VertebraeInFilm, VertebraeInFilm]


@dataclass(frozen=True)
class _Place:
    """Film pixel to image pixel: image = matrix @ film + offset."""

    matrix: Array
    offset: Array

    def to_film(self, image_rc: Array) -> Array:
        return (image_rc - self.offset) @ np.linalg.inv(self.matrix).T


class FilmCropper:
    """Draws crops; the same generator state gives the same crop."""

    def __init__(self, films: FilmSettings, settings: CropSettings) -> None:
        self._films = films
        self._settings = settings

    def draw(self, patient: PatientFilms, shape: tuple[int, int], rng: np.random.Generator) -> FilmCrop:
        """A crop of `shape` film pixels (rows, columns) around some of the patient's vertebrae."""
        s = self._settings
        scale = float(np.exp(np.clip(rng.normal(0, s.scale), -0.16, 0.16))) if s.scale else 1.0
        step_mm = self._films.spacing_mm / scale
        centre_mm = self._height(patient, shape[0] * step_mm, rng)
        mirrored, chest = (bool(rng.random() < chance) for chance in (s.mirror, s.shadows))
        films, vertebrae = [], []
        for name, view in ((View.AP, patient.ap), (View.LATERAL, patient.lateral)):
            place = self._place(view, shape, centre_mm, step_mm, rng)
            image, valid = self._pixels(view, place, shape, rng)
            found = _vertebrae(patient, view, place, valid)
            if s.disturbances:
                if chest:
                    trunk = trunk_of(image, place.to_film(view.centres), patient.levels, step_mm)
                    image = shadowed(image, name, trunk, rng)
                centres = found.centres[found.certain]
                image, valid, seen = disturbed(image, valid, centres, self._films.spacing_mm, rng)
                found = _still_seen(found, seen)
            if mirrored and name is View.AP:
                image, valid, found = image[:, ::-1], valid[:, ::-1], _mirrored(found, shape[1])
            films.append(normalise(np.ascontiguousarray(image), np.ascontiguousarray(valid), self._films))
            vertebrae.append(found)
        return FilmCrop((films[0], films[1]), (vertebrae[0], vertebrae[1]))

    def _height(self, patient: PatientFilms, span_mm: float, rng: np.random.Generator) -> float:
        """Middle of the crop in mm below the top of the common rows: some way around the spine's vertebrae."""
        start, step = patient.ap.row_axis
        at = (patient.ap.centres[:, 0] - start) / step
        chest = at[(patient.levels >= _CHEST[0]) & (patient.levels <= _CHEST[1])]
        if len(chest) > 2 and rng.random() < self._settings.chest:
            ends = (np.array([0, patient.ap.image.shape[0] - 1]) - start) / step
            inside = np.clip(rng.uniform(chest.min(), chest.max()), ends[0] + 0.45 * span_mm, ends[1] - 0.45 * span_mm)
            return float(inside)
        low, high = float(at.min()) + 0.3 * span_mm - 40.0, float(at.max()) - 0.3 * span_mm + 40.0
        middle = (low + high) / 2.0
        return float(rng.uniform(low, high)) if low < high else middle + float(rng.uniform(-0.3, 0.3)) * span_mm

    def _place(
        self, view: ViewFilm, shape: tuple[int, int], centre_mm: float, step_mm: float, rng: np.random.Generator
    ) -> _Place:
        s = self._settings
        start, per_mm = view.row_axis
        step = step_mm * float(np.exp(rng.normal(0, s.view_scale)))
        row = start + per_mm * (centre_mm + float(rng.normal(0, s.row_shift_mm)))
        nearby = np.abs(view.centres[:, 0] - row) <= 0.5 * shape[0] * step * abs(per_mm)
        columns = view.centres[nearby, 1] if nearby.any() else view.centres[:, 1]
        away = float(rng.uniform(-0.45, 0.45)) * max(shape[1] * step / view.pixel_mm - float(np.ptp(columns)), 20.0)
        column = float(columns.min() + columns.max()) / 2.0 + away
        angle = np.deg2rad(float(np.clip(rng.normal(0, s.turn_deg), -8, 8)))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.diag([per_mm, 1.0 / view.pixel_mm]) @ turn * step
        middle = (np.array(shape) - 1) / 2.0
        return _Place(matrix, np.array([row, column]) - matrix @ middle)

    def _pixels(
        self, view: ViewFilm, place: _Place, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        low, high = view.value_range
        coded = ndimage.affine_transform(
            view.image, place.matrix, place.offset, shape, order=1, cval=0.0, output=np.float32
        )
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        at = np.stack([rows, columns], -1) @ place.matrix.T + place.offset
        valid = np.all((at >= -0.5) & (at <= np.array(view.image.shape) - 0.5), axis=-1)
        if rng.random() < self._settings.rows_missing:
            cut = int(rng.uniform(0.0, 0.35) * shape[0])
            valid[slice(0, cut) if rng.random() < 0.5 else slice(shape[0] - cut, None)] = False
        image = np.where(valid, coded * ((high - low) / 255.0) + low, 0.0)
        return image.astype(np.float32), valid


def _vertebrae(patient: PatientFilms, view: ViewFilm, place: _Place, valid: NDArray[np.bool_]) -> VertebraeInFilm:
    centres = place.to_film(view.centres)
    corners = place.to_film(view.corners.reshape(-1, 2)).reshape(-1, 4, 2)
    near = np.all((centres > -8) & (centres < np.array(valid.shape) + 7), axis=1)
    found = VertebraeInFilm(centres[near], corners[near], patient.levels[near], patient.whole[near].copy())
    return _still_seen(found, valid)


def _still_seen(found: VertebraeInFilm, valid: NDArray[np.bool_]) -> VertebraeInFilm:
    """Centres at the border or outside the film are no longer certain; those well outside are dropped."""
    deep = ndimage.distance_transform_edt(np.pad(valid, 1))[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~valid) if not valid.all() else np.zeros(valid.shape)
    pixels = np.clip(np.round(found.centres).astype(int), 0, np.array(valid.shape) - 1)
    rows, columns = pixels[:, 0], pixels[:, 1]
    beyond = np.abs(found.centres - pixels).max(axis=1, initial=0.0)
    certain = found.certain & (deep[rows, columns] > _BORDER_PX) & (beyond <= 0.5)
    keep = outside[rows, columns] + beyond < 4 * _BORDER_PX
    return VertebraeInFilm(found.centres[keep], found.corners[keep], found.levels[keep], certain[keep])


def _mirrored(found: VertebraeInFilm, columns: int) -> VertebraeInFilm:
    flip: Callable[[Array], Array] = lambda points: points * [1, -1] + [0, columns - 1]  # noqa: E731
    corners = flip(found.corners)[:, list(_MIRRORED_CORNERS)]
    return VertebraeInFilm(flip(found.centres), corners, found.levels, found.certain)
