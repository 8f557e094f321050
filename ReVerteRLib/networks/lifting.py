"""From two images to one volume: each view is repeated along the axis that it cannot see.

AP features [z, x] give V[z, y, x] = AP[z, x], lateral features [z, y] give V[z, y, x] = LAT[z, y]. For parallel
rays this is a view without a copy. For diverging rays each voxel reads the pixel that its ray hits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

Box = tuple[slice, slice, slice]


def crop(volume: Tensor, box: Box | None, stride: int = 1) -> Tensor:
    """The part of a volume [..., z, y, x] at `stride` patch voxels per voxel that lies in a box of patch voxels."""
    return volume if box is None else volume[(..., *_at_stride(box, stride))]


def _at_stride(box: Box, stride: int) -> Box:
    z, y, x = (slice(part.start // stride, part.stop // stride) for part in box)
    return z, y, x


def lift_pair(
    ap: Tensor,
    lateral: Tensor,
    perspective: Tensor | None = None,
    centroid_zyx: Tensor | None = None,
    stride: int = 1,
    *,
    box: Box | None = None,
) -> tuple[Tensor, Tensor]:
    """Both views as volumes [B, C, Z, Y, X]; views without a copy where all rays are parallel.

    ap, lateral:  [B, C, S, S] features at `stride` patch pixels per feature pixel.
    perspective:  [B, 2, 4] as PatchGrid.perspective gives it (AP, lateral), in patch pixels; None or zeros for
                  parallel rays.
    centroid_zyx: [B, 3] centroid in patch voxels; its planes are the image planes. None: the patch's middle.
    box:          the part of the volume to make, in patch voxels at multiples of the stride; None for all of it.
    """
    size = ap.shape[-1]
    parts = _at_stride(box or (slice(0, size * stride),) * 3, stride)
    if perspective is None or not bool(perspective[..., 2:].any()):
        return _repeat(ap, lateral, parts)
    if centroid_zyx is None:
        centroid_zyx = torch.full((ap.shape[0], 3), (size * stride - 1) / 2.0, device=ap.device)
    axis = torch.arange(size, device=ap.device, dtype=torch.float32) * stride + (stride - 1) / 2.0
    z, y, x = torch.meshgrid(*(axis[part] for part in parts), indexing="ij")
    centroid = centroid_zyx.to(ap.device, torch.float32)
    rays = perspective.to(ap.device, torch.float32)
    return (
        _sample(ap, (z, x), y - centroid[:, 1, None, None, None], rays[:, 0], stride),
        _sample(lateral, (z, y), x - centroid[:, 2, None, None, None], rays[:, 1], stride),
    )


def _repeat(ap: Tensor, lateral: Tensor, parts: Box) -> tuple[Tensor, Tensor]:
    z, y, x = parts
    ap, lateral = ap[:, :, z, x].unsqueeze(3), lateral[:, :, z, y].unsqueeze(4)
    depth, width = lateral.shape[3], ap.shape[4]
    return ap.expand(-1, -1, -1, depth, -1), lateral.expand(-1, -1, -1, -1, width)


def _sample(features: Tensor, position: tuple[Tensor, Tensor], behind: Tensor, ray: Tensor, stride: int) -> Tensor:
    """Features at principal + (position - principal) / (1 + behind * inverse), all in patch pixels.

    Rays that leave the patch image read its border, since the anatomy continues there.
    """
    size = features.shape[-1]
    row, column = position
    principal_row, principal_column, inverse_row, inverse_column = ray.T[:, :, None, None, None]
    rows = principal_row + (row - principal_row) / (1.0 + behind * inverse_row)
    columns = principal_column + (column - principal_column) / (1.0 + behind * inverse_column)
    grid = torch.stack([columns, rows], dim=-1)
    grid = (grid - (stride - 1) / 2.0) / stride * (2.0 / (size - 1)) - 1.0
    flat = grid.flatten(1, 2)
    sampled = grid_sample(features.float(), flat, padding_mode="border", align_corners=True)
    return sampled.reshape(*features.shape[:2], *grid.shape[1:4]).to(features.dtype)
