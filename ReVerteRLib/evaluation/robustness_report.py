"""The robustness table as CSV, Markdown and picture."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.robustness import RobustnessRow, RobustnessRun, summarise_rows
from ReVerteRLib.files import write_text, written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    "disturbance", "system", "n", "failures", "dice", "dice_change", "hd95_mm", "hd95_change_mm", "nsd_2mm",
    "nsd_2mm_change", "centroid_error_mm", "description",
)  # fmt: skip
VERTEBRA_COLUMNS = (
    "disturbance", "system", "subject", "ct", "level", "dice", "hd95_mm", "nsd_2mm", "failed", "seconds",
    "centroid_error_mm",
)  # fmt: skip
_METRICS = (
    ("dice", "dice_change", "Dice", 3),
    ("hd95_mm", "hd95_change_mm", "HD95 (mm)", 1),
    ("nsd_2mm", "nsd_2mm_change", "NSD 2 mm", 3),
)
_COLOURS = ("#1f5fa8", "#d1661a", "#2c8c4b", "#8a3fa0", "#6b6b6b")


def write_robustness(run: RobustnessRun, folder: Path) -> tuple[RobustnessRow, ...]:
    """Writes robustness.csv, robustness_vertebrae.csv, robustness.md and, with matplotlib, robustness.png.

    Returns the rows. Raises DatasetError when there are none and OutputError.
    """
    rows, folder = summarise_rows(run), Path(folder)
    if not rows:
        raise DatasetError("there is no row to report")
    _write_csv(folder / "robustness.csv", COLUMNS, [_record(row) for row in rows])
    _write_csv(folder / "robustness_vertebrae.csv", VERTEBRA_COLUMNS, _vertebra_records(run))
    write_text(folder / "robustness.md", as_markdown(run, rows))
    if importlib.util.find_spec("matplotlib") is not None:
        plot_robustness(rows, folder / "robustness.png")
    return rows


def _write_csv(path: Path, columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=columns)
        writer.writeheader()
        writer.writerows(records)


def _record(row: RobustnessRow) -> dict[str, Any]:
    numbers = {name: round(getattr(row, name), 4) for name in COLUMNS[4:-1]}
    names = {"disturbance": row.disturbance.key, "system": row.system, "description": row.disturbance.detail}
    return {**names, "n": row.n, "failures": row.failures, **numbers}


def _vertebra_records(run: RobustnessRun) -> list[dict[str, Any]]:
    return [
        {
            "disturbance": cell.disturbance,
            "system": cell.system,
            "subject": cell.subject,
            "ct": cell.ct,
            "level": outcome.level.name,
            "failed": outcome.failed,
            "seconds": round(outcome.seconds, 3),
            **{name: round(getattr(outcome, name), 4) for name in ("dice", "hd95_mm", "nsd_2mm", "centroid_error_mm")},
        }
        for cell in run.cells
        for outcome in cell.outcomes
    ]


# --- Markdown ------------------------------------------------------------------------------------


def as_markdown(run: RobustnessRun, rows: Sequence[RobustnessRow]) -> str:
    """The table with the systems side by side, what each row means, and what could not be evaluated."""
    used = list(dict.fromkeys(cell.subject for cell in run.cells if cell.outcomes))
    rules = (
        f"Subjects: {', '.join(used)}. Seed {run.seed}. Means over vertebrae; in brackets the difference to the "
        "undisturbed row over the same vertebrae. A vertebra of which nothing was reconstructed counts with Dice 0, "
        "NSD 0 and the diagonal of its cube as HD95."
    )
    parts = [
        "# Robustness",
        rules,
        "\n".join(f"- {s.name}: {s.parameters:,} parameters, SHA-256 {s.sha256[:16]}" for s in run.systems),
        _table(run, rows),
        "## What the rows mean",
        "\n".join(f"- {d.text}: {d.detail}." for d in run.disturbances),
    ]
    if left_out := [*_refusals(run), *(f"{name}: {reason}" for name, reason in run.skipped)]:
        parts += ["## Left out", "\n".join(f"- {line}" for line in left_out)]
    return "\n\n".join(parts) + "\n"


def _refusals(run: RobustnessRun) -> list[str]:
    texts = {d.key: d.text for d in run.disturbances}
    return [f"{c.subject}, {texts[c.disturbance]}, {c.system}: {c.reason}" for c in run.cells if c.reason]


def _table(run: RobustnessRun, rows: Sequence[RobustnessRow]) -> str:
    head = ["Disturbance", "n", "Centroids off (mm)"]
    head += [f"{system.name}: {label}" for system in run.systems for _, _, label, _ in _METRICS]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    by_key = {(row.disturbance.key, row.system): row for row in rows}
    for disturbance in run.disturbances:
        found = [by_key.get((disturbance.key, system.name)) for system in run.systems]
        if any(found):
            lines.append(_line([disturbance.text, *_shared_cells(found), *(c for row in found for c in _cells(row))]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shared_cells(found: Sequence[RobustnessRow | None]) -> tuple[str, str]:
    """Count and centroid error; the count of each system where they differ."""
    counts = [str(row.n if row else 0) for row in found]
    error = next(row.centroid_error_mm for row in found if row)
    return "/".join(counts if len(set(counts)) > 1 else counts[:1]), f"{error:.1f}"


def _cells(row: RobustnessRow | None) -> list[str]:
    if row is None:
        return ["-"] * len(_METRICS)
    return [f"{getattr(row, m):.{digits}f} ({getattr(row, c):+.{digits}f})" for m, c, _, digits in _METRICS]


# --- picture -------------------------------------------------------------------------------------


def plot_robustness(rows: Sequence[RobustnessRow], target: Path) -> None:
    """Dice, HD95 and NSD of every disturbance as points, a colour each system.

    A bar leads from the undisturbed value of the same vertebrae to the point; the dashed line is that of all.
    PNG; needs matplotlib. Raises DatasetError without rows and OutputError.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise DatasetError("there is no row to plot")
    disturbances = list(dict.fromkeys(row.disturbance for row in rows))
    systems = list(dict.fromkeys(row.system for row in rows))
    figure = Figure(figsize=(11.0, 1.4 + 0.27 * len(disturbances)), layout="constrained")
    panels = figure.subplots(1, len(_METRICS), sharey=True)
    for axes, (metric, change, label, _) in zip(panels, _METRICS, strict=True):
        for number, system in enumerate(systems):
            own = [row for row in rows if row.system == system]
            offset = 0.5 * ((number + 0.5) / len(systems) - 0.5)
            heights = [disturbances.index(row.disturbance) + offset for row in own]
            _draw(axes, own, (metric, change), heights, _COLOURS[number % len(_COLOURS)])
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    names = [f"{d.text} (n = {max(row.n for row in rows if row.disturbance == d)})" for d in disturbances]
    panels[0].set_yticks(range(len(disturbances)), names, fontsize=8)
    panels[0].set_ylim(len(disturbances) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(systems), fontsize=8)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


def _draw(
    axes: Axes, rows: Sequence[RobustnessRow], names: tuple[str, str], heights: Sequence[float], colour: str
) -> None:
    """One system's points; `names` are those of a metric and of its change."""
    values = [getattr(row, names[0]) for row in rows]
    bases = [getattr(row, names[0]) - getattr(row, names[1]) for row in rows]
    axes.axvline(values[0], color=colour, linewidth=0.9, linestyle="--", alpha=0.7)
    axes.hlines(heights, bases, values, color=colour, linewidth=1.6, alpha=0.6)
    axes.scatter(bases, heights, s=30, marker="|", color=colour, linewidths=1.2)
    label = rows[0].system
    axes.scatter(values, heights, s=26, color=colour, edgecolors="black", linewidths=0.5, zorder=3, label=label)
