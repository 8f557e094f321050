"""Noise and interpolation on dense grids, through torch because it is the fastest here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.geometry import Array


def smooth_noise(shape: tuple[int, ...], rng: np.random.Generator, grain: float) -> NDArray[np.float32]:
    """Unit-variance noise with grains of `grain` voxels, drawn coarse and interpolated."""
    import torch

    coarse = [max(2, int(np.ceil(n / grain)) + 1) for n in shape]
    drawn = torch.from_numpy(rng.standard_normal(coarse, dtype=np.float32))[None, None]
    fine = torch.nn.functional.interpolate(drawn, size=tuple(shape), mode="trilinear", align_corners=True)
    return (fine[0, 0] * 1.6).numpy()


def upsample(index: Array, step: int) -> NDArray[np.float32]:
    """Coarse coordinates [3, a, b, c] to every voxel, trilinear."""
    import torch

    size = [(n - 1) * step + 1 for n in index.shape[1:]]
    coarse = torch.from_numpy(np.ascontiguousarray(index, dtype=np.float32))[None]
    return torch.nn.functional.interpolate(coarse, size=size, mode="trilinear", align_corners=True)[0].numpy()


def sample(volume: NDArray[np.float32], index: NDArray[np.float32], *, outside: float) -> NDArray[np.float32]:
    """Trilinear samples of `volume` [k, j, i] at voxel coordinates [3, ...]."""
    import torch

    size = torch.tensor(volume.shape, dtype=torch.float32).view(3, 1, 1, 1)
    grid = (2.0 * torch.from_numpy(index) / (size - 1.0) - 1.0).flip(0).permute(1, 2, 3, 0)[None]
    source = torch.from_numpy(volume)[None, None] - outside
    return (torch.nn.functional.grid_sample(source, grid, align_corners=True)[0, 0] + outside).numpy()
