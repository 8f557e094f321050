from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import scene_samples as samples
import vtk
from PIL import Image

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.geometry import View
from ReVerteRLib.scene.builder import build_scene
from ReVerteRLib.scene.render import render_biplanar, render_models
from ReVerteRLib.scene.windows import OffscreenWindow

LEFT_BALL, HEAD_BALL, FRONT_BALL = (level_from_name(name) for name in ("T1", "L1", "C4"))


def _markers():
    """A ball at the patient's left, one towards the head, one in front, in three hues; LPS mm."""
    return {
        LEFT_BALL: samples.ball((60.0, 0.0, 0.0)),
        HEAD_BALL: samples.ball((0.0, 0.0, 60.0)),
        FRONT_BALL: samples.ball((0.0, -60.0, 0.0)),
    }


def _middle_of(pixels, level):
    """(x, y) from the middle of the picture to that of the ball, by its hue; x to the right, y up; None if unseen."""
    color = np.array(level.color_rgb)
    rest = pixels.astype(float) / np.maximum(pixels.max(axis=2, keepdims=True), 1)
    near = np.abs(rest - color / color.max()).max(axis=2) < 0.06
    near &= np.ptp(pixels.astype(int), axis=2) > 25
    if near.sum() < 30:
        return None
    rows, columns = np.nonzero(near)
    height, width = near.shape
    return columns.mean() - width / 2, height / 2 - rows.mean()


@pytest.mark.usefixtures("graphics")
@pytest.mark.parametrize(
    ("view", "left", "head", "front"),
    [
        ("front", (1, 0), (0, 1), None),
        ("side", None, (0, 1), (-1, 0)),
        ("top", (1, 0), None, (0, -1)),
    ],
)
def test_views_are_upright_and_not_mirrored(view, left, head, front):
    pixels = render_models(_markers(), view=view, size=(300, 300))
    for level, expected in ((LEFT_BALL, left), (HEAD_BALL, head), (FRONT_BALL, front)):
        if expected is None:
            continue
        sign = np.array(expected)
        position = np.array(_middle_of(pixels, level))
        along = position @ sign
        assert along > 25, f"{level} is on the wrong side of the {view} view"


@pytest.mark.usefixtures("graphics")
def test_the_picture_is_white_with_vertebrae_in_their_colours(tmp_path):
    path = tmp_path / "front.png"
    pixels = render_models(samples.surfaces(), path, view="60", size=(200, 320))
    assert pixels.shape == (320, 200, 3)
    assert (pixels[0] == 255).all()
    covered = (pixels < 250).any(axis=2).mean()
    assert 0.02 < covered < 0.6
    for level in samples.LEVELS:
        assert _middle_of(pixels, level) is not None
    assert np.array_equal(np.asarray(Image.open(path)), pixels)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("graphics")
def test_the_whole_spine_fits_in_tall_and_wide_pictures():
    for size in ((120, 400), (400, 120)):
        pixels = render_models(samples.surfaces(), size=size)
        seen = (pixels < 250).any(axis=2)
        edges = [seen[0], seen[-1], seen[:, 0], seen[:, -1]]
        assert not any(edge.any() for edge in edges)
        filled = max(np.ptp(np.nonzero(seen)[0]) / size[1], np.ptp(np.nonzero(seen)[1]) / size[0])
        assert filled > 0.85


@pytest.mark.usefixtures("graphics")
def test_a_scene_and_its_surfaces_look_the_same(a_scene):
    spine = build_scene(a_scene, surfaces=samples.surfaces())
    from_scene = render_models(spine, size=(150, 200)).astype(int)
    assert np.abs(from_scene - render_models(samples.surfaces(), size=(150, 200))).max() <= 2


def test_unknown_views_and_empty_scenes_are_refused(a_scene):
    with pytest.raises(ArgumentError, match="Choose among front, side, 60, top"):
        render_models(samples.surfaces(), view="back")
    with pytest.raises(ArgumentError, match="no vertebra"):
        render_models({samples.LEVELS[0]: vtk.vtkPolyData()})
    with pytest.raises(ArgumentError, match="no pair of radiographs"):
        render_biplanar(build_scene(a_scene, surfaces=samples.surfaces()))
    with pytest.raises(ArgumentError, match="impossible"):
        OffscreenWindow((0, 10))


@pytest.mark.usefixtures("graphics")
def test_the_biplanar_picture_shows_both_radiographs_the_dots_and_the_models(a_scene, tmp_path):
    spine = build_scene(a_scene, radiographs=samples.pair(), centroids=samples.centroids(), surfaces=samples.surfaces())
    path = tmp_path / "biplanar.png"
    pixels = render_biplanar(spine, path, height=300)
    assert pixels.shape[0] == 300
    geometries = [samples.projection(view) for view in View]
    widths = [round(300 * geometry.image_hw[1] / geometry.image_hw[0]) for geometry in geometries]
    ap, lateral, threed = np.split(pixels, np.cumsum(widths), axis=1)
    assert threed.shape[1] == 210
    yellow = np.array([255, 217, 51])
    for part, geometry in zip((ap, lateral), geometries, strict=True):
        scale = 300 / geometry.image_hw[0]
        dots = np.abs(part.astype(int) - yellow).max(axis=2) < 40
        assert dots.sum() > 50
        for position in samples.POSITIONS_LPS_MM.values():
            row, column = np.rint((geometry.project(position)[0] + 0.5) * scale).astype(int)
            assert dots[row - 2 : row + 3, column - 2 : column + 3].any()
    assert (threed[0] == 255).all()
    assert all(_middle_of(threed, level) is not None for level in samples.LEVELS)
    assert path.is_file()


@pytest.mark.usefixtures("graphics")
def test_drawing_leaves_the_scene_as_it_was(a_scene):
    spine = build_scene(a_scene, radiographs=samples.pair(), centroids=samples.centroids())

    def nodes():
        return [a_scene.GetNthNode(number).GetID() for number in range(a_scene.GetNumberOfNodes())]

    before = nodes()
    render_biplanar(spine, height=120)
    render_biplanar(spine, height=120)
    assert nodes() == before


def test_inside_slicer_the_biplanar_picture_is_left_to_slicer(a_scene, monkeypatch):
    import slicer

    spine = build_scene(a_scene, radiographs=samples.pair())
    monkeypatch.setattr(slicer, "app", SimpleNamespace(), raising=False)
    with pytest.raises(ResourceError, match="Screen Capture"):
        render_biplanar(spine)


_DRAW = """
import vtk
from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ResourceError
from ReVerteRLib.scene.render import render_models
ball = vtk.vtkSphereSource()
ball.Update()
try:
    render_models({level_from_name("L1"): ball.GetOutput()}, size=(40, 40))
except ResourceError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is the way on Linux")
def test_a_machine_without_graphics_gets_a_message_and_not_a_crash():
    """libglvnd finds no driver in an empty folder, as in a bare container; VTK then crashes when it draws."""
    environment = {**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent"}
    environment.pop("DISPLAY", None)
    for name in ("libOSMesa.so.8", "libOSMesa.so"):
        if _loads(name):
            pytest.skip("OSMesa draws here without EGL")
    done = subprocess.run([sys.executable, "-c", _DRAW], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "refused: off-screen rendering: Pictures cannot be drawn" in done.stdout
    assert "sudo apt-get install" in done.stdout


def _loads(name):
    import ctypes

    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
