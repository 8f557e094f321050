"""Tables 2, 3 and 4 of the paper for what was measured here, as CSV and Markdown, its own numbers beside them."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.anatomy import VERTEBRAE
from ReVerteRLib.benchmark.scores import STAGES, SystemScores
from ReVerteRLib.evaluation.report import METRICS
from ReVerteRLib.files import write_text, written_aside
from ReVerteRLib.networks.systems import System

_DIGITS = {"dice": 4, "hd95_mm": 2, "nsd_1mm": 4, "nsd_1.5mm": 4, "nsd_2mm": 4, "nsd_3mm": 4}
_SHOWN = {"dice": "Dice", "hd95_mm": "HD95 (mm)", "nsd_2mm": "NSD 2 mm"}
_PAPER = ("Dice", "HD95", "NSD")
MEASURED_ELSEWHERE = "measured by its authors on other data"
NOT_TRAINED = "not trained yet"
PAPER_SECONDS = dict(
    zip(
        (level.name for level in VERTEBRAE),
        (
            0.0756, 0.0739, 0.0732, 0.0819, 0.0954, 0.0783, 0.0782,
            0.0765, 0.0758, 0.0772, 0.0789, 0.0772, 0.0777, 0.0753, 0.0766, 0.0785, 0.0785, 0.0785, 0.0780, 0.0838,
            0.0788, 0.0796, 0.0775, 0.0801, 0.0770, 0.0849,
        ),
        strict=True,
    )
)  # fmt: skip
"""Table 4 of the paper, seconds by position on its authors' machine."""
PAPER_SPINE_SECONDS = 7.7204


@dataclass(frozen=True)
class Row:
    """One system in the tables.

    scores: one entry a seed; none where it has not been trained.
    seeds:  that were planned; 0 for what is not trained here.
    budget: samples that each training was to see.
    system: None for the shipped weights.
    """

    key: str
    title: str
    kind: str
    scores: tuple[SystemScores, ...]
    seeds: int
    budget: int
    system: System | None = None

    @property
    def samples(self) -> int:
        """That the least trained of its seeds has seen."""
        return min((s.samples for s in self.scores), default=0)

    @property
    def status(self) -> str:
        """In words."""
        if not self.seeds:
            return "longer training" if self.kind == "shipped" else "nothing to train"
        if not self.scores:
            return NOT_TRAINED
        few = "" if self.samples >= self.budget else f"{self.samples:,} of {self.budget:,} samples"
        seeds = "" if len(self.scores) == self.seeds else f"{len(self.scores)} of {self.seeds} seeds"
        return ", ".join(part for part in (few, seeds) if part) or "trained"

    def mean(self, metric: str) -> float | None:
        """Over the seeds of the means over vertebrae."""
        return statistics.fmean(s.mean(metric) for s in self.scores) if self.scores else None

    def spread(self, metric: str) -> float | None:
        """Sample standard deviation over the seeds; None for fewer than two."""
        return statistics.stdev(s.mean(metric) for s in self.scores) if len(self.scores) > 1 else None

    def shown(self, metric: str) -> str:
        """'0.8123 ± 0.0021', without the spread where there is one seed, '' where there is none."""
        mean, spread, digits = self.mean(metric), self.spread(metric), _DIGITS[metric]
        if mean is None:
            return ""
        return f"{mean:.{digits}f}" if spread is None else f"{mean:.{digits}f} ± {spread:.{digits}f}"


def write_tables(rows: Sequence[Row], caption: str, folder: Path, *, machine: str) -> tuple[Path, ...]:
    """table2, table3 and table4 as .csv and .md, each in one step. Raises OutputError.

    caption: what was trained and measured on what; machine: where the seconds were taken.
    """
    folder = Path(folder)
    compared = [row for row in rows if row.kind != "ablation"]
    ablated = [row for row in rows if row.kind == "ablation" or row.key == "reverter-paper"]
    subjects = _subjects(rows)
    write_text(folder / "table2.md", table2_markdown(compared, caption))
    _write_csv(folder / "table2.csv", [_record(row, subjects) for row in compared])
    write_text(folder / "table3.md", table3_markdown(ablated, caption))
    _write_csv(folder / "table3.csv", [{**_record(row, subjects), **_differences(row, ablated)} for row in ablated])
    write_text(folder / "table4.md", table4_markdown(rows, machine))
    _write_csv(folder / "table4.csv", _seconds_records(rows))
    return tuple(folder / f"table{number}.{kind}" for number in (2, 3, 4) for kind in ("csv", "md"))


