"""Pictures of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_by_level(rows: Sequence[VertebraScore], target: Path, *, metric: str = "dice", title: str = "") -> None:
    """Box plot of one metric for each level, head to foot, single vertebrae as dots, as PNG; needs matplotlib.

    Raises DatasetError when there is no row and OutputError when the file cannot be written.
    """
    from matplotlib.figure import Figure

    groups = _by_level(rows, metric)
    figure = Figure(figsize=(max(4.0, 1.6 + 0.45 * len(groups)), 3.6), layout="constrained")
    axes = figure.add_subplot()
    for position, (level, values) in enumerate(groups.items(), start=1):
        _draw_box(axes, position, values, level.color_rgb)
    axes.set_xticks(range(1, len(groups) + 1), [level.name for level in groups], fontsize=8)
    axes.set_ylabel(_NAMES.get(metric, metric))
    axes.set_title(title or f"{len(rows)} vertebrae", fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if metric != "hd95_mm":
        axes.set_ylim(0.0, 1.0)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


def _draw_box(axes: Axes, position: int, values: list[float], color: tuple[float, float, float]) -> None:
    """Quartiles, median, whiskers to 1.5 times their distance, and each value as a dot.

    `Axes.boxplot` would load pyplot, which picks a window system for the whole process.
    """
    from matplotlib.cbook import boxplot_stats

    (box,) = boxplot_stats(values)
    axes.bar(position, box["q3"] - box["q1"], 0.6, bottom=box["q1"], color=color, edgecolor="black", linewidth=0.8)
    axes.vlines([position] * 2, [box["q3"], box["whislo"]], [box["whishi"], box["q1"]], color="black", linewidth=0.8)
    axes.hlines(box["med"], position - 0.3, position + 0.3, color="black", linewidth=1.6)
    axes.scatter([position] * len(values), values, s=16, color=[color], edgecolors="black", linewidths=0.6, zorder=3)


_NAMES = {"dice": "Dice", "hd95_mm": "HD95 (mm)", "nsd_2mm": "surface Dice at 2 mm"}


def _by_level(rows: Sequence[VertebraScore], metric: str) -> dict[Level, list[float]]:
    if not rows:
        raise DatasetError("there is no vertebra to plot")
    groups: dict[Level, list[float]] = {level: [] for level in sorted({row.level for row in rows})}
    for row in rows:
        groups[row.level].append(row.value(metric))
    return groups
