"""What covers the spine on radiographs without being part of it: implants, calcium, cables, tubes, chains.

All of it goes into the synthetic CT only, never into the masks. Lengths in mm, densities in HU.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level, Region
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.beam import BeamDeformation
from ReVerteRLib.datasets.deformation import SpineDeformation
from ReVerteRLib.datasets.pathology import VertebraFrame, vertebra_frame
from ReVerteRLib.datasets.patient_settings import ForeignSettings
from ReVerteRLib.datasets.posture import LADDER
from ReVerteRLib.datasets.sources import SourceSpine
from ReVerteRLib.geometry import Array

_RUNG = {level.name: number for number, level in enumerate(LADDER)}
# Middle of the aorta from the body's centre (left, back), by rung: beside T5, in front of L4.
_AORTA_RUNGS = (_RUNG["T5"], _RUNG["T8"], _RUNG["T12"], _RUNG["L2"], _RUNG["L4"])
_AORTA_LEFT, _AORTA_BACK = (24.0, 20.0, 10.0, 8.0, 3.0), (-12.0, -22.0, -33.0, -36.0, -36.0)


class Canvas:
    """A CT that lines and balls are drawn into, in place."""

    def __init__(self, volume: NDArray[np.float32], origin_lps_mm: Array, spacing_mm: float) -> None:
        """volume: HU [k, j, i] along S, P, L."""
        self.volume = volume
        self.origin = np.asarray(origin_lps_mm, dtype=np.float64)
        self.spacing = spacing_mm

    def line(self, points_lps_mm: Array, radius: float, hu: float) -> None:
        """A round bar along a polyline (N, 3). What is thinner than a voxel keeps its mass."""
        points = np.atleast_2d(points_lps_mm)
        drawn = max(radius, 0.55 * self.spacing)
        hu = hu * (radius / drawn) ** 2
        for start, end in itertools.pairwise(points):
            self._bar(start, end, drawn, hu)

    def ball(self, centre_lps_mm: Array, radius: float, hu: float) -> None:
        """A ball."""
        self._bar(np.asarray(centre_lps_mm), np.asarray(centre_lps_mm), radius, hu)

    def fronts(self) -> NDArray[np.float32]:
        """Y (mm) of the skin's front [k, i], NaN where there is no body."""
        flesh = self.volume > -300.0
        first = flesh.argmax(axis=1)
        return np.where(flesh.any(axis=1), self.origin[1] + self.spacing * first, np.nan).astype(np.float32)

    def _bar(self, start: Array, end: Array, radius: float, hu: float) -> None:
        reach = radius + self.spacing
        low = np.maximum(np.floor((np.minimum(start, end) - reach - self.origin) / self.spacing).astype(int), 0)
        high = np.ceil((np.maximum(start, end) + reach - self.origin) / self.spacing).astype(int) + 1
        high = np.minimum(high, self.volume.shape[::-1])
        if (high <= low).any():
            return
        axes = [self.origin[a] + self.spacing * np.arange(low[a], high[a]) - start[a] for a in range(3)]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij", sparse=True)
        way = end - start
        along = np.clip((x * way[0] + y * way[1] + z * way[2]) / max(float(way @ way), 1e-9), 0.0, 1.0)
        distance = np.sqrt((x - along * way[0]) ** 2 + (y - along * way[1]) ** 2 + (z - along * way[2]) ** 2)
        share = np.clip((radius - distance) / self.spacing + 0.5, 0.0, 1.0)
        box = self.volume[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        np.maximum(box, box * (1.0 - share) + hu * share, out=box, casting="same_kind")


class ForeignPainter:
    """Draws the things of one patient into its CT."""

    def __init__(
        self,
        source: SourceSpine,
        centroids: CentroidSet,
        deformation: SpineDeformation | BeamDeformation,
        rng: np.random.Generator,
    ) -> None:
        """centroids: in the patient's frame."""
        self._source = source
        self._centroids = centroids
        self._deformation = deformation
        self._rng = rng

    def paint(self, canvas: Canvas, settings: ForeignSettings) -> tuple[str, ...]:
        """Draws what the dice give the patient; returns what was drawn."""
        jobs = {
            "screws": (settings.screws_chance, self._screws),
            "cement": (settings.cement_chance, self._cement),
            "aorta": (settings.aorta_chance, self._aorta),
            "cables": (settings.cables_chance, self._cables),
            "necklace": (settings.necklace_chance, self._necklace),
            "tube": (settings.tube_chance, self._tube),
        }
        wanted = [name for name, (chance, _) in jobs.items() if self._rng.random() < chance]
        return tuple(name for name in wanted if jobs[name][1](canvas))

    # --- in the spine ----------------------------------------------------------------------------

    def _trunk_levels(self) -> list[Level]:
        return [c.level for c in self._centroids if c.level.region in {Region.THORACIC, Region.LUMBAR}]

    def _screws(self, canvas: Canvas) -> bool:
        """Pedicle screws of neighbouring vertebrae, joined by a rod on each side."""
        rng = self._rng
        levels = self._trunk_levels()
        if len(levels) < 2:
            return False
        count = int(rng.integers(2, min(6, len(levels)) + 1))
        first = int(rng.integers(0, len(levels) - count + 1))
        radius, hu = float(rng.uniform(2.2, 3.3)), float(rng.uniform(4500.0, 9000.0))
        heads: dict[int, list[Array]] = {-1: [], 1: []}
        for level in levels[first : first + count]:
            frame = vertebra_frame(self._source, level)
            if frame is None:
                continue
            for side, pedicle in _pedicles(self._source, frame).items():
                heads[side].append(self._screw(canvas, frame, pedicle, radius, hu))
        for points in heads.values():
            if len(points) > 1:
                rod = np.array(points)
                rod = np.concatenate([rod[:1] + (rod[0] - rod[1]) * 0.25, rod, rod[-1:] + (rod[-1] - rod[-2]) * 0.25])
                canvas.line(rod, float(rng.uniform(2.4, 3.1)), hu)
        return any(heads.values())

    def _screw(self, canvas: Canvas, frame: VertebraFrame, pedicle: Array, radius: float, hu: float) -> Array:
        """Draws one screw through a pedicle (local); returns where its head sits (patient)."""
        tip = np.array([0.45 * pedicle[0], frame.front * self._rng.uniform(0.3, 0.7), pedicle[2] * 0.5])
        way = (pedicle - tip) / np.linalg.norm(pedicle - tip)
        head = pedicle + way * self._rng.uniform(15.0, 21.0)
        local = np.stack([tip, pedicle, head, head + 9.0 * way])
        points = self._deformation.to_patient(frame.to_lps(local))
        canvas.line(points[:3], radius, hu)
        canvas.line(points[2:], 5.5, hu)
        return np.asarray(points[3])

    def _cement(self, canvas: Canvas) -> bool:
        """Bone cement in one or two bodies."""
        rng = self._rng
        levels = self._trunk_levels()
        for number in rng.permutation(len(levels))[: int(rng.integers(1, 3))]:
            frame = vertebra_frame(self._source, levels[int(number)])
            if frame is None:
                continue
            hu = float(rng.uniform(1200.0, 2600.0))
            depth, height = frame.back - frame.front, frame.top - frame.bottom
            for _ in range(int(rng.integers(3, 9))):
                local = rng.normal(0.0, [0.22 * depth, 0.16 * depth, 0.12 * height])
                local[1] += 0.6 * (frame.front + frame.back) / 2.0
                centre = self._deformation.to_patient(frame.to_lps(local))[0]
                canvas.ball(centre, float(rng.uniform(0.12, 0.3) * min(depth, height)), hu)
        return bool(levels)

    # --- in the body -----------------------------------------------------------------------------

    def _path(self, rungs: tuple[int, ...], left: tuple[float, ...], back: tuple[float, ...]) -> Array:
        """(N, 3) way along the vertebrae between the first and last rung, beside their centres, from the head down."""
        found = [c for c in self._centroids if rungs[0] <= _RUNG.get(c.level.name, -1) <= rungs[-1]]
        at = [_RUNG[c.level.name] for c in found]
        points = np.array([c.position_lps_mm for c in found]).reshape(-1, 3)
        beside = np.stack([np.interp(at, rungs, left), np.interp(at, rungs, back), np.zeros(len(at))], axis=1)
        return np.asarray(points + beside)

    def _aorta(self, canvas: Canvas) -> bool:
        """Flakes of calcium in the wall of the descending aorta."""
        rng = self._rng
        path = self._path(_AORTA_RUNGS, _AORTA_LEFT, _AORTA_BACK)
        if len(path) < 3:
            return False
        path = (
            path + rng.normal(0.0, [4.0, 4.0, 0.0]) + np.linspace(0, 1, len(path))[:, None] * rng.normal(0, [6, 4, 0])
        )
        radius = rng.uniform(9.0, 15.0)
        stations = np.arange(len(path))
        for _ in range(int(rng.integers(6, 90))):
            angle, station = rng.uniform(0, 2 * np.pi), rng.uniform(0.35 * rng.random() * len(path), len(path) - 1)
            around = angle + np.linspace(0, rng.uniform(-0.5, 0.5), 3)
            along = station + np.linspace(0, rng.uniform(0.0, 0.35), 3)
            middle = np.stack([np.interp(along, stations, path[:, c]) for c in range(3)], axis=1)
            flake = middle + radius * np.stack([np.cos(around), np.sin(around), np.zeros(3)], axis=1)
            canvas.line(flake, float(rng.uniform(0.5, 1.6)), float(rng.uniform(350.0, 1100.0)))
        return True

    def _tube(self, canvas: Canvas) -> bool:
        """A feeding tube in the gullet: an opaque line in front of the thoracic spine."""
        rng = self._rng
        path = self._path((_RUNG["C4"], _RUNG["T10"], _RUNG["T12"]), (0.0, 6.0, 30.0), (-22.0, -34.0, -60.0))
        if len(path) < 4:
            return False
        path = path + rng.normal(0.0, 2.0, path.shape) * [1.0, 1.0, 0.0]
        canvas.line(path, float(rng.uniform(0.7, 1.6)), float(rng.uniform(900.0, 2500.0)))
        return True

    # --- on the skin -----------------------------------------------------------------------------

    def _on_skin(self, fronts: NDArray[np.float32], canvas: Canvas, x: Array, z: Array) -> Array:
        """(N, 3) points just in front of the body at x and z (mm), without those beside it."""
        i = np.round((x - canvas.origin[0]) / canvas.spacing).astype(int)
        k = np.round((z - canvas.origin[2]) / canvas.spacing).astype(int)
        inside = (i >= 0) & (i < fronts.shape[1]) & (k >= 0) & (k < fronts.shape[0])
        y = np.full(len(x), np.nan)
        y[inside] = fronts[k[inside], i[inside]] - 2.0
        points = np.stack([x, y, z], axis=1)
        kept: Array = points[np.isfinite(y)]
        return kept

    def _cables(self, canvas: Canvas) -> bool:
        """Electrodes on the chest or belly, each with its cable."""
        rng = self._rng
        fronts = canvas.fronts()
        low, high = canvas.origin[2], canvas.origin[2] + canvas.spacing * fronts.shape[0]
        middle = float(np.mean([c.position_lps_mm[0] for c in self._centroids]))
        drawn = False
        for _ in range(int(rng.integers(2, 5))):
            ends = np.stack([middle + rng.uniform(-110, 110, 4), rng.uniform(low, high, 4)], axis=1)
            curve = _bezier(ends, 24)
            points = self._on_skin(fronts, canvas, curve[:, 0], curve[:, 1])
            if len(points) < 4:
                continue
            canvas.line(points, float(rng.uniform(0.5, 1.1)), float(rng.uniform(1500.0, 5000.0)))
            canvas.ball(points[0], float(rng.uniform(2.0, 4.0)), float(rng.uniform(1500.0, 4000.0)))
            drawn = True
        return drawn

    def _necklace(self, canvas: Canvas) -> bool:
        """A chain around the neck that hangs down on the breast."""
        rng = self._rng
        by_name = {c.level.name: np.array(c.position_lps_mm) for c in self._centroids}
        if "T1" not in by_name or "T4" not in by_name:
            return False
        neck, breast = by_name["T1"], by_name["T4"]
        half = rng.uniform(45.0, 75.0)
        x = neck[0] + np.linspace(-half, half, 41)
        z = breast[2] + (neck[2] - breast[2] + 15.0) * ((x - neck[0]) / half) ** 2 + rng.normal(0.0, 10.0)
        points = self._on_skin(canvas.fronts(), canvas, x, z)
        hu = float(rng.uniform(2500.0, 8000.0))
        for point in points:
            canvas.ball(point, float(rng.uniform(0.9, 1.6)), hu)
        return len(points) > 10


def _bezier(ends: Array, count: int) -> Array:
    """(count, 2) points of the cubic curve with four control points (4, 2)."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    curve: Array = (
        (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * ends[1] + 3 * (1 - t) * t**2 * ends[2] + t**3 * ends[3]
    )
    return curve


def _pedicles(source: SourceSpine, frame: VertebraFrame) -> dict[int, Array]:
    """Middle of the right (-1) and left (1) pedicle in the vertebra's frame; sides without one are left out."""
    bone = source.labels[frame.box] == frame.level.verse_label
    x, y, z = frame.local(source)[:, bone]
    near = (y > frame.back + 1.0) & (y < frame.back + 6.0) & (z > frame.bottom) & (z < frame.top + 2.0)
    found = {}
    for side in (-1, 1):
        beside = near & (side * x > 4.0) & (side * x < 30.0)
        if beside.sum() < 40:
            continue
        inner = float(np.percentile(side * x[beside], 5.0))
        chosen = beside & (side * x < inner + 9.0)
        found[side] = np.array([x[chosen].mean(), y[chosen].mean(), z[chosen].mean()])
    return found
