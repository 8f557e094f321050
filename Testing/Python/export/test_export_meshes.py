"""Mesh files: they hold the same surface again and say in which frame it is."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.export.meshes import write_mesh, write_meshes
from ReVerteRLib.inference.surfaces import volume_mm3

T12, L1 = level_from_name("T12"), level_from_name("L1")
READERS = {".stl": vtk.vtkSTLReader, ".obj": vtk.vtkOBJReader, ".ply": vtk.vtkPLYReader}


def ball(centre, radius=9.0):
    source = vtk.vtkSphereSource()
    source.SetCenter(*centre)
    source.SetRadius(radius)
    source.Update()
    return source.GetOutput()


def read(path):
    reader = READERS[path.suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


@pytest.mark.parametrize("suffix", list(READERS))
@pytest.mark.parametrize(("frame", "sign"), [("LPS", 1.0), ("RAS", -1.0)])
def test_a_mesh_comes_back_in_its_frame_with_the_frame_in_its_header(tmp_path, suffix, frame, sign):
    path = tmp_path / f"T12{suffix}"
    write_mesh(ball((10, 20, 30)), path, "T12", frame)
    found = read(path)
    centre = np.array(found.GetBounds()).reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(centre, [sign * 10, sign * 20, 30], atol=0.05)
    assert volume_mm3(found) == pytest.approx(volume_mm3(ball((10, 20, 30))), rel=1e-4)
    assert f"SPACE={frame}".encode() in path.read_bytes()[:400]


def test_every_level_and_the_whole_are_written(tmp_path):
    files = write_meshes({L1: ball((0, 0, 0)), T12: ball((0, 0, 40))}, tmp_path, ".ply")
    assert list(files) == ["T12", "L1", "spine"]
    assert read(files["spine"]).GetNumberOfPoints() == 2 * ball((0, 0, 0)).GetNumberOfPoints()


@pytest.mark.parametrize(
    ("surface", "name", "frame"),
    [(vtk.vtkPolyData(), "a.stl", "LPS"), (ball((0, 0, 0)), "a.step", "LPS"), (ball((0, 0, 0)), "a.stl", "XYZ")],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, surface, name, frame):
    with pytest.raises(ArgumentError):
        write_mesh(surface, tmp_path / name, "T12", frame)
    assert list(tmp_path.iterdir()) == []
