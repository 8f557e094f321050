"""Line integrals through a volume, on CPU or GPU with the same code.

Three ways, chosen by the geometry:
- parallel rays along a volume axis: sums along that axis, then one small 2-D resampling;
- cone and slot rays whose central ray runs along a volume axis: every slice across the beam is scaled about the
  principal point onto the reference plane and added (shear-warp; Lacroute and Levoy, SIGGRAPH 1994), which for
  linear interpolation equals the method of Joseph (IEEE TMI 1982);
- anything else (oblique volumes): trilinear samples on planes across the beam.
All work slab by slab, so that little more than the input volume is in memory. Outside the volume there is nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ReVerteRLib.devices import pick_device
from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.geometry import Array, Beam, Projection

_LOG = logging.getLogger("ReVerteR")
SlabTransform = Callable[[Tensor], Tensor]
"""Turns a slab of stored values (any number type) into a new float32 slab of what is integrated."""

_SLAB_VOXELS = 1 << 20
_SLAB_SLICES = (16, 64)
_MARCH_SAMPLES = 1 << 20
_ALIGNED_MM = 0.05


def as_float(slab: Tensor) -> Tensor:
    """The stored values themselves."""
    return slab.float()


def project(
    volume: Tensor,
    ijk_to_lps_mm: Array,
    projection: Projection,
    device: str = "auto",
    transform: SlabTransform = as_float,
) -> Tensor:
    """Line integrals [rows, columns] (float32, mm times the unit of `transform`) of a volume [k, j, i].

    ijk_to_lps_mm: 4x4 from voxel index (i, j, k, 1) to LPS mm; any orientation, also left-handed or sheared.
    transform:     applied to the stored values, slab by slab, before integration.
    Pixels whose ray misses the volume are 0. Raises ArgumentError and ResourceError.
    """
    return project_views(volume, ijk_to_lps_mm, [projection], device, transform)[0]


def project_views(
    volume: Tensor,
    ijk_to_lps_mm: Array,
    projections: Sequence[Projection],
    device: str = "auto",
    transform: SlabTransform = as_float,
) -> list[Tensor]:
    """`project` for several views; parallel views along the volume's axes share one pass through the volume."""
    if volume.ndim != 3:
        raise ArgumentError(f"a volume [k, j, i] is needed, this has the shape {tuple(volume.shape)}")
    target = pick_device(device)
    try:
        return _project_views(volume.to(target), ijk_to_lps_mm, projections, transform)
    except torch.OutOfMemoryError as error:
        if device != "auto":
            raise ResourceError("the GPU has too little memory for this volume", remedy="Use --device cpu") from error
        _LOG.warning("The GPU has too little memory for this volume; the radiographs are computed on the processor.")
    return _project_views(volume.cpu(), ijk_to_lps_mm, projections, transform)


@torch.no_grad()
def _project_views(
    volume: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor]:
    aligned = [_Alignment.of(volume, matrix, projection) for projection in projections]
    parallel = [a for a, p in zip(aligned, projections, strict=True) if a is not None and p.beam is Beam.PARALLEL]
    sums = _axis_sums(volume, {a.dims[2] for a in parallel}, transform)
    images = []
    for alignment, projection in zip(aligned, projections, strict=True):
        if alignment is None:
            images.append(_march(volume, matrix, projection, transform))
        elif projection.beam is Beam.PARALLEL:
            images.append(_from_sums(sums[alignment.dims[2]], alignment, projection))
        else:
            images.append(_shear_warp(volume, alignment, projection, transform))
    return images


@dataclass(frozen=True)
class _Alignment:
    """How a volume's axes lie along a projection's row, column and beam axes (in this order).

    dims:      torch dimension of each.
    step_mm:   signed voxel size along each.
    offset_mm: position of voxel 0 along each, from pixel (0, 0) on the reference plane.
    counts:    voxels along each.
    """

    dims: tuple[int, int, int]
    step_mm: Array
    offset_mm: Array
    counts: tuple[int, int, int]

    @classmethod
    def of(cls, volume: Tensor, matrix: Array, projection: Projection) -> _Alignment | None:
        """None when some voxel would end up further than 0.05 mm from its true place."""
        steps = projection.axes_lps.T @ matrix[:3, :3]  # [projection axis, voxel axis i j k]
        axes = np.abs(steps).argmax(axis=1)
        if len(set(axes.tolist())) < 3:
            return None
        kept = np.zeros_like(steps)
        kept[np.arange(3), axes] = steps[np.arange(3), axes]
        size_ijk = np.array(volume.shape[::-1])
        if (np.abs(steps - kept) @ (size_ijk / 2)).max() > _ALIGNED_MM:
            return None
        # the middle of the volume keeps its place, so that the tolerated tilt errs least
        middle = (size_ijk - 1) / 2.0
        offset = projection.axes_lps.T @ (matrix[:3, 3] - np.array(projection.origin_lps_mm))
        offset = offset + (steps - kept) @ middle
        first, second, third = (2 - int(a) for a in axes)
        counts = (volume.shape[first], volume.shape[second], volume.shape[third])
        return cls((first, second, third), kept[np.arange(3), axes], offset, counts)