# --- tables 2 and 3 ------------------------------------------------------------------------------


def table2_markdown(rows: Sequence[Row], caption: str) -> str:
    """The compared systems."""
    subjects = _subjects(rows)
    spines = [f"Dice, {subject}" for subject in subjects]
    head = ("System", "Samples seen", *_SHOWN.values(), *spines, "Failures", "Parameters", *_paper_head())
    cells = [
        (
            _title(row),
            _samples(row),
            *_metric_cells(row),
            *(_spine_cell(row, subject) for subject in subjects),
            str(sum(r.failed for s in row.scores for r in s.rows)) if row.scores else "",
            f"{row.scores[0].parameters:,}" if row.scores else "",
            *_paper_cells(row.system),
        )
        for row in rows
    ]
    return f"# Table 2: systems compared\n\n{caption}\n\n{_table(head, cells)}{_NOTE}"


def table3_markdown(rows: Sequence[Row], caption: str) -> str:
    """The ablations of the published network, and how far each lies from the whole of it."""
    head = ("Network", "Samples seen", *_SHOWN.values(), "Dice, difference", *_paper_head())
    cells = [
        (_title(row), _samples(row), *_metric_cells(row), _difference(row, rows), *_paper_cells(row.system))
        for row in rows
    ]
    return f"# Table 3: what each part is worth\n\n{caption}\n\n{_table(head, cells)}{_NOTE}"


_NOTE = (
    f"\nThe paper's columns were {MEASURED_ELSEWHERE} (VerSe-full and VerSe-small, 120 voxels of 1 mm) and do not\n"
    "compare with ours; they show its ranking. ± is the standard deviation over seeds. A vertebra of which nothing\n"
    "was reconstructed counts with Dice 0 and the diagonal of its cube.\n"
)


def _title(row: Row) -> str:
    status = row.status
    return row.title if status in ("trained", "nothing to train") else f"{row.title} ({status})"


def _samples(row: Row) -> str:
    if not row.seeds:
        return "-"
    if not row.scores:
        return "0"
    mark = "" if row.samples >= row.budget else " *"
    return f"{row.samples:,}{mark}"


def _subjects(rows: Sequence[Row]) -> tuple[str, ...]:
    """The held-out spines with a scored vertebra, where there are several."""
    found = dict.fromkeys(score.subject for row in rows for s in row.scores for score in s.rows)
    return tuple(found) if len(found) > 1 else ()


def _spine_cell(row: Row, subject: str) -> str:
    """Dice of one spine, over the seeds."""
    values = [value for s in row.scores if (value := s.mean_of("dice", subject)) is not None]
    return f"{statistics.fmean(values):.{_DIGITS['dice']}f}" if values else ""


def _metric_cells(row: Row) -> tuple[str, ...]:
    return tuple(row.shown(metric) for metric in _SHOWN)


def _paper_head() -> tuple[str, ...]:
    return tuple(f"{name}, paper, {data}" for data in ("VerSe-full", "VerSe-small") for name in _PAPER)


def _paper_cells(system: System | None) -> tuple[str, ...]:
    full, small = (system.paper_full, system.paper_small) if system is not None else (None, None)
    return tuple("" if value is None else f"{value:g}" for part in (full, small) for value in (part or (None,) * 3))


def _whole(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.key == "reverter-paper"), None)


def _difference(row: Row, rows: Sequence[Row]) -> str:
    value = _differences(row, rows)["dice_difference"]
    return "" if value == "" or row.kind != "ablation" else f"{float(value):+.4f}"


def _differences(row: Row, rows: Sequence[Row]) -> dict[str, str]:
    whole = _whole(rows)
    found = {}
    for metric in _SHOWN:
        own, other = row.mean(metric), whole.mean(metric) if whole is not None else None
        found[f"{metric}_difference"] = "" if own is None or other is None else f"{own - other:.4f}"
    return found


