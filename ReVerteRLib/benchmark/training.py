"""Trains the systems of a benchmark one after the other, each from where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ReVerteRLib.benchmark.corpora import Corpora
from ReVerteRLib.benchmark.plan import SHORT_LOGIT, BenchmarkSettings, Job, training_config
from ReVerteRLib.benchmark.records import TrainingRecord, read_training, write_training
from ReVerteRLib.errors import ArgumentError, CancelledError, InputError, OutputError, ResourceError
from ReVerteRLib.networks.baselines.losses import build_loss, discriminator_channels
from ReVerteRLib.networks.patchgan import PatchGan3d
from ReVerteRLib.networks.registry import count_parameters
from ReVerteRLib.networks.systems import System
from ReVerteRLib.progress import Progress
from ReVerteRLib.training.checkpoint import load_checkpoint
from ReVerteRLib.training.config import TrainingConfig
from ReVerteRLib.training.loop import Trainer
from ReVerteRLib.training.parts import TrainingParts
from ReVerteRLib.training.stream import SampleSource

_CHECKPOINT_MINUTES = 4.0
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Status:
    """How far one training of the plan is.

    samples: seen so far, of `budget`.
    """

    job: Job
    samples: int
    budget: int
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether it has seen its budget."""
        return self.samples >= self.budget


def status(jobs: Sequence[Job], settings: BenchmarkSettings, out: Path) -> tuple[Status, ...]:
    """How far all trainings are, by their records. Raises InputError for damaged ones."""
    found = []
    for job in jobs:
        record = read_training(job.folder(out))
        samples, seconds = (record.samples, record.seconds) if record else (0, 0.0)
        found.append(Status(job, samples, settings.budget, seconds))
    return tuple(found)


def training_parts(system: System, config: TrainingConfig, start_logit: float | None = None) -> TrainingParts:
    """A system's network, loss and discriminator with fresh weights. Raises ArgumentError.

    start_logit: where the outputs start, unless the system's own start is as low; None leaves them alone.
    """
    recipe, size = system.recipe, config.patches.size
    if recipe is None:
        raise ArgumentError(f"{system.key} is not trained")
    network = system.build(size)
    if start_logit is not None:
        _start_at(network, start_logit)
    discriminator: nn.Module | None = None
    if recipe.adversarial != "none":
        discriminator = PatchGan3d(recipe.discriminator_width, discriminator_channels(recipe.adversarial))
    return TrainingParts(network, build_loss(recipe), discriminator, recipe.adversarial == "conditional")


def _start_at(network: nn.Module, logit: float) -> None:
    """Sets the bias of the last layer with one output; a head of two classes learns its share by its own loss."""
    for layer in reversed(list(network.modules())):
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d) and layer.out_channels == 1 and layer.bias is not None:
            if float(layer.bias.detach()) > logit / 2:
                nn.init.constant_(layer.bias, logit)
            return


class JobTrainer(Trainer):
    """A trainer that notes its progress beside every checkpoint."""

    def __init__(self, job: Job, settings: BenchmarkSettings, source: SampleSource, out: Path) -> None:
        """out: the benchmark's folder."""
        config, budget = training_config(job, settings), settings.budget
        start = SHORT_LOGIT if settings.regime == "short" else None
        super().__init__(
            config,
            source,
            None,
            job.folder(out),
            parts=lambda: training_parts(job.system, config, start),
            samples=budget,
        )
        self._job, self._budget = job, budget

    @property
    def samples(self) -> int:
        """Seen so far."""
        return min(self.step * self.run_config.batch, self._budget)

    def _save(self) -> None:
        super()._save()
        record = TrainingRecord(
            system=self._job.system.key,
            seed=self._job.seed,
            samples=self.samples,
            steps=self.step,
            batch=self.run_config.batch,
            seconds=self.seconds,
            parameters=count_parameters(self.network),
        )
        write_training(self.out_dir, record)

    def _plot(self) -> None:
        if self.samples >= self._budget:
            super()._plot()


