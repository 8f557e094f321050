"""What one view knows of the other: linked moves, epipolar lines and the mark of the linked height."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.errors import GeometryError
from ReVerteRLib.geometry import Array, Projection, View, epipolar_line
from ReVerteRLib.scene import layout, roles
from ReVerteRLib.scene.centroid_points import Position
from ReVerteRLib.scene.frames import points_to_lps, points_to_ras

HELPER = "helper"
"""Role of nodes that are drawn while a list is edited; they are never saved."""
VIEW_NODE_ID = {
    View.AP: f"vtkMRMLSliceNode{layout.AP_VIEW}",
    View.LATERAL: f"vtkMRMLSliceNode{layout.LATERAL_VIEW}",
}
OTHER = {View.AP: View.LATERAL, View.LATERAL: View.AP}
_LINE_RGB, _TICK_RGB = (0.35, 0.85, 1.0), (1.0, 0.45, 0.2)
_TICK_MM, _EDGE_MM = 5.0, 10.0


# --- geometry, LPS mm and pixels -----------------------------------------------------------------


def pixel_of_plane_point(projection: Projection, position_lps_mm: ArrayLike) -> Array:
    """(2,) row and column of a point taken at right angles to the reference plane: what a slice view shows there."""
    offset_mm = (np.asarray(position_lps_mm, dtype=np.float64) - projection.origin_lps_mm) @ projection.axes_lps[:, :2]
    pixel: Array = offset_mm / np.array(projection.spacing_mm)
    return pixel


def moved_in_view(projection: Projection, position_lps_mm: ArrayLike, pixel_rc: ArrayLike) -> Position:
    """The centroid after a drag to this pixel: in the plane through it parallel to the detector, its depth kept.

    A drag in AP so changes height and left-right alone, in lateral height and front-back; the other view follows in
    height. For diverging beams the shadow lies exactly under the pixel.
    """
    depth_mm = float(projection.depth_mm(position_lps_mm)[0])
    x, y, z = (float(v) for v in projection.point_at_depth(np.atleast_2d(pixel_rc), depth_mm)[0])
    return x, y, z


def line_in_other(projection: Projection, pixel_rc: ArrayLike, other: Projection) -> Array:
    """(2, 2) pixels: the shadow in the other view of the ray through a pixel here, cut to that image.

    Raises GeometryError when the ray does not cross the image.
    """
    reach_mm = float(np.hypot(*(np.array(other.image_hw) * other.spacing_mm))) * 2.0
    if projection.beam.value != "parallel":
        reach_mm = min(reach_mm, 0.9 * projection.sad_mm)
    line = epipolar_line(projection, pixel_rc, other, reach_mm)
    cut = _cut_to_image(line, other.image_hw) if np.isfinite(line).all() else None
    if cut is None:
        raise GeometryError(
            f"the ray from the {projection.view.value} view does not cross the {other.view.value} radiograph",
            remedy="Both must show the same part of the spine",
        )
    return cut


def nearest_on_line(line_rc: Array, pixel_rc: ArrayLike) -> Array:
    """(2,) the point of the (endless) line nearest to a pixel."""
    along = line_rc[1] - line_rc[0]
    share = float((np.asarray(pixel_rc) - line_rc[0]) @ along / max(float(along @ along), 1e-12))
    nearest: Array = line_rc[0] + share * along
    return nearest


def _cut_to_image(line_rc: Array, image_hw: Sequence[int]) -> Array | None:
    """Liang and Barsky's cut of a line at the image's borders; None when it passes by."""
    start, along = line_rc[0], line_rc[1] - line_rc[0]
    first, last = 0.0, 1.0
    for axis in range(2):
        low, high = -0.5 - start[axis], image_hw[axis] - 0.5 - start[axis]
        if abs(along[axis]) < 1e-12:
            if low > 0 or high < 0:
                return None
            continue
        near, far = sorted((low / along[axis], high / along[axis]))
        first, last = max(first, near), min(last, far)
    return np.stack([start + first * along, start + last * along]) if first < last else None


# --- helper nodes --------------------------------------------------------------------------------


def as_helper(node: Any) -> Any:
    """Marks a node and its displays as drawn for the moment: not saved, not listed, no undo."""
    roles.mark(node, HELPER)
    node.SetHideFromEditors(True)
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    for part in (node, *displays):
        part.SetSaveWithScene(False)
        part.SetUndoEnabled(False)
    return node


def remove_helper(scene: Any, node: Any) -> None:
    """Takes a helper and its displays out of the scene, when it is still there."""
    if node is None or node.GetScene() is None:
        return
    for number in reversed(range(node.GetNumberOfDisplayNodes())):
        display = node.GetNthDisplayNode(number)
        if display is not None and display.GetScene() is not None:
            scene.RemoveNode(display)
    scene.RemoveNode(node)


class EpipolarGuide:
    """Line and tick in each view, as model nodes in the radiograph's plane; made when first needed.

    projections: by view. The tick marks the linked height: at both borders of the image and across the line at the
    point itself.
    """

    def __init__(self, scene: Any, projections: dict[View, Projection]) -> None:
        self._scene, self._projections = scene, projections
        self._nodes: dict[tuple[View, str], Any] = {}

    @property
    def nodes(self) -> tuple[Any, ...]:
        """The helper nodes that are in the scene now."""
        return tuple(node for node in self._nodes.values() if node.GetScene() is not None)

    def show(self, origin: View, position_lps_mm: Position) -> None:
        """For a point that is dragged or selected in view `origin`: its line and height in the other view."""
        pixel = self._projections[origin].project(position_lps_mm)[0]
        self._draw(origin, pixel, self._projections[OTHER[origin]].project(position_lps_mm)[0])

    def show_ray(self, origin: View, pixel_rc: ArrayLike) -> None:
        """For a click that has no partner yet: the line alone."""
        self._draw(origin, pixel_rc, None)

    def hide(self, origin: View | None = None) -> None:
        """Hides what view `origin` draws in the other one; everything if None."""
        for (view, _), node in self._nodes.items():
            if (origin is None or view is OTHER[origin]) and node.GetScene() is not None:
                node.GetDisplayNode().SetVisibility(False)

    def remove(self) -> None:
        """Takes the helper nodes out of the scene."""
        for node in self._nodes.values():
            remove_helper(self._scene, node)
        self._nodes.clear()

    def _draw(self, origin: View, pixel_rc: ArrayLike, shadow_rc: Array | None) -> None:
        target = OTHER[origin]
        try:
            line = line_in_other(self._projections[origin], pixel_rc, self._projections[target])
        except GeometryError:
            self.hide(origin)
            return
        self._set(target, "line", [line])
        if shadow_rc is None or not np.isfinite(shadow_rc).all():
            self._set(target, "tick", [])
        else:
            self._set(target, "tick", _tick(self._projections[target], line, shadow_rc))

    def _set(self, view: View, kind: str, lines_rc: Sequence[Array]) -> None:
        node = self._nodes.get((view, kind))
        if node is None or node.GetScene() is None:
            node = self._nodes[view, kind] = self._add(view, kind)
        plane = self._projections[view]
        node.SetAndObservePolyData(_lines([points_to_ras(plane.plane_point(line)) for line in lines_rc]))
        node.GetDisplayNode().SetVisibility(bool(lines_rc))

    def _add(self, view: View, kind: str) -> Any:
        node = self._scene.AddNewNodeByClass("vtkMRMLModelNode", f"Epipolar {kind} {view.value}")
        node.SetAndObservePolyData(_lines([]))
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.AddViewNodeID(VIEW_NODE_ID[view])
        display.SetColor(*(_LINE_RGB if kind == "line" else _TICK_RGB))
        display.SetLineWidth(1 if kind == "line" else 3)
        display.SetSliceIntersectionThickness(1 if kind == "line" else 3)
        display.LightingOff()
        display.SetScalarVisibility(False)
        display.SetVisibility2D(True)
        display.SetSliceDisplayModeToProjection()
        return as_helper(node)


def _tick(projection: Projection, line_rc: Array, shadow_rc: Array) -> list[Array]:
    """A stroke across the line at the shadow, and strokes along it at both borders."""
    spacing = np.array(projection.spacing_mm)
    along_mm = (line_rc[1] - line_rc[0]) * spacing
    unit_mm = along_mm / max(float(np.linalg.norm(along_mm)), 1e-9)
    across, edge = np.array([-unit_mm[1], unit_mm[0]]) * _TICK_MM / spacing, unit_mm * _EDGE_MM / spacing
    return [
        np.stack([shadow_rc - across, shadow_rc + across]),
        np.stack([line_rc[0], line_rc[0] + edge]),
        np.stack([line_rc[1], line_rc[1] - edge]),
    ]


def _lines(lines_ras_mm: Sequence[Array]) -> Any:
    import vtk

    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    for line in lines_ras_mm:
        cells.InsertNextCell(len(line))
        for point in line:
            cells.InsertCellPoint(points.InsertNextPoint(*point))
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    data.SetLines(cells)
    return data


@contextlib.contextmanager
def batched(node: Any) -> Iterator[None]:
    """All changes of a node as one."""
    was_modifying = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(was_modifying)


def plane_point_ras(projection: Projection, pixel_rc: ArrayLike) -> list[float]:
    """The point of the reference plane under a pixel, RAS mm."""
    point: list[float] = points_to_ras(projection.plane_point(pixel_rc)[0]).tolist()
    return point


def pixel_of_ras(projection: Projection, point_ras_mm: ArrayLike) -> Array:
    """(2,) row and column under a point of a slice view, given in RAS mm."""
    return pixel_of_plane_point(projection, points_to_lps(point_ras_mm))
