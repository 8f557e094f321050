"""The generator of X2CT-GAN (Ying et al. 2019), with which Saravi et al. 2023 reconstruct spines.

Two dense encoders, one per view, a decoder behind each and a third one that follows the mean of both. All decoders
work in the patient's frame [z, y, x] from the start, so the authors' turning of axes becomes the axis along which a
view's features are repeated.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ReVerteRLib.networks.baselines.adapters import ProjectedNetwork, next_multiple
from ReVerteRLib.networks.baselines.contract import Recipe, System
from ReVerteRLib.networks.small_inputs import tolerate_single_voxels
from ReVerteRLib.training.config import OptimiserConfig

_FIRST = 64
_DENSE_LAYERS = (6, 12, 24, 16, 6)
_GROWTH = 32
_BOTTLENECK = 4
_WIDTHS = (16, 16, 32, 64, 128, 256)  # of the decoders, from fine to coarse
_VIEW_BLOCKS = (0, 2, 2, 2, 2, 0)  # before the step to the finer level; the finest has none in a view's branch
_FUSED_BLOCKS = (1, 1, 1, 1, 1, 0)
_DIVISOR = 32
_SMALLEST = 32
_AP_AXIS, _LATERAL_AXIS = 3, 4  # y and x of [B, C, z, y, x]


class X2ctGenerator(nn.Module):
    """Images [B, C_v, P, P] of both views to logits [B, 1, P, P, P]; P a multiple of 32."""

    def __init__(self, size: int, view_channels: int) -> None:
        super().__init__()
        self.ap = _ViewBranch(size, view_channels, _AP_AXIS)
        self.lateral = _ViewBranch(size, view_channels, _LATERAL_AXIS)
        self.fused = _Decoder(_FUSED_BLOCKS)
        self.head = nn.Conv3d(_WIDTHS[0], 1, 7, padding=3)

    def forward(self, ap: Tensor, lateral: Tensor) -> Tensor:
        """At every level the mean of both branches replaces their own features and joins the third decoder."""
        (x_ap, skips_ap), (x_lateral, skips_lateral) = self.ap(ap), self.lateral(lateral)
        fused: Tensor | None = None
        for level in reversed(range(len(_WIDTHS))):
            x_ap = self.ap.decoder.merge(level, x_ap, skips_ap.get(level))
            x_lateral = self.lateral.decoder.merge(level, x_lateral, skips_lateral.get(level))
            mean = (x_ap + x_lateral) / 2.0
            fused = self.fused.step(level, self.fused.merge(level, mean, fused))
            if level:
                x_ap, x_lateral = self.ap.decoder.step(level, mean), self.lateral.decoder.step(level, mean)
        logits: Tensor = self.head(fused)
        return logits


class _ViewBranch(nn.Module):
    """Encoder of one view, its links to 3D, and its decoder."""

    def __init__(self, size: int, channels_in: int, axis: int) -> None:
        super().__init__()
        self.axis, self.coarsest = axis, size // _DIVISOR
        self.first = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(channels_in, _FIRST, 7, bias=False), *_after(nn.InstanceNorm2d(_FIRST))
        )
        self.stages, self.halving = nn.ModuleList(), nn.ModuleList()
        width, widths = _FIRST, [_FIRST]
        for layers in _DENSE_LAYERS:
            self.stages.append(_DenseStage(width, layers))
            width += layers * _GROWTH
            if len(widths) < len(_DENSE_LAYERS):
                self.halving.append(_before(width, nn.Conv2d(width, width // 2, 1)))
                width //= 2
                widths.append(width)
        self.code = nn.Sequential(
            nn.Linear(width, _WIDTHS[-1] * self.coarsest**3), nn.Dropout(0.5), nn.ReLU(inplace=True)
        )
        self.links = nn.ModuleList(_Link(cin, cout, axis) for cin, cout in zip(widths, _WIDTHS, strict=False))
        self.decoder = _Decoder(_VIEW_BLOCKS)

    def forward(self, image: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Volume at the coarsest level, and the linked features by level."""
        x = self.first(image)
        skips = {0: self.links[0](x)}
        for level, (stage, halving) in enumerate(zip(self.stages, self.halving, strict=False), start=1):
            x = halving(stage(x))
            skips[level] = self.links[level](x)
        code = self.code(self.stages[-1](x).mean(dim=(2, 3)))
        return code.unflatten(1, (_WIDTHS[-1], *(self.coarsest,) * 3)), skips


