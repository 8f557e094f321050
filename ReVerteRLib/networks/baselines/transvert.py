"""TransVert of Bayat et al. 2020: each view learns to grow its missing axis, then both are decoded together.

The layers are those under which the XrayTo3D benchmark published it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ReVerteRLib.networks.baselines.adapters import ProjectedNetwork, next_power_of_two
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK

_ENCODER = ((16, 2), (32, 2), (32, 1), (32, 1), (32, 1), (32, 1))  # channels and stride
_DECODER = ((64, 1), (64, 1), (64, 1), (64, 1), (32, 2), (16, 2))
_ENCODED = 4  # pixels a feature
_SMALLEST = 16


class TransVert(nn.Module):
    """Images [B, C_v, P, P] of both views to logits [B, 1, P, P, P]; P a power of two."""

    def __init__(self, size: int, view_channels: int) -> None:
        super().__init__()
        doublings = int(math.log2(size // _ENCODED))
        self.encode_ap, self.encode_lateral = _encoder(view_channels), _encoder(view_channels)
        width = _ENCODER[-1][0]
        self.grow_ap = nn.Sequential(*(_up(width, width, (1, 2, 1)) for _ in range(doublings)))
        self.grow_lateral = nn.Sequential(*(_up(width, width, (1, 1, 2)) for _ in range(doublings)))
        layers, cin = [], 2 * width
        for cout, stride in _DECODER:
            layers.append(_up(cin, cout, (stride,) * 3))
            cin = cout
        self.decode = nn.Sequential(*layers, nn.Conv3d(cin, 1, 7, padding=3))

    def forward(self, ap: Tensor, lateral: Tensor) -> Tensor:
        """AP [z, x] lacks y, lateral [z, y] lacks x."""
        from_ap = self.grow_ap(self.encode_ap(ap).unsqueeze(3))
        from_lateral = self.grow_lateral(self.encode_lateral(lateral).unsqueeze(4))
        logits: Tensor = self.decode(torch.cat([from_ap, from_lateral], dim=1))
        return logits


def _encoder(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for cout, stride in _ENCODER:
        layers += [nn.Conv2d(channels, cout, 7, stride, 3, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
        channels = cout
    return nn.Sequential(*layers)


def _up(cin: int, cout: int, stride: Sequence[int]) -> nn.Sequential:
    """Transposed convolution that multiplies each axis by its stride."""
    z, y, x = stride
    convolution = nn.ConvTranspose3d(
        cin, cout, 3, (z, y, x), padding=1, output_padding=(z - 1, y - 1, x - 1), bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm3d(cout), nn.ReLU(inplace=True))


def build(size: int, view_channels: int = 2) -> nn.Module:
    """Works at the next power of two."""
    padded = max(next_power_of_two(size), _SMALLEST)
    return ProjectedNetwork(TransVert(padded, view_channels), size, padded, view_channels)


SYSTEM = System(
    key="transvert",
    title="TransVert",
    citation="Bayat et al. 2020, MICCAI; layers as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=1_250_000,
    parameter_note="The benchmark prints 1.2 million for one channel per view; its code has 1.25 million.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7743, 5.4480, 0.6718),
    paper_small=(0.7647, 6.6468, 0.6094),
)
