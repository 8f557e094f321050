"""Swin UNETR of Hatamizadeh et al. on lifted views, in its two published widths."""

from __future__ import annotations

import dataclasses

from torch import nn

from ReVerteRLib.networks.baselines.adapters import LiftedNetwork, next_multiple, require_einops
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK
from ReVerteRLib.networks.small_inputs import tolerate_single_voxels

_DIVISOR = 32
_SMALLEST = 32


def build(size: int, view_channels: int = 2, features: int = 48) -> nn.Module:
    """MONAI's SwinUNETR: depths 2-2-2-2, heads 3-6-12-24, instance norm. Raises ResourceError without einops."""
    require_einops("SwinUNETR")
    from monai.networks.nets.swin_unetr import SwinUNETR

    body = SwinUNETR(
        in_channels=2 * view_channels,
        out_channels=1,
        feature_size=features,
        depths=(2, 2, 2, 2),
        num_heads=(3, 6, 12, 24),
        norm_name="instance",
    )
    padded = max(next_multiple(size, _DIVISOR), _SMALLEST)
    return LiftedNetwork(tolerate_single_voxels(body), size, padded, view_channels)


SYSTEM = System(
    key="swin-unetr",
    title="SwinUNETR",
    citation="Hatamizadeh et al. 2022, arXiv 2201.01266; as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=62_200_000,
    parameter_note="The benchmark prints 62.2 million for one channel per view.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7759, 5.2873, 0.6821),
    paper_small=(0.7531, 6.9923, 0.5964),
)
NARROW = dataclasses.replace(
    SYSTEM,
    key="swin-unetr-24",
    title="SwinUNETR (24 features)",
    build=lambda size: build(size, features=24),
    published_parameters=15_700_000,
    parameter_note="The authors' narrower width (Small), 15.7 million; the paper's numbers are those of 48 features.",
    build_published=lambda: build(128, view_channels=1, features=24),
)
"""For machines on which 48 features are too heavy."""
