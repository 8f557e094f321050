"""`reverter prepare`: makes, describes and packs a corpus of training samples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

if TYPE_CHECKING:
    from ReVerteRLib.datasets.corpus import CorpusSettings
    from ReVerteRLib.datasets.pack import CodedSamples
    from ReVerteRLib.training.config import TrainingConfig

NAME = "prepare"
SUMMARY = "make the training samples of a VerSe folder, describe them, pack them into one file"
SPLITS = ("train", "val", "test")
COHORTS = ("verse-full", "verse-small")
DEFAULT_PATIENTS = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="VERSE_DIR", help="make samples of data in the VerSe layout")
    source.add_argument(
        "--corpus",
        type=Path,
        metavar="PATH",
        help="make nothing: describe and pack this corpus (folder or packed file)",
    )
    options.add_out(parser)
    _add_making(parser)
    parser.add_argument("--pack", type=Path, metavar="FILE", help="also write the samples into this one .npz file")
    parser.add_argument(
        "--pack-limit",
        type=options.positive,
        default=50.0,
        metavar="MB",
        help="largest size of that file; real CTs come first, then whole patients while they fit (default: 50)",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="show this corpus beside it in corpus.png; may be repeated",
    )


def _add_making(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is made (run it again with the same options to go on)")
    group.add_argument(
        "--config",
        default="recommended",
        metavar="NAME",
        help="training configuration whose [patches] and [data] the samples follow, a TOML file or a shipped name "
        "(default: recommended)",
    )
    group.add_argument(
        "--patients",
        type=options.count,
        metavar="N",
        help=f"synthetic patients beside the real CTs (default: {DEFAULT_PATIENTS}; 0 for a cohort)",
    )
    group.add_argument("--real-only", action="store_true", help="no synthetic patients, the same as --patients 0")
    group.add_argument("--split", choices=SPLITS, default="train", help="whose spines are used (default: train)")
    group.add_argument(
        "--seed", type=options.count, metavar="S", help="of all random draws (default: 1 train, 2 val, 3 test)"
    )
    group.add_argument(
        "--share",
        type=share,
        default=(0, 1),
        metavar="PART/PARTS",
        help="make only every PARTS-th patient, so that several processes fill one folder: 1/2 and 2/2",
    )
    group.add_argument(
        "--films",
        action="store_true",
        help="also keep the whole radiographs with their vertebrae in OUT/films, which 'reverter train-detector' reads",
    )
    group.add_argument(
        "--cohort",
        choices=COHORTS,
        help="use the paper's selection of VerSe 2019 and 2020, split 4:1 by person into train and test; cohort.json "
        "says why a spine is left out and how the counts differ from the paper's",
    )
    group.add_argument(
        "--split-seed", type=options.count, default=0, metavar="S", help="of the cohort's split (default: 0)"
    )
    group.add_argument(
        "--exclude", type=options.names, default=[], metavar="LIST", help="people or scans left out of the cohort"
    )


def share(text: str) -> tuple[int, int]:
    """'2/3' as (1, 3): the part counted from zero, and the number of parts."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a share such as 1/2")
    return int(part) - 1, int(parts)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the samples, corpus.json with settings and statistics, corpus.png, and the packed file."""
    from ReVerteRLib.datasets.pack import read_corpus
    from ReVerteRLib.files import ensure_writable_folder

    _refuse_contradictions(arguments)
    if arguments.corpus is None and not _make(arguments, console):
        return 0
    samples = read_corpus(arguments.corpus or arguments.out)
    ensure_writable_folder(arguments.out)
    _describe(arguments, samples, console)
    if arguments.pack is not None:
        _pack(arguments, samples, console)
    return 0


def corpus_settings(
    config: TrainingConfig,
    split: str,
    patients: int,
    *,
    seed: int | None = None,
    cohort: str = "",
    split_seed: int = 0,
    exclude: tuple[str, ...] = (),
) -> CorpusSettings:
    """The corpus that a training configuration asks for; `train` and `prepare` make the same one."""
    from ReVerteRLib.datasets.corpus import CorpusSettings
    from ReVerteRLib.datasets.patient_settings import PatientSettings

    return CorpusSettings(
        patients=patients,
        split=split,
        seed=1 + SPLITS.index(split) if seed is None else seed,
        patches=config.patches,
        cone_share=config.data.cone_share,
        annotation_error_mm=config.data.annotation_error_mm,
        patient=PatientSettings.rich() if config.data.patients == "rich" else None,
        cohort=cohort,
        split_seed=split_seed,
        exclude=exclude,
    )


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    from ReVerteRLib.errors import ArgumentError

    if arguments.real_only and arguments.patients:
        raise ArgumentError("--real-only and --patients contradict each other", remedy="Leave one of them out")
    if arguments.exclude and not arguments.cohort:
        raise ArgumentError("--exclude needs --cohort", remedy="Mark splits in participants.tsv, or name a cohort")
    if arguments.pack is not None and arguments.pack.suffix != ".npz":
        raise ArgumentError("a packed corpus is a .npz file", where=arguments.pack, remedy="Give it that ending")


def _make(arguments: argparse.Namespace, console: Console) -> bool:
    """Whether the corpus is complete afterwards; other shares may still be at work."""
    from ReVerteRLib.datasets.corpus import missing_patients, prepare
    from ReVerteRLib.training.config import load_config

    synthetic = arguments.patients
    if synthetic is None:
        synthetic = 0 if arguments.real_only or arguments.cohort else DEFAULT_PATIENTS
    settings = corpus_settings(
        load_config(arguments.config),
        arguments.split,
        synthetic,
        seed=arguments.seed,
        cohort=arguments.cohort or "",
        split_seed=arguments.split_seed,
        exclude=tuple(sorted(arguments.exclude)),
    )
    with console.progress("prepare") as progress:
        prepare(arguments.data, arguments.out, settings, progress, share=arguments.share, films=arguments.films)
    _tell_cohort(arguments, console)
    left = missing_patients(arguments.out)
    if left:
        console.note(f"{left} patients of other shares are still to be made; run one share again when all are done")
    return not left


def _tell_cohort(arguments: argparse.Namespace, console: Console) -> None:
    import json

    from ReVerteRLib.datasets.corpus import COHORT_RECORD

    if not arguments.cohort:
        return
    path = arguments.out / COHORT_RECORD
    record = json.loads(path.read_text(encoding="utf-8"))
    counts, told = record["counts"], record["counts_in_the_paper"]
    rows = [(name, counts[name], told[name], counts[name] - told[name]) for name in counts]
    console.table(arguments.cohort, ("", "found", "Table 1 of the paper", "difference"), rows)
    console.say(f"{len(record['excluded'])} spines are left out; {path} says why")


def _describe(arguments: argparse.Namespace, samples: CodedSamples, console: Console) -> None:
    from ReVerteRLib.datasets.pack import read_corpus
    from ReVerteRLib.datasets.statistics import PICTURE, by_origin, write_statistics

    own = (arguments.corpus or arguments.out).stem if arguments.compare else ""
    groups = by_origin(samples, own)
    for other in arguments.compare:
        groups += by_origin(read_corpus(other), other.stem)
    write_statistics(groups, arguments.out)
    real = sum(name.startswith("real-") for name in samples.patients)
    synthetic = len(samples.patients) - real
    console.say(f"Corpus: {len(samples)} vertebrae of {synthetic} synthetic patients and {real} real CTs")
    if (arguments.out / PICTURE).is_file():
        console.say(f"Statistics: {arguments.out / PICTURE}")


def _pack(arguments: argparse.Namespace, samples: CodedSamples, console: Console) -> None:
    from ReVerteRLib.datasets.pack import write_pack

    report = write_pack(samples, arguments.pack, limit_mb=arguments.pack_limit)
    console.say(f"Packed: {arguments.pack}: {report.text}")
    if report.samples < report.of_samples:
        console.note(
            f"the limit of {arguments.pack_limit:g} MB left {report.of_samples - report.samples} vertebrae out"
        )
