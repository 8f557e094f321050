"""Real spines prepared for resampling: labels every millimetre with the distance to the bone's surface."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level, level_from_verse_label
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume


@dataclass(frozen=True)
class Settled:
    """A body that broke: the height that its centre lost (mm) and the wedge between its end-plates (radians)."""

    level: Level
    lost_mm: float
    wedge_rad: float


@dataclass(frozen=True)
class SourceSpine:
    """A real spine prepared for resampling: 1 mm, axes S, P, L.

    labels:      uint8 [k, j, i] VerSe labels.
    distance_mm: float32 [k, j, i] signed distance to the nearest bone surface, positive inside.
    origin_lps_mm: centre of the first voxel.
    centroids:   of all labelled levels.
    settled:     broken bodies, over which the spine above comes down.
    """

    name: str
    labels: NDArray[np.uint8]
    distance_mm: NDArray[np.float32]
    origin_lps_mm: Array
    centroids: CentroidSet
    levels: tuple[Level, ...] = field(default=())
    settled: tuple[Settled, ...] = ()

    @functools.cached_property
    def some_points_lps_mm(self) -> Array:
        """(N, 3) some thousand points spread over the bone."""
        points = np.argwhere(self.labels)[:, ::-1] + self.origin_lps_mm
        some: Array = points[:: max(1, len(points) // 4000)]
        return some

    def bounds(self, level: Level) -> tuple[Array, Array] | None:
        """Low and high corner (voxels k, j, i; the high one lies outside) of a level and one voxel around it."""
        box = self._boxes.get(level.verse_label)
        if box is None:
            return None
        low = np.array([part.start for part in box]) - 1
        return np.maximum(low, 0), np.array([part.stop for part in box]) + 1

    @functools.cached_property
    def _boxes(self) -> dict[int, tuple[slice, ...]]:
        from scipy.ndimage import find_objects

        return {number: box for number, box in enumerate(find_objects(self.labels), start=1) if box is not None}

    def index(self, points_lps_mm: Array) -> Array:
        """Voxel coordinates (3, N) in the order k, j, i."""
        relative: Array = (points_lps_mm - self.origin_lps_mm)[:, ::-1].T
        return relative


def prepare_source(labels: LabelVolume, centroids: CentroidSet, name: str = "") -> SourceSpine:
    """Resamples a VerSe mask of any orientation and spacing to 1 mm, smoothly, with its distance map.

    Raises DatasetError for a mask without vertebrae or without centroids.
    """
    if len(centroids) == 0 or not labels.array_kji.any():
        raise DatasetError("there is no labelled vertebra to build on", where=labels.source)
    fine, low = _resampled(labels)
    nonzero = np.argwhere(fine)
    first = np.maximum(nonzero.min(axis=0) - 4, 0)
    fine = np.ascontiguousarray(fine[tuple(slice(a, b + 5) for a, b in zip(first, nonzero.max(axis=0), strict=True))])
    present = [level_from_verse_label(v) for v in np.unique(fine)]
    return SourceSpine(
        name=name or labels.source,
        labels=fine,
        distance_mm=bone_distance(fine),
        origin_lps_mm=low + first[::-1],
        centroids=centroids,
        levels=tuple(level for level in present if level is not None),
    )


def _resampled(labels: LabelVolume) -> tuple[NDArray[np.uint8], Array]:
    """Labels [k, j, i] every millimetre along S, P, L and the first voxel's centre.

    Each voxel takes the label of the largest linear weight (as ITK's label interpolator does). One label is
    interpolated after the other, in its own box, because labels fill little of a scan.
    """
    import SimpleITK as sitk  # noqa: N813
    from scipy.ndimage import find_objects

    corners = labels.corners_lps_mm
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    shape = tuple((high - low + 1).astype(int)[::-1])
    fine, best, total = np.zeros(shape, np.uint8), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    array = labels.array_kji.astype(np.uint8, copy=False)
    resample = sitk.ResampleImageFilter()
    resample.SetInterpolator(sitk.sitkLinear)
    for value, box in enumerate(find_objects(array), start=1):
        if box is None:
            continue
        padded = [slice(max(p.start - 1, 0), p.stop + 1) for p in box]
        matrix = labels.ijk_to_lps_mm.copy()
        matrix[:3, 3] = labels.to_lps([p.start for p in reversed(padded)])[0]
        part = LabelVolume((array[tuple(padded)] == value).astype(np.float32), matrix)
        edges = part.corners_lps_mm
        first = np.maximum(np.floor(edges.min(axis=0)), low)
        last = np.minimum(np.ceil(edges.max(axis=0)), high)
        resample.SetOutputOrigin(first.tolist())
        resample.SetSize((last - first + 1).astype(int).tolist())
        weight = sitk.GetArrayFromImage(resample.Execute(part.to_sitk()))
        start = (first - low).astype(int)[::-1]
        place = tuple(slice(a, a + n) for a, n in zip(start, weight.shape, strict=True))
        wins = weight > best[place]
        fine[place][wins] = value
        best[place][wins] = weight[wins]
        total[place] += weight
    fine[best <= 1.0 - total] = 0
    return fine, low


def bone_distance(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Signed distance (voxels) to the surface; the faces between touching vertebrae count as surface."""
    from scipy.ndimage import maximum_filter, minimum_filter

    edge = (labels > 0) & (minimum_filter(labels, 3) != maximum_filter(labels, 3))
    inside = _distance_to(edge) + 0.5
    outside = _distance_to(labels > 0) - 0.5
    return np.where(labels > 0, inside, -outside).astype(np.float32)


def _distance_to(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance (voxels) to the nearest voxel of the mask, far away where it is empty; faster than scipy's."""
    import SimpleITK as sitk  # noqa: N813

    if not mask.any():
        return np.full(mask.shape, 1e3, dtype=np.float32)
    distance = sitk.SignedMaurerDistanceMap(
        sitk.GetImageFromArray(mask.view(np.uint8)), squaredDistance=False, useImageSpacing=False
    )
    return np.maximum(sitk.GetArrayViewFromImage(distance), np.float32(0.0))
