"""Slicer's own markups widget drags a handle with real mouse events, and what is drawn is looked at."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.scene import layout
from ReVerteRLib.scene.bootstrap import import_slicer
from ReVerteRLib.scene.builder import build_scene
from ReVerteRLib.scene.centroid_editor import CentroidEditor
from ReVerteRLib.scene.epipolar import VIEW_NODE_ID
from ReVerteRLib.scene.frames import from_vtk_matrix
from ReVerteRLib.scene.render import _borrowed_layout, _width_at, render_biplanar
from ReVerteRLib.scene.windows import OffscreenWindow

pytestmark = pytest.mark.usefixtures("graphics")
HEIGHT = 300
YELLOW, CYAN, ORANGE = (255, 217, 51), (89, 217, 255), (255, 115, 51)


@pytest.fixture(params=[Beam.PARALLEL, Beam.CONE], ids=lambda beam: beam.value)
def a_spine(request, a_scene):
    pair = samples.pair(request.param)
    return build_scene(a_scene, radiographs=pair, centroids=samples.centroids()), pair


@contextlib.contextmanager
def _mouse(spine, application_logic, view):
    """A slice view on the radiograph with Slicer's markups widget; yields a function that sends mouse events."""
    import vtk

    slicer, scene = import_slicer(), spine.scene
    volume = spine.ap if view is View.AP else spine.lateral
    width, slice_node = _width_at(HEIGHT, volume), scene.GetNodeByID(VIEW_NODE_ID[view])
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(slice_node)
    slice_node.SetDimensions(width, HEIGHT, 1)
    logic.FitSliceToBackground(width, HEIGHT)
    with OffscreenWindow((width, HEIGHT), (0.0, 0.0, 0.0)) as window:
        interactor, style = vtk.vtkGenericRenderWindowInteractor(), slicer.vtkMRMLSliceViewInteractorStyle()
        interactor.SetRenderWindow(window.window)
        interactor.SetSize(width, HEIGHT)
        user = vtk.vtkInteractorStyleUser()
        interactor.SetInteractorStyle(user)
        group, manager = slicer.vtkMRMLDisplayableManagerGroup(), slicer.vtkMRMLMarkupsDisplayableManager()
        group.SetRenderer(window.renderer)
        manager.SetMRMLApplicationLogic(application_logic)
        group.AddDisplayableManager(manager)
        group.SetMRMLDisplayableNode(slice_node)
        style.SetSliceLogic(logic)
        style.SetDisplayableManagers(group)
        style.SetInteractor(interactor)
        interactor.Initialize()
        window.window.Render()

        def send(event, xy):
            interactor.SetEventInformation(round(float(xy[0])), round(float(xy[1])), 0, 0)
            interactor.InvokeEvent(event)

        try:
            yield send, (user, manager)
        finally:
            style.SetInteractor(None)
            group.SetMRMLDisplayableNode(None)
            logic.SetMRMLScene(None)


def _screen(scene, view, ras_mm):
    matrix = from_vtk_matrix(scene.GetNodeByID(VIEW_NODE_ID[view]).GetXYToRAS())
    return np.linalg.solve(matrix, np.append(ras_mm, 1.0))[:2]


@pytest.mark.parametrize("view", list(View))
def test_a_mouse_drag_moves_the_centroid_in_the_plane_of_the_view_as_one_step(a_spine, view):
    spine, pair = a_spine
    projection = (pair.ap if view is View.AP else pair.lateral).projection
    with _borrowed_layout(spine.scene) as logic:
        layout.show_spine(spine)
        with (
            CentroidEditor(spine.scene, spine.centroids, pair) as editor,
            _mouse(spine, logic, view) as (send, _),
        ):
            before, handle_ras = editor.points[0].position_lps_mm, np.zeros(3)
            editor.views.handle_node(view).GetNthControlPointPosition(0, handle_ras)
            start = np.rint(_screen(spine.scene, view, handle_ras))
            send("EnterEvent", start)
            send("MouseMoveEvent", start)
            send("LeftButtonPressEvent", start)
            for number in range(1, 5):
                send("MouseMoveEvent", start + np.array([6.0, -5.0]) * number)
            send("LeftButtonReleaseEvent", start + np.array([24.0, -20.0]))
            after = editor.points[0].position_lps_mm
            held = 1 if view is View.AP else 0
            assert after[held] == pytest.approx(before[held], abs=1e-6)
            moved = projection.project(after)[0] - projection.project(before)[0]
            mm_per_dot = samples.projection(view).image_hw[0] / HEIGHT
            assert moved == pytest.approx(np.array([20.0, 24.0]) * mm_per_dot, abs=1.5)
            assert editor.selected == 0
            assert editor.undo()
            assert editor.points[0].position_lps_mm == before
            assert not editor.can_undo


def _rows_columns(part, color):
    """(N, 2) pixels of about this colour."""
    return np.argwhere(np.abs(part.astype(int) - color).max(axis=2) < 40)


def test_while_one_view_is_dragged_the_other_draws_line_tick_and_dot_where_the_geometry_says(a_spine):
    spine, pair = a_spine
    height, wanted = 400, (30.0, -20.0, 80.0)
    with CentroidEditor(spine.scene, spine.centroids, pair) as editor:
        handle, ap, lateral = editor.views.handle_node(View.AP), pair.ap.projection, pair.lateral.projection
        handle.InvokeEvent(handle.PointStartInteractionEvent)
        handle.SetNthControlPointPosition(0, *(ap.plane_point(ap.project(wanted))[0] * (-1.0, -1.0, 1.0)))
        pixels = render_biplanar(spine, height=height)
        handle.InvokeEvent(handle.PointEndInteractionEvent)
    split = _width_at(height, spine.ap)
    left, right = pixels[:, :split], pixels[:, split : split + _width_at(height, spine.lateral)]
    scale = height / lateral.image_hw[0]
    shadow_row, shadow_column = (lateral.project(wanted)[0] + 0.5) * scale
    line = _rows_columns(right, CYAN)
    assert np.ptp(line[:, 1]) > 0.7 * right.shape[1]
    assert np.median(line[:, 0]) == pytest.approx(shadow_row, abs=6.0)
    tick = _rows_columns(right, ORANGE)
    middle = tick[np.abs(tick[:, 1] - shadow_column) < 4]
    assert middle[:, 0].mean() == pytest.approx(shadow_row, abs=3.0)
    dots = _rows_columns(right, YELLOW)
    near = dots[np.hypot(dots[:, 0] - shadow_row, dots[:, 1] - shadow_column) < 9]
    assert len(near) > 60
    assert len(_rows_columns(left, CYAN)) < 80  # the letters at the borders are of about that colour
    assert len(_rows_columns(left, ORANGE)) == 0
