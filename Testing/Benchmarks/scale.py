"""Throughput and memory of `reverter batch` over many generated cases, without Dask and with one or more workers.

    python Testing/Benchmarks/scale.py --out DIR [--cases 1000] [--levels L1-L3] [--weights fast] [--runs plain,1,2]

A case is a pair of radiographs of a phantom of mean shapes with its own noise; the shipped weights reconstruct it, so
that a case costs what its number of vertebrae costs. Each run processes all cases into a new folder and then once more,
which only verifies them. Writes into DIR: memory.csv (resident memory of the batch's own process and of each worker,
every --every cases), throughput.csv, scale.json, scale.md and scale.png; the results of the cases are removed
unless --keep is given (8 MB a case of three vertebrae while a run lasts; the case itself 0.2 MB). Needs Dask
(extra cluster) for other runs than plain. Figures mean something only on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import platform
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from ReVerteRLib.batch import BatchOptions, Schedule, process_batch  # noqa: E402
from ReVerteRLib.files import write_json, write_text, written_aside  # noqa: E402

PLAIN = "plain"
_PHANTOMS = 4
_MIB = 2.0**20


@dataclass(frozen=True)
class Sample:
    """Memory of one process after so many cases."""

    run: str
    done: int
    seconds: float
    role: str
    pid: int
    rss_mib: float


@dataclass(frozen=True)
class Run:
    """One pass over all cases: seconds of the whole, from the first finished case to the last, and of verifying."""

    run: str
    cases: int
    failed: int
    total_s: float
    steady_cases_per_s: float
    median_case_s: float
    verify_s: float
    growth_mib: float
    peak_mib: float


def make_cases(folder: Path, count: int, levels: str) -> Path:
    """Folders with ap.nrrd, lateral.nrrd and centroids.mrk.json; those that are there already stay."""
    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.centroids import write_centroids
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.imaging.radiograph import write_radiograph
    from ReVerteRLib.scene.phantom import phantom_centroids, phantom_ct

    spine = phantom_centroids(parse_levels(levels))
    pairs: dict[int, Any] = {}
    for number in range(count):
        case = folder / f"case{number:05d}"
        if (case / "centroids.mrk.json").is_file():
            continue
        case.mkdir(parents=True, exist_ok=True)
        kind = number % _PHANTOMS
        if kind not in pairs:
            pairs[kind] = simulate_pair(phantom_ct(spine, seed=kind), device="cpu")
        rng = np.random.default_rng(number)
        for film in pairs[kind]:
            noise = rng.normal(0.0, 0.002 * float(film.image_hw.max()), film.image_hw.shape)
            noisy = dataclasses.replace(film, image_hw=(film.image_hw + noise).astype(np.float32))
            write_radiograph(noisy, case / f"{film.projection.view.value}.nrrd")
        write_centroids(spine, case / "centroids.mrk.json")
    return folder


class Meter:
    """Notes when each case ended, and the memory of this process and its children every so many cases."""

    def __init__(self, run: str, every: int) -> None:
        import psutil

        self._me = psutil.Process()
        self._run, self._every = run, every
        self._started = time.perf_counter()
        self.ends: list[float] = []
        self.seconds: list[float] = []
        self.samples: list[Sample] = []

    def note(self, outcome: Any) -> None:
        """Called with each outcome."""
        self.ends.append(time.perf_counter() - self._started)
        self.seconds.append(outcome.seconds)
        if len(self.ends) % self._every == 0:
            self.sample()

    def sample(self) -> None:
        """Takes the memory now; helpers of Python's own (below 80 MiB) are left out."""
        import psutil

        processes = [("batch", self._me), *(("worker", child) for child in self._me.children(recursive=True))]
        for role, process in processes:
            try:
                rss = process.memory_info().rss / _MIB
            except psutil.Error:
                continue
            if rss > 80.0:
                now = time.perf_counter() - self._started
                self.samples.append(Sample(self._run, len(self.ends), round(now, 2), role, process.pid, round(rss, 1)))


def measure(run: str, cases: Path, out: Path, arguments: argparse.Namespace) -> tuple[Run, Meter]:
    """All cases once, and once more to verify them."""
    workers = None if run == PLAIN else int(run)
    schedule = Schedule(workers=workers, threads=arguments.threads, restart_after=arguments.restart_after)
    options = BatchOptions(
        weights=arguments.weights, device=arguments.device, pictures=arguments.pictures, measure=arguments.measure
    )
    shutil.rmtree(out, ignore_errors=True)
    meter, started = Meter(run, arguments.every), time.perf_counter()
    result = process_batch(cases, out, options=options, schedule=schedule, on_case=meter.note)
    total = time.perf_counter() - started
    started = time.perf_counter()
    again = process_batch(cases, out, options=options, schedule=schedule)
    verify = time.perf_counter() - started
    if not all(outcome.resumed for outcome in again.outcomes if outcome.status == "done"):
        raise SystemExit("a finished case was done twice")
    if not arguments.keep:
        shutil.rmtree(out)
    return _summary(run, result, meter, total, verify), meter


