"""Makes `synthetic` importable and gives a tiny configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ReVerteRLib.training.config import TrainingConfig, config_from_dict


def tiny_config(**sections: object) -> TrainingConfig:
    """Fast network of a few hundred weights, 24 voxel patches, batch 2."""
    base: dict[str, dict[str, object]] = {
        "generator": {
            "preset": "fast",
            "stem_channels": [4, 8],
            "trunk_channels": [4, 8],
            "trunk_blocks": [1, 1],
            "nonlocal_inter_channels": 2,
            "light_finest": False,
            "region": [],
            "shape_prior": False,
        },
        "patches": {"size": 24},
        "loss": {"w_ce": 1.0, "hd_every": 2},
        "optimiser": {"name": "adamw", "lr": 1e-2, "schedule": "cosine", "warmup_steps": 2},
        "run": {
            "epochs": 0,
            "steps": 6,
            "batch": 2,
            "coarse_loss": False,
            "level_dropout": 0.3,
            "ema_decay": 0.9,
            "checkpoint_every": 0,
            "validation_every": 3,
            "threads": 1,
            "device": "cpu",
            "discriminator_width": 2,
            "seed": 11,
        },
    }
    for name, settings in sections.items():
        base[name] = {**base.get(name, {}), **settings}  # type: ignore[dict-item]
    return config_from_dict({"name": "tiny", **base})


@pytest.fixture
def make_config():
    return tiny_config
