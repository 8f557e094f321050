"""`reverter demo`: the whole way on a sample CT, with a report."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import StageClock, staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.datasets.sample import SampleCase
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.inference import Reconstructor
    from ReVerteRLib.inference.result import SpineReconstruction

NAME = "demo"
SUMMARY = "reconstruct T1 to L1 of a sample chest CT and write a report"
_DEFAULT_OUT = Path("reverter-demo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    options.add_out(parser, required=False, default=_DEFAULT_OUT)
    options.add_weights(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the radiographs, the centroids, all that `reconstruct` writes, and report.html."""
    clock = StageClock()
    with staged_folder(arguments.out) as folder:
        reconstructor = _reconstructor(arguments, console, clock)
        sample, centroids = _read(console, clock)
        case = _Case(sample, centroids, _simulate(sample, arguments, folder, clock))
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
    centroids: CentroidSet
    pair: RadiographPair


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
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.datasets.bodies import body_centre, levels_present
    from ReVerteRLib.datasets.sample import sample_ct

    with clock.stage("read"), console.progress("read") as progress:
        progress(0, 2, "sample CT (fetched the first time, 40 MB)")
        sample = sample_ct()
        progress(1, 2, "vertebral body centres")
        found = []
        for level in levels_present(sample.labels):
            x, y, z = (float(v) for v in body_centre(sample.labels, level))
            found.append(Centroid(level, (x, y, z)))
        progress(2, 2, "")
    return sample, CentroidSet(tuple(found), sample.name)


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

    write_centroids(case.centroids, folder / "centroids.mrk.json")
    files, notes = write_case(spine, case.pair, case.centroids, folder, clock)
    for note in notes:
        console.note(note)
    with clock.stage("evaluate"):
        levels = [v.level for v in spine.vertebrae]
        rows = score_spine(spine, case.sample.labels, levels, case.centroids, subject=case.sample.name, ct="real")
    record = {
        **reconstruction_record(spine),
        "sample": {"name": case.sample.name, "source": case.sample.source},
        "notes": [*spine.notes, *notes],
        "stages_s": clock.rounded(),
        "evaluation": summarise(rows, spine.weights_name, spine.weights_sha256),
        "rows": [row.as_record() for row in rows],
        "files": {**files, "centroids": "centroids.mrk.json", "report": "report.json", "page": "report.html"},
    }
    write_json(folder / "report.json", record)
    write_report(record, folder)
    return record


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
        [*rows, ("mean", *means, "")],
    )
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in record["stages_s"].items())
    console.say(f"Seconds: {stages}")
    console.say(f"Report:  {out / 'report.html'}")
    console.say(f"Scene:   {out / record['files']['scene']}" if "scene" in record["files"] else "Scene:   not written")
    console.say(f"Models:  {out / 'models'}")
    console.say("Research use only.")
