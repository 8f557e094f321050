"""Views of any direction by way of a view along one of the volume's axes.

The line integral along a ray depends on the ray alone, and not on the plane that its pixel lies in. So the rays of an
oblique view are a picture on a plane along the volume's slices, where a cheap shear and scale of every slice adds up
(shear-warp; Lacroute and Levoy, SIGGRAPH 1994), and one projective resampling of that picture gives the view.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ReVerteRLib.drr.rays import STEEPEST
from ReVerteRLib.geometry import Array, Beam, Projection

FAR_MM = 1e7
"""Parallel rays come from a source so far away: they spread by 0.01 mm in half a metre."""
_PER_VOXEL = (1.5, 2.0, 3.0)
"""Pixels of the picture along the axis per voxel: 2, since linear interpolation between voxels leaves little above;
with less, what is as small as a voxel beats with them. 3 where the view's pixels are finer than _FINE voxels. Where
they are coarser than voxels, two for each of them, and not less than 1.5."""
_FINE = 0.4
_LARGEST = 5.0
"""Pixels of the picture along the axis per pixel of the view, above which bilinear samples are as fast."""
_SHEARED = 1e-5
_MARGIN = 3
_SAMPLES = 1 << 19


@dataclass(frozen=True)
class AxisView:
    """A view along a volume axis that holds the rays of another view.

    projection: of the picture to be made; its axes are those of the volume.
    pixels_rc:  float32 [H, W, 2]: where each ray of the other view lies in it.
    """

    projection: Projection
    pixels_rc: Tensor

    def resample(self, picture: Tensor) -> Tensor:
        """[H, W] of the picture; 0 beyond its edges, where no ray meets the volume."""
        height, width = self.pixels_rc.shape[:2]
        found = torch.empty((height, width), dtype=torch.float32, device=picture.device)
        rows = max(1, _SAMPLES // width)
        for first in range(0, height, rows):
            found[first : first + rows] = _cubic(picture, self.pixels_rc[first : first + rows].to(picture.device))
        return found


def _cubic(picture: Tensor, pixels_rc: Tensor) -> Tensor:
    """Catmull-Rom interpolation [h, w] at pixels [h, w, 2]; exact for parabolas, unlike torch's 'bicubic'.

    The two inner taps of each axis are one bilinear sample between them, so that nine samples do for sixteen taps.
    """
    whole = pixels_rc.floor()
    t = pixels_rc - whole
    inner = t * (0.5 + t * (2.0 - 1.5 * t))
    middle = 1.0 + t * t * (1.5 * t - 2.5) + inner
    places = (whole - 1.0, whole + inner / middle, whole + 2.0)
    weights = (t * (t * (1.0 - 0.5 * t) - 0.5), middle, t * t * (0.5 * t - 0.5))
    size = torch.tensor(picture.shape, dtype=torch.float32, device=picture.device)
    units = [(2.0 * place + 1.0) / size - 1.0 for place in places]
    total = torch.zeros(pixels_rc.shape[:2], dtype=torch.float32, device=picture.device)
    for (row, row_weight), (column, column_weight) in itertools.product(zip(units, weights, strict=True), repeat=2):
        grid = torch.stack([column[..., 1], row[..., 0]], dim=-1)
        found = functional.grid_sample(picture[None, None], grid[None], "bilinear", "zeros", align_corners=False)
        total += found[0, 0] * row_weight[..., 0] * column_weight[..., 1]
    return total


def axis_view(matrix: Array, shape_kji: tuple[int, ...], projection: Projection) -> AxisView | None:
    """The view along the volume axis that the rays follow most closely.

    matrix: 4x4 from voxel (i, j, k, 1) to LPS mm. None where it does not pay or does not exist: slots, volumes whose
    axes are not at right angles, rays too flat for any axis, a source within the volume's slices.
    """
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    axes = matrix[:3, :3] / steps
    if projection.beam is Beam.SLOT or np.abs(axes.T @ axes - np.eye(3)).max() > _SHEARED:
        return None
    along = axes.T @ np.array(projection.beam_direction)
    axis = int(np.abs(along / steps).argmax())
    row_axis, column_axis = (a for a in (2, 1, 0) if a != axis)
    beam, row, column = axes[:, axis] * np.sign(along[axis]), axes[:, row_axis], axes[:, column_axis]
    corners = _corners(matrix, shape_kji)
    middle = corners.mean(axis=0)
    source = _source(projection, middle)
    sad = float((middle - source) @ beam)
    if ((corners - source) @ beam).min() <= 1e-3 * sad or not _all_follow(projection, source, beam):
        return None
    plane = _Plane(source, sad, row, column, beam)
    voxel_mm = np.array([steps[row_axis], steps[column_axis]])
    spacing = voxel_mm / [_per_voxel(size) for size in _pixel_mm(projection, plane) / voxel_mm]
    low, high = _range_mm(projection, plane, corners)
    count = np.maximum(np.ceil((high - low) / spacing).astype(int) + 1, 1) + 2 * _MARGIN
    if count.prod() > _LARGEST * np.prod(projection.image_hw):
        return None
    first = low - _MARGIN * spacing
    origin = source + sad * beam + first[0] * row + first[1] * column
    seen = Projection(
        projection.view,
        Beam.CONE,
        (int(count[0]), int(count[1])),
        (float(spacing[0]), float(spacing[1])),
        _triple(origin),
        _triple(row),
        _triple(column),
        _triple(beam),
        sad,
        2.0 * sad,
        (float(-first[0] / spacing[0]), float(-first[1] / spacing[1])),
    )
    places = _all_pixels(projection, plane)
    pixels = (places - torch.from_numpy(first)) / torch.from_numpy(spacing)
    return AxisView(seen, pixels.to(torch.float32))


@dataclass(frozen=True)
class _Plane:
    """Across a volume axis, `sad` before the source; places on it are row and column mm from the source's foot."""

    source: Array
    sad: float
    row: Array
    column: Array
    beam: Array

    def meet(self, points_lps_mm: Array) -> Array:
        """(N, 2) where the rays from the source through points (N, 3) cross it."""
        away = points_lps_mm - self.source
        scaled: Array = self.sad * (away @ np.stack([self.row, self.column], axis=1)) / (away @ self.beam)[:, None]
        return scaled


