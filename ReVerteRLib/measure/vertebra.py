"""Clinical measures of one vertebra, by one algorithm for the prediction and for the reference.

Only the mask and the centroid are used, so whatever the algorithm gets wrong it gets wrong alike in both. The body and
its end-plates are found as in `measure.body`. Then:

1. Heights (Genant et al., J Bone Miner Res 8, 1993: anterior, middle, posterior) are medians, along the body's axis,
   over 5 to 25 %, 40 to 60 % and 75 to 95 % of the depth in the middle 40 % of the width.
2. Tilts are those of the end-plates against the patient's horizontal plane. Sagittal is positive when the front lies
   lower than the back, coronal when the left side lies higher than the right.
3. Pedicles are measured in coronal sections 1 to 10 mm behind the posterior wall: the inner distance between the
   borders towards the canal and the outer one between the borders away from it, as medians over the middle half of each
   pedicle's height. The largest inner and the smallest outer distance count, because corners of the body and transverse
   processes join some sections. In L5 and around C7 processes may join all of them and the outer distance is theirs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array, PatchGrid
from ReVerteRLib.measure.body import STEP_MM, Body, BodyFit, LocalMask, Plane, coordinates, fit_body, normal, region

MEASURES: Mapping[str, str] = {
    "height_anterior_mm": "Body height, anterior (mm)",
    "height_middle_mm": "Body height, middle (mm)",
    "height_posterior_mm": "Body height, posterior (mm)",
    "superior_sagittal_deg": "Superior end-plate, sagittal tilt (°)",
    "superior_coronal_deg": "Superior end-plate, coronal tilt (°)",
    "inferior_sagittal_deg": "Inferior end-plate, sagittal tilt (°)",
    "inferior_coronal_deg": "Inferior end-plate, coronal tilt (°)",
    "pedicle_inner_mm": "Pedicle distance, inner (mm)",
    "pedicle_outer_mm": "Pedicle distance, outer (mm)",
}
"""Key and name of each measure."""

NO_BODY = ("C1", "C2")
"""Levels without a body between two end-plates."""
_PEDICLE_AREA_MM2 = 8.0


def measure_vertebra(mask: NDArray[np.bool_], grid: PatchGrid, level: Level) -> dict[str, float]:
    """The measures of a mask [z, y, x] on its patch grid, those that can be taken; see MEASURES for the keys.

    C1 and C2 have no body with two end-plates, so they have none. What cannot be found (an empty mask, no bone around
    the centroid, no pedicles) is left out.
    """
    found = None if level.name in NO_BODY else fit_body(mask, grid)
    return measures_of(found) if found is not None else {}


def measures_of(fit: BodyFit) -> dict[str, float]:
    """The measures of a body that was found."""
    return {**_heights(fit.body, fit.local), **_tilts(fit.planes, fit.local.axes), **_pedicles(fit.local, fit.body)}


def _heights(body: Body, local: LocalMask) -> dict[str, float]:
    found = {}
    for name, depth in (("anterior", (0.05, 0.25)), ("middle", (0.4, 0.6)), ("posterior", (0.75, 0.95))):
        chosen = region(body, local, depth, 0.4)
        if chosen.any():
            found[f"height_{name}_mm"] = float(np.median((body.top - body.bottom)[chosen]))
    return found


def _tilts(planes: tuple[Plane, Plane], axes: Array) -> dict[str, float]:
    found = {}
    for name, plane in zip(("superior", "inferior"), planes, strict=True):
        vector = axes @ normal(plane)
        up = -float(vector @ INFERIOR)
        found[f"{name}_sagittal_deg"] = float(np.rad2deg(np.arctan2(-float(vector @ POSTERIOR), up)))
        found[f"{name}_coronal_deg"] = float(np.rad2deg(np.arctan2(-float(vector @ LEFT), up)))
    return found


def _pedicles(local: LocalMask, body: Body) -> dict[str, float]:
    y, _ = coordinates(local)
    low, high = (float(np.median(part[region(body, local, (0.4, 0.9), 0.5)])) for part in (body.bottom, body.top))
    rows = slice(*(round(v / STEP_MM) + local.zero[0] for v in (low, high + 3.0)))
    bone = local.soft >= 0.5
    middle = round((body.left + body.right) / 2.0 / STEP_MM) + local.zero[2]
    inner, outer = [], []
    for index in np.flatnonzero((y >= body.wall + 1.0) & (y <= body.wall + 10.0)):
        section = bone[rows, index]
        left, right = (_pedicle(side) for side in (section[:, middle:], section[:, middle::-1]))
        if left is None or right is None:
            continue
        inner.append(left[0] + right[0] - STEP_MM)  # both sides count the middle voxel
        outer.append(left[1] + right[1] - STEP_MM)
    if not inner or min(outer) < max(inner) + 2.0:  # sections that contradict each other
        return {}
    return {"pedicle_inner_mm": max(inner), "pedicle_outer_mm": min(outer)}


def _pedicle(side: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Inner and outer border (mm from the section's first edge) of one pedicle's section [z, x away from the middle].

    None where the middle holds bone (that is body or lamina, not canal) or where there is no pedicle.
    """
    if side[:, :3].any():
        return None
    parts, count = ndimage.label(side)
    if count == 0:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    own = parts == int(sizes.argmax()) + 1
    if float(own.sum()) * STEP_MM**2 < _PEDICLE_AREA_MM2:
        return None
    rows = np.flatnonzero(own.any(axis=1))
    quarter = (rows[-1] - rows[0] + 1) // 4
    inner, outer = [], []
    for row in own[rows[0] + quarter : rows[-1] - quarter + 1]:
        columns = np.flatnonzero(row)
        if columns.size:
            inner.append(float(columns[0]))
            outer.append(float(columns[-1]) + 1.0)
    return statistics.median(inner) * STEP_MM, statistics.median(outer) * STEP_MM
