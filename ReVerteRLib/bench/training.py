"""Training rows: what one step of each preset costs, stage by stage, against the processor's best convolution."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.bench.record import Row, timed_row

if TYPE_CHECKING:
    from torch import Tensor

    from ReVerteRLib.training.config import TrainingConfig
    from ReVerteRLib.training.stream import SampleSource

PART = "training"
STAGES = ("data", "forward", "loss", "distance fields", "backward", "discriminator", "optimiser")


@dataclass(frozen=True)
class TrainingSettings:
    """What is measured.

    presets: shipped configurations.
    steps:   measured, after one for warm-up.
    corpus:  of 'reverter prepare'; without one the samples are random and no time is told for data.
    batch, size: samples in a step and voxels along a patch's edge, 0 for the preset's own.
    """

    presets: tuple[str, ...] = ("recommended", "fast")
    steps: int = 5
    threads: int = 2
    corpus: Path | None = None
    batch: int = 0
    size: int = 0


@dataclass
class _Clock:
    """Seconds by stage of several steps."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """Does the work and keeps its time."""
        began = time.perf_counter()
        found = work()
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        return found


class StepBench:
    """One optimiser step of a configuration in separate stages, on the CPU; the mathematics of training.loop.

    source: samples; random ones when None.
    """

    def __init__(self, config: TrainingConfig, source: SampleSource | None = None) -> None:
        import torch

        from ReVerteRLib.networks.blocks import to_channels_last
        from ReVerteRLib.networks.registry import build_discriminator, build_generator
        from ReVerteRLib.training.losses import IntegratedLoss
        from ReVerteRLib.training.optimiser import build_optimiser

        torch.manual_seed(0)
        self._config, self._source = config, source
        self.network = to_channels_last(build_generator(config.generator)).train()
        self._optimiser = build_optimiser(self.network, config.optimiser, config.optimiser.lr)
        self._loss = IntegratedLoss(config.loss)
        self._discriminator = None
        if config.loss.w_gan:
            self._discriminator = to_channels_last(build_discriminator(config.run.discriminator_width))
        self.clock, self.flops = _Clock(), 0.0

    def step(self) -> None:
        """One step; its stages go to `clock`."""
        import torch

        batch = self.clock.timed("data", self._batch)
        logits = self.clock.timed("forward", lambda: self._forward(batch))
        target = self._target(batch["mask"])
        total = self.clock.timed("loss", lambda: self._smooth_loss(logits, target))
        if self._config.loss.w_hd:
            total = total + self.clock.timed("distance fields", lambda: self._distance_loss(logits, target))
        if self._discriminator is not None:
            total = total + self.clock.timed("discriminator", lambda: self._adversarial(logits, target))
        self.clock.timed("backward", total.backward)
        self.clock.timed("optimiser", self._optimiser.step)
        self._optimiser.zero_grad(set_to_none=True)
        if not torch.isfinite(total.detach()):
            raise FloatingPointError

    def count_flops(self) -> float:
        """Floating-point operations of the network's forward and backward pass for one batch."""
        from torch.utils.flop_counter import FlopCounterMode

        batch = self._batch()
        with FlopCounterMode(display=False) as counter:
            self._forward(batch).sum().backward()
        self._optimiser.zero_grad(set_to_none=True)
        return float(counter.get_total_flops())

    # --- stages --------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Samples in a step."""
        return self._config.run.batch

    def _batch(self) -> Mapping[str, Tensor]:
        from ReVerteRLib.training.stream import collate

        if self._source is None:
            return self._random_batch()
        count = len(self._source)
        start = len(self.clock.seconds.get("data", ())) * self.batch_size
        return collate([self._source[(start + n) % count] for n in range(self.batch_size)])

    def _random_batch(self) -> Mapping[str, Tensor]:
        import torch

        size, count, generator = self._config.patches.size, self.batch_size, self._config.generator
        ball = sum((torch.arange(size) - size / 2).reshape(s) ** 2 for s in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)))
        mask = (torch.as_tensor(ball) < (size / 6) ** 2).expand(count, 1, size, size, size)
        batch = {
            "ap": torch.randn(count, 2, size, size),
            "lateral": torch.randn(count, 2, size, size),
            "mask": mask,
            "level": torch.arange(count) % 20,
            "centroid_zyx": torch.full((count, 3), size / 2),
            "perspective": torch.zeros(count, 2, 4),
        }
        if generator.shape_prior:
            coarse = size // generator.stride
            batch["prior"] = torch.randn(count, 1, coarse, coarse, coarse)
        return batch

    def _forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        import torch

        inputs = [batch[key] for key in ("ap", "lateral", "level", "centroid_zyx", "perspective")]
        whole = not self._config.run.coarse_loss
        with torch.autocast("cpu", torch.bfloat16, enabled=self._config.run.precision == "bf16"):
            found: Tensor = self.network(*inputs, prior=batch.get("prior"), full_resolution=whole)
        return found

    def _target(self, mask: Tensor) -> Tensor:
        from torch.nn.functional import avg_pool3d

        from ReVerteRLib.networks.lifting import crop

        if not self._config.run.coarse_loss:
            return mask.float()
        generator = self._config.generator
        part = crop(mask, generator.box(mask.shape[-1])).float()
        return avg_pool3d(part, generator.stride) if generator.stride > 1 else part

    def _smooth_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """All terms but the distance fields' and the discriminator's."""
        return self._loss(logits, target, None, 1, -1.0).total

    def _distance_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """The term as in a step that has it; its share of the mean step is one in hd_every."""
        return self._config.loss.w_hd * self._loss.hausdorff(logits.float(), target)

    def _adversarial(self, logits: Tensor, target: Tensor) -> Tensor:
        import torch

        from ReVerteRLib.training.losses import discriminator_loss, generator_gan_loss

        network = self._discriminator
        if network is None:
            return logits.sum() * 0.0
        fake = torch.sigmoid(logits.float())
        discriminator_loss(network(target), network(fake.detach())).backward()
        network.requires_grad_(False)
        score = self._config.loss.w_gan * generator_gan_loss(network(fake))
        network.requires_grad_(True)
        return score


