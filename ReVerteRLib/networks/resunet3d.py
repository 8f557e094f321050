"""Residual 3D U-Net: encoder and decoder of residual blocks with skip connections."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from ReVerteRLib.networks.blocks import Film, ResidualBlock, initialise
from ReVerteRLib.networks.config import GeneratorConfig


class ResUNet3d(nn.Module):
    """[B, channels_in, Z, Y, X] to one logit per voxel [B, 1, Z, Y, X].

    Each level below the first halves the resolution by a stride-2 convolution. `injected` tensors are added to the
    input of the coarser levels (the stem's coarse features, lifted). Without blocks at the first level, the encoder
    starts from the first injected tensor.
    """

    def __init__(self, channels_in: int, config: GeneratorConfig) -> None:
        super().__init__()
        widths, norm = config.trunk_channels, config.norm
        self.encoder = nn.ModuleList()
        cin = channels_in
        starts = 0 if config.trunk_blocks[0] else 1
        for depth, (width, blocks) in enumerate(zip(widths, config.trunk_blocks, strict=True)):
            level = nn.ModuleList()
            if blocks:
                cin = width if depth == starts == 1 else cin
                level.append(ResidualBlock(cin, width, norm, 3, stride=2 if depth > starts else 1))
                level.extend(ResidualBlock(width, width, norm, 3) for _ in range(1, blocks))
            self.encoder.append(level)
            cin = width
        self.encodes_finest = config.trunk_blocks[0] > 0
        self.add = config.skips == "add"
        pairs = list(pairwise(widths))
        self.up = nn.ModuleList(_Up(coarse, fine, config.upsampling) for fine, coarse in pairs)
        self.decoder = nn.ModuleList(ResidualBlock(fine if self.add else 2 * fine, fine, norm, 3) for fine, _ in pairs)
        if config.light_finest:
            self.decoder[0] = nn.Sequential(nn.ReLU(), nn.Conv3d(widths[0], widths[0], 3, padding=1), nn.ReLU())
        self.film = Film(config.level_embedding, widths[-1]) if config.film else None
        self.head = nn.Conv3d(widths[0], 1, 1)
        initialise(self)
        nn.init.normal_(self.head.weight, std=0.05)
        nn.init.constant_(self.head.bias, config.head_bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, injected: Sequence[Tensor] = (), level: Tensor | None = None) -> Tensor:
        """injected[i] joins level i + 1 [B, width, Z/2^(i+1), ...]; level [B, D] conditions the bottleneck."""
        skips: list[Tensor] = []
        for depth, blocks in enumerate(self.encoder):
            if depth == 1 and not self.encodes_finest:
                x = relu(injected[0])
            for index, block in enumerate(cast("nn.ModuleList", blocks)):
                x = block(x)
                if depth == 1 and not self.encodes_finest:
                    continue
                if index == 0 and 0 < depth <= len(injected):
                    x = x + injected[depth - 1]
            skips.append(x)
        if self.film is not None and level is not None:
            x = self.film(x, level)
        for up, block, skip in zip(reversed(self.up), reversed(self.decoder), reversed(skips[:-1]), strict=True):
            upper = up(x, skip.shape[2:])
            x = block(upper + skip if self.add else torch.cat([upper, skip], dim=1))
        return self.head(x)


class _Up(nn.Module):
    """Doubles the resolution: transposed convolution, or a 1x1x1 convolution followed by interpolation."""

    def __init__(self, cin: int, cout: int, kind: str) -> None:
        super().__init__()
        self.transpose = kind == "transpose"
        self.conv: nn.Module = nn.ConvTranspose3d(cin, cout, 2, stride=2) if self.transpose else nn.Conv3d(cin, cout, 1)

    def forward(self, x: Tensor, shape: torch.Size) -> Tensor:
        """[B, C, ...] to the spatial shape of the finer level, which is odd where halving was not exact."""
        x = self.conv(x)
        if self.transpose:
            return x
        if x.device.type != "cpu" or x.dtype == torch.float32:
            return interpolate(x, size=shape, mode="trilinear", align_corners=False)
        # the same values in half the time: on processors half precision is interpolated number by number
        return interpolate(x.float(), size=shape, mode="trilinear", align_corners=False).to(x.dtype)
