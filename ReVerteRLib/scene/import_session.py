"""Importing two radiographs step by step: what was decided, other decisions, a picture with marks; then the nodes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.greys import Grey
from ReVerteRLib.imaging.header import RawRadiograph
from ReVerteRLib.imaging.importing import ImportedRadiograph, Overrides
from ReVerteRLib.imaging.orientation import ViewPosition
from ReVerteRLib.imaging.pairing import ImportedPair, Views, import_pair
from ReVerteRLib.imaging.reading import RadiographSource, read_radiograph_file
from ReVerteRLib.scene.preview import preview_radiograph, save_png
from ReVerteRLib.scene.volumes import add_radiograph

POSITIONS: Mapping[View, tuple[str, ...]] = {View.AP: ("", "AP", "PA"), View.LATERAL: ("", "LL", "RL")}
"""Choices of the beam's way by view; '' leaves it to the file."""
IMPORT = "ReVerteR.Import"
"""Node attribute: JSON of all decisions; holds no name or number of the patient."""
GREYS = tuple(grey.value for grey in Grey)
_MARK_RGB = (255, 210, 60)


@dataclass(frozen=True)
class Choices:
    """What a person decides for one radiograph, as a form holds it; 0 and '' leave it to the file.

    spacing_mm:    pixel size in the patient. magnification: detector over patient.
    sad_mm, sdd_mm: source to patient and source to detector; both together make a cone beam.
    rotate_deg:    clockwise quarter turns.
    """

    spacing_mm: float = 0.0
    magnification: float = 0.0
    sad_mm: float = 0.0
    sdd_mm: float = 0.0
    position: str = ""
    rotate_deg: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    grey: str = Grey.AUTO.value

    def overrides(self) -> Overrides:
        """For the import. Raises ArgumentError for values that are none of the choices."""
        try:
            position = ViewPosition(self.position) if self.position else None
            grey = Grey(self.grey)
        except ValueError as error:
            raise ArgumentError(str(error), remedy="Use one of the values offered") from error
        return Overrides(
            spacing_mm=(self.spacing_mm, self.spacing_mm) if self.spacing_mm > 0 else None,
            magnification=self.magnification or None,
            sad_mm=self.sad_mm or None,
            sdd_mm=self.sdd_mm or None,
            position=position,
            rotate_deg=self.rotate_deg % 360,
            flip_horizontal=self.flip_horizontal,
            flip_vertical=self.flip_vertical,
            grey=grey,
        )


class ImportSession:
    """Two files and the decisions on them. Each file is read once.

    >>> session = ImportSession()
    >>> session.set_files("ap.dcm", "lateral.dcm")
    >>> session.choose(View.AP, Choices(spacing_mm=0.14))
    >>> session.decisions(View.AP), session.warnings, session.picture(View.AP)
    >>> ap_node, lateral_node = session.add_to_scene(scene)
    """

    def __init__(self) -> None:
        self._paths: dict[View, Path] = {}
        self._raw: dict[Path, RawRadiograph] = {}
        self._choices = {view: Choices() for view in View}
        self._views, self._offset_mm, self._estimate = Views.AUTO, 0.0, False
        self._imported: ImportedPair | None = None

    @property
    def complete(self) -> bool:
        """Whether both files are chosen."""
        return len(self._paths) == len(View)

    def set_files(self, ap: str | Path, lateral: str | Path) -> None:
        """Chooses the files; '' for one that is not known yet. Decisions on an image that stays are kept."""
        for view, path in ((View.AP, ap), (View.LATERAL, lateral)):
            if not str(path):
                self._paths.pop(view, None)
            elif self._paths.get(view) != Path(path):
                self._paths[view] = Path(path)
                self._choices[view] = Choices()
        self._imported = None

    def choices(self, view: View) -> Choices:
        """The present decisions on one image."""
        return self._choices[view]

    def choose(self, view: View, choices: Choices) -> None:
        """Decides on one image."""
        self._choices[view] = choices
        self._imported = None

    def choose_pair(self, views: str = "auto", offset_mm: float = 0.0, *, estimate_offset: bool = False) -> None:
        """Which file is which ('auto', 'as-given', 'swapped'), and by how much the lateral image is raised."""
        self._views, self._offset_mm, self._estimate = Views(views), offset_mm, estimate_offset
        self._imported = None

    def result(self) -> ImportedPair:
        """The pair as it is understood now. Raises what import_pair and read_radiograph_file raise."""
        if not self.complete:
            raise InputError("two files are needed", remedy="Choose an AP and a lateral radiograph")
        if self._imported is None:
            sources = [
                RadiographSource(self._read(self._paths[v]), self._choices[v].overrides())
                for v in (View.AP, View.LATERAL)
            ]
            offset: Any = "estimate" if self._estimate else self._offset_mm
            self._imported = import_pair(*sources, views=self._views, vertical_offset_mm=offset)
        return self._imported

    def image(self, view: View) -> ImportedRadiograph:
        """One image of the pair. Raises what `result` raises."""
        pair = self.result()
        return pair.ap if view is View.AP else pair.lateral

    def decisions(self, view: View) -> tuple[tuple[str, str, str, str], ...]:
        """Topic, outcome, reason and certainty of every decision on one image."""
        return tuple((d.topic, d.value, d.sentence, d.certainty.value) for d in self.image(view).decisions)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All doubts."""
        return self.result().all_warnings

    def picture(self, view: View, path: Path | None = None, height_px: int = 260) -> Any:
        """uint8 [rows, columns, RGB] of the image with R, L, A, P, H and F at its edges; PNG at `path`."""
        image = self.image(view)
        pixels = with_marks(preview_radiograph(image.radiograph, height_px=height_px), image.edges)
        if path is not None:
            save_png(pixels, path)
        return pixels

    def add_to_scene(self, scene: Any) -> tuple[Any, Any]:
        """The AP and the lateral volume node, in their true planes; file names do not become node names."""
        imported = self.result()
        record = json.dumps(imported.record())
        nodes = tuple(add_radiograph(scene, radiograph) for radiograph in imported.pair)
        for node in nodes:
            node.SetAttribute(IMPORT, record)
        return nodes[0], nodes[1]

    def _read(self, path: Path) -> RawRadiograph:
        if path not in self._raw:
            self._raw = {p: raw for p, raw in self._raw.items() if p in self._paths.values()}
            self._raw[path] = read_radiograph_file(path)
        return self._raw[path]


def with_marks(pixels: Any, edges: Any) -> Any:
    """A picture with the letters of its four edges written into it."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(np.asarray(pixels)).convert("RGB")
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    font = ImageFont.load_default(size=max(14, height // 16))
    places: tuple[tuple[str, tuple[float, float], str], ...] = (
        (edges.top, (width / 2, 4.0), "mt"),
        (edges.bottom, (width / 2, height - 4.0), "mb"),
        (edges.left, (5.0, height / 2), "lm"),
        (edges.right, (width - 5.0, height / 2), "rm"),
    )
    for letter, place, anchor in places:
        left, top, right, bottom = draw.textbbox(place, letter, font=font, anchor=anchor)
        draw.rectangle((left - 4, top - 4, right + 4, bottom + 4), fill=(0, 0, 0))  # over the preview's small letter
        draw.text(place, letter, fill=_MARK_RGB, font=font, anchor=anchor)
    return np.asarray(picture)


def with_choice(choices: Choices, **changes: Any) -> Choices:
    """The choices with some changed."""
    return dataclasses.replace(choices, **changes)
