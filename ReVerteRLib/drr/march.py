"""Trilinear samples on planes across the beam: slow, but right for every beam and every volume.

Used where no faster way suits the geometry, and as what the faster ways are tested against.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ReVerteRLib.drr.ramp import SlabTransform
from ReVerteRLib.geometry import Array, Beam, Projection

_SLAB_VOXELS = 1 << 20
_MARCH_SAMPLES = 1 << 20


def march(volume: Tensor, matrix: Array, projection: Projection, transform: SlabTransform) -> Tensor:
    """Trilinear samples on planes across the beam, added up."""
    values, matrix = pooled_volume(volume, matrix, list(pool_of(matrix, projection)), transform)
    depths, step_mm = _march_depths(values, matrix, projection)
    image = torch.zeros(projection.image_hw, dtype=torch.float32, device=volume.device)
    planes = max(1, _MARCH_SAMPLES // image.numel())
    parts = torch.get_num_threads() if volume.device.type == "cpu" else 1
    for first in range(0, len(depths), planes):
        grid = _march_grid(depths[first : first + planes], matrix, projection, values)
        for band, target in _bands(grid, image, parts):
            # grid_sample runs one thread per batch item on the CPU
            source = values[None, None].expand(len(band), 1, *values.shape)
            sampled = functional.grid_sample(source, band, "bilinear", "zeros", align_corners=False)
            target.add_(sampled[:, 0].sum(dim=1).reshape(target.shape))
    return image * ray_length_factor(projection, volume.device) * step_mm


def _bands(grid: Tensor, image: Tensor, parts: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The grid [D, H, W, 3] as batches [parts, D, H / parts, W, 3] with the image rows that they fill."""
    even = image.shape[0] // parts * parts
    if even:
        bands = grid[:, :even].unflatten(1, (parts, even // parts)).transpose(0, 1)
        yield bands, image[:even]
    if even < image.shape[0]:
        yield grid[None, :, even:], image[even:]


def pool_of(matrix: Array, projection: Projection) -> tuple[int, ...]:
    """Whole voxels [k, j, i] that fit into a pixel along each axis, at least 1."""
    spacing_kji = np.linalg.norm(matrix[:3, :3], axis=0)[::-1]
    return tuple(max(1, int(min(projection.spacing_mm) / s + 1e-6)) for s in spacing_kji)


def pooled_volume(volume: Tensor, matrix: Array, pool: list[int], transform: SlabTransform) -> tuple[Tensor, Array]:
    """The transformed volume, averaged over blocks of this many voxels, and its matrix."""
    size = [-(-n // f) for n, f in zip(volume.shape, pool, strict=True)]
    values = torch.empty(size, dtype=torch.float32, device=volume.device)
    slices = max(1, _SLAB_VOXELS // (volume.shape[1] * volume.shape[2] * pool[0])) * pool[0]
    for number, slab in enumerate(volume.split(slices)):
        pooled = _pooled(transform(slab), pool)
        start = number * slices // pool[0]
        values[start : start + len(pooled)] = pooled
    factor_ijk = np.array(pool[::-1], dtype=np.float64)
    moved = matrix.copy()
    moved[:3, :3] = matrix[:3, :3] * factor_ijk
    moved[:3, 3] = matrix[:3, 3] + matrix[:3, :3] @ ((factor_ijk - 1.0) / 2.0)
    return values, moved


def _pooled(slab: Tensor, pool: list[int]) -> Tensor:
    """Means over blocks of voxels; beyond the edge is zero."""
    if pool == [1, 1, 1]:
        return slab
    missing = [-n % f for n, f in zip(slab.shape, pool, strict=True)]
    padded = functional.pad(slab, (0, missing[2], 0, missing[1], 0, missing[0]))
    return functional.avg_pool3d(padded[None, None], pool)[0, 0]


def _march_depths(values: Tensor, matrix: Array, projection: Projection) -> tuple[Array, float]:
    """Depths of the sampling planes, at most the smallest voxel size apart, and their distance."""
    size = np.array(values.shape[::-1], dtype=np.float64)
    ends = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * (size + 1.0) - 1.0
    depth = projection.depth_mm(ends @ matrix[:3, :3].T + matrix[:3, 3])
    low, high = float(depth.min()), float(depth.max())
    if projection.beam is not Beam.PARALLEL:
        low = max(low, -projection.sad_mm + 1e-3)
    spacing = float(np.linalg.norm(matrix[:3, :3], axis=0).min())
    count = max(1, int(np.ceil((high - low) / spacing)))
    step = max(high - low, 0.0) / count
    depths = np.asarray(low + step * (np.arange(count) + 0.5), dtype=np.float64)
    return depths, step


def _march_grid(depth_mm: Array, matrix: Array, projection: Projection, values: Tensor) -> Tensor:
    """[planes, H, W, 3] sampling grid of grid_sample."""
    inverse = np.linalg.inv(matrix[:3, :3])
    per_mm = inverse @ projection.axes_lps  # voxel index per mm along row, column, beam
    base = inverse @ (np.array(projection.origin_lps_mm) - matrix[:3, 3])
    scale = 2.0 / np.array(values.shape[::-1], dtype=np.float64)
    rows, columns = positions_mm(projection, depth_mm)

    def unit(index: Array) -> Tensor:
        return torch.from_numpy((index * scale).astype(np.float32)).to(values.device)

    by_depth = unit(base + 0.5 + depth_mm[:, None] * per_mm[:, 2]) - 1.0
    by_row = unit(rows[..., None] * per_mm[:, 0])
    by_column = unit(columns[..., None] * per_mm[:, 1])
    return (by_depth[:, None] + by_row)[:, :, None] + by_column[:, None]


def positions_mm(projection: Projection, depth_mm: Array) -> tuple[Array, Array]:
    """Where the rays of all rows and of all columns cross the planes at these depths: (planes, H) and (planes, W)."""
    magnification = 1.0 / projection.scale_at(depth_mm)
    principal = projection.principal_rc
    rows, columns = (
        projection.spacing_mm[a]
        * (principal[a] + (np.arange(projection.image_hw[a]) - principal[a]) * magnification[:, a, None])
        for a in (0, 1)
    )
    return rows, columns


def ray_length_factor(projection: Projection, device: torch.device) -> Tensor:
    """[H, W] path length of each ray per mm of depth."""
    if projection.beam is Beam.PARALLEL:
        return torch.ones((1, 1), device=device)
    principal = projection.principal_rc
    row, column = (
        (projection.spacing_mm[a] * (np.arange(projection.image_hw[a]) - principal[a]) / projection.sad_mm) ** 2
        for a in (0, 1)
    )
    if projection.beam is Beam.SLOT:
        row = np.zeros_like(row)
    across, along = (torch.from_numpy(part.astype(np.float32)).to(device) for part in (row, column))
    return ((1.0 + across)[:, None] + along).sqrt_()
