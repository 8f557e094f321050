"""The map of a synthetic patient with a posture and vertebral shapes of its own back to its source spine.

The source spine is a beam: a stack of cross-sections square to its axis. In the patient every section has a new place,
direction, turn and size, so that neighbouring vertebrae are moved almost rigidly and pass smoothly into each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ReVerteRLib.datasets.deformation import TABLE_STEP_MM, FreeFormField, spine_axis
from ReVerteRLib.geometry import Array

_BLEND_MM = 9.0  # standard deviation of the smoothing between vertebrae
_END_MM = 28.0  # beyond the end centroids the bend stays for this long, then dies away
_SOFT_MM = 12.0  # length over which the scale of the processes sets in


@dataclass(frozen=True)
class BeamPlan:
    """Changes at the vertebrae, from the foot up; N vertebrae.

    coronal_rad, sagittal_rad: (N - 1,) added to the direction of the way up to the next vertebra (as dx/dz, dy/dz).
    twist_rad:      (N,) turn about the axis.
    length:         (N - 1,) factor on the distance to the next vertebra.
    height, width, depth, process, pedicles: (N,) factors on the body's height (the discs make up for it), on width and
                    depth of everything, on what lies behind the body, and on the width there.
    """

    coronal_rad: Array
    sagittal_rad: Array
    twist_rad: Array
    length: Array
    height: Array
    width: Array
    depth: Array
    process: Array
    pedicles: Array

    @classmethod
    def unchanged(cls, count: int) -> BeamPlan:
        """The plan for `count` vertebrae that changes nothing."""
        none, one, gaps = np.zeros(count), np.ones(count), max(count - 1, 0)
        return cls(np.zeros(gaps), np.zeros(gaps), none, np.ones(gaps), one, one, one, one, one)


@dataclass(frozen=True)
class _Table:
    """Values every TABLE_STEP_MM of the source's height: patient centre and frame, source frame, factors."""

    low_z: float
    rows: Array  # [columns, M]
    changes: Array  # [columns, M - 1]
    slices: dict[str, slice] = field(default_factory=dict)

    @classmethod
    def of(cls, low_z: float, **columns: Array) -> _Table:
        slices, start = {}, 0
        for name, values in columns.items():
            width = 1 if values.ndim == 1 else values.shape[1]
            slices[name] = slice(start, start + width)
            start += width
        rows = np.concatenate([v.reshape(len(v), -1) for v in columns.values()], axis=1).T
        return cls(low_z, np.ascontiguousarray(rows), np.ascontiguousarray(np.diff(rows, axis=1)), slices)

    def at(self, z: Array) -> tuple[Array, Array]:
        """Interpolated rows (columns, N) at source heights (N,) and the rows' derivatives by height."""
        position = np.clip((z - self.low_z) / TABLE_STEP_MM, 0.0, self.rows.shape[1] - 1.001)
        lower = position.astype(np.intp)
        before = self.rows.take(lower, axis=1)
        change = self.changes.take(lower, axis=1)
        return before + (position - lower) * change, change / TABLE_STEP_MM


