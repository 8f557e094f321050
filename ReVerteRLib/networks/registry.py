"""One place that builds networks."""

from __future__ import annotations

from torch import nn

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.generator import ReVerteRGenerator
from ReVerteRLib.networks.patchgan import PatchGan3d


def build_generator(config: GeneratorConfig) -> ReVerteRGenerator:
    """The generator with fresh weights from torch's current random state."""
    return ReVerteRGenerator(config)


def build_discriminator(ndf: int = 32) -> PatchGan3d:
    """The 3D PatchGAN; ndf 64 as X2CT-GAN, 32 for cost. Raises ArgumentError."""
    if ndf < 1:
        raise ArgumentError(f"a discriminator of width {ndf} is impossible", remedy="Use 16, 32 or 64")
    return PatchGan3d(ndf)


def count_parameters(network: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
