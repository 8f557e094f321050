"""`reverter train-detector`: trains the detector of automatic annotation on films."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import refuse_overwriting
from ReVerteRLib.errors import ArgumentError

if TYPE_CHECKING:
    from torch import nn

    from ReVerteRLib.detection.config import DetectorConfig
    from ReVerteRLib.detection.film_corpus import PatientFilms
    from ReVerteRLib.detection.view_metrics import DetectionCase

NAME = "train-detector"
SUMMARY = "train the detector of vertebrae in both radiographs"
_LICENCE = "CC BY-SA 4.0, as the training data; see the data set's own licences"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--films", type=Path, required=True, metavar="DIR", help="films made by 'reverter prepare --films' (OUT/films)"
    )
    parser.add_argument(
        "--landmarks", type=Path, metavar="FILE", help="packed landmarks (.npz) of films that carry none themselves"
    )
    parser.add_argument(
        "--data", type=Path, metavar="VERSE_DIR", help="also validate on the real CTs of this folder's split val"
    )
    options.add_out(parser)
    parser.add_argument("--minutes", type=options.positive, default=35.0, help="length of the training (default: 35)")
    parser.add_argument("--steps", type=options.count, default=0, metavar="N", help="end after N steps at the latest")
    parser.add_argument("--seed", type=options.count, default=1, metavar="S", help="of all random draws (default: 1)")
    parser.add_argument("--threads", type=options.count, default=2, metavar="N", help="of the network (default: 2)")
    parser.add_argument(
        "--init", metavar="NAME", help="go on from these weights: a detector's name or a .safetensors file"
    )
    parser.add_argument(
        "--lr",
        type=options.positive,
        default=2e-3,
        metavar="RATE",
        help="greatest learning rate, which falls along a cosine (default: 0.002; about a third of it after --init)",
    )
    parser.add_argument("--name", default="detector", help="name in the card of the weights (default: detector)")
    parser.add_argument(
        "--single-view", action="store_true", help="the same network without exchange between the views (a baseline)"
    )
    parser.add_argument(
        "--held-out", type=options.count, default=24, metavar="N", help="synthetic patients kept for validation"
    )
    parser.add_argument(
        "--validate-every", type=options.positive, default=500, metavar="STEPS", help="interval of validation"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes checkpoint, log.csv, validation.json and detector.safetensors with its card into --out."""
    from ReVerteRLib.detection.config import DetectorTraining, FilmSettings
    from ReVerteRLib.detection.film_corpus import held_out, read_films
    from ReVerteRLib.detection.training import EXPORT, DetectorTrainer
    from ReVerteRLib.files import ensure_writable_folder

    out = ensure_writable_folder(arguments.out)
    refuse_overwriting(out, arguments.resume)
    config, start, digest = _start(arguments)
    training, kept = held_out(read_films(arguments.films, arguments.landmarks), arguments.held_out)
    settings = DetectorTraining(
        minutes=arguments.minutes,
        steps=arguments.steps,
        seed=arguments.seed,
        lr=arguments.lr,
        init=digest,
        held_out=arguments.held_out,
        validate_every=int(arguments.validate_every),
        threads=max(arguments.threads, 1),
    )
    trainer = DetectorTrainer(
        config,
        FilmSettings(),
        settings,
        patients=training,
        cases=_cases(kept, arguments.data),
        out=out,
        name=arguments.name,
        licence=_LICENCE,
        start=start,
    )
    console.say(f"{len(training)} patients to train on, {len(kept)} held out")
    with console.progress("train-detector") as progress:
        trainer.run(resume=arguments.resume, progress=progress, report=console.note)
    console.table(
        "validation", ("", "vertebrae", "recall", "precision", "mean mm", "95 % mm", "levels"), _rows(trainer.metrics)
    )
    console.say(f"Weights: {out / EXPORT}")
    return 0


def _start(arguments: argparse.Namespace) -> tuple[DetectorConfig, nn.Module | None, str]:
    """The network's configuration, the network to go on from and its hash, None and "" without one."""
    from ReVerteRLib.detection.config import DetectorConfig, FilmSettings
    from ReVerteRLib.detection.store import load_detector_weights

    if arguments.init is None:
        return DetectorConfig(exchange=not arguments.single_view), None, ""
    weights = load_detector_weights("default" if arguments.init == "learned" else arguments.init)
    config = DetectorConfig.from_dict(weights.card["generator"])
    if config.exchange == arguments.single_view or weights.films != FilmSettings():
        raise ArgumentError(
            "these weights are of another kind of detector",
            where=f"--init {arguments.init}",
            remedy="--single-view goes on from weights of a single-view detector only, and the other from the other",
        )
    return config, weights.network, weights.sha256


def _cases(kept: list[PatientFilms], data: Path | None) -> list[DetectionCase]:
    from ReVerteRLib.detection.view_metrics import real_cases, shadowed_cases, synthetic_cases

    return [*(real_cases(data) if data is not None else []), *synthetic_cases(kept), *shadowed_cases(kept)]


def _rows(metrics: dict[str, dict[str, object]]) -> list[tuple[object, ...]]:
    keys = ("wanted", "recall", "precision", "mean_mm", "p95_mm", "levels")
    return [(name, *(row[key] for key in keys)) for name, row in metrics.items()]
