"""A tiny data set for tests: boxes and ellipsoids with their silhouettes."""

from __future__ import annotations

import numpy as np


class Shapes:
    """`count` samples of edge `size`; `jitter` moves a sample by its epoch, as an augmentation would."""

    def __init__(self, count: int, size: int = 24, *, jitter: bool = False) -> None:
        self.count, self.size, self.jitter, self.epoch = count, size, jitter, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, object]:
        if not 0 <= index < self.count:
            raise IndexError(index)
        rng = np.random.default_rng([index, self.epoch if self.jitter else 0])
        size = self.size
        centre, radius = rng.uniform(0.35, 0.65, 3) * size, rng.uniform(0.15, 0.28, 3) * size
        grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1)
        relative = np.abs((grid - centre) / radius)
        mask = (relative**2).sum(-1) < 1 if index % 2 else relative.max(-1) < 0.8
        dot = np.zeros((size, size), dtype=np.float32)
        dot[size // 2 - 1 : size // 2 + 1, size // 2 - 1 : size // 2 + 1] = 1.0
        return {
            "ap": np.stack([mask.sum(1) / size, dot]).astype(np.float32),
            "lateral": np.stack([mask.sum(2) / size, dot]).astype(np.float32),
            "mask": mask[None],
            "level": index % 26,
            "centroid_zyx": np.full(3, (size - 1) / 2.0),
            "perspective": np.zeros((2, 4)),
        }
