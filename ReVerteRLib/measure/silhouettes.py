"""Outlines of vertebrae on a radiograph: where the projection puts the shadow of each surface.

The surface is sampled at the corners and middles of its triangles (a third of a millimetre apart or less for surfaces
of 1 mm voxels), the samples are projected onto a raster of 0.5 mm on the reference plane, gaps are closed, and the
raster's smoothed edge is the outline: about 0.2 mm exact for every beam, and independent of the radiograph's pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import GeometryError
from ReVerteRLib.geometry import POSTERIOR, Array, Projection, View
from ReVerteRLib.imaging.volume import LabelVolume

if TYPE_CHECKING:
    import vtk

_RASTER_MM = 0.5
_MARGIN = 6
_BLUR = 1.0
_LEVEL = 0.69  # half a raster cell inside of 0.5, because every cell that the shadow touches is filled
_BODY_SHARE = 0.5
_STRIP_MM = 8.0
_LEAST_OUTLINE_MM = 8.0


@dataclass(frozen=True)
class Silhouette:
    """The outline of one vertebra on one radiograph.

    outlines_rc: closed polylines (N, 2) in pixels (row, column) with the bone on one side; the first point is not
                 repeated at the end. Empty where nothing of the vertebra is in front of the source.
    projection:  of the radiograph.
    """

    level: Level
    projection: Projection
    outlines_rc: tuple[Array, ...]

    @property
    def view(self) -> View:
        """AP or lateral."""
        return self.projection.view

    @property
    def outlines_lps_mm(self) -> tuple[Array, ...]:
        """The outlines on the radiograph's reference plane, (N, 3) LPS mm, where the image itself stands in a scene."""
        return tuple(self.projection.plane_point(outline) for outline in self.outlines_rc)


@dataclass(frozen=True)
class OutlinePoints:
    """Points 1 mm apart on an outline: (N, 2) mm down and across the reference plane from pixel (0, 0), and unit
    normals (N, 2) that point away from the bone.
    """

    positions_mm: Array
    normals: Array


def silhouettes_of(surfaces: Mapping[Level, vtk.vtkPolyData], projection: Projection) -> dict[Level, Silhouette]:
    """The silhouette of each surface (vtkPolyData in LPS mm) on a radiograph; empty surfaces are left out."""
    found = {}
    for level, surface in sorted(surfaces.items()):
        raster = _raster(_samples(surface), projection)
        if raster is not None:
            found[level] = Silhouette(level, projection, raster.outlines_rc(projection))
    return found


def surfaces_of_labels(labels: LabelVolume) -> dict[Level, vtk.vtkPolyData]:
    """The smoothed surface (vtkPolyData, LPS mm) of each vertebra in a label map (VerSe labels)."""
    from ReVerteRLib.datasets.bodies import levels_present
    from ReVerteRLib.datasets.masks import bounding_box
    from ReVerteRLib.inference.surfaces import surface_from_mask

    surfaces = {}
    for level in levels_present(labels):
        box = bounding_box(labels.array_kji, level.verse_label)
        if box is None:
            continue
        matrix = labels.ijk_to_lps_mm.copy()
        matrix[:3, :3] = matrix[:3, 2::-1]
        matrix[:3, 3] = labels.to_lps([part.start for part in reversed(box)])[0]
        surfaces[level] = surface_from_mask(labels.array_kji[box] == level.verse_label, matrix)
    return surfaces


def body_outline(surface: vtk.vtkPolyData, centroid_lps_mm: ArrayLike, projection: Projection) -> OutlinePoints | None:
    """The outline of the vertebral body alone: end-plates and side walls, in the lateral view end-plates and front.

    The body is what lies in front of the plane half-way from the centroid to the posterior wall (as far behind the
    centroid as the front lies before it); what the cut itself outlines is left out. None where there is too little.
    """
    samples = _samples(surface)
    centroid = np.asarray(centroid_lps_mm, dtype=np.float64)
    behind = (samples - centroid) @ np.array(POSTERIOR)
    near = np.linalg.norm((samples - centroid)[:, [0, 2]], axis=1) <= _STRIP_MM
    if not near.any():
        return None
    cut_mm = _BODY_SHARE * abs(float(behind[near].min()))
    raster = _raster(samples[behind <= cut_mm], projection, fill=True)
    if raster is None:
        return None
    points = raster.points()
    if projection.view is View.LATERAL:
        keep = ~_beside_cut(points, centroid + cut_mm * np.array(POSTERIOR), projection)
        points = OutlinePoints(points.positions_mm[keep], points.normals[keep])
    return points if len(points.positions_mm) >= _LEAST_OUTLINE_MM else None


def _beside_cut(points: OutlinePoints, on_cut_lps_mm: Array, projection: Projection) -> NDArray[np.bool_]:
    """Points within 2 mm of the cut's edge."""
    spacing = np.array(projection.spacing_mm)
    there = projection.project(np.stack([on_cut_lps_mm, on_cut_lps_mm - np.array(POSTERIOR)]))
    forward = (there[1] - there[0]) * spacing
    forward /= np.linalg.norm(forward)
    beside: NDArray[np.bool_] = (points.positions_mm - there[0] * spacing) @ forward <= 2.0
    return beside


