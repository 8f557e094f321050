"""Layers that also work where an input has shrunk to a few voxels, which the coarsest levels of deep networks see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _ExactForward:
    """Convolves in float32 on processors where the kernel is as large as the input.

    PyTorch's bfloat16 convolution there (oneDNN on processors with AVX512-BF16 and without AMX, seen with PyTorch
    2.13) returns uninitialised memory as the gradient of the weights, and writes beyond its buffers.
    """

    kernel_size: tuple[int, ...]

    def forward(self, x: Tensor, *rest: Any, **more: Any) -> Tensor:
        spatial = x.shape[-len(self.kernel_size) :]
        plain = super().forward  # type: ignore[misc]
        large = all(n > k for n, k in zip(spatial, self.kernel_size, strict=True))
        result: Tensor
        if x.device.type != "cpu" or large:
            result = plain(x, *rest, **more)
        else:
            with torch.autocast("cpu", enabled=False):
                result = plain(x.float(), *rest, **more)
        return result


class _ExactConv2d(_ExactForward, nn.Conv2d):  # type: ignore[misc]
    pass


class _ExactConv3d(_ExactForward, nn.Conv3d):  # type: ignore[misc]
    pass


class _ExactConvTranspose2d(_ExactForward, nn.ConvTranspose2d):  # type: ignore[misc]
    pass


class _ExactConvTranspose3d(_ExactForward, nn.ConvTranspose3d):  # type: ignore[misc]
    pass


class _SpatialForward:
    """Leaves a single voxel as it is: it has no spread to be normalised by."""

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x if x.shape[2:].numel() == 1 else super().forward(x)  # type: ignore[misc]
        return result


class _SpatialInstanceNorm2d(_SpatialForward, nn.InstanceNorm2d):
    pass


class _SpatialInstanceNorm3d(_SpatialForward, nn.InstanceNorm3d):
    pass


_EXACT: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: _ExactConv2d,
    nn.Conv3d: _ExactConv3d,
    nn.ConvTranspose2d: _ExactConvTranspose2d,
    nn.ConvTranspose3d: _ExactConvTranspose3d,
}
_SPATIAL: dict[type[nn.Module], type[nn.Module]] = {
    nn.InstanceNorm2d: _SpatialInstanceNorm2d,
    nn.InstanceNorm3d: _SpatialInstanceNorm3d,
}


def exact_small_convolutions(network: nn.Module) -> nn.Module:
    """Guards all convolutions in place, for training in bfloat16 on a processor; parameters and names stay."""
    return _swap(network, _EXACT)


def tolerate_single_voxels(network: nn.Module) -> nn.Module:
    """Lets instance norms pass inputs of one pixel or voxel, which PyTorch refuses; in place."""
    return _swap(network, _SPATIAL)


def _swap(network: nn.Module, others: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    for module in network.modules():
        if type(module) in others:
            module.__class__ = others[type(module)]
    return network
