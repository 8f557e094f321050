"""Radiographs with gradients: with respect to the patient's pose and to the volume, for 2D/3D registration.

The same rays and the same interpolation as `rays`, for every pose, so that the picture changes smoothly with it
(apart from the moment at which the rays come to follow another volume axis most closely). Neither the forward nor the
backward pass keeps samples: the memory is that of the volume and the images.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ReVerteRLib.drr.rays import SliceRays, add_slices, slice_rays, tile_grid, tiles
from ReVerteRLib.errors import ArgumentError, GeometryError
from ReVerteRLib.geometry import Array, Projection


def rigid_pose(rotation: Tensor, translation_mm: Tensor, centre_lps_mm: tuple[float, float, float]) -> Tensor:
    """Poses [..., 4, 4] that turn the patient about a centre, then move it.

    rotation:       [..., 3] axis times angle in radians, LPS.
    translation_mm: [..., 3] LPS.
    Differentiable, also at rotation 0.
    """
    x, y, z = rotation.unbind(-1)
    none = torch.zeros_like(x)
    skew = torch.stack([none, -z, y, z, none, -x, -y, x, none], dim=-1).unflatten(-1, (3, 3))
    turn = torch.linalg.matrix_exp(skew)
    centre = torch.as_tensor(centre_lps_mm, dtype=rotation.dtype, device=rotation.device)
    shift = translation_mm + centre - turn @ centre
    upper = torch.cat([turn, shift[..., None]], dim=-1)
    lower = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=rotation.dtype, device=rotation.device)
    return torch.cat([upper, lower.expand(*upper.shape[:-2], 1, 4)], dim=-2)


def project(volume: Tensor, ijk_to_lps_mm: Array, projection: Projection, pose: Tensor | None = None) -> Tensor:
    """Line integrals [rows, columns], or [poses, rows, columns], with gradients for `volume` and `pose`.

    volume: [k, j, i] of what is integrated (1/mm, HU above air, ...), float32 or float64, on any device.
    pose:   4x4, or a batch [poses, 4, 4], that moves the patient in LPS mm (see `rigid_pose`); None for no motion.
    The unit is mm times that of the volume; second derivatives are not offered. Raises ArgumentError for other
    volumes and poses, GeometryError for beams too wide for the method.
    """
    if volume.ndim != 3 or not volume.is_floating_point():
        raise ArgumentError(
            f"a floating-point volume [k, j, i] is needed, this is {volume.dtype} {tuple(volume.shape)}",
            remedy="Convert it with .float() or .double()",
        )
    poses = torch.eye(4, dtype=torch.float64, device=volume.device) if pose is None else pose
    if poses.shape[-2:] != (4, 4) or poses.ndim not in (2, 3):
        raise ArgumentError(f"a pose is a 4x4 matrix or a batch of them, this is {tuple(poses.shape)}")
    matrix = torch.as_tensor(ijk_to_lps_mm, dtype=torch.float64, device=volume.device)
    images = [_view(volume, one.to(matrix) @ matrix, projection) for one in poses.reshape(-1, 4, 4)]
    return images[0] if poses.ndim == 2 else torch.stack(images)


def _view(volume: Tensor, matrix: Tensor, projection: Projection) -> Tensor:
    rays = slice_rays(matrix, projection, tuple(volume.shape), volume.dtype)
    if rays is None:
        raise GeometryError(
            "some rays run along the slices of every volume axis",
            where=f"{projection.view.value} projection",
            remedy="Use a narrower beam, or a source further from the volume",
        )
    total: Tensor = _SliceSums.apply(volume.movedim(rays.dim, 0), rays.start, rays.per_slice, rays)
    return total * rays.length_mm


class _SliceSums(torch.autograd.Function):
    """Sum over the slices [N, R, C] of their bilinear samples, with gradients for slices, `start`, `per_slice`."""

    @staticmethod
    def forward(ctx: Any, slices: Tensor, start: Tensor, per_slice: Tensor, rays: SliceRays) -> Tensor:
        """[H, W]."""
        fixed = SliceRays(rays.dim, start.detach(), per_slice.detach(), rays.length_mm.detach(), rays.first, rays.last)
        ctx.save_for_backward(slices)
        ctx.rays = fixed
        image = torch.zeros(start.shape[:2], dtype=slices.dtype, device=slices.device)
        add_slices(slices, 0, fixed, image)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """Samples every block again."""
        (slices,), rays = ctx.saved_tensors, ctx.rays
        of_volume, of_rays = ctx.needs_input_grad[0], ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        by_slices = torch.zeros_like(slices) if of_volume else None
        by_start, by_step = torch.zeros_like(rays.start), torch.zeros_like(rays.per_slice)
        for tile in tiles(rays.first, rays.last, (gradient.shape[0], gradient.shape[1]), gradient.device):
            grid = tile_grid(rays, tile)
            wanted = gradient[tile.rows].expand(len(grid), 1, *grid.shape[1:3])
            part, places = _sampler_backward(wanted, slices[tile.slices, None], grid, (of_volume, of_rays))
            if by_slices is not None:
                by_slices[tile.slices] += part[:, 0]
            if of_rays:
                number = torch.arange(tile.slices.start, tile.slices.stop, dtype=grid.dtype, device=grid.device)
                by_start[tile.rows] += places.sum(dim=0)
                by_step[tile.rows] += torch.einsum("n,nhwc->hwc", number, places)
        return by_slices, by_start if of_rays else None, by_step if of_rays else None, None


def _sampler_backward(gradient: Tensor, values: Tensor, grid: Tensor, mask: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
    """Gradients of grid_sample (bilinear, zeros outside) for its input and its grid."""
    with torch.enable_grad():
        source, place = values.detach().requires_grad_(mask[0]), grid.detach().requires_grad_(mask[1])
        sampled = functional.grid_sample(source, place, "bilinear", "zeros", align_corners=False)
        needed = [t for t, wanted in ((source, mask[0]), (place, mask[1])) if wanted]
        found = list(torch.autograd.grad(sampled, needed, gradient))
    return found[0] if mask[0] else values, found[-1] if mask[1] else grid
