"""Every system of the comparison by name. A system of one's own takes a file that exports SYSTEM and a line below."""

from __future__ import annotations

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.baselines import (
    attention_unet,
    bx2s_net,
    mean_shape,
    one_d_concat,
    reverter,
    swin_unetr,
    transvert,
    unet,
    unetr,
    x2ct_gan,
)
from ReVerteRLib.networks.baselines.contract import Recipe, System

__all__ = ["SYSTEMS", "Recipe", "System", "system"]

SYSTEMS: tuple[System, ...] = (
    reverter.RECOMMENDED,
    reverter.PAPER,
    transvert.SYSTEM,
    bx2s_net.SYSTEM,
    unet.SYSTEM,
    swin_unetr.SYSTEM,
    swin_unetr.NARROW,
    unetr.SYSTEM,
    attention_unet.SYSTEM,
    one_d_concat.SYSTEM,
    x2ct_gan.SYSTEM,
    mean_shape.SYSTEM,
    *reverter.ABLATED,
)
"""In the order of the tables' rows."""


def system(key: str) -> System:
    """The system of that name. Raises ArgumentError."""
    for known in SYSTEMS:
        if known.key == key:
            return known
    names = ", ".join(known.key for known in SYSTEMS)
    raise ArgumentError(f"there is no system '{key}'", remedy=f"Known are: {names}")
