"""Runs the chosen parts and writes bench.json after each row, so that an interruption loses little."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ReVerteRLib.bench import cases
from ReVerteRLib.bench.client import OURS, peer_systems
from ReVerteRLib.bench.drr import DrrBench, DrrSettings
from ReVerteRLib.bench.machine import describe, measure_limits
from ReVerteRLib.bench.reconstruction import ReconstructionSettings, measure_reconstruction, write_inputs
from ReVerteRLib.bench.record import Record, Row, read_record, write_record
from ReVerteRLib.bench.report import draw, markdown
from ReVerteRLib.bench.training import TrainingSettings, measure_training
from ReVerteRLib.files import ensure_writable_folder, write_text
from ReVerteRLib.progress import Progress

PARTS = ("limits", "drr", "reconstruction", "training")


@dataclass(frozen=True)
class BenchSettings:
    """Everything that is chosen on the command line.

    parts:   of PARTS.
    rows:    DRR cases whose name holds one of these texts; all when empty.
    peers:   virtual environment of the other programs.
    devices: 'cpu', and 'cuda' where there is one.
    inputs:  files ap, lateral and centroids to reconstruct instead of the phantom's.
    """

    parts: tuple[str, ...] = PARTS
    rows: tuple[str, ...] = ()
    peers: Path = Path(".venv-peers")
    devices: tuple[str, ...] = ("cpu",)
    quick: bool = False
    drr: DrrSettings = field(default_factory=DrrSettings)
    reconstruction: ReconstructionSettings = field(default_factory=ReconstructionSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    inputs: dict[str, str] | None = None

    @property
    def cases(self) -> list[cases.DrrCase]:
        """The DRR cases that are wanted."""
        known = cases.QUICK if self.quick else cases.FULL
        return [case for case in known if not self.rows or any(text in case.name for text in self.rows)]


def run_bench(settings: BenchSettings, out: Path, progress: Progress) -> Record:
    """Measures, writes bench.json, bench.md and pictures in `out`, and returns all rows there, earlier ones too.

    Raises InputError when `out` holds another bench.json, OutputError.
    """
    out = ensure_writable_folder(Path(out))
    store = _Store(out, read_record(out), settings.drr.threads)
    work: dict[str, Callable[[_Store, BenchSettings, Progress], None]] = {
        "limits": _limits,
        "drr": _drr,
        "reconstruction": _reconstruction,
        "training": _training,
    }
    for part in settings.parts:
        work[part](store, settings, progress)
    write_text(out / "bench.md", markdown(store.record))
    draw(store.record, out)
    return store.record


class _Store:
    """The record and its file."""

    def __init__(self, out: Path, record: Record, threads: int) -> None:
        self.out, self.record = out, record
        self._machine = describe(threads)

    def add(self, rows: Sequence[Row]) -> None:
        self.record = self.record.with_rows(rows, self._machine)
        write_record(self.record, self.out)


def _limits(store: _Store, settings: BenchSettings, progress: Progress) -> None:
    progress(0, 1, "what the machine can do")
    store.add(measure_limits(settings.drr.threads, 3 if settings.quick else 9, quick=settings.quick))


def _drr(store: _Store, settings: BenchSettings, progress: Progress) -> None:
    import dataclasses

    systems = [OURS, *peer_systems(settings.peers)]
    for device in settings.devices:
        with tempfile.TemporaryDirectory() as folder:
            bench = DrrBench(systems, dataclasses.replace(settings.drr, device=device), Path(folder))
            for number, case in enumerate(settings.cases):
                progress(number, len(settings.cases), f"radiographs: {case.name}")
                store.add(bench.rows(case))


def _reconstruction(store: _Store, settings: BenchSettings, progress: Progress) -> None:
    import dataclasses

    for device in settings.devices:
        progress(0, 1, f"reconstruction on the {device}")
        with tempfile.TemporaryDirectory() as folder:
            inputs = settings.inputs or write_inputs(settings.reconstruction.levels, Path(folder))
            chosen = dataclasses.replace(settings.reconstruction, device=device)
            store.add(measure_reconstruction(chosen, inputs, Path(folder)))


def _training(store: _Store, settings: BenchSettings, progress: Progress) -> None:
    progress(0, 1, "training steps")
    store.add(measure_training(settings.training))
