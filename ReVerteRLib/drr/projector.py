"""Line integrals through a volume, on CPU or GPU with the same code.

Three ways, chosen by the geometry:
- parallel rays along a volume axis: sums along that axis, then one small 2-D resampling;
- cone and slot rays whose central ray runs along a volume axis: every slice across the beam is scaled about the
  principal point onto the reference plane and added (shear-warp; Lacroute and Levoy, SIGGRAPH 1994), which for
  linear interpolation equals the method of Joseph (IEEE TMI 1982);
- anything else (oblique volumes): the same along the volume axis nearest to the beam, and one 2-D resampling (see
  `warp`); for slots and sheared volumes bilinear samples on the volume's own slices (see `rays`); for beams so wide
  that no slice axis suits all rays, trilinear samples on planes across the beam, the slowest way.
All work slab by slab, so that little more than the input volume is in memory. Outside the volume there is nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ReVerteRLib.devices import pick_device
from ReVerteRLib.drr.march import march, pool_of, pooled_volume, positions_mm, ray_length_factor
from ReVerteRLib.drr.ramp import SlabTransform, as_float, written
from ReVerteRLib.drr.rays import SliceRays, add_slices, slice_rays
from ReVerteRLib.drr.warp import AxisView, axis_view
from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.geometry import Array, Beam, Projection

_LOG = logging.getLogger("ReVerteR")
_SLAB_VOXELS = 1 << 20
_CACHE_VOXELS = 1 << 18
_GPU_VOXELS = 1 << 26
_SLAB_DEPTH = 32
_SLAB_SLICES = (16, 64)
_ALIGNED_MM = 0.05


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
    oblique = iter(
        _oblique(volume, matrix, [p for a, p in zip(aligned, projections, strict=True) if a is None], transform)
    )
    images = []
    for alignment, projection in zip(aligned, projections, strict=True):
        if alignment is None:
            images.append(next(oblique))
        elif projection.beam is Beam.PARALLEL:
            images.append(_from_sums(sums[alignment.dims[2]], alignment, projection))
        else:
            images.append(_shear_warp(volume, [(alignment, projection)], transform)[0])
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
    """Sum of the transformed volume along each of these dimensions, reading the volume once in its memory's order."""
    order = sorted(range(3), key=volume.stride, reverse=True)
    stored = volume.permute(order)
    shape = stored.shape
    sums = {
        place: torch.zeros([n for p, n in enumerate(shape) if p != place], dtype=torch.float32, device=volume.device)
        for place, dim in enumerate(order)
        if dim in dims
    }
    voxels = _CACHE_VOXELS if volume.device.type == "cpu" else _GPU_VOXELS
    slices = max(1, voxels // (shape[1] * shape[2]))
    memory = torch.empty((min(slices, shape[0]), *shape[1:]), dtype=torch.float32, device=volume.device)
    for first in range(0, shape[0] if sums else 0, slices):
        slab = stored[first : first + slices]
        values = written(transform, slab, memory[: len(slab)])
        for place, total in sums.items():
            if place:
                torch.sum(values, place, out=total[first : first + slices])
            else:
                total.add_(values.sum(0))
    return {order[place]: _in_order(total, place, order) for place, total in sums.items()}


def _in_order(total: Tensor, place: int, order: list[int]) -> Tensor:
    """A sum along `place` of the permuted volume with its two remaining dimensions in the volume's own order."""
    first, second = (dim for p, dim in enumerate(order) if p != place)
    return total if first < second else total.T


def _from_sums(sums: Tensor, alignment: _Alignment, projection: Projection) -> Tensor:
    """Parallel rays: [rows, columns] of the sums along the beam, which still have the volume's grid."""
    row_dim, column_dim, _ = alignment.dims
    plane = (sums if row_dim < column_dim else sums.T)[:, None]
    image = _scaled_sum(plane, *(_taps_at(np.zeros(1), alignment, projection, axis) for axis in (0, 1)))
    return image * float(abs(alignment.step_mm[2]))


def _shear_warp(
    volume: Tensor, views: Sequence[tuple[_Alignment, Projection]], transform: SlabTransform
) -> list[Tensor]:
    """Diverging rays: every slice across the beam scaled about the principal point onto the reference plane.

    All views have the same dims; each slab is read once for all of them.
    """
    (rows, columns, across), counts = views[0][0].dims, views[0][0].counts
    images = [torch.zeros(p.image_hw, dtype=torch.float32, device=volume.device) for _, p in views]
    row_slice_column = volume.permute(rows, across, columns)
    count = int(np.clip(_SLAB_VOXELS // (counts[0] * counts[1]), *_SLAB_SLICES))
    memory = torch.empty(counts[0] * counts[1] * count, dtype=torch.float32, device=volume.device)
    for first in range(0, counts[2], count):
        part = row_slice_column[:, first : first + count]
        slab: Tensor | None = None
        for (alignment, projection), image in zip(views, images, strict=True):
            number = np.arange(first, first + part.shape[1])
            depths = alignment.offset_mm[2] + alignment.step_mm[2] * number
            seen = np.flatnonzero(depths > -projection.sad_mm)  # nothing behind the source casts a shadow
            if seen.size == 0:
                continue
            if slab is None:
                slab = written(transform, part, memory[: part.numel()].view(part.shape))
            chosen = slice(int(seen[0]), int(seen[-1]) + 1)
            taps_rc = (_taps_at(depths[chosen], alignment, projection, axis) for axis in (0, 1))
            image.add_(_scaled_sum(slab[:, chosen], *taps_rc))
    return [
        image * ray_length_factor(projection, volume.device) * float(abs(alignment.step_mm[2]))
        for (alignment, projection), image in zip(views, images, strict=True)
    ]


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
    position = positions_mm(projection, depth_mm)[axis]
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


# --- any orientation -----------------------------------------------------------------------------


def _oblique(
    volume: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor]:
    """Views of any direction; those with the same pixel size and slice axis share one pass through the volume."""
    found: list[Tensor | None] = [None] * len(projections)
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, projection in enumerate(projections):
        groups.setdefault(pool_of(matrix, projection), []).append(number)
    for pool, numbers in groups.items():
        values, moved, rest = volume, matrix, transform
        if max(pool) > 1:
            values, moved = pooled_volume(volume, matrix, list(pool), transform)
            rest = as_float
        images = _warped(values, moved, [projections[n] for n in numbers], rest)
        left = [place for place, image in enumerate(images) if image is None]
        others = _joseph(values, moved, [projections[numbers[place]] for place in left], rest)
        for place, image in zip(left, others, strict=True):
            images[place] = image
        for number, image in zip(numbers, images, strict=True):
            found[number] = march(volume, matrix, projections[number], transform) if image is None else image
    return [image for image in found if image is not None]


def _warped(
    values: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor | None]:
    """Views along the volume's axes, resampled (see `warp`); None where there is no such view."""
    views = [axis_view(matrix, tuple(values.shape), projection) for projection in projections]
    images: list[Tensor | None] = [None] * len(views)
    groups: dict[tuple[int, int, int], list[tuple[int, AxisView, _Alignment]]] = {}
    for number, view in enumerate(views):
        alignment = None if view is None else _Alignment.of(values, matrix, view.projection)
        if view is not None and alignment is not None:
            groups.setdefault(alignment.dims, []).append((number, view, alignment))
    for group in groups.values():
        pictures = _shear_warp(values, [(alignment, view.projection) for _, view, alignment in group], transform)
        for (number, view, _), picture in zip(group, pictures, strict=True):
            images[number] = view.resample(picture)
    return images


def _joseph(
    values: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor | None]:
    """Bilinear samples on slices; None for views that no slice axis suits."""
    place = torch.from_numpy(matrix).to(values.device)
    rays = [slice_rays(place, projection, tuple(values.shape)) for projection in projections]
    images = [torch.zeros(p.image_hw, dtype=torch.float32, device=values.device) for p in projections]
    for dim in sorted({r.dim for r in rays if r is not None}):
        same = [(r, image) for r, image in zip(rays, images, strict=True) if r is not None and r.dim == dim]
        _add_all_slices(values.movedim(dim, 0), same, transform)
    return [None if r is None else image.mul_(r.length_mm) for r, image in zip(rays, images, strict=True)]


def _add_all_slices(slices: Tensor, views: list[tuple[SliceRays, Tensor]], transform: SlabTransform) -> None:
    """Runs through the slices once; a slab is wide enough to read whole cache lines along the fastest axis."""
    memory = torch.empty((min(_SLAB_DEPTH, len(slices)), *slices.shape[1:]), dtype=torch.float32, device=slices.device)
    for first in range(0, len(slices), _SLAB_DEPTH):
        part = slices[first : first + _SLAB_DEPTH]
        slab = written(transform, part, memory[: len(part)])
        for rays, image in views:
            add_slices(slab, first, rays, image)
