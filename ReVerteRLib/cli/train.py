"""`reverter train`: makes the corpus of synthetic patients, trains, exports the weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

if TYPE_CHECKING:
    from ReVerteRLib.datasets.samples import CorpusDataset
    from ReVerteRLib.training.config import TrainingConfig
    from ReVerteRLib.training.loop import Trainer

NAME = "train"
SUMMARY = "train a network on the spines of a VerSe folder"
_LICENCE = "CC BY-SA 4.0, as the training data; see the data set's own licences"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="TOML file, or 'fast' or 'paper' for the shipped ones"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    options.add_out(parser)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="corpus to make or reuse (default: OUT/corpus)")
    parser.add_argument(
        "--patients",
        type=options.count,
        default=600,
        metavar="N",
        help="synthetic training patients; 0 trains on the real CTs alone (default: 600)",
    )
    parser.add_argument(
        "--validation-patients", type=options.count, default=12, metavar="N", help="synthetic validation patients"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes corpus, checkpoint, log.csv, losses.png, config.json and NAME.safetensors with its card."""
    from ReVerteRLib.files import ensure_writable_folder
    from ReVerteRLib.training.config import load_config
    from ReVerteRLib.training.loop import Trainer

    config = load_config(arguments.config)
    out = ensure_writable_folder(arguments.out)
    _refuse_overwriting(out, arguments.resume)
    corpus = arguments.corpus or out / "corpus"
    training = _corpus(arguments, config, corpus / "train", console)
    assert training is not None  # noqa: S101 - only the validation split may be absent
    validation = _corpus(arguments, config, corpus / "val", console)
    trainer = Trainer(config, training, validation, out)
    with console.progress("train") as progress:
        trainer.run(resume=arguments.resume, progress=progress)
    weights = _export(trainer, config, arguments, out)
    console.say(f"Weights: {weights}")
    console.say(f"Model card: {weights.with_suffix('.md')}")
    return 0


def _refuse_overwriting(out: Path, resume: bool) -> None:
    """An earlier training is hours of work; it is never overwritten by a forgotten --resume."""
    from ReVerteRLib.errors import ArgumentError

    found = (out / "checkpoint.pt").is_file()
    if found and not resume:
        raise ArgumentError(
            "the folder holds a training already", where=out, remedy="Add --resume to go on with it, or choose another"
        )
    if resume and not found:
        raise ArgumentError("there is no checkpoint to resume", where=out, remedy="Leave --resume out")


def _corpus(
    arguments: argparse.Namespace, config: TrainingConfig, folder: Path, console: Console
) -> CorpusDataset | None:
    """The samples of the split that `folder` is named after; None when there is no validation split."""
    from ReVerteRLib.datasets.corpus import CorpusSettings, prepare
    from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
    from ReVerteRLib.errors import DatasetError

    split = folder.name
    patients = arguments.patients if split == "train" else arguments.validation_patients
    settings = CorpusSettings(
        patients=patients,
        split=split,
        seed=1 if split == "train" else 2,
        patches=config.patches,
        cone_share=config.data.cone_share,
        annotation_error_mm=config.data.annotation_error_mm,
    )
    try:
        with console.progress(f"{split} data") as progress:
            prepare(arguments.data, folder, settings, progress)
    except DatasetError as error:
        if split == "train" or "no subject of split" not in error.what:
            raise
        console.note(f"There is no validation: {error.message()}")
        return None
    augmentation = Augmentation.training() if config.data.augment and split == "train" else None
    return CorpusDataset(folder, config.patches, augmentation=augmentation, seed=config.run.seed)


def _export(trainer: Trainer, config: TrainingConfig, arguments: argparse.Namespace, out: Path) -> Path:
    from ReVerteRLib.datasets.corpus import subjects_of_split
    from ReVerteRLib.inference.model_card import write_model_card

    subjects = subjects_of_split(arguments.data, "train")
    names = ", ".join(sorted({s.name for s in subjects}))
    real = sum(s.ct_path is not None for s in subjects)
    data = f"{arguments.patients} synthetic patients and {real} real CTs, made from the spines of {names}"
    weights = trainer.export(out / f"{config.name}.safetensors", data=data, licence=_LICENCE)
    write_model_card(weights)
    return weights