# --- the raster ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Raster:
    """Shadow [down, across] 0..1, smoothed, on a grid of _RASTER_MM; first_mm: place of its pixel (0, 0)."""

    shadow: NDArray[np.float32]
    first_mm: Array

    def outlines_mm(self) -> list[Array]:
        """Closed polylines (N, 2) in mm down and across from the radiograph's pixel (0, 0)."""
        return [self.first_mm + _RASTER_MM * line for line in _contours(self.shadow)]

    def outlines_rc(self, projection: Projection) -> tuple[Array, ...]:
        """The outlines in pixels."""
        return tuple(line / np.array(projection.spacing_mm) for line in self.outlines_mm())

    def points(self) -> OutlinePoints:
        """The longest outline, 1 mm apart, with normals away from the bone."""
        lines = sorted(self.outlines_mm(), key=_length)
        positions = _resampled(lines[-1], 1.0) if lines else np.zeros((0, 2))
        smooth = ndimage.gaussian_filter(self.shadow, 2.0)
        place = ((positions - self.first_mm) / _RASTER_MM).T
        slope = np.stack([ndimage.map_coordinates(g, place, order=1) for g in np.gradient(smooth)], axis=1)
        normals = -slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)
        return OutlinePoints(positions, normals)


def _samples(surface: vtk.vtkPolyData) -> Array:
    """(N, 3) corners, edge middles and centres of the triangles."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if surface.GetNumberOfCells() == 0:
        return np.zeros((0, 3))
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)
    corners = points[_triangles(surface)]
    middles = (corners + np.roll(corners, 1, axis=1)) / 2.0
    return np.concatenate([points, middles.reshape(-1, 3), corners.mean(axis=1)])


def _triangles(surface: vtk.vtkPolyData) -> NDArray[Any]:
    """(N, 3) point numbers; polygons and strips are cut into triangles first."""
    import vtk
    from vtkmodules.util.numpy_support import vtk_to_numpy

    cutter = vtk.vtkTriangleFilter()
    cutter.SetInputData(surface)
    cutter.PassLinesOff()
    cutter.PassVertsOff()
    cutter.Update()
    numbers = vtk_to_numpy(cutter.GetOutput().GetPolys().GetConnectivityArray())
    return numbers.reshape(-1, 3)


def _raster(samples: Array, projection: Projection, *, fill: bool = False) -> _Raster | None:
    pixels = projection.project(samples) if len(samples) else np.zeros((0, 2))
    places = (pixels * np.array(projection.spacing_mm))[np.isfinite(pixels).all(axis=1)]
    if len(places) == 0:
        return None
    first = places.min(axis=0) - _MARGIN * _RASTER_MM
    cells = np.rint((places - first) / _RASTER_MM).astype(int)
    shape = cells.max(axis=0) + _MARGIN + 1
    if shape.max() > 20000:
        raise GeometryError("a shadow of ten metres is impossible", where=projection.view.value)
    solid = np.zeros(shape, dtype=bool)
    solid[cells[:, 0], cells[:, 1]] = True
    solid = ndimage.binary_closing(solid, np.ones((3, 3), bool), iterations=2)
    if fill:
        solid = ndimage.binary_fill_holes(solid)
    return _Raster(ndimage.gaussian_filter(solid.astype(np.float32), _BLUR), first)


def _contours(shadow: NDArray[np.float32]) -> list[Array]:
    """Closed polylines (N, 2) at _LEVEL, in raster coordinates."""
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    image = vtk.vtkImageData()
    image.SetDimensions(shadow.shape[1], shadow.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(shadow).ravel(), deep=True))
    edges = vtk.vtkFlyingEdges2D()
    edges.SetInputData(image)
    edges.SetValue(0, _LEVEL)
    strips = vtk.vtkStripper()
    strips.SetInputConnection(edges.GetOutputPort())
    strips.JoinContiguousSegmentsOn()
    strips.SetMaximumLength(10_000_000)
    strips.Update()
    lines = strips.GetOutput()
    if lines.GetNumberOfLines() == 0:
        return []
    points = vtk_to_numpy(lines.GetPoints().GetData()).astype(np.float64)[:, 1::-1]
    offsets = vtk_to_numpy(lines.GetLines().GetOffsetsArray())
    numbers = vtk_to_numpy(lines.GetLines().GetConnectivityArray())
    found = [points[numbers[a:b]] for a, b in itertools.pairwise(offsets)]
    return [line[:-1] for line in found if len(line) > 3]


def _length(line: Array) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0, append=line[:1]), axis=1).sum())


def _resampled(line: Array, step_mm: float) -> Array:
    """Points `step_mm` apart on a closed polyline."""
    closed = np.concatenate([line, line[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    where = np.arange(0.0, along[-1], step_mm)
    return np.stack([np.interp(where, along, closed[:, axis]) for axis in range(2)], axis=1)
