"""A small CT phantom with three box vertebrae, its mask and centroids, and tiny weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume
from ReVerteRLib.inference.weights import register_weights, save_weights
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.registry import build_generator

SPACING_MM = 1.5
SHAPE_KJI = (100, 64, 60)
CENTRES_LPS_MM = {"T12": (2.0, 5.0, 30.0), "L1": (0.0, 2.0, 0.0), "L2": (-2.0, 6.0, -31.0)}
PATCH_SIZE = 24


def phantom() -> tuple[CtVolume, LabelVolume]:
    """Air, an elliptic trunk of soft tissue, three bone boxes of 24 x 18 x 21 mm."""
    matrix = np.diag([SPACING_MM] * 3 + [1.0])
    matrix[:3, 3] = -(np.array(SHAPE_KJI[::-1]) - 1) * SPACING_MM / 2
    k, j, i = np.indices(SHAPE_KJI)
    points = np.stack([i, j, k], axis=-1) * SPACING_MM + matrix[:3, 3]
    trunk = (points[..., 0] / 42) ** 2 + (points[..., 1] / 45) ** 2 < 1
    noise = np.random.default_rng(5).normal(0, 10, SHAPE_KJI)
    ct = np.where(trunk, 40 + noise, -1000).astype(np.float32)
    labels = np.zeros(SHAPE_KJI, dtype=np.uint8)
    for name, centre in CENTRES_LPS_MM.items():
        inside = (np.abs(points - np.array(centre)) <= [12, 9, 10.5]).all(axis=-1)
        ct[inside] = 600 + noise[inside]
        labels[inside] = level_from_name(name).verse_label
    return CtVolume(ct, matrix, "phantom.nii.gz"), LabelVolume(labels, matrix, "phantom mask")


def phantom_centroids() -> CentroidSet:
    return CentroidSet(tuple(Centroid(level_from_name(n), p) for n, p in CENTRES_LPS_MM.items()), "phantom")


def save_tiny_weights(resources: Path) -> Path:
    """A store with one untrained network whose answer is bone everywhere in the cube."""
    torch.manual_seed(0)
    config = GeneratorConfig(preset="tiny", trunk_channels=(4, 8), trunk_blocks=(1, 1), norm="group", head_bias=9.0)
    card = {
        "name": "tiny", "preset": "tiny", "generator": config.to_dict(), "patches": vars(PatchSettings(PATCH_SIZE)),
        "seed": 0, "steps": 0, "metrics": {}, "data": "none", "licence": "CC0-1.0", "date": "2024-05-06",
    }  # fmt: skip
    path = resources / "Weights" / "tiny.safetensors"
    save_weights(path, build_generator(config), card)
    register_weights(path, "tiny", folder=path.parent)
    return path
