"""What the heads should say of a film: from vertebrae in pixels to maps of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.detection.config import CORNERS, STRIDE
from ReVerteRLib.geometry import Array

SIGMA_CELLS = 1.25
"""Width of the bump in the centre map (5 mm)."""
CORNER_UNIT_CELLS = 4.0
"""Corner offsets are told in units of this many cells (16 mm), so that they are about 1."""
_IGNORED_CELLS = 3.0


@dataclass(frozen=True)
class VertebraeInFilm:
    """The vertebrae of a film.

    centres: (N, 2) film pixels; corners: (N, 4, 2), NaN where unknown; levels: (N,) orders;
    certain: (N,) False for those that are cut or lie at the film's border: neither wanted nor punished.
    """

    centres: Array
    corners: Array
    levels: NDArray[np.int64]
    certain: NDArray[np.bool_]


@dataclass(frozen=True)
class Targets:
    """Maps over the cells [rows, columns] of one film.

    heat:    0..1, 1 in the cell of a centre. counted: where it counts.
    near:    cells in whose 3 x 3 surroundings a centre lies; the following are meant there.
    offset:  (2, ...) centre minus cell, in cells. corners: (8, ...) corner minus cell (row, column by corner), in units
             of CORNER_UNIT_CELLS, and corners_known of the same shape. level: order.
    """

    heat: NDArray[np.float32]
    counted: NDArray[np.bool_]
    near: NDArray[np.bool_]
    offset: NDArray[np.float32]
    corners: NDArray[np.float32]
    corners_known: NDArray[np.bool_]
    level: NDArray[np.int64]


def to_cells(film_rc: Array) -> Array:
    """Cell coordinates of film pixels; cell k covers the pixels from STRIDE k to STRIDE k + STRIDE - 1."""
    return (film_rc - (STRIDE - 1) / 2.0) / STRIDE


def to_pixels(cells_rc: Array) -> Array:
    """Inverse of `to_cells`."""
    return cells_rc * STRIDE + (STRIDE - 1) / 2.0


def build_targets(vertebrae: VertebraeInFilm, film_shape: tuple[int, int]) -> Targets:
    """The maps of a film of this many pixels (multiples of STRIDE)."""
    shape = film_shape[0] // STRIDE, film_shape[1] // STRIDE
    heat, counted = np.zeros(shape, np.float32), np.ones(shape, bool)
    nearest = np.full(shape, np.inf)
    owner = np.full(shape, -1)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    centres = to_cells(vertebrae.centres)
    for index, (row, column) in enumerate(centres):
        squared = (rows - row) ** 2 + (columns - column) ** 2
        if not vertebrae.certain[index]:
            counted &= squared > _IGNORED_CELLS**2
            continue
        own = (np.abs(rows - round(row)) <= 1) & (np.abs(columns - round(column)) <= 1) & (squared < nearest)
        owner[own], nearest[own] = index, squared[own]
        bump = np.exp(-squared / (2.0 * SIGMA_CELLS**2))
        cell = round(row), round(column)
        if 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]:
            bump[cell] = 1.0
        np.maximum(heat, bump, out=heat)
    counted |= owner >= 0
    return _with_owners(vertebrae, centres, owner, heat, counted)


def _with_owners(
    vertebrae: VertebraeInFilm,
    centres: Array,
    owner: NDArray[np.int64],
    heat: NDArray[np.float32],
    counted: NDArray[np.bool_],
) -> Targets:
    near = owner >= 0
    shape = near.shape
    offset, corners = np.zeros((2, *shape), np.float32), np.zeros((2 * CORNERS, *shape), np.float32)
    known, level = np.zeros((2 * CORNERS, *shape), bool), np.zeros(shape, np.int64)
    cells = np.argwhere(near)
    if len(cells):
        whose = owner[near]
        offset[:, near] = (centres[whose] - cells).T
        away = (to_cells(vertebrae.corners[whose]) - cells[:, None]) / CORNER_UNIT_CELLS
        flat = away.reshape(len(cells), -1).T
        known[:, near] = np.isfinite(flat)
        corners[:, near] = np.nan_to_num(flat)
        level[near] = vertebrae.levels[whose]
    return Targets(heat, counted, near, offset, corners, known, level)
