"""Reconstruction rows: the whole spine by stages and each level, in a fresh process for each configuration."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.bench.client import NOT_INSTALLED, REPOSITORY
from ReVerteRLib.bench.record import Row, timed_row

PART = "reconstruction"
STAGES = ("read", "detect", "crop", "network", "assemble", "surface", "files", "scene")
PAPER_SECONDS = {"whole spine": 7.7204, "one level": 0.0785}
"""Table 4 of the paper, an RTX 4090: 26 vertebrae, and the mean of its 26 levels."""
OPENVINO = ("openvino fp32", "openvino bf16")


@dataclass(frozen=True)
class ReconstructionSettings:
    """What is measured.

    weights:    shipped names or files.
    precisions: 'fp32', 'bf16' and, where it is installed, 'openvino fp32' and 'openvino bf16'.
    rounds:     fresh processes of each configuration, in turn.
    repeats:    runs in each process after the first.
    levels:     as text; all 24 by default.
    """

    weights: tuple[str, ...] = ("recommended", "fast")
    precisions: tuple[str, ...] = ("fp32", "bf16", *OPENVINO)
    device: str = "cpu"
    threads: int = 2
    rounds: int = 2
    repeats: int = 3
    levels: str = "C1-C7,T1-T12,L1-L5"
    detect: bool = True
    timeout_s: float = 600.0


def write_inputs(levels: str, folder: Path) -> dict[str, str]:
    """Radiographs (parallel rays, 1 mm) and centroids of the phantom with these levels, as files."""
    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.centroids import write_centroids
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.imaging.radiograph import write_radiograph
    from ReVerteRLib.scene.phantom import phantom_centroids, phantom_ct

    centroids = phantom_centroids(parse_levels(levels))
    files = {name: str(folder / f"{name}.nrrd") for name in ("ap", "lateral")}
    for radiograph in simulate_pair(phantom_ct(centroids), device="cpu"):
        write_radiograph(radiograph, Path(files[radiograph.view.value]))
    files["centroids"] = str(folder / "centroids.mrk.json")
    write_centroids(centroids, Path(files["centroids"]))
    return files


def measure_reconstruction(settings: ReconstructionSettings, inputs: dict[str, str], folder: Path) -> list[Row]:
    """Rows of every configuration; those that cannot run say why."""
    wanted = list(itertools.product(settings.weights, settings.precisions))
    results: dict[tuple[str, str], list[dict[str, Any]]] = {one: [] for one in wanted}
    failures: dict[tuple[str, str], str] = {}
    for _ in range(settings.rounds):
        for one in wanted:
            if one in failures:
                continue
            answer = _in_process(settings, inputs, one, folder)
            if isinstance(answer, str):
                failures[one] = answer
            else:
                results[one].append(answer)
    rows: list[Row] = []
    for one in wanted:
        system = f"{one[0]} {one[1]}" if settings.device == "cpu" else f"{one[0]} {one[1]} GPU"
        if one in failures:
            rows.append(Row(PART, "whole spine", system, note=failures[one]))
        else:
            rows.extend(_rows(system, results[one]))
    return rows


def _in_process(
    settings: ReconstructionSettings, inputs: dict[str, str], one: tuple[str, str], folder: Path
) -> dict[str, Any] | str:
    """The result of `once`, or the reason why there is none."""
    weights, precision = one
    if precision.startswith("openvino") and importlib.util.find_spec("openvino") is None:
        return NOT_INSTALLED
    if settings.device != "cpu" and precision.startswith("openvino"):
        return "for processors"
    job = {**inputs, "weights": weights, "precision": precision, "device": settings.device}
    job |= {"threads": str(settings.threads), "repeats": str(settings.repeats), "levels": settings.levels}
    path = folder / "job.json"
    path.write_text(json.dumps({**job, "detect": settings.detect}), encoding="utf-8")
    search = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "ReVerteRLib.bench.once", str(path)],
        capture_output=True,
        text=True,
        timeout=settings.timeout_s,
        env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": str(settings.threads)},
    )
    if done.returncode < 0:
        return f"ended by signal {-done.returncode}"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1][:300] if lines else f"ended with {done.returncode}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _rows(system: str, answers: Sequence[dict[str, Any]]) -> Iterator[Row]:
    runs = [run for answer in answers for run in (answer["runs"] or [answer["cold"]])]
    peak = max(answer["peak_bytes"] for answer in answers) / 2**20
    count = len(runs[0]["levels"])
    note = "" if "scene" in runs[0]["stages"] else "without a scene: slicer-core is not installed"
    totals = [run["total"] for run in runs]
    yield timed_row((PART, "whole spine", system), totals, note, peak_mb=round(peak, 1), vertebrae=float(count))
    yield timed_row((PART, "whole spine, first run", system), [a["cold"]["total"] for a in answers])
    yield timed_row((PART, "first vertebra, first run", system), [a["cold"]["first"] for a in answers])
    yield timed_row((PART, "first vertebra", system), [run["first"] for run in runs])
    for name in ("import", "weights"):
        yield timed_row((PART, f"start-up: {name}", system), [a["start"][name] for a in answers])
    for name in STAGES:
        times = [run["stages"][name] for run in runs if name in run["stages"]]
        if times:
            yield timed_row((PART, f"stage: {name}", system), times)
    for level in runs[0]["levels"]:
        yield timed_row((PART, f"level: {level}", system), [run["levels"][level] for run in runs])
