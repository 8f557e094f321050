"""The detector's network: one encoder and decoder for both views, which see each other along their common rows.

After MPF-net (Zhang et al., Med Image Anal 75, 2022: both views are read jointly, neighbours inform each other) in its
idea only: features are pooled over columns into one vector per row and view, the rows of both views are related
by 1D convolutions (a few rows, for the parallax of a cone beam) and by self-attention over the whole length (which
level is which), and given back to every pixel of the row.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ReVerteRLib.detection.config import DetectorConfig
from ReVerteRLib.detection.films import CHANNELS

_PRIOR = 0.01
"""Probability of a centre that the network starts from."""


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8, channels)


class Block(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = _norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.last_norm = _norm(outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] to [N, outputs, H, W]."""
        inner = self.second(F.silu(self.norm(self.first(x))))
        result: Tensor = F.silu(self.shortcut(x) + self.last_norm(inner))
        return result


class RowPooling(nn.Module):
    """A vector per row: mean, maximum, and a mean weighted by where the network looks. Padding does not count."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, 1, 1)
        self.mix = nn.Linear(3 * channels, width)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """[N, C, H, W] and [N, 1, H, W] (1 where there is a film) to [N, H, width]."""
        x = x.float()
        missing = there < 0.5
        mean = (x * there).sum(3) / there.sum(3).clamp(min=1.0)
        most = x.masked_fill(missing, -1e4).amax(3)
        most = torch.where(missing.all(3), torch.zeros_like(most), most)
        weight = self.look(x).float().masked_fill(missing, -1e4).softmax(3)
        mixed: Tensor = self.mix(torch.cat([mean, most, (x * weight * there).sum(3)], 1).transpose(1, 2))
        return mixed


class RowExchange(nn.Module):
    """Adds to each view what a 1D convolution makes of the other's rows."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.pool = RowPooling(channels, width)
        self.along = nn.Conv1d(width, width, 5, padding=2)
        self.give = nn.Linear(width, channels)
        nn.init.zeros_(self.give.weight)
        nn.init.zeros_(self.give.bias)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """[2B, C, H, W], the AP views first, to the same."""
        rows = F.silu(self.along(self.pool(x, there).transpose(1, 2)).transpose(1, 2))
        other = torch.cat(rows.chunk(2)[::-1])
        return x + self.give(other).transpose(1, 2)[..., None].to(x.dtype)


class SpineContext(nn.Module):
    """Self-attention over the rows of both views (or of each alone), given back to all pixels of the row."""

    def __init__(self, channels: int, config: DetectorConfig) -> None:
        super().__init__()
        width = config.context_width
        self.joint = config.exchange
        self.pool = RowPooling(channels, width)
        self.view = nn.Parameter(torch.zeros(2, 1, 1, width))
        self.local = nn.Conv1d(width, width, 5, padding=2, groups=8)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
            )
            for _ in range(config.context_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.give = nn.Linear(width, 2 * channels)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """[2B, C, H, W], the AP views first, to the same."""
        rows = self.pool(x, there)
        rows = rows + F.silu(self.local(rows.transpose(1, 2)).transpose(1, 2))
        count, height, width = rows.shape
        rows = rows + _positions(height, width, rows)
        rows = (rows.reshape(2, count // 2, height, width) + self.view).reshape(count, height, width)
        if self.joint:
            rows = torch.cat(rows.chunk(2), 1)
        for layer in self.layers:
            rows = layer(rows)
        rows = self.norm(rows)
        if self.joint:
            rows = torch.cat(rows.chunk(2, dim=1))
        factor, shift = self.give(rows).transpose(1, 2)[..., None].to(x.dtype).chunk(2, 1)
        return x * (1.0 + torch.tanh(factor)) + shift


def _positions(height: int, width: int, like: Tensor) -> Tensor:
    """Sines and cosines of the row's number, wavelengths from 6 to 600 rows."""
    rate = 2 * math.pi / torch.logspace(math.log10(6.0), math.log10(600.0), width // 2, device=like.device)
    angle = torch.arange(height, device=like.device)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1).to(like.dtype)


class DetectorNetwork(nn.Module):
    """Films of both views to maps of centres, offsets, corners and levels at half their resolution."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.view = nn.Parameter(torch.zeros(2, w[0]))
        self.stem = nn.Conv2d(CHANNELS, w[0], 5, stride=2, padding=2)
        self.stem_norm = _norm(w[0])
        self.encoder = nn.ModuleList(
            nn.Sequential(*(Block(width, width) for _ in range(count)))
            for width, count in zip(w, config.blocks, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(w))
        self.exchange = RowExchange(w[2], config.context_width) if config.exchange else None
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(w))
        self.decoder = nn.ModuleList(Block(width, width) for width in w[:3])
        self.context = SpineContext(w[1], config)
        self.head = nn.Conv2d(w[0], 2 * w[0], 1)
        self.out = nn.Conv2d(2 * w[0], config.outputs, 1)
        with torch.no_grad():
            self.out.bias.zero_()  # type: ignore[union-attr]
            self.out.bias[0] = math.log(_PRIOR / (1 - _PRIOR))  # type: ignore[index]

    def forward(self, films: Tensor) -> Tensor:
        """[B, 2, 3, H, W] (AP, lateral; H, W multiples of 16) to [B, 2, outputs, H/2, W/2].

        Channels: centre logit, offset (2), corners (8), level logits; see targets.Targets for their units.
        """
        batch = films.shape[0]
        x = films.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        there = [F.max_pool2d(x[:, 2:3], 2**scale) for scale in (1, 2, 3)]
        x = self.stem(x)
        x = (x.unflatten(0, (2, batch)) + self.view[:, None, :, None, None].to(x.dtype)).flatten(0, 1)
        x = F.silu(self.stem_norm(x.contiguous(memory_format=torch.channels_last)))
        kept = []
        for scale, stage in enumerate(self.encoder):
            x = stage(x)
            if scale == 2 and self.exchange is not None:
                x = self.exchange(x, there[2])
            if scale < 3:
                kept.append(x)
                x = self.down[scale](x)
        for scale in (2, 1, 0):
            x = kept[scale] + F.interpolate(self.up[scale](x), scale_factor=2.0, mode="nearest")
            x = self.decoder[scale](x)
            if scale == 1:
                x = self.context(x, there[1])
        maps: Tensor = self.out(F.silu(self.head(x))).float()
        return maps.unflatten(0, (2, batch)).transpose(0, 1)
