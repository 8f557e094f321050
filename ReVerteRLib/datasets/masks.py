"""One vertebra of a label map on a patch grid, the network's target and the evaluation's truth."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.boxes import Box, box_of
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume, Volume


def mask_on_grid(labels: LabelVolume, label_value: int, grid: PatchGrid) -> NDArray[np.bool_]:
    """The bone with this label resampled onto the patch: bool [z, y, x] of `grid.size` voxels an edge.

    Linear interpolation of the level's binary mask, threshold 0.5. The bone ends at the outer faces of its
    voxels, also where it touches the volume's border. All False when the label lies outside the patch.
    """
    result = np.zeros((grid.size,) * 3, dtype=bool)
    found = _cropped_mask(labels, label_value, grid)
    if found is None:
        return result
    mask_kji, first_kji = found
    zyx_to_kji = _grid_to_array(labels, grid)
    zyx_to_kji[:3, 3] -= first_kji
    target = _reach(mask_kji.shape, zyx_to_kji, grid.size)
    if target is None:
        return result
    start = np.array([part.start for part in target], dtype=np.float64)
    values = ndimage.affine_transform(
        mask_kji.astype(np.float32),
        zyx_to_kji[:3, :3],
        offset=zyx_to_kji[:3, :3] @ start + zyx_to_kji[:3, 3],
        output_shape=tuple(part.stop - part.start for part in target),
        order=1,
    )
    result[target] = values >= 0.5
    return result


def clipped_fraction(labels: LabelVolume, label_value: int, grid: PatchGrid) -> float:
    """Share of the bone's voxels whose centres lie outside the patch cube, 0..1 (1.0 for a label that is absent)."""
    box = bounding_box(labels.array_kji, label_value)
    if box is None:
        return 1.0
    kji = np.argwhere(labels.array_kji[box] == label_value) + [part.start for part in box]
    kji_to_zyx = np.linalg.inv(_grid_to_array(labels, grid))
    zyx = kji @ kji_to_zyx[:3, :3].T + kji_to_zyx[:3, 3]
    inside = np.all((zyx >= -0.5) & (zyx <= grid.size - 0.5), axis=1)
    return float(1.0 - inside.mean())


def bounding_box(array: NDArray[np.integer], label_value: int) -> Box | None:
    """Slices of the smallest box with all voxels of this label, None when there are none."""
    return box_of(array == label_value)


def _grid_to_array(volume: Volume, grid: PatchGrid) -> Array:
    """4x4 from patch voxel [z, y, x, 1] to array index [k, j, i, 1]."""
    flip = np.eye(4)[[2, 1, 0, 3]]
    matrix: Array = flip @ np.linalg.inv(volume.ijk_to_lps_mm) @ grid.zyx_to_lps_mm
    return matrix


def _cropped_mask(labels: LabelVolume, label_value: int, grid: PatchGrid) -> tuple[NDArray[np.bool_], Array] | None:
    """The label's binary mask inside the patch's surroundings with one voxel of background around it, and the
    array index of its first voxel.
    """
    matrix = _grid_to_array(labels, grid)
    corners = _corners((grid.size,) * 3) @ matrix[:3, :3].T + matrix[:3, 3]
    shape = np.array(labels.array_kji.shape)
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, shape)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, 0, shape)
    if (low >= high).any():
        return None
    mask = labels.array_kji[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] == label_value
    box = box_of(mask)
    if box is None:
        return None
    first = low + [part.start for part in box] - 1
    return np.pad(mask[box], 1), first.astype(np.float64)


def _reach(shape: tuple[int, ...], zyx_to_kji: Array, size: int) -> Box | None:
    """The part of the patch that a block of this shape covers."""
    inverse = np.linalg.inv(zyx_to_kji)
    corners = _corners(shape) @ inverse[:3, :3].T + inverse[:3, 3]
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, size)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, size)
    if (low >= high).any():
        return None
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _corners(shape: tuple[int, ...]) -> Array:
    """(8, 3) voxel coordinates of the outer corners of a block."""
    ends = [(-0.5, n - 0.5) for n in shape]
    return np.array(list(itertools.product(*ends)), dtype=np.float64)
