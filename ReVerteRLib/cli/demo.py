"""`reverter demo`: the whole way on a sample CT, with a report."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.annotate import add_detector, annotate_pair, tell, write_annotation
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import StageClock, staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.datasets.sample import SampleCase
    from ReVerteRLib.detection.types import Annotation
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.imaging.volume import LabelVolume
    from ReVerteRLib.inference import Reconstructor
    from ReVerteRLib.inference.result import SpineReconstruction

NAME = "demo"
SUMMARY = "reconstruct T1 to L1 of a sample chest CT and write a report"
_DEFAULT_OUT = Path("reverter-demo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    options.add_out(parser, required=False, default=_DEFAULT_OUT)
    parser.add_argument(
        "--centroids",
        metavar="reference|auto|FILE",
        help="where centroids come from: computed from the sample's mask, found in the radiographs, or a file "
        "(default: auto where the learned detector's weights are installed, else reference)",
    )
    add_detector(parser)
    options.add_weights(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the radiographs, the centroids, all that `reconstruct` writes, and report.html."""
    clock = StageClock()
    with staged_folder(arguments.out) as folder:
        reconstructor = _reconstructor(arguments, console, clock)
        sample, reference = _read(console, clock)
        pair = _simulate(sample, arguments, folder, clock)
        case = _Case(sample, pair, reference, *_centroids(arguments, reference, pair, console, clock=clock))
        spine = _reconstruct(case, reconstructor, console, clock)
        with console.progress("write") as progress:
            progress(0, 1, "segmentation, models, pictures, scene, report")
            record = _write(case, spine, folder, clock, console)
            progress(1, 1, "")
    _tell(record, arguments.out, console)
    return 0


@dataclass(frozen=True)
class _Case:
    """The sample with what was made from it."""

    sample: SampleCase
    pair: RadiographPair
    reference: CentroidSet
    centroids: CentroidSet
    annotation: Annotation | None


def _reconstructor(arguments: argparse.Namespace, console: Console, clock: StageClock) -> Reconstructor:
    """First of all, because a fault with the weights should not cost a download."""
    from ReVerteRLib.inference import Reconstructor, load_weights

    with clock.stage("weights"):
        weights = load_weights(arguments.weights)
        reconstructor = Reconstructor(weights, arguments.device)
    if weights.note:
        console.note(weights.note)
    return reconstructor


def _read(console: Console, clock: StageClock) -> tuple[SampleCase, CentroidSet]:
    """The CT with its mask, and vertebral body centres computed from the mask."""
    from ReVerteRLib.datasets.sample import sample_ct

    with clock.stage("read"), console.progress("read") as progress:
        progress(0, 2, "sample CT (fetched the first time, 40 MB)")
        sample = sample_ct()
        progress(1, 2, "vertebral body centres")
        reference = body_centres(sample.labels, sample.name)
        progress(2, 2, "")
    return sample, reference


def body_centres(labels: LabelVolume, name: str) -> CentroidSet:
    """Vertebral body centres computed from a mask."""
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.datasets.bodies import body_centre, levels_present

    found = []
    for level in levels_present(labels):
        x, y, z = (float(v) for v in body_centre(labels, level))
        found.append(Centroid(level, (x, y, z)))
    return CentroidSet(tuple(found), name)


def _centroids(
    arguments: argparse.Namespace, reference: CentroidSet, pair: RadiographPair, console: Console, *, clock: StageClock
) -> tuple[CentroidSet, Annotation | None]:
    """The centroids to reconstruct from, and the annotation where they were found automatically."""
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.detection.opening import has_learned_detector
    from ReVerteRLib.evaluation.automatic import visible_centroids

    chosen = arguments.centroids or ("auto" if arguments.detector or has_learned_detector() else "reference")
    if chosen == "reference":
        return reference, None
    if chosen != "auto":
        return read_centroids(Path(chosen)), None
    with clock.stage("annotate"):
        annotation = annotate_pair(pair, console, detector=arguments.detector)
    tell(annotation, console)
    return visible_centroids(annotation.centroids, pair), annotation


