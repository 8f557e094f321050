"""`reverter reconstruct`: two radiographs and centroids become a labelled 3D spine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import StageClock, staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.inference.result import SpineReconstruction

NAME = "reconstruct"
SUMMARY = "reconstruct vertebrae from an AP and a lateral radiograph and their centroids"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--ap", type=Path, required=True, metavar="FILE", help="AP radiograph (NRRD, NIfTI)")
    parser.add_argument("--lateral", type=Path, required=True, metavar="FILE", help="lateral radiograph")
    parser.add_argument(
        "--centroids", type=Path, required=True, metavar="FILE", help="Slicer fiducials named T1, L1 ... (.mrk.json)"
    )
    options.add_out(parser)
    options.add_levels(parser)
    options.add_weights(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes spine.seg.nrrd, labels.nii.gz, models/<LEVEL>.stl, scene.mrb, report.json and pictures."""
    from ReVerteRLib.cli.outputs import write_case
    from ReVerteRLib.files import write_json

    clock = StageClock()
    with staged_folder(arguments.out) as folder:
        with clock.stage("read"):
            pair, centroids = _read_case(arguments)
        spine = _reconstruct(arguments, pair, centroids, console)
        for name, seconds in spine.timings_s.items():
            clock.add(name, seconds)
        used = centroids.selected([v.level for v in spine.vertebrae])
        files, notes = write_case(spine, pair, used, folder, clock)
        record = {
            **reconstruction_record(spine),
            "inputs": {key: str(getattr(arguments, key)) for key in ("ap", "lateral", "centroids")},
            "notes": [*spine.notes, *notes],
            "stages_s": clock.rounded(),
            "files": {**files, "report": "report.json"},
        }
        write_json(folder / "report.json", record)
    for note in notes:
        console.note(note)
    found = ", ".join(level.name for level in spine.levels) or "none"
    console.say(f"{len(spine.levels)} of {len(spine.vertebrae)} vertebrae reconstructed: {found}")
    console.say(f"Results: {arguments.out}")
    return 0


def _read_case(arguments: argparse.Namespace) -> tuple[Any, Any]:
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import RadiographPair, read_radiograph

    _refuse_one_file_twice(arguments.ap, arguments.lateral)
    centroids = read_centroids(arguments.centroids)
    if arguments.levels:
        centroids.selected(arguments.levels)  # a missing level is told before anything heavy starts
    ap = read_radiograph(arguments.ap, View.AP)
    return RadiographPair(ap, read_radiograph(arguments.lateral, View.LATERAL)), centroids


def _refuse_one_file_twice(ap: Path, lateral: Path) -> None:
    """One file given twice would be reported as a wrong view otherwise, which is true but not what happened."""
    from ReVerteRLib.errors import InputError

    if ap.is_file() and lateral.is_file() and ap.samefile(lateral):
        raise InputError(
            "the same file is given as AP and as lateral radiograph",
            where=lateral,
            remedy="Give one AP and one lateral radiograph of the same patient",
        )


def _reconstruct(arguments: argparse.Namespace, pair: Any, centroids: Any, console: Console) -> SpineReconstruction:
    from ReVerteRLib.inference import Reconstructor, load_weights

    weights = load_weights(arguments.weights)
    if weights.note:
        console.note(weights.note)
    reconstructor = Reconstructor(weights, arguments.device)
    with console.progress("reconstruct") as progress:
        return reconstructor.reconstruct(pair, centroids, arguments.levels, progress=progress)


def reconstruction_record(spine: SpineReconstruction) -> dict[str, Any]:
    """The part of report.json that describes the reconstruction itself."""
    from ReVerteRLib import __version__

    return {
        "reverter": __version__,
        "use": "research use only",
        "weights": {"name": spine.weights_name, "sha256": spine.weights_sha256},
        "device": spine.device,
        "frame": "LPS",
        "unit": "mm",
        "vertebrae": [
            {
                "level": v.level.name,
                "label": v.level.verse_label,
                "centroid_lps_mm": [round(float(c), 3) for c in v.grid.centroid_lps_mm],
                "volume_ml": round(float((spine.labels.array_kji == v.level.verse_label).sum()) * _ml(spine), 3),
                "confidence": round(v.confidence, 4),
                "seconds": round(v.seconds, 3),
                "empty": v.level not in spine.surfaces,
            }
            for v in spine.vertebrae
        ],
    }


def _ml(spine: SpineReconstruction) -> float:
    """Millilitres per voxel."""
    return float(spine.labels.spacing_mm.prod()) / 1000.0
