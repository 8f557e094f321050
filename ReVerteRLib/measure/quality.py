"""The silhouette distance: how far a reconstructed vertebra lies from what both radiographs show, in mm.

The outline of the vertebral body (end-plates, side walls, in the lateral view also the front; `body_outline`) should
lie where the radiograph gets darker from the bone outwards. For every shift of the vertebra up to 8 mm (left, back, up,
in steps of 0.5 mm) the slope of the radiograph (smoothed by 1 mm) across the shifted outline, squashed by tanh with its
80th percentile as the unit so that no bright edge outvotes the rest, is averaged over the outline and over both views;
a bell of 12 mm prefers small shifts. The length of the best shift is the distance.

What it means and what not:
- It tells position, not shape: an outline that is too large all around has a shift of 0 and a large `residual_mm`.
- It is a difference from edges, not from truth. Ribs, bowel, the other vertebrae and the border of the image have edges
  too, and the AP view of the upper chest often shows no side walls. Each view says which share of the outline has an
  edge (`found_share`); below 0.5 the view is not used, and where no view is usable there is no number.
- Measured on simulated radiographs of two CTs with their true masks (5 lumbar vertebrae each): medians 0.7 and 1.1 mm,
  at most 1.9 mm. The same masks shifted by 3 and 6 mm gave, as medians of the two CTs, 3.0 to 3.2 and 5.7 to 6.0 mm
  upwards, 1.8 to 3.0 and 3.4 to 5.6 mm to the left, 1.7 to 2.5 and 3.6 to 5.0 mm to the back. So it ranks vertebrae and
  finds misplaced ones, but shifts across the spine are measured too small: only the side and front walls tell them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.measure.silhouettes import OutlinePoints, body_outline

if TYPE_CHECKING:
    import vtk

REACH_MM = 8.0
SUSPICIOUS_MM = 3.0
_STEP_MM = 0.5
_BELL_MM = 12.0
_UNIT_PERCENTILE = 80.0
_BLUR_MM = 1.0
_NEAR_MM = 3.0
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class ViewQuality:
    """One vertebra in one radiograph.

    points:       length of the body's outline inside the image, in mm.
    found_share:  share of it that has, at the best shift, a falling edge stronger than half of the outline's median
                  slope, 0..1.
    residual_mm:  median distance along the normal from the shifted outline to the steepest falling edge within 3 mm.
    usable:       whether the view has a part in the result.
    """

    view: str
    points: int
    found_share: float
    residual_mm: float
    usable: bool


@dataclass(frozen=True)
class SilhouetteQuality:
    """How one vertebra fits both radiographs.

    distance_mm:  length of the best shift, the silhouette distance; None when no view is usable.
    shift_lps_mm: the shift itself (left, back, up) that would put the outlines on the edges; an axis that no usable
                  view shows is 0.
    suspicious:   whether a person should look: 3 mm or more, or no number.
    """

    level: Level
    distance_mm: float | None
    shift_lps_mm: tuple[float, float, float]
    views: tuple[ViewQuality, ...]

    @property
    def suspicious(self) -> bool:
        """Whether a person should look."""
        return self.distance_mm is None or self.distance_mm >= SUSPICIOUS_MM

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "level": self.level.name,
            "silhouette_distance_mm": None if self.distance_mm is None else round(self.distance_mm, 2),
            "shift_lps_mm": [round(v, 2) for v in self.shift_lps_mm],
            "suspicious": self.suspicious,
            "views": [
                {
                    "view": v.view,
                    "points": v.points,
                    "found_share": round(v.found_share, 3),
                    "residual_mm": round(v.residual_mm, 2),
                    "usable": v.usable,
                }
                for v in self.views
            ],
        }


def silhouette_quality(
    surfaces: Mapping[Level, vtk.vtkPolyData], centroids: CentroidSet, pair: RadiographPair
) -> tuple[SilhouetteQuality, ...]:
    """The silhouette distance of each surface (vtkPolyData, LPS mm) that has a centroid; about 0.2 s each.

    Bone must be bright in both radiographs.
    """
    edges = [_Edges.of(radiograph) for radiograph in pair]
    found = []
    for centroid in centroids:
        surface = surfaces.get(centroid.level)
        if surface is None or surface.GetNumberOfCells() == 0:
            continue
        outlines = [body_outline(surface, centroid.position_lps_mm, e.radiograph.projection) for e in edges]
        found.append(_quality(centroid.level, edges, outlines))
    return tuple(found)


@dataclass(frozen=True)
class _Edges:
    """A radiograph and its slope down and across, per mm."""

    radiograph: Radiograph
    down: NDArray[np.float32]
    across: NDArray[np.float32]

    @classmethod
    def of(cls, radiograph: Radiograph) -> _Edges:
        spacing = np.array(radiograph.projection.spacing_mm)
        smooth = ndimage.gaussian_filter(radiograph.image_hw.astype(np.float32), _BLUR_MM / spacing)
        down, across = np.gradient(smooth)
        return cls(radiograph, down / np.float32(spacing[0]), across / np.float32(spacing[1]))

    def inside(self, outline: OutlinePoints) -> OutlinePoints:
        """The part of an outline in the image, its border aside."""
        height, width = self.radiograph.image_hw.shape
        pixels = outline.positions_mm / np.array(self.radiograph.projection.spacing_mm)
        keep = np.all((pixels >= 1.0) & (pixels <= np.array([height, width]) - 2.0), axis=1)
        return OutlinePoints(outline.positions_mm[keep], outline.normals[keep])

    def falls(self, outline: OutlinePoints, shifts_mm: Array) -> Array:
        """(shifts, points) slope across the outline, positive where it gets darker outwards; shifts (N, 2) or
        (N, points, 2).
        """
        shifts = shifts_mm[:, None] if shifts_mm.ndim == 2 else shifts_mm
        places = (outline.positions_mm + shifts) / np.array(self.radiograph.projection.spacing_mm)
        flat = places.reshape(-1, 2).T
        down, across = (
            ndimage.map_coordinates(slope, flat, order=1, mode="nearest").reshape(places.shape[:2])
            for slope in (self.down, self.across)
        )
        falls: Array = -(down * outline.normals[:, 0] + across * outline.normals[:, 1])
        return falls


def _quality(level: Level, edges: Sequence[_Edges], outlines: Sequence[OutlinePoints | None]) -> SilhouetteQuality:
    parts = [(e, e.inside(o)) for e, o in zip(edges, outlines, strict=True) if o is not None]
    parts = [(e, o) for e, o in parts if len(o.positions_mm)]
    shift = _best_shift(parts)
    views = [_view_quality(e, o, shift) for e, o in parts]
    usable = [part for part, view in zip(parts, views, strict=True) if view.usable]
    if 0 < len(usable) < len(parts):
        shift = _best_shift(usable)
        views = [_view_quality(e, o, shift) if v.usable else v for (e, o), v in zip(parts, views, strict=True)]
    distance = float(np.linalg.norm(shift)) if usable else None
    return SilhouetteQuality(level, distance, (float(shift[0]), float(shift[1]), float(shift[2])), tuple(views))


def _best_shift(parts: Sequence[tuple[_Edges, OutlinePoints]]) -> Array:
    """The shift (3,) in LPS mm with the best mean score; 0 without any part."""
    steps = np.arange(-REACH_MM, REACH_MM + 0.01, _STEP_MM)
    shifts = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    shifts = shifts[np.linalg.norm(shifts, axis=1) <= REACH_MM]
    if not parts:
        return np.zeros(3)
    score = np.zeros(len(shifts))
    for edges, outline in parts:
        plane = shifts @ edges.radiograph.projection.axes_lps[:, :2]
        place = (plane + REACH_MM) / _STEP_MM
        score += ndimage.map_coordinates(_score_map(edges, outline, steps), place.T, order=1, mode="nearest")
    score = np.maximum(score, 0.0) * np.exp(-0.5 * (shifts**2).sum(axis=1) / _BELL_MM**2)
    best: Array = shifts[int(score.argmax())]
    return best


def _score_map(edges: _Edges, outline: OutlinePoints, steps: Array) -> Array:
    """Score [down, across] of each shift in the plane of a view, at most 1."""
    shifts = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    falls = edges.falls(outline, shifts)
    unit = float(np.percentile(np.abs(falls), _UNIT_PERCENTILE))
    return np.tanh(falls / max(unit, 1e-9)).mean(axis=1).reshape(len(steps), len(steps))


def _view_quality(edges: _Edges, outline: OutlinePoints, shift_lps_mm: Array) -> ViewQuality:
    plane = shift_lps_mm @ edges.radiograph.projection.axes_lps[:, :2]
    offsets = np.arange(-_NEAR_MM, _NEAR_MM + 0.01, _STEP_MM)
    along = plane + offsets[:, None, None] * outline.normals[None]
    falls = edges.falls(outline, along)
    unit = float(np.median(np.abs(falls)))
    steepest = falls.argmax(axis=0)
    strong = falls.max(axis=0) > 0.5 * max(unit, 1e-9)
    share = float((edges.falls(outline, plane[None])[0] > 0.5 * max(unit, 1e-9)).mean())
    residual = float(np.median(np.abs(offsets[steepest[strong]]))) if strong.any() else _NEAR_MM
    view = edges.radiograph.view.value
    return ViewQuality(view, len(outline.positions_mm), share, residual, share >= _LEAST_SHARE and unit > 0.0)
