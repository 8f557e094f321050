"""2D features of one view before lifting: a small residual U-Net, cheap beside any 3D layer."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_unshuffle

from ReVerteRLib.networks.blocks import Film, ResidualBlock
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.nonlocal_block import NonLocalBlock


class ViewStem(nn.Module):
    """Features of one view at strides 2, 4, 8, ... of the patch, from `channels_in` image channels."""

    def __init__(self, channels_in: int, config: GeneratorConfig) -> None:
        super().__init__()
        widths = config.stem_channels
        self.encoder = nn.ModuleList()
        cin = channels_in
        for width in widths:
            more = (ResidualBlock(width, width, config.norm, 2) for _ in range(1, config.stem_blocks))
            first = ResidualBlock(4 * cin, width, config.norm, 2, dilation=2)
            self.encoder.append(nn.Sequential(first, *more) if config.stem_blocks > 1 else first)
            cin = width
        self.film = Film(config.level_embedding, widths[-1]) if config.film else None
        self.decoder = nn.ModuleList(
            ResidualBlock(coarse + fine, fine, config.norm, 2) for fine, coarse in pairwise(widths)
        )

    def forward(self, x: Tensor, level: Tensor | None, attention: NonLocalBlock | None) -> list[Tensor]:
        """Image x [B, C, S, S] and level [B, D] to one tensor per stride, from fine to coarse."""
        skips: list[Tensor] = []
        for depth, block in enumerate(self.encoder):
            # The 2x2 pixels of a cell become channels, so the coarse pixel lies exactly in their middle.
            x = block(pixel_unshuffle(x, 2))
            if attention is not None and depth == min(1, len(self.encoder) - 1):
                x = attention(x)
            skips.append(x)
        if self.film is not None and level is not None:
            skips[-1] = self.film(skips[-1], level)
        outputs = [skips[-1]]
        for block, skip in zip(reversed(self.decoder), reversed(skips[:-1]), strict=True):
            up = interpolate(outputs[0], scale_factor=2, mode="bilinear", align_corners=False)
            outputs.insert(0, block(torch.cat([up, skip], dim=1)))
        return outputs
