"""Pictures of automatic annotations and of how good they are; needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.scene.preview import Upright, preview_radiograph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ReVerteRLib.evaluation.annotation import AnnotationRow

LOW_CONFIDENCE = 0.5
"""Below this a vertebra is drawn as one to check."""
_SURE, _UNSURE, _LOCKED, _REFERENCE = "#ffd933", "#ff5a36", "#7fe07f", "#5ad1ff"
_HEIGHT_PX, _WIDTH_PX = 900, 1800


def draw_annotation(
    pair: RadiographPair, annotation: Annotation, target: Path, *, reference: Sequence[Array] = (), title: str = ""
) -> None:
    """Both radiographs upright, with centroids, corners and names, as PNG; what to check is red and has a mark.

    reference: true places (3,) LPS mm, drawn as crosses. Raises OutputError.
    """
    from matplotlib.figure import Figure

    height = _height_px(pair)
    pictures = [preview_radiograph(radiograph, height_px=height) for radiograph in pair]
    widths = [picture.shape[1] for picture in pictures]
    figure = Figure(figsize=(max(5.0, sum(widths) / 100), height / 100 + 0.7), layout="constrained")
    views = figure.subplots(1, 2, width_ratios=widths)
    for axes, radiograph, picture in zip(views, pair, pictures, strict=True):
        axes.imshow(picture)
        axes.set_axis_off()
        axes.set_xlim(0, picture.shape[1])
        axes.set_ylim(picture.shape[0], 0)
        _draw_view(axes, radiograph, annotation, reference, height_px=height)
    lines = [title] if title else []
    lines += [
        "yellow: found; red with ?: to check; green: placed by a person" + ("; blue +: true" if reference else "")
    ]
    figure.suptitle("\n".join(lines), fontsize=9)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=100, format="png")


def _height_px(pair: RadiographPair) -> int:
    """900, or less where both pictures side by side would be wider than 1800 (low crops of wide films)."""
    sizes = [Upright(radiograph.projection, _HEIGHT_PX).size_wh for radiograph in pair]
    return min(_HEIGHT_PX, round(_HEIGHT_PX * _WIDTH_PX / sum(width for width, _ in sizes)))


def _draw_view(
    axes: Axes, radiograph: Radiograph, annotation: Annotation, reference: Sequence[Array], *, height_px: int
) -> None:
    from matplotlib import patheffects

    upright = Upright(radiograph.projection, height_px)
    for point in reference:
        x, y = upright.to_picture(radiograph.projection.project(point))[0]
        axes.plot(x, y, "+", color=_REFERENCE, markersize=9, markeredgewidth=1.2)
    for vertebra in annotation.vertebrae:
        colour = _colour(vertebra)
        detection = vertebra.ap if radiograph.view.value == "ap" else vertebra.lateral
        if detection is not None and np.isfinite(detection.corners_rc).all():
            corners = upright.to_picture(_ring(detection))
            axes.plot(corners[:, 0], corners[:, 1], color=colour, linewidth=0.9)
        x, y = upright.to_picture(radiograph.projection.project(vertebra.position_lps_mm))[0]
        axes.plot(x, y, "o", color=colour, markersize=4, markeredgecolor="black", markeredgewidth=0.5)
        name = vertebra.level.name + (" ?" if colour == _UNSURE else "")
        outline = [patheffects.withStroke(linewidth=2.5, foreground="black")]
        label = axes.annotate(name, (x, y), (8, 0), textcoords="offset points", va="center", color=colour, fontsize=12)
        label.set(weight="bold", path_effects=outline)


def _colour(vertebra: AnnotatedVertebra) -> str:
    if vertebra.locked:
        return _LOCKED
    return _UNSURE if vertebra.confidence < LOW_CONFIDENCE or vertebra.reasons else _SURE


def _ring(detection: Detection) -> Array:
    """The four corners in the order of a closed outline."""
    ring: Array = detection.corners_rc[[0, 1, 3, 2, 0]]
    return ring


def plot_annotation_errors(rows: Mapping[str, Sequence[AnnotationRow]], target: Path) -> None:
    """3D distance of every reference vertebra from what was found, by level and detector, as PNG.

    rows: by detector. Vertebrae that were not found stand at the top. Raises DatasetError when there is no row.
    """
    from matplotlib.figure import Figure

    levels = sorted({row.level for found in rows.values() for row in found})
    if not levels:
        raise DatasetError("there is no vertebra to plot")
    figure = Figure(figsize=(max(5.0, 2.4 + 0.5 * len(levels)), 3.8), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, found) in enumerate(rows.items()):
        shift = (number - (len(rows) - 1) / 2.0) * 0.8 / max(len(rows), 1)
        colour = f"C{number}"
        for is_named, marker in ((True, "o"), (False, "x")):
            chosen = [r for r in found if r.error_mm is not None and r.named == is_named]
            x = [levels.index(r.level) + shift for r in chosen]
            style = {"edgecolors": "black", "linewidths": 0.4} if is_named else {"linewidths": 1.2}
            label = f"{name}, {'right' if is_named else 'wrong'} name" if chosen else None
            axes.scatter(
                x, [r.error_mm or 0.0 for r in chosen], s=26, color=colour, marker=marker, label=label, **style
            )
        missed = [levels.index(r.level) + shift for r in found if r.error_mm is None]
        label = f"{name}, not found" if missed else None
        axes.scatter(missed, [_TOP_MM] * len(missed), s=30, color=colour, marker="^", label=label)
    axes.set_xticks(range(len(levels)), [level.name for level in levels], fontsize=8)
    axes.set_ylim(0.0, _TOP_MM + 0.6)
    axes.set_ylabel("distance from the reference (mm)")
    axes.set_title("Automatic centroids", fontsize=10)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(fontsize=7, loc="outside right upper")
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110, format="png")


_TOP_MM = 11.0
