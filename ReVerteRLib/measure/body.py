"""The vertebral body in a mask: its own axes, its ends and its two end-plate planes.

1. The mask is smoothed (Gaussian, 1 mm, which takes the voxels' steps off oblique faces) and resampled on a grid of
   0.75 mm whose z axis is the vertebra's own, at first the patient's. Every column has a top and a bottom: the ends,
   between voxels, of the bone's run through the centre's plane.
2. The body is where columns have at least 0.6 of the central height. Its front and its posterior wall are where that
   ends in a strip of 8 mm around the middle; its sides where it ends in the middle third of the depth.
3. Planes are fitted to the tops and bottoms of the inner 80 % of the depth and 70 % of the width (the worst tenth of
   the points is dropped once): the end-plates. Their mean normal becomes the z axis, the body's middle the centre, and
   all is done again, twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.geometry import LEFT, Array, PatchGrid

STEP_MM = 0.75
_REACH_MM = {"z": 30.0, "front": 32.0, "back": 45.0, "x": 45.0}
_PASSES = 3
_SMOOTHING_MM = 1.0
_BODY_SHARE = 0.6
Plane = tuple[float, float, float]
"""Numbers a, b, c of z = a + b x + c y in a local frame (mm)."""


@dataclass(frozen=True)
class LocalMask:
    """The mask around a centre: soft[z, y, x] with z to the head, y to the back, x to the left, STEP_MM apart.

    axes:   3x3, columns are the x, y and z axis in LPS. centre: LPS mm. zero: voxel of the centre (z, y, x).
    source, grid: the smoothed mask and its place, from which another frame can be cut.
    """

    soft: NDArray[np.float32]
    axes: Array
    centre: Array
    zero: tuple[int, int, int]
    source: NDArray[np.float32]
    grid: PatchGrid


@dataclass(frozen=True)
class Body:
    """The body in a local frame (mm from its centre): depth and width ends, columns' tops and bottoms [y, x]."""

    front: float
    wall: float
    right: float
    left: float
    top: Array
    bottom: Array
    footprint: NDArray[np.bool_]


@dataclass(frozen=True)
class BodyFit:
    """The mask in the frame of its body, the body, and the planes of the superior and the inferior end-plate."""

    local: LocalMask
    body: Body
    planes: tuple[Plane, Plane]

    def turned(self, angle_rad: float) -> BodyFit | None:
        """The same vertebra in a frame turned about its own axis, right-handed (front towards the left)."""
        cos, sin = np.cos(angle_rad), np.sin(angle_rad)
        about_z = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return _fit(self.local.source, self.local.grid, self.local.centre, self.local.axes @ about_z)


def fit_body(mask: NDArray[np.bool_], grid: PatchGrid) -> BodyFit | None:
    """The body in a mask [z, y, x] on its patch grid; None where none is found around the centroid."""
    if not mask.any():
        return None
    smooth = _smoothed(mask, grid)
    centre, axes = np.array(grid.centroid_lps_mm), np.eye(3)
    found = None
    for _ in range(_PASSES):
        found = _fit(smooth, grid, centre, axes)
        if found is None:
            return None
        centre = centre + axes @ _middle(found.body, found.local)
        axes = _turned(axes, found.planes)
    return found


def _fit(smooth: NDArray[np.float32], grid: PatchGrid, centre: Array, axes: Array) -> BodyFit | None:
    local = _resampled(smooth, grid, centre, axes)
    body = _find_body(local)
    planes = _end_plates(body, local) if body is not None else None
    return None if body is None or planes is None else BodyFit(local, body, planes)


def _smoothed(mask: NDArray[np.bool_], grid: PatchGrid) -> NDArray[np.float32]:
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    margin = 4
    box = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in box)
    smooth = np.zeros(mask.shape, np.float32)
    smooth[box] = ndimage.gaussian_filter(
        mask[box].astype(np.float32), _SMOOTHING_MM / grid.spacing_mm, mode="constant"
    )
    return smooth


def _resampled(smooth: NDArray[np.float32], grid: PatchGrid, centre: Array, axes: Array) -> LocalMask:
    up, front, back, side = (int(_REACH_MM[key] / STEP_MM) for key in ("z", "front", "back", "x"))
    shape, zero = (2 * up + 1, front + back + 1, 2 * side + 1), (up, front, side)
    to_voxel = np.linalg.inv(grid.zyx_to_lps_mm)
    steps = axes[:, ::-1] * STEP_MM
    linear = to_voxel[:3, :3] @ steps
    offset = to_voxel[:3, :3] @ (centre - steps @ np.array(zero)) + to_voxel[:3, 3]
    soft = ndimage.affine_transform(smooth, linear, offset, shape, order=1)
    return LocalMask(soft, axes, centre, zero, smooth, grid)


