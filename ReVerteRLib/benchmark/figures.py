"""Figures 6, 7 and 8 of the paper for what was measured here; figure 9 is in `pictures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ReVerteRLib.anatomy import VERTEBRAE
from ReVerteRLib.benchmark.tables import Row
from ReVerteRLib.evaluation.plots import draw_by_level
from ReVerteRLib.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ReVerteRLib.datasets.verse import LoadedSubject
    from ReVerteRLib.imaging.radiograph import RadiographPair

_TRAINING_COLOUR, _HELD_OUT_COLOUR = "#1f5f8b", "#d97b29"
_COLUMNS = 3


def figure6(training_levels: Mapping[str, int], cases: Sequence[LoadedSubject], target: Path) -> None:
    """How often each level occurs in the training corpus and in the held-out spines, and which spine has which.

    training_levels: vertebrae by level name; {} where the corpus is not known. Raises OutputError.
    """
    from matplotlib.figure import Figure

    names = [level.name for level in VERTEBRAE]
    figure = Figure(figsize=(9.0, 5.2 + 0.28 * len(cases)), layout="constrained")
    heights = [2.0, 2.0, max(0.6, 0.28 * len(cases))]
    panels = figure.subplots(3, 1, height_ratios=heights)
    held_out = {name: sum(name in {lv.name for lv in case.whole_levels} for case in cases) for name in names}
    _bars(panels[0], [training_levels.get(name, 0) for name in names], "training corpus", _TRAINING_COLOUR)
    _bars(panels[1], [held_out[name] for name in names], "held-out spines", _HELD_OUT_COLOUR)
    matrix = np.array([[name in {lv.name for lv in case.whole_levels} for name in names] for case in cases])
    panels[2].imshow(matrix, aspect="auto", cmap="Oranges", vmin=0.0, vmax=1.4)
    panels[2].set_yticks(range(len(cases)), [case.subject.key for case in cases], fontsize=7)
    panels[2].set_xticks(range(len(names)), names, fontsize=7)
    panels[2].set_title("levels of each held-out spine", fontsize=10)
    _save(figure, target)


def _bars(axes: Axes, counts: Sequence[int], title: str, colour: str) -> None:
    axes.bar(range(len(counts)), counts, color=colour)
    axes.set_xticks(range(len(counts)), [level.name for level in VERTEBRAE], fontsize=7)
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.set_ylabel("vertebrae", fontsize=8)
    axes.set_title(f"{title}: {sum(counts):,} vertebrae", fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def figure7(pairs: Sequence[tuple[LoadedSubject, RadiographPair]], target: Path, *, most: int = 4) -> None:
    """AP and lateral radiographs of the first held-out spines side by side, with the centroids. Raises OutputError."""
    from matplotlib.figure import Figure

    from ReVerteRLib.scene.preview import preview_radiograph

    shown = pairs[:most]
    figure = Figure(figsize=(3.4 * 2 * len(shown), 5.6), layout="constrained")
    panels = figure.subplots(1, 2 * len(shown), squeeze=False)[0]
    for number, (case, pair) in enumerate(shown):
        for view, (radiograph, axes) in enumerate(zip(pair, panels[2 * number : 2 * number + 2], strict=True)):
            axes.imshow(preview_radiograph(radiograph, centroids=case.centroids, height_px=700))
            axes.set_title(f"{case.subject.key}, {('AP', 'lateral')[view]}", fontsize=9)
            axes.set_axis_off()
    _save(figure, target)


def figure8(rows: Sequence[Row], target: Path) -> bool:
    """Dice by level, one panel a system, all seeds together; whether there was anything. Raises OutputError."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.scores]
    if not shown:
        return False
    lines = -(-len(shown) // _COLUMNS)
    levels = len({score.level for row in shown for s in row.scores for score in s.rows})
    figure = Figure(figsize=(_COLUMNS * max(3.2, 0.3 * levels + 1.2), 2.5 * lines), layout="constrained")
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for row, axes in zip(shown, panels, strict=False):
        values = [score for scores in row.scores for score in scores.rows]
        draw_by_level(axes, values, title=f"{row.title}: {row.mean('dice'):.3f}")
        axes.tick_params(labelsize=6)
    _save(figure, target)
    return True


def _save(figure: Figure, target: Path) -> None:
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=120)
