"""BX2S-Net of Chen et al. 2023: both views tiled to a volume, a 3D U-Net whose skips come from all scales.

Each decoder level takes the maps of all four encoder levels; a guide, computed from them and the decoder's own
features, weighs their channels (the authors' feature aggregation with guide).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool3d, interpolate

from ReVerteRLib.networks.baselines.adapters import LiftedNetwork, next_multiple
from ReVerteRLib.networks.baselines.contract import Recipe, System
from ReVerteRLib.networks.blocks import initialise
from ReVerteRLib.training.config import OptimiserConfig

_WIDTHS = (8, 16, 32, 64, 128)
_DIVISOR = 16
_SMALLEST = 32  # batch norm wants more than one voxel at a 16th of the resolution


class Bx2sNet(nn.Module):
    """Tiled views [B, channels_in, P, P, P] to logits [B, 1, P, P, P]; P a multiple of 16.

    guided: False is the authors' plain encoder and decoder, without any skips.
    """

    def __init__(self, channels_in: int, *, guided: bool = True) -> None:
        super().__init__()
        self.base = _conv(channels_in, _WIDTHS[0])
        self.down = nn.ModuleList(
            nn.Sequential(_conv(cin, cout, stride=2), _conv(cout, cout)) for cin, cout in pairwise(_WIDTHS)
        )
        fine = tuple(reversed(_WIDTHS[:-1]))
        self.up = nn.ModuleList(_up(2 * width, width) for width in fine)
        self.skip = nn.ModuleList(_GuidedSkip(width) for width in fine if guided)
        self.merge = nn.ModuleList(_conv(2 * width, width) for width in fine if guided)
        self.head = nn.Conv3d(_WIDTHS[0], 2, 3, padding=1)
        initialise(self)

    def forward(self, volume: Tensor) -> Tensor:
        """The head has two classes as published; the difference of their logits is the logit of a vertebra."""
        x = self.base(volume)
        maps = [x]
        for block in self.down:
            x = block(x)
            maps.append(x)
        maps.pop()
        for depth, up in enumerate(self.up):
            x = up(x)
            if self.skip:
                x = self.merge[depth](torch.cat([self.skip[depth](maps, x), x], dim=1))
        background, bone = self.head(x).split(1, dim=1)
        logits: Tensor = bone - background
        return logits


class _GuidedSkip(nn.Module):
    """All encoder maps at one scale, a quarter of the width each, their channels weighted by the guide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(_conv(cin, width // 4) for cin in _WIDTHS[:-1])
        self.guide = _conv(2 * width, width)
        self.weights = nn.Sequential(
            nn.Linear(width, width, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(width, width, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, maps: list[Tensor], upper: Tensor) -> Tensor:
        """Finer maps are pooled before, coarser ones enlarged after their convolution."""
        size = upper.shape[-1]
        parts = []
        for conv, features in zip(self.reduce, maps, strict=True):
            finer = adaptive_max_pool3d(features, size) if features.shape[-1] > size else features
            part = conv(finer)
            parts.append(interpolate(part, size=upper.shape[2:]) if part.shape[-1] < size else part)
        skips = torch.cat(parts, dim=1)
        guide = self.guide(torch.cat([skips, upper], dim=1)).mean(dim=(2, 3, 4))
        weighted: Tensor = skips * self.weights(guide)[:, :, None, None, None]
        return weighted


def _conv(cin: int, cout: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(cin, cout, 3, stride, 1), nn.BatchNorm3d(cout), nn.ReLU(inplace=True))


def _up(cin: int, cout: int) -> nn.Sequential:
    doubled = nn.ConvTranspose3d(cin, cout, 2, 2)
    return nn.Sequential(doubled, nn.BatchNorm3d(cout), nn.ReLU(inplace=True), *_conv(cout, cout))


def build(size: int, view_channels: int = 2, *, guided: bool = True) -> nn.Module:
    """The authors tile both views in one frame, which is ReVerteR's lifting."""
    body = Bx2sNet(2 * view_channels, guided=guided)
    return LiftedNetwork(body, size, max(next_multiple(size, _DIVISOR), _SMALLEST), view_channels)


SYSTEM = System(
    key="bx2s-net",
    title="BX2S-Net",
    citation="Chen Z. et al. 2023, Computers in Biology and Medicine 154, 106615",
    kind="baseline",
    build=build,
    recipe=Recipe(
        loss="cross_entropy_weighted",
        optimiser=OptimiserConfig(name="adam", lr=1e-2, step_epochs=10),
        batch=4,
    ),
    published_parameters=1_810_000,
    parameter_note="Counted in the authors' code for one channel per view (the article's number was not at hand).",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7558, 6.2984, 0.6345),
    paper_small=(0.7494, 7.5000, 0.5824),
)