class _DenseStage(nn.Module):
    """A stride-2 convolution, then layers that each add _GROWTH channels to all before them."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.down = _before(width, nn.Conv2d(width, width, 3, 2, 1))
        inner = _BOTTLENECK * _GROWTH
        self.layers = nn.ModuleList(
            nn.Sequential(
                *_before(width + index * _GROWTH, nn.Conv2d(width + index * _GROWTH, inner, 1, bias=False)),
                *_before(inner, nn.Conv2d(inner, _GROWTH, 3, padding=1)),
            )
            for index in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C + layers * growth, H / 2, W / 2]."""
        x = self.down(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class _Link(nn.Module):
    """2D features to 3D ones of another width: 1x1 convolution, repetition along the axis unseen, convolution."""

    def __init__(self, cin: int, cout: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.flat = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), *_after(nn.InstanceNorm2d(cout)))
        self.deep = _conv(cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, n, n] to [B, C', n, n, n]."""
        flat = self.flat(x).unsqueeze(self.axis)
        shape = [-1] * 5
        shape[self.axis] = x.shape[-1]
        volume: Tensor = self.deep(flat.expand(shape))
        return volume


class _Decoder(nn.Module):
    """Per level: `merge` takes in what comes from the side, `step` refines and doubles the resolution."""

    def __init__(self, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.compress = nn.ModuleList(_conv(2 * width, width) for width in _WIDTHS[:-1])
        self.refine = nn.ModuleList(
            nn.Sequential(*(_conv(width, width) for _ in range(count)))
            for width, count in zip(_WIDTHS, blocks, strict=True)
        )
        self.up = nn.ModuleList(_doubling(coarse, fine) for fine, coarse in pairwise(_WIDTHS))

    def merge(self, level: int, x: Tensor, side: Tensor | None) -> Tensor:
        """Both [B, C, n, n, n]; nothing comes from the side at the coarsest level."""
        return x if side is None else self.compress[level](torch.cat([x, side], dim=1))

    def step(self, level: int, x: Tensor) -> Tensor:
        """To the next finer level; level 0 is the finest and stays."""
        x = self.refine[level](x)
        return self.up[level - 1](x) if level else x


def _after(norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    return norm, nn.ReLU(inplace=True)


def _before(width: int, conv: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.InstanceNorm2d(width), nn.ReLU(inplace=True), conv)


def _conv(cin: int, cout: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(cin, cout, 3, padding=1, bias=False), *_after(nn.InstanceNorm3d(cout)))


def _doubling(cin: int, cout: int) -> nn.Sequential:
    conv = nn.ConvTranspose3d(cin, cout, 3, 2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(conv, *_after(nn.InstanceNorm3d(cout)))


def build(size: int, view_channels: int = 2) -> nn.Module:
    """Logits in place of the authors' last ReLU, since a mask is wanted and not grey values."""
    padded = max(next_multiple(size, _DIVISOR), _SMALLEST)
    body = tolerate_single_voxels(X2ctGenerator(padded, view_channels))
    return ProjectedNetwork(body, size, padded, view_channels)


SYSTEM = System(
    key="x2ct-gan",
    title="X2CT-GAN-inspired",
    citation="Ying et al. 2019, CVPR; for spines Saravi et al. 2023, Journal of Personalized Medicine 13, 1642",
    kind="baseline",
    build=build,
    recipe=Recipe(
        loss="x2ct",
        optimiser=OptimiserConfig(name="adam", lr=2e-4, discriminator_lr=2e-4, betas=(0.5, 0.99), step_factor=1.0),
        batch=4,
        adversarial="conditional",
        discriminator_width=64,
    ),
    published_parameters=61_700_000,
    parameter_note=(
        "Counted in the authors' code for one channel per view. Biases that a norm takes away and the heads of the "
        "single views, which nothing is computed from, are left out here."
    ),
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7870, 4.4931, 0.7136),
    paper_small=(0.7600, 6.5289, 0.6073),
)
