"""Clinical measures of one vertebra, by one algorithm for the prediction and for the reference.

Only the mask and the centroid are used, so whatever the algorithm gets wrong it gets wrong alike in both.

1. The mask is smoothed (Gaussian, 1 mm, which takes the voxels' steps off oblique faces) and resampled on a grid of
   0.75 mm whose z axis is the vertebra's own, at first the patient's. Every column has a top and a bottom: the ends,
   between voxels, of the bone's run through the centre's plane.
2. The body is where columns have at least 0.6 of the central height. Its front and its posterior wall are where that
   ends in a strip of 8 mm around the middle; its sides where it ends in the middle third of the depth.
3. Planes are fitted to the tops and bottoms of the inner 80 % of the depth and 70 % of the width (the worst tenth of
   the points is dropped once): the end-plates. Their mean normal becomes the z axis, the body's middle the centre, and
   all is done again, twice.
4. Heights (Genant et al., J Bone Miner Res 8, 1993: anterior, middle, posterior) are medians, along that axis, over
   5 to 25 %, 40 to 60 % and 75 to 95 % of the depth in the middle 40 % of the width.
5. Tilts are those of the end-plates against the patient's horizontal plane. Sagittal is positive when the front lies
   lower than the back, coronal when the left side lies higher than the right.
6. Pedicles are measured in coronal sections 1 to 10 mm behind the posterior wall: the inner distance between the
   borders towards the canal and the outer one between the borders away from it, as medians over the middle half of each
   pedicle's height. The largest inner and the smallest outer distance count, because corners of the body and transverse
   processes join some sections. In L5 and around C7 processes may join all of them and the outer distance is theirs.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array, PatchGrid

MEASURES: Mapping[str, str] = {
    "height_anterior_mm": "Body height, anterior (mm)",
    "height_middle_mm": "Body height, middle (mm)",
    "height_posterior_mm": "Body height, posterior (mm)",
    "superior_sagittal_deg": "Superior end-plate, sagittal tilt (°)",
    "superior_coronal_deg": "Superior end-plate, coronal tilt (°)",
    "inferior_sagittal_deg": "Inferior end-plate, sagittal tilt (°)",
    "inferior_coronal_deg": "Inferior end-plate, coronal tilt (°)",
    "pedicle_inner_mm": "Pedicle distance, inner (mm)",
    "pedicle_outer_mm": "Pedicle distance, outer (mm)",
}
"""Key and name of each measure."""

_NO_BODY = ("C1", "C2")
_STEP_MM = 0.75
_REACH_MM = {"z": 30.0, "front": 32.0, "back": 45.0, "x": 45.0}
_PASSES = 3
_SMOOTHING_MM = 1.0
_BODY_SHARE = 0.6
_PEDICLE_AREA_MM2 = 8.0
_Plane = tuple[float, float, float]


@dataclass(frozen=True)
class _Local:
    """The mask around a centre: soft[z, y, x] with z to the head, y to the back, x to the left, _STEP_MM apart.

    axes:   3x3, columns are the x, y and z axis in LPS. centre: LPS mm. zero: voxel of the centre (z, y, x).
    """

    soft: NDArray[np.float32]
    axes: Array
    centre: Array
    zero: tuple[int, int, int]


@dataclass(frozen=True)
class _Body:
    """The body in a local frame (mm from its centre): depth and width ends, columns' tops and bottoms [y, x]."""

    front: float
    wall: float
    right: float
    left: float
    top: Array
    bottom: Array
    footprint: NDArray[np.bool_]


def measure_vertebra(mask: NDArray[np.bool_], grid: PatchGrid, level: Level) -> dict[str, float]:
    """The measures of a mask [z, y, x] on its patch grid, those that can be taken; see MEASURES for the keys.

    C1 and C2 have no body with two end-plates, so they have none. What cannot be found (an empty mask, no bone around
    the centroid, no pedicles) is left out.
    """
    if level.name in _NO_BODY or not mask.any():
        return {}
    smooth = _smoothed(mask, grid)
    centre, axes = np.array(grid.centroid_lps_mm), np.eye(3)
    planes: tuple[_Plane, _Plane] | None = None
    for _ in range(_PASSES):
        local = _resampled(smooth, grid, centre, axes)
        body = _find_body(local)
        planes = _end_plates(body, local) if body is not None else None
        if body is None or planes is None:
            return {}
        final = local, body, planes
        centre = centre + axes @ _middle(body, local)
        axes = _turned(axes, planes)
    local, body, planes = final
    return {**_heights(body, local), **_tilts(planes, local.axes), **_pedicles(local, body)}


# --- the body ------------------------------------------------------------------------------------


def _smoothed(mask: NDArray[np.bool_], grid: PatchGrid) -> NDArray[np.float32]:
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    margin = 4
    box = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in box)
    smooth = np.zeros(mask.shape, np.float32)
    smooth[box] = ndimage.gaussian_filter(
        mask[box].astype(np.float32), _SMOOTHING_MM / grid.spacing_mm, mode="constant"
    )
    return smooth


