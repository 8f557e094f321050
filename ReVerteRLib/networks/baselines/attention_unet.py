"""Attention U-Net of Oktay et al. on lifted views, with the widths of the XrayTo3D benchmark."""

from __future__ import annotations

from torch import nn

from ReVerteRLib.networks.baselines.adapters import LiftedNetwork, next_multiple
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK

_DIVISOR = 16
_SMALLEST = 32  # batch norm wants more than one voxel at a 16th of the resolution


def build(size: int, view_channels: int = 2) -> nn.Module:
    """MONAI's AttentionUnet: five levels of 8 to 128 channels, gates on all skips."""
    from monai.networks.nets.attentionunet import AttentionUnet

    body = AttentionUnet(
        spatial_dims=3, in_channels=2 * view_channels, out_channels=1, channels=(8, 16, 32, 64, 128), strides=(2,) * 4
    )
    return LiftedNetwork(body, size, max(next_multiple(size, _DIVISOR), _SMALLEST), view_channels)


SYSTEM = System(
    key="attention-unet",
    title="AttentionUnet",
    citation="Oktay et al. 2018, arXiv 1804.03999; as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=1_500_000,
    parameter_note="The benchmark prints 1.5 million for one channel per view.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7696, 5.6788, 0.6660),
    paper_small=(0.7535, 6.8888, 0.6085),
)
