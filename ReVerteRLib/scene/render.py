"""Off-screen pictures of a result: vertebrae in 3D, and the biplanar view as Slicer shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.scene import layout
from ReVerteRLib.scene.bootstrap import import_slicer, inside_slicer
from ReVerteRLib.scene.builder import SpineScene
from ReVerteRLib.scene.frames import from_vtk_matrix, surface_to_ras
from ReVerteRLib.scene.messages import vtk_errors_raised
from ReVerteRLib.scene.orientation_marks import OrientationMarks
from ReVerteRLib.scene.preview import preview_radiograph, save_png
from ReVerteRLib.scene.windows import OffscreenWindow

__all__ = ["preview_radiograph", "render_biplanar", "render_models", "save_png"]

Pixels = NDArray[np.uint8]
_MARGIN = 1.04
_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
_THREED_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


def render_models(
    source: Mapping[Level, Any] | SpineScene,
    path: Path | None = None,
    *,
    view: str = "front",
    size: tuple[int, int] = (600, 900),
) -> Pixels:
    """The vertebrae in level colours on white, uint8 [rows, columns, RGB]; written to `path` as PNG when given.

    source: vtkPolyData (LPS mm) by level, or a scene with models. Parallel projection, as large as fits.
    view:   a name of layout.PRESETS (front, side, 60, top).
    size:   width and height in pixels.
    Needs no Slicer. Raises ArgumentError for an unknown view or nothing to draw, ResourceError without graphics.
    """
    if view not in layout.PRESETS:
        raise ArgumentError(f"there is no view '{view}'", remedy=f"Choose among {', '.join(layout.PRESETS)}")
    surfaces = _surfaces_ras(source)
    if not surfaces:
        raise ArgumentError("there is no vertebra to draw")
    with vtk_errors_raised(ResourceError), OffscreenWindow(size, oversampling=2) as window:
        for level, surface in surfaces.items():
            window.renderer.AddViewProp(_actor(surface, level))
        _look(window, view, surfaces)
        pixels = window.pixels()
    if path is not None:
        save_png(pixels, path)
    return pixels


def render_biplanar(spine: SpineScene, path: Path | None = None, *, view: str = "front", height: int = 800) -> Pixels:
    """AP | lateral | 3D side by side through Slicer's own displayable managers, uint8 [rows, columns, RGB].

    The radiographs lie in their planes with the centroids projected on them at right angles (for diverging beams
    preview_radiograph is the exact one). The scene has the same nodes afterwards as before.
    The scene must be that of a SceneHost (headless_scene). Raises ResourceError inside Slicer, which has the views on
    screen, and where there are no graphics; ArgumentError without radiographs.
    """
    if inside_slicer():
        raise ResourceError("Slicer shows this layout itself", remedy="Use the Screen Capture module for a picture")
    if spine.ap is None or spine.lateral is None:
        raise ArgumentError("the scene has no pair of radiographs", where=spine.name)
    with vtk_errors_raised(ResourceError), _borrowed_layout(spine.scene) as application_logic:
        layout.show_spine(spine)
        parts = [
            _draw_slice(spine, application_logic, layout.AP_VIEW, spine.ap, height),
            _draw_slice(spine, application_logic, layout.LATERAL_VIEW, spine.lateral, height),
            _draw_threed(spine, application_logic, view, (round(height * 0.7), height)),
        ]
    pixels = np.concatenate(parts, axis=1)
    if path is not None:
        save_png(pixels, path)
    return pixels


# --- models --------------------------------------------------------------------------------------


def _surfaces_ras(source: Mapping[Level, Any] | SpineScene) -> dict[Level, Any]:
    if isinstance(source, SpineScene):
        return {level: node.GetPolyData() for level, node in source.models.items()}
    return {level: surface_to_ras(surface) for level, surface in source.items() if surface.GetNumberOfCells() > 0}


def _actor(surface_ras: Any, level: Level) -> Any:
    import vtk

    mapper = vtk.vtkPolyDataMapper()
    if surface_ras.GetPointData().GetNormals() is not None:
        mapper.SetInputData(surface_ras)
    else:
        normals = vtk.vtkPolyDataNormals()
        normals.SetInputData(surface_ras)
        normals.SplittingOff()
        mapper.SetInputConnection(normals.GetOutputPort())
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*level.color_rgb)
    look.SetInterpolationToPhong()
    look.SetAmbient(0.15)
    look.SetDiffuse(0.85)
    look.SetSpecular(0.12)
    look.SetSpecularPower(20)
    return actor


def _look(window: OffscreenWindow, view: str, surfaces_ras: Mapping[Level, Any]) -> None:
    bounds = _joint_bounds([surface.GetBounds() for surface in surfaces_ras.values()])
    camera = window.renderer.GetActiveCamera()
    pose = layout.camera_pose(*layout.PRESETS[view], bounds)
    pose.apply(camera)
    camera.ParallelProjectionOn()
    camera.SetParallelScale(_fitting_scale(pose, bounds, window.size_wh))
    window.renderer.ResetCameraClippingRange()


def _joint_bounds(all_bounds: Sequence[Sequence[float]]) -> list[float]:
    box = np.array(all_bounds, dtype=np.float64).reshape(-1, 3, 2)
    return np.stack([box[:, :, 0].min(axis=0), box[:, :, 1].max(axis=0)], axis=1).ravel().tolist()


def _fitting_scale(pose: layout.CameraPose, bounds: Sequence[float], size_wh: tuple[int, int]) -> float:
    """Half the height in mm of the picture that just holds the box."""
    box = np.array(bounds).reshape(3, 2)
    corners = np.array([[x, y, z] for x in box[0] for y in box[1] for z in box[2]]) - pose.focal_point
    outwards = pose.position - pose.focal_point
    right = np.cross(pose.view_up, outwards / np.linalg.norm(outwards))
    half_height, half_width = np.abs(corners @ pose.view_up).max(), np.abs(corners @ right).max()
    return float(max(half_height, half_width * size_wh[1] / size_wh[0]) * _MARGIN)


# --- biplanar ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _borrowed_layout(scene: Any) -> Iterator[Any]:
    """Makes the views of the biplanar layout and takes away again every node that came with them.

    Yields an application logic that knows the logics which displayable managers ask for.
    """
    slicer = import_slicer()
    before = {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}
    application_logic, layout_logic = slicer.vtkSlicerApplicationLogic(), slicer.vtkMRMLLayoutLogic()
    application_logic.SetMRMLScene(scene)
    application_logic.SetModuleLogic("Markups", slicer.modules.markups.logic())
    layout_logic.SetMRMLScene(scene)
    arrangement = layout.show_layout(layout_logic.GetLayoutNode())
    try:
        yield application_logic
    finally:
        layout_logic.GetLayoutNode().SetViewArrangement(arrangement)
        layout_logic.SetMRMLScene(None)
        application_logic.SetMRMLScene(None)
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
        for node in nodes:
            if node.GetID() not in before:
                scene.RemoveNode(node)


@contextlib.contextmanager
def _managed(
    window: OffscreenWindow, application_logic: Any, view_node: Any, managers: Sequence[str]
) -> Iterator[None]:
    """Connects displayable managers between a view node and a window for the length of the block."""
    import vtk

    slicer = import_slicer()
    interactor = vtk.vtkGenericRenderWindowInteractor()
    interactor.SetRenderWindow(window.window)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(window.renderer)
    for name in managers:
        manager = getattr(slicer, name)()
        manager.SetMRMLApplicationLogic(application_logic)
        group.AddDisplayableManager(manager)
    group.SetMRMLDisplayableNode(view_node)
    try:
        yield
    finally:
        group.SetMRMLDisplayableNode(None)


def _width_at(height: int, volume: Any) -> int:
    """Width in pixels of a picture of this height that just holds the slice."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    extent_ras_mm = np.abs(from_vtk_matrix(matrix)[:3, :3]) @ np.array(volume.GetImageData().GetDimensions())
    return max(64, round(height * float(extent_ras_mm[:2].max() / extent_ras_mm[2])))


