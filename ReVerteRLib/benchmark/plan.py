"""What a benchmark trains: which systems with which seeds, and how each is configured."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks import systems as registry
from ReVerteRLib.networks.systems import Recipe, System
from ReVerteRLib.training.config import LossConfig, OptimiserConfig, TrainingConfig, load_config

ALL = "all"
GRIDS: dict[str, str] = {"full": "paper", "half": "paper-half", "quarter": "paper-quarter"}
"""Shipped configurations by grid; their patches are those of all systems that bring none of their own."""
Regime = Literal["published", "short"]
SHORT_RATE, SHORT_WARMUP = 1e-3, 50
"""Peak rate and warm-up steps of a short training: those with which `paper-half` and `paper-quarter` replace the
paper's 1e-4."""
SHORT_LOGIT = -4.0
"""Where the outputs of a short training start: a patch of 128 mm is bone of its vertebra to 1.6 %. From probabilities
of one half, a Dice loss alone spends its first thousand steps on the background."""


@dataclass(frozen=True)
class BenchmarkSettings:
    """What holds for every system alike.

    budget:    samples that each system sees, whatever its batch.
    grid:      'full' (120 voxels of 1 mm), 'half' (64 of 2 mm) or 'quarter' (32 of 4 mm).
    regime:    'published' learning rates of the compared systems, or 'short', for budgets that are a small part of the
               published trainings: SHORT_RATE for all of them, falling to nothing (cosine) as ReVerteR's own does,
               and outputs of all systems that start at SHORT_LOGIT.
    augment:   change the samples at random when they are read, all systems' alike.
    precision: 'bf16' or 'fp32'.
    threads:   of torch on a processor; 0 for torch's choice.
    device:    'auto', 'cpu' or 'cuda'.
    """

    budget: int
    grid: str = "half"
    regime: Regime = "published"
    augment: bool = True
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise ArgumentError(f"a budget of {self.budget} samples is impossible", remedy="Use 1 or more")
        if self.grid not in GRIDS:
            raise ArgumentError(f"grid '{self.grid}' is unknown", remedy=f"Use one of {', '.join(GRIDS)}")

    @property
    def base(self) -> TrainingConfig:
        """The shipped configuration for this grid."""
        return load_config(GRIDS[self.grid])

    @property
    def patches(self) -> PatchSettings:
        """Of all systems that bring none of their own."""
        return self.base.patches


@dataclass(frozen=True)
class Job:
    """One training: a system with a seed."""

    system: System
    seed: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.system.key}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Where it is kept below the benchmark's folder."""
        return Path(out) / "trained" / self.system.key / f"seed-{self.seed}"


def chosen_systems(names: Sequence[str], known: Sequence[System] | None = None) -> tuple[System, ...]:
    """Systems by key in the order given; 'all' stands for every one. Raises ArgumentError.

    known: those of networks.systems by default.
    """
    known = registry.SYSTEMS if known is None else known
    if list(names) == [ALL]:
        return tuple(known)
    by_key = {item.key: item for item in known}
    if len(set(names)) < len(names):
        raise ArgumentError("a system is named twice", where="--systems", remedy="Name each once")
    return tuple(by_key[name] if name in by_key else registry.system(name) for name in names)


def jobs(systems: Sequence[System], seeds: int, more: Mapping[str, int] | None = None) -> tuple[Job, ...]:
    """All trainings: first every system with the first seed, then with the second, and so on.

    more: other numbers of seeds for some systems by key. Raises ArgumentError.
    """
    counts = {item.key: (more or {}).get(item.key, seeds) for item in systems}
    if unknown := sorted(set(more or {}) - set(counts)):
        raise ArgumentError(f"{', '.join(unknown)} is not among the systems", where="--seeds")
    if min(counts.values(), default=1) < 1:
        raise ArgumentError("a system needs at least one seed", where="--seeds")
    trained = [item for item in systems if item.recipe is not None]
    return tuple(
        Job(item, seed)
        for seed in range(max(counts.values(), default=0))
        for item in trained
        if seed < counts[item.key]
    )


def training_config(job: Job, settings: BenchmarkSettings) -> TrainingConfig:
    """The whole configuration of one training; the system's own recipe, the benchmark's patches, budget and seed.

    ReVerteR's rows bring a configuration of their own. Raises ArgumentError for a system without a recipe.
    """
    recipe = job.system.recipe
    if recipe is None:
        raise ArgumentError(f"{job.system.key} is not trained")
    base = _base(job.system, settings, recipe)
    run = dataclasses.replace(
        base.run,
        epochs=0,
        steps=math.ceil(settings.budget / base.run.batch),
        time_limit_minutes=0.0,
        accumulation=1,
        seed=job.seed,
        precision=settings.precision,
        checkpoint_every=0,
        validation_every=0,
        threads=settings.threads,
        device=settings.device,
    )
    data = dataclasses.replace(base.data, augment=settings.augment)
    return dataclasses.replace(base, name=job.system.key, run=run, data=data)


def patches_of(system: System, settings: BenchmarkSettings) -> PatchSettings:
    """How the patches of a system are cut."""
    own = own_training(system, settings)
    if own is None or own.patches == load_config(GRIDS["half"]).patches:
        return settings.patches
    return own.patches


def own_training(system: System, settings: BenchmarkSettings) -> TrainingConfig | None:
    """The configuration that a row of ReVerteR brings for this grid."""
    coarse = system.coarse if settings.grid == "quarter" else None
    return coarse or system.training


def _base(system: System, settings: BenchmarkSettings, recipe: Recipe) -> TrainingConfig:
    base, own, patches = settings.base, own_training(system, settings), patches_of(system, settings)
    if own is None:
        # The section of losses stays unused but for its label smoothing: the recipe names the loss.
        loss = recipe.loss_settings or LossConfig(w_gan=0.0 if recipe.adversarial == "none" else LossConfig.w_gan)
        run = dataclasses.replace(
            base.run, batch=recipe.batch, discriminator_width=recipe.discriminator_width, level_dropout=0.0
        )
        return dataclasses.replace(base, optimiser=_optimiser(recipe.optimiser, settings), loss=loss, run=run)
    if settings.grid == "full" and patches == settings.patches:  # the published network with its published training
        loss = dataclasses.replace(own.loss, hd_every=base.loss.hd_every)
        return dataclasses.replace(base, generator=own.generator, loss=loss)
    return dataclasses.replace(own, patches=patches)


def _optimiser(published: OptimiserConfig, settings: BenchmarkSettings) -> OptimiserConfig:
    """A compared system's own, with the learning rate of a short training where that is wanted."""
    if settings.regime == "published":
        return published
    return dataclasses.replace(published, lr=SHORT_RATE, schedule="cosine", warmup_steps=SHORT_WARMUP)
