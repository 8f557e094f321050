"""Pictures of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ReVerteRLib.anatomy import Level
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.files import written_aside


def plot_by_level(rows: Sequence[VertebraScore], target: Path, *, metric: str = "dice", title: str = "") -> None:
    """Box plot of one metric for each level, head to foot, single vertebrae as dots, as PNG; needs matplotlib.

    Raises DatasetError when there is no row and OutputError when the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups = _by_level(rows, metric)
    figure = Figure(figsize=(max(4.0, 1.6 + 0.45 * len(groups)), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    positions = list(range(1, len(groups) + 1))
    boxes = axes.boxplot(list(groups.values()), positions=positions, widths=0.6, showfliers=False, patch_artist=True)
    for box, level in zip(boxes["boxes"], groups, strict=True):
        box.set_facecolor(level.color_rgb)
    for middle in boxes["medians"]:
        middle.set_color("black")
    for position, values in zip(positions, groups.values(), strict=True):
        axes.plot([position] * len(values), values, "o", color="black", markersize=3, alpha=0.6)
    axes.set_xticks(positions, [level.name for level in groups], fontsize=8)
    axes.set_ylabel(_NAMES.get(metric, metric))
    axes.set_title(title or f"{len(rows)} vertebrae", fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    if metric != "hd95_mm":
        axes.set_ylim(0.0, 1.0)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


_NAMES = {"dice": "Dice", "hd95_mm": "HD95 (mm)", "nsd_2mm": "surface Dice at 2 mm"}


def _by_level(rows: Sequence[VertebraScore], metric: str) -> dict[Level, list[float]]:
    if not rows:
        raise DatasetError("there is no vertebra to plot")
    groups: dict[Level, list[float]] = {level: [] for level in sorted({row.level for row in rows})}
    for row in rows:
        groups[row.level].append(row.value(metric))
    return groups
