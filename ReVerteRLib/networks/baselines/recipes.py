"""Trainings that several systems share."""

from __future__ import annotations

from ReVerteRLib.networks.baselines.contract import Recipe
from ReVerteRLib.training.config import OptimiserConfig

BENCHMARK = Recipe(
    loss="dice",
    optimiser=OptimiserConfig(name="adam", lr=2e-4, step_factor=1.0),
    batch=8,
)
"""Of the XrayTo3D benchmark (Shakya and Khanal 2023) for vertebrae: soft Dice, Adam at 2e-4, batches of 8."""
