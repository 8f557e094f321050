"""Several systems on the same radiographs, one row each."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ReVerteRLib.anatomy import Level
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.evaluation.runner import (
    CentroidFinder,
    Evaluation,
    SimulatedViews,
    ViewSettings,
    evaluate,
    reference_centroids,
)
from ReVerteRLib.evaluation.systems import System
from ReVerteRLib.files import write_text, written_aside
from ReVerteRLib.progress import Cancelled, Progress

COLUMNS = (
    "system", "n", "failures", "dice", "hd95_mm", "nsd_2mm", "seconds_per_vertebra", "parameters", "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class ComparisonRow:
    """One system; means over the vertebrae that all systems were scored on.

    failures: vertebrae of which nothing was reconstructed; they are part of the means with their penalty values.
    seconds:  of reconstruction, per vertebra, on the machine of this run.
    """

    system: System
    n: int
    failures: int
    dice: float
    hd95_mm: float
    nsd_2mm: float
    seconds: float

    def as_record(self) -> dict[str, Any]:
        """The row of comparison.csv."""
        return {
            "system": self.system.name,
            "n": self.n,
            "failures": self.failures,
            "dice": round(self.dice, 4),
            "hd95_mm": round(self.hd95_mm, 4),
            "nsd_2mm": round(self.nsd_2mm, 4),
            "seconds_per_vertebra": round(self.seconds, 3),
            "parameters": self.system.parameters,
            "sha256": self.system.sha256,
        }


@dataclass(frozen=True)
class Comparison:
    """The table, and each system's own evaluation by name."""

    rows: tuple[ComparisonRow, ...]
    evaluations: dict[str, Evaluation]


@dataclass(frozen=True)
class SharedViews(ViewSettings):
    """View settings that simulate each subject once, so that every system sees the very same radiographs."""

    _made: dict[str, SimulatedViews] = field(default_factory=dict, compare=False, repr=False)

    def simulate(self, case: LoadedSubject) -> SimulatedViews:
        """As ViewSettings.simulate, once a subject."""
        if case.subject.key not in self._made:
            self._made[case.subject.key] = super().simulate(case)
        return self._made[case.subject.key]


def folder_name(system: System) -> str:
    """Where a system's own results lie."""
    return re.sub(r"[^\w.-]+", "-", system.name)


def compare(
    subjects: Sequence[VerseSubject],
    systems: Sequence[System],
    folder: Path,
    *,
    views: SharedViews | None = None,
    centroids: CentroidFinder = reference_centroids,
    details: bool = True,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Comparison:
    """Evaluates each system into `folder`/NAME and writes comparison.csv and comparison.md.

    Raises what `evaluate` raises, and DatasetError when there is no vertebra that all systems were scored on.
    """
    views, folder = views or SharedViews(), Path(folder)
    evaluations: dict[str, Evaluation] = {}
    for number, system in enumerate(systems):
        evaluations[system.name] = evaluate(
            subjects,
            system.reconstructor,
            folder / folder_name(system),
            weights=system.name,
            sha256=system.sha256,
            views=views,
            centroids=centroids,
            details=details,
            progress=_among(progress, number, len(systems), system.name),
            cancelled=cancelled,
        )
    rows = comparison_rows(systems, evaluations)
    write_comparison(rows, evaluations, folder)
    return Comparison(rows, evaluations)


def comparison_rows(systems: Sequence[System], evaluations: dict[str, Evaluation]) -> tuple[ComparisonRow, ...]:
    """Means over the vertebrae that every system was scored on. Raises DatasetError when there is none."""
    scored = [{_key(row) for row in evaluations[system.name].rows} for system in systems]
    common = set.intersection(*scored) if scored else set()
    if not common:
        raise DatasetError("there is no vertebra that all systems were scored on")
    return tuple(_row(s, [r for r in evaluations[s.name].rows if _key(r) in common]) for s in systems)


def _key(row: VertebraScore) -> tuple[str, Level]:
    return row.subject, row.level


def _row(system: System, rows: Sequence[VertebraScore]) -> ComparisonRow:
    dice, hd95, nsd = (fmean(row.value(metric) for row in rows) for metric in ("dice", "hd95_mm", "nsd_2mm"))
    seconds = fmean(row.seconds for row in rows)
    return ComparisonRow(system, len(rows), sum(row.failed for row in rows), dice, hd95, nsd, seconds)


def write_comparison(rows: Sequence[ComparisonRow], evaluations: dict[str, Evaluation], folder: Path) -> None:
    """Writes comparison.csv and comparison.md, each in one step. Raises OutputError."""
    with written_aside(Path(folder) / "comparison.csv") as aside, aside.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows(row.as_record() for row in rows)
    subjects = dict.fromkeys(row.subject for e in evaluations.values() for row in e.rows)
    lines = [
        "| System | n | Failures | Dice | HD95 (mm) | NSD 2 mm | Seconds a vertebra | Parameters |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(f"| {' | '.join(table_cells(row))} |" for row in rows),
        "",
        f"Subjects: {', '.join(subjects)}. The same radiographs and centroids for every system; means over the",
        "vertebrae that all were scored on. A vertebra of which nothing was reconstructed counts with its penalty.",
    ]
    write_text(Path(folder) / "comparison.md", "\n".join(lines) + "\n")


def table_cells(row: ComparisonRow) -> tuple[str, ...]:
    """Name, n, failures, Dice, HD95, NSD, seconds, parameters as text."""
    scores = f"{row.dice:.4f}", f"{row.hd95_mm:.2f}", f"{row.nsd_2mm:.4f}"
    return (row.system.name, str(row.n), str(row.failures), *scores, f"{row.seconds:.2f}", f"{row.system.parameters:,}")


def _among(progress: Progress | None, number: int, count: int, name: str) -> Progress | None:
    """Progress over all systems' subjects."""
    if progress is None:
        return None
    return lambda done, total, text: progress(number * total + done, count * total, f"{name}: {text}")
