"""A lifted silhouette hits the voxel that cast it, for parallel and diverging rays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ReVerteRLib.geometry import Beam, PatchGrid, Projection, View
from ReVerteRLib.networks.lifting import crop, lift_pair

SIZE = 40
CENTROID = (12.0, -30.0, 400.0)


def grid(size: int = SIZE, offset: float = 0.0) -> PatchGrid:
    return PatchGrid(CENTROID, size=size, posterior_offset_mm=offset)


def projections(beam: Beam) -> tuple[Projection, Projection]:
    """A patient far from the vertebra's middle, so that the rays are clearly oblique."""
    corners = np.array(CENTROID) + np.array([[-150.0, -90.0, -250.0], [130.0, 110.0, 120.0]])
    ap, lateral = (Projection.covering(view, corners, beam=beam, sad_mm=700.0, sdd_mm=900.0) for view in View)
    return ap, lateral


def inputs(beam: Beam, patch: PatchGrid) -> tuple[torch.Tensor, torch.Tensor]:
    """Perspective [1, 2, 4] and centroid [1, 3]."""
    rays = np.stack([patch.perspective(projection) for projection in projections(beam)])
    return torch.tensor(rays[None], dtype=torch.float32), torch.tensor(patch.centroid_zyx[None], dtype=torch.float32)


def test_parallel_lift_copies_nothing_and_follows_the_axes() -> None:
    torch.manual_seed(0)
    ap, lateral = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    volume_ap, volume_lateral = lift_pair(ap, lateral, torch.zeros(2, 2, 4))
    assert volume_ap.data_ptr() == ap.data_ptr()
    assert volume_lateral.data_ptr() == lateral.data_ptr()
    assert volume_ap[1, 2, 4, 6, 5] == ap[1, 2, 4, 5]
    assert volume_lateral[1, 2, 4, 6, 5] == lateral[1, 2, 4, 6]


def test_silhouettes_of_a_mask_lift_onto_the_mask() -> None:
    torch.manual_seed(1)
    mask = torch.zeros(1, 1, 16, 16, 16)
    mask[0, 0, 3:9, 5:12, 7:10] = 1
    mask[0, 0, 9:11, 12:15, 2:9] = 1
    ap, lateral = mask.amax(3), mask.amax(4)  # along y and along x
    hull = ap.unsqueeze(3) * lateral.unsqueeze(4)
    assert torch.all(hull[mask > 0] == 1)
    assert torch.equal(hull.amax(3), ap)
    assert torch.equal(hull.amax(4), lateral)
    assert hull.sum() < 1.5 * mask.sum()


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.SLOT, Beam.PARALLEL])
@pytest.mark.parametrize("offset", [0.0, 7.0])
def test_each_voxel_reads_the_pixel_that_the_geometry_predicts(beam: Beam, offset: float) -> None:
    """Images that hold their own coordinates show where every voxel looks."""
    patch = grid(offset=offset)
    perspective, centroid = inputs(beam, patch)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    image = torch.stack([rows, columns])[None].float()
    zyx = np.stack(np.meshgrid(*[np.arange(SIZE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lifted = lift_pair(image, image, perspective, centroid)
    for volume, projection in zip(lifted, projections(beam), strict=True):
        expected = patch.patch_coordinates(projection, patch.points_lps_mm(zyx)).clip(0, SIZE - 1)
        seen = volume[0].reshape(2, -1).T.numpy()
        assert np.abs(seen - expected).max() < 2e-3
        moved = np.abs(expected - (zyx[:, [0, 2]] if projection.view is View.AP else zyx[:, [0, 1]])).max()
        assert (moved > 0.5) == (beam is not Beam.PARALLEL)


@pytest.mark.parametrize("stride", [2, 4])
def test_coarse_features_are_lifted_by_the_same_rays(stride: int) -> None:
    patch = grid()
    perspective, centroid = inputs(Beam.CONE, patch)
    axis = torch.arange(SIZE // stride) * stride + (stride - 1) / 2
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    image = torch.stack([rows, columns])[None].float()
    lifted = lift_pair(image, image, perspective, centroid, stride)
    zyx = np.stack(np.meshgrid(*[axis.numpy()] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    low, high = float(axis[0]), float(axis[-1])
    for volume, projection in zip(lifted, projections(Beam.CONE), strict=True):
        expected = patch.patch_coordinates(projection, patch.points_lps_mm(zyx)).clip(low, high)
        assert np.abs(volume[0].reshape(2, -1).T.numpy() - expected).max() < 2e-3


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.SLOT])
def test_the_shadow_of_one_voxel_lifts_back_onto_it(beam: Beam) -> None:
    patch = grid()
    perspective, centroid = inputs(beam, patch)
    voxel = np.array([8, 31, 27])
    images = []
    for projection in projections(beam):
        image = torch.zeros(1, 1, SIZE, SIZE)
        row, column = patch.patch_coordinates(projection, patch.points_lps_mm(voxel[None]))[0]
        image[0, 0, round(row) - 1 : round(row) + 2, round(column) - 1 : round(column) + 2] = 1
        images.append(image)
    z, y, x = voxel
    true_ap, true_lateral = lift_pair(images[0], images[1], perspective, centroid)
    assert true_ap[0, 0, z, y, x] > 0.99
    assert true_lateral[0, 0, z, y, x] > 0.99
    product = (true_ap * true_lateral)[0, 0]
    centre = torch.nonzero(product > 0.5).float().mean(0).numpy()
    assert np.abs(centre - voxel).max() < 1.0


def test_a_batch_may_mix_parallel_and_diverging_rays() -> None:
    torch.manual_seed(2)
    perspective, centroid = inputs(Beam.CONE, grid())
    images = torch.randn(2, 3, SIZE, SIZE)
    mixed = torch.cat([torch.zeros_like(perspective), perspective])
    ap, lateral = lift_pair(images, images, mixed, centroid.expand(2, 3))
    plain_ap, plain_lateral = images.unsqueeze(3).expand_as(ap), images.unsqueeze(4).expand_as(lateral)
    torch.testing.assert_close(ap[:1], plain_ap[:1], atol=2e-4, rtol=0)
    torch.testing.assert_close(lateral[:1], plain_lateral[:1], atol=2e-4, rtol=0)
    assert (ap[1:] - plain_ap[1:]).abs().max() > 0.5


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.PARALLEL])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_box_is_that_part_of_the_whole_volume(beam: Beam, stride: int) -> None:
    torch.manual_seed(3)
    perspective, centroid = inputs(beam, grid())
    images = torch.randn(2, 1, 3, SIZE // stride, SIZE // stride)
    box = (slice(4, 36), slice(8, 40), slice(0, 20))
    whole = lift_pair(images[0], images[1], perspective, centroid, stride)
    part = lift_pair(images[0], images[1], perspective, centroid, stride, box=box)
    assert part[0].shape == (1, 3, 32 // stride, 32 // stride, 20 // stride)
    for volume, boxed in zip(whole, part, strict=True):
        torch.testing.assert_close(boxed, crop(volume, box, stride))
