"""Closed, smooth surfaces of vertebrae as VTK poly data in LPS mm, and their STL files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError, OutputError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import Array

if TYPE_CHECKING:
    import vtk


@dataclass(frozen=True)
class SurfaceOptions:
    """How surfaces are smoothed.

    iterations, pass_band: of the windowed-sinc filter (Taubin et al. 1996), which does not shrink as Laplacian
                           smoothing does; 0 iterations switch it off.
    keep_volume:           scale about the centre of mass so that the volume is that of the voxels.
    reduction:             share of triangles to remove (0..0.95), 0 keeps all.
    """

    iterations: int = 20
    pass_band: float = 0.08
    keep_volume: bool = True
    reduction: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.reduction <= 0.95 or self.iterations < 0 or not 0.0 < self.pass_band <= 2.0:
            raise ArgumentError("surface options are impossible", remedy="reduction 0..0.95, pass band over 0 to 2")


def surface_from_field(
    values_zyx: NDArray[np.floating], zyx_to_lps_mm: Array, options: SurfaceOptions | None = None
) -> vtk.vtkPolyData:
    """Iso-surface at 0.5 of probabilities [z, y, x] (VTK flying edges), smoothed; LPS mm, normals outwards."""
    volume_mm3 = float((values_zyx >= 0.5).sum()) * abs(float(np.linalg.det(zyx_to_lps_mm[:3, :3])))
    return _finish(_contour(np.asarray(values_zyx, dtype=np.float32)), zyx_to_lps_mm, volume_mm3, options)


def surface_from_mask(
    mask_zyx: NDArray[np.bool_], zyx_to_lps_mm: Array, options: SurfaceOptions | None = None
) -> vtk.vtkPolyData:
    """Surface of a binary mask [z, y, x], smoothed; LPS mm, normals outwards. An empty mask gives no points."""
    return surface_from_field(mask_zyx.astype(np.float32), zyx_to_lps_mm, options)


def _contour(values_zyx: NDArray[np.float32]) -> vtk.vtkPolyData:
    """Flying edges on the padded array, so that the surface is closed; in voxel coordinates x, y, z."""
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    padded = np.pad(values_zyx, 1)
    image = vtk.vtkImageData()
    image.SetDimensions(*padded.shape[::-1])
    image.SetOrigin(-1.0, -1.0, -1.0)
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    return _output(contour)


def _finish(
    surface: vtk.vtkPolyData, zyx_to_lps_mm: Array, volume_mm3: float, options: SurfaceOptions | None
) -> vtk.vtkPolyData:
    options = options or SurfaceOptions()
    if surface.GetNumberOfPoints() == 0:
        return surface
    if options.iterations:
        surface = _smoothed(surface, options)
    if options.reduction > 0:
        surface = _decimated(surface, options.reduction)
    surface = _transformed(surface, _xyz_matrix(zyx_to_lps_mm))
    if options.keep_volume:
        surface = _rescaled(surface, volume_mm3)
    return _with_normals(surface)


def _output(algorithm: Any) -> vtk.vtkPolyData:
    import vtk

    algorithm.Update()
    result = vtk.vtkPolyData()
    result.DeepCopy(algorithm.GetOutput())
    return result


def _smoothed(surface: vtk.vtkPolyData, options: SurfaceOptions) -> vtk.vtkPolyData:
    import vtk

    smoother = vtk.vtkWindowedSincPolyDataFilter()
    smoother.SetInputData(surface)
    smoother.SetNumberOfIterations(options.iterations)
    smoother.SetPassBand(options.pass_band)
    smoother.BoundarySmoothingOff()
    smoother.FeatureEdgeSmoothingOff()
    smoother.NonManifoldSmoothingOn()
    smoother.NormalizeCoordinatesOn()
    return _output(smoother)


def _decimated(surface: vtk.vtkPolyData, reduction: float) -> vtk.vtkPolyData:
    import vtk

    decimator = vtk.vtkQuadricDecimation()
    decimator.SetInputData(surface)
    decimator.SetTargetReduction(reduction)
    decimator.VolumePreservationOn()
    return _output(decimator)


def _xyz_matrix(zyx_to_lps_mm: Array) -> Array:
    """The same map for coordinates in the order x, y, z."""
    matrix = np.array(zyx_to_lps_mm, dtype=np.float64)
    matrix[:3, :3] = matrix[:3, 2::-1]
    return matrix


def _transformed(surface: vtk.vtkPolyData, matrix: Array) -> vtk.vtkPolyData:
    """Linear map of all points; triangles are turned round when the map mirrors, so that normals stay outwards."""
    import vtk

    transform = vtk.vtkTransform()
    transform.SetMatrix(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetTransform(transform)
    moved.SetInputData(surface)
    if np.linalg.det(matrix[:3, :3]) > 0:
        return _output(moved)
    turned = vtk.vtkReverseSense()
    turned.SetInputConnection(moved.GetOutputPort())
    return _output(turned)


def volume_mm3(surface: vtk.vtkPolyData) -> float:
    """Volume inside a closed surface; 0 for an empty one."""
    import vtk

    if surface.GetNumberOfCells() == 0:
        return 0.0
    mass = vtk.vtkMassProperties()
    mass.SetInputData(surface)
    mass.Update()
    return float(mass.GetVolume())


def _rescaled(surface: vtk.vtkPolyData, target_mm3: float) -> vtk.vtkPolyData:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    present = volume_mm3(surface)
    if present <= 0 or target_mm3 <= 0:
        return surface
    factor = float(np.clip((target_mm3 / present) ** (1.0 / 3.0), 0.9, 1.1))
    centre = vtk_to_numpy(surface.GetPoints().GetData()).mean(axis=0)
    matrix = np.diag([factor, factor, factor, 1.0])
    matrix[:3, 3] = centre * (1.0 - factor)
    scaled: vtk.vtkPolyData = _transformed(surface, matrix)
    return scaled


def _with_normals(surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    import vtk

    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.SplittingOff()
    normals.ConsistencyOff()
    return _output(normals)


def write_stl(surface: vtk.vtkPolyData, path: Path, name: str) -> None:
    """Binary STL in LPS mm, in one step; the header says so in the form that Slicer reads ("SPACE=LPS").

    Raises ArgumentError for an empty surface, OutputError when the file cannot be written.
    """
    import vtk

    if surface.GetNumberOfCells() == 0:
        raise ArgumentError("the surface is empty", where=name)
    with written_aside(path) as aside:
        writer = vtk.vtkSTLWriter()
        writer.SetInputData(surface)
        writer.SetFileName(str(aside))
        writer.SetFileTypeToBinary()
        writer.SetHeader(f"ReVerteR {name}. SPACE=LPS unit=mm"[:79])
        if writer.Write() != 1:
            raise OutputError("the STL file cannot be written", where=path, remedy="Check free space")
