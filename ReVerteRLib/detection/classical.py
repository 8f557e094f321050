"""Vertebrae from an intensity profile along the spine's curve: the baseline without learning, and the fallback.

1. Both radiographs are brought upright on 1 mm pixels whose rows are shared (the patient's height).
2. The curve of the spine is the smoothest bright path in the AP view, and the path with the most end-plates (edges
   across it) in the lateral view, both by dynamic programming.
3. The profile along the curve, averaged across it, changes quickly at end-plates and little inside a body. Its squared
   slope, summed over both views, therefore beats with the vertebrae's pitch.
4. A sequence of lengths that change slowly is fitted to that beat by dynamic programming: each vertebra of length g
   that begins at s gains the integral of slope^2 x cos(2 pi (t - s) / g) over its length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.detection.types import Detection, no_scores
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

_DEPTH = 0.62, 0.1
_FLANK_MM = 38
_END_PLATE_MM = 32
_TRUNK_MM = 170
_DARK_WEIGHT, _FRONT_WEIGHT = 4.0, 1.5
_BEFORE_MM, _BEHIND_MM = 28, 28
_MARGIN_MM = 8.0
_AIR_SHARE = 0.12
_ACROSS = {View.AP: LEFT, View.LATERAL: POSTERIOR}


@dataclass(frozen=True)
class ClassicalSettings:
    """What the baseline expects of a spine; lengths in mm.

    pitch_mm:        shortest and longest distance between the middles of two discs (neck to lumbar spine).
    slope_limit:     steepest course of the curve, mm across a mm of height.
    bend:            cost of the curve's steps.
    pitch_change:    cost of the squared logarithm of the ratio of neighbouring lengths.
    gain_per_mm:     what a vertebra must gain a mm of its length to be told from noise.
    half_width_mm:   half of the width over which the profile is averaged, AP and lateral.
    ap_share:        weight of the AP view's profile; its pedicles and processes blur the beat.
    body_share:      height of a body by the pitch; the disc is the rest.
    width_by_pitch, depth_by_pitch: size of the end-plates by the pitch, AP and lateral.
    """

    pitch_mm: tuple[int, int] = (14, 44)
    slope_limit: int = 1
    bend: float = 0.15
    pitch_change: float = 120.0
    gain_per_mm: float = 0.05
    half_width_mm: tuple[float, float] = (14.0, 10.0)
    ap_share: float = 0.35
    body_share: float = 0.78
    width_by_pitch: float = 1.3
    depth_by_pitch: float = 1.0


class ClassicalDetector:
    """A `ViewDetector` that has learned nothing; it knows no levels and is not very sure of anything.

    A pair in which nothing beats like a spine gives no detection. Bone must be brighter than flesh.
    """

    name = "classical"

    def __init__(self, settings: ClassicalSettings | None = None) -> None:
        self._settings = settings or ClassicalSettings()

    def detect(self, pair: RadiographPair) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
        """Detections of the AP and of the lateral radiograph from the head down, one in each for every vertebra."""
        heights = _shared_heights(pair)
        if not heights.size:
            return (), ()
        seen = np.all([_UprightView(radiograph, heights).inside.any(axis=1) for radiograph in pair], axis=0)
        heights = heights[seen.argmax() : len(seen) - seen[::-1].argmax()] if seen.any() else heights[:0]
        if heights.size < 2 * self._settings.pitch_mm[0]:
            return (), ()
        ap, lateral = (_UprightView(radiograph, heights) for radiograph in pair)
        curves = (_smooth(self._path(_ridge(ap))), _smooth(self._path(_end_plates(lateral))))
        halves = self._settings.half_width_mm
        beats = [_beat(v, c, half) for v, c, half in zip((ap, lateral), curves, halves, strict=True)]
        share = self._settings.ap_share
        found = self._sequence(share * beats[0] + (1.0 - share) * beats[1])
        return tuple(self._detections(ap, curves[0], found)), tuple(self._detections(lateral, curves[1], found))

    def _path(self, gain: Array) -> Array:
        """Columns (rows,) of the path of most gain [rows, columns] from the top to the bottom."""
        reach, rows = self._settings.slope_limit, gain.shape[0]
        steps = np.arange(-reach, reach + 1)
        total, came = gain[0], np.zeros(gain.shape, np.int64)
        for row in range(1, rows):
            padded = np.pad(total, reach, constant_values=-np.inf)
            options = np.stack(
                [padded[reach + s : reach + s + len(total)] - self._settings.bend * s * s for s in steps]
            )
            best = options.argmax(axis=0)
            came[row] = steps[best]
            total = np.take_along_axis(options, best[None], axis=0)[0] + gain[row]
        path = np.zeros(rows)
        column = int(total.argmax())
        for row in range(rows - 1, -1, -1):
            path[row] = column
            column += came[row, column]
        return path

    def _sequence(self, beat: Array) -> list[_Span]:
        """The vertebrae, from the head down, that gain most; empty when none does."""
        lengths = np.arange(self._settings.pitch_mm[0], self._settings.pitch_mm[1] + 1)
        gains = np.stack([_gain(beat, int(g)) - self._settings.gain_per_mm * g for g in lengths])
        change = self._settings.pitch_change * np.log(lengths[:, None] / lengths[None, :]) ** 2
        total, came = gains.copy(), np.full(gains.shape, -1)
        for start in range(len(beat)):
            before = np.array([total[i, start - g] if start >= g else -np.inf for i, g in enumerate(lengths)])
            options = before[None, :] - change
            best = options.argmax(axis=1)
            value = options[np.arange(len(lengths)), best]
            better = value > 0.0
            total[:, start] += np.where(better, value, 0.0)
            came[:, start] = np.where(better, best, -1)
        index, start = (int(n) for n in np.unravel_index(int(total.argmax()), total.shape))
        if not total[index, start] > 0.0:
            return []
        spans: list[_Span] = []
        while index >= 0:
            length = int(lengths[index])
            spans.append(_Span(start, length, float(gains[index, start]) / length))
            index = int(came[index, start])
            start -= int(lengths[index]) if index >= 0 else 0
        return spans[::-1]

    def _detections(self, view: _UprightView, curve: Array, spans: list[_Span]) -> list[Detection]:
        ratio = self._settings.width_by_pitch if view.view is View.AP else self._settings.depth_by_pitch
        slope = np.gradient(curve)
        found = []
        for span in spans:
            middle = span.start + span.length / 2.0
            row = int(np.clip(round(middle), 0, len(curve) - 1))
            along = np.array([1.0, slope[row]]) / np.hypot(1.0, slope[row])
            across = np.array([-along[1], along[0]])
            centre = np.array([middle, curve[row]])
            half = 0.5 * self._settings.body_share * span.length * along, 0.5 * ratio * span.length * across
            corners = np.stack([centre - half[0] - half[1], centre - half[0] + half[1]])
            corners = np.concatenate([corners, corners + 2.0 * half[0]])
            pixels = view.to_pixels(np.concatenate([centre[None], corners]))
            score = float(np.clip(0.25 + 0.5 * span.gain, 0.05, 0.75))
            found.append(Detection((float(pixels[0, 0]), float(pixels[0, 1])), pixels[1:], score, no_scores()))
        return found


@dataclass(frozen=True)
class _Span:
    """One vertebra with half a disc at each end: first row, rows, and gain a row."""

    start: int
    length: int
    gain: float


# --- upright pictures ----------------------------------------------------------------------------


def _shared_heights(pair: RadiographPair) -> Array:
    """Heights (LPS z, mm) of the rows that both reference planes have, from the head down, 1 mm apart."""
    ends = []
    for radiograph in pair:
        rows, columns = radiograph.projection.image_hw
        corners = [(r, c) for r in (0, rows - 1) for c in (0, columns - 1)]
        z = np.sort(radiograph.projection.plane_point(corners)[:, 2])
        ends.append((float(z[:2].mean()), float(z[2:].mean())))
    low, high = max(e[0] for e in ends), min(e[1] for e in ends)
    return np.arange(high, low - 1e-6, INFERIOR[2]) if high > low else np.zeros(0)


class _UprightView:
    """A radiograph with rows at given heights and columns to the patient's left (AP) or back, 1 mm apart.

    image: float64 [heights, columns], 0 at the 2nd and 1 at the 98th percentile; outside, the nearest pixel.
    """

    def __init__(self, radiograph: Radiograph, heights: Array) -> None:
        projection = radiograph.projection
        self.view = projection.view
        axis = np.array(_ACROSS[self.view])
        rows, columns = projection.image_hw
        corners = projection.plane_point([(r, c) for r in (0, rows - 1) for c in (0, columns - 1)])
        across = corners @ axis
        count = int(np.ptp(across)) + 1
        # A plane that is turned a little still maps linearly to heights and columns.
        basis = np.stack([np.array(projection.row_direction), np.array(projection.column_direction)], axis=1)
        seen = np.stack([-np.array(INFERIOR), axis]) @ basis
        spacing = np.array(projection.spacing_mm)
        origin = np.array(projection.origin_lps_mm)
        self._linear = np.linalg.inv(seen) / spacing[:, None]
        self._first = np.array([heights[0] - origin[2], across.min() - origin @ axis])
        grid = np.stack(np.meshgrid(np.arange(len(heights)), np.arange(count), indexing="ij"), axis=-1)
        pixels = self.to_pixels(grid.reshape(-1, 2).astype(np.float64)).reshape(*grid.shape[:2], 2)
        image = ndimage.map_coordinates(
            _reduced(radiograph), np.moveaxis(pixels, -1, 0), order=1, mode="nearest", prefilter=False
        )
        self.inside = _patient(image)
        low, high = np.percentile(image[self.inside], (2.0, 98.0)) if self.inside.any() else (0.0, 1.0)
        image = np.clip((image - low) / max(high - low, 1e-9), -0.5, 1.5)
        self.image: Array = _extended(image, self.inside)

    def blurred(self, sigma: tuple[float, float]) -> Array:
        """Gaussian mean."""
        return ndimage.gaussian_filter(self.image, sigma, mode="nearest")

    def to_pixels(self, points: Array) -> Array:
        """Pixels (N, 2) of the radiograph under points (N, 2), row and column of the upright picture."""
        steps = np.asarray(points, dtype=np.float64) * np.array([INFERIOR[2], 1.0])
        return (steps + self._first) @ self._linear.T


def _reduced(radiograph: Radiograph) -> NDArray[np.float32]:
    """Smoothed where pixels are finer than the 1 mm at which they are read."""
    sigma = [0.4 * max(1.0 / mm - 1.0, 0.0) for mm in radiograph.projection.spacing_mm]
    return ndimage.gaussian_filter(radiograph.image_hw, sigma) if max(sigma) > 0.0 else radiograph.image_hw


def _patient(image: Array) -> NDArray[np.bool_]:
    """Where the patient is seen, less a margin: not the air around, nor the border of what was scanned."""
    low, high = np.percentile(image, (0.5, 98.0))
    body = ndimage.binary_opening(image > low + _AIR_SHARE * (high - low), iterations=2)
    if body.mean() > 0.98:
        body[:] = True
    distance = ndimage.distance_transform_edt(np.pad(body, 1, mode="edge"))[1:-1, 1:-1]
    return np.asarray(distance > _MARGIN_MM) if not body.all() else body


def _extended(image: Array, inside: NDArray[np.bool_]) -> Array:
    """The picture with the nearest inner pixel everywhere outside, so that the outline is no edge."""
    if inside.all() or not inside.any():
        return image
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


# --- curve and profile ---------------------------------------------------------------------------


def _ridge(view: _UprightView) -> Array:
    """How much each place of the AP picture is brighter than both its sides, about 0 to 2.

    Both, because at the edge of the trunk or beside a lung one side is always darker.
    """
    calm = view.blurred((12.0, 8.0))
    left, right = (_moved(calm, shift) for shift in (_FLANK_MM, -_FLANK_MM))
    return _contrast(np.where(view.inside, calm - np.maximum(left, right), -np.inf))


def _end_plates(view: _UprightView) -> Array:
    """How much lies around each place of the lateral picture that repeats along the spine as end-plates do."""
    energy = _edge_energy(view)
    local = ndimage.gaussian_filter(energy, (16.0, 4.0), mode="nearest")
    beat = energy - ndimage.gaussian_filter1d(energy, 25.0, axis=0, mode="nearest")
    strength = np.max([_strength(beat, period) for period in (18.0, 23.0, 29.0, 36.0)], axis=0)
    bright = np.minimum(view.blurred((10.0, 8.0)) - view.blurred((10.0, 35.0)), 0.0)
    calm = view.blurred((14.0, 7.0))
    front = _moved(calm, -_BEHIND_MM) - _moved(calm, _BEFORE_MM)  # flesh before a body, bone behind it
    parts = [_contrast(np.where(view.inside, part, -np.inf)) for part in (local, strength, front)]
    return parts[0] + parts[1] + _FRONT_WEIGHT * parts[2] + _DARK_WEIGHT * bright + _depth_prior(view)


def _depth_prior(view: _UprightView) -> Array:
    """Where bodies lie in a trunk that is seen from front to back, as log-density [rows, columns]; else zeros."""
    gain = np.zeros(view.image.shape)
    columns = np.arange(view.image.shape[1])
    for row, inside in enumerate(view.inside):
        seen = np.flatnonzero(inside)
        if seen.size > _TRUNK_MM:
            place = (columns - seen[0]) / (seen[-1] - seen[0])
            gain[row] = -0.5 * ((place - _DEPTH[0]) / _DEPTH[1]) ** 2
    return np.maximum(gain, -4.0)


def _edge_energy(view: _UprightView) -> Array:
    """Slope of the picture across straight edges, the best of some tilts, never negative.

    Both halves of an end-plate's length must rise or fall alike, which edges of joints and bowel do less.
    """
    steps = []
    for degrees in (-24.0, -12.0, 0.0, 12.0, 24.0):
        shear = np.tan(np.deg2rad(degrees))
        grid = np.indices(view.image.shape, dtype=np.float64)
        middle = (view.image.shape[1] - 1) / 2.0
        lean = shear * (grid[1] - middle)
        sheared = ndimage.map_coordinates(view.image, (grid[0] + lean, grid[1]), order=1, mode="nearest")
        slope = ndimage.gaussian_filter(sheared, (1.2, 4.0), order=(1, 0), mode="nearest")
        halves = _moved(slope, _END_PLATE_MM // 4), _moved(slope, -_END_PLATE_MM // 4)
        both = np.where(halves[0] * halves[1] > 0.0, np.minimum(*np.abs(halves)), 0.0)
        steps.append(ndimage.map_coordinates(both, (grid[0] - lean, grid[1]), order=1, mode="nearest"))
    energy = np.max(steps, axis=0) * view.inside
    return np.minimum(energy, np.percentile(energy[view.inside], 97.0)) if view.inside.any() else energy


def _strength(beat: Array, period: float) -> Array:
    """Local amplitude of the part of `beat` that repeats along the rows with this period."""
    reach = int(1.5 * period)
    t = np.arange(-reach, reach + 1)
    wave = np.exp(2j * np.pi * t / period) * np.exp(-0.5 * (t / (0.7 * period)) ** 2)
    real, imaginary = (ndimage.convolve1d(beat, part, axis=0, mode="nearest") for part in (wave.real, wave.imag))
    return np.hypot(real, imaginary) / np.abs(wave).sum()


def _moved(image: Array, columns: int) -> Array:
    moved = np.roll(image, columns, axis=1)
    edge = slice(0, columns) if columns > 0 else slice(columns, None)
    moved[:, edge] = image[:, :1] if columns > 0 else image[:, -1:]
    return moved


def _contrast(gain: Array) -> Array:
    """Each row over its own median, by its own spread; outside the patient (-inf) least."""
    known = np.where(np.isfinite(gain), gain, np.nan)
    empty = ~np.isfinite(gain).any(axis=1)
    known[empty] = 0.0
    known -= np.nanmedian(known, axis=1, keepdims=True)
    top = np.maximum(np.nanpercentile(known, 97.0, axis=1, keepdims=True), 1e-9)
    return np.nan_to_num(np.clip(known / top, -1.0, 1.5), nan=-1.0)


def _smooth(path: Array) -> Array:
    return ndimage.gaussian_filter1d(path, 10.0, mode="nearest")


def _beat(view: _UprightView, curve: Array, half_width: float) -> Array:
    """Squared slope of the profile along the curve, high at end-plates, with local mean 0 and spread 1."""
    slope = np.gradient(curve)
    offsets = np.arange(-half_width, half_width + 0.5)
    length = np.hypot(1.0, slope)
    rows = np.arange(len(curve))[:, None] - slope[:, None] / length[:, None] * offsets
    columns = curve[:, None] + offsets / length[:, None]
    profile: Array = ndimage.map_coordinates(view.image, (rows, columns), order=1, mode="nearest").mean(axis=1)
    energy = np.sqrt(ndimage.gaussian_filter1d(ndimage.gaussian_filter1d(profile, 1.5, order=1) ** 2, 3.0))
    local = energy - ndimage.gaussian_filter1d(energy, 25.0, mode="nearest")
    spread = np.sqrt(ndimage.gaussian_filter1d(local**2, 40.0, mode="nearest"))
    return local / np.maximum(spread, 1e-9)


def _gain(beat: Array, length: int) -> Array:
    """Gain (rows,) of a vertebra of this length that begins at each row; -inf where it would not end in the picture."""
    wave = np.cos(2.0 * np.pi * (np.arange(length) + 0.5) / length)
    gains = np.full(len(beat), -np.inf)
    if len(beat) >= length:
        gains[: len(beat) - length + 1] = np.correlate(beat, wave, mode="valid")
    return gains
