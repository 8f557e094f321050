"""Pictures of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.decomposition import ErrorParts
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_by_level(rows: Sequence[VertebraScore], target: Path, *, metric: str = "dice", title: str = "") -> None:
    """Box plot of one metric for each level, head to foot, single vertebrae as dots, as PNG; needs matplotlib.

    Raises DatasetError when there is no row and OutputError when the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(4.0, 1.6 + 0.45 * len({row.level for row in rows})), 3.6), layout="constrained")
    draw_by_level(figure.add_subplot(), rows, metric=metric, title=title)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


def draw_by_level(axes: Axes, rows: Sequence[VertebraScore], *, metric: str = "dice", title: str = "") -> None:
    """The same into a panel of a larger figure. Raises DatasetError when there is no row."""
    groups = _by_level(rows, metric)
    for position, (level, values) in enumerate(groups.items(), start=1):
        _draw_box(axes, position, values, level.color_rgb)
    axes.set_xticks(range(1, len(groups) + 1), [level.name for level in groups], fontsize=8)
    axes.set_ylabel(_NAMES.get(metric, metric))
    axes.set_title(title or f"{len(rows)} vertebrae", fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if metric != "hd95_mm":
        axes.set_ylim(0.0, 1.0)


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


_NAMES = {
    "dice": "Dice", "hd95_mm": "HD95 (mm)", "nsd_2mm": "surface Dice at 2 mm", "position": "position",
    "pose": "turn and size", "shape": "shape", "body": "the body alone", "posterior": "behind it alone",
}  # fmt: skip


def _by_level(rows: Sequence[VertebraScore], metric: str) -> dict[Level, list[float]]:
    if not rows:
        raise DatasetError("there is no vertebra to plot")
    groups: dict[Level, list[float]] = {level: [] for level in sorted({row.level for row in rows})}
    for row in rows:
        groups[row.level].append(row.value(metric))
    return groups


def plot_error_parts(rows: Sequence[VertebraScore], target: Path, *, title: str = "") -> None:
    """Stacked bars of what Dice lacks to 1 for each level (means), as PNG: position, turn and size, shape.

    The markers show Dice lacking in the body and behind it. Raises DatasetError when no row has error parts, and
    OutputError when the file cannot be written.
    """
    from matplotlib.figure import Figure

    groups = _parts_by_level(rows)
    figure = Figure(figsize=(max(5.0, 2.6 + 0.45 * len(groups)), 3.6), layout="constrained")
    axes = figure.add_subplot()
    places = range(1, len(groups) + 1)
    below = [0.0] * len(groups)
    for part, colour in _PART_COLOURS.items():
        heights = [fmean(row.part(part) for row in rows) for rows in groups.values()]
        axes.bar(places, heights, 0.6, bottom=below, color=colour, edgecolor="black", linewidth=0.6, label=_NAMES[part])
        below = [low + height for low, height in zip(below, heights, strict=True)]
    for where, marker in (("body", "o"), ("posterior", "^")):
        marks = [
            (place, 1.0 - fmean(values))
            for place, group in zip(places, groups.values(), strict=True)
            if (values := [v for row in group if (v := getattr(row, f"dice_{where}")) is not None])
        ]
        x, y = [place for place, _ in marks], [height for _, height in marks]
        axes.scatter(x, y, s=26, color="white", edgecolors="black", marker=marker, zorder=3, label=_NAMES[where])
    axes.set_xticks(places, [level.name for level in groups], fontsize=8)
    axes.set_ylabel("1 - Dice")
    axes.set_ylim(0.0, 1.0)
    axes.set_title(title or "What the error consists of", fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(fontsize=7, loc="upper right", ncols=2)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


_PART_COLOURS = {"position": "#4c78a8", "pose": "#f2a65a", "shape": "#b8b8b8"}


def _parts_by_level(rows: Sequence[VertebraScore]) -> dict[Level, list[ErrorParts]]:
    groups: dict[Level, list[ErrorParts]] = {}
    for row in sorted(rows, key=lambda r: r.level):
        if row.details is not None and row.details.parts is not None:
            groups.setdefault(row.level, []).append(row.details.parts)
    if not groups:
        raise DatasetError("there is no vertebra whose error could be taken apart")
    return groups
