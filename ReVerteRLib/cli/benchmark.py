"""`reverter benchmark`: trains every compared system alike, evaluates all on the same spines, writes the tables."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

if TYPE_CHECKING:
    from ReVerteRLib.benchmark.plan import BenchmarkSettings, Job
    from ReVerteRLib.benchmark.training import Status
    from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject
    from ReVerteRLib.networks.systems import System
    from ReVerteRLib.progress import Progress

NAME = "benchmark"
SUMMARY = "train and evaluate ReVerteR, its ablations and the compared systems alike; write the paper's tables"
_REPORT_SECONDS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--systems",
        type=options.names,
        default=["all"],
        metavar="LIST",
        help="all, or names in the order in which they are trained, for example reverter-paper,transvert "
        "(default: all; an unknown name shows the known ones)",
    )
    parser.add_argument(
        "--seeds",
        type=seeds,
        default=(1, {}),
        metavar="N",
        help="seeds of every system, and other numbers for some, for example 1,reverter-paper=3 (default: 1)",
    )
    parser.add_argument(
        "--budget", type=samples, required=True, metavar="SAMPLES", help="training samples that each system sees"
    )
    options.add_out(parser)
    _add_training(parser)
    _add_evaluation(parser)
    options.add_device(parser)


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training (goes on where an earlier run with the same --out stopped)")
    only = group.add_mutually_exclusive_group()
    only.add_argument("--train-only", action="store_true", help="train, evaluate nothing")
    only.add_argument("--tables-only", action="store_true", help="train nothing, evaluate what is there")
    group.add_argument(
        "--corpus",
        type=Path,
        metavar="PATH",
        help="samples of all systems, made by 'reverter prepare --config paper-half' (paper for the full grid, "
        "paper-quarter for the quarter): a folder or, much faster to read, a packed file. Smaller cubes are padded to "
        "the size of the configuration",
    )
    group.add_argument(
        "--corpus-recommended",
        type=Path,
        metavar="PATH",
        help="the same patients cut for ReVerteR's recommended network ('reverter prepare --config "
        "recommended', recommended-quarter for the quarter grid)",
    )
    group.add_argument("--minutes", type=options.positive, metavar="M", help="end at a checkpoint after so long")
    group.add_argument(
        "--portion",
        type=samples,
        default=0,
        metavar="SAMPLES",
        help="train each system so far before the next has its turn, so that all are about equally far whenever the "
        "run ends (default: finish one after the other)",
    )
    group.add_argument(
        "--grid",
        choices=("full", "half", "quarter"),
        default="half",
        help="patches of 120 voxels of 1 mm (needs a GPU), 64 of 2 mm or 32 of 4 mm (default: half)",
    )
    group.add_argument(
        "--regime",
        choices=("published", "short"),
        default="published",
        help="learning rates as published; or, for budgets that are a small part of the published trainings, of "
        "1e-3 and falling to nothing as ReVerteR's own, and outputs that start at the share of bone "
        "(default: published)",
    )
    group.add_argument(
        "--no-augment", dest="augment", action="store_false", help="do not change the samples at random; for no system"
    )
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="of training; auto takes bf16 where the hardware multiplies it (default: auto)",
    )
    group.add_argument(
        "--threads",
        type=options.count,
        default=0,
        metavar="N",
        help="of torch on a processor (default: torch's choice)",
    )


def _add_evaluation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("evaluation and tables")
    group.add_argument("--data", type=Path, metavar="VERSE_DIR", help="held-out spines in the VerSe layout")
    group.add_argument(
        "--subjects", type=options.names, metavar="LIST", help="only these (default: those of the split val)"
    )
    group.add_argument(
        "--sample", action="store_true", help="also on the demo's sample chest CT, T1 to L1 (fetched the first time)"
    )
    group.add_argument(
        "--no-shipped",
        dest="shipped",
        action="store_false",
        help="leave out the row of the shipped recommended weights, which have been trained longer",
    )


def seeds(text: str) -> tuple[int, dict[str, int]]:
    """'1,a=3' as (1, {'a': 3})."""
    count, more = 0, {}
    for part in options.names(text):
        name, equals, number = part.rpartition("=")
        if not number.isdecimal() or int(number) < 1 or bool(name) != bool(equals):
            raise argparse.ArgumentTypeError(f"'{part}' is no number of seeds; use for example 1,reverter-paper=3")
        if name:
            more[name] = int(number)
        else:
            count = int(number)
    return count or 1, more


def samples(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of samples")
    return int(text)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Keeps trainings in OUT/trained, writes run.json, and in OUT/results the tables, figures and every score."""
    from ReVerteRLib.benchmark.plan import chosen_systems, jobs
    from ReVerteRLib.files import ensure_writable_folder

    systems = chosen_systems(arguments.systems)
    planned = jobs(systems, *arguments.seeds)
    settings = _settings(arguments)
    _refuse_missing(arguments)
    ensure_writable_folder(arguments.out)
    if arguments.tables_only:
        _write_record(arguments, planned, settings, None)
    else:
        _train(arguments, console, planned, settings)
    if not arguments.train_only:
        _report(arguments, console, systems, planned, settings)
    return 0


