"""Training of the detector on crops of films."""

from __future__ import annotations

import csv
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ReVerteRLib.detection.config import DetectorConfig, DetectorTraining, FilmSettings
from ReVerteRLib.detection.detector import NetworkDetector
from ReVerteRLib.detection.film_augmentation import CropSettings, FilmCropper
from ReVerteRLib.detection.film_corpus import PatientFilms
from ReVerteRLib.detection.loss import LossWeights, detector_loss
from ReVerteRLib.detection.network import DetectorNetwork
from ReVerteRLib.detection.store import PRESET, detector_card
from ReVerteRLib.detection.targets import Targets, build_targets
from ReVerteRLib.detection.view_metrics import DetectionCase, score_detector
from ReVerteRLib.errors import CancelledError, InputError
from ReVerteRLib.files import write_json
from ReVerteRLib.inference.weights import save_weights
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.training.checkpoint import load_checkpoint, save_checkpoint
from ReVerteRLib.training.ema import WeightAverage
from ReVerteRLib.training.optimiser import MuonAdamW

CHECKPOINT, LOG, REPORT, EXPORT = "checkpoint.pt", "log.csv", "validation.json", "detector.safetensors"
_ROWS = {48: 0.06, 64: 0.12, 96: 0.14, 128: 0.16, 192: 0.2, 256: 0.2, 320: 0.12}
_COLUMNS = {64: 0.15, 96: 0.35, 128: 0.3, 176: 0.12, 240: 0.08}
_MOST_PAIRS = 24
_PARTS = ("centre", "offset", "corners", "level")
_FREE = {"minutes", "steps", "validate_every", "checkpoint_every_minutes", "threads"}


class CropBatches(Dataset[dict[str, Tensor]]):
    """Batch number `index`: crops of one size of patients drawn at random; the same seed gives the same batches."""

    def __init__(
        self, patients: Sequence[PatientFilms], films: FilmSettings, training: DetectorTraining, crops: CropSettings
    ) -> None:
        self._patients = patients
        self._films = films
        self._training = training
        self._cropper = FilmCropper(films, crops)

    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self._training.seed, index])
        sizes = [int(rng.choice(list(chances), p=list(chances.values()))) for chances in (_ROWS, _COLUMNS)]
        shape = sizes[0], sizes[1]
        count = int(np.clip(round(self._training.pixels / (shape[0] * shape[1])), 2, _MOST_PAIRS))
        crops = [self._cropper.draw(self._patient(shape[0], rng), shape, rng) for _ in range(count)]
        targets = [build_targets(v, shape) for crop in crops for v in crop.vertebrae]
        fields = {
            field.name: _stacked([getattr(target, field.name) for target in targets], count)
            for field in dataclasses.fields(Targets)
        }
        return {"films": _stacked([film for crop in crops for film in crop.films], count), **fields}

    def _patient(self, rows: int, rng: np.random.Generator) -> PatientFilms:
        """One whose films fill most of the crop, if a few draws find such."""
        for _ in range(6):
            patient = self._patients[int(rng.integers(len(self._patients)))]
            if patient.ap.image.shape[0] >= 0.7 * rows * self._films.spacing_mm:
                return patient
        return patient


def _stacked(arrays: list[Any], count: int) -> Tensor:
    """[count, 2, ...] of the views' arrays."""
    return torch.from_numpy(np.stack(arrays)).unflatten(0, (count, 2))


