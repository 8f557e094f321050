"""Synthetic CTs: a real spine mask, dressed with bone density, discs, flesh, lungs and the bones around it.

Used where a subject has no CT, and to make training patients. Every result is seeded and named as synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.atlas import BodyAtlas
from ReVerteRLib.datasets.beam import BeamDeformation
from ReVerteRLib.datasets.body import BodyPainter
from ReVerteRLib.datasets.deformation import DeformationSettings, SpineDeformation
from ReVerteRLib.datasets.foreign import Canvas, ForeignPainter
from ReVerteRLib.datasets.pathology import with_ailments
from ReVerteRLib.datasets.patient_settings import PatientSettings
from ReVerteRLib.datasets.plans import random_beam
from ReVerteRLib.datasets.posture import PostureStatistics
from ReVerteRLib.datasets.resampling import sample, smooth_noise, upsample
from ReVerteRLib.datasets.sources import SourceSpine, prepare_source
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume

__all__ = ["SYNTHETIC", "BoneLook", "SourceSpine", "SyntheticPatient", "prepare_source", "synthesise_ct"]

SYNTHETIC = "synthetic CT"
"""Begins the `source` of every synthetic volume, so that nobody takes it for a real scan."""


@dataclass(frozen=True)
class BoneLook:
    """Hounsfield units and thicknesses of one patient's spine."""

    cortical_hu: float = 650.0
    cancellous_hu: float = 190.0
    shell_mm: float = 1.2
    posterior_extra_hu: float = 120.0
    disc_hu: float = 90.0
    texture_hu: float = 45.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> BoneLook:
        """Young and dense to old and porotic."""
        density = rng.uniform(0.5, 1.4)
        return cls(
            cortical_hu=float(rng.uniform(380, 800) * (0.6 + 0.4 * density)),
            cancellous_hu=float(150 * density + rng.uniform(-30, 60)),
            shell_mm=float(rng.uniform(0.7, 1.7)),
            posterior_extra_hu=float(rng.uniform(20, 220)),
            disc_hu=float(rng.uniform(60, 120)),
            texture_hu=float(rng.uniform(15, 80)),
        )


