"""Fits networks of other shapes to patches of S voxels: lifting or padding before them, cropping behind them."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.networks.lifting import lift_pair


def next_multiple(size: int, divisor: int) -> int:
    """The smallest multiple of `divisor` that is at least `size`."""
    return -(-size // divisor) * divisor


def next_power_of_two(size: int) -> int:
    """The smallest power of two that is at least `size`."""
    return 1 << (size - 1).bit_length()


def pad_to(x: Tensor, size: int, dims: int) -> Tensor:
    """Zeros around the last `dims` axes, as many before as behind (one more behind where odd)."""
    before = (size - x.shape[-1]) // 2
    return pad(x, (before, size - x.shape[-1] - before) * dims)


def crop_to(volume: Tensor, size: int) -> Tensor:
    """Inverse of `pad_to` for volumes."""
    before = (volume.shape[-1] - size) // 2
    part = slice(before, before + size)
    return volume[..., part, part, part]


def require_einops(title: str) -> None:
    """MONAI's transformers need einops, which MONAI does not install. Raises ResourceError."""
    if importlib.util.find_spec("einops") is None:
        raise ResourceError(
            "the Python package einops is missing", where=title, remedy="Install it: pip install einops"
        )


class BiplanarNetwork(nn.Module, ABC):
    """Two patches to the logits of a mask; the common shape of all compared networks.

    size:          S, voxels an edge of the patches.
    padded:        what the network inside works at.
    view_channels: channels of a view that are used: 2 for image and centroid mask, 1 for the image alone.
    """

    def __init__(self, size: int, padded: int, view_channels: int = 2) -> None:
        super().__init__()
        self.size, self.padded, self.view_channels = size, padded, view_channels

    def forward(
        self,
        ap: Tensor,
        lateral: Tensor,
        level: Tensor | None = None,  # noqa: ARG002 - ReVerteR alone uses it
        centroid_zyx: Tensor | None = None,
        perspective: Tensor | None = None,
        *,
        prior: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Logits [B, 1, S, S, S] from ap, lateral [B, 2, S, S]; level and prior are not looked at.

        Raises ArgumentError for patches of another size.
        """
        size = self.size
        if ap.shape != lateral.shape or ap.shape[2:] != (size, size) or ap.shape[1] < self.view_channels:
            raise ArgumentError(
                f"patches of shape {tuple(ap.shape)} and {tuple(lateral.shape)} do not fit the network",
                remedy=f"It was built for [B, {self.view_channels}, {size}, {size}]; build it for another size",
            )
        views = ap[:, : self.view_channels], lateral[:, : self.view_channels]
        return crop_to(self.logits(*views, centroid_zyx, perspective), size)

    @abstractmethod
    def logits(self, ap: Tensor, lateral: Tensor, centroid_zyx: Tensor | None, perspective: Tensor | None) -> Tensor:
        """[B, 1, P, P, P] with P = `padded`."""


class LiftedNetwork(BiplanarNetwork):
    """A 3D network behind ReVerteR's lifting, as the paper compares networks that know no second view.

    The views are lifted along their rays, concatenated to [B, 2 C_v, S, S, S] and surrounded by zeros.
    """

    def __init__(self, body: nn.Module, size: int, padded: int, view_channels: int = 2) -> None:
        """body: [B, 2 C_v, P, P, P] to [B, 1, P, P, P]."""
        super().__init__(size, padded, view_channels)
        self.body = body

    def logits(self, ap: Tensor, lateral: Tensor, centroid_zyx: Tensor | None, perspective: Tensor | None) -> Tensor:
        """Of the body."""
        volume = torch.cat(lift_pair(ap, lateral, perspective, centroid_zyx), dim=1)
        result: Tensor = self.body(pad_to(volume, self.padded, 3))
        return result


class ProjectedNetwork(BiplanarNetwork):
    """A network that looks at the images themselves and takes all rays for parallel, as its authors do."""

    def __init__(self, body: nn.Module, size: int, padded: int, view_channels: int = 2) -> None:
        """body: two of [B, C_v, P, P] to [B, 1, P, P, P]."""
        super().__init__(size, padded, view_channels)
        self.body = body

    def logits(self, ap: Tensor, lateral: Tensor, centroid_zyx: Tensor | None, perspective: Tensor | None) -> Tensor:  # noqa: ARG002
        """Of the body."""
        result: Tensor = self.body(pad_to(ap, self.padded, 2), pad_to(lateral, self.padded, 2))
        return result
