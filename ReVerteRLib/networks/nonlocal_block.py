"""Non-local self-attention over the pixels of one view (eq. 1 of the paper; Wang et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

_CUDA_WIDTH = 8


class NonLocalBlock(nn.Module):
    """out = x + alpha * softmax(theta(x)^T phi(x)) sigma(x)^T, alpha learnable and 0 at the start.

    theta, phi and sigma are 1x1 convolutions to `inter_channels`. With one channel the attended value is added to
    every channel of x; with more, a last 1x1 convolution brings it back to the width of x. The attention runs
    fused, so the (H*W)^2 matrix, 0.8 GB for a 120x120 patch, is never stored. There is no 1/sqrt(d) in eq. 1.
    """

    def __init__(self, channels: int, inter_channels: int = 1) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, inter_channels, 1)
        self.phi = nn.Conv2d(channels, inter_channels, 1)
        self.sigma = nn.Conv2d(channels, inter_channels, 1)
        self.back = nn.Identity() if inter_channels == 1 else nn.Conv2d(inter_channels, channels, 1)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape."""
        batch, _, height, width = x.shape
        with torch.autocast(x.device.type, enabled=False):  # logits without 1/sqrt(d) want float32, and it is faster
            wide = x.float()
            multiple = _CUDA_WIDTH if x.is_cuda else 1
            query, key, value = (_tokens(conv(wide), multiple) for conv in (self.theta, self.phi, self.sigma))
            attended = scaled_dot_product_attention(query, key, value, scale=1.0)
            kept = attended[..., : self.sigma.out_channels]
            image = kept.squeeze(1).transpose(1, 2).reshape(batch, -1, height, width)
            return (wide + self.alpha * self.back(image)).to(x.dtype)


def _tokens(x: Tensor, multiple: int) -> Tensor:
    """[B, D, H, W] to [B, 1, H W, D], laid out anew, D filled with zeros to a multiple.

    torch's fused kernels want stride 1 on the last axis, also where that axis has length 1, which contiguous()
    leaves as it is, and on a GPU a width they can load at once; else the full matrix is stored and the block takes
    ten times as long. Zeros change neither the products nor the values that are kept.
    """
    x = pad(x, (0, 0, 0, 0, 0, -x.shape[1] % multiple))
    batch, width = x.shape[:2]
    return x.flatten(2).transpose(1, 2).reshape(-1).view(batch, 1, -1, width)