# --- rays about a volume axis --------------------------------------------------------------------


def _axis_sums(volume: Tensor, dims: set[int], transform: SlabTransform) -> dict[int, Tensor]:
    """Sum of the transformed volume along each of these dimensions, reading the volume once."""
    if not dims:
        return {}
    parts: dict[int, list[Tensor]] = {dim: [] for dim in dims}
    slices = max(1, _SLAB_VOXELS // (volume.shape[1] * volume.shape[2]))
    for slab in volume.split(slices):
        values = transform(slab)
        for dim, part in parts.items():
            part.append(values.sum(dim))
    return {dim: torch.stack(part).sum(0) if dim == 0 else torch.cat(part) for dim, part in parts.items()}


def _from_sums(sums: Tensor, alignment: _Alignment, projection: Projection) -> Tensor:
    """Parallel rays: [rows, columns] of the sums along the beam, which still have the volume's grid."""
    row_dim, column_dim, _ = alignment.dims
    plane = (sums if row_dim < column_dim else sums.T)[:, None]
    image = _scaled_sum(plane, *(_taps_at(np.zeros(1), alignment, projection, axis) for axis in (0, 1)))
    return image * float(abs(alignment.step_mm[2]))


def _shear_warp(volume: Tensor, alignment: _Alignment, projection: Projection, transform: SlabTransform) -> Tensor:
    """Diverging rays: every slice across the beam scaled about the principal point onto the reference plane."""
    depths = alignment.offset_mm[2] + alignment.step_mm[2] * np.arange(alignment.counts[2])
    seen = np.flatnonzero(depths > -projection.sad_mm)  # nothing behind the source casts a shadow
    image = torch.zeros(projection.image_hw, dtype=torch.float32, device=volume.device)
    if seen.size == 0:
        return image
    row_slice_column = volume.permute(alignment.dims[0], alignment.dims[2], alignment.dims[1])
    count = int(np.clip(_SLAB_VOXELS // (alignment.counts[0] * alignment.counts[1]), *_SLAB_SLICES))
    for first in range(int(seen[0]), int(seen[-1]) + 1, count):
        chosen = slice(first, min(first + count, int(seen[-1]) + 1))
        slab = transform(row_slice_column[:, chosen].contiguous())
        image += _scaled_sum(slab, *(_taps_at(depths[chosen], alignment, projection, axis) for axis in (0, 1)))
    return image * _ray_length_factor(projection, volume.device) * float(abs(alignment.step_mm[2]))


@dataclass(frozen=True)
class _Taps:
    """Which voxels of a slice an image axis reads: index and weight, both [slices, pixels, taps]."""

    index: NDArray[np.int64]
    weight: NDArray[np.float32]


def taps(coordinate: Array, width: Array, voxels: int) -> _Taps:
    """Interpolation of voxels 0 .. voxels-1 at coordinates [slices, pixels] for pixels `width` [slices] voxels wide.

    Linear where pixels are finer than voxels; a triangle as wide as two pixels where they are coarser, so that no
    voxel is skipped. Outside the volume is zero, not the edge value: weights are normalised over an endless grid.
    """
    width = np.maximum(width, 1.0)[:, None, None]
    reach = int(np.ceil(width.max() - 1e-9))
    nearest = np.floor(coordinate)[..., None] + np.arange(1 - reach, reach + 1)
    weight = np.maximum(1.0 - np.abs(nearest - coordinate[..., None]) / width, 0.0)
    weight /= weight.sum(axis=-1, keepdims=True)
    weight[(nearest < 0) | (nearest > voxels - 1)] = 0.0
    return _Taps(np.clip(nearest, 0, voxels - 1).astype(np.int64), weight.astype(np.float32))


def _taps_at(depth_mm: Array, alignment: _Alignment, projection: Projection, axis: int) -> _Taps:
    """Taps of the rows (axis 0) or the columns (axis 1) in the slices at these depths."""
    position = _positions_mm(projection, depth_mm)[axis]
    coordinate = (position - alignment.offset_mm[axis]) / alignment.step_mm[axis]
    pixel_mm = projection.spacing_mm[axis] / projection.scale_at(depth_mm)[:, axis]
    return taps(coordinate, np.abs(pixel_mm / alignment.step_mm[axis]), alignment.counts[axis])


def _scaled_sum(slab: Tensor, rows: _Taps, columns: _Taps) -> Tensor:
    """[H, W] sum over the slices of a slab [R, S, C], each resampled to [H, W] by its own taps.

    The interpolation is separable and sparse. `embedding_bag` is torch's sparse-times-dense product with rows of
    two or so entries, some thirty times as fast on a CPU as grid_sample.
    """
    _, slices, column_count = slab.shape
    height, width = rows.index.shape[1], columns.index.shape[1]
    by_slice = np.arange(slices)[:, None, None]
    stretched = _weighted_rows(slab.reshape(-1, column_count), rows.index * slices + by_slice, rows.weight)
    table = stretched.view(slices, height, column_count).transpose(1, 2).reshape(-1, height)
    across = (columns.index + column_count * by_slice).swapaxes(0, 1)
    return _weighted_rows(table, across.reshape(width, -1), columns.weight.swapaxes(0, 1).reshape(width, -1)).T


def _weighted_rows(table: Tensor, index: NDArray[np.int64], weight: NDArray[np.float32]) -> Tensor:
    """[N, C] sums of rows of `table` [M, C], for index and weight of shape [..., K] with N leading items."""
    bags = torch.from_numpy(index.reshape(-1, index.shape[-1])).to(table.device)
    weights = torch.from_numpy(weight.reshape(-1, weight.shape[-1])).to(table.device)
    return functional.embedding_bag(bags, table, per_sample_weights=weights, mode="sum")


def _positions_mm(projection: Projection, depth_mm: Array) -> tuple[Array, Array]:
    """Where the rays of all rows and of all columns cross the planes at these depths: (planes, H) and (planes, W)."""
    magnification = 1.0 / projection.scale_at(depth_mm)
    principal = projection.principal_rc
    rows, columns = (
        projection.spacing_mm[a]
        * (principal[a] + (np.arange(projection.image_hw[a]) - principal[a]) * magnification[:, a, None])
        for a in (0, 1)
    )
    return rows, columns


def _ray_length_factor(projection: Projection, device: torch.device) -> Tensor:
    """[H, W] path length of each ray per mm of depth."""
    if projection.beam is Beam.PARALLEL:
        return torch.ones((1, 1), device=device)
    principal = projection.principal_rc
    row, column = (
        projection.spacing_mm[a] * (np.arange(projection.image_hw[a]) - principal[a]) / projection.sad_mm
        for a in (0, 1)
    )
    across = row[:, None] ** 2 if projection.beam is Beam.CONE else np.zeros((len(row), 1))
    return torch.from_numpy(np.sqrt(1.0 + across + column**2).astype(np.float32)).to(device)


# --- any orientation -----------------------------------------------------------------------------


def _march(volume: Tensor, matrix: Array, projection: Projection, transform: SlabTransform) -> Tensor:
    """Trilinear samples on planes across the beam, added up."""
    values, matrix = _pooled_volume(volume, matrix, min(projection.spacing_mm), transform)
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
    return image * _ray_length_factor(projection, volume.device) * step_mm


def _bands(grid: Tensor, image: Tensor, parts: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The grid [D, H, W, 3] as batches [parts, D, H / parts, W, 3] with the image rows that they fill."""
    even = image.shape[0] // parts * parts
    if even:
        bands = grid[:, :even].unflatten(1, (parts, even // parts)).transpose(0, 1)
        yield bands, image[:even]
    if even < image.shape[0]:
        yield grid[None, :, even:], image[even:]


def _pooled_volume(volume: Tensor, matrix: Array, pixel_mm: float, transform: SlabTransform) -> tuple[Tensor, Array]:
    """The transformed volume, averaged over whole voxels where they are much smaller than a pixel, and its matrix."""
    spacing_kji = np.linalg.norm(matrix[:3, :3], axis=0)[::-1]
    pool = [max(1, int(pixel_mm / s + 1e-6)) for s in spacing_kji]
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
    rows, columns = _positions_mm(projection, depth_mm)

    def unit(index: Array) -> Tensor:
        return torch.from_numpy((index * scale).astype(np.float32)).to(values.device)

    by_depth = unit(base + 0.5 + depth_mm[:, None] * per_mm[:, 2]) - 1.0
    by_row = unit(rows[..., None] * per_mm[:, 0])
    by_column = unit(columns[..., None] * per_mm[:, 1])
    return (by_depth[:, None] + by_row)[:, :, None] + by_column[:, None]
