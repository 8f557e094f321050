"""Flesh, lungs, gas and the neighbouring bones of a synthetic patient, following its spine."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import LEVELS, VERTEBRAE, Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.atlas import DISTANCE_UNIT_MM, BodyAtlas
from ReVerteRLib.datasets.beam import BeamDeformation
from ReVerteRLib.datasets.deformation import SpineDeformation
from ReVerteRLib.datasets.resampling import smooth_noise
from ReVerteRLib.geometry import Array

AIR_HU = -1000.0
_USUAL_PITCH_MM = 27.0


@dataclass(frozen=True)
class BodyLook:
    """One patient's body; lengths in mm, densities in HU."""

    width: float
    depth: float
    flesh_mm: float
    fat_mm: float
    muscle_hu: float
    lung_hu: float
    lung_rim_mm: float
    mediastinum_mm: float
    heart_shift_mm: float
    diaphragm_mm: float
    cortical_hu: float
    spongy_hu: float
    cartilage_hu: float
    girdle_shift_mm: tuple[float, float]
    arms: bool
    table: bool
    gas_bubbles: int
    field_of_view: str

    @classmethod
    def random(cls, rng: np.random.Generator) -> BodyLook:
        """Slim to stout, arms up or down, whole or cut field of view."""
        build = rng.normal(0.0, 0.06)
        return cls(
            width=float(np.exp(build + rng.normal(0.0, 0.05))),
            depth=float(np.exp(build + rng.normal(0.0, 0.06))),
            flesh_mm=float(rng.uniform(-4.0, 26.0)),
            fat_mm=float(rng.uniform(3.0, 25.0)),
            muscle_hu=float(rng.uniform(25.0, 65.0)),
            lung_hu=float(rng.uniform(-880.0, -700.0)),
            lung_rim_mm=float(rng.uniform(5.0, 14.0)),
            mediastinum_mm=float(rng.uniform(14.0, 28.0)),
            heart_shift_mm=float(rng.uniform(-15.0, 15.0)),
            diaphragm_mm=float(rng.normal(0.0, 22.0)),
            cortical_hu=float(rng.uniform(450.0, 950.0)),
            spongy_hu=float(rng.uniform(90.0, 330.0)),
            cartilage_hu=float(rng.uniform(80.0, 260.0)),
            girdle_shift_mm=(float(rng.uniform(-15.0, 40.0)), float(rng.uniform(-35.0, 12.0))),
            arms=bool(rng.random() < 0.3),
            table=bool(rng.random() < 0.4),
            gas_bubbles=int(rng.integers(0, 14)),
            field_of_view=str(rng.choice(["whole", "circle", "slab"], p=[0.7, 0.15, 0.15])),
        )


