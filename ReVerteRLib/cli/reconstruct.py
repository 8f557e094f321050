"""`reverter reconstruct`: two radiographs and centroids become a labelled 3D spine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.annotate import add_detector, annotate_pair, tell, write_annotation
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import StageClock, staged_folder
from ReVerteRLib.worker.reconstruction import CaseHooks, CaseInputs, CaseOptions, read_pair, reconstruct_case

if TYPE_CHECKING:
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.inference import Reconstructor

NAME = "reconstruct"
SUMMARY = "reconstruct vertebrae from an AP and a lateral radiograph, with given centroids or automatic ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--ap", type=Path, required=True, metavar="FILE", help="AP radiograph (NRRD, NIfTI)")
    parser.add_argument("--lateral", type=Path, required=True, metavar="FILE", help="lateral radiograph")
    parser.add_argument(
        "--centroids",
        type=Path,
        metavar="FILE",
        help="Slicer fiducials named T1, L1 ... (.mrk.json); without them the vertebrae are found automatically as by "
        "'reverter annotate' and centroids.mrk.json is written with the results",
    )
    add_detector(parser)
    options.add_out(parser)
    options.add_levels(parser)
    options.add_weights(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes spine.seg.nrrd, labels.nii.gz, models/<LEVEL>.stl, vertebrae.npz, scene.mrb, report.json and pictures."""
    clock = StageClock()
    with staged_folder(arguments.out) as folder:
        with clock.stage("read"):
            pair, given = _read_case(arguments)
        centroids = given or _found(arguments, pair, folder, console, clock=clock)
        sources = {key: str(getattr(arguments, key) or "automatic") for key in ("ap", "lateral", "centroids")}
        inputs, chosen = CaseInputs(pair, centroids, sources), CaseOptions(arguments.levels or None)
        reconstructor = _reconstructor(arguments, console)
        with console.progress("reconstruct") as progress:
            result = reconstruct_case(inputs, reconstructor, folder, chosen, CaseHooks(progress), clock=clock)
    for note in result.notes:
        console.note(note)
    vertebrae = result.record["vertebrae"]
    found = [v["level"] for v in vertebrae if not v["empty"]]
    console.say(f"{len(found)} of {len(vertebrae)} vertebrae reconstructed: {', '.join(found) or 'none'}")
    console.say(f"Results: {arguments.out}")
    return 0


def _read_case(arguments: argparse.Namespace) -> tuple[RadiographPair, CentroidSet | None]:
    """Both radiographs, and the centroids where a file is given."""
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.errors import ArgumentError

    if arguments.centroids is None:
        return read_pair(arguments.ap, arguments.lateral), None
    if arguments.detector is not None:
        raise ArgumentError("centroids are given, so it has no use", where="--detector", remedy="Leave out one of both")
    centroids = read_centroids(arguments.centroids)
    if arguments.levels:
        centroids.selected(arguments.levels)  # a missing level is told before anything heavy starts
    return read_pair(arguments.ap, arguments.lateral), centroids


def _found(
    arguments: argparse.Namespace, pair: RadiographPair, folder: Path, console: Console, *, clock: StageClock
) -> CentroidSet:
    """Automatic centroids, which are also written. Raises CentroidError for a chosen level that is not among them."""
    from ReVerteRLib.evaluation.automatic import visible_centroids

    with clock.stage("annotate"):
        annotation = annotate_pair(pair, console, detector=arguments.detector)
    tell(annotation, console)
    write_annotation(annotation, folder / "centroids.mrk.json")
    centroids = visible_centroids(annotation.centroids, pair)
    return centroids.selected(arguments.levels) if arguments.levels else centroids


def _reconstructor(arguments: argparse.Namespace, console: Console) -> Reconstructor:
    from ReVerteRLib.inference import Reconstructor, load_weights

    weights = load_weights(arguments.weights)
    if weights.note:
        console.note(weights.note)
    return Reconstructor(weights, arguments.device)
