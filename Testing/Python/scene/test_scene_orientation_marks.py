"""The letters at the edges of the slice views agree with the pixels that are drawn there."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scene_samples as samples
import vtk
from random_frames import random_rotation

from ReVerteRLib.scene import layout
from ReVerteRLib.scene.builder import SpineScene, build_scene
from ReVerteRLib.scene.orientation_marks import (
    MarkedViews,
    OrientationMarks,
    SliceView,
    letters_of_view,
    letters_towards,
    slice_view,
)
from ReVerteRLib.scene.windows import OffscreenWindow

SIZE = 48
PLANES = {  # index axes i and j of a radiograph in RAS before it is turned and mirrored
    layout.AP_VIEW: np.array([[-1.0, 0, 0], [0, 0, -1.0]]),
    layout.LATERAL_VIEW: np.array([[0, -1.0, 0], [0, 0, -1.0]]),
}
USUAL = {layout.AP_VIEW: ("H", "F", "R", "L"), layout.LATERAL_VIEW: ("H", "F", "A", "P")}
AXIS_OF = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "H": (2, 1), "F": (2, -1)}


@pytest.fixture
def a_layout(a_scene):
    import slicer

    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(a_scene)
    layout.show_layout(logic.GetLayoutNode())
    yield logic
    logic.SetMRMLScene(None)


def as_text(letters) -> tuple[str, str, str, str]:
    return letters.top, letters.bottom, letters.left, letters.right


def frames(view: str):
    """IJK to RAS of every way to store a radiograph: transposed or not, mirrored along each axis, normal to and fro."""
    for swap in (False, True):
        for flips in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            for side in (1, -1):
                axes = PLANES[view][::-1] if swap else PLANES[view]
                columns = [axes[0] * flips[0], axes[1] * flips[1]]
                matrix = np.eye(4)
                matrix[:3, :3] = np.column_stack([*columns, side * np.cross(*columns)])
                matrix[:3, 3] = -matrix[:3, :3] @ np.array([SIZE / 2, SIZE / 2, 0])
                yield matrix


def add_ramp(ijk_to_ras: np.ndarray, axis: int):
    """A radiograph whose brightness grows along one RAS axis."""
    from slicer.util import addVolumeFromArray

    k, j, i = np.mgrid[:1, :SIZE, :SIZE]
    place = np.stack([i, j, k], axis=-1) @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3]
    return addVolumeFromArray(place[..., axis].astype(np.float32), ijkToRAS=ijk_to_ras, name="ramp")


def draw(scene, view: str, volume) -> tuple[np.ndarray, tuple[str, str, str, str]]:
    """The picture of a slice view without letters, and what the letters in it are."""
    import slicer

    node = scene.GetSingletonNode(view, "vtkMRMLSliceNode")
    layout.show_spine(SpineScene(scene, "", **{"ap" if view == layout.AP_VIEW else "lateral": volume}))
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(node)
    node.SetDimensions(SIZE, SIZE, 1)
    logic.FitSliceToBackground(SIZE, SIZE)
    with OffscreenWindow((SIZE, SIZE), (0.0, 0.0, 0.0)) as window:
        mapper, actor = vtk.vtkImageMapper(), vtk.vtkActor2D()
        mapper.SetInputConnection(logic.GetImageDataConnection())
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor.SetMapper(mapper)
        window.renderer.AddViewProp(actor)
        marks = OrientationMarks(window.renderer, node)
        letters = as_text(marks.letters)
        marks.remove()
        pixels = window.pixels()[:, :, 0].astype(float)
    logic.SetMRMLScene(None)
    return pixels, letters


def brightness_rise(pixels: np.ndarray, edge: int) -> float:
    """How much brighter the picture gets towards the top, bottom, left or right edge."""
    third = SIZE // 3
    up = pixels[:third].mean() - pixels[-third:].mean()
    right = pixels[:, -third:].mean() - pixels[:, :third].mean()
    return (up, -up, -right, right)[edge]


@pytest.mark.usefixtures("graphics", "a_layout")
@pytest.mark.parametrize("view", list(PLANES))
def test_every_letter_stands_where_the_picture_shows_that_side(a_scene, view):
    for matrix in frames(view):
        for axis in range(3):
            volume = add_ramp(matrix, axis)
            volume.CreateDefaultDisplayNodes()
            pixels, letters = draw(a_scene, view, volume)
            assert letters == USUAL[view], "the picture does not hang as a radiologist expects"
            for edge, letter in enumerate(letters):
                its_axis, sign = AXIS_OF[letter]
                rise = brightness_rise(pixels, edge) * sign
                assert rise > 60 if its_axis == axis else abs(rise) < 5, (letter, axis)
            a_scene.RemoveNode(volume)


@pytest.mark.usefixtures("a_layout")
def test_a_view_that_is_turned_by_hand_says_so(a_scene):
    node = a_scene.GetSingletonNode(layout.AP_VIEW, "vtkMRMLSliceNode")
    redrawn = []
    marks = OrientationMarks(vtk.vtkRenderer(), node, lambda: redrawn.append(1))
    assert as_text(marks.letters) == ("H", "F", "R", "L")
    node.SetOrientation("Sagittal")
    assert as_text(marks.letters) == ("H", "F", "A", "P")
    node.SetOrientation("Axial")
    assert as_text(marks.letters) == ("A", "P", "R", "L")
    matrix = node.GetSliceToRAS()
    for row in range(3):  # from the left: mirrored
        matrix.SetElement(row, 0, -matrix.GetElement(row, 0))
    node.UpdateMatrices()
    assert as_text(marks.letters) == ("A", "P", "L", "R")
    assert len(redrawn) == 4
    node.JumpSliceByCentering(0.0, 0.0, 5.0)
    assert len(redrawn) == 4
    marks.remove()
    node.SetOrientation("Coronal")
    assert as_text(marks.letters) == ("A", "P", "L", "R")


@pytest.mark.parametrize("seed", range(30))
def test_the_letters_of_random_views_name_the_sides_that_lie_there(seed):
    rotation = random_rotation(np.random.default_rng(seed))
    if seed % 2:
        rotation[:, 0] *= -1
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array([0.3, 0.7, 1.0])
    letters = letters_of_view(matrix)
    towards = {"right": rotation[:, 0], "left": -rotation[:, 0], "top": rotation[:, 1], "bottom": -rotation[:, 1]}
    for edge, direction in towards.items():
        text = getattr(letters, edge)
        shares = [direction[AXIS_OF[letter][0]] * AXIS_OF[letter][1] for letter in text]
        assert shares[0] == pytest.approx(np.abs(direction).max())
        assert shares == sorted(shares, reverse=True)
        assert all(share > 0.38 for share in shares)


def test_a_second_letter_comes_with_obliqueness():
    angles = np.deg2rad([0, 20, 25, 45.001, 70])
    assert [letters_towards([np.cos(a), np.sin(a), 0.0]) for a in angles] == ["R", "R", "RA", "AR", "A"]
    assert letters_towards([0.0, 0.0, -1.0]) == "F"


@pytest.mark.usefixtures("graphics", "a_layout")
def test_the_letters_are_drawn_at_the_middle_of_each_edge_and_go_again(a_scene):
    node = a_scene.GetSingletonNode(layout.LATERAL_VIEW, "vtkMRMLSliceNode")
    with OffscreenWindow((160, 200), (0.0, 0.0, 0.0)) as window:
        before = len(list(window.renderer.GetViewProps()))
        marks = OrientationMarks(window.renderer, node)
        drawn = window.pixels().max(axis=2) > 100
        assert drawn[:30, 65:95].any()
        assert drawn[-30:, 65:95].any()
        assert drawn[85:115, :30].any()
        assert drawn[85:115, -30:].any()
        assert not drawn[35:80].any()
        marks.remove()
        marks.remove()
        assert not window.pixels().any()
        assert len(list(window.renderer.GetViewProps())) == before
    assert not node.HasObserver("ModifiedEvent") or marks.letters.left == "A"


class Widget:
    """A slice widget of the layout manager."""

    def __init__(self, node) -> None:
        self.window, self.node, self.redrawn = vtk.vtkRenderWindow(), node, 0
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)

    def sliceView(self):  # noqa: N802 - as Qt calls it
        return SimpleNamespace(renderWindow=lambda: self.window, scheduleRender=self.redraw)

    def mrmlSliceNode(self):  # noqa: N802 - as Qt calls it
        return self.node

    def redraw(self) -> None:
        self.redrawn += 1


@pytest.mark.usefixtures("a_layout")
def test_marks_follow_the_views_of_the_layout_manager(a_scene):
    widgets = {name: Widget(a_scene.GetSingletonNode(name, "vtkMRMLSliceNode")) for name in PLANES}
    manager = SimpleNamespace(sliceWidget=widgets.get)
    marked = MarkedViews()
    found = {name: slice_view(manager, name) for name in PLANES}
    assert all(isinstance(view, SliceView) for view in found.values())
    marked.show(found)
    marked.show({name: slice_view(manager, name) for name in PLANES})
    assert [widget.renderer.GetViewProps().GetNumberOfItems() for widget in widgets.values()] == [4, 4]
    assert [widget.redrawn for widget in widgets.values()] == [1, 1]
    assert as_text(marked.marks[layout.LATERAL_VIEW].letters) == USUAL[layout.LATERAL_VIEW]
    first = widgets[layout.AP_VIEW]
    widgets[layout.AP_VIEW] = Widget(first.node)  # the layout manager has made the view anew
    marked.show({name: slice_view(manager, name) for name in PLANES})
    assert first.renderer.GetViewProps().GetNumberOfItems() == 0
    marked.remove()
    assert [widget.renderer.GetViewProps().GetNumberOfItems() for widget in widgets.values()] == [0, 0]
    assert marked.marks == {}


def test_where_there_are_no_views_there_are_no_marks():
    assert slice_view(SimpleNamespace(), layout.AP_VIEW) is None
    assert slice_view(SimpleNamespace(sliceWidget=lambda _name: None), layout.AP_VIEW) is None


@pytest.mark.usefixtures("graphics")
def test_the_biplanar_picture_has_the_letters(a_scene):
    from ReVerteRLib.scene.render import render_biplanar

    pixels = render_biplanar(build_scene(a_scene, radiographs=samples.pair()), height=240).astype(int)
    blue = (pixels[:, :, 2] - pixels[:, :, 0]) > 40
    assert blue[:20].any()
    assert blue[-20:].any()
