"""How far a training is, and the learning rate that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ReVerteRLib.training.config import OptimiserConfig, RunConfig


@dataclass(frozen=True)
class Schedule:
    """Progress and learning rate for one training; `steps_per_epoch` counts optimiser steps."""

    optimiser: OptimiserConfig
    run: RunConfig
    steps_per_epoch: float

    @property
    def total_steps(self) -> int:
        """Steps at which the training ends, 0 when only time limits it."""
        limits = [self.run.steps] if self.run.steps else []
        if self.run.epochs:
            limits.append(max(1, math.ceil(self.run.epochs * self.steps_per_epoch)))
        return min(limits, default=0)

    def progress(self, step: int, seconds: float) -> float:
        """Share of the training done, 0 to 1, by steps or by time, whichever is further."""
        by_steps = step / self.total_steps if self.total_steps else 0.0
        limit_s = 60.0 * self.run.time_limit_minutes
        return min(1.0, max(by_steps, seconds / limit_s if limit_s else 0.0))

    def factor(self, step: int, seconds: float) -> float:
        """Factor of the base learning rate for the step after `step` finished ones."""
        warm = min(1.0, (step + 1) / self.optimiser.warmup_steps) if self.optimiser.warmup_steps else 1.0
        if self.optimiser.schedule == "step":
            epoch = int(step / self.steps_per_epoch)
            return warm * self.optimiser.step_factor ** (epoch // self.optimiser.step_epochs)
        return warm * 0.5 * (1.0 + math.cos(math.pi * self.progress(step, seconds)))
