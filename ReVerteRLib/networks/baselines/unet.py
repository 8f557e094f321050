"""The U-Net of Kasten et al. on lifted views, in the form in which the XrayTo3D benchmark published it."""

from __future__ import annotations

from torch import nn

from ReVerteRLib.networks.baselines.adapters import LiftedNetwork, next_multiple
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK

_DIVISOR = 16
_SMALLEST = 32  # batch norm wants more than one voxel at a 16th of the resolution


def build(size: int, view_channels: int = 2) -> nn.Module:
    """Five levels of 8 to 128 channels with two residual units each; strides of two."""
    from monai.networks.nets.unet import UNet

    body = UNet(
        spatial_dims=3,
        in_channels=2 * view_channels,
        out_channels=1,
        channels=(8, 16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        num_res_units=2,
        act="RELU",
        norm="BATCH",
    )
    return LiftedNetwork(body, size, max(next_multiple(size, _DIVISOR), _SMALLEST), view_channels)


SYSTEM = System(
    key="unet",
    title="Unet (Kasten)",
    citation="Kasten et al. 2020, arXiv 2004.00871; layers as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=1_200_000,
    parameter_note="The benchmark prints 1.2 million for one channel per view.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7712, 5.5935, 0.6691),
    paper_small=(0.7582, 6.7097, 0.6160),
)
