"""Inputs of the DRR rows: volumes, views and the reference that errors are measured against."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.geometry import Array, Beam, Projection, View

SAD_MM, SDD_MM = 1500.0, 1800.0
_AIR = -1000


@dataclass(frozen=True)
class DrrCase:
    """One row.

    volume:    its name in `VOLUMES`.
    detector:  pixels along each edge.
    kind:      'parallel pair' (AP and lateral), 'cone' (one AP view) or 'cone 16 poses' (turned and tilted).
    """

    volume: str
    detector: int
    kind: str

    @property
    def name(self) -> str:
        """As in tables."""
        return f"{self.volume}, {self.detector} x {self.detector}, {self.kind}"


@dataclass(frozen=True)
class VolumeSize:
    """Voxels [k, j, i] and their edge in mm."""

    shape_kji: tuple[int, int, int]
    spacing_mm: float

    @property
    def ijk_to_lps_mm(self) -> Array:
        """On LPS axes around the origin."""
        matrix = np.diag([self.spacing_mm] * 3 + [1.0])
        matrix[:3, 3] = -self.spacing_mm * (np.array(self.shape_kji[::-1]) - 1) / 2
        return matrix


VOLUMES = {
    "tiny": VolumeSize((24, 20, 22), 10.0),
    "small": VolumeSize((256, 256, 256), 1.2),
    "chest": VolumeSize((320, 512, 512), 0.8),
    "large": VolumeSize((768, 512, 512), 0.8),
}
KINDS = ("parallel pair", "cone", "cone 16 poses")
QUICK = (DrrCase("tiny", 16, "parallel pair"), DrrCase("tiny", 16, "cone"), DrrCase("tiny", 12, "cone 16 poses"))
FULL = (
    *(DrrCase("small", n, kind) for n, kind in itertools.product((256, 512, 1024, 2048), KINDS[:2])),
    *(DrrCase("small", n, KINDS[2]) for n in (256, 512)),
    *(DrrCase("chest", n, kind) for n, kind in itertools.product((512, 1024), KINDS[:2])),
    *(DrrCase("large", n, kind) for n, kind in itertools.product((256, 1024, 2048), KINDS[:2])),
    DrrCase("large", 256, KINDS[2]),
)


def phantom(size: VolumeSize) -> NDArray[np.int16]:
    """HU [k, j, i]: a trunk that narrows to the head, two unequal lungs, a column of bodies, texture, a rim of air.

    No mirror image of it looks the same, so that a picture that is turned over has a large error.
    """
    depth, height, width = size.shape_kji
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    texture = np.random.default_rng(0).normal(0.0, 20.0, (height, width)).astype(np.int16)
    spine = (np.abs(x - 0.05) < 0.12) & (np.abs(y - 0.35) < 0.13)
    trunk_radius = ((x / 0.9) ** 2 + (y / 0.7) ** 2).astype(np.float32)
    lungs = np.minimum(((x - 0.4) / 0.25) ** 2, ((x + 0.4) / 0.35) ** 2) + ((y + 0.05) / 0.45) ** 2 < 1
    volume = np.full(size.shape_kji, _AIR, dtype=np.int16)
    period = max(4, depth // 12)
    for k in range(2, depth - 2):
        inside = trunk_radius < (1.0 - 0.4 * k / depth) ** 2
        slab = np.where(inside, np.roll(texture, 7 * k, axis=1) + np.int16(40), _AIR)
        if k > 0.4 * depth:
            slab = np.where(lungs & inside, slab - 840, slab)
        if k % period > period // 5:
            slab = np.where(spine, 350, slab)
        volume[k, 2:-2, 2:-2] = slab[2:-2, 2:-2]
    return volume


def views_of(case: DrrCase) -> list[Projection]:
    """The case's views; each shows the whole shadow."""
    size = VOLUMES[case.volume]
    if case.kind == "parallel pair":
        return [_view(size, view, Beam.PARALLEL, case.detector) for view in View]
    if case.kind == "cone":
        return [_view(size, View.AP, Beam.CONE, case.detector)]
    rng = np.random.default_rng(1)
    return [
        _view(size, View.AP, Beam.CONE, case.detector, (float(about), float(tilt)))
        for about, tilt in zip(rng.uniform(-40, 40, 16), rng.uniform(-15, 15, 16), strict=True)
    ]


