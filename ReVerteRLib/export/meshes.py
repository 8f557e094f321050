"""Surfaces as STL, OBJ and PLY files that say in which frame they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import ArgumentError, OutputError
from ReVerteRLib.files import written_aside

if TYPE_CHECKING:
    import vtk

Frame = Literal["LPS", "RAS"]
MESH_SUFFIXES = (".stl", ".obj", ".ply")
WHOLE = "spine"


def write_mesh(surface: vtk.vtkPolyData, path: Path, name: str, frame: Frame = "LPS") -> None:
    """A surface (LPS mm) as binary STL, OBJ or binary PLY (little endian), by the suffix, in one step.

    frame: of the points in the file. The header of STL and a comment in OBJ and PLY say "SPACE=LPS" or "SPACE=RAS", as
    Slicer writes and reads it. Raises ArgumentError for an empty surface or another suffix or frame, OutputError.
    """
    path = Path(path)
    if surface.GetNumberOfCells() == 0:
        raise ArgumentError("the surface is empty", where=name)
    if frame not in ("LPS", "RAS"):
        raise ArgumentError(f"the frame '{frame}' is unknown", remedy="Use LPS or RAS")
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise ArgumentError(f"'{path.suffix}' is no mesh format", where=path, remedy="Use .stl, .obj or .ply")
    placed = surface if frame == "LPS" else _half_turn(surface)
    remark = f"ReVerteR {name}. SPACE={frame} unit=mm"
    with written_aside(path) as aside:
        if not _write(placed, aside, remark):
            raise OutputError("the mesh cannot be written", where=path, remedy="Check free space")


def write_meshes(
    surfaces: Mapping[Level, vtk.vtkPolyData], folder: Path, suffix: str = ".stl", frame: Frame = "LPS"
) -> dict[str, Path]:
    """One mesh per level, <LEVEL>.stl, and all in one, spine.stl; returns the files by level name and "spine".

    Raises ArgumentError when there is no surface, and as write_mesh.
    """
    if not surfaces:
        raise ArgumentError("there is no surface to export", remedy="Reconstruct at least one vertebra")
    files = {level.name: Path(folder) / f"{level.name}{suffix}" for level in sorted(surfaces)}
    for level in sorted(surfaces):
        write_mesh(surfaces[level], files[level.name], level.name, frame)
    files[WHOLE] = Path(folder) / f"{WHOLE}{suffix}"
    write_mesh(_joined([surfaces[level] for level in sorted(surfaces)]), files[WHOLE], WHOLE, frame)
    return files


def _write(surface: vtk.vtkPolyData, path: Path, remark: str) -> bool:
    import vtk

    suffix = path.suffix.lower()
    if suffix == ".obj":
        return _write_obj(surface, path, remark)
    writer: Any = vtk.vtkSTLWriter() if suffix == ".stl" else vtk.vtkPLYWriter()
    writer.SetInputData(surface)
    writer.SetFileName(str(path))
    writer.SetFileTypeToBinary()
    if suffix == ".stl":
        writer.SetHeader(remark[:79])
    else:
        writer.SetDataByteOrderToLittleEndian()
        writer.AddComment(remark)
    return bool(writer.Write() == 1) and (suffix == ".stl" or _is_whole_ply(path, surface))


def _is_whole_ply(path: Path, surface: vtk.vtkPolyData) -> bool:
    """VTK's PLY writer says nothing of a full disk, so the size is compared with what the header announces."""
    head = path.read_bytes()[:4096].partition(b"end_header\n")
    numbers = head[0].count(b"property float")
    corners = surface.GetPolys().GetNumberOfConnectivityIds()
    data = 4 * numbers * surface.GetNumberOfPoints() + surface.GetNumberOfPolys() + 4 * corners
    return bool(head[1]) and path.stat().st_size >= len(head[0]) + len(head[1]) + data


def _write_obj(surface: vtk.vtkPolyData, path: Path, remark: str) -> bool:
    """VTK's writer takes no comment, so the remark goes in front of what it wrote."""
    import vtk

    writer = vtk.vtkOBJWriter()
    writer.SetInputData(surface)
    writer.SetFileName(str(path))
    written = bool(writer.Write() == 1)
    if written:
        path.write_bytes(f"# {remark}\n".encode() + path.read_bytes())
    return written


def _half_turn(surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """From LPS to RAS: half a turn about the head-foot axis, which keeps triangles and normals outwards."""
    import vtk

    transform = vtk.vtkTransform()
    transform.SetMatrix(np.diag([-1.0, -1.0, 1.0, 1.0]).ravel().tolist())
    turn = vtk.vtkTransformPolyDataFilter()
    turn.SetTransform(transform)
    turn.SetInputData(surface)
    turn.Update()
    return turn.GetOutput()


def _joined(surfaces: list[vtk.vtkPolyData]) -> vtk.vtkPolyData:
    import vtk

    joiner = vtk.vtkAppendPolyData()
    for surface in surfaces:
        joiner.AddInputData(surface)
    joiner.Update()
    return joiner.GetOutput()