def _source(projection: Projection, middle: Array) -> Array:
    """The focal spot, for parallel rays one that is far away."""
    if projection.beam is Beam.CONE:
        return projection.source_lps_mm
    source: Array = middle - FAR_MM * np.array(projection.beam_direction)
    return source


def _corners(matrix: Array, shape_kji: tuple[int, ...]) -> Array:
    """(8, 3) one voxel beyond the outer voxels' middles, where linear interpolation ends."""
    ends = np.array([(-1.0, float(n)) for n in shape_kji[::-1]])
    ijk = np.array(list(itertools.product(*ends)))
    corners: Array = ijk @ matrix[:3, :3].T + matrix[:3, 3]
    return corners


def _image_corners(projection: Projection) -> Array:
    height, width = projection.image_hw
    return np.array([(r, c) for r in (0.0, height - 1.0) for c in (0.0, width - 1.0)])


def _all_follow(projection: Projection, source: Array, beam: Array) -> bool:
    """Whether no ray is flatter to the slices than STEEPEST; the flattest is at a corner."""
    away = projection.plane_point(_image_corners(projection)) - source
    return bool((away @ beam > STEEPEST * np.linalg.norm(away, axis=1)).all())


def _per_voxel(pixel_voxels: float) -> float:
    least, usual, most = _PER_VOXEL
    return most if pixel_voxels < _FINE else max(least, min(usual, 2.0 / pixel_voxels))


def _pixel_mm(projection: Projection, plane: _Plane) -> Array:
    """(2,) rows and columns on the plane that a pixel in the middle of the view takes."""
    middle = (np.array([projection.image_hw], dtype=np.float64) - 1.0) / 2.0
    at, below, beside = (plane.meet(projection.plane_point(middle + step)) for step in ((0, 0), (1, 0), (0, 1)))
    sizes: Array = np.hypot(below - at, beside - at)[0]
    return sizes


def _range_mm(projection: Projection, plane: _Plane, corners: Array) -> tuple[Array, Array]:
    """Where both the view and the volume's shadow lie on the plane; equal where they do not meet."""
    view, shadow = plane.meet(projection.plane_point(_image_corners(projection))), plane.meet(corners)
    low = np.maximum(view.min(axis=0), shadow.min(axis=0))
    return low, np.maximum(np.minimum(view.max(axis=0), shadow.max(axis=0)), low)


def _all_pixels(projection: Projection, plane: _Plane) -> Tensor:
    """float64 [H, W, 2] of `_Plane.meet` for all pixels."""
    corner = projection.plane_point(np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])) - plane.source
    parts = corner @ np.stack([plane.row, plane.column, plane.beam], axis=1)  # [first, row, column; along each axis]
    first, per_row, per_column = parts[0], parts[1] - parts[0], parts[2] - parts[0]
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in projection.image_hw)
    row, column, depth = (
        float(first[a]) + rows[:, None] * float(per_row[a]) + columns * float(per_column[a]) for a in range(3)
    )
    return torch.stack([row, column], dim=-1) * (plane.sad / depth)[..., None]


def _triple(vector: Array) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z
