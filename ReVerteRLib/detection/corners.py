"""Landmarks of a detection in space: where the rays through the corners cross the plane of the vertebra."""

from __future__ import annotations

import numpy as np

from ReVerteRLib.detection.types import Detection
from ReVerteRLib.geometry import Array, Projection, View


def corners_lps_mm(projection: Projection, detection: Detection, position_lps_mm: Array) -> Array:
    """(4, 3) LPS mm of the corners at the depth of the vertebra, so that the magnification is gone; NaN stays NaN."""
    depth = float(projection.depth_mm(position_lps_mm)[0])
    return projection.point_at_depth(detection.corners_rc, depth)


def edge_heights_mm(corners: Array) -> tuple[float, float]:
    """Distances between the end-plates at the first and at the second end, of corners (4, 3)."""
    first, second = (float(np.linalg.norm(corners[n + 2] - corners[n])) for n in (0, 1))
    return first, second


def body_size_mm(
    views: tuple[Projection, Projection], ap: Detection | None, lateral: Detection | None, position_lps_mm: Array
) -> Array:
    """(3,) height (mean of what both views show), width (AP) and depth (lateral) of the body; NaN where unknown."""
    heights: list[float] = []
    lengths = {View.AP: np.nan, View.LATERAL: np.nan}
    for projection, detection in zip(views, (ap, lateral), strict=True):
        if detection is None:
            continue
        corners = corners_lps_mm(projection, detection, position_lps_mm)
        heights += [h for h in edge_heights_mm(corners) if np.isfinite(h)]
        plates = np.linalg.norm(corners[1::2] - corners[0::2], axis=1)
        lengths[projection.view] = float(plates.mean())
    height = float(np.mean(heights)) if heights else np.nan
    return np.array([height, lengths[View.AP], lengths[View.LATERAL]])
