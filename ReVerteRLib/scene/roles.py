"""How ReVerteR finds its nodes again, also after the scene was saved and read: by node attributes."""

from __future__ import annotations

from typing import Any

from ReVerteRLib.errors import InputError

ROLE = "ReVerteR.Role"
LEVEL = "ReVerteR.Level"
PROJECTION = "ReVerteR.Projection"

AP = "radiograph.ap"
LATERAL = "radiograph.lateral"
CENTROIDS = "centroids"
SEGMENTATION = "segmentation"
MODEL = "model"


def mark(node: Any, role: str) -> None:
    """Gives a node its role."""
    node.SetAttribute(ROLE, role)


def given(node: Any, what: str, remedy: str) -> Any:
    """The node, which a script may have left out or which a person has not chosen. Raises InputError for None."""
    if node is None:
        raise InputError(f"no {what} is given", remedy=remedy)
    return node


def nodes_with_role(scene: Any, role: str) -> list[Any]:
    """All nodes of a role, in the order in which they came into the scene."""
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return [node for node in nodes if node.GetAttribute(ROLE) == role]


def put_under(scene: Any, node: Any, parent_item: int) -> None:
    """Moves a node in the subject hierarchy; slicer-core gives nodes no item by themselves, Slicer does."""
    hierarchy = scene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(parent_item, node)
    else:
        hierarchy.SetItemParent(item, parent_item)


def remove_node(scene: Any, node: Any) -> None:
    """Removes a node and its subject-hierarchy item, which under slicer-core stays behind and in Slicer does not."""
    import vtk

    hierarchy = scene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    scene.RemoveNode(node)
    left = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), left, True)
    if left.IsId(item) >= 0:
        hierarchy.RemoveItem(item, False, False)


def remove_branch(scene: Any, item: int) -> None:
    """Removes a subject-hierarchy item, everything under it, and their nodes.

    The nodes go first and by hand: under slicer-core vtkMRMLSubjectHierarchyNode.RemoveItem waits for ever for the
    items of nodes that it removes, because there only Slicer's Qt side removes such items.
    """
    import vtk

    hierarchy = scene.GetSubjectHierarchyNode()
    nodes = vtk.vtkCollection()
    hierarchy.GetDataNodesInBranch(item, nodes)
    for index in range(nodes.GetNumberOfItems()):
        scene.RemoveNode(nodes.GetItemAsObject(index))
    hierarchy.RemoveItem(item, False, True)
