"""One configuration of the reconstruction in a fresh process: start-up, first result, stages, memory.

    python -m ReVerteRLib.bench.once JOB.json

JOB holds `ap`, `lateral`, `centroids` (files), `weights`, `precision` ('fp32', 'bf16', 'openvino fp32', 'openvino
bf16'), `device`, `threads`, `repeats`, `levels` (text or empty). The result is JSON on standard output.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.datasets.patches import VertebraPatches
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.inference import Reconstructor
    from ReVerteRLib.inference.result import VertebraResult
    from ReVerteRLib.inference.runner import PatchRunner
    from ReVerteRLib.inference.weights import LoadedWeights


class TimedRunner:
    """A patch runner that adds up its own time; what else 'network' of a reconstruction holds is cropping."""

    def __init__(self, inner: PatchRunner) -> None:
        self._inner = inner
        self.seconds = 0.0
        self.notes, self.device = inner.notes, inner.device

    @property
    def batch_size(self) -> int:
        """The runner's."""
        return self._inner.batch_size

    def probabilities(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        """The runner's."""
        began = time.perf_counter()
        found = self._inner.probabilities(patches, levels)
        self.seconds += time.perf_counter() - began
        return found


def _runner(weights: LoadedWeights, job: dict[str, Any]) -> PatchRunner:
    precision, device = str(job["precision"]), str(job["device"])
    if precision.startswith("openvino"):
        from ReVerteRLib.bench.openvino_runner import OpenVinoRunner

        return OpenVinoRunner(weights, precision.split()[1], int(job["threads"]))
    from ReVerteRLib.inference.runner import NetworkRunner, RunnerOptions

    return NetworkRunner(weights.network, RunnerOptions(device, precision=precision, mirror=weights.mirror))


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a block."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Start-up, then the whole way `repeats` + 1 times; the first run is the cold one."""
    clock = _Clock()
    with clock.stage("import"):
        import torch

        from ReVerteRLib.inference import Reconstructor, load_weights

        torch.set_num_threads(int(job["threads"]))
    with clock.stage("weights"):
        weights = load_weights(job["weights"])
        timed = TimedRunner(_runner(weights, job))
        reconstructor = Reconstructor(weights, str(job["device"]), runner=timed)
    runs = [_run(job, reconstructor, timed) for _ in range(int(job["repeats"]) + 1)]
    from ReVerteRLib.bench.serve import peak_bytes

    return {"start": clock.seconds, "cold": runs[0], "runs": runs[1:], "peak_bytes": peak_bytes(), "notes": timed.notes}


def _run(job: dict[str, Any], reconstructor: Reconstructor, timed: TimedRunner) -> dict[str, Any]:
    """Seconds of each stage, of each level, and until the first vertebra was there."""
    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.inference.export import write_reconstruction
    from ReVerteRLib.worker.reconstruction import read_pair

    clock, first, timed.seconds = _Clock(), [], 0.0
    began = time.perf_counter()

    def seen(_: VertebraResult) -> None:
        first.append(time.perf_counter() - began)

    with clock.stage("read"):
        pair = read_pair(Path(job["ap"]), Path(job["lateral"]))
        centroids = read_centroids(Path(job["centroids"]))
    levels = parse_levels(job["levels"]) if job.get("levels") else None
    spine = reconstructor.reconstruct(pair, centroids, levels, on_vertebra=seen)
    clock.seconds["crop"] = spine.timings_s["network"] - timed.seconds
    clock.seconds |= {"network": timed.seconds}
    clock.seconds |= {"assemble": spine.timings_s["assemble"], "surface": spine.timings_s["surfaces"]}
    with tempfile.TemporaryDirectory() as folder:
        with clock.stage("files"):
            write_reconstruction(spine, Path(folder))
        with clock.stage("scene"):
            from ReVerteRLib.cli.outputs import write_scene

            skipped = write_scene(spine, pair, centroids, Path(folder) / "scene.mrb")
    total = time.perf_counter() - began
    if skipped:
        del clock.seconds["scene"]
    if job.get("detect"):
        clock.seconds["detect"] = _detect(pair, centroids)
    by_level = {v.level.name: v.seconds for v in spine.vertebrae}
    return {"stages": clock.seconds, "levels": by_level, "first": first[0], "total": total}


def _detect(pair: RadiographPair, _given: CentroidSet) -> float:
    """Seconds to find and name the vertebrae, with the detector opened before; not part of the total."""
    from ReVerteRLib.detection.annotator import Annotator
    from ReVerteRLib.detection.opening import open_detector

    annotator = Annotator(open_detector())
    began = time.perf_counter()
    annotator.annotate(pair)
    return time.perf_counter() - began


def main() -> None:
    """Reads the job, prints the result."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(measure(job)) + "\n")


if __name__ == "__main__":
    main()