def _find_body(local: LocalMask) -> Body | None:
    top, bottom = _run_end(local, 1), -_run_end(local, -1)
    height = top - bottom
    y, x = coordinates(local)
    central = height[(np.abs(y) <= 4.0)[:, None] & (np.abs(x) <= 4.0)[None, :]]
    usual = float(np.median(central))
    if not usual > 3.0:
        return None
    parts, _ = ndimage.label(height >= _BODY_SHARE * usual)
    named = parts[local.zero[1] - 5 : local.zero[1] + 6, local.zero[2] - 5 : local.zero[2] + 6]
    own = int(np.bincount(named[named > 0], minlength=1).argmax()) if (named > 0).any() else 0
    if own == 0:
        return None
    footprint = parts == own
    strip = footprint[:, np.abs(x) <= 4.0].mean(axis=1) >= 0.5
    depth = _extent(strip, local.zero[1])
    if depth is None or depth[1] - depth[0] < 4:
        return None
    third = (depth[1] - depth[0]) // 3
    width = _extent(footprint[depth[0] + third : depth[1] - third + 1].mean(axis=0) >= 0.5, local.zero[2])
    if width is None or width[1] - width[0] < 4:
        return None
    ends = [(depth[0], local.zero[1], -0.5), (depth[1], local.zero[1], 0.5)]
    ends += [(width[0], local.zero[2], -0.5), (width[1], local.zero[2], 0.5)]
    front, wall, right, left = ((index - zero + half) * STEP_MM for index, zero, half in ends)
    return Body(front, wall, right, left, top, bottom, footprint)


def _run_end(local: LocalMask, sign: int) -> Array:
    """Distance [y, x] from the centre's plane to the end of the bone's run, up (+1) or down (-1); 0 without bone."""
    half = local.soft[local.zero[0] :] if sign > 0 else local.soft[local.zero[0] :: -1]
    outside = half < 0.5
    outside[-1] = True
    first = outside.argmax(axis=0)
    last = np.maximum(first - 1, 0)
    inner, outer = (np.take_along_axis(half, index[None], axis=0)[0] for index in (last, first))
    part = (inner - 0.5) / np.maximum(inner - outer, 1e-6)
    return np.where(first > 0, (last + np.clip(part, 0.0, 1.0)) * STEP_MM, 0.0)


def _extent(line: NDArray[np.bool_], start: int) -> tuple[int, int] | None:
    """First and last index of the run of True around (or within 4 mm of) `start`."""
    near = np.flatnonzero(line)
    if not near.size:
        return None
    start = int(near[np.abs(near - start).argmin()])
    after, before = np.flatnonzero(~line[start:]), np.flatnonzero(~line[start::-1])
    return (start - int(before[0]) + 1 if before.size else 0), (
        start + int(after[0]) - 1 if after.size else len(line) - 1
    )


def coordinates(local: LocalMask) -> tuple[Array, Array]:
    """Both axes of a column map, y and x, in mm from the centre."""
    y = (np.arange(local.soft.shape[1], dtype=np.float64) - local.zero[1]) * STEP_MM
    x = (np.arange(local.soft.shape[2], dtype=np.float64) - local.zero[2]) * STEP_MM
    return y, x


def region(body: Body, local: LocalMask, depth: tuple[float, float], width: float) -> NDArray[np.bool_]:
    """Columns of the body between two shares of its depth, within a share of its width."""
    y, x = coordinates(local)
    along = (y - body.front) / (body.wall - body.front)
    across = np.abs(x - (body.left + body.right) / 2.0) / (body.left - body.right)
    chosen = ((along >= depth[0]) & (along <= depth[1]))[:, None] & (across <= width / 2.0)[None, :]
    return chosen & body.footprint


def _end_plates(body: Body, local: LocalMask) -> tuple[Plane, Plane] | None:
    chosen = region(body, local, (0.1, 0.9), 0.7)
    if np.count_nonzero(chosen) < 12:
        return None
    y, x = coordinates(local)
    rows, columns = np.nonzero(chosen)
    points = np.stack([np.ones(len(rows)), x[columns], y[rows]], axis=1)
    return _plane(points, body.top[chosen]), _plane(points, body.bottom[chosen])


def _plane(points: Array, heights: Array) -> Plane:
    """Numbers a, b, c of z = a + b x + c y by least squares, once more without the worst tenth."""
    first, *_ = np.linalg.lstsq(points, heights, rcond=None)
    residual = np.abs(heights - points @ first)
    keep = residual <= np.quantile(residual, 0.9)
    a, b, c = np.linalg.lstsq(points[keep], heights[keep], rcond=None)[0]
    return float(a), float(b), float(c)


def normal(plane: Plane) -> Array:
    vector = np.array([-plane[1], -plane[2], 1.0])
    return vector / np.linalg.norm(vector)


def _middle(body: Body, local: LocalMask) -> Array:
    """Middle of the body in local mm (x, y, z)."""
    inner = region(body, local, (0.3, 0.7), 0.4)
    height = np.median(body.top[inner] + body.bottom[inner]) / 2.0 if inner.any() else 0.0
    return np.array([(body.left + body.right) / 2.0, (body.front + body.wall) / 2.0, height])


def _turned(axes: Array, planes: tuple[Plane, Plane]) -> Array:
    """Axes whose z is the end-plates' mean normal and whose x has no part along the patient's back-to-front axis."""
    up = axes @ (normal(planes[0]) + normal(planes[1]))
    up /= np.linalg.norm(up)
    left = np.array(LEFT) - np.dot(LEFT, up) * up
    left /= np.linalg.norm(left)
    return np.stack([left, np.cross(up, left), up], axis=1)
