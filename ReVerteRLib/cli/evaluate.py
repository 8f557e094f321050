"""`reverter evaluate`: simulate, reconstruct and score the subjects of a VerSe folder."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.evaluation.runner import Evaluation

NAME = "evaluate"
SUMMARY = "score reconstructions of the subjects of a VerSe folder against their masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--subjects", type=options.names, metavar="LIST", help="only these, for example verse014,a")
    options.add_weights(parser)
    parser.add_argument(
        "--centroids", choices=("reference", "auto"), default="reference", help="where centroids come from"
    )
    options.add_out(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes metrics.csv, summary.json and dice_by_level.png."""
    from ReVerteRLib.errors import ArgumentError

    if arguments.centroids == "auto":
        raise ArgumentError(
            "automatic centroids are not part of this version yet",
            where="--centroids auto",
            remedy="Use --centroids reference",
        )
    with staged_folder(arguments.out) as folder:
        evaluation = _evaluate(arguments, folder, console)
        plotted = _plot(evaluation, folder)
    if not plotted:
        console.note("dice_by_level.png was not drawn: matplotlib is missing (pip install matplotlib)")
    for name, reason in evaluation.skipped:
        console.note(f"{name} was skipped: {reason}")
    console.table("Reconstruction against the masks", ("region", "n", "Dice", "HD95 mm", "NSD 2 mm"), _rows(evaluation))
    console.say(f"Results: {arguments.out}")
    return 0


def _evaluate(arguments: argparse.Namespace, folder: Path, console: Console) -> Evaluation:
    from ReVerteRLib.datasets.atlas import atlas_of
    from ReVerteRLib.datasets.verse import find_subjects, select_subjects
    from ReVerteRLib.evaluation.runner import ViewSettings, evaluate
    from ReVerteRLib.inference import Reconstructor, load_weights

    known = find_subjects(arguments.data)
    subjects = select_subjects(known, arguments.subjects) if arguments.subjects else known
    weights = load_weights(arguments.weights)
    if weights.note:
        console.note(weights.note)
    with console.progress("evaluate") as progress:
        needed = any(subject.ct_path is None for subject in subjects)
        atlas = atlas_of(arguments.data, lambda text: progress(0, 1, text)) if needed else None
        return evaluate(
            subjects,
            Reconstructor(weights, arguments.device),
            folder,
            weights=weights.name,
            sha256=weights.sha256,
            views=ViewSettings(device=arguments.device, atlas=atlas),
            progress=progress,
        )


def _plot(evaluation: Evaluation, folder: Path) -> bool:
    """Dice by level, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from ReVerteRLib.evaluation.plots import plot_by_level

    plot_by_level(evaluation.rows, folder / "dice_by_level.png")
    return True


def _rows(evaluation: Evaluation) -> list[tuple[object, ...]]:
    summary = evaluation.summary
    groups = {**summary["by_region"], "all": summary}
    return [
        (name, part["n"], *(f"{part[metric]['mean']:.3f}" for metric in ("dice", "hd95_mm", "nsd_2mm")))
        for name, part in groups.items()
        if part["n"]
    ]
