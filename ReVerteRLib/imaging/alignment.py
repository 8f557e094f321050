"""How high the lateral radiograph stands against the AP one, from the profiles of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.radiograph import Radiograph

if TYPE_CHECKING:
    from ReVerteRLib.imaging.importing import ImportedRadiograph

_STEP_MM = 1.0
_SMOOTH_MM = 3.0
_END_MM = 8.0
_REACH_MM = 150.0
_LEAST_OVERLAP = 0.6
_RIVAL_MM = 12.0  # less than a disc distance: nearer maxima belong to the same peak
_ENOUGH = 0.6
_CLEAR = 0.2


@dataclass(frozen=True)
class OffsetEstimate:
    """How far the lateral image must be raised so that both show the same heights.

    offset_mm:   towards the head. correlation: of the row profiles there, -1 to 1.
    rival:       correlation of the next best height, more than 12 mm away. Vertebrae repeat, so a high rival means
                 that the match may be one vertebra off.
    reliable:    correlation over 0.6 and 0.2 better than the rival.
    """

    offset_mm: float
    correlation: float
    rival: float
    reliable: bool

    @property
    def sentence(self) -> str:
        """For the user."""
        trust = "reliable" if self.reliable else "not reliable"
        return (
            f"Row profiles fit best with the lateral image raised by {self.offset_mm:+.0f} mm "
            f"(correlation {self.correlation:.2f}, next best {self.rival:.2f}: {trust})"
        )


def estimate_vertical_offset(ap: ImportedRadiograph, lateral: ImportedRadiograph) -> OffsetEstimate:
    """Normalised cross-correlation of both images' row profiles at 1 mm on their planes through the patient."""
    first_z, first = row_profile(ap.radiograph, ap.field_hw)
    second_z, second = row_profile(lateral.radiograph, lateral.field_hw)
    shifts = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    scores = np.array([_score(first_z, first, second_z + shift, second) for shift in shifts])
    if not np.isfinite(scores).any():
        return OffsetEstimate(0.0, 0.0, 0.0, False)
    best = int(np.nanargmax(scores))
    far = np.abs(shifts - shifts[best]) > _RIVAL_MM
    rival = float(np.nanmax(np.where(far, scores, -1.0), initial=-1.0))
    top = float(scores[best])
    return OffsetEstimate(float(shifts[best]), top, rival, top > _ENOUGH and top - rival > _CLEAR)


def row_profile(radiograph: Radiograph, field_hw: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Heights (LPS z, mm, rising) and the slope of the rows' mean brightness, per mm.

    The slope over some millimetres shows vertebrae and discs and has no trend; steps such as the end of the body are
    clipped, since there are no such steps in the other image's anatomy. Only rows of which a tenth is exposed count.
    """
    from scipy.ndimage import gaussian_filter1d

    projection = radiograph.projection
    weights = field_hw.sum(axis=1)
    means = np.where(field_hw, radiograph.image_hw, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(weights, 1)
    seen = weights > 0.1 * field_hw.shape[1]
    rows = np.flatnonzero(seen)
    points = projection.plane_point(np.stack([rows, np.full(rows.size, projection.principal_rc[1])], axis=1))
    order = np.argsort(points[:, 2])
    heights, values = points[order, 2], means[rows][order]
    if heights.size < 3 or np.ptp(heights) < 10.0:
        return np.arange(2.0), np.full(2, np.nan)
    grid = np.arange(np.ceil(heights[0]), heights[-1], _STEP_MM)
    slope = gaussian_filter1d(np.interp(grid, heights, values), _SMOOTH_MM / _STEP_MM, order=1, mode="nearest")
    end = int(_END_MM / _STEP_MM)
    if grid.size < 3 * end:
        return np.arange(2.0), np.full(2, np.nan)
    grid, slope = grid[end:-end], slope[end:-end]
    limit = 3.0 * 1.4826 * float(np.median(np.abs(slope - np.median(slope))))
    return grid, np.clip(slope, -limit, limit)


def _score(first_z: Array, first: Array, second_z: Array, second: Array) -> float:
    """Correlation where both are known; NaN when the common stretch is too short."""
    low, high = max(first_z[0], second_z[0]), min(first_z[-1], second_z[-1])
    shorter = min(np.ptp(first_z), np.ptp(second_z))
    if high - low < max(_LEAST_OVERLAP * shorter, 30.0):
        return float("nan")
    grid = np.arange(np.ceil(low), high, _STEP_MM)
    a, b = np.interp(grid, first_z, first), np.interp(grid, second_z, second)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else float("nan")
