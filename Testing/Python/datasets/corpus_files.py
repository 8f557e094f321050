"""A small generated corpus folder, written as the corpus builder writes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIZE = 24


def patient(rng: np.random.Generator, orders: tuple[int, ...], subject: str, size: int = SIZE) -> dict[str, np.ndarray]:
    """One sample a level: an ellipsoid with its shadows, some pixels outside, neighbours 20 voxels up and down."""
    images, masks = [], []
    for _ in orders:
        zyx = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1)
        mask = (((zyx - size / 2) / rng.uniform(4, 9, 3)) ** 2).sum(axis=-1) < 1
        views = [mask.sum(axis=axis) * 10 + rng.integers(1, 9, (size, size)) for axis in (1, 2)]
        pair = np.clip(np.stack(views), 1, 255).astype(np.uint8)
        pair[:, :2] = 0
        images.append(pair)
        masks.append(np.packbits(mask))
    count = len(orders)
    near = np.full((count, 6, 3), np.nan, dtype=np.float32)
    near[:, 0], near[:, 1] = (-8.0, 10.0, 12.0), (32.0, 14.0, 12.0)
    return {
        "images": np.stack(images),
        "scale": rng.uniform(0, 5, (count, 2, 2)).astype(np.float32).cumsum(axis=2),
        "percentiles": rng.uniform(1, 3, (count, 2, 2)).astype(np.float32).cumsum(axis=2),
        "mask": np.stack(masks),
        "level": np.array(orders, dtype=np.int64),
        "centroid_zyx": np.full((count, 3), size / 2, dtype=np.float32),
        "neighbours_zyx": near,
        "perspective": np.zeros((count, 2, 4), dtype=np.float32),
        "subject": np.array(subject),
    }


def write_corpus(folder: Path, *, size: int = SIZE) -> Path:
    """Three synthetic patients, one without a sample, and a real one."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "patient-00000": patient(rng, (18, 19, 20), "sub-a", size),
        "patient-00001": {"subject": np.array("sub-b")},
        "patient-00002": patient(rng, (7, 8), "sub-b", size),
        "real-sub-c": patient(rng, (19, 21), "sub-c", size),
    }
    for name, arrays in content.items():
        np.savez_compressed(folder / f"{name}.npz", **arrays)
    record = {"patients": 3, "seed": 1, "split": "train", "patches": {"size": size, "posterior_offset_mm": 0.0}}
    (folder / "corpus.json").write_text(json.dumps(record))
    return folder
