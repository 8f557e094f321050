"""Single vertebrae and whole spines of every system, drawn as they are reconstructed (figure 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.benchmark.common_grid import truth_grid
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.files import written_aside

if TYPE_CHECKING:
    from ReVerteRLib.benchmark.evaluation import Entry
    from ReVerteRLib.datasets.verse import LoadedSubject
    from ReVerteRLib.inference.result import SpineReconstruction

TRUTH = "truth"
VIEWS = ("side", "60", "top")
SPINE_VIEWS = ("front", "side")
_SINGLE, _SPINE = (260, 260), (260, 620)


@dataclass(frozen=True)
class Subjects:
    """Which vertebrae are drawn: the level with the subject that shows it whole, and the longest spine."""

    single: tuple[tuple[Level, str], ...]
    spine: str


def drawn_subjects(cases: Sequence[LoadedSubject]) -> Subjects:
    """L5 and T8 as in the paper's figure 9; where no subject has one, the nearest level of its region, if any."""
    single = []
    for wanted in (level_from_name("L5"), level_from_name("T8")):
        found = [
            (abs(level.order - wanted.order), number, level, case.subject.key)
            for number, case in enumerate(cases)
            for level in case.whole_levels
            if level.region is wanted.region
        ]
        if found:
            _, _, level, subject = min(found, key=lambda item: item[:2])
            single.append((level, subject))
    longest = max(cases, key=lambda case: len(case.whole_levels))
    return Subjects(tuple(single), longest.subject.key)


class Tiles:
    """Draws chosen vertebrae of each reconstruction as small PNGs; a `SpineSeen` of the evaluator.

    folder: one folder a system is made in it. Needs an off-screen VTK (`offscreen.rendering_problem`).
    """

    def __init__(self, folder: Path, subjects: Subjects) -> None:
        self.folder, self.subjects = Path(folder), subjects

    def __call__(self, entry: Entry, case: LoadedSubject, spine: SpineReconstruction) -> None:
        """The first seed's alone."""
        if not entry.seed:
            self._draw(entry.key, case, spine.surfaces)

    def draw_truth(self, case: LoadedSubject) -> None:
        """The reference masks of one subject, as far as they are drawn."""
        from ReVerteRLib.inference.surfaces import surface_from_mask

        wanted = set(self._levels(case))
        surfaces = {}
        for centroid in case.centroids:
            if centroid.level in wanted:
                grid = truth_grid(centroid)
                mask = mask_on_grid(case.labels, centroid.level.verse_label, grid)
                surfaces[centroid.level] = surface_from_mask(mask, grid.zyx_to_lps_mm)
        self._draw(TRUTH, case, surfaces)

    def tile(self, key: str, name: str, view: str) -> Path:
        """Where one picture lies; name: a level or 'spine'."""
        return self.folder / key / f"{name}-{view}.png"

    def _levels(self, case: LoadedSubject) -> list[Level]:
        if case.subject.key == self.subjects.spine:
            return list(case.whole_levels)
        return [level for level, subject in self.subjects.single if subject == case.subject.key]

    def _draw(self, key: str, case: LoadedSubject, surfaces: Mapping[Level, Any]) -> None:
        for level, subject in self.subjects.single:
            if subject == case.subject.key and level in surfaces:
                for view in VIEWS:
                    self._picture({level: surfaces[level]}, key, level.name, view, _SINGLE)
        if case.subject.key == self.subjects.spine and surfaces:
            for view in SPINE_VIEWS:
                self._picture(surfaces, key, "spine", view, _SPINE)

    def _picture(self, surfaces: Mapping[Level, Any], key: str, name: str, view: str, size: tuple[int, int]) -> None:
        from ReVerteRLib.scene.render import render_models

        if any(surface.GetNumberOfCells() for surface in surfaces.values()):
            render_models(surfaces, self.tile(key, name, view), view=view, size=size)


# --- put together --------------------------------------------------------------------------------


def compose_single(tiles: Tiles, titles: Mapping[str, str], target: Path) -> bool:
    """Figure 9, single vertebrae: a row a system, the truth first; whether there was anything to draw."""
    columns = [(level.name, view) for level, _ in tiles.subjects.single for view in VIEWS]
    heads = [f"{name}, {'60°' if view == '60' else view}" for name, view in columns]
    rows = [
        (title, [_read(tiles.tile(key, name, view)) for name, view in columns])
        for key, title in {TRUTH: "reference", **titles}.items()
    ]
    return _sheet([row for row in rows if any(cell is not None for cell in row[1])], heads, target, 1.35, 1.35)


def compose_spines(tiles: Tiles, titles: Mapping[str, str], target: Path) -> bool:
    """Figure 9, combined spines: a column a system, from the front and the side."""
    known = {
        title: [_read(tiles.tile(key, "spine", view)) for view in SPINE_VIEWS]
        for key, title in {TRUTH: "reference", **titles}.items()
    }
    shown = {title: cells for title, cells in known.items() if any(cell is not None for cell in cells)}
    rows = [(view, [cells[number] for cells in shown.values()]) for number, view in enumerate(SPINE_VIEWS)]
    return _sheet(rows if shown else [], list(shown), target, 1.25, 2.9)


def _read(path: Path) -> NDArray[np.uint8] | None:
    if not path.is_file():
        return None
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))


def _sheet(
    rows: Sequence[tuple[str, Sequence[NDArray[np.uint8] | None]]],
    heads: Sequence[str],
    target: Path,
    width: float,
    height: float,
) -> bool:
    from matplotlib.figure import Figure

    if not rows or not heads:
        return False
    figure = Figure(figsize=(1.3 + width * len(heads), 0.4 + height * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(heads), squeeze=False)
    for (title, cells), line in zip(rows, panels, strict=True):
        for number, (cell, axes) in enumerate(zip(cells, line, strict=True)):
            axes.set_xticks([])
            axes.set_yticks([])
            for edge in axes.spines.values():
                edge.set_visible(False)
            if cell is None:
                axes.text(0.5, 0.5, "nothing", ha="center", va="center", fontsize=7, transform=axes.transAxes)
            else:
                axes.imshow(cell)
            if number == 0:
                axes.set_ylabel(_wrapped(title), fontsize=7, rotation=0, ha="right", va="center")
    for head, axes in zip(heads, panels[0], strict=True):
        axes.set_title(_wrapped(head), fontsize=7)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=130)
    return True


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 16))