class BodyPainter:
    """Paints everything but the patient's own vertebrae.

    With an atlas the body is the reference anatomy, warped level by level onto the patient's spine; without one it
    is a plain trunk with lungs.
    """

    def __init__(
        self,
        atlas: BodyAtlas | None,
        centroids: CentroidSet,
        levels: tuple[Level, ...],
        deformation: SpineDeformation | BeamDeformation,
        rng: np.random.Generator,
    ) -> None:
        self._atlas = atlas
        self._deformation = deformation
        self._rng = rng
        self._look = BodyLook.random(rng)
        self._levels = levels
        self._heights = _height_table(centroids, atlas)
        self._present = _levels_with_their_gaps(levels, centroids)

    def extent(self, spine_points: Array) -> tuple[Array, Array]:
        """Low and high corner (LPS mm) of what the scan shows; z is the caller's choice."""
        axis = self._deformation.axis_at(np.linspace(spine_points[:, 2].min(), spine_points[:, 2].max(), 50))
        look = self._look
        reach_x = (190.0 if not look.arms else 235.0) * look.width + max(look.flesh_mm, 0.0) + 8.0
        middle_x = float(axis[:, 0].mean())
        low = np.array([middle_x - reach_x, axis[:, 1].min() - 205.0 * look.depth - max(look.flesh_mm, 0.0), 0.0])
        high = np.array([middle_x + reach_x, axis[:, 1].max() + 118.0 * look.depth + max(look.flesh_mm, 0.0), 0.0])
        if look.field_of_view == "slab":
            half = self._rng.uniform(42.0, 75.0)
            low[0], high[0] = middle_x - half, middle_x + half
        return low, high

    def paint(self, origin: Array, shape_kji: tuple[int, ...], spacing_mm: float) -> NDArray[np.float32]:
        """Hounsfield units [k, j, i] of the body."""
        z = origin[2] + spacing_mm * np.arange(shape_kji[0])
        axis = self._deformation.axis_at(z)
        if self._atlas is None:
            volume = self._plain(origin, shape_kji, spacing_mm, axis)
        else:
            volume = self._from_atlas(origin, shape_kji, spacing_mm, z, axis)
        self._add_gas(volume, origin, spacing_mm)
        if self._look.table:
            self._add_table(volume)
        return volume

    def truncate(self, volume: NDArray[np.float32], origin: Array, spacing_mm: float) -> None:
        """Cuts a circular field of view around the spine, as small-field reconstructions do, in place."""
        if self._look.field_of_view != "circle":
            return
        z = origin[2] + spacing_mm * np.arange(volume.shape[0])
        axis = self._deformation.axis_at(z).mean(axis=0)
        radius = self._rng.uniform(75.0, 150.0)
        y = origin[1] + spacing_mm * np.arange(volume.shape[1]) - (axis[1] - self._rng.uniform(-15.0, 45.0))
        x = origin[0] + spacing_mm * np.arange(volume.shape[2]) - axis[0]
        volume[:, (y[:, None] ** 2 + x[None] ** 2) > radius**2] = AIR_HU

    # --- with the reference anatomy -----------------------------------------------------------------

    def _from_atlas(
        self, origin: Array, shape_kji: tuple[int, ...], spacing: float, z: Array, axis: Array
    ) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import grid_sample

        atlas = self._atlas
        assert atlas is not None  # noqa: S101 - narrows the type; paint() checked it
        z_atlas = np.interp(z, *self._heights)
        first = max(int((z_atlas.min() - atlas.origin_lps_mm[2]) / atlas.spacing_mm) - 1, 0)
        last = int((z_atlas.max() - atlas.origin_lps_mm[2]) / atlas.spacing_mm) + 3
        hu, low_index = self._atlas_hu(first, last)
        level = (z_atlas - atlas.origin_lps_mm[2]) / atlas.spacing_mm - low_index
        level = np.clip(level, 0, hu.shape[0] - 1.001)
        lower = level.astype(int)
        share = torch.from_numpy((level - lower).astype(np.float32)).view(-1, 1, 1)
        atlas_axis = _axis_of(atlas.centroids, z_atlas)
        x = origin[0] + spacing * np.arange(shape_kji[2])
        y = origin[1] + spacing * np.arange(shape_kji[1])
        column = (atlas_axis[:, :1] + (x - axis[:, :1]) / self._look.width - atlas.origin_lps_mm[0]) / atlas.spacing_mm
        row = (atlas_axis[:, 1:] + (y - axis[:, 1:]) / self._look.depth - atlas.origin_lps_mm[1]) / atlas.spacing_mm
        column_t = torch.from_numpy((2 * column / (hu.shape[2] - 1) - 1).astype(np.float32))
        row_t = torch.from_numpy((2 * row / (hu.shape[1] - 1) - 1).astype(np.float32))
        volume = np.empty(shape_kji, dtype=np.float32)
        source = torch.from_numpy(hu)
        for start in range(0, shape_kji[0], 32):
            part = slice(start, start + 32)
            slices = torch.lerp(source[lower[part]], source[lower[part] + 1], share[part])[:, None]
            n, height, width = slices.shape[0], shape_kji[1], shape_kji[2]
            grid = torch.stack(
                [
                    column_t[part][:, None, :].expand(n, height, width),
                    row_t[part][:, :, None].expand(n, height, width),
                ],
                dim=-1,
            )
            volume[part] = (grid_sample(slices - AIR_HU, grid, align_corners=True)[:, 0] + AIR_HU).numpy()
        return volume

    def _atlas_hu(self, first: int, last: int) -> tuple[NDArray[np.float32], int]:
        """Hounsfield units of the reference anatomy between two of its slices, and the first slice's index."""
        atlas, look = self._atlas, self._look
        assert atlas is not None  # noqa: S101 - narrows the type; paint() checked it
        last = min(last, atlas.labels.shape[0])
        first = min(first, last - 2)
        part = slice(first, last)

        def distance(name: str, shift_ji: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float32]:
            steps = [round(s / atlas.spacing_mm) for s in shift_ji]
            rows = np.clip(np.arange(first, last) - steps[0], 0, atlas.labels.shape[0] - 1)
            moved = np.roll(atlas.distances[name][rows], steps[1], axis=1)
            return moved.astype(np.float32) * DISTANCE_UNIT_MM

        skin = distance("trunk") + look.flesh_mm
        noise = _coarse_noise(skin.shape, self._rng) * 18.0
        hu = np.where(skin > look.fat_mm, look.muscle_hu + noise, -95.0 + 0.4 * noise)
        hu = np.where(skin > 0, hu, AIR_HU).astype(np.float32)
        self._paint_lungs(hu, distance("chest"), distance("spine"), first)
        groups = [("cage", 1.0, (0.0, 0.0)), ("pelvis", 1.0, (0.0, 0.0)), ("head", 1.0, (0.0, 0.0))]
        groups.append(("girdle", 0.9, look.girdle_shift_mm))
        if look.arms:
            groups.append(("arms", 1.2, look.girdle_shift_mm))
        for name, density, shift in groups:
            self._paint_bone(hu, distance(name, shift), density)
        cartilage = np.clip(distance("cartilage") / atlas.spacing_mm + 0.5, 0.0, 1.0)
        hu += cartilage * (look.cartilage_hu - hu)
        own = [level.verse_label for level in self._present]
        others = (atlas.labels[part] > 0) & ~np.isin(atlas.labels[part], own)
        hu[others] = look.spongy_hu + 160.0
        return hu, first

    def _paint_bone(self, hu: NDArray[np.float32], distance: NDArray[np.float32], density: float) -> None:
        near = distance > -2.0
        if not near.any():
            return
        d = distance[near]
        share = np.clip(d / 2.0 + 0.5, 0.0, 1.0)
        look = self._look
        bone = look.spongy_hu + (look.cortical_hu - look.spongy_hu) * np.exp(-((np.maximum(d, 0.0) / 1.8) ** 2))
        hu[near] += share * (density * bone - hu[near])

    def _paint_lungs(
        self, hu: NDArray[np.float32], chest: NDArray[np.float32], spine: NDArray[np.float32], first: int
    ) -> None:
        """Lungs inside the rib cage, less spine, mediastinum, heart and what lies under the diaphragm, in place."""
        atlas, look = self._atlas, self._look
        assert atlas is not None  # noqa: S101 - narrows the type
        wobble = _coarse_noise(hu.shape, self._rng)
        z = atlas.origin_lps_mm[2] + atlas.spacing_mm * (first + np.arange(hu.shape[0]))
        airy = np.flatnonzero((chest > look.lung_rim_mm).any(axis=(1, 2)) | ((z > 1285.0) & (z < 1500.0)))
        if not len(airy):
            return
        rows = slice(int(airy[0]), int(airy[-1]) + 1)  # the rest of the body needs no look
        hu, chest, spine, wobble, first = hu[rows], chest[rows], spine[rows], wobble[rows], first + rows.start
        z = atlas.origin_lps_mm[2] + atlas.spacing_mm * (first + np.arange(hu.shape[0]))
        axis = _axis_of(atlas.centroids, z)
        x = (atlas.origin_lps_mm[0] + atlas.spacing_mm * np.arange(hu.shape[2]))[None, None] - axis[:, 0, None, None]
        y = (atlas.origin_lps_mm[1] + atlas.spacing_mm * np.arange(hu.shape[1]))[None, :, None] - axis[:, 1, None, None]
        height = z[:, None, None]
        dome = 1165.0 + look.diaphragm_mm + 26.0 * (1.0 - ((np.abs(x) - 75.0) / 75.0) ** 2)
        dome = dome - 55.0 * np.clip((y + 60.0) / 90.0, 0.0, 1.0) - 12.0 * (x > 0)
        lung = (chest > look.lung_rim_mm) & (height > dome)
        lung &= spine < -0.7 * look.lung_rim_mm
        lung &= (np.abs(x - 4.0) > look.mediastinum_mm + 5.0 * wobble) | (y > -8.0)
        heart = ((x - 28.0 - look.heart_shift_mm) / 62.0) ** 2 + ((y + 92.0) / 48.0) ** 2
        lung &= heart + ((height - 1195.0 - 0.5 * look.diaphragm_mm) / 58.0) ** 2 > 1.0
        hu[lung] = look.lung_hu + 45.0 * wobble[lung]
        airway = ((x - 1.0) / 9.0) ** 2 + ((y + 48.0) / 9.0) ** 2 < 1.0
        hu[np.broadcast_to(airway & (height > 1285.0) & (height < 1500.0), hu.shape)] = AIR_HU

    # --- without it ---------------------------------------------------------------------------------

    def _plain(self, origin: Array, shape_kji: tuple[int, ...], spacing: float, axis: Array) -> NDArray[np.float32]:
        look = self._look
        x = (origin[0] + spacing * np.arange(shape_kji[2]))[None, None] - axis[:, 0, None, None]
        y = (origin[1] + spacing * np.arange(shape_kji[1]))[None, :, None] - axis[:, 1, None, None]
        half_x, half_y = 165.0 * look.width + look.flesh_mm, 110.0 * look.depth + look.flesh_mm
        radius = (np.abs(x / half_x) ** 2.5 + np.abs((y + 50.0) / half_y) ** 2.5) ** 0.4
        noise = _coarse_noise(shape_kji, self._rng) * 18.0
        hu = np.where(radius < 1.0 - look.fat_mm / half_y, look.muscle_hu + noise, -95.0)
        hu = np.where(radius < 1.0, hu, AIR_HU).astype(np.float32)
        z_reference = np.interp(origin[2] + spacing * np.arange(shape_kji[0]), *self._heights)[:, None, None]
        side = ((np.abs(x) - 80.0) / 55.0) ** 2 + ((y + 55.0) / (half_y - 22.0)) ** 2 < 1.0
        hu[side & (z_reference > 1150.0 + look.diaphragm_mm) & (z_reference < 1370.0)] = look.lung_hu
        return hu

    # --- common -------------------------------------------------------------------------------------

    def _add_gas(self, volume: NDArray[np.float32], origin: Array, spacing: float) -> None:
        """Bowel gas: ellipsoids in front of the lower spine, in place."""
        rng = self._rng
        for _ in range(self._look.gas_bubbles):
            radius = rng.uniform(6.0, 24.0, 3)
            z_reference = rng.uniform(850.0, 1120.0)
            z = float(np.interp(z_reference, self._heights[1], self._heights[0]))
            axis = self._deformation.axis_at(np.array([z]))[0]
            centre = np.array([axis[0] + rng.uniform(-120, 120), axis[1] - rng.uniform(45, 130), z])
            low = np.maximum(((centre - radius - origin) / spacing).astype(int), 0)
            high = np.minimum(((centre + radius - origin) / spacing).astype(int) + 2, volume.shape[::-1])
            if (high <= low).any():
                continue
            axes = [origin[a] + spacing * np.arange(low[a], high[a]) - centre[a] for a in range(3)]
            k, j, i = np.meshgrid(axes[2] / radius[2], axes[1] / radius[1], axes[0] / radius[0], indexing="ij")
            box = volume[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
            box[(k**2 + j**2 + i**2 < 1.0) & (box > -400.0)] = rng.uniform(-950.0, -600.0)

    def _add_table(self, volume: NDArray[np.float32]) -> None:
        """Two thin shells of a patient table behind the back, in place."""
        rng = self._rng
        depth = volume.shape[1]
        hu = rng.uniform(-500.0, 250.0)
        for back in (3, rng.integers(8, 16)):
            row = depth - int(back)
            strip = volume[:, row : row + 2]
            strip[strip < -700.0] = hu


def _height_table(centroids: CentroidSet, atlas: BodyAtlas | None) -> tuple[Array, Array]:
    """Heights of the patient and of the reference skeleton, both rising, extended 400 mm beyond both ends."""
    reference = _REFERENCE_HEIGHTS if atlas is None else {c.level: c.position_lps_mm[2] for c in atlas.centroids}
    pairs = sorted((c.position_lps_mm[2], reference[c.level]) for c in centroids if c.level in reference)
    here, there = (np.array(v, dtype=np.float64) for v in zip(*pairs, strict=True))
    keep = np.concatenate([[True], np.diff(np.maximum.accumulate(there)) > 1.0])
    here, there = here[keep], there[keep]
    ratio = (there[-1] - there[0]) / (here[-1] - here[0]) if len(here) > 1 else 1.0
    ratio = float(np.clip(ratio, 0.7, 1.4))
    here = np.concatenate([[here[0] - 400.0], here, [here[-1] + 400.0]])
    there = np.concatenate([[there[0] - 400.0 * ratio], there, [there[-1] + 400.0 * ratio]])
    return here, there


def _axis_of(centroids: CentroidSet, z_lps_mm: Array) -> Array:
    points = np.array([c.position_lps_mm for c in centroids])
    points = points[np.argsort(points[:, 2])]
    return np.stack([np.interp(z_lps_mm, points[:, 2], points[:, a]) for a in (0, 1)], axis=1)


def _levels_with_their_gaps(levels: tuple[Level, ...], centroids: CentroidSet) -> list[Level]:
    """The patient's levels, and absent ones for which there is no room between their neighbours."""
    present = list(levels)
    ordered = list(centroids)
    for upper, lower in itertools.pairwise(ordered):
        missing = lower.level.order - upper.level.order - 1
        gap = upper.position_lps_mm[2] - lower.position_lps_mm[2]
        if missing and gap < 1.5 * _USUAL_PITCH_MM:
            present += [level for level in LEVELS if upper.level.order < level.order < lower.level.order]
    return present


def _coarse_noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    return smooth_noise(shape, rng, 12.0)


def _reference_heights() -> dict[Level, float]:
    """Typical heights (mm) of the vertebral centres, for bodies without an atlas."""
    pitch = {"C": 16.5, "T": 25.0, "L": 33.0}
    heights, z = {}, 1470.0
    for level in VERTEBRAE:
        heights[level] = z
        z -= 0.0 if level.name == "T13" else pitch[level.name[0]]
    return heights


_REFERENCE_HEIGHTS = _reference_heights()
