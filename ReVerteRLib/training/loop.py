"""The training loop: alternating generator and discriminator steps, checkpoints, exact resume, validation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d

from ReVerteRLib.devices import pick_device
from ReVerteRLib.errors import CancelledError, InputError, ResourceError
from ReVerteRLib.files import ensure_writable_folder, write_json
from ReVerteRLib.networks.blocks import to_channels_last
from ReVerteRLib.networks.lifting import crop, lift_pair
from ReVerteRLib.networks.small_inputs import exact_small_convolutions
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.training.card import refuse_other_network, training_card
from ReVerteRLib.training.checkpoint import load_checkpoint, refuse_other_config, save_checkpoint
from ReVerteRLib.training.config import TrainingConfig
from ReVerteRLib.training.ema import WeightAverage
from ReVerteRLib.training.journal import Journal
from ReVerteRLib.training.losses import discriminator_loss
from ReVerteRLib.training.optimiser import Optimiser, build_optimiser
from ReVerteRLib.training.parallel import Workers
from ReVerteRLib.training.parts import PartsMaker, default_parts
from ReVerteRLib.training.schedule import Schedule
from ReVerteRLib.training.stream import Batch, BatchStream, SampleSource, collate

if TYPE_CHECKING:
    from ReVerteRLib.inference.weights import LoadedWeights

_PER_MILLE = 1000


class Trainer:
    """Trains one network; everything it writes goes to `out_dir`.

    out_dir holds checkpoint.pt, log.csv (every weighted loss term of every step), losses.png and config.json.
    Raises DatasetError for an empty data set, OutputError where out_dir cannot be written, ArgumentError for a
    device that is not there.
    """

    def __init__(
        self,
        config: TrainingConfig,
        train: SampleSource,
        validation: SampleSource | None,
        out_dir: Path,
        *,
        workers: Workers | None = None,
        parts: PartsMaker | None = None,
        samples: int = 0,
    ) -> None:
        """workers: the processes that train together (parallel.torchrun_workers); this one alone by default.

        parts:   makes network, loss and discriminator; ReVerteR's own by default (parts.default_parts).
        samples: the last batch is cut so that no more than so many are seen; 0 for whole batches.
        """
        self.config, self.run_config = config, config.run
        self.workers = workers or Workers()
        self.out_dir = ensure_writable_folder(Path(out_dir))
        self.device = pick_device(config.run.device)
        if config.run.threads and self.device.type == "cpu":
            torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.run.seed)
        self._stream = BatchStream(
            train, config.run.batch, config.run.seed, self.workers.rank, self.workers.size, limit=samples
        )
        self._validation = validation
        made = parts() if parts is not None else default_parts(config)
        self.network: nn.Module = exact_small_convolutions(to_channels_last(made.network)).to(self.device)
        self.average = WeightAverage(self.network, config.run.ema_decay)
        self.optimiser = build_optimiser(self.network, config.optimiser, config.optimiser.lr)
        self.discriminator: nn.Module | None = None
        self.discriminator_optimiser: Optimiser | None = None
        if made.discriminator is not None:
            self.discriminator = exact_small_convolutions(to_channels_last(made.discriminator)).to(self.device)
            self.discriminator_optimiser = build_optimiser(
                self.discriminator, config.optimiser, config.optimiser.discriminator_lr
            )
        self.loss, self._conditional = made.loss, made.conditional
        self.schedule = Schedule(
            config.optimiser,
            config.run,
            len(train) / (config.run.batch * config.run.accumulation * self.workers.size),
        )
        self.step, self.seconds = 0, 0.0
        self._origin: dict[str, Any] | None = None
        self.validation_dice: float | None = None

    @property
    def checkpoint_path(self) -> Path:
        """Where the state is kept."""
        return self.out_dir / "checkpoint.pt"

    # --- running -------------------------------------------------------------------------------

    def run(
        self,
        *,
        resume: bool = False,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        stop_after: int = 0,
        checkpoint_minutes: float = 0.0,
    ) -> None:
        """Trains until the configured end, or for `stop_after` more steps; leaves a checkpoint in any case.

        checkpoint_minutes: a checkpoint also after so long without one; 0 for never.
        Raises CancelledError (after a checkpoint), InputError when the loss is no longer finite (the last good
        checkpoint stays) or the checkpoint does not fit, ResourceError when memory runs out.
        """
        if resume:
            self.load()
        if self.workers.first:
            write_json(self.out_dir / "config.json", self.config.to_dict())
        journal = Journal(self.out_dir / "log.csv", self.step) if self.workers.first else None
        last = self.step + stop_after if stop_after else None
        saved = self.seconds
        batches = self._stream.batches(self.step * self.run_config.accumulation)
        with contextlib.closing(batches), _memory_errors():
            while self.schedule.progress(self.step, self.seconds) < 1.0 and self.step != last:
                if self._cancelled(cancelled):
                    self.save()
                    raise CancelledError(f"cancelled after {self.step} steps", remedy="Continue with --resume")
                row = self._timed_step(batches)
                if journal is not None:
                    journal.append(row)
                    self._report(progress)
                if checkpoint_minutes and self.seconds - saved >= 60.0 * checkpoint_minutes:
                    self.save()
                    saved = self.seconds
            if self.validation_dice is None or not self._due(self.run_config.validation_every):
                self.validate()
        self.save()
        self._plot()

    def _cancelled(self, cancelled: Cancelled | None) -> bool:
        """Asked in the first process, heeded in all."""
        asked = cancelled is not None and self.workers.first and cancelled()
        return bool(self.workers.share_first(float(asked), self.device))

    def _timed_step(self, batches: Iterator[Batch]) -> dict[str, Any]:
        """One optimiser step with the validation and checkpoint that are due; the journal's row."""
        started = time.monotonic()
        before = self.seconds
        lr_factor = self.schedule.factor(self.step, self.seconds)
        row = self._optimiser_step(batches, lr_factor)
        self.step += 1
        self.average.update(self.network, self.step)
        self.seconds = self._clock(before, started)
        if self._due(self.run_config.validation_every):
            row["validation_dice"] = self.validate()
            self.seconds = self._clock(before, started)
        if self._due(self.run_config.checkpoint_every):
            self.save()
            self._plot()
        lr = self.config.optimiser.lr * lr_factor
        epoch = (self.step - 1) / self.schedule.steps_per_epoch
        share = self.schedule.progress(self.step, self.seconds)
        return {"step": self.step, "epoch": epoch, "progress": share, "seconds": self.seconds, "lr": lr, **row}

    def _clock(self, before: float, started: float) -> float:
        """Seconds of training, the same in all processes, since the schedule follows them."""
        return self.workers.share_first(before + time.monotonic() - started, self.device)

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _report(self, progress: Progress | None) -> None:
        if progress is None:
            return
        done = int(_PER_MILLE * self.schedule.progress(self.step, self.seconds))
        dice = "" if self.validation_dice is None else f", validation Dice {self.validation_dice:.3f}"
        progress(done, _PER_MILLE, f"step {self.step}, {self.seconds / 60:.1f} min, loss {self._last_total:.3f}{dice}")

    # --- one step ------------------------------------------------------------------------------

    def _optimiser_step(self, batches: Iterator[Batch], lr_factor: float) -> dict[str, Any]:
        self.network.train()
        for optimiser, lr in self._optimisers():
            for group in optimiser.param_groups:
                group["lr"] = lr * lr_factor
            optimiser.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        share = 1.0 / self.run_config.accumulation
        for part in range(self.run_config.accumulation):
            for name, value in self._accumulate(next(batches), part, share).items():
                sums[name] = sums.get(name, 0.0) + share * value
        for network in (self.network, self.discriminator):
            if network is not None:
                self.workers.average_gradients(network)
        sums = self._mean_of(sums)
        self._last_total = sums["total"]
        limit = self.config.optimiser.gradient_clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        self._refuse_not_finite({**sums, "gradient_norm": float(norm)})
        for optimiser, _ in self._optimisers():
            optimiser.step()
        return {**sums, "gradient_norm": float(norm)}

    def _mean_of(self, values: dict[str, float]) -> dict[str, float]:
        """Mean over the processes; the same terms are computed in all of them."""
        told = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        return dict(zip(values, (self.workers.sum(told) / self.workers.size).tolist(), strict=True))

    def _optimisers(self) -> Iterator[tuple[Optimiser, float]]:
        yield self.optimiser, self.config.optimiser.lr
        if self.discriminator_optimiser is not None:
            yield self.discriminator_optimiser, self.config.optimiser.discriminator_lr

    def _accumulate(self, batch: Batch, part: int, share: float) -> dict[str, float]:
        """Backward passes of one batch, first the discriminator's, then the generator's; the values for the log."""
        batch = {key: value.to(self.device) for key, value in batch.items()}
        batch["level"] = self._hide_levels(batch["level"], part)
        coarse = {"full_resolution": False} if self.run_config.coarse_loss else {}
        with self._autocast():
            logits = self.network(*_inputs(batch), prior=batch.get("prior"), **coarse)
        target = self._target(batch["mask"])
        values: dict[str, float] = {}
        scores = None
        if self.discriminator is not None:
            seen = self._condition(batch)
            values["discriminator"] = self._discriminator_backward(self.discriminator, logits, target, seen, share)
            self.discriminator.requires_grad_(False)
            with self._autocast():
                scores = self.discriminator(torch.cat([torch.sigmoid(logits.float()), *seen], dim=1))
        terms = self.loss(logits, target, scores, self.step, self.schedule.progress(self.step, self.seconds))
        (terms.total * share).backward()
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)
        values |= {name: float(value) for name, value in terms.weighted.items()}
        return {**values, "total": float(terms.total.detach())}

    def _condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """Both radiographs as volumes [B, 1, S, S, S], without their centroid channels; nothing where not wanted."""
        if not self._conditional:
            return ()
        return lift_pair(batch["ap"][:, :1], batch["lateral"][:, :1], batch["perspective"], batch["centroid_zyx"])

    def _discriminator_backward(
        self, network: nn.Module, logits: Tensor, target: Tensor, seen: tuple[Tensor, ...], share: float
    ) -> float:
        """Real input: the mask; fake input: the probabilities, detached; both beside what else it sees."""
        fake = torch.sigmoid(logits.detach().float())
        with self._autocast():
            scores_real, scores_fake = (network(torch.cat([shape, *seen], dim=1)) for shape in (target, fake))
        loss = discriminator_loss(scores_real, scores_fake, self.config.loss.real_label)
        (loss * share).backward()
        return float(loss.detach())

    def _target(self, mask: Tensor) -> Tensor:
        """The mask as float where the logits are; on a coarser grid the share of bone in each voxel."""
        if not self.run_config.coarse_loss:
            return mask.float()
        generator = self.config.generator
        part = crop(mask, generator.box(mask.shape[-1])).float()
        return avg_pool3d(part, generator.stride) if generator.stride > 1 else part

    def _hide_levels(self, level: Tensor, part: int) -> Tensor:
        """Some levels become -1 (unknown); which ones depends on seed and step alone."""
        if not self.run_config.level_dropout:
            return level
        seed = (self.run_config.seed * 1_000_003 + self.step) * self.run_config.accumulation + part
        draw = torch.rand(level.shape, generator=torch.Generator().manual_seed(seed))
        return torch.where((draw < self.run_config.level_dropout).to(level.device), -1, level)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.run_config.precision == "bf16")

    def _refuse_not_finite(self, values: dict[str, float]) -> None:
        bad = [name for name, value in values.items() if not torch.isfinite(torch.tensor(value))]
        if bad:
            raise InputError(
                f"{', '.join(bad)} became NaN or infinite in step {self.step + 1}",
                where=self.checkpoint_path,
                remedy="The last checkpoint is kept; lower optimiser.lr, set gradient_clip or use precision fp32",
            )

    # --- validation ----------------------------------------------------------------------------

    def validate(self) -> float | None:
        """Mean Dice of the averaged weights over the validation samples at full resolution; None without any."""
        source = self._validation
        if source is None or len(source) == 0:
            return None
        wanted = min(self.run_config.validation_samples or len(source), len(source))
        indices = [round(i * (len(source) - 1) / max(wanted - 1, 1)) for i in range(wanted)]
        mine = indices[self.workers.rank :: self.workers.size]
        with torch.inference_mode(), self._autocast():
            scores = [self._dice_of(collate([source[index]])) for index in mine]
        total = self.workers.sum(torch.tensor([sum(scores)], dtype=torch.float64, device=self.device))
        self.validation_dice = float(total) / len(indices)
        return self.validation_dice

    def _dice_of(self, batch: Batch) -> float:
        batch = {key: value.to(self.device) for key, value in batch.items()}
        predicted, mask = self.average.network(*_inputs(batch), prior=batch.get("prior")) > 0, batch["mask"]
        both = int(predicted.sum()) + int(mask.sum())
        return 2.0 * int((predicted & mask).sum()) / both if both else 1.0

    # --- state ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint in one step; the first process does, the others wait for it."""
        if self.workers.first:
            self._save()
        self.workers.wait()

    def _save(self) -> None:
        discriminator, optimiser = self.discriminator, self.discriminator_optimiser
        save_checkpoint(
            self.checkpoint_path,
            {
                "config": self.config.to_dict(),
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "discriminator": discriminator.state_dict() if discriminator is not None else None,
                "discriminator_optimiser": optimiser.state_dict() if optimiser is not None else None,
                "step": self.step,
                "seconds": self.seconds,
                "validation_dice": self.validation_dice,
                "origin": self._origin,
            },
        )

    def load(self) -> None:
        """Goes back to the checkpoint in out_dir. Raises InputError."""
        state = load_checkpoint(self.checkpoint_path)
        refuse_other_config(self.checkpoint_path, state["config"], self.config.to_dict())
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.discriminator is not None and self.discriminator_optimiser is not None:
            self.discriminator.load_state_dict(state["discriminator"])
            self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self.validation_dice = state.get("validation_dice")
        self._origin = state.get("origin")

    def start_from(self, weights: LoadedWeights) -> None:
        """Begins with these weights instead of random ones; before the first step.

        Raises ArgumentError for weights of another network or another patch.
        """
        refuse_other_network(self.config, weights)
        state = weights.network.state_dict()
        self.network.load_state_dict(state)
        self.average.network.load_state_dict(state)
        self._origin = {"name": weights.name, "sha256": weights.sha256, "steps": weights.card["steps"]}

    def export(self, path: Path, *, data: str, licence: str, metrics: dict[str, Any] | None = None) -> Path:
        """Writes the averaged weights as safetensors with their card. Raises OutputError."""
        from ReVerteRLib.inference.weights import save_weights

        measured = {} if self.validation_dice is None else {"validation_dice": self.validation_dice}
        card = training_card(self.config, self.step, {**measured, **(metrics or {})}, self._origin)
        save_weights(path, self.average.network, {**card, "data": data, "licence": licence})
        return Path(path)

    def _plot(self) -> None:
        """losses.png, where matplotlib (extra `train`) is installed."""
        if not self.workers.first:
            return
        with contextlib.suppress(ImportError):
            from ReVerteRLib.training.plots import plot_journal

            plot_journal(self.out_dir / "log.csv", self.out_dir / "losses.png")


def _inputs(batch: Batch) -> tuple[Tensor, ...]:
    return tuple(batch[key] for key in ("ap", "lateral", "level", "centroid_zyx", "perspective"))


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ResourceError(
            "memory does not suffice for this training", remedy="Lower run.batch and raise run.accumulation"
        ) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise ResourceError(
            "memory does not suffice for this training", remedy="Lower run.batch and raise run.accumulation"
        ) from error
