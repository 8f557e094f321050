"""The biplanar layout (AP | lateral | 3D) and camera poses that do not drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ReVerteRLib.errors import ArgumentError, ReVerteRError
from ReVerteRLib.geometry import Array
from ReVerteRLib.resources import shipped_resources
from ReVerteRLib.scene.builder import SpineScene

LAYOUT_ID = 5301
AP_VIEW, LATERAL_VIEW, THREED_VIEW = "ReVerteRAP", "ReVerteRLateral", "ReVerteR3D"
VIEW_ANGLE_DEG = 30.0

PRESETS: dict[str, tuple[float, float, float]] = {
    "front": (0.0, 0.0, 0.0),
    "side": (90.0, 0.0, 0.0),
    "60": (60.0, 0.0, 0.0),
    "top": (0.0, 90.0, 0.0),
}
"""Rotation, elevation and roll in degrees. Front and side look as the AP and the lateral radiograph do."""


@dataclass(frozen=True)
class CameraPose:
    """Where a camera stands, all RAS mm.

    position, focal_point, view_up: shape (3,); view_up is a unit vector at a right angle to the line of sight.
    radius_mm: of the sphere around the bounds; the parallel scale that shows it whole.
    """

    position: Array
    focal_point: Array
    view_up: Array
    radius_mm: float

    def apply(self, camera: Any) -> None:
        """Sets a vtkCamera or the camera of a vtkMRMLCameraNode."""
        target = camera.GetCamera() if hasattr(camera, "GetCamera") else camera
        target.SetFocalPoint(*self.focal_point)
        target.SetPosition(*self.position)
        target.SetViewUp(*self.view_up)
        target.SetViewAngle(VIEW_ANGLE_DEG)
        target.SetParallelScale(self.radius_mm)
        if hasattr(camera, "ResetClippingRange"):
            camera.ResetClippingRange()


def camera_pose(rotation_deg: float, elevation_deg: float, roll_deg: float, bounds: Sequence[float]) -> CameraPose:
    """The pose for three angles, computed from them alone, so that turning there and back ends where it began.

    rotation_deg:  about the head-foot axis from the front towards the patient's left; 90 is the view of the
                   lateral radiograph (anterior on the left of the picture), 180 the view from the back.
    elevation_deg: up towards the head, -90 to 90.
    roll_deg:      of the picture, clockwise.
    bounds:        xmin, xmax, ymin, ymax, zmin, zmax in RAS mm; the sphere around them fills the view, whatever the
                   angles. Raises ArgumentError for empty bounds.
    """
    box = np.asarray(bounds, dtype=np.float64).reshape(3, 2)
    radius_mm = float(np.linalg.norm(box[:, 1] - box[:, 0]) / 2.0)
    if not np.isfinite(radius_mm) or (box[:, 1] < box[:, 0]).any() or radius_mm == 0.0:
        raise ArgumentError(f"the bounds {list(bounds)} hold nothing to look at")
    turn, lift, roll = np.deg2rad([rotation_deg, elevation_deg, roll_deg])
    outwards = np.array([-np.sin(turn) * np.cos(lift), np.cos(turn) * np.cos(lift), np.sin(lift)])
    upright = np.array([np.sin(turn) * np.sin(lift), -np.cos(turn) * np.sin(lift), np.cos(lift)])
    right = np.cross(upright, outwards)
    centre = box.mean(axis=1)
    return CameraPose(
        position=centre + outwards * radius_mm / np.sin(np.deg2rad(VIEW_ANGLE_DEG / 2.0)),
        focal_point=centre,
        view_up=np.cos(roll) * upright - np.sin(roll) * right,
        radius_mm=radius_mm,
    )


def layout_xml() -> str:
    """The layout description, read from Resources/Layouts. Raises ReVerteRError when the installation lacks it."""
    file = shipped_resources() / "Layouts" / "biplanar.xml"
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ReVerteRError("the layout file is missing", where=file, remedy="Install ReVerteR again") from error


def register_layout(layout_node: Any) -> None:
    """Makes the layout known to a vtkMRMLLayoutNode under LAYOUT_ID without switching to it; may be called again."""
    if layout_node.IsLayoutDescription(LAYOUT_ID):
        layout_node.SetLayoutDescription(LAYOUT_ID, layout_xml())
    else:
        layout_node.AddLayoutDescription(LAYOUT_ID, layout_xml())


def show_layout(layout_node: Any) -> int:
    """Switches to the biplanar layout and returns the earlier arrangement, for going back on leaving.

    The 3D view, when it is new, gets Slicer's orientation marker in the shape of a person.
    """
    register_layout(layout_node)
    before: int = layout_node.GetViewArrangement()
    known = _threed_node(layout_node.GetScene()) is not None
    layout_node.SetViewArrangement(LAYOUT_ID)
    node = _threed_node(layout_node.GetScene())
    if node is not None and not known:
        node.SetOrientationMarkerType(node.OrientationMarkerTypeHuman)
    return before


def _threed_node(scene: Any) -> Any:
    return scene.GetSingletonNode(THREED_VIEW, "vtkMRMLViewNode")


def show_spine(spine: SpineScene) -> None:
    """Puts the radiographs of a spine into the AP and the lateral view, in their planes. The layout must be shown."""
    scene = spine.scene
    for view_name, volume in ((AP_VIEW, spine.ap), (LATERAL_VIEW, spine.lateral)):
        slice_node = scene.GetSingletonNode(view_name, "vtkMRMLSliceNode")
        if slice_node is None or volume is None:
            continue
        _background(scene, view_name).SetBackgroundVolumeID(volume.GetID())
        slice_node.RotateToVolumePlane(volume)
        bounds = np.zeros(6)
        volume.GetRASBounds(bounds)
        slice_node.JumpSliceByCentering(*bounds.reshape(3, 2).mean(axis=1))


def _background(scene: Any, view_name: str) -> Any:
    """The composite node of a slice view; inside Slicer it is there, under slicer-core it is made."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode")
        if node.GetLayoutName() == view_name:
            return node
    node = scene.CreateNodeByClass("vtkMRMLSliceCompositeNode")
    node.SetLayoutName(view_name)
    node.SetSingletonTag(view_name)
    return scene.AddNode(node)
