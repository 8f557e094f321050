"""`reverter robustness`: how reconstructions suffer from wrong centroids, views, scales and levels, and from noise."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.evaluate import chosen_subjects, chosen_systems
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.datasets.verse import VerseSubject
    from ReVerteRLib.evaluation.disturbances import Disturbance
    from ReVerteRLib.evaluation.robustness import RobustnessRow, RobustnessRun
    from ReVerteRLib.evaluation.runner import ViewSettings
    from ReVerteRLib.evaluation.systems import System
    from ReVerteRLib.progress import Progress

NAME = "robustness"
SUMMARY = "score reconstructions under wrong centroids, views, scales and levels, noise and other beams"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--subjects", type=options.names, metavar="LIST", help="only these, for example verse014,a")
    options.add_systems(parser)
    parser.add_argument(
        "--rows",
        type=options.names,
        metavar="LIST",
        help="only these disturbances, for example centroid-4mm,cone (default: all; a wrong name lists them)",
    )
    parser.add_argument(
        "--seed", type=options.count, default=0, metavar="N", help="of directions, noise and synthetic CTs (default: 0)"
    )
    options.add_out(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes robustness.csv, robustness_vertebrae.csv, robustness.md and robustness.png, and keeps every finished
    part in the folder `cells`, so that the same command goes on after it was stopped.
    """
    from ReVerteRLib.evaluation.disturbances import select_disturbances
    from ReVerteRLib.evaluation.robustness_report import write_robustness

    disturbances = select_disturbances(arguments.rows)
    subjects = chosen_subjects(arguments)
    systems = chosen_systems(arguments, console)
    evaluated = _evaluated(arguments, console, subjects, systems, disturbances)
    with staged_folder(arguments.out) as folder:
        rows = write_robustness(evaluated, folder)
        is_drawn = (folder / "robustness.png").is_file()
    _tell(evaluated, rows, console)
    if not is_drawn:
        console.note("robustness.png was not drawn: matplotlib is missing (pip install matplotlib)")
    console.say(f"Results: {arguments.out}")
    return 0


def _evaluated(
    arguments: argparse.Namespace,
    console: Console,
    subjects: Sequence[VerseSubject],
    systems: Sequence[System],
    disturbances: Sequence[Disturbance],
) -> RobustnessRun:
    from ReVerteRLib.errors import CancelledError
    from ReVerteRLib.evaluation.robustness import evaluate_robustness

    is_new = not arguments.out.exists()
    try:
        with console.progress("robustness") as progress:
            views = _views(arguments, subjects, disturbances, progress)
            return evaluate_robustness(subjects, systems, disturbances, arguments.out, views=views, progress=progress)
    except KeyboardInterrupt as error:
        raise CancelledError("cancelled", remedy="The same command goes on from where it stopped") from error
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # it stays when it holds finished cells
                arguments.out.rmdir()


def _views(
    arguments: argparse.Namespace,
    subjects: Sequence[VerseSubject],
    disturbances: Sequence[Disturbance],
    progress: Progress,
) -> ViewSettings:
    """The surrounding bones are read only when some CT must be synthesised."""
    from ReVerteRLib.datasets.atlas import atlas_of
    from ReVerteRLib.evaluation.runner import ViewSettings

    needed = any(s.ct_path is None for s in subjects) or any(d.synthetic for d in disturbances)
    atlas = atlas_of(arguments.data, lambda text: progress(0, 1, text)) if needed else None
    return ViewSettings(device=arguments.device, seed=arguments.seed, atlas=atlas)


def _tell(evaluated: RobustnessRun, rows: Sequence[RobustnessRow], console: Console) -> None:
    for name, reason in evaluated.skipped:
        console.note(f"{name} was skipped: {reason}")
    for cell in (cell for cell in evaluated.cells if cell.reason):
        console.note(f"{cell.subject}, {cell.disturbance}, {cell.system}: {cell.reason}")
    head = ("disturbance", "n", "Dice", "change", "HD95 mm", "change", "NSD 2 mm", "change")
    for system in evaluated.systems:
        own = [_cells(row) for row in rows if row.system == system.name]
        console.table(f"Robustness of {system.name}", head, own)


def _cells(row: RobustnessRow) -> tuple[object, ...]:
    dice = f"{row.dice:.3f}", f"{row.dice_change:+.3f}"
    hd95 = f"{row.hd95_mm:.1f}", f"{row.hd95_change_mm:+.1f}"
    return (row.disturbance.text, row.n, *dice, *hd95, f"{row.nsd_2mm:.3f}", f"{row.nsd_2mm_change:+.3f}")
