"""Views along one of the volume's axes, the fast ones.

- Parallel rays: sums along that axis, then one small 2-D resampling.
- Cone and slot rays: every slice across the beam is scaled about the principal point onto the reference plane and
  added (shear-warp; Lacroute and Levoy, SIGGRAPH 1994), which for linear interpolation equals the method of Joseph
  (IEEE TMI 1982). Neighbouring slices that the rays cross alike are added up before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ReVerteRLib.drr.march import positions_mm, ray_length_factor
from ReVerteRLib.drr.ramp import SlabTransform, clipped, shift_of, written
from ReVerteRLib.drr.taps import Taps, taps, weighted_rows
from ReVerteRLib.geometry import Array, Beam, Projection

_SUM_VOXELS = 1 << 21
_SLAB_VALUES = 1 << 20
_GPU_VALUES = 1 << 26
_SLAB_SHEETS = (4, 64)
_CHUNK_SHEETS = 128
_SHEET_SHIFT = 0.1
_THICKEST = 8
_ALIGNED_MM = 0.05
_LINE_FLOATS = 16


@dataclass(frozen=True)
class Alignment:
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
    def of(cls, volume: Tensor, matrix: Array, projection: Projection) -> Alignment | None:
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

    def taps_at(self, depth_mm: Array, projection: Projection, axis: int) -> Taps:
        """[slices, pixels, taps] of the rows (axis 0), [pixels, slices, taps] of the columns (1) at these depths."""
        position = positions_mm(projection, depth_mm)[axis]
        coordinate = (position - self.offset_mm[axis]) / self.step_mm[axis]
        pixel_mm = projection.spacing_mm[axis] / projection.scale_at(depth_mm)[:, axis]
        width = np.abs(pixel_mm / self.step_mm[axis])[:, None]
        return (
            taps(coordinate, width, self.counts[axis]) if axis == 0 else taps(coordinate.T, width.T, self.counts[axis])
        )


# --- parallel rays -------------------------------------------------------------------------------


def axis_sums(volume: Tensor, dims: set[int], transform: SlabTransform) -> dict[int, Tensor]:
    """Sum of the transformed volume along each of these dimensions, reading the volume once in its memory's order."""
    order = sorted(range(3), key=volume.stride, reverse=True)
    stored = volume.permute(order)
    shape = stored.shape
    sums = {
        place: torch.zeros([n for p, n in enumerate(shape) if p != place], dtype=torch.float32, device=volume.device)
        for place, dim in enumerate(order)
        if dim in dims
    }
    voxels = _SUM_VOXELS if volume.device.type == "cpu" else _GPU_VALUES
    slices = max(1, voxels // (shape[1] * shape[2]))
    memory = torch.empty((min(slices, shape[0]), *shape[1:]), dtype=torch.float32, device=volume.device)
    for first in range(0, shape[0] if sums else 0, slices):
        slab = stored[first : first + slices]
        values = clipped(transform, slab, memory[: len(slab)])
        for place, total in sums.items():
            if place:
                torch.sum(values, place, out=total[first : first + slices])
            else:
                total.add_(values.sum(0))
    shift = shift_of(transform)
    return {order[p]: _in_order(total.sub_(shift * shape[p]), p, order) for p, total in sums.items()}


def _in_order(total: Tensor, place: int, order: list[int]) -> Tensor:
    """A sum along `place` of the permuted volume with its two remaining dimensions in the volume's own order."""
    first, second = (dim for p, dim in enumerate(order) if p != place)
    return total if first < second else total.T


def from_sums(sums: Tensor, alignment: Alignment, projection: Projection) -> Tensor:
    """Parallel rays: [rows, columns] of the sums along the beam, which still have the volume's grid."""
    row_dim, column_dim, _ = alignment.dims
    plane = sums if row_dim < column_dim else sums.T
    rows, columns = (alignment.taps_at(np.zeros(1), projection, axis).to(sums.device) for axis in (0, 1))
    stretched = weighted_rows(plane.T.contiguous(), columns.index, columns.weight)
    return weighted_rows(stretched.T.contiguous(), rows.index[0], rows.weight[0] * float(abs(alignment.step_mm[2])))


# --- diverging rays ------------------------------------------------------------------------------


def shear_warp(volume: Tensor, views: Sequence[tuple[Alignment, Projection]], transform: SlabTransform) -> list[Tensor]:
    """Diverging rays: every slice across the beam scaled about the principal point onto the reference plane.

    All views have the same dims; each slab is read once for all of them.
    """
    images = [torch.zeros(p.image_hw[::-1], dtype=torch.float32, device=volume.device) for _, p in views]
    slabs = _Slabs.of(volume, views)
    for chunk in slabs.chunks():
        taps_of = [_ViewTaps.of(chunk, slabs, alignment, projection) for alignment, projection in views]
        for first in range(chunk.start, chunk.stop, slabs.sheets):
            slabs.read(first, transform)
            for view, image in zip(taps_of, images, strict=True):
                image.add_(view.scaled_sum(first - chunk.start))
    return [
        image.T.contiguous().mul_(ray_length_factor(projection, volume.device).mul_(float(abs(alignment.step_mm[2]))))
        for (alignment, projection), image in zip(views, images, strict=True)
    ]


def sheet_thickness(views: Sequence[tuple[Alignment, Projection]]) -> int:
    """Slices across the beam that may be added up before they are scaled, as rays hardly diverge between them.

    A voxel of a sheet's outer slices is shifted by _SHEET_SHIFT of a voxel or, where that is larger, of a pixel, at the
    edge of the volume and less elsewhere; its opposite slice is shifted the other way.
    """
    allowed = [float(_THICKEST)]
    for alignment, projection in views:
        ends = alignment.offset_mm[2] + alignment.step_mm[2] * np.array([0, alignment.counts[2] - 1])
        nearest_mm = projection.sad_mm + ends.min()
        if nearest_mm <= 0:
            return 1
        for axis in (0, 1) if projection.beam is Beam.CONE else (1,):
            step_mm, count = alignment.step_mm[axis], alignment.counts[axis]
            middle = (projection.spacing_mm[axis] * projection.principal_rc[axis] - alignment.offset_mm[axis]) / step_mm
            reach = max(abs(middle), abs(count - 1 - middle), 1.0)
            limit = _SHEET_SHIFT * max(projection.spacing_mm[axis] / abs(step_mm), 1.0)
            allowed.append(1.0 + 2.0 * limit * nearest_mm / (reach * abs(alignment.step_mm[2])))
    return int(min(allowed))


@dataclass(frozen=True)
class _Slabs:
    """Slabs across the beam, read one after the other into the same memory.

    A slab consists of sheets, which are sums of neighbouring slices.

    stored:    the volume's voxels as rows, slices across the beam, columns.
    thickness: slices of a sheet; the last one may have fewer.
    sheets:    of a slab; the last one may have fewer.
    slices:    [rows, slices, columns] for the slices of some sheets; empty where a sheet is a slice.
    memory:    [rows, sheets, columns and a few more].
    lines:     for a slab's columns with scaled rows. All is memory that is there already: the first touch of new memory
               takes longer than the arithmetic.
    """

    stored: Tensor
    thickness: int
    sheets: int
    slices: Tensor
    memory: Tensor
    lines: Tensor

    @classmethod
    def of(cls, volume: Tensor, views: Sequence[tuple[Alignment, Projection]]) -> _Slabs:
        """Slabs that fit into the processor's cache, before and after the rows are scaled."""
        rows, columns, across = views[0][0].dims
        stored = volume.permute(rows, across, columns)
        height, count, width = stored.shape
        thickness = sheet_thickness(views)
        values = _SLAB_VALUES if volume.device.type == "cpu" else _GPU_VALUES
        tallest = max(height, *(p.image_hw[0] for _, p in views))
        sheets = min(int(np.clip(values // (tallest * width), *_SLAB_SHEETS)), -(-count // thickness))

        def memory(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float32, device=volume.device)

        together = int(np.clip(values // (height * width * thickness), 1, sheets))
        slices = memory(height, together * thickness if thickness > 1 else 0, width)
        lines = torch.empty(sheets * width * tallest, dtype=torch.float32, device=volume.device)
        return cls(stored, thickness, sheets, slices, memory(height, sheets, _padded(width)), lines)

    @property
    def table(self) -> Tensor:
        """The memory as lines along the columns."""
        return self.memory.view(-1, self.memory.shape[2])

    @property
    def columns(self) -> int:
        """Voxels of a line."""
        return self.stored.shape[2]

    def chunks(self) -> Iterator[range]:
        """Sheets whose taps are made together: whole slabs."""
        step = self.sheets * max(1, _CHUNK_SHEETS // self.sheets)
        count = -(-self.stored.shape[1] // self.thickness)
        for first in range(0, count, step):
            yield range(first, min(first + step, count))

    def middles(self, chunk: range) -> Array:
        """Slice numbers of the sheets' middles."""
        first = self.thickness * np.array(chunk)
        last = np.minimum(first + self.thickness, self.stored.shape[1]) - 1
        middles: Array = (first + last) / 2.0
        return middles

    def read(self, first: int, transform: SlabTransform) -> None:
        """Writes the slab that begins with this sheet into the memory."""
        thickness, sheets = self.thickness, self.memory[..., : self.columns]
        part = self.stored[:, first * thickness : (first + self.sheets) * thickness]
        if thickness == 1:
            written(transform, part, sheets[:, : part.shape[1]])
            return
        for start in range(0, part.shape[1], self.slices.shape[1]):
            few = part[:, start : start + self.slices.shape[1]]
            self._add_up(clipped(transform, few, self.slices[:, : few.shape[1]]), sheets[:, start // thickness :])
        sheets[:, : part.shape[1] // thickness].sub_(shift_of(transform) * thickness)
        if rest := part.shape[1] % thickness:
            sheets[:, part.shape[1] // thickness].sub_(shift_of(transform) * rest)

    def _add_up(self, slices: Tensor, sheets: Tensor) -> None:
        """Sums of slices [rows, slices, columns] into sheets; what is left over is the last one."""
        whole = slices.shape[1] // self.thickness
        grouped = slices[:, : whole * self.thickness].unflatten(1, (whole, self.thickness))
        torch.sum(grouped, 2, out=sheets[:, :whole])
        if slices.shape[1] % self.thickness:
            torch.sum(slices[:, whole * self.thickness :], 1, out=sheets[:, whole])


def _padded(columns: int) -> int:
    """Floats of a line such that a column's voxels do not all fall into the same few sets of the processor's cache.

    Lines of a power of two are transposed at a half to a quarter of the speed.
    """
    return (-(-columns // _LINE_FLOATS) | 1) * _LINE_FLOATS


@dataclass(frozen=True)
class _ViewTaps:
    """What a view reads of the sheets of a chunk.

    rows:    [sheets, H, taps] of the lines of a slab's table.
    columns: [W, sheets, taps] of the lines of a table [sheets, columns] of columns.
    """

    rows: Taps
    columns: Taps
    _slabs: _Slabs

    @classmethod
    def of(cls, chunk: range, slabs: _Slabs, alignment: Alignment, projection: Projection) -> _ViewTaps:
        """Nothing behind the source casts a shadow."""
        depths = alignment.offset_mm[2] + alignment.step_mm[2] * slabs.middles(chunk)
        seen = depths > -projection.sad_mm
        rows, columns = (alignment.taps_at(np.where(seen, depths, 0.0), projection, axis) for axis in (0, 1))
        rows.weight[torch.from_numpy(~seen)] = 0.0
        sheet_in_slab = torch.arange(len(chunk), dtype=torch.int32) % slabs.sheets
        rows.index.mul_(slabs.sheets).add_(sheet_in_slab[:, None, None])
        columns.index.add_(sheet_in_slab[:, None] * slabs.columns)
        device = slabs.memory.device
        return cls(rows.to(device), columns.to(device), slabs)

    def scaled_sum(self, first: int) -> Tensor:
        """[W, H] sum over the slab that is in memory and begins with sheet `first` of the chunk."""
        last = first + self._slabs.sheets
        rows, columns = self.rows, self.columns
        index, weight = rows.index[first:last], rows.weight[first:last]
        sheets, height, _ = index.shape
        stretched = weighted_rows(self._slabs.table, index.flatten(0, 1), weight.flatten(0, 1))
        lines = self._slabs.lines[: sheets * self._slabs.columns * height].view(sheets, -1, height)
        lines.copy_(stretched.view(sheets, height, -1)[..., : self._slabs.columns].transpose(1, 2))
        return weighted_rows(lines.flatten(0, 1), columns.index[:, first:last], columns.weight[:, first:last])