class BeamDeformation:
    """Patient-to-source map of one synthetic patient; see SpineDeformation, whose place it takes.

    `axis` is a table of the source spine's axis.
    """

    def __init__(self, centroids_lps_mm: Array, plan: BeamPlan, fields: tuple[FreeFormField, ...] = ()) -> None:
        """centroids_lps_mm: (N, 3) of the source, in any order; `plan` is for them sorted from the foot up."""
        points = np.asarray(centroids_lps_mm, dtype=np.float64)
        points = points[np.argsort(points[:, 2])]
        self.axis = spine_axis(points)
        self._fields = fields
        self._build(points[:, 2], plan)

    def _build(self, heights: Array, plan: BeamPlan) -> None:
        z = self.axis[:, 2]
        slope = np.gradient(self.axis[:, :2], TABLE_STEP_MM, axis=0)
        middles = (heights[1:] + heights[:-1]) / 2.0
        fade = _fade(z, heights)
        angles = np.arctan(slope) + np.stack(
            [_blended(z, middles, bend) * fade for bend in (plan.coronal_rad, plan.sagittal_rad)], axis=1
        )
        source = _frames(slope, np.zeros(len(z)))
        patient = _frames(np.tan(angles), _blended(z, heights, plan.twist_rad))
        steps = np.linalg.norm(np.concatenate([slope, np.ones((len(z), 1))], axis=1), axis=1)
        stretch = 1.0 + (_blended(z, middles, plan.length, 1.0) - 1.0) * fade
        rung = np.interp(z, heights, np.arange(len(heights)))
        swell = (_blended(z, heights, plan.height, 1.0) - 1.0) * np.cos(2.0 * np.pi * rung) * fade
        rate = stretch * (1.0 + swell)
        way = patient[:, :, 2] * (rate * steps)[:, None]
        centre = np.concatenate([np.zeros((1, 3)), np.cumsum((way[1:] + way[:-1]) / 2.0, axis=0)]) * TABLE_STEP_MM
        spine = (z >= heights[0]) & (z <= heights[-1])
        centre += (self.axis - centre)[spine].mean(axis=0)
        pitch = np.diff(heights, prepend=heights[0] - 30.0) if len(heights) < 2 else np.gradient(heights)
        wall = np.clip(0.5 * _blended(z, heights, pitch), 8.0, 17.0)
        self._sections = _Table.of(float(z[0]), centre=centre, up=patient[:, :, 2], speed=rate * steps)
        self._table = _Table.of(
            float(z[0]),
            centre=centre,
            x=patient[:, :, 0],
            y=patient[:, :, 1],
            up=patient[:, :, 2],
            rate=rate,
            width=_blended(z, heights, plan.width, 1.0),
            depth=_blended(z, heights, plan.depth, 1.0),
            process=_blended(z, heights, plan.process, 1.0),
            pedicles=_blended(z, heights, plan.pedicles, 1.0),
            wall=wall,
            axis=self.axis,
            source=source.reshape(-1, 9),
        )
        self._rising = np.maximum.accumulate(centre[:, 2] + 1e-6 * np.arange(len(z)))

    def axis_at(self, z_patient_mm: Array) -> Array:
        """(N, 2) x and y of the patient's spine axis at heights (N,)."""
        centre = self._sections.rows[:3]
        z = np.asarray(z_patient_mm)
        return np.stack([np.interp(z, self._rising, centre[c]) for c in (0, 1)], axis=1)

    def to_source(self, points_lps_mm: Array) -> Array:
        """Source positions (N, 3) of patient points (N, 3)."""
        points = np.asarray(points_lps_mm, dtype=np.float64)
        source = self._unbent(points, self._table.at(self._section(points))[0])
        return source + self._wobble(source)

    def to_patient(self, points_lps_mm: Array) -> Array:
        """Patient positions (N, 3) of source points (N, 3), to about 0.01 mm near the spine."""
        goal = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        row, _ = self._table.at(goal[:, 2])
        part = self._table.slices
        guess = row[part["centre"]].T + self._bent(row, goal - row[part["axis"]].T)
        for step in np.linspace(0.9, 0.3, 40):  # smaller steps settle the few points where processes nearly fold
            row, _ = self._table.at(self._section(guess))
            source = self._unbent(guess, row)
            miss = source + self._wobble(source) - goal
            if np.abs(miss).max() < 2e-3:
                break
            guess = guess - step * self._bent(row, miss)
        return guess

    def _section(self, points: Array) -> Array:
        """Source heights (N,) of the sections that hold patient points (N, 3), by Newton's method."""
        low, high = self._table.low_z, float(self.axis[-1, 2])
        z = np.interp(points[:, 2], self._rising, self.axis[:, 2])
        across = np.ascontiguousarray(points.T)
        for _ in range(4):
            row, change = self._sections.at(z)
            away = across - row[:3]
            miss = _dot(row[3:6], away)
            slowed = np.maximum(row[6] - _dot(change[3:6], away), 0.35 * row[6])
            z = np.clip(z + miss / slowed, low, high)
        return z

    def _unbent(self, points: Array, row: Array) -> Array:
        """Source positions (N, 3) of patient points (N, 3) in the sections of these table rows."""
        part = self._table.slices
        away = points.T - row[part["centre"]]
        across, back, along = (_dot(row[part[name]], away) for name in ("x", "y", "up"))
        factor = {name: row[part[name]][0] for name in ("width", "depth", "process", "pedicles", "wall", "rate")}
        back = back / factor["depth"]
        behind = back - factor["wall"]
        back = back + (1.0 / factor["process"] - 1.0) * _softly(behind)
        share = np.clip(behind / _SOFT_MM + 0.5, 0.0, 1.0)
        across = across / (factor["width"] * (1.0 + (factor["pedicles"] - 1.0) * share * share * (3.0 - 2.0 * share)))
        local = np.stack([across, back, along / factor["rate"]])
        frame = row[part["source"]].reshape(3, 3, -1)
        source: Array = row[part["axis"]] + np.stack([_dot(frame[axis], local) for axis in range(3)])
        return source.T

    def _bent(self, row: Array, source_steps: Array) -> Array:
        """Patient steps (N, 3) of source steps, to first order and without the scales of the processes."""
        part = self._table.slices
        frame = row[part["source"]].reshape(3, 3, -1)
        local = [_dot(frame[:, axis], source_steps.T) for axis in range(3)]
        scaled = [v * row[part[name]][0] for v, name in zip(local, ("width", "depth", "rate"), strict=True)]
        steps: Array = sum(v * row[part[name]] for v, name in zip(scaled, ("x", "y", "up"), strict=True))
        return steps.T

    def _wobble(self, source: Array) -> Array:
        """Free-form displacement (N, 3)."""
        return sum((field.at(source) for field in self._fields), np.zeros_like(source))


