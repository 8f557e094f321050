"""`reverter evaluate`: simulate, reconstruct and score the subjects of a VerSe folder."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.annotate import add_detector, chosen_detector
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.datasets.verse import VerseSubject
    from ReVerteRLib.evaluation.comparison import Comparison, SharedViews
    from ReVerteRLib.evaluation.runner import CentroidFinder, Evaluation
    from ReVerteRLib.evaluation.systems import System
    from ReVerteRLib.progress import Progress

NAME = "evaluate"
SUMMARY = "score reconstructions of the subjects of a VerSe folder against their masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--subjects", type=options.names, metavar="LIST", help="only these, for example verse014,a")
    options.add_systems(parser)
    parser.add_argument(
        "--centroids",
        default="reference",
        metavar="reference|auto|FILE",
        help="where centroids come from: the data set, the automatic annotation (a vertebra that it does not find "
        "counts with Dice 0; means over those found are given as well), or a file of one subject (default: reference)",
    )
    add_detector(parser)
    parser.add_argument(
        "--no-details",
        dest="details",
        action="store_false",
        help="only Dice, HD95 and NSD: not inside the scan's field of view, no error parts, no clinical measures",
    )
    options.add_out(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes metrics.csv, clinical.csv, summary.json, report.md and pictures; with several systems, each into a folder
    of its own, and comparison.csv and comparison.md beside them.
    """
    subjects = chosen_subjects(arguments)
    finder = centroid_finder(arguments, subjects, console)
    systems = chosen_systems(arguments, console)
    if len(systems) == 1:
        _run_one(arguments, console, subjects, systems[0], finder)
    else:
        _run_several(arguments, console, subjects, systems, finder)
    console.say(f"Results: {arguments.out}")
    return 0


def chosen_subjects(arguments: argparse.Namespace) -> list[VerseSubject]:
    """All scans under --data, or those of --subjects. Raises DatasetError and ArgumentError."""
    from ReVerteRLib.datasets.verse import find_subjects, select_subjects

    known = find_subjects(arguments.data)
    return select_subjects(known, arguments.subjects) if arguments.subjects else known


def centroid_finder(
    arguments: argparse.Namespace, subjects: Sequence[VerseSubject], console: Console
) -> CentroidFinder:
    """What --centroids means. Raises ArgumentError, CentroidError and WeightsError before anything heavy starts."""
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.errors import ArgumentError
    from ReVerteRLib.evaluation.runner import reference_centroids

    if arguments.centroids == "auto":
        from ReVerteRLib.detection.annotator import Annotator
        from ReVerteRLib.evaluation.automatic import AutomaticCentroids

        return AutomaticCentroids(Annotator(chosen_detector(arguments.detector, console)), told=console.note)
    if arguments.detector is not None:
        raise ArgumentError("it has no use here", where="--detector", remedy="Add --centroids auto")
    if arguments.centroids == "reference":
        return reference_centroids
    if len(subjects) != 1:
        raise ArgumentError(
            f"a file of centroids belongs to one subject, {len(subjects)} are chosen",
            where=f"--centroids {arguments.centroids}",
            remedy="Choose it with --subjects, or use 'reference' or 'auto'",
        )
    own = read_centroids(Path(arguments.centroids))
    return lambda _case, _pair: own


def chosen_systems(arguments: argparse.Namespace, console: Console) -> tuple[System, ...]:
    """What the values of --weights mean; their notes are shown. Raises WeightsError and ArgumentError."""
    from ReVerteRLib.evaluation.systems import open_systems
    from ReVerteRLib.inference.weights import DEFAULT

    systems = open_systems(arguments.weights or [DEFAULT], arguments.device)
    for note in (system.note for system in systems if system.note):
        console.note(note)
    return systems


def _run_one(
    arguments: argparse.Namespace,
    console: Console,
    subjects: Sequence[VerseSubject],
    system: System,
    finder: CentroidFinder,
) -> None:
    from ReVerteRLib.evaluation.runner import evaluate

    with staged_folder(arguments.out) as folder:
        with console.progress("evaluate") as progress:
            views = _views(arguments, subjects, progress)
            evaluation = evaluate(
                subjects,
                system.reconstructor,
                folder,
                weights=system.name,
                sha256=system.sha256,
                views=views,
                centroids=finder,
                details=arguments.details,
                progress=progress,
            )
        _plot(evaluation, folder, console)
    _tell_skipped(evaluation, console)
    console.table("Reconstruction against the masks", ("region", "n", "Dice", "HD95 mm", "NSD 2 mm"), _rows(evaluation))


def _run_several(
    arguments: argparse.Namespace,
    console: Console,
    subjects: Sequence[VerseSubject],
    systems: Sequence[System],
    finder: CentroidFinder,
) -> None:
    from ReVerteRLib.evaluation.comparison import compare, folder_name, table_cells

    with staged_folder(arguments.out) as folder:
        with console.progress("evaluate") as progress:
            views = _views(arguments, subjects, progress)
            comparison = compare(
                subjects,
                systems,
                folder,
                views=views,
                centroids=finder,
                details=arguments.details,
                progress=progress,
            )
        for system in systems:
            _plot(comparison.evaluations[system.name], folder / folder_name(system), console)
    _tell_skipped(_any_of(comparison), console)
    head = ("system", "n", "failures", "Dice", "HD95 mm", "NSD 2 mm", "seconds", "parameters")
    console.table("Systems on the same radiographs", head, [table_cells(row) for row in comparison.rows])


def _views(arguments: argparse.Namespace, subjects: Sequence[VerseSubject], progress: Progress) -> SharedViews:
    """The surrounding bones are read only when some CT must be synthesised."""
    from ReVerteRLib.datasets.atlas import atlas_of
    from ReVerteRLib.evaluation.comparison import SharedViews

    views = SharedViews(device=arguments.device)
    if all(subject.ct_path is not None for subject in subjects):
        return views
    return dataclasses.replace(views, atlas=atlas_of(arguments.data, lambda text: progress(0, 1, text)))


def _any_of(comparison: Comparison) -> Evaluation:
    """Subjects are skipped for their own faults, so every system skips the same."""
    return next(iter(comparison.evaluations.values()))


def _tell_skipped(evaluation: Evaluation, console: Console) -> None:
    for name, reason in evaluation.skipped:
        console.note(f"{name} was skipped: {reason}")


def _plot(evaluation: Evaluation, folder: Path, console: Console) -> None:
    """Dice and error parts by level, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        console.note("dice_by_level.png was not drawn: matplotlib is missing (pip install matplotlib)")
        return
    from ReVerteRLib.evaluation.plots import plot_by_level, plot_error_parts

    plot_by_level(evaluation.rows, folder / "dice_by_level.png")
    if any(row.details is not None and row.details.parts is not None for row in evaluation.rows):
        plot_error_parts(evaluation.rows, folder / "error_parts.png")


def _rows(evaluation: Evaluation) -> list[tuple[object, ...]]:
    summary = evaluation.summary
    groups = {**summary["by_region"], "all": summary}
    if summary["found"]["n"] < summary["n"]:
        groups["found"] = summary["found"]
    return [
        (name, part["n"], *(f"{part[metric]['mean']:.3f}" for metric in ("dice", "hd95_mm", "nsd_2mm")))
        for name, part in groups.items()
        if part["n"]
    ]
