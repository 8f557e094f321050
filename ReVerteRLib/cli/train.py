"""`reverter train`: makes the corpus of synthetic patients, trains, exports the weights."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.prepare import DEFAULT_PATIENTS, corpus_settings
from ReVerteRLib.cli.staging import refuse_overwriting

if TYPE_CHECKING:
    from ReVerteRLib.datasets.samples import CorpusDataset
    from ReVerteRLib.training.config import TrainingConfig
    from ReVerteRLib.training.loop import Trainer
    from ReVerteRLib.training.parallel import Workers

NAME = "train"
SUMMARY = "train a network on the spines of a VerSe folder"
_VALIDATION_PATIENTS = 12
_LICENCE = "CC BY-SA 4.0, as the training data; see the data set's own licences"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE",
        help="TOML file, or 'recommended', 'fast' or 'paper' for the shipped ones",
    )
    parser.add_argument(
        "--data", type=Path, metavar="VERSE_DIR", help="data in the VerSe layout; not needed with a finished --corpus"
    )
    options.add_out(parser)
    parser.add_argument(
        "--init", metavar="WEIGHTS", help="start from these weights (name or file), not from random ones"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="PATH",
        help="samples to train on: a folder or packed file made by 'reverter prepare', or a folder with train and val "
        "in it, which are made where they are missing (default: OUT/corpus)",
    )
    parser.add_argument(
        "--validation-corpus", type=Path, metavar="PATH", help="samples to validate on, made by 'reverter prepare'"
    )
    parser.add_argument(
        "--patients",
        type=options.count,
        metavar="N",
        help=f"synthetic training patients; 0 trains on the real CTs alone (default: {DEFAULT_PATIENTS})",
    )
    parser.add_argument(
        "--validation-patients",
        type=options.count,
        metavar="N",
        help=f"synthetic validation patients (default: {_VALIDATION_PATIENTS})",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes corpus, checkpoint, log.csv, losses.png, config.json and NAME.safetensors with its card."""
    from ReVerteRLib.files import ensure_writable_folder
    from ReVerteRLib.inference.weights import load_weights
    from ReVerteRLib.training.config import load_config
    from ReVerteRLib.training.loop import Trainer
    from ReVerteRLib.training.parallel import torchrun_workers

    config = load_config(arguments.config)
    out = ensure_writable_folder(arguments.out)
    refuse_overwriting(out, arguments.resume)
    start = load_weights(arguments.init) if arguments.init and not arguments.resume else None
    with torchrun_workers(config.run.device) as workers:
        training, validation = _data(arguments, config, out, console, workers)
        trainer = Trainer(config, training, validation, out, workers=workers)
        if start is not None:
            trainer.start_from(start)
        with console.progress("train") as progress:
            trainer.run(resume=arguments.resume, progress=progress)
        if workers.first:
            weights = _export(trainer, config, training, out)
            console.say(f"Weights: {weights}")
            console.say(f"Model card: {weights.with_suffix('.md')}")
    return 0


def _data(
    arguments: argparse.Namespace, config: TrainingConfig, out: Path, console: Console, workers: Workers
) -> tuple[CorpusDataset, CorpusDataset | None]:
    """Samples to train and to validate on; the first process makes them, the others read what it made."""
    if not workers.first:
        workers.wait()
    training = _training_data(arguments, config, out, console)
    validation = _validation_data(arguments, config, out, training, console)
    if workers.first:
        workers.wait()
    return training, validation


def _training_data(arguments: argparse.Namespace, config: TrainingConfig, out: Path, console: Console) -> CorpusDataset:
    path = arguments.corpus or out / "corpus"
    if not _is_corpus(path):
        path = path / "train"
    return _samples(arguments, config, path, "train", console)


