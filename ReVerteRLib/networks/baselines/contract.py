"""What a compared system consists of: its network, how it is trained, and what was published about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from ReVerteRLib.training.config import LossConfig, OptimiserConfig, TrainingConfig

Kind = Literal["reverter", "baseline", "ablation", "floor"]
Adversarial = Literal["none", "plain", "conditional"]
Scores = tuple[float, float, float]
"""Dice, 95 % Hausdorff distance (mm), normalised surface Dice."""


@dataclass(frozen=True)
class Recipe:
    """How a system is trained.

    loss:                key in `baselines.losses.LOSSES`; `build_loss(recipe)` gives the loss.
    optimiser:           published optimiser, learning rate and betas. Constant rates have step_factor 1.
    batch:               published samples a step.
    adversarial:         'plain': the discriminator sees the mask alone (1 channel); 'conditional': the mask and both
                         lifted radiographs (3 channels). `baselines.losses.discriminator_input` makes either.
    loss_settings:       weights of the integrated loss, for ReVerteR and its ablations; else None.
    discriminator_width: first layer of the PatchGAN (ndf).
    """

    loss: str
    optimiser: OptimiserConfig
    batch: int
    adversarial: Adversarial = "none"
    loss_settings: LossConfig | None = None
    discriminator_width: int = 64


@dataclass(frozen=True)
class System:
    """One row of the comparison.

    key, title, citation: name on the command line, label of the row, where it was published.
    build:                the network for patches of S voxels an edge. Its forward(ap, lateral, level=None,
                          centroid_zyx=None, perspective=None, *, prior=None) takes ap, lateral [B, 2, S, S] (image,
                          centroid mask; axes [z, x] and [z, y]) and gives logits [B, 1, S, S, S]; it pads to what it
                          needs and crops back. S: 60, 64, 120 and any other size for baselines, a multiple of the
                          generator's divisor for ReVerteR. A floor has no network: ArgumentError.
    recipe:               None for a floor, which is not trained.
    published_parameters: trainable values of the published shape, as printed there; None where nothing is printed.
    parameter_note:       how they are counted, and why ours differ if they do.
    build_published:      the published shape: one channel per view, 128 voxels; for counting.
    paper_full, paper_small: what the paper prints for VerSe-full and VerSe-small; other data than ours.
    training:             complete configuration of ReVerteR's rows (patches, generator, loss, run); else None.
    coarse:               the same for the grid of 4 mm, where patches of its own differ there; else None.
    """

    key: str
    title: str
    citation: str
    kind: Kind
    build: Callable[[int], nn.Module]
    recipe: Recipe | None
    published_parameters: int | None = None
    parameter_note: str = ""
    build_published: Callable[[], nn.Module] | None = None
    paper_full: Scores | None = None
    paper_small: Scores | None = None
    training: TrainingConfig | None = None
    coarse: TrainingConfig | None = None
