"""Random anatomy: a smooth map from a synthetic patient back to the real spine it is made of.

The spine is bent, twisted, scaled and warped as a beam: every axial level of the patient is a rotated and scaled
level of the source, plus a free-form field. The map goes from patient (target) to source, as resampling needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ReVerteRLib.geometry import Array

TABLE_STEP_MM = 2.0


@dataclass(frozen=True)
class DeformationSettings:
    """Strength of the random changes (standard deviations unless said otherwise).

    size:              of the common scale of the whole spine.
    axis_scale:        of the extra scale of each axis.
    sagittal_slope, coronal_slope: of the change of the spine's direction (radians).
    scoliosis_chance:  share of patients whose coronal slope is multiplied by 3.
    axial_rotation_deg: of the twist, constant part and varying part each.
    fine_mm, fine_grid_mm, coarse_mm, coarse_grid_mm: free-form fields.
    """

    size: float = 0.07
    axis_scale: float = 0.04
    sagittal_slope: float = 0.10
    coronal_slope: float = 0.05
    scoliosis_chance: float = 0.2
    axial_rotation_deg: float = 3.0
    fine_mm: float = 0.7
    fine_grid_mm: float = 16.0
    coarse_mm: float = 2.2
    coarse_grid_mm: float = 55.0


@dataclass(frozen=True)
class FreeFormField:
    """Free-form displacement (mm) on a regular grid; trilinear in between, zero outside."""

    values: Array  # [3, k, j, i] components x, y, z
    origin_lps_mm: Array
    step_mm: float

    def at(self, points: Array) -> Array:
        from scipy.ndimage import map_coordinates

        index = ((points - self.origin_lps_mm) / self.step_mm)[:, ::-1].T
        return np.stack([map_coordinates(c, index, order=1, mode="nearest") for c in self.values], axis=1)


class SpineDeformation:
    """Patient-to-source map of one synthetic patient.

    `axis` is a table of the source spine's axis; `to_source` maps points, `to_patient` inverts it.
    """

    def __init__(
        self,
        axis_lps_mm: Array,
        *,
        scale_xyz: Array,
        slopes: Array,
        twist_rad: Array,
        fields: tuple[FreeFormField, ...] = (),
    ) -> None:
        """axis_lps_mm: (M, 3) source axis from low to high z, evenly spaced by TABLE_STEP_MM.

        slopes: (M, 2) added dx/dz and dy/dz; twist_rad: (M,).
        """
        self.axis = axis_lps_mm
        self.scale = np.asarray(scale_xyz, dtype=np.float64)
        self._slopes = slopes
        self._twist = twist_rad
        self._fields = fields
        self._middle_z = float(axis_lps_mm[:, 2].mean())
        shift = np.cumsum(slopes, axis=0) * TABLE_STEP_MM * self.scale[2]
        self._shift = shift - shift.mean(axis=0)

    @classmethod
    def identity(cls, centroids_lps_mm: Array) -> SpineDeformation:
        """The map that changes nothing."""
        axis = spine_axis(centroids_lps_mm)
        return cls(axis, scale_xyz=np.ones(3), slopes=np.zeros((len(axis), 2)), twist_rad=np.zeros(len(axis)))

    @classmethod
    def random(
        cls, centroids_lps_mm: Array, rng: np.random.Generator, settings: DeformationSettings | None = None
    ) -> SpineDeformation:
        """A random patient made of this spine."""
        s = settings or DeformationSettings()
        axis = spine_axis(centroids_lps_mm)
        z = axis[:, 2]
        coronal = s.coronal_slope * (3.0 if rng.random() < s.scoliosis_chance else 1.0)
        slopes = np.stack([waves(z, rng, coronal), waves(z, rng, s.sagittal_slope)], axis=1)
        degrees = np.deg2rad(s.axial_rotation_deg)
        twist = rng.normal(0.0, degrees) + waves(z, rng, degrees)
        scale = np.clip(np.exp(rng.normal(0.0, s.size) + rng.normal(0.0, s.axis_scale, 3)), 0.78, 1.28)
        box = np.stack([axis.min(axis=0) - 120.0, axis.max(axis=0) + 120.0])
        fields = (
            random_field(box, rng, s.coarse_grid_mm, s.coarse_mm),
            random_field(box, rng, s.fine_grid_mm, s.fine_mm),
        )
        return cls(axis, scale_xyz=scale, slopes=slopes, twist_rad=twist, fields=fields)

    def axis_at(self, z_patient_mm: Array) -> Array:
        """(N, 2) x and y of the patient's spine axis at heights (N,)."""
        zs = (np.asarray(z_patient_mm) - self._middle_z) / self.scale[2] + self._middle_z
        table = self.axis[:, :2] + self._shift
        return np.stack([np.interp(zs, self.axis[:, 2], table[:, c]) for c in (0, 1)], axis=1)

    def to_source(self, points_lps_mm: Array) -> Array:
        """Source positions (N, 3) of patient points (N, 3)."""
        points = np.asarray(points_lps_mm, dtype=np.float64)
        z = self.axis[:, 2]
        zs = (points[:, 2] - self._middle_z) / self.scale[2] + self._middle_z
        slope = np.stack([np.interp(zs, z, self._slopes[:, c]) for c in (0, 1)], axis=1)
        offset = points[:, :2] - self.axis_at(points[:, 2])
        # A tilted vertebra keeps its end-plates square to the axis: points in front of it belong to another level.
        zs = zs + (slope * offset).sum(axis=1) / self.scale[2]
        twist = np.interp(zs, z, self._twist)
        cosine, sine = np.cos(twist), np.sin(twist)
        turned = np.stack(
            [cosine * offset[:, 0] + sine * offset[:, 1], -sine * offset[:, 0] + cosine * offset[:, 1]], axis=1
        )
        centre = np.stack([np.interp(zs, z, self.axis[:, c]) for c in (0, 1)], axis=1)
        source = np.concatenate([centre + turned / self.scale[:2], zs[:, None]], axis=1)
        for field in self._fields:
            source = source + field.at(source)
        return source

    def to_patient(self, points_lps_mm: Array) -> Array:
        """Patient positions (N, 3) of source points (N, 3), by fixed-point iteration to about 0.01 mm."""
        goal = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        middle = np.array([0.0, 0.0, self._middle_z])
        guess = np.concatenate([goal[:, :2], (goal - middle)[:, 2:] * self.scale[2] + self._middle_z], axis=1)
        for _ in range(40):
            guess = guess - 0.8 * (self.to_source(guess) - goal)
        return guess