def _settings(arguments: argparse.Namespace) -> BenchmarkSettings:
    from ReVerteRLib.benchmark.plan import BenchmarkSettings
    from ReVerteRLib.devices import pick_device, use_bf16

    bf16 = use_bf16(arguments.precision, str(pick_device(arguments.device)))
    return BenchmarkSettings(
        budget=arguments.budget,
        grid=arguments.grid,
        regime=arguments.regime,
        augment=arguments.augment,
        precision="bf16" if bf16 else "fp32",
        threads=arguments.threads,
        device=arguments.device,
    )


def _refuse_missing(arguments: argparse.Namespace) -> None:
    from ReVerteRLib.errors import ArgumentError

    if not arguments.tables_only and arguments.corpus is None:
        raise ArgumentError(
            "there are no samples to train on", where="--corpus", remedy="Make them with 'reverter prepare'"
        )
    if not arguments.train_only and arguments.data is None and not arguments.sample:
        raise ArgumentError(
            "there are no spines to evaluate on",
            where="--data",
            remedy="Give them, take the sample CT with --sample, or train with --train-only",
        )


# --- training ------------------------------------------------------------------------------------


def _train(
    arguments: argparse.Namespace, console: Console, planned: Sequence[Job], settings: BenchmarkSettings
) -> None:
    from ReVerteRLib.benchmark.corpora import Corpora
    from ReVerteRLib.benchmark.training import Benchmark

    corpora = Corpora(arguments.corpus, settings.patches, arguments.corpus_recommended)
    benchmark = Benchmark(planned, settings, corpora, arguments.out)
    _say(console, f"{len(corpora)} samples of {corpora.origin}")
    _tell(console, benchmark.status())
    _write_record(arguments, planned, settings, corpora.described())
    finished = benchmark.train(
        minutes=arguments.minutes or 0.0,
        portion=arguments.portion,
        progress=_lines(console, settings.budget),
        note=console.note,
    )
    _tell(console, benchmark.status())
    _write_record(arguments, planned, settings, corpora.described())
    if not finished:
        _say(console, "Not finished: run the same command again to go on")


def _tell(console: Console, states: Sequence[Status]) -> None:
    """The status as plain lines: a training machine may lack the library for tables, and logs are read later."""
    width = max((len(state.job.name) for state in states), default=0)
    _say(console, "Trainings:")
    for state in states:
        minutes = f", {state.seconds / 60:.1f} min" if state.samples else ""
        mark = "finished" if state.finished else "not begun" if not state.samples else "under way"
        _say(console, f"  {state.job.name:<{width}}  {state.samples:>7} of {state.budget} samples, {mark}{minutes}")


def _lines(console: Console, budget: int) -> Progress:
    """A line now and then, and at the end of each training."""
    told = [float("-inf"), 0.0]

    def tell(done: int, _total: int, text: str) -> None:
        now = time.monotonic()
        if now - told[0] >= _REPORT_SECONDS or done >= budget:
            told[0] = now
            _say(console, f"{time.strftime('%H:%M:%S')} {done:>7} samples  {text}")

    return tell


