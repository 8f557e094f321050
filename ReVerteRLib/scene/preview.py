"""Pictures of radiographs with Pillow alone: no OpenGL, no Slicer, so they work everywhere."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import ArgumentError, GeometryError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import Array, Projection
from ReVerteRLib.imaging.radiograph import Radiograph
from ReVerteRLib.scene.volumes import display_range

if TYPE_CHECKING:
    from PIL import Image

DOT_RGB = (255, 217, 51)
_MARK_RGB = (120, 220, 255)
_ENDS = (("L", "R"), ("P", "A"), ("H", "F"))  # towards + and - along the LPS axes


def preview_radiograph(
    radiograph: Radiograph,
    path: Path | None = None,
    *,
    centroids: CentroidSet | None = None,
    silhouettes: Mapping[Level, NDArray[Any]] | None = None,
    height_px: int = 900,
) -> NDArray[np.uint8]:
    """The radiograph upright and un-mirrored with square pixels, uint8 [rows, columns, RGB]; written to `path` as PNG.

    Patient right is on the left of an AP picture and anterior on the left of a lateral one, whatever way the pixels
    are stored. Marks on the sides say R, L, A, P, H or F.
    centroids:   drawn as dots with their level where the projection puts them (perspective included).
    silhouettes: bool [rows, columns] per level on the radiograph's own pixels, drawn as outlines in level colours.
    Raises GeometryError for silhouettes of another size, OutputError when the file cannot be written.
    """
    upright = Upright(radiograph.projection, height_px)
    picture = upright.picture(_gray(radiograph.image_hw)).convert("RGB")
    for level, mask in (silhouettes or {}).items():
        if np.shape(mask) != radiograph.image_hw.shape:
            raise GeometryError(
                f"the silhouette has {np.shape(mask)} pixels, the image {radiograph.image_hw.shape}", where=level.name
            )
        _outline(picture, upright.picture(np.asarray(mask, dtype=np.uint8) * 255), level)
    if centroids is not None:
        _draw_dots(picture, upright, centroids)
    draw_marks(picture, upright.marks())
    pixels = np.asarray(picture)
    if path is not None:
        save_png(pixels, path)
    return pixels


def save_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Writes uint8 [rows, columns, RGB] as PNG in one step. Raises OutputError."""
    from PIL import Image

    with written_aside(Path(path)) as aside:
        Image.fromarray(pixels).save(aside, format="PNG")


