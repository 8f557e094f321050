from __future__ import annotations

import numpy as np
import pytest
import vtk
from scipy.ndimage import gaussian_filter

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.inference.surfaces import (
    SurfaceOptions,
    surface_from_field,
    surface_from_mask,
    volume_mm3,
    write_stl,
)

LPS_OF_ZYX = np.array([[0, 0, 1.0, -50.0], [0, 1.0, 0, 20.0], [-1.0, 0, 0, 300.0], [0, 0, 0, 1.0]])


def vertebra_like():
    """Body, two pedicles, a thin arch and a spinous process, [z, y, x], 1 mm."""
    z, y, x = np.mgrid[:60, :90, :70].astype(float)
    body = ((x - 35) / 20) ** 2 + ((y - 25) / 15) ** 2 <= 1
    mask = body & (np.abs(z - 30) < 12)
    for side in (-1, 1):
        mask |= (np.abs(x - 35 - side * 13) < 3) & (np.abs(y - 45) < 8) & (np.abs(z - 25) < 5)
    mask |= (np.abs(x - 35) < 16) & (np.abs(y - 53) < 2) & (np.abs(z - 27) < 8)
    mask |= (np.abs(x - 35) < 2.5) & (np.abs(y - 68) < 15) & (np.abs(z - 32) < 5)
    return mask


def open_edges(surface) -> int:
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.BoundaryEdgesOn()
    edges.NonManifoldEdgesOff()
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.Update()
    return edges.GetOutput().GetNumberOfCells()


def signed_volume(surface) -> float:
    """Positive when the triangles' normals point outwards."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    points -= points.mean(axis=0)
    faces = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    a, b, c = (points[faces[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def test_smoothing_keeps_the_volume_of_a_vertebra_like_mask():
    mask = vertebra_like()
    for options in (None, SurfaceOptions(keep_volume=False)):
        surface = surface_from_mask(mask, LPS_OF_ZYX, options)
        assert volume_mm3(surface) == pytest.approx(mask.sum(), rel=0.02)


def test_smoothing_keeps_the_volume_of_real_vertebrae(data_root):
    import SimpleITK as sitk  # noqa: N813

    folder = data_root / "spines" / "derivatives" / "sub-verse561"
    image = sitk.ReadImage(str(folder / "sub-verse561_seg-vert_msk.nii.gz"))
    array, spacing = sitk.GetArrayFromImage(image), image.GetSpacing()
    matrix = np.eye(4)
    matrix[:3, :3] = np.fliplr(np.diag(spacing[::1]))  # index order [k, j, i]
    for label in (4, 10, 16, 20):
        k, j, i = np.nonzero(array == label)
        mask = array[k.min() : k.max() + 1, j.min() : j.max() + 1, i.min() : i.max() + 1] == label
        voxels_mm3 = mask.sum() * float(np.prod(spacing))
        free = surface_from_mask(mask, matrix, SurfaceOptions(keep_volume=False))
        assert volume_mm3(free) == pytest.approx(voxels_mm3, rel=0.02), label
        assert volume_mm3(surface_from_mask(mask, matrix)) == pytest.approx(voxels_mm3, rel=0.005), label


def test_soft_probabilities_keep_their_volume_and_place():
    mask = vertebra_like()
    field = gaussian_filter(mask.astype(np.float32), 1.0)
    surface = surface_from_field(field, LPS_OF_ZYX)
    assert volume_mm3(surface) == pytest.approx((field >= 0.5).sum(), rel=0.02)
    zyx = np.argwhere(field >= 0.5)
    expected = np.c_[zyx, np.ones(len(zyx))] @ LPS_OF_ZYX.T
    bounds = np.array(surface.GetBounds()).reshape(3, 2)
    np.testing.assert_allclose(bounds[:, 0], expected[:, :3].min(axis=0), atol=1.0)
    np.testing.assert_allclose(bounds[:, 1], expected[:, :3].max(axis=0), atol=1.0)


def test_the_surface_is_closed_even_where_the_mask_touches_the_border():
    mask = np.ones((10, 12, 14), dtype=bool)
    surface = surface_from_mask(mask, LPS_OF_ZYX)
    assert open_edges(surface) == 0
    assert open_edges(surface_from_mask(vertebra_like(), LPS_OF_ZYX)) == 0


def test_normals_point_outwards_whatever_the_handedness():
    mask = vertebra_like()
    mirrored = LPS_OF_ZYX.copy()
    mirrored[:3, 2] *= -1
    for matrix in (LPS_OF_ZYX, mirrored):
        assert signed_volume(surface_from_mask(mask, matrix)) == pytest.approx(mask.sum(), rel=0.02)


def test_smoothing_removes_the_voxel_stairs():
    z, y, x = np.mgrid[:50, :50, :50].astype(float) - 24.5
    mask = x**2 + y**2 + z**2 <= 20.0**2
    from vtkmodules.util.numpy_support import vtk_to_numpy

    def roughness(options):
        points = vtk_to_numpy(surface_from_mask(mask, np.eye(4), options).GetPoints().GetData()).astype(float)
        return np.linalg.norm(points - points.mean(axis=0), axis=1).std()

    assert roughness(SurfaceOptions()) < 0.6 * roughness(SurfaceOptions(iterations=0))


def test_decimation_removes_triangles_and_keeps_the_volume():
    mask = vertebra_like()
    full = surface_from_mask(mask, LPS_OF_ZYX)
    light = surface_from_mask(mask, LPS_OF_ZYX, SurfaceOptions(reduction=0.7))
    assert light.GetNumberOfCells() < 0.35 * full.GetNumberOfCells()
    assert volume_mm3(light) == pytest.approx(mask.sum(), rel=0.02)


def test_impossible_options_and_empty_masks():
    with pytest.raises(ArgumentError):
        SurfaceOptions(reduction=1.0)
    empty = surface_from_mask(np.zeros((8, 8, 8), dtype=bool), LPS_OF_ZYX)
    assert empty.GetNumberOfCells() == 0
    assert volume_mm3(empty) == 0.0


def test_stl_is_binary_says_lps_and_reads_back(tmp_path):
    surface = surface_from_mask(vertebra_like(), LPS_OF_ZYX)
    write_stl(surface, tmp_path / "L1.stl", "L1")
    content = (tmp_path / "L1.stl").read_bytes()
    assert b"SPACE=LPS" in content[:80]
    assert not content.startswith(b"solid")
    assert len(content) == 84 + 50 * surface.GetNumberOfCells()
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(tmp_path / "L1.stl"))
    reader.Update()
    np.testing.assert_allclose(reader.GetOutput().GetBounds(), surface.GetBounds(), atol=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["L1.stl"]


def test_an_empty_surface_is_not_written(tmp_path):
    with pytest.raises(ArgumentError, match="empty"):
        write_stl(vtk.vtkPolyData(), tmp_path / "L1.stl", "L1")
    assert list(tmp_path.iterdir()) == []