def _say(console: Console, text: str) -> None:
    console.say(text)
    sys.stdout.flush()


def _write_record(
    arguments: argparse.Namespace,
    planned: Sequence[Job],
    settings: BenchmarkSettings,
    corpus: dict[str, Any] | None,
) -> None:
    """run.json of this and earlier calls with the same folder."""
    from ReVerteRLib.benchmark.records import commit, machine, read_run, read_training, write_run

    before = read_run(arguments.out)
    call = {"command": _command(), "commit": commit(), "machine": machine()}
    calls = before.get("calls", [])
    trainings: dict[str, Any] = before.get("trainings", {})
    for job in planned:
        training = read_training(job.folder(arguments.out))
        if training is not None:
            trainings.setdefault(training.system, {})[str(training.seed)] = {
                key: value for key, value in vars(training).items() if key not in ("system", "seed")
            }
    record = {
        "settings": vars(settings),
        "corpus": corpus or before.get("corpus"),
        "calls": calls if call in calls else [*calls, call],
        "trainings": trainings,
    }
    write_run(arguments.out, record)


def _command() -> str:
    """As it was typed, but for the folders of absolute paths: the record is published."""
    import shlex

    return shlex.join(["reverter", *(Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:])])


# --- evaluation ----------------------------------------------------------------------------------


def _report(
    arguments: argparse.Namespace,
    console: Console,
    systems: Sequence[System],
    planned: Sequence[Job],
    settings: BenchmarkSettings,
) -> None:
    from ReVerteRLib.benchmark.records import read_run
    from ReVerteRLib.benchmark.report import Reporter
    from ReVerteRLib.evaluation.comparison import SharedViews

    subjects = _held_out(arguments) if arguments.data is not None else []
    loaded = [_sample()] if arguments.sample else []
    reporter = Reporter(systems, planned, settings, arguments.out, read_run(arguments.out), shipped=arguments.shipped)
    with console.progress("evaluate") as progress:
        views = SharedViews(device=arguments.device)
        if any(subject.ct_path is None for subject in subjects):
            from ReVerteRLib.datasets.atlas import atlas_of

            atlas = atlas_of(arguments.data, lambda text: progress(0, 1, text))
            views = SharedViews(device=arguments.device, atlas=atlas)
        report = reporter.make(subjects, views, progress, loaded)
    for note in report.notes:
        console.note(note)
    head = ("system", "samples", "Dice", "HD95 mm", "NSD 2 mm", "")
    rows = [
        (row.title, row.samples, row.shown("dice"), row.shown("hd95_mm"), row.shown("nsd_2mm"), row.status)
        for row in report.rows
    ]
    console.table("Systems on the same held-out spines", head, rows)
    console.say(f"Tables and figures: {report.files[0].parent}")


def _sample() -> LoadedSubject:
    """The sample chest CT with centroids computed from its mask. Raises DatasetError."""
    from ReVerteRLib.cli.demo import body_centres
    from ReVerteRLib.datasets.sample import sample_ct
    from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject

    case = sample_ct()
    centroids = body_centres(case.labels, case.name)
    subject = VerseSubject("sample-chest", "", Path(case.labels.source), Path(case.ct.source), split="test")
    computed = tuple(centroid.level for centroid in centroids)
    return LoadedSubject(subject, case.labels, case.ct, centroids, computed, (), ())


def _held_out(arguments: argparse.Namespace) -> list[VerseSubject]:
    """The subjects of --subjects, or those of the split val. Raises DatasetError and ArgumentError."""
    from ReVerteRLib.datasets.verse import find_subjects, select_subjects
    from ReVerteRLib.errors import DatasetError

    known = find_subjects(arguments.data)
    chosen = select_subjects(known, arguments.subjects) if arguments.subjects else []
    chosen = chosen or [subject for subject in known if subject.split == "val"]
    if not chosen:
        raise DatasetError(
            "no subject belongs to the split val", where=arguments.data, remedy="Name the held-out ones with --subjects"
        )
    return chosen