class Upright:
    """From stored pixels to the picture: flips and swaps that bring the head up and the beam's left-right right."""

    def __init__(self, projection: Projection, height_px: int) -> None:
        if height_px < 1:
            raise ArgumentError(f"a picture of {height_px} pixels is impossible")
        self.projection = projection
        rows, columns = np.array(projection.row_direction), np.array(projection.column_direction)
        self.swap = abs(columns[2]) > abs(rows[2])
        down, across = (columns, rows) if self.swap else (rows, columns)
        self.flip_rows = bool(down[2] > 0)
        beam = np.abs(projection.beam_direction)
        self.flip_columns = bool(across[0 if beam[1] > beam[0] else 1] < 0)
        self.directions = (down * (-1 if self.flip_rows else 1), across * (-1 if self.flip_columns else 1))
        size_mm = np.array(projection.image_hw) * np.array(projection.spacing_mm)
        self.size_mm = size_mm[::-1] if self.swap else size_mm
        self.scale = height_px / float(self.size_mm[0])
        self.size_wh = (max(1, round(float(self.size_mm[1]) * self.scale)), height_px)

    def picture(self, image_hw: NDArray[np.uint8]) -> Image.Image:
        """Gray picture of an image that lies on the radiograph's pixels."""
        from PIL import Image

        turned = image_hw.T if self.swap else image_hw
        turned = turned[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return Image.fromarray(np.ascontiguousarray(turned)).resize(self.size_wh, Image.Resampling.BICUBIC)

    def to_picture(self, pixels_rc: ArrayLike) -> Array:
        """(N, 2) picture positions (x, y) of image pixels (N, 2) given as (row, column)."""
        pixels = np.atleast_2d(np.asarray(pixels_rc, dtype=np.float64))
        position_mm = (pixels + 0.5) * np.array(self.projection.spacing_mm)
        if self.swap:
            position_mm = position_mm[:, ::-1]
        for axis, flip in enumerate((self.flip_rows, self.flip_columns)):
            if flip:
                position_mm[:, axis] = self.size_mm[axis] - position_mm[:, axis]
        return position_mm[:, ::-1] * self.scale

    def marks(self) -> tuple[str, str, str, str]:
        """Letters at the top, bottom, left and right of the picture."""
        down, across = (_letters(direction) for direction in self.directions)
        return down[1], down[0], across[1], across[0]


def picture_positions(projection: Projection, pixels_rc: ArrayLike, height_px: int = 900) -> Array:
    """(N, 2) positions (x, y) in the picture of `preview_radiograph` of image pixels (N, 2) given as (row, column)."""
    return Upright(projection, height_px).to_picture(pixels_rc)


def _letters(direction: Array) -> tuple[str, str]:
    """Where a direction points to and where it comes from."""
    axis = int(np.argmax(np.abs(direction)))
    return _ENDS[axis] if direction[axis] > 0 else _ENDS[axis][::-1]


def _gray(image_hw: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = display_range(image_hw)
    return (np.clip((image_hw - low) / max(high - low, 1e-12), 0.0, 1.0) * 255).astype(np.uint8)


def _outline(picture: Image.Image, mask: Image.Image, level: Level) -> None:
    from PIL import Image, ImageFilter

    solid = mask.point(lambda value: 255 if value > 127 else 0)
    width = 2 * max(1, round(picture.height / 400)) + 1
    edge = np.asarray(solid) > np.asarray(solid.filter(ImageFilter.MinFilter(width)))
    color = tuple(round(255 * part) for part in vivid(level.color_rgb))
    picture.paste(color, (0, 0), Image.fromarray(edge.astype(np.uint8) * 255))


def vivid(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    """The same hue at full saturation: thin lines on gray need it."""
    hue, _, _ = colorsys.rgb_to_hsv(*rgb)
    return colorsys.hsv_to_rgb(hue, 0.85, 1.0)


def _draw_dots(picture: Image.Image, upright: Upright, centroids: CentroidSet) -> None:
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)
    radius = max(2.0, picture.height / 250.0)
    font = ImageFont.load_default(size=max(9.0, picture.height / 60.0))
    for centroid in centroids:
        pixel = upright.projection.project(centroid.position_lps_mm)
        if not (np.isfinite(pixel).all() and upright.projection.contains(pixel)[0]):
            continue
        x, y = upright.to_picture(pixel)[0]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=DOT_RGB, outline=(0, 0, 0))
        draw.text(
            (x + 2 * radius, y),
            centroid.level.name,
            fill=DOT_RGB,
            font=font,
            anchor="lm",
            stroke_width=1,
            stroke_fill=0,
        )


def draw_marks(picture: Image.Image, letters: tuple[str, str, str, str]) -> None:
    """Writes letters at the top, bottom, left and right edge of an RGB picture, in place."""
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)
    size = max(10.0, picture.height / 40.0)
    font = ImageFont.load_default(size=size)
    width, height, gap = picture.width, picture.height, size / 3
    places = (
        ((width / 2, gap), "mt"),
        ((width / 2, height - gap), "mb"),
        ((gap, height / 2), "lm"),
        ((width - gap, height / 2), "rm"),
    )
    for (position, anchor), letter in zip(places, letters, strict=True):
        draw.text(position, letter, fill=_MARK_RGB, font=font, anchor=anchor, stroke_width=1, stroke_fill=0)