def measure_training(settings: TrainingSettings) -> list[Row]:
    """Rows of each preset: every stage, and the whole step with samples per second and the rate of its arithmetic."""
    import dataclasses

    import torch

    from ReVerteRLib.training.config import load_config

    torch.set_num_threads(settings.threads)
    rows: list[Row] = []
    for name in settings.presets:
        config = load_config(name)
        run = dataclasses.replace(config.run, batch=settings.batch or config.run.batch)
        patches = dataclasses.replace(config.patches, size=settings.size or config.patches.size)
        rows.extend(measure_config(name, dataclasses.replace(config, run=run, patches=patches), settings))
    return rows


def measure_config(name: str, config: TrainingConfig, settings: TrainingSettings) -> list[Row]:
    """Rows of one configuration."""
    bench = StepBench(config, _source(config, settings.corpus))
    work = bench.count_flops()
    bench.step()
    bench.clock.seconds.clear()
    for _ in range(settings.steps):
        bench.step()
    seconds = bench.clock.seconds
    if settings.corpus is None:
        del seconds["data"]
    share = {"distance fields": 1.0 / config.loss.hd_every}
    means = {key: share.get(key, 1.0) * sum(times) / len(times) for key, times in seconds.items()}
    # data are loaded while the step before computes
    computing = sum(value for key, value in means.items() if key != "data")
    slowest = max(means, key=lambda key: means[key])
    step = max(computing, means.get("data", 0.0))
    whole = timed_row(
        (PART, "whole step", name),
        [step],
        f"slowest: {slowest}; {config.run.precision}",
        samples_per_s=bench.batch_size / step,
        gflop=work / 1e9,
        gflop_per_s=work / 1e9 / (means["forward"] + means["backward"]),
    )
    return [whole, *(timed_row((PART, f"stage: {key}", name), times) for key, times in seconds.items())]


def _source(config: TrainingConfig, corpus: Path | None) -> SampleSource | None:
    """Samples of a prepared corpus as the training reads them."""
    if corpus is None:
        return None
    from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
    from ReVerteRLib.shapes.usual import UsualShape

    return CorpusDataset(
        corpus,
        config.patches,
        augmentation=Augmentation.training() if config.data.augment else None,
        seed=config.run.seed,
        usual=UsualShape() if config.generator.shape_prior else None,
        stride=config.generator.stride,
    )
