"""`reverter batch`: many cases one after another."""

from __future__ import annotations

import argparse
from pathlib import Path

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

NAME = "batch"
SUMMARY = "process many cases: resumable, one line and one report per case"
_EXIT_SOME_FAILED = 3


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
    parser.epilog = (
        "Finished cases are not done again: the same command goes on after an interruption. A case that fails does "
        "not stop the others; its error is in index.csv, and the exit code is 3."
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes a folder per case and index.csv; 3 when a case failed."""
    from ReVerteRLib.batch import BatchOptions, CaseOutcome, process_batch

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

    def tell(outcome: CaseOutcome) -> None:
        if outcome.status == "failed":
            where = f"{outcome.error_where}: " if outcome.error_where else ""
            remedy = f". {outcome.error_remedy}" if outcome.error_remedy else "."
            console.note(f"case {outcome.case} failed: {where}{outcome.error_what}{remedy}")
        for note in () if outcome.resumed else outcome.notes:
            console.note(f"case {outcome.case}: {note}")

    with console.progress("batch") as progress:
        result = process_batch(arguments.cases, arguments.out, options=chosen, progress=progress, on_case=tell)
    resumed = sum(outcome.resumed for outcome in result.outcomes)
    done = len(result.outcomes) - len(result.failed)
    before = f", {resumed} of them before" if resumed else ""
    console.say(f"{done} of {len(result.outcomes)} cases done{before}, {len(result.failed)} failed")
    console.say(f"Index: {result.index}")
    return _EXIT_SOME_FAILED if result.failed else 0


def _absolute(name: str | None) -> str | None:
    """A file stays found in a worker that runs elsewhere; names stay names."""
    return str(Path(name).absolute()) if name is not None and Path(name).is_file() else name
