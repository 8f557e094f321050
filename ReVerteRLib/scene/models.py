"""Vertebral surfaces as model nodes in one folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.frames import surface_to_lps, surface_to_ras

_LOGGER = logging.getLogger("ReVerteR")
FOLDER_NAME = "Vertebrae"


def add_models(scene: Any, surfaces: Mapping[Level, Any], parent_item: int | None = None) -> dict[Level, Any]:
    """One vtkMRMLModelNode per surface (vtkPolyData, LPS mm), from the head down, in the folder "Vertebrae".

    parent_item: subject-hierarchy item to put the folder under; the top of the scene if None.
    Empty surfaces are left out with a logged warning, so that one lost vertebra does not cost the others.
    """
    hierarchy = scene.GetSubjectHierarchyNode()
    parent = hierarchy.GetSceneItemID() if parent_item is None else parent_item
    folder = hierarchy.CreateFolderItem(parent, FOLDER_NAME)
    nodes = {}
    for level, surface in sorted(surfaces.items()):
        if surface.GetNumberOfCells() == 0:
            _LOGGER.warning("%s: the surface is empty, there is no model of it", level.name)
            continue
        nodes[level] = _add_model(scene, level, surface)
        roles.put_under(scene, nodes[level], folder)
    return nodes


def surface_from_node(node: Any) -> Any:
    """The surface of a model node, a vtkPolyData copy in LPS mm; transforms are not applied."""
    return surface_to_lps(node.GetPolyData())


def level_of_model(node: Any) -> Level:
    """The level of a model node that `add_models` made, also after it was renamed."""
    return level_from_name(node.GetAttribute(roles.LEVEL))


def _add_model(scene: Any, level: Level, surface_lps: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", level.name)
    roles.mark(node, roles.MODEL)
    node.SetAttribute(roles.LEVEL, level.name)
    node.SetAndObservePolyData(surface_to_ras(surface_lps))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*level.color_rgb)
    display.SetInterpolation(display.GouraudInterpolation)
    display.SetScalarVisibility(False)
    return node