class SyntheticPatient:
    """One patient made of a source spine, a deformation and a body.

    ct(spacing_mm):  the Hounsfield volume (axes S, P, L).
    mask(level, grid): the vertebra on a patch grid.
    centroids:       in the patient's frame.
    """

    def __init__(
        self,
        source: SourceSpine,
        *,
        seed: int,
        deformation: DeformationSettings | None = None,
        atlas: BodyAtlas | None = None,
        margin_mm: tuple[float, float] | None = None,
        settings: PatientSettings | None = None,
        statistics: PostureStatistics | None = None,
    ) -> None:
        """Without a deformation the spine stays as it is; margin_mm: what the scan shows below and above the spine.

        settings:   what the patient has beyond it; nothing by default. Without a deformation it is not used.
        statistics: of postures (posture.posture_of); without them the spine is bent by random waves.
        """
        self.seed = seed
        self._rng = np.random.default_rng([seed, 1])
        chosen = (settings or PatientSettings()) if deformation is not None else PatientSettings()
        self.source = source = _with_ailments(source, seed, chosen)
        self._foreign = chosen.foreign
        self.deformation = _deformation_of(source, seed, deformation, chosen, statistics)
        centres = np.array([c.position_lps_mm for c in source.centroids])
        moved = self.deformation.to_patient(centres)
        self.centroids = CentroidSet(
            tuple(
                Centroid(c.level, (float(x), float(y), float(z)))
                for c, (x, y, z) in zip(source.centroids, moved, strict=True)
            ),
            f"{SYNTHETIC} of {source.name}, seed {seed}",
        )
        self._look = BoneLook.random(self._rng)
        self._body = BodyPainter(atlas, self.centroids, source.levels, self.deformation, self._rng)
        self._margin = margin_mm or tuple(self._rng.uniform([12.0, 12.0], [70.0, 70.0]))

    def ct(self, spacing_mm: float = 1.5) -> CtVolume:
        """Hounsfield units float32 [k, j, i]; i to the left, j to the back, k to the head."""
        low, high = self._box()
        shape_kji = tuple(int(n) for n in np.ceil((high - low) / spacing_mm)[::-1].astype(int) + 1)
        volume = self._body.paint(low, shape_kji, spacing_mm)
        self._paint_spine(volume, low, spacing_mm)
        if self._foreign is not None:
            rng = np.random.default_rng([self.seed, 3])
            painter = ForeignPainter(self.source, self.centroids, self.deformation, rng)
            painter.paint(Canvas(volume, low, spacing_mm), self._foreign)
        self._body.truncate(volume, low, spacing_mm)
        matrix = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
        matrix[:3, 3] = low
        return CtVolume(volume, matrix, f"{SYNTHETIC} of {self.source.name}, seed {self.seed}")

    def mask(self, level: Level, grid: PatchGrid) -> NDArray[np.bool_]:
        """One vertebra on a patch grid, bool [z, y, x]."""
        target = np.zeros((grid.size,) * 3, dtype=bool)
        bounds = self.source.bounds(level)
        if bounds is None:
            return target
        step = 4
        first, last = self._span(grid, bounds, 3 * step)
        if (last < first).any():
            return target
        counts = [np.arange(a // step, -(-b // step) + 1) * step for a, b in zip(first, last, strict=True)]
        index = self._source_index(grid, counts)
        start = [int(c[0]) for c in counts]
        box = tuple(slice(a, min(int(c[-1]) + 1, grid.size)) for a, c in zip(start, counts, strict=True))
        dense = upsample(index, step)[(slice(None), *(slice(0, b.stop - b.start) for b in box))]
        target[box] = _sample_level(self.source.labels, level.verse_label, bounds, np.ascontiguousarray(dense))
        return target

    def _source_index(self, grid: PatchGrid, counts: list[NDArray[np.int_]]) -> Array:
        """Source voxel coordinates [3, z, y, x] of patch voxels at the products of `counts`."""
        zyx = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, 3)
        sources = self.deformation.to_source(grid.points_lps_mm(zyx))
        return self.source.index(sources).reshape(3, *(len(c) for c in counts))

    def _span(self, grid: PatchGrid, bounds: tuple[Array, Array], step: int) -> tuple[Array, Array]:
        """First and last patch voxel that may show source voxels between `bounds`, generously, on a coarse look."""
        look = np.arange(0, grid.size + step, step)
        index = self._source_index(grid, [look] * 3)
        near = np.ones(index.shape[1:], dtype=bool)
        for axis in range(3):
            near &= (index[axis] > bounds[0][axis] - 1.6 * step) & (index[axis] < bounds[1][axis] + 1.6 * step)
        found = np.argwhere(near)
        if not len(found):
            return np.zeros(3, dtype=int), np.full(3, -1)
        first = np.maximum((found.min(axis=0) - 1) * step, 0)
        return first, np.minimum((found.max(axis=0) + 1) * step, grid.size - 1)

    def _box(self) -> tuple[Array, Array]:
        """Scan box: the whole trunk across, the spine and its margin along the body."""
        spine = self.deformation.to_patient(self.source.some_points_lps_mm)
        low, high = self._body.extent(spine)
        low[2], high[2] = spine[:, 2].min() - self._margin[0], spine[:, 2].max() + self._margin[1]
        return low, high

    def _paint_spine(self, volume: NDArray[np.float32], origin: Array, spacing: float) -> None:
        """Adds vertebrae and discs to the body, in place."""
        spine = np.array([c.position_lps_mm for c in self.centroids])
        reach = np.array([75.0, 95.0, 75.0])
        low = np.maximum(np.floor((spine.min(axis=0) - reach - origin) / spacing).astype(int), 0)[::-1]
        high = np.minimum(np.ceil((spine.max(axis=0) + reach - origin) / spacing).astype(int)[::-1], volume.shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        step = max(1, round(6.0 / spacing))
        counts = [np.arange(0, b - a + step, step) for a, b in zip(low, high, strict=True)]
        kji = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, 3) + low
        sources = self.deformation.to_source(origin + spacing * kji[:, ::-1])
        coarse = self.source.index(sources).reshape(3, *(len(c) for c in counts))
        view = volume[box]
        index = upsample(coarse, step)[:, : view.shape[0], : view.shape[1], : view.shape[2]]
        view[...] = self._bone(view, index, spacing)

    def _bone(self, body: NDArray[np.float32], index: NDArray[np.float32], spacing: float) -> NDArray[np.float32]:
        distance = sample(self.source.distance_mm, index, outside=-30.0)
        look = self._look
        z_source, y_source = index[0], index[1]
        table = self.deformation.axis
        axis = np.stack([np.interp(self._source_z(), table[:, 2], table[:, c]).astype(np.float32) for c in (0, 1)])
        row = np.clip(np.round(z_source).astype(np.int32), 0, self.source.labels.shape[0] - 1)
        from_axis_y = y_source + self.source.origin_lps_mm[1] - axis[1][row]
        from_axis_x = index[2] + self.source.origin_lps_mm[0] - axis[0][row]
        texture = smooth_noise(body.shape, self._rng, 4.0 / spacing) * look.texture_hu
        inside = np.maximum(distance, 0.0)
        hu = look.cancellous_hu + texture + look.posterior_extra_hu * (from_axis_y > 14.0)
        hu += (look.cortical_hu - look.cancellous_hu) * np.exp(-((inside / look.shell_mm) ** 2))
        pitch = self._pitch_mm()
        radius = np.clip(0.62 * pitch, 9.0, 27.0)[row]
        disc = (from_axis_x / radius) ** 2 + (from_axis_y / (0.72 * radius)) ** 2 < 1.0
        disc &= (z_source > 0) & (z_source < self.source.labels.shape[0] - 1)
        body = np.where(disc, np.float32(look.disc_hu), body)
        share = np.clip(distance / spacing + 0.5, 0.0, 1.0)
        return (body * (1.0 - share) + hu * share).astype(np.float32)

    def _source_z(self) -> Array:
        return self.source.origin_lps_mm[2] + np.arange(self.source.labels.shape[0], dtype=np.float64)

    def _pitch_mm(self) -> Array:
        """Distance from vertebra to vertebra at every source slice, which sets the width of body and disc."""
        z = np.sort([c.position_lps_mm[2] for c in self.source.centroids])
        if len(z) < 2:
            return np.full(self.source.labels.shape[0], 30.0)
        pitch: Array = np.interp(self._source_z(), (z[1:] + z[:-1]) / 2.0, np.minimum(np.diff(z), 42.0))
        return pitch


def _with_ailments(source: SourceSpine, seed: int, settings: PatientSettings) -> SourceSpine:
    if settings.ailments is None:
        return source
    return with_ailments(source, np.random.default_rng([seed, 2]), settings.ailments)


def _deformation_of(
    source: SourceSpine,
    seed: int,
    deformation: DeformationSettings | None,
    settings: PatientSettings,
    statistics: PostureStatistics | None,
) -> SpineDeformation | BeamDeformation:
    centres = np.array([c.position_lps_mm for c in source.centroids])
    rng = np.random.default_rng([seed, 0])
    if deformation is None:
        return SpineDeformation.identity(centres)
    if settings.posture is None and settings.shape is None:
        return SpineDeformation.random(centres, rng, deformation)
    return random_beam(source.centroids, rng, deformation, settings, statistics=statistics, settled=source.settled)


def _sample_level(
    labels: NDArray[np.uint8], value: int, bounds: tuple[Array, Array], index: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """The voxels [z, y, x] whose source position lies in one label (linear, threshold 0.5)."""
    target = np.zeros(index.shape[1:], dtype=bool)
    low, high = bounds
    near = np.ones(index.shape[1:], dtype=bool)
    for axis in range(3):
        near &= (index[axis] > low[axis] - 1) & (index[axis] < high[axis] + 1)
    found = np.argwhere(near)
    if not len(found):
        return target
    first, last = found.min(axis=0), found.max(axis=0) + 1
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    crop = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] == value
    padded = np.pad(crop, 1).astype(np.float32)
    local = index[(slice(None), *box)] - (low - 1).astype(np.float32).reshape(3, 1, 1, 1)
    target[box] = sample(padded, np.ascontiguousarray(local), outside=0.0) >= 0.5
    return target


def synthesise_ct(
    labels: LabelVolume,
    centroids: CentroidSet,
    seed: int,
    *,
    atlas: BodyAtlas | None = None,
    spacing_mm: float = 1.0,
) -> CtVolume:
    """A CT for a subject that has none, from its mask, in the mask's own frame (axes S, P, L).

    atlas: the surrounding bones (see atlas.load_atlas); without them the body has flesh, lungs and gas only.
    The result's `source` begins with SYNTHETIC. Raises DatasetError for a mask without vertebrae.
    """
    source = prepare_source(labels, centroids)
    return SyntheticPatient(source, seed=seed, atlas=atlas, margin_mm=(25.0, 25.0)).ct(spacing_mm)
