"""UNETR of Hatamizadeh et al. on lifted views: a transformer over patches of 16 voxels, a convolutional decoder."""

from __future__ import annotations

from torch import nn

from ReVerteRLib.networks.baselines.adapters import LiftedNetwork, next_multiple, require_einops
from ReVerteRLib.networks.baselines.contract import System
from ReVerteRLib.networks.baselines.recipes import BENCHMARK

_PATCH = 16


def build(size: int, view_channels: int = 2) -> nn.Module:
    """MONAI's UNETR with its defaults (768 wide, 12 layers, 12 heads, 16 features).

    Raises ResourceError without einops.
    """
    require_einops("UNETR")
    from monai.networks.nets.unetr import UNETR

    padded = max(next_multiple(size, _PATCH), 2 * _PATCH)
    body = UNETR(in_channels=2 * view_channels, out_channels=1, img_size=padded)
    return LiftedNetwork(body, size, padded, view_channels)


SYSTEM = System(
    key="unetr",
    title="UNETR",
    citation="Hatamizadeh et al. 2022, WACV; as in Shakya and Khanal 2023, arXiv 2309.13587",
    kind="baseline",
    build=build,
    recipe=BENCHMARK,
    published_parameters=96_200_000,
    parameter_note="The benchmark prints 96.2 million for one channel per view and 128 voxels.",
    build_published=lambda: build(128, view_channels=1),
    paper_full=(0.7584, 5.9160, 0.6546),
    paper_small=(0.7421, 6.7891, 0.6012),
)