class DetectorTrainer:
    """Trains, validates, keeps checkpoints and exports the weight average."""

    def __init__(
        self,
        config: DetectorConfig,
        films: FilmSettings,
        training: DetectorTraining,
        *,
        patients: Sequence[PatientFilms],
        cases: Sequence[DetectionCase],
        out: Path,
        name: str = PRESET,
        licence: str = "",
        crops: CropSettings | None = None,
        start: torch.nn.Module | None = None,
    ) -> None:
        """patients: to train on; cases: to validate on; out: folder of checkpoint, log and weights.

        name, licence: for the card of the weights. start: a network of this configuration whose weights are gone on
        from.
        """
        torch.manual_seed(training.seed)
        self.config, self.films, self.training = config, films, training
        self.out = Path(out)
        self._name, self._licence = name, licence
        self._cases = cases
        self._subjects = sorted({patient.subject for patient in patients})
        self._batches = CropBatches(patients, films, training, crops or CropSettings())
        self.network = DetectorNetwork(config)
        if start is not None:
            self.network.load_state_dict(start.state_dict())
        self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = WeightAverage(self.network, training.average)
        self._optimiser = MuonAdamW(self.network, training.lr, (0.9, 0.98), training.weight_decay)
        self.step, self.seconds = 0, 0.0
        self.metrics: dict[str, Any] = {}

    # --- the run -------------------------------------------------------------------------------

    def run(
        self,
        *,
        resume: bool = False,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """Trains to the limit; `report` is told each validation.

        Raises InputError for an unusable checkpoint, CancelledError on request.
        """
        tell = progress or (lambda _done, _total, _text: None)
        torch.set_num_threads(self.training.threads)
        if resume:
            self._resume()
        loader = DataLoader(
            self._batches, batch_size=None, sampler=range(self.step, 1 << 30), num_workers=1, prefetch_factor=4,
            worker_init_fn=_one_thread,
        )  # fmt: skip
        begun, saved = time.monotonic() - self.seconds, time.monotonic()
        batches = iter(loader)
        while self.share < 1.0:
            if cancelled is not None and cancelled():
                self.save()
                raise CancelledError("the training is unfinished", where=self.out, remedy="Go on with --resume")
            losses = self._one_step(next(batches))
            self.seconds = time.monotonic() - begun
            self._log(losses)
            text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            tell(round(1000 * self.share), 1000, f"step {self.step} {text}")
            if self.step % self.training.validate_every == 0:
                self.validate(report)
            if time.monotonic() - saved > 60 * self.training.checkpoint_every_minutes:
                self.save()
                saved = time.monotonic()
        self.validate(report)
        self.save()

    @property
    def share(self) -> float:
        """Of the training that is done, by time or by steps, whichever is further."""
        by_time = self.seconds / (60 * self.training.minutes) if self.training.minutes else 0.0
        by_steps = self.step / self.training.steps if self.training.steps else 0.0
        return min(1.0, max(by_time, by_steps))

    def _one_step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        warm = min(1.0, (self.step + 1) / max(self.training.warmup_steps, 1))
        for group in self._optimiser.param_groups:
            group["lr"] = self.training.lr * warm * (0.01 + 0.99 * 0.5 * (1.0 + float(np.cos(np.pi * self.share))))
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            maps = self.network(batch["films"])
        total, parts = detector_loss(maps.float(), batch, LossWeights())
        self._optimiser.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if bool(torch.isfinite(norm)):
            self._optimiser.step()
            self.average.update(self.network, self.step)
        self.step += 1
        return {"total": float(total.detach()), **{name: float(parts[name]) for name in _PARTS}}

    def validate(self, report: Callable[[str], None] | None = None) -> dict[str, Any]:
        """Scores of the weight average on the cases (view_metrics.score_detector), also kept in validation.json."""
        detector = NetworkDetector(self.average.network, self.films)
        self.metrics = score_detector(detector, self._cases)
        tell = report or (lambda _text: None)
        for name, row in self.metrics.items():
            tell(f"step {self.step} {name}: " + " ".join(f"{key} {value}" for key, value in row.items()))
        history = self.out / REPORT
        record = [*_history(history, self.step), {"step": self.step, "seconds": round(self.seconds), **self.metrics}]
        write_json(history, record)
        return self.metrics

    # --- files ---------------------------------------------------------------------------------

    def export(self) -> Path:
        """Writes the weight average with its card, half precision."""
        path = self.out / EXPORT
        card = detector_card(
            self._name, self.config, self.films, seed=self.training.seed, steps=self.step, metrics=self.metrics,
            data={"subjects": self._subjects}, licence=self._licence, training=dataclasses.asdict(self.training),
        )  # fmt: skip
        save_weights(path, self.average.network, card, half=True)
        return path

    def save(self) -> None:
        """Writes the checkpoint and the weights so far."""
        state = {
            "config": self._record(), "network": self.network.state_dict(),
            "average": self.average.network.state_dict(), "optimiser": self._optimiser.state_dict(),
            "discriminator": None, "discriminator_optimiser": None, "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        save_checkpoint(self.out / CHECKPOINT, state)
        self.export()

    def _record(self) -> dict[str, Any]:
        training = {key: v for key, v in dataclasses.asdict(self.training).items() if key not in _FREE}
        return {"network": self.config.to_dict(), "films": dataclasses.asdict(self.films), "training": training}

    def _resume(self) -> None:
        state = load_checkpoint(self.out / CHECKPOINT)
        if state["config"] != self._record():
            raise InputError(
                "the checkpoint was made with other settings",
                where=self.out / CHECKPOINT,
                remedy="Resume with the same ones, or start in a new folder",
            )
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def _log(self, losses: dict[str, float]) -> None:
        path = self.out / LOG
        fresh = not path.is_file()
        with path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            if fresh:
                writer.writerow(("step", "seconds", *losses))
            writer.writerow((self.step, round(self.seconds, 1), *(round(value, 5) for value in losses.values())))


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def _history(path: Path, step: int) -> list[dict[str, Any]]:
    import json

    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [row for row in rows if row["step"] < step]