def spine_axis(centroids_lps_mm: Array) -> Array:
    """(M, 3) smooth axis through vertebral centres, every TABLE_STEP_MM of z, 150 mm beyond both ends."""
    from scipy.ndimage import gaussian_filter1d

    points = np.asarray(centroids_lps_mm, dtype=np.float64)
    points = points[np.argsort(points[:, 2])]
    z = np.arange(points[0, 2] - 150.0, points[-1, 2] + 150.0, TABLE_STEP_MM)
    xy = [gaussian_filter1d(np.interp(z, points[:, 2], points[:, c]), 8.0, mode="nearest") for c in (0, 1)]
    return np.stack([*xy, z], axis=1)


def waves(z: Array, rng: np.random.Generator, deviation: float) -> Array:
    """Smooth random function of z: three sine waves of 180 to 700 mm."""
    lengths = np.exp(rng.uniform(np.log(180.0), np.log(700.0), 3))
    phases = rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * z[:, None] / lengths + phases) * rng.normal(0.0, deviation, 3)
    summed: Array = waves.sum(axis=1) * np.sqrt(2.0 / 3.0)
    return summed


def random_field(box_lps_mm: Array, rng: np.random.Generator, step_mm: float, deviation_mm: float) -> FreeFormField:
    size = np.ceil((box_lps_mm[1] - box_lps_mm[0]) / step_mm).astype(int) + 2
    values = rng.normal(0.0, deviation_mm, (3, size[2], size[1], size[0]))
    return FreeFormField(values, box_lps_mm[0], step_mm)
