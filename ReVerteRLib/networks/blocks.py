"""Building blocks that the 2D stem and the 3D trunk share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ReVerteRLib.networks.config import Norm

CONV: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORM: dict[int, type[nn.BatchNorm2d] | type[nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def normalisation(norm: Norm, channels: int, dims: int) -> nn.Module:
    """Batch norm, or group norm with groups of eight channels (four or one where eight does not divide)."""
    if norm == "batch":
        return _BATCH_NORM[dims](channels)
    group = next(size for size in (8, 4, 1) if channels % size == 0)
    return nn.GroupNorm(channels // group, channels)


class ResidualBlock(nn.Module):
    """conv3 - norm - ReLU - conv3 - norm, plus a 1x1 shortcut with norm where the shape changes, then ReLU."""

    def __init__(self, cin: int, cout: int, norm: Norm, dims: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        conv = CONV[dims]
        self.conv1 = conv(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.norm1 = normalisation(norm, cout, dims)
        self.conv2 = conv(cout, cout, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm2 = normalisation(norm, cout, dims)
        self.shortcut: nn.Module = nn.Identity()
        if cin != cout or stride != 1:
            self.shortcut = nn.Sequential(
                conv(cin, cout, 1, stride=stride, bias=False), normalisation(norm, cout, dims)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[B, cin, ...] to [B, cout, ...], divided by the stride."""
        inner = relu(self.norm1(self.conv1(x)), inplace=True)
        return relu(self.norm2(self.conv2(inner)) + self.shortcut(x), inplace=True)


class Film(nn.Module):
    """Scales and shifts features by a condition vector (Perez et al. 2018); the identity at the start."""

    def __init__(self, condition: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Features x [B, C, ...] under a condition [B, D]."""
        scale, shift = self.linear(condition).reshape(x.shape[0], 2, x.shape[1], *[1] * (x.dim() - 2)).unbind(1)
        return x * (1.0 + scale) + shift


def initialise(module: nn.Module) -> None:
    """He initialisation of all convolutions that a ReLU may follow."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def to_channels_last(network: nn.Module) -> nn.Module:
    """Puts all convolution weights in the channels-last order, in place; much faster in bf16 on processors."""
    for parameter in network.parameters():
        if parameter.dim() in (4, 5):
            order = torch.channels_last if parameter.dim() == 4 else torch.channels_last_3d
            parameter.data = parameter.data.to(memory_format=order)
    return network