class Benchmark:
    """The trainings of a plan.

    out:      everything is kept below it.
    clock:    seconds; for the time limit.
    failures: why a training broke off, by the job's name; the others go on.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        settings: BenchmarkSettings,
        corpora: Corpora,
        out: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.jobs, self.settings, self.corpora, self.out = tuple(jobs), settings, corpora, Path(out)
        self._clock = clock
        self.failures: dict[str, str] = {}

    def status(self) -> tuple[Status, ...]:
        """How far all trainings are."""
        return status(self.jobs, self.settings, self.out)

    def train(
        self,
        *,
        minutes: float = 0.0,
        portion: int = 0,
        progress: Progress | None = None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> bool:
        """Trains what is unfinished; whether everything is finished at the end.

        minutes: ends at a checkpoint after so long; 0 for no limit.
        portion: samples of one training before the next has its turn; 0 to finish each first. All trainings are then
                 about equally far whenever the run ends.
        progress is told of the samples of the current training, `note` of one that breaks off. Raises OutputError;
        other errors of one training are kept in `failures`.
        """
        ends = self._clock() + 60.0 * minutes if minutes else None
        goal = portion or self.settings.budget
        while True:
            for state in self.status():
                if state.samples >= min(goal, self.settings.budget) or state.job.name in self.failures:
                    continue
                if ends is not None and self._clock() >= ends:
                    return False
                if not self._train_or_note(state.job, min(goal, self.settings.budget), ends, progress):
                    return False
                if state.job.name in self.failures:
                    note(f"{state.job.name} could not go on: {self.failures[state.job.name]}")
            if goal >= self.settings.budget:
                return not self.failures
            goal += portion

    def _train_or_note(self, job: Job, goal: int, ends: float | None, progress: Progress | None) -> bool:
        """As `_train_one`; a training that cannot go on is noted and left."""
        try:
            return self._train_one(job, goal, ends, progress)
        except (InputError, ResourceError, ArgumentError) as error:
            if isinstance(error, OutputError):  # nothing else could be kept either
                raise
            self.failures[job.name] = error.message()
            return True

    def _train_one(self, job: Job, goal: int, ends: float | None, progress: Progress | None) -> bool:
        """Trains until `goal` samples; whether it came so far before the time was over."""
        config = training_config(job, self.settings)
        source = self.corpora.source(config, job.seed)
        trainer = JobTrainer(job, self.settings, source, self.out)
        resume = trainer.checkpoint_path.is_file()
        if resume:
            trainer.load()
        steps = min(-(-goal // config.run.batch), trainer.schedule.total_steps) - trainer.step
        if steps <= 0:
            trainer.save()  # a record that was lost, or the end of a larger budget
            return True
        try:
            trainer.run(
                progress=_samples_of(trainer, job, self.settings.budget, progress),
                cancelled=lambda: ends is not None and self._clock() >= ends,
                stop_after=steps,
                checkpoint_minutes=_CHECKPOINT_MINUTES,
            )
        except CancelledError:
            return False
        return True


def _samples_of(trainer: JobTrainer, job: Job, budget: int, progress: Progress | None) -> Progress | None:
    """Progress in samples of this training."""
    if progress is None:
        return None
    return lambda _done, _total, text: progress(trainer.samples, budget, f"{job.name}: {text}")


def trained_network(job: Job, settings: BenchmarkSettings, out: Path) -> nn.Module:
    """The averaged weights of a training so far, on the CPU, for evaluation. Raises InputError without a checkpoint."""
    config = training_config(job, settings)
    with torch.random.fork_rng(devices=[]):  # neither building nor loading may move the global seed
        network = job.system.build(config.patches.size)
        state = load_checkpoint(job.folder(out) / CHECKPOINT)
    network.load_state_dict(state["average"])
    return network.eval()
