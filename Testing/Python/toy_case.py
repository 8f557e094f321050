"""Toy radiographs of three boxes on disk, their centroids, and a store with tiny weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet, write_centroids
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, write_radiograph
from ReVerteRLib.inference.weights import register_weights, save_weights
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.registry import build_generator

TOY_CENTRES_LPS_MM = {"T12": (2.0, 5.0, 20.0), "L1": (0.0, 2.0, 0.0), "L2": (-2.0, 6.0, -21.0)}
SIZE = 24


def toy_centroids(**moved: tuple[float, float, float]) -> CentroidSet:
    places = {**TOY_CENTRES_LPS_MM, **moved}
    return CentroidSet(tuple(Centroid(level_from_name(n), p) for n, p in places.items()), "toy")


def write_case(folder: Path) -> Path:
    for view, axis, column, beam in ((View.AP, 0, LEFT, POSTERIOR), (View.LATERAL, 1, POSTERIOR, LEFT)):
        origin = [0.0, 0.0, 60.0]
        origin[axis] = -40.0
        projection = Projection(view, Beam.PARALLEL, (121, 81), (1.0, 1.0), tuple(origin), INFERIOR, column, beam)
        z, across = 60.0 - np.arange(121)[:, None], np.arange(81)[None, :] - 40.0
        image = np.random.default_rng(axis).uniform(0.0, 0.2, (121, 81))
        for centre in TOY_CENTRES_LPS_MM.values():
            image += (np.abs(z - centre[2]) <= 8) & (np.abs(across - centre[axis]) <= 9)
        write_radiograph(Radiograph(image.astype(np.float32), projection), folder / f"{view.value}.nrrd")
    write_centroids(toy_centroids(), folder / "centroids.mrk.json")
    save_overlapping_weights(folder / "Resources")
    return folder


def save_overlapping_weights(resources: Path) -> None:
    """An untrained network that finds bone nearly everywhere, so that neighbouring cubes compete for voxels."""
    torch.manual_seed(0)
    config = GeneratorConfig(preset="tiny", trunk_channels=(4, 8), trunk_blocks=(1, 1), norm="group", head_bias=1.0)
    card = {
        "name": "tiny", "preset": "tiny", "generator": config.to_dict(), "patches": vars(PatchSettings(SIZE)),
        "seed": 0, "steps": 0, "metrics": {}, "data": "none", "licence": "CC0-1.0", "date": "2024-05-06",
    }  # fmt: skip
    path = resources / "Weights" / "tiny.safetensors"
    save_weights(path, build_generator(config), card)
    register_weights(path, "tiny", folder=path.parent)
