"""Rays of any direction through a volume, as they cross the volume's own slices.

The method of Joseph (IEEE TMI 1982): a ray is sampled once on every slice of the volume axis that it follows most
closely, by bilinear interpolation in the slice. Where it crosses slice z in slice coordinates is linear in z, so a
view is two small images (place on slice 0, change from slice to slice) whatever the shape of the beam.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ReVerteRLib.geometry import Array, Beam, Projection

STEEPEST = 0.3
"""Slices that each ray must cross per voxel of its way; where one falls below, no slice axis suits the view."""
_SAMPLES = 1 << 19
_GPU_SAMPLES = 1 << 25


@dataclass(frozen=True)
class SliceRays:
    """One view's rays in the slices of a volume [k, j, i].

    dim:       torch dimension that the slices are taken from; rows and columns are the other two in their order.
    start:     [H, W, 2] column and row on slice 0, as grid_sample wants them (-1 to 1 over the slice's edges).
    per_slice: [H, W, 2] change from one slice to the next.
    length_mm: [H, W] length of the way from one slice to the next.
    first, last: slices that lie before the source are left out: first <= slice < last.
    """

    dim: int
    start: Tensor
    per_slice: Tensor
    length_mm: Tensor
    first: int
    last: int


def slice_rays(
    matrix: Tensor, projection: Projection, shape_kji: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> SliceRays | None:
    """The rays of a view, differentiable with respect to `matrix` (4x4 float64, voxel i, j, k to LPS mm).

    None where no slice axis suits all rays: very wide beams, or a source that moves through the slices.
    """
    place, way = _ray_fields(matrix, projection)
    axis = int(way.first.detach().abs().argmax())
    limits = _visible_slices(place, way, projection, axis, shape_kji[2 - axis])
    if limits is None:
        return None
    across = [a for a in range(3) if a != axis]  # x before y before z: columns first, as grid_sample wants them
    depth, advance = place.spread(axis, projection, dtype), way.spread(axis, projection, dtype)
    slope = torch.stack([way.spread(a, projection, dtype) / advance for a in across], dim=-1)
    start = torch.stack([place.spread(a, projection, dtype) for a in across], dim=-1) - depth[..., None] * slope
    size = torch.tensor([shape_kji[2 - a] for a in across], dtype=dtype, device=matrix.device)
    length = _length_mm(projection, dtype, matrix.device) / advance.abs()
    return SliceRays(2 - axis, (2.0 * start + 1.0) / size - 1.0, 2.0 * slope / size, length, *limits)


@dataclass(frozen=True)
class _Field:
    """A vector (3,) of each pixel in voxels i, j, k: first + row * per_row + column * per_column."""

    first: Tensor
    per_row: Tensor
    per_column: Tensor

    def spread(self, axis: int, projection: Projection, dtype: torch.dtype) -> Tensor:
        """[H, W] of one component."""
        rows, columns = (torch.arange(n, dtype=dtype, device=self.first.device) for n in projection.image_hw)
        first, per_row, per_column = (part[axis].to(dtype) for part in (self.first, self.per_row, self.per_column))
        return first + rows[:, None] * per_row + columns * per_column

    def corners(self, projection: Projection) -> Array:
        """(4, 3) at the image's corner pixels, between which everything lies."""
        first, row, column = (part.detach().cpu().numpy() for part in (self.first, self.per_row, self.per_column))
        height, width = projection.image_hw
        return np.array([first + r * row + c * column for r in (0, height - 1) for c in (0, width - 1)])


def _ray_fields(matrix: Tensor, projection: Projection) -> tuple[_Field, _Field]:
    """Where the rays cross the reference plane, and the way from there to as far behind it as the source is before."""
    inverse = torch.linalg.inv(matrix[:3, :3])
    axes = torch.as_tensor(projection.axes_lps, dtype=matrix.dtype, device=matrix.device)
    origin = torch.as_tensor(projection.origin_lps_mm, dtype=matrix.dtype, device=matrix.device)
    row, column = inverse @ axes[:, 0] * projection.spacing_mm[0], inverse @ axes[:, 1] * projection.spacing_mm[1]
    beam, none = inverse @ axes[:, 2], torch.zeros_like(row)
    place = _Field(inverse @ (origin - matrix[:3, 3]), row, column)
    if projection.beam is Beam.PARALLEL:
        return place, _Field(beam, none, none)
    fan = row if projection.beam is Beam.CONE else none  # a slot's rays do not diverge along the rows
    principal = projection.principal_rc
    first = beam * projection.sad_mm - float(principal[0]) * fan - float(principal[1]) * column
    return place, _Field(first, fan, column)


def _length_mm(projection: Projection, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[H, W] length of the way of `_ray_fields`."""
    if projection.beam is Beam.PARALLEL:
        return torch.ones((1, 1), dtype=dtype, device=device)
    row, column = (
        projection.spacing_mm[a]
        * (torch.arange(projection.image_hw[a], dtype=dtype, device=device) - float(projection.principal_rc[a]))
        for a in (0, 1)
    )
    across = row[:, None] ** 2 if projection.beam is Beam.CONE else torch.zeros_like(row)[:, None]
    return (projection.sad_mm**2 + across + column**2).sqrt()


def _visible_slices(
    place: _Field, way: _Field, projection: Projection, axis: int, count: int
) -> tuple[int, int] | None:
    """Slices in front of the source; None where rays run too flat, or where it differs from pixel to pixel."""
    directions = way.corners(projection)
    advance = directions[:, axis] * np.sign(directions[0, axis])
    if (advance <= STEEPEST * np.linalg.norm(directions, axis=1)).any():
        return None
    if projection.beam is Beam.PARALLEL:
        return 0, count
    sources = (place.corners(projection) - directions)[:, axis]
    if directions[0, axis] > 0:
        first = np.clip(np.floor(sources + 1e-6) + 1, 0, count).astype(int)
        return (int(first[0]), count) if np.ptp(first) == 0 else None
    last = np.clip(np.ceil(sources - 1e-6), 0, count).astype(int)
    return (0, int(last[0])) if np.ptp(last) == 0 else None


# --- sampling ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tile:
    """A block of work: some slices and some image rows."""

    slices: slice
    rows: slice


def tiles(first: int, last: int, image_hw: tuple[int, int], device: torch.device) -> Iterator[Tile]:
    """Blocks of at most half a million samples on a CPU, so that what they write stays in its cache."""
    samples = _SAMPLES if device.type == "cpu" else _GPU_SAMPLES
    # grid_sample has one thread per slice on a CPU
    together = 2 * torch.get_num_threads() if device.type == "cpu" else 16
    height, width = image_hw
    band = int(np.clip(samples // (together * width), 1, height))
    count = max(1, samples // (band * width))
    for low in range(first, last, count):
        for row in range(0, height, band):
            yield Tile(slice(low, min(low + count, last)), slice(row, row + band))


def tile_grid(rays: SliceRays, tile: Tile) -> Tensor:
    """[slices, rows, W, 2] sampling grid of a block."""
    number = torch.arange(tile.slices.start, tile.slices.stop, dtype=rays.start.dtype, device=rays.start.device)
    return torch.addcmul(rays.start[tile.rows], rays.per_slice[tile.rows], number[:, None, None, None])


def add_slices(slices: Tensor, number: int, rays: SliceRays, image: Tensor) -> None:
    """Adds to image [H, W] what the rays meet in `slices` [N, R, C], the first of which is slice `number`."""
    first, last = max(rays.first, number), min(rays.last, number + len(slices))
    for tile in tiles(first, last, (image.shape[0], image.shape[1]), image.device):
        part = slices[tile.slices.start - number : tile.slices.stop - number, None]
        sampled = functional.grid_sample(part, tile_grid(rays, tile), "bilinear", "zeros", align_corners=False)
        image[tile.rows] += sampled[:, 0].sum(dim=0)