def _draw_slice(spine: SpineScene, application_logic: Any, view_name: str, volume: Any, height: int) -> Pixels:
    import vtk

    width = _width_at(height, volume)
    slice_node = spine.scene.GetSingletonNode(view_name, "vtkMRMLSliceNode")
    logic = import_slicer().vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(spine.scene)
    logic.SetSliceNode(slice_node)
    slice_node.SetDimensions(width, height, 1)
    logic.FitSliceToBackground(width, height)
    with OffscreenWindow((width, height), (0.0, 0.0, 0.0)) as window:
        mapper = vtk.vtkImageMapper()
        mapper.SetInputConnection(logic.GetImageDataConnection())
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        window.renderer.AddViewProp(actor)
        marks = OrientationMarks(window.renderer, slice_node, font_size=max(10, height // 40))
        with _managed(window, application_logic, slice_node, _SLICE_MANAGERS):
            pixels = window.pixels()
        marks.remove()
    logic.SetMRMLScene(None)
    return pixels


def _draw_threed(spine: SpineScene, application_logic: Any, view: str, size_wh: tuple[int, int]) -> Pixels:
    view_node = spine.scene.GetSingletonNode(layout.THREED_VIEW, "vtkMRMLViewNode")
    for part in ("SetBoxVisible", "SetAxisLabelsVisible"):
        getattr(view_node, part)(False)
    with (
        OffscreenWindow(size_wh, oversampling=2) as window,
        _managed(window, application_logic, view_node, _THREED_MANAGERS),
    ):
        window.renderer.SetBackground(1.0, 1.0, 1.0)
        surfaces = _surfaces_ras(spine)
        if surfaces:
            _look(window, view, surfaces)
        return window.pixels()