def _resampled(smooth: NDArray[np.float32], grid: PatchGrid, centre: Array, axes: Array) -> _Local:
    up, front, back, side = (int(_REACH_MM[key] / _STEP_MM) for key in ("z", "front", "back", "x"))
    shape, zero = (2 * up + 1, front + back + 1, 2 * side + 1), (up, front, side)
    to_voxel = np.linalg.inv(grid.zyx_to_lps_mm)
    steps = axes[:, ::-1] * _STEP_MM
    linear = to_voxel[:3, :3] @ steps
    offset = to_voxel[:3, :3] @ (centre - steps @ np.array(zero)) + to_voxel[:3, 3]
    soft = ndimage.affine_transform(smooth, linear, offset, shape, order=1)
    return _Local(soft, axes, centre, zero)


def _find_body(local: _Local) -> _Body | None:
    top, bottom = _run_end(local, 1), -_run_end(local, -1)
    height = top - bottom
    y, x = _coordinates(local)
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
    front, wall, right, left = ((index - zero + half) * _STEP_MM for index, zero, half in ends)
    return _Body(front, wall, right, left, top, bottom, footprint)


def _run_end(local: _Local, sign: int) -> Array:
    """Distance [y, x] from the centre's plane to the end of the bone's run, up (+1) or down (-1); 0 without bone."""
    half = local.soft[local.zero[0] :] if sign > 0 else local.soft[local.zero[0] :: -1]
    outside = half < 0.5
    outside[-1] = True
    first = outside.argmax(axis=0)
    last = np.maximum(first - 1, 0)
    inner, outer = (np.take_along_axis(half, index[None], axis=0)[0] for index in (last, first))
    part = (inner - 0.5) / np.maximum(inner - outer, 1e-6)
    return np.where(first > 0, (last + np.clip(part, 0.0, 1.0)) * _STEP_MM, 0.0)


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


def _coordinates(local: _Local) -> tuple[Array, Array]:
    """Both axes of a column map, y and x, in mm from the centre."""
    y = (np.arange(local.soft.shape[1], dtype=np.float64) - local.zero[1]) * _STEP_MM
    x = (np.arange(local.soft.shape[2], dtype=np.float64) - local.zero[2]) * _STEP_MM
    return y, x


def _region(body: _Body, local: _Local, depth: tuple[float, float], width: float) -> NDArray[np.bool_]:
    """Columns of the body between two shares of its depth, within a share of its width."""
    y, x = _coordinates(local)
    along = (y - body.front) / (body.wall - body.front)
    across = np.abs(x - (body.left + body.right) / 2.0) / (body.left - body.right)
    chosen = ((along >= depth[0]) & (along <= depth[1]))[:, None] & (across <= width / 2.0)[None, :]
    return chosen & body.footprint


def _end_plates(body: _Body, local: _Local) -> tuple[_Plane, _Plane] | None:
    region = _region(body, local, (0.1, 0.9), 0.7)
    if np.count_nonzero(region) < 12:
        return None
    y, x = _coordinates(local)
    rows, columns = np.nonzero(region)
    points = np.stack([np.ones(len(rows)), x[columns], y[rows]], axis=1)
    return _plane(points, body.top[region]), _plane(points, body.bottom[region])


def _plane(points: Array, heights: Array) -> _Plane:
    """Numbers a, b, c of z = a + b x + c y by least squares, once more without the worst tenth."""
    first, *_ = np.linalg.lstsq(points, heights, rcond=None)
    residual = np.abs(heights - points @ first)
    keep = residual <= np.quantile(residual, 0.9)
    a, b, c = np.linalg.lstsq(points[keep], heights[keep], rcond=None)[0]
    return float(a), float(b), float(c)


def _normal(plane: _Plane) -> Array:
    normal = np.array([-plane[1], -plane[2], 1.0])
    return normal / np.linalg.norm(normal)


def _middle(body: _Body, local: _Local) -> Array:
    """Middle of the body in local mm (x, y, z)."""
    inner = _region(body, local, (0.3, 0.7), 0.4)
    height = np.median(body.top[inner] + body.bottom[inner]) / 2.0 if inner.any() else 0.0
    return np.array([(body.left + body.right) / 2.0, (body.front + body.wall) / 2.0, height])


def _turned(axes: Array, planes: tuple[_Plane, _Plane]) -> Array:
    """Axes whose z is the end-plates' mean normal and whose x has no part along the patient's back-to-front axis."""
    up = axes @ (_normal(planes[0]) + _normal(planes[1]))
    up /= np.linalg.norm(up)
    left = np.array(LEFT) - np.dot(LEFT, up) * up
    left /= np.linalg.norm(left)
    return np.stack([left, np.cross(up, left), up], axis=1)


