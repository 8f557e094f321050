"""Tiny systems and a tiny corpus: a whole benchmark in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ReVerteRLib.networks.systems import Recipe, System
from ReVerteRLib.training.config import LossConfig, OptimiserConfig

SIZE = 24
"""Voxels an edge of the toy samples; the benchmark pads them to the configuration's 64."""


class TinyNetwork(nn.Module):
    """Lifts both views and looks at them with two small convolutions at a quarter of the resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv3d(4, channels, 3, padding=1)
        self.norm = nn.BatchNorm3d(channels)
        self.head = nn.Conv3d(channels, 1, 1)

    def forward(
        self,
        ap: Tensor,
        lateral: Tensor,
        level: Tensor | None = None,
        centroid_zyx: Tensor | None = None,
        perspective: Tensor | None = None,
        *,
        prior: Tensor | None = None,
    ) -> Tensor:
        del level, centroid_zyx, perspective, prior
        size = ap.shape[-1]
        ap, lateral = (nn.functional.avg_pool2d(view, 4) for view in (ap, lateral))
        edge = ap.shape[-1]
        volume = torch.cat(
            [ap.unsqueeze(3).expand(-1, -1, -1, edge, -1), lateral.unsqueeze(4).expand(-1, -1, -1, -1, edge)], dim=1
        )
        logits = self.head(torch.relu(self.norm(self.inner(volume))))
        return nn.functional.interpolate(logits, size=(size,) * 3, mode="trilinear")


def tiny(key: str, *, channels: int = 2, batch: int = 2, adversarial: str = "none") -> System:
    integrated = adversarial != "none"
    return System(
        key=key,
        title=f"Tiny {key}",
        citation="none",
        kind="baseline",
        build=lambda _size: TinyNetwork(channels),
        recipe=Recipe(
            loss="integrated" if integrated else "dice",
            optimiser=OptimiserConfig(name="adam", lr=1e-2, step_factor=1.0),
            batch=batch,
            adversarial=adversarial,  # type: ignore[arg-type]
            loss_settings=LossConfig(w_hd=0.0) if integrated else None,
            discriminator_width=2,
        ),
        paper_full=(0.7, 5.0, 0.6),
    )


TOYS = (tiny("small"), tiny("wide", channels=3, batch=3), tiny("playing", adversarial="conditional"))
FLOOR = System(
    key="mean-shape",
    title="Mean shape",
    citation="none",
    kind="floor",
    build=lambda _size: nn.Identity(),
    recipe=None,
)


def write_corpus(folder: Path, patients: int = 3, vertebrae: int = 4, size: int = SIZE) -> Path:
    """Boxes with their silhouettes, one file a patient as the corpus builder writes it."""
    folder.mkdir(parents=True)
    for number in range(patients):
        rng = np.random.default_rng(number)
        masks = np.zeros((vertebrae, size, size, size), dtype=np.uint8)
        for mask in masks:
            z, y, x = rng.integers(4, 8, 3)
            mask[z : z + 10, y : y + 12, x : x + 9] = 1
        images = np.stack([masks.max(axis=2), masks.max(axis=3)], axis=1) * 200 + 20
        np.savez(
            folder / f"patient-{number:05d}.npz",
            images=(images + rng.integers(0, 20, images.shape)).astype(np.uint8),
            mask=np.stack([np.packbits(mask) for mask in masks]),
            level=np.arange(vertebrae, dtype=np.int64) + number,
            scale=np.tile(np.array([0.0, 10.0], np.float32), (vertebrae, 2, 1)),
            percentiles=np.tile(np.array([0.5, 9.0], np.float32), (vertebrae, 2, 1)),
            centroid_zyx=np.full((vertebrae, 3), (size - 1) / 2.0, np.float32),
            neighbours_zyx=np.full((vertebrae, 6, 3), np.nan, np.float32),
            perspective=np.zeros((vertebrae, 2, 4), np.float32),
            subject=np.array(f"subject{number}"),
        )
    return folder
