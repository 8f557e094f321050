"""3D PatchGAN discriminator (Isola et al. 2017, in the 3D form of X2CT-GAN)."""

from __future__ import annotations

from torch import Tensor, nn


class PatchGan3d(nn.Module):
    """Mask or probabilities [B, 1, S, S, S] to real/fake scores per patch, [B, 1, 13, 13, 13] for S = 120.

    Three stride-2 layers (ndf, 2 ndf, 4 ndf), one stride-1 layer (8 ndf), one score; no sigmoid, as the
    least-squares objective wants none.
    """

    def __init__(self, ndf: int = 32, channels_in: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv3d(channels_in, ndf, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for cin, cout, stride in ((ndf, 2 * ndf, 2), (2 * ndf, 4 * ndf, 2), (4 * ndf, 8 * ndf, 1)):
            layers += [
                nn.Conv3d(cin, cout, 4, stride, 1, bias=False),
                nn.InstanceNorm3d(cout),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv3d(8 * ndf, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
