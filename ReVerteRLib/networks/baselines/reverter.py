"""ReVerteR itself and the paper's five ablations, from the shipped training configurations."""

from __future__ import annotations

import dataclasses

from torch import nn

from ReVerteRLib.networks.baselines.contract import Recipe, Scores, System
from ReVerteRLib.networks.registry import build_generator
from ReVerteRLib.training.config import TrainingConfig, load_config

_CITATION = "ReVerteR (the paper)"

# Table 3: VerSe-full and VerSe-small; the 5.00988 is printed so.
_ABLATIONS: dict[str, tuple[str, Scores, Scores]] = {
    "centroid": ("without centroid", (0.7774, 5.2345, 0.6703), (0.7512, 7.3896, 0.5702)),
    "nonlocal": ("without Non-local", (0.7800, 5.3749, 0.6763), (0.7492, 7.8278, 0.5681)),
    "dice": ("without Dice loss", (0.4991, 13.7402, 0.3261), (0.4574, 11.5412, 0.4144)),
    "focal_hausdorff": ("without Focal and Hausdorff", (0.7852, 5.00988, 0.6896), (0.7557, 7.1701, 0.5823)),
    "adversarial": ("without adversarial loss", (0.7859, 5.0647, 0.6896), (0.7559, 7.3753, 0.5802)),
}


def recipe_of(config: TrainingConfig) -> Recipe:
    """The part of a training configuration that a recipe states."""
    return Recipe(
        loss="integrated",
        optimiser=config.optimiser,
        batch=config.run.batch,
        adversarial="plain" if config.loss.w_gan else "none",
        loss_settings=config.loss,
        discriminator_width=config.run.discriminator_width,
    )


def _build(config: TrainingConfig, size: int) -> nn.Module:
    del size  # the generator takes any multiple of its divisor
    return build_generator(config.generator)


def _system(key: str, title: str, config: TrainingConfig) -> System:
    return System(
        key=key,
        title=title,
        citation=_CITATION,
        kind="reverter",
        build=lambda size: _build(config, size),
        recipe=recipe_of(config),
        training=config,
    )


def _ablation(name: str) -> System:
    label, full, small = _ABLATIONS[name]
    base = _system(f"without-{name.replace('_', '-')}", f"ReVerteR {label}", load_config("paper-half").without(name))
    return dataclasses.replace(base, kind="ablation", paper_full=full, paper_small=small)


_FINE, _COARSE = load_config("recommended"), load_config("recommended-quarter")
RECOMMENDED = dataclasses.replace(
    _system("reverter-recommended", "ReVerteR (recommended)", _FINE),
    build=lambda size: _build(_COARSE if size == _COARSE.patches.size else _FINE, size),
    coarse=_COARSE,
)
PAPER = dataclasses.replace(
    _system("reverter-paper", "ReVerteR (paper)", load_config("paper-half")),
    paper_full=(0.7938, 4.5836, 0.7182),
    paper_small=(0.7685, 6.3129, 0.6198),
)
ABLATED: tuple[System, ...] = tuple(_ablation(name) for name in _ABLATIONS)
"""The rows of Table 3."""