def _simulate(sample: SampleCase, arguments: argparse.Namespace, folder: Path, clock: StageClock) -> RadiographPair:
    from ReVerteRLib.cli.simulate import write_simulation
    from ReVerteRLib.drr import simulate_pair

    with clock.stage("simulate"):
        pair = simulate_pair(sample.ct, device=arguments.device)
    with clock.stage("files"):
        settings = {"geometry": "parallel", "spacing_mm": 1.0, "device": arguments.device}
        write_simulation(pair, folder / "radiographs", Path(sample.ct.source).name, settings)
    return pair


def _reconstruct(case: _Case, reconstructor: Reconstructor, console: Console, clock: StageClock) -> SpineReconstruction:
    with console.progress("reconstruct") as progress:
        spine = reconstructor.reconstruct(case.pair, case.centroids, progress=progress)
    for name, seconds in spine.timings_s.items():
        clock.add(name, seconds)
    return spine


def _write(
    case: _Case, spine: SpineReconstruction, folder: Path, clock: StageClock, console: Console
) -> dict[str, Any]:
    from ReVerteRLib.centroids import write_centroids
    from ReVerteRLib.cli.outputs import write_case
    from ReVerteRLib.cli.report import write_report
    from ReVerteRLib.evaluation.report import summarise
    from ReVerteRLib.evaluation.runner import score_spine
    from ReVerteRLib.files import write_json
    from ReVerteRLib.worker.reconstruction import reconstruction_record

    if case.annotation is not None:
        write_annotation(case.annotation, folder / "centroids.mrk.json")
    else:
        write_centroids(case.centroids, folder / "centroids.mrk.json")
    files, notes = write_case(spine, case.pair, case.centroids, folder, clock)
    for note in notes:
        console.note(note)
    with clock.stage("evaluate"):
        levels = [c.level for c in case.reference]
        rows = score_spine(spine, case.sample.labels, levels, case.reference, subject=case.sample.name, ct="real")
    record = {
        **reconstruction_record(spine),
        "sample": {"name": case.sample.name, "source": case.sample.source},
        "centroids": _origin(case),
        "notes": [*(case.annotation.warnings if case.annotation else ()), *spine.notes, *notes],
        "stages_s": clock.rounded(),
        "evaluation": summarise(rows, spine.weights_name, spine.weights_sha256),
        "rows": [row.as_record() for row in rows],
        "files": {**files, "centroids": "centroids.mrk.json", "report": "report.json", "page": "report.html"},
    }
    write_json(folder / "report.json", record)
    write_report(record, folder)
    return record


def _origin(case: _Case) -> str:
    """Where the centroids came from, for the report."""
    if case.annotation is not None:
        return "automatic"
    return "reference" if case.centroids is case.reference else case.centroids.source


def _tell(record: dict[str, Any], out: Path, console: Console) -> None:
    rows = [
        (r["level"], f"{r['dice']:.3f}", f"{r['hd95_mm']:.2f}", f"{r['nsd_2mm']:.3f}", f"{r['seconds']:.2f}")
        for r in record["rows"]
    ]
    summary = record["evaluation"]
    means = (f"{summary['dice']['mean']:.3f}", f"{summary['hd95_mm']['mean']:.2f}", f"{summary['nsd_2mm']['mean']:.3f}")
    console.table(
        f"{record['sample']['name']}: reconstruction against the CT's own mask",
        ("level", "Dice", "HD95 mm", "NSD 2 mm", "seconds"),
        [*rows, ("mean", *means, ""), *_found_row(summary)],
    )
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in record["stages_s"].items())
    console.say(f"Seconds: {stages}")
    console.say(f"Report:  {out / 'report.html'}")
    console.say(f"Scene:   {out / record['files']['scene']}" if "scene" in record["files"] else "Scene:   not written")
    console.say(f"Models:  {out / 'models'}")
    console.say("Research use only.")


def _found_row(summary: dict[str, Any]) -> list[tuple[str, ...]]:
    """Means over the vertebrae that were found, where some were not."""
    found = summary["found"]
    if not 0 < found["n"] < summary["n"]:
        return []
    means = (f"{found[key]['mean']:.{digits}f}" for key, digits in (("dice", 3), ("hd95_mm", 2), ("nsd_2mm", 3)))
    return [(f"mean of {found['n']} found", *means, "")]
