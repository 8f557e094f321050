"""`reverter batch`: many cases, one by one or on a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

NAME = "batch"
SUMMARY = "process many cases: resumable, one line and one report per case"
_EXIT_SOME_FAILED = 3
_PATIENCE_S = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "cases",
        type=Path,
        metavar="CASES",
        help="a CSV file with the columns case, ct or ap and lateral, and optionally centroids, levels, anchor; or a "
        "folder whose subfolders are cases with ap.*, lateral.* or ct.*, and optionally centroids.mrk.json",
    )
    options.add_out(parser)
    options.add_levels(parser)
    options.add_weights(parser)
    options.add_device(parser)
    parser.add_argument("--detector", metavar="NAME", help="for automatic centroids, see 'reverter annotate --help'")
    parser.add_argument(
        "--geometry", choices=("parallel", "cone"), default="parallel", help="beam of radiographs simulated from a CT"
    )
    parser.add_argument("--scene", action="store_true", help="also write scene.mrb for each case")
    parser.add_argument("--no-pictures", action="store_true", help="write no pictures")
    parser.add_argument("--no-measure", action="store_true", help="do not measure the results")
    _add_schedule(parser)
    parser.epilog = (
        "Finished cases are not done again: the same command goes on after an interruption. A case that fails does "
        "not stop the others; its error is in index.csv, and the exit code is 3. Several workers need Dask "
        "(pip install distributed); Resources/Docs/cluster.md tells about clusters."
    )


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    """Where the cases run."""
    group = parser.add_argument_group("workers")
    group.add_argument(
        "--scheduler",
        default="local",
        metavar="WHERE",
        help="local: this machine (default); dask://HOST:PORT or dask://FILE.json: a running Dask cluster that "
        "sees the same folders",
    )
    group.add_argument(
        "--workers",
        type=options.count,
        metavar="N",
        help="local: so many worker processes at once, which needs Dask (default: one, without Dask); on a cluster: "
        "workers to wait for at the start (default: 1)",
    )
    group.add_argument(
        "--threads",
        type=options.count,
        metavar="N",
        help="for the computations of each worker (default: all processors, divided by the workers; on a cluster what "
        "each worker was started with)",
    )
    group.add_argument(
        "--tries",
        type=options.count,
        metavar="N",
        help="workers that may die of a case before it has failed (default: 2; with several workers 3)",
    )
    group.add_argument(
        "--restart-after",
        type=options.count,
        default=0,
        metavar="N",
        help="start a worker afresh after so many cases (default: 0, never)",
    )
    group.add_argument(
        "--patience",
        type=options.positive,
        default=_PATIENCE_S,
        metavar="SECONDS",
        help="how long to wait for workers of a cluster (default: %(default)g)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes a folder per case and index.csv; 3 when a case failed."""
    from ReVerteRLib.batch import BatchOptions, CaseOutcome, process_batch
    from ReVerteRLib.batch.schedule import Schedule

    chosen = BatchOptions(
        weights=_absolute(arguments.weights) or "default",
        device=arguments.device,
        levels=tuple(level.name for level in arguments.levels or ()),
        detector=_absolute(arguments.detector),
        beam=arguments.geometry,
        pictures=not arguments.no_pictures,
        scene=arguments.scene,
        measure=not arguments.no_measure,
    )

    schedule = Schedule(
        arguments.scheduler,
        arguments.workers,
        arguments.threads,
        arguments.tries,
        arguments.restart_after,
        patience_s=arguments.patience,
    )

    def tell(outcome: CaseOutcome) -> None:
        if outcome.status == "failed":
            where = f"{outcome.error_where}: " if outcome.error_where else ""
            remedy = f". {outcome.error_remedy}" if outcome.error_remedy else "."
            console.note(f"case {outcome.case} failed: {where}{outcome.error_what}{remedy}")
        for note in () if outcome.resumed else outcome.notes:
            console.note(f"case {outcome.case}: {note}")

    with console.progress("batch") as progress:
        result = process_batch(
            arguments.cases, arguments.out, options=chosen, schedule=schedule, progress=progress, on_case=tell
        )
    resumed = sum(outcome.resumed for outcome in result.outcomes)
    done = len(result.outcomes) - len(result.failed)
    before = f", {resumed} of them before" if resumed else ""
    console.say(f"{done} of {len(result.outcomes)} cases done{before}, {len(result.failed)} failed")
    console.say(f"Index: {result.index}")
    return _EXIT_SOME_FAILED if result.failed else 0


def _absolute(name: str | None) -> str | None:
    """A file stays found in a worker that runs elsewhere; names stay names."""
    return str(Path(name).absolute()) if name is not None and Path(name).is_file() else name
