"""Centroids as one fiducial list, in both directions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.frames import points_to_lps, points_to_ras

_DESCRIPTION = re.compile(r"confidence ([0-9.]+), residual ([0-9.]+) mm")
_DOT_MM = 6.0
_COLOR, _UNCHECKED_COLOR = (1.0, 0.85, 0.2), (0.6, 0.6, 0.6)


def add_centroids(scene: Any, centroids: CentroidSet, name: str = "Centroids") -> Any:
    """A vtkMRMLMarkupsFiducialNode with one point per level, labelled C1..L6, confidence in the description."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    roles.mark(node, roles.CENTROIDS)
    node.CreateDefaultDisplayNodes()
    set_point_display(node.GetDisplayNode())
    update_centroids(node, centroids)
    return node


def update_centroids(node: Any, centroids: CentroidSet) -> None:
    """Replaces all points of a fiducial node by these centroids."""
    was_modifying = node.StartModify()
    node.RemoveAllControlPoints()
    for centroid in centroids:
        index = node.AddControlPoint(points_to_ras(centroid.position_lps_mm).tolist(), centroid.level.name)
        node.SetNthControlPointDescription(index, _describe(centroid))
    node.EndModify(was_modifying)


def centroids_from_node(node: Any) -> CentroidSet:
    """The centroids that a fiducial node holds, points that are not placed yet left out; may be empty.

    A parent transform is honoured. Raises CentroidError for labels that are no levels or occur twice, InputError for
    None.
    """
    roles.given(node, "list of centroids", "Find the vertebrae first, or place them")
    placed = [
        index
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
    ]
    return CentroidSet(tuple(_centroid(node, index) for index in placed), node.GetName())


def _centroid(node: Any, index: int) -> Centroid:
    try:
        level = level_from_name(node.GetNthControlPointLabel(index))
    except ArgumentError as error:
        raise CentroidError(error.what, where=node.GetName(), remedy=error.remedy) from error
    position_ras_mm = np.zeros(3)
    node.GetNthControlPointPositionWorld(index, position_ras_mm)
    x, y, z = points_to_lps(position_ras_mm).tolist()
    found = _DESCRIPTION.search(node.GetNthControlPointDescription(index) or "")
    confidence, residual_mm = (float(text) for text in found.groups()) if found else (1.0, 0.0)
    return Centroid(level, (x, y, z), confidence, residual_mm)


def _describe(centroid: Centroid) -> str:
    return f"confidence {centroid.confidence:.4f}, residual {centroid.residual_mm:.3f} mm"


def set_point_display(display: Any) -> None:
    """Dots of a fixed size in mm, seen in both radiographs although the points lie in front of or behind them.

    Selected points, those to be reconstructed, are yellow, others gray.
    """
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(_DOT_MM)
    display.SetTextScale(2.5)
    display.SetColor(_UNCHECKED_COLOR)
    display.SetSelectedColor(_COLOR)
    display.SetSliceProjection(True)
    display.SetSliceProjectionOpacity(1.0)
    display.SetSliceProjectionUseFiducialColor(True)
    display.SetPropertiesLabelVisibility(False)
