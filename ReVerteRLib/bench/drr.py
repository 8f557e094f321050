"""DRR rows: ours and the peers' in turn, on the same volume and the same rays."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.bench.cases import VOLUMES, DrrCase, Reference, phantom, reference, views_of, write_geometry
from ReVerteRLib.bench.client import OURS, Measured, Program, ProgramError, System, interleaved
from ReVerteRLib.bench.record import Row, timed_row

PART, GPU_PART = "drr", "drr on a GPU"


@dataclass(frozen=True)
class DrrSettings:
    """Rules of the measurement.

    threads:    for everyone.
    repeats:    of the fast; slow programs run as often as fits into limit_s, and at least once.
    timeout_s:  for one run of one program.
    device:     'cpu' or 'cuda'.
    """

    threads: int = 2
    repeats: int = 9
    limit_s: float = 20.0
    timeout_s: float = 60.0
    load_timeout_s: float = 300.0
    device: str = "cpu"


@dataclass
class DrrBench:
    """Measures cases; keeps the last volume and each program's rate, to leave out what would take too long.

    folder: for the volume and the images that the programs exchange.
    """

    systems: Sequence[System]
    settings: DrrSettings
    folder: Path
    _volume: tuple[str, Any] = ("", None)
    _seconds_per_sample: dict[str, float] = field(default_factory=dict)

    def rows(self, case: DrrCase) -> list[Row]:
        """One row of each system."""
        job = self._prepare(case)
        key = GPU_PART if self.settings.device == "cuda" else PART
        notes: dict[str, str] = {}
        with contextlib.ExitStack() as stack:
            programs = []
            for system in self.systems:
                try:
                    programs.append(self._loaded(stack, system, job, case))
                except ProgramError as error:
                    notes[system.name] = str(error)
            found = interleaved(programs, self.settings.repeats, self.settings.timeout_s, self.settings.limit_s)
            truth = reference(case, views_of(case), self._volume[1])
            errors = {p.system.name: self._error(p, truth) for p in programs if found[p.system.name].seconds}
        found.update({name: Measured(note=note) for name, note in notes.items()})
        rows = list(_rows(key, case, found, errors))
        for row in rows:
            if row.seconds is not None:
                self._seconds_per_sample[row.system] = row.seconds / _samples(case)
        return sorted(rows, key=lambda row: [s.name for s in self.systems].index(row.system))

    def _prepare(self, case: DrrCase) -> dict[str, Any]:
        """Files for the programs and what to ask of them."""
        path = self.folder / "volume.npy"
        if self._volume[0] != case.volume:
            self._volume = (case.volume, phantom(VOLUMES[case.volume]))
            np.save(path, self._volume[1])
        write_geometry(case, views_of(case), self.folder / "geometry.json")
        return {
            "do": "load",
            "volume": str(path),
            "geometry": str(self.folder / "geometry.json"),
            "threads": self.settings.threads,
            "device": self.settings.device,
        }

    def _loaded(self, stack: contextlib.ExitStack, system: System, job: dict[str, Any], case: DrrCase) -> Program:
        expected = self._seconds_per_sample.get(system.name, 0.0) * _samples(case)
        if system.peer and expected > self.settings.timeout_s:
            raise ProgramError(f"left out: the smaller rows let expect about {expected:.0f} s")
        program = stack.enter_context(Program(system, self.settings.threads))
        program.ask(job, self.settings.load_timeout_s)
        return program

    def _error(self, program: Program, truth: Reference) -> float | None:
        path = self.folder / "images.npy"
        try:
            program.ask({"do": "image", "path": str(path)}, self.settings.timeout_s)
        except ProgramError:
            return None
        return truth.error(np.load(path))


def _samples(case: DrrCase) -> float:
    """A measure of the work: rays times slices."""
    return len(views_of(case)) * case.detector**2 * max(VOLUMES[case.volume].shape_kji)


def _rows(part: str, case: DrrCase, found: dict[str, Measured], errors: dict[str, float | None]) -> Iterator[Row]:
    ours = found[OURS.name].seconds if OURS.name in found else []
    for name, measured in found.items():
        values: dict[str, float] = {"volume_bytes": 2.0 * float(np.prod(VOLUMES[case.volume].shape_kji))}
        if measured.seconds:
            values["peak_mb"] = round(measured.peak_bytes / 2**20, 1)
            if ours:
                values["ratio"] = statistics.median(b / a for a, b in zip(ours, measured.seconds, strict=False))
            if (error := errors.get(name)) is not None:
                values["error"] = error
        yield timed_row((part, case.name, name), measured.seconds, measured.note, **values)