def _frames(slope: Array, twist: Array) -> Array:
    """(M, 3, 3) columns x, y, up of sections square to a curve with dx/dz, dy/dz (M, 2), turned about it."""
    up = np.concatenate([slope, np.ones((len(slope), 1))], axis=1)
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    x = np.array([1.0, 0.0, 0.0]) - up[:, :1] * up
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(up, x)
    cosine, sine = np.cos(twist)[:, None], np.sin(twist)[:, None]
    return np.stack([cosine * x + sine * y, -sine * x + cosine * y, up], axis=2)


def _dot(first: Array, second: Array) -> Array:
    """(N,) scalar products of the columns of two (3, N)."""
    product: Array = first[0] * second[0] + first[1] * second[1] + first[2] * second[2]
    return product


def _blended(z: Array, at: Array, values: Array, empty: float = 0.0) -> Array:
    """Values given at heights `at`, straight in between, constant beyond, smoothed."""
    from scipy.ndimage import gaussian_filter1d

    if not len(at):
        return np.full(len(z), empty)
    smooth: Array = gaussian_filter1d(np.interp(z, at, values), _BLEND_MM / TABLE_STEP_MM, mode="nearest")
    return smooth


def _fade(z: Array, heights: Array) -> Array:
    """1 along the spine, falling to 0 beyond its ends, where nothing is known."""
    beyond = np.maximum(heights[0] - _END_MM - z, z - heights[-1] - _END_MM)
    faded: Array = np.exp(-((np.maximum(beyond, 0.0) / 60.0) ** 2))
    return faded


def _softly(behind: Array) -> Array:
    """max(behind, 0) with a rounded corner."""
    low = np.clip(behind / _SOFT_MM + 0.5, 0.0, 1.0)
    rounded: Array = np.where(behind > 0.5 * _SOFT_MM, behind, 0.5 * _SOFT_MM * low * low)
    return rounded