def _record(row: Row, subjects: Sequence[str]) -> dict[str, object]:
    record: dict[str, object] = {
        "system": row.key,
        "title": row.title,
        "kind": row.kind,
        "status": row.status,
        "samples": row.samples,
        "budget": row.budget if row.seeds else "",
        "seeds": len(row.scores) if row.seeds else "",
        "seeds_planned": row.seeds or "",
        "parameters": row.scores[0].parameters if row.scores else "",
        "n": len(row.scores[0].rows) if row.scores else 0,
        "failures": sum(r.failed for s in row.scores for r in s.rows),
    }
    for metric in METRICS:
        mean, spread = row.mean(metric), row.spread(metric)
        record[metric] = "" if mean is None else f"{mean:.4f}"
        record[f"{metric}_sd_over_seeds"] = "" if spread is None else f"{spread:.4f}"
    record |= {f"dice, {subject}": _spine_cell(row, subject) for subject in subjects}
    for name, value in zip(_paper_head(), _paper_cells(row.system), strict=True):
        record[f"{name} ({MEASURED_ELSEWHERE})"] = value
    return record


# --- table 4 -------------------------------------------------------------------------------------


def table4_markdown(rows: Sequence[Row], machine: str) -> str:
    """Seconds by position for ReVerteR, and by stage of the whole spine for every system."""
    own = [row for row in rows if row.kind in ("reverter", "shipped") and row.scores]
    by_level = {row.key: _level_means(row) for row in own}
    head = ("Position", *(row.title for row in own), f"Paper ({MEASURED_ELSEWHERE}, other machine)")
    cells = [
        (name, *(_seconds_cell(by_level[row.key].get(name)) for row in own), f"{told:.4f}")
        for name, told in PAPER_SECONDS.items()
    ]
    stages = [
        (row.title, *(f"{spent[stage]:.3f}" for stage in STAGES), f"{sum(spent.values()):.3f}", f"{vertebrae:.1f}")
        for row in rows
        if row.scores
        for spent, vertebrae in [_stage_means(row)]
    ]
    return (
        f"# Table 4: seconds\n\nMeasured on {machine}. A position costs its patches and the network, one vertebra\n"
        "at a time; positions that the held-out spines lack are empty.\n\n"
        f"{_table(head, cells)}\n## The whole spine, by stage\n\n"
        "read: radiographs and centroids from files; crop: patches; network; clean: largest part, common grid;\n"
        "assemble: one label map; surface: smooth surfaces. Means over the held-out spines.\n\n"
        f"{_table(('System', *STAGES, 'whole spine', 'vertebrae'), stages)}\n"
        f"The paper prints {PAPER_SPINE_SECONDS} s for the whole spine ({MEASURED_ELSEWHERE}, on an RTX 4090).\n"
    )


def _level_means(row: Row) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for spine in (spine for scores in row.scores for spine in scores.seconds):
        for name, seconds in spine.levels.items():
            values.setdefault(name, []).append(seconds)
    return {name: statistics.fmean(found) for name, found in values.items()}


def _stage_means(row: Row) -> tuple[dict[str, float], float]:
    """Mean seconds by stage, and vertebrae, of a spine."""
    spines = [spine for scores in row.scores for spine in scores.seconds]
    stages = {stage: statistics.fmean(spine.stages[stage] for spine in spines) for stage in STAGES}
    return stages, statistics.fmean(len(spine.levels) for spine in spines)


def _seconds_cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _seconds_records(rows: Sequence[Row]) -> list[dict[str, object]]:
    records: list[dict[str, object]] = [
        {"system": "paper", "what": name, "seconds": told, "note": MEASURED_ELSEWHERE}
        for name, told in {**PAPER_SECONDS, "whole spine": PAPER_SPINE_SECONDS}.items()
    ]
    for row in (row for row in rows if row.scores):
        levels, (stages, _) = _level_means(row), _stage_means(row)
        found = {**{n: levels[n] for n in PAPER_SECONDS if n in levels}, **{f"stage {k}": v for k, v in stages.items()}}
        found["whole spine"] = sum(stages.values())
        records += [{"system": row.key, "what": k, "seconds": f"{v:.4f}", "note": ""} for k, v in found.items()]
    return records


# --- files ---------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _write_csv(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(records[0]) if records else ["system"])
        writer.writeheader()
        writer.writerows(records)
