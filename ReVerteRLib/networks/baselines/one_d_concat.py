"""OneDConcat of Chen and Fang 2019: both views become one vector, and a decoder draws the shape from it.

The layers are those under which the XrayTo3D benchmark published it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ReVerteRLib.networks.baselines.adapters import ProjectedNetwork, next_power_of_two
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK

_ENCODER = (32, 64, 128, 256, 512, 1024)
_CODE = 256
_WIDEST = 1024
_SMALLEST = 16


class OneDConcat(nn.Module):
    """Images [B, C_v, P, P] of both views to logits [B, 1, P, P, P]; P a power of two. Trains from batches of 2."""

    def __init__(self, size: int, view_channels: int) -> None:
        super().__init__()
        self.encode_ap, self.encode_lateral = _encoder(view_channels), _encoder(view_channels)
        edge = max(1, size // 2 ** len(_ENCODER))
        self.code = nn.Sequential(
            nn.Linear(2 * _ENCODER[-1] * edge**2, _CODE), nn.BatchNorm1d(_CODE), nn.ReLU(inplace=True)
        )
        doublings = int(math.log2(size))
        layers: list[nn.Module] = []
        cin = _CODE
        for depth in range(doublings - 1):
            cout = _WIDEST >> depth
            layers += [_doubling(cin, cout), nn.BatchNorm3d(cout), nn.ReLU(inplace=True)]
            cin = cout
        self.decode = nn.Sequential(*layers, _doubling(cin, 1))

    def forward(self, ap: Tensor, lateral: Tensor) -> Tensor:
        """Places are known to the fully connected layer alone."""
        code = self.code(torch.cat([self.encode_ap(ap), self.encode_lateral(lateral)], dim=1))
        logits: Tensor = self.decode(code[:, :, None, None, None])
        return logits


def _encoder(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for cout in _ENCODER:
        layers += [nn.Conv2d(channels, cout, 3, 2, 1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
        channels = cout
    return nn.Sequential(*layers, nn.Flatten())


def _doubling(cin: int, cout: int) -> nn.Module:
    return nn.ConvTranspose3d(cin, cout, 3, 2, padding=1, output_padding=1)


def build(size: int, view_channels: int = 2) -> nn.Module:
    """Works at the next power of two; the number of doublings follows, as in the benchmark."""
    padded = max(next_power_of_two(size), _SMALLEST)
    return ProjectedNetwork(OneDConcat(padded, view_channels), size, padded, view_channels)


SYSTEM = System(
    key="one-d-concat",
    title="OneDConcat",
    citation="Chen and Fang 2019, ICBHI; layers as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=40_600_000,
    parameter_note="The benchmark prints 40.6 million for one channel per view and 128 voxels.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7822, 5.0832, 0.6904),
    paper_small=(0.7637, 6.6105, 0.6106),
)
