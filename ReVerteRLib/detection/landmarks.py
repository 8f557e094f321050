"""Landmarks of a vertebra: the ends of its end-plates, as the detector learns them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import Array, PatchGrid, Projection, View
from ReVerteRLib.measure.body import BodyFit, fit_body
from ReVerteRLib.measure.vertebra import NO_BODY

LANDMARKS = 8
"""Points per vertebra, four seen from the front, then four from the side; see `landmarks_of`."""


def landmarks_of(mask: NDArray[np.bool_], grid: PatchGrid, level: Level) -> Array:
    """(8, 3) LPS mm, NaN where the vertebra has no body (C1, C2) or none is found in its mask [z, y, x].

    Order: superior right, superior left, inferior right, inferior left, superior anterior, superior posterior,
    inferior anterior, inferior posterior.
    """
    fit = None if level.name in NO_BODY else fit_body(mask, grid)
    return np.full((LANDMARKS, 3), np.nan) if fit is None else end_plate_points(fit)


def end_plate_points(fit: BodyFit) -> Array:
    """(8, 3) LPS mm, in the order of `landmarks_of`: ends of the end-plates' middle lines.

    They lie on the fitted planes above and below the body's borders, so spurs and rounded rims do not move them.
    """
    body = fit.body
    x, y = (body.right + body.left) / 2.0, (body.front + body.wall) / 2.0
    sides, depths = ((body.right, y), (body.left, y)), ((x, body.front), (x, body.wall))
    points = [(px, py, a + b * px + c * py) for ends in (sides, depths) for a, b, c in fit.planes for px, py in ends]
    return fit.local.centre + np.array(points) @ fit.local.axes.T


def corners_in_view(landmarks_lps_mm: ArrayLike, projection: Projection) -> Array:
    """(N, 4, 2) pixels (row, column) of the corners that a view shows of landmarks (N, 8, 3), NaN where unknown.

    AP: superior right, superior left, inferior right, inferior left; lateral: superior anterior, superior posterior,
    inferior anterior, inferior posterior.
    """
    points = np.asarray(landmarks_lps_mm, dtype=np.float64).reshape(-1, LANDMARKS, 3)
    chosen = points[:, :4] if projection.view is View.AP else points[:, 4:]
    return projection.project(chosen.reshape(-1, 3)).reshape(-1, 4, 2)
