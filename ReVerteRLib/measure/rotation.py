"""Axial rotation of a vertebra from the left-right symmetry of its mask.

The angle, seen along the vertebra's own axis (the mean normal of its end-plates), between its plane of symmetry and the
patient's sagittal plane. It is what Aaro and Dahlborn (Spine 6, 1981) draw by hand from the canal to the middle of the
body; for methods by symmetry see the review of Vrtovec, Pernus and Likar (Eur Spine J 18, 2009).

The mask is cut across its axis into slabs of 6 mm. For each angle the slabs are turned, mirrored, and slid from left to
right to the best overlap, 2 |A and mirrored A| / 2 |A|; the angle with the largest overlap of all slabs counts. A body
alone is nearly round, so what tells the angle are the processes: where they are missing or unequal, the overlap is low
or hardly changes with the angle, and there is no number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from ReVerteRLib.geometry import Array
from ReVerteRLib.measure.body import STEP_MM, BodyFit, LocalMask

LARGEST_DEG = 45.0
_SLAB_MM = 6.0
_COARSE_DEG = 3.0
_HALF_HEIGHT_MM = 21.0
_LEAST_SYMMETRY = 0.6
_LEAST_CONTRAST = 0.03
_CONTRAST_AT_DEG = 12.0


@dataclass(frozen=True)
class AxialRotation:
    """angle_deg: positive when the front is turned to the patient's left (anticlockwise seen from the head).

    symmetry: overlap of the mask with its mirror image at that angle, 0..1.
    """

    angle_deg: float
    symmetry: float


def axial_rotation(fit: BodyFit) -> AxialRotation | None:
    """The rotation, at most 45 degrees either way; None where the mask is too little symmetric or too round to tell."""
    slabs = _slabs(fit.local)
    if not slabs.any():
        return None
    middle = _pivot(fit)
    coarse = np.arange(-LARGEST_DEG, LARGEST_DEG + 0.1, _COARSE_DEG)
    overlaps = np.array([_overlap(slabs, middle, angle) for angle in coarse])
    best = int(overlaps.argmax())
    if best in (0, len(coarse) - 1):
        return None
    found = optimize.minimize_scalar(
        lambda angle: -_overlap(slabs, middle, angle),
        bounds=(coarse[best - 1], coarse[best + 1]),
        method="bounded",
        options={"xatol": 0.1, "maxiter": 12},
    )
    symmetry, angle = -float(found.fun), float(found.x)
    aside = np.abs(coarse - angle) >= _CONTRAST_AT_DEG
    if symmetry < _LEAST_SYMMETRY or symmetry - float(overlaps[aside].max()) < _LEAST_CONTRAST:
        return None
    return AxialRotation(angle, symmetry)


def _slabs(local: LocalMask) -> NDArray[np.float32]:
    """Mean bone [slab, y, x] of slabs across the axis, every other pixel."""
    count, half = round(_SLAB_MM / STEP_MM), round(_HALF_HEIGHT_MM / STEP_MM)
    soft = np.clip(local.soft[local.zero[0] - half : local.zero[0] + half], 0.0, 1.0)
    usable = soft[: soft.shape[0] // count * count, ::2, ::2]
    slabs: NDArray[np.float32] = usable.reshape(-1, count, *usable.shape[1:]).mean(axis=1)
    return slabs


def _pivot(fit: BodyFit) -> tuple[float, float]:
    """Pixel (y, x) about which slabs are turned: the middle of the body."""
    body, zero = fit.body, fit.local.zero
    y, x = (body.front + body.wall) / 2.0, (body.left + body.right) / 2.0
    return (y / STEP_MM + zero[1]) / 2.0, (x / STEP_MM + zero[2]) / 2.0


def _overlap(slabs: NDArray[np.float32], middle: tuple[float, float], angle_deg: float) -> float:
    """The best overlap over all shifts from left to right after turning back by an angle, 0..1.

    A vertebra with its front to the left (x) by the angle is turned so that its front is in front again.
    """
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    # Position of the turned image -> position in the slab, axes (y to the back, x to the left).
    matrix = np.array([[cos, sin], [-sin, cos]])
    pivot = np.array(middle)
    offset = pivot - matrix @ pivot
    turned = np.stack([ndimage.affine_transform(s, matrix, offset, order=1, prefilter=False) for s in slabs])
    return _mirror_overlap(turned)


def _mirror_overlap(slabs: NDArray[np.float32]) -> float:
    """Largest correlation of rows with themselves read backwards, over all shifts; 1 for a perfect mirror image."""
    length = 2 * slabs.shape[2]
    spectrum = np.fft.rfft(slabs, length, axis=2)
    both: Array = np.fft.irfft((spectrum * spectrum).sum(axis=(0, 1)), length)
    return float(both.max() / max(float((slabs**2).sum()), 1e-9))