def _summary(run: str, result: Any, meter: Meter, total: float, verify: float) -> Run:
    span = meter.ends[-1] - meter.ends[0]
    return Run(
        run,
        len(result.outcomes),
        len(result.failed),
        round(total, 2),
        round((len(meter.ends) - 1) / span, 4) if span > 0 else 0.0,
        round(statistics.median(meter.seconds), 3),
        round(verify, 2),
        round(growth(meter.samples), 1),
        round(max((s.rss_mib for s in meter.samples), default=0.0), 1),
    )


def growth(samples: Sequence[Sample]) -> float:
    """The largest growth of one process from its second sample to its last, in MiB (the first still warms up)."""
    by_process: dict[int, list[float]] = defaultdict(list)
    for sample in samples:
        by_process[sample.pid].append(sample.rss_mib)
    return max((values[-1] - values[1] for values in by_process.values() if len(values) > 2), default=0.0)


# --- files -----------------------------------------------------------------------------------------


def write_table(path: Path, rows: Iterable[Any]) -> None:
    """A CSV file of dataclasses of one kind."""
    rows = [dataclasses.asdict(row) for row in rows]
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def describe(runs: Sequence[Run], arguments: argparse.Namespace) -> str:
    """The Markdown table."""
    lines = [
        f"{arguments.cases} cases of {arguments.levels}, weights `{arguments.weights}`, {os.cpu_count()} processors.",
        f"Threads of each worker: {arguments.threads or 'the processors divided by the workers'}.",
        "",
        "| run | failed | total s | steady cases/s | median s a case | verified again in s | growth MiB | peak MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in runs:
        name = "one process, no Dask" if r.run == PLAIN else f"Dask, {r.run} worker{'s' if r.run != '1' else ''}"
        lines.append(
            f"| {name} | {r.failed} | {r.total_s} | {r.steady_cases_per_s} | {r.median_case_s} | {r.verify_s} "
            f"| {r.growth_mib} | {r.peak_mib} |"
        )
    return "\n".join(lines) + "\n"


def plot(samples: Sequence[Sample], path: Path) -> None:
    """Memory over cases, one panel a run, one line a process."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    runs = list(dict.fromkeys(sample.run for sample in samples)) or [PLAIN]
    figure, axes = plt.subplots(1, len(runs), figsize=(4.5 * len(runs), 3.5), sharey=True, squeeze=False)
    for panel, run in zip(axes[0], runs, strict=True):
        mine = [s for s in samples if s.run == run]
        for pid, role in dict.fromkeys((s.pid, s.role) for s in mine):
            line = [s for s in mine if s.pid == pid]
            panel.plot([s.done for s in line], [s.rss_mib for s in line], marker=".", label=f"{role} {pid}")
        panel.set(
            title="one process, no Dask" if run == PLAIN else f"Dask, workers: {run}",
            xlabel="cases done",
        )
        panel.legend(fontsize=7)
    axes[0][0].set_ylim(bottom=0)  # shared, and only now does it know the largest of all
    axes[0][0].set_ylabel("resident memory, MiB")
    figure.tight_layout()
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120, format="png")
    plt.close(figure)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--levels", default="L1-L3", help="vertebrae of each case")
    parser.add_argument("--weights", default="fast")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", default="plain,1,2", help="plain: without Dask; a number: so many Dask workers")
    parser.add_argument("--threads", type=int, help="threads of each worker")
    parser.add_argument("--every", type=int, default=50, help="cases between two looks at the memory")
    parser.add_argument("--restart-after", type=int, default=0)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the results of the cases")
    return parser.parse_args()


def main() -> None:
    """Makes the cases, runs all, writes the tables."""
    arguments = parse()
    out: Path = arguments.out.absolute()
    started = time.perf_counter()
    cases = make_cases(out / "cases" / f"{arguments.levels}-{arguments.cases}", arguments.cases, arguments.levels)
    print(f"{arguments.cases} cases made in {time.perf_counter() - started:.1f} s", flush=True)
    runs: list[Run] = []
    samples: list[Sample] = []
    ends: dict[str, list[float]] = {}
    for name in arguments.runs.split(","):
        run, meter = measure(name, cases, out / f"results-{name}", arguments)
        runs.append(run)
        samples += meter.samples
        ends[name] = [round(end, 2) for end in meter.ends]
        print(describe(runs[-1:], arguments).splitlines()[-1], flush=True)
        write_table(out / "memory.csv", samples)
        write_table(out / "throughput.csv", runs)
    facts = {"machine": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version()}
    settings = {key: str(value) if isinstance(value, Path) else value for key, value in vars(arguments).items()}
    record = {**facts, "settings": settings, "runs": [dataclasses.asdict(run) for run in runs], "case_ends_s": ends}
    write_json(out / "scale.json", json.loads(json.dumps(record)))
    write_text(out / "scale.md", describe(runs, arguments))
    plot(samples, out / "scale.png")


if __name__ == "__main__":
    main()
