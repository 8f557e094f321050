"""Radiographs as the detector sees them: common rows, common pixel size, contrast evened out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ReVerteRLib.detection.config import FilmSettings
from ReVerteRLib.errors import ResourceError
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array, Projection, View
from ReVerteRLib.imaging.radiograph import RadiographPair

CHANNELS = 3
"""Grey values over the whole film, local contrast, whether there is a film."""
_COLUMN_AXIS = {View.AP: LEFT, View.LATERAL: POSTERIOR}
_MAX_PIXELS = 1 << 20
_Axis = tuple[float, float]
"""Place of pixel 0 and step to the next one, in mm."""


@dataclass(frozen=True)
class FilmFrame:
    """Where a film's pixels lie in its radiograph: pixel = start + step * film pixel, for rows and columns.

    Rows of both films of a pair are the same heights on the reference planes.
    """

    start_rc: tuple[float, float]
    step_rc: tuple[float, float]
    shape: tuple[int, int]

    def to_radiograph(self, film_rc: ArrayLike) -> Array:
        """Radiograph pixels (..., 2) of film pixels."""
        result: Array = np.asarray(film_rc, dtype=np.float64) * self.step_rc + np.array(self.start_rc)
        return result

    def to_film(self, pixels_rc: ArrayLike) -> Array:
        """Inverse of `to_radiograph`."""
        result: Array = (np.asarray(pixels_rc, dtype=np.float64) - self.start_rc) / np.array(self.step_rc)
        return result


def frames_of(ap: Projection, lateral: Projection, spacing_mm: float) -> tuple[FilmFrame, FilmFrame]:
    """Frames of both films: they share their rows, from the upper end of either view to the lower end of either.

    Raises ResourceError where the views are so large or so far apart that films would be enormous.
    """
    rows = [_row_axis(p) for p in (ap, lateral)]
    ends = [(start, start + step * (p.image_hw[0] - 1)) for (start, step), p in zip(rows, (ap, lateral), strict=True)]
    top = min(min(pair) for pair in ends)
    count = int((max(max(pair) for pair in ends) - top) / spacing_mm) + 1
    frames = []
    for (start, step), projection in zip(rows, (ap, lateral), strict=True):
        first, along = _column_axis(projection)
        last = first + along * (projection.image_hw[1] - 1)
        columns = int(abs(last - first) / spacing_mm) + 1
        if count * columns > _MAX_PIXELS:
            raise ResourceError(
                f"the two radiographs span {count * spacing_mm / 1000:.1f} m together",
                where=projection.view.value,
                remedy="Check that both lie in one frame and that their pixel spacing is right",
            )
        start_rc = ((top - start) / step, (min(first, last) - first) / along)
        frames.append(FilmFrame(start_rc, (spacing_mm / step, spacing_mm / along), (count, columns)))
    return frames[0], frames[1]


def _row_axis(projection: Projection) -> _Axis:
    """Height below the origin of row 0 at the middle column, and the signed row spacing (negative: feet first)."""
    middle = projection.plane_point((0.0, (projection.image_hw[1] - 1) / 2.0))[0]
    return float(middle @ INFERIOR), projection.spacing_mm[0] * _sign(projection.row_direction, INFERIOR)


def _column_axis(projection: Projection) -> _Axis:
    axis = _COLUMN_AXIS[projection.view]
    middle = projection.plane_point(((projection.image_hw[0] - 1) / 2.0, 0.0))[0]
    return float(middle @ np.array(axis)), projection.spacing_mm[1] * _sign(projection.column_direction, axis)


def _sign(direction: tuple[float, float, float], axis: tuple[float, float, float]) -> float:
    return 1.0 if float(np.dot(direction, axis)) >= 0 else -1.0


def resample(image_hw: NDArray[np.float32], frame: FilmFrame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A radiograph's pixels on its film and where it has any; finer ones are smoothed first."""
    sigma = [0.5 * max(abs(step) - 1.0, 0.0) for step in frame.step_rc]
    smooth = ndimage.gaussian_filter(image_hw, sigma) if max(sigma) > 0.1 else image_hw
    inside = []
    for axis in (0, 1):
        at = frame.start_rc[axis] + frame.step_rc[axis] * np.arange(frame.shape[axis])
        size = image_hw.shape[axis]
        inside.append((at >= -0.5) & (at <= size - 0.5))
        low = np.clip(np.floor(at), 0, max(size - 2, 0)).astype(np.intp)
        part = np.clip(at - low, 0.0, 1.0).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        smooth = np.take(smooth, low, axis) * (1 - part) + np.take(smooth, np.minimum(low + 1, size - 1), axis) * part
    valid = inside[0][:, None] & inside[1][None, :]
    return np.where(valid, smooth, 0.0).astype(np.float32), valid


def normalise(image: NDArray[np.float32], valid: NDArray[np.bool_], settings: FilmSettings) -> NDArray[np.float32]:
    """(3, rows, columns) from any grey values: see CHANNELS. Neither scale nor offset of the values matters."""
    result = np.zeros((CHANNELS, *image.shape), dtype=np.float32)
    if not valid.any():
        return result
    low, high = np.percentile(image[valid][::3], [1.0, 99.0])
    scaled = np.clip((image - low) / max(float(high - low), 1e-6), -0.5, 1.5)
    width = max(3, 2 * round(settings.local_mm / settings.spacing_mm / 4) + 1)
    share = np.maximum(_even(valid.astype(np.float32), width), 1e-3)
    scaled = np.where(valid, scaled, 0.0).astype(np.float32)
    mean = _even(scaled, width) / share
    spread = np.sqrt(np.maximum(_even(scaled * scaled, width) / share - mean * mean, 0.0))
    result[0] = np.where(valid, scaled - 0.5, 0.0) * 2.0
    result[1] = np.where(valid, np.clip((scaled - mean) / (spread + 0.02), -3.0, 3.0), 0.0)
    result[2] = valid
    return result


def _even(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Mean over a neighbourhood: a box twice, so that its edges do not show."""
    once = ndimage.uniform_filter(values, width, mode="constant")
    twice: NDArray[np.float32] = ndimage.uniform_filter(once, width, mode="constant")
    return twice


@dataclass(frozen=True)
class FilmPair:
    """Both films, (3, rows, columns) each with the same rows, and their frames."""

    films: tuple[NDArray[np.float32], NDArray[np.float32]]
    frames: tuple[FilmFrame, FilmFrame]


def film_pair(pair: RadiographPair, settings: FilmSettings) -> FilmPair:
    """The films of two radiographs of any size, field of view and beam. Raises ResourceError; see `frames_of`."""
    frames = frames_of(pair.ap.projection, pair.lateral.projection, settings.spacing_mm)
    films = [
        normalise(*resample(np.asarray(radiograph.image_hw, dtype=np.float32), frame), settings)
        for radiograph, frame in zip(pair, frames, strict=True)
    ]
    return FilmPair((films[0], films[1]), frames)