def _view(
    size: VolumeSize, view: View, beam: Beam, detector: int, turn_degrees: tuple[float, float] = (0.0, 0.0)
) -> Projection:
    """A square detector that shows the volume, turned about the body's axis and tilted."""
    a, b = np.deg2rad(turn_degrees)
    about = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
    tilt = np.array([[1.0, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    row = np.array([0.0, 0.0, -1.0])
    column, along = (np.eye(3)[n] for n in ((0, 1) if view is View.AP else (1, 0)))
    row, column, along = (about @ tilt @ axis for axis in (row, column, along))
    edge_mm = 1.25 * size.spacing_mm * max(size.shape_kji)
    spacing = edge_mm / detector
    origin = -spacing * (detector - 1) / 2 * (row + column)
    return Projection(
        view,
        beam,
        (detector, detector),
        (spacing, spacing),
        _triple(origin),
        _triple(row),
        _triple(column),
        _triple(along),
        SAD_MM,
        SDD_MM,
    )


def _triple(vector: Array) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z


def write_geometry(case: DrrCase, views: Sequence[Projection], path: Path) -> None:
    """For all programs: the volume's matrix, and of each view the source (none for parallel rays) and the pixels."""
    records = []
    for view in views:
        record: dict[str, Any] = {
            "projection": view.to_dict(),
            "source_lps_mm": None if view.beam is Beam.PARALLEL else view.source_lps_mm.tolist(),
            "pixel_0_lps_mm": list(view.origin_lps_mm),
            "row_step_mm": (np.array(view.row_direction) * view.spacing_mm[0]).tolist(),
            "column_step_mm": (np.array(view.column_direction) * view.spacing_mm[1]).tolist(),
            "beam": list(view.beam_direction),
        }
        records.append(record)
    size = VOLUMES[case.volume]
    text = {"ijk_to_lps_mm": size.ijk_to_lps_mm.tolist(), "sad_mm": SAD_MM, "sdd_mm": SDD_MM, "views": records}
    path.write_text(json.dumps(text), encoding="utf-8")


@dataclass(frozen=True)
class Reference:
    """Line integrals (HU above air times mm) of some pixels (N, 3: view, row, column)."""

    pixels: NDArray[np.int64]
    integrals: Array

    def error(self, images: NDArray[np.floating]) -> float:
        """Relative root mean square error of images [views, rows, columns]."""
        found = images[tuple(self.pixels.T)].astype(np.float64)
        return float(np.sqrt(np.mean((found - self.integrals) ** 2) / np.mean(self.integrals**2)))


def reference(
    case: DrrCase, views: Sequence[Projection], volume: NDArray[np.int16], count: int = 4096, step: float = 0.25
) -> Reference:
    """Trilinear samples every `step` voxels in double precision, for random pixels."""
    rng = np.random.default_rng(2)
    pixels = np.stack([rng.integers(0, n, count) for n in (len(views), case.detector, case.detector)], axis=1)
    integrals = np.zeros(count)
    for number, view in enumerate(views):
        own = pixels[:, 0] == number
        integrals[own] = _integrals(volume, VOLUMES[case.volume], view, pixels[own, 1:], step)
    return Reference(pixels, integrals)


def _integrals(
    volume: NDArray[np.int16], size: VolumeSize, view: Projection, pixels_rc: NDArray[np.int64], step: float
) -> Array:
    from scipy.ndimage import map_coordinates

    points, directions = view.back_project(pixels_rc)
    radius = size.spacing_mm * float(np.linalg.norm(size.shape_kji)) / 2
    nearest = -(points * directions).sum(axis=1)  # the volume lies around the origin
    spacing = step * size.spacing_mm
    along = np.arange(-radius, radius, spacing)
    total = np.zeros(len(points))
    for part in np.array_split(np.arange(len(points)), max(1, len(points) // 512)):
        places = points[part, None] + (nearest[part, None] + along)[..., None] * directions[part, None]
        ijk = (places - size.ijk_to_lps_mm[:3, 3]) / size.spacing_mm
        found = map_coordinates(volume, np.moveaxis(ijk[..., ::-1], -1, 0), np.float64, 1, "constant", cval=_AIR)
        total[part] = (found - _AIR).sum(axis=1) * spacing
    return total
