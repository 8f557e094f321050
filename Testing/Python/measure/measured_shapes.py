"""Spines of mean shapes with known places, tilts and rotations."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.shapes.frame import LocalFrame
from ReVerteRLib.shapes.store import load_shapes

GRID = PatchGrid((1.3, -2.4, 0.6), size=110, posterior_offset_mm=12.0)


def axes(sagittal=0.0, coronal=0.0, axial=0.0) -> np.ndarray:
    """Columns left, posterior, up. Sagittal lowers the front, coronal lifts the left, axial turns the front left."""
    s, c, a = np.deg2rad([sagittal, -coronal, axial])
    about_x = np.array([[1, 0, 0], [0, np.cos(s), -np.sin(s)], [0, np.sin(s), np.cos(s)]])
    about_y = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


@lru_cache(maxsize=64)
def mask_of(name: str, sagittal=0.0, coronal=0.0, axial=0.0, grid: PatchGrid = GRID) -> np.ndarray:
    """The mean shape of a level, turned about its centroid, bool [z, y, x] on the grid."""
    model, level = load_shapes(), level_from_name(name)
    frame = LocalFrame(np.array(grid.centroid_lps_mm), axes(sagittal, coronal, axial), None)
    return model.mean(level).distance_on(frame, model.scale(level, None), grid) < 0.0


def spine(places: dict[str, tuple], tilts: dict[str, dict] | None = None) -> tuple[LabelVolume, CentroidSet]:
    """A label map of 1 mm (axes L, P, S) with mean shapes at these LPS places."""
    points = np.array(list(places.values()))
    low = np.floor(points.min(axis=0) - [50, 40, 40])
    size = np.ceil(points.max(axis=0) - low + np.array((50, 75, 40))).astype(int)
    array = np.zeros(size[::-1], dtype=np.uint8)
    for name, place in places.items():
        grid = PatchGrid(tuple(np.rint(place)), size=111, posterior_offset_mm=12.0)
        mask = mask_of(name, **(tilts or {}).get(name, {}), grid=grid)
        ijk = np.rint(grid.points_lps_mm(np.argwhere(mask)) - low).astype(int)
        ijk = ijk[((ijk >= 0) & (ijk < size)).all(axis=1)]
        array[ijk[:, 2], ijk[:, 1], ijk[:, 0]] = level_from_name(name).verse_label
    matrix = np.eye(4)
    matrix[:3, 3] = low
    centroids = tuple(Centroid(level_from_name(n), tuple(float(v) for v in np.rint(p))) for n, p in places.items())
    return LabelVolume(array, matrix, "mean shapes"), CentroidSet(centroids, "mean shapes")