# --- measures ------------------------------------------------------------------------------------


def _heights(body: _Body, local: _Local) -> dict[str, float]:
    found = {}
    for name, depth in (("anterior", (0.05, 0.25)), ("middle", (0.4, 0.6)), ("posterior", (0.75, 0.95))):
        region = _region(body, local, depth, 0.4)
        if region.any():
            found[f"height_{name}_mm"] = float(np.median((body.top - body.bottom)[region]))
    return found


def _tilts(planes: tuple[_Plane, _Plane], axes: Array) -> dict[str, float]:
    found = {}
    for name, plane in zip(("superior", "inferior"), planes, strict=True):
        normal = axes @ _normal(plane)
        up = -float(normal @ INFERIOR)
        found[f"{name}_sagittal_deg"] = float(np.rad2deg(np.arctan2(-float(normal @ POSTERIOR), up)))
        found[f"{name}_coronal_deg"] = float(np.rad2deg(np.arctan2(-float(normal @ LEFT), up)))
    return found


def _pedicles(local: _Local, body: _Body) -> dict[str, float]:
    y, _ = _coordinates(local)
    low, high = (float(np.median(part[_region(body, local, (0.4, 0.9), 0.5)])) for part in (body.bottom, body.top))
    rows = slice(*(round(v / _STEP_MM) + local.zero[0] for v in (low, high + 3.0)))
    bone = local.soft >= 0.5
    middle = round((body.left + body.right) / 2.0 / _STEP_MM) + local.zero[2]
    inner, outer = [], []
    for index in np.flatnonzero((y >= body.wall + 1.0) & (y <= body.wall + 10.0)):
        section = bone[rows, index]
        left, right = (_pedicle(side) for side in (section[:, middle:], section[:, middle::-1]))
        if left is None or right is None:
            continue
        inner.append(left[0] + right[0] - _STEP_MM)  # both sides count the middle voxel
        outer.append(left[1] + right[1] - _STEP_MM)
    if not inner or min(outer) < max(inner) + 2.0:  # sections that contradict each other
        return {}
    return {"pedicle_inner_mm": max(inner), "pedicle_outer_mm": min(outer)}


def _pedicle(side: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Inner and outer border (mm from the section's first edge) of one pedicle's section [z, x away from the middle].

    None where the middle holds bone (that is body or lamina, not canal) or where there is no pedicle.
    """
    if side[:, :3].any():
        return None
    parts, count = ndimage.label(side)
    if count == 0:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    own = parts == int(sizes.argmax()) + 1
    if float(own.sum()) * _STEP_MM**2 < _PEDICLE_AREA_MM2:
        return None
    rows = np.flatnonzero(own.any(axis=1))
    quarter = (rows[-1] - rows[0] + 1) // 4
    inner, outer = [], []
    for row in own[rows[0] + quarter : rows[-1] - quarter + 1]:
        columns = np.flatnonzero(row)
        if columns.size:
            inner.append(float(columns[0]))
            outer.append(float(columns[-1]) + 1.0)
    return statistics.median(inner) * _STEP_MM, statistics.median(outer) * _STEP_MM


# --- errors --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClinicalComparison:
    """Measures of one vertebra in the reference and in the prediction, by the keys of MEASURES; any may be missing."""

    subject: str
    level: Level
    reference: Mapping[str, float]
    predicted: Mapping[str, float]

    def error(self, measure: str) -> float | None:
        """Predicted minus reference; None when either is missing."""
        if measure not in self.reference or measure not in self.predicted:
            return None
        return self.predicted[measure] - self.reference[measure]


def compare_measures(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], grid: PatchGrid, level: Level, subject: str
) -> ClinicalComparison:
    """Both masks measured in the same way."""
    return ClinicalComparison(
        subject, level, measure_vertebra(true, grid, level), measure_vertebra(predicted, grid, level)
    )


def summarise_measures(rows: Iterable[ClinicalComparison]) -> dict[str, dict[str, Any]]:
    """Mean absolute error, bias (mean error) and sample SD of the error by measure.

    n: vertebrae with the measure in both; missed: with it in the reference only. Numbers are None for n = 0.
    """
    rows = list(rows)
    return {measure: _error_statistics(measure, rows) for measure in MEASURES}


def _error_statistics(measure: str, rows: Sequence[ClinicalComparison]) -> dict[str, Any]:
    errors = [e for row in rows if (e := row.error(measure)) is not None]
    record: dict[str, Any] = {
        "n": len(errors),
        "missed": sum(measure in row.reference and measure not in row.predicted for row in rows),
    }
    if not errors:
        return {**record, "mae": None, "bias": None, "sd": None}
    return {
        **record,
        "mae": round(statistics.fmean(abs(e) for e in errors), 3),
        "bias": round(statistics.fmean(errors), 3),
        "sd": round(statistics.stdev(errors), 3) if len(errors) > 1 else 0.0,
    }