def _validation_data(
    arguments: argparse.Namespace, config: TrainingConfig, out: Path, training: CorpusDataset, console: Console
) -> CorpusDataset | None:
    """The chosen samples, those beside the training's, or new ones of the split `val`; None where there are none."""
    from ReVerteRLib.errors import ArgumentError, DatasetError

    if arguments.validation_corpus is not None:
        if not _is_corpus(arguments.validation_corpus):
            raise ArgumentError(
                "there is no corpus", where=arguments.validation_corpus, remedy="Make it with 'reverter prepare'"
            )
        return _samples(arguments, config, arguments.validation_corpus, "val", console)
    parent = arguments.corpus if arguments.corpus is not None and not _is_corpus(arguments.corpus) else out / "corpus"
    if not _is_corpus(parent / "val"):
        # A cohort has no such split, and the data set's own may hold people that the cohort trains on.
        missing = "a cohort has no validation part" if training.samples.settings.get("cohort") else ""
        missing = missing or ("" if arguments.data else "there is no --validation-corpus and no --data")
        if missing:
            console.note(f"There is no validation: {missing}")
            return None
    try:
        return _samples(arguments, config, parent / "val", "val", console)
    except DatasetError as error:
        if "no subject of split" not in error.what and "corpus is empty" not in error.what:
            raise
        console.note(f"There is no validation: {error.message()}")
        return None


def _is_corpus(path: Path) -> bool:
    """A packed file, or a folder that holds samples itself."""
    from ReVerteRLib.datasets.pack import RECORD, corpus_files

    return path.is_file() or (path.is_dir() and ((path / RECORD).is_file() or bool(corpus_files(path))))


def _samples(
    arguments: argparse.Namespace, config: TrainingConfig, path: Path, split: str, console: Console
) -> CorpusDataset:
    """Completes a folder where there is data to do so, and reads it."""
    from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
    from ReVerteRLib.shapes.usual import UsualShape

    if not path.is_file():
        _complete(arguments, config, path, split, console)
    augmentation = Augmentation.training() if config.data.augment and split == "train" else None
    usual = UsualShape() if config.generator.shape_prior else None
    return CorpusDataset(
        path,
        config.patches,
        augmentation=augmentation,
        seed=config.run.seed,
        usual=usual,
        stride=config.generator.stride,
    )


def _complete(
    arguments: argparse.Namespace, config: TrainingConfig, folder: Path, split: str, console: Console
) -> None:
    """Makes what a corpus folder lacks: by its own record where the user chose it, else by the configuration."""
    from ReVerteRLib.datasets.corpus import missing_patients, prepare, settings_of
    from ReVerteRLib.errors import ArgumentError

    chosen = arguments.corpus is not None or arguments.validation_corpus is not None
    recorded = settings_of(folder) if chosen else None
    wanted = arguments.patients if split == "train" else arguments.validation_patients
    if arguments.data is None:
        if not _is_corpus(folder):
            raise ArgumentError(
                "there are no samples and no data to make them of",
                where=folder,
                remedy="Give --data, or a --corpus made by 'reverter prepare'",
            )
        if left := missing_patients(folder):
            console.note(f"{folder} is unfinished: {left} patients are missing; with --data they are made")
        return
    if chosen and recorded is None and _is_corpus(folder):  # samples without a record are used as they are
        return
    if recorded is None:
        default = DEFAULT_PATIENTS if split == "train" else _VALIDATION_PATIENTS
        settings = corpus_settings(config, split, default if wanted is None else wanted)
    else:
        settings = dataclasses.replace(recorded, patients=max(recorded.patients, wanted or 0))
    with console.progress(f"{split} data") as progress:
        prepare(arguments.data, folder, settings, progress)


def _export(trainer: Trainer, config: TrainingConfig, training: CorpusDataset, out: Path) -> Path:
    from ReVerteRLib.inference.model_card import write_model_card

    weights = trainer.export(out / f"{config.name}.safetensors", data=training.origin, licence=_LICENCE)
    write_model_card(weights)
    return weights
