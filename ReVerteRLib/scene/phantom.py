"""A made-up CT of a spine of mean shapes: a sample that needs no network and belongs to no patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level, parse_levels
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.detection.usual import shipped_spine
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.imaging.volume import CtVolume

SPACING_MM = 1.5
_AIR, _SOFT, _FAT, _TRABECULAR, _CORTICAL = -1000.0, 45.0, -90.0, 190.0, 620.0
_CORTEX_MM, _SIZE, _POSTERIOR_MM = 1.4, 120, 12.0


def phantom_centroids(levels: Sequence[Level] = ()) -> CentroidSet:
    """Centroids (LPS mm) of a gently curved spine, T10 to L5 by default, around the origin."""
    chosen = tuple(levels) or tuple(v for v in parse_levels("T10-L5") if v.name != "T13")
    place = np.array([shipped_spine().place_mm[level.order] for level in chosen])
    down = place - place.mean()
    length = max(float(np.ptp(place)), 1.0)
    left = 4.0 * np.sin(np.pi * down / length)
    back = 14.0 - 16.0 * np.cos(np.pi * (down - 0.2 * length) / length)
    return CentroidSet(
        tuple(
            Centroid(level, (float(x), float(y), float(-z)))
            for level, x, y, z in zip(chosen, left, back, down, strict=True)
        ),
        "phantom",
    )


def phantom_ct(centroids: CentroidSet | None = None, seed: int = 7) -> CtVolume:
    """Soft tissue with vertebrae of mean shape that have a dense shell; HU as int16, 1.5 mm.

    It shows how everything works and is no measure of accuracy. Raises WeightsError when the shapes are missing.
    """
    from ReVerteRLib.shapes.store import load_shapes

    spine = centroids or phantom_centroids()
    shapes = load_shapes()
    values, matrix = _trunk(spine, np.random.default_rng(seed))
    for centroid in spine:
        grid = PatchGrid(centroid.position_lps_mm, _SIZE, 1.0, _POSTERIOR_MM)
        distance = shapes.distance(centroid.level, centroid.position_lps_mm, spine, grid)
        _paint(values, matrix, distance, grid)
    return CtVolume(np.round(values).astype(np.int16), matrix, "phantom")


def _trunk(spine: CentroidSet, rng: np.random.Generator) -> tuple[NDArray[Any], Array]:
    """HU [k, j, i] without bones, and voxel to LPS mm.

    A column around the spine as a narrow radiograph shows it: fat and skin at the back.
    """
    heights = [c.position_lps_mm[2] for c in spine]
    low = np.array([-80.0, -75.0, min(heights) - 35.0])
    high = np.array([80.0, 85.0, max(heights) + 35.0])
    count = np.ceil((high - low) / SPACING_MM).astype(int) + 1
    matrix = np.diag([SPACING_MM] * 3 + [1.0])
    matrix[:3, 3] = low
    y = (low[1] + SPACING_MM * np.arange(count[1]))[None, :, None]
    values = np.where(y < 62.0, _SOFT, np.where(y < 74.0, _FAT, _AIR)) + np.zeros((count[2], 1, count[0]))
    values = values + np.where(y < 74.0, 1.0, 0.0) * rng.normal(0.0, 8.0, values.shape)
    return values.astype(np.float32), matrix


def _paint(values: NDArray[Any], matrix: Array, distance_mm: NDArray[Any], grid: PatchGrid) -> None:
    """Puts one vertebra into the CT, in place."""
    from scipy.ndimage import affine_transform

    to_voxel = np.linalg.inv(grid.zyx_to_lps_mm)  # LPS mm to the patch's z, y, x
    corner, far = (_corner(grid, index) for index in (0.0, grid.size - 1.0))
    low = np.floor((np.minimum(corner, far) - matrix[:3, 3]) / SPACING_MM).astype(int)
    high = np.ceil((np.maximum(corner, far) - matrix[:3, 3]) / SPACING_MM).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, np.array(values.shape[::-1]))
    if (high <= low).any():
        return
    kji_to_lps = np.eye(4)
    kji_to_lps[:3, :3] = matrix[:3, 2::-1]
    kji_to_lps[:3, 3] = matrix[:3, 3] + SPACING_MM * low
    chain = to_voxel @ kji_to_lps
    near = affine_transform(distance_mm, chain[:3, :3], chain[:3, 3], tuple((high - low)[::-1]), order=1, cval=9.0)
    box = values[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    box[near < 0.0] = _TRABECULAR
    box[(near < 0.0) & (near > -_CORTEX_MM)] = _CORTICAL


def _corner(grid: PatchGrid, index: float) -> Array:
    found: Array = (grid.zyx_to_lps_mm @ np.array([index, index, index, 1.0]))[:3]
    return found
