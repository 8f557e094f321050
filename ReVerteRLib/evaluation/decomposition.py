"""What the error of a vertebra consists of: place, turn and size, shape; the body or what lies behind it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, optimize
from scipy.spatial.transform import Rotation

from ReVerteRLib.anatomy import Level, Region
from ReVerteRLib.evaluation.metrics import dice
from ReVerteRLib.geometry import Array, PatchGrid

PARTS = ("position", "pose", "shape")
"""What Dice lacks to 1: gained by a shift, by a turn and a scale on top of it, and the rest."""
_MAX_SHIFT_MM = 15.0
_POINTS = 3000
_STEPS = np.array([0.06, 0.06, 0.06, 0.04, 1.0, 1.0, 1.0])  # radians, logarithm of the scale, voxels


@dataclass(frozen=True)
class ErrorParts:
    """One vertebra.

    dice:            as it is.
    dice_shifted:    after the shift by whole voxels (up to 15 mm) that makes it largest.
    dice_posed:      after the best shift, rotation and uniform scale that a local search from there finds.
    shift_mm:        length of the first shift.
    rotation_deg, scale: of the second; 0 and 1 where it gains nothing.
    dice_body, dice_posterior: of the parts in front of and behind a coronal plane just behind the vertebral body
                     (`plane_mm` behind the centroid); None where neither mask has a voxel.
    """

    dice: float
    dice_shifted: float
    dice_posed: float
    shift_mm: float
    rotation_deg: float
    scale: float
    dice_body: float | None
    dice_posterior: float | None

    def part(self, name: str) -> float:
        """One of PARTS; they add up to 1 - dice."""
        return {
            "position": self.dice_shifted - self.dice,
            "pose": self.dice_posed - self.dice_shifted,
            "shape": 1.0 - self.dice_posed,
        }[name]


def plane_mm(level: Level) -> float:
    """Distance of the plane between body and posterior elements behind the body's centre.

    Half the usual depth of a body and a little more: 18 mm lumbar, 14 for T9 to T13, 11 for T5 to T8, 8 above.
    """
    if level.region is Region.LUMBAR:
        return 18.0
    if level.region is Region.CERVICAL:
        return 8.0
    number = int(level.name[1:])
    return 14.0 if number >= 9 else 11.0 if number >= 5 else 8.0


def decompose(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], grid: PatchGrid, level: Level
) -> ErrorParts | None:
    """Parts of the error of a mask [z, y, x]; None when a mask is empty: there is nothing to take apart."""
    if not predicted.any() or not true.any():
        return None
    cut = round(float(grid.centroid_zyx[1]) + plane_mm(level) / grid.spacing_mm)
    cut = min(max(cut, 0), grid.size)
    halves = slice(None, cut), slice(cut, None)
    body, posterior = (_dice_or_none(predicted[:, part], true[:, part]) for part in halves)
    reach = round(_MAX_SHIFT_MM / grid.spacing_mm)
    predicted, true = _common_box(predicted, true, reach)
    shift, shifted = _best_shift(predicted, true, reach)
    angle, scale, posed = _best_pose(predicted, true, shift)
    if posed <= shifted:
        angle, scale, posed = 0.0, 1.0, shifted
    length = float(np.linalg.norm(shift)) * grid.spacing_mm
    return ErrorParts(dice(predicted, true), shifted, posed, length, angle, scale, body, posterior)


def _dice_or_none(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float | None:
    return dice(predicted, true) if predicted.any() or true.any() else None


def _common_box(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], margin: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    (box,) = ndimage.find_objects((predicted | true).astype(np.uint8))
    return np.pad(predicted[box], margin), np.pad(true[box], margin)


def _best_shift(predicted: NDArray[np.bool_], true: NDArray[np.bool_], reach: int) -> tuple[Array, float]:
    """Shift of the prediction (voxels [z, y, x]) with the largest overlap, of equal ones the shortest, and its Dice.

    The overlap of all shifts is one correlation; the margin around both masks keeps it from wrapping.
    """
    shape = tuple(fft.next_fast_len(n, real=True) for n in true.shape)
    spectra = [fft.rfftn(mask.astype(np.float32), shape) for mask in (predicted, true)]
    overlap = np.rint(fft.irfftn(spectra[1] * np.conj(spectra[0]), shape))
    near = np.concatenate([np.arange(0, reach + 1), np.arange(-reach, 0)])
    overlap = overlap[np.ix_(near, near, near)]
    offsets = np.stack(np.meshgrid(near, near, near, indexing="ij"), axis=-1)
    length = (offsets**2).sum(axis=-1)
    best = np.flatnonzero(overlap.ravel() == overlap.max())
    chosen = best[length.ravel()[best].argmin()]
    shift = offsets.reshape(-1, 3)[chosen].astype(np.float64)
    return shift, 2.0 * float(overlap.ravel()[chosen]) / float(predicted.sum() + true.sum())


def _best_pose(predicted: NDArray[np.bool_], true: NDArray[np.bool_], shift: Array) -> tuple[float, float, float]:
    """Rotation (degrees), scale and Dice of the best similarity near a shift, by Powell's method on a soft Dice."""
    inside = np.argwhere(predicted).astype(np.float64)
    middle = inside.mean(axis=0)
    points = inside[:: max(1, len(inside) // _POINTS)] - middle
    target = ndimage.gaussian_filter(true.astype(np.float32), 1.0)
    bone = float(true.sum())

    def lacking(unit: Array) -> float:
        turn, scale, move = _similarity(unit * _STEPS)
        moved = (points @ turn.T) * scale + middle + shift + move
        volume = len(inside) * scale**3
        hit = float(ndimage.map_coordinates(target, moved.T, order=1).mean()) * volume
        return -2.0 * hit / (volume + bone)

    found = optimize.minimize(lacking, np.zeros(7), method="Powell", options={"maxiter": 6, "xtol": 0.02, "ftol": 1e-4})
    turn, scale, move = _similarity(found.x * _STEPS)
    back = turn.T / scale
    placed = ndimage.affine_transform(
        predicted.astype(np.float32), back, middle - back @ (middle + shift + move), order=1
    )
    angle = float(np.rad2deg(Rotation.from_matrix(turn).magnitude()))
    return angle, scale, dice(placed >= 0.5, true)


def _similarity(values: Array) -> tuple[Array, float, Array]:
    """Rotation matrix, scale and translation of seven numbers."""
    return Rotation.from_rotvec(values[:3]).as_matrix(), float(np.exp(values[3])), values[4:]


# --- over many vertebrae -------------------------------------------------------------------------


def summarise_parts(parts: Iterable[ErrorParts]) -> dict[str, Any]:
    """Means over vertebrae: Dice and what it lacks by PARTS, of body and posterior elements, and the transforms."""
    rows = list(parts)
    if not rows:
        return {"n": 0}
    record: dict[str, Any] = {"n": len(rows), "dice": _mean([r.dice for r in rows])}
    record |= {name: _mean([r.part(name) for r in rows]) for name in PARTS}
    record["dice_body"] = _mean([r.dice_body for r in rows if r.dice_body is not None])
    record["dice_posterior"] = _mean([r.dice_posterior for r in rows if r.dice_posterior is not None])
    record["shift_mm"] = _mean([r.shift_mm for r in rows])
    record["rotation_deg"] = _mean([r.rotation_deg for r in rows])
    record["scale"] = _mean([r.scale for r in rows])
    return record


def _mean(values: list[float]) -> float | None:
    return round(statistics.fmean(values), 4) if values else None
