"""Measurements as table nodes with units and descriptions of their columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ReVerteRLib.scene import roles

if TYPE_CHECKING:  # they take a second to load, which a panel that is being opened does not have
    from ReVerteRLib.measure.quality import SilhouetteQuality
    from ReVerteRLib.measure.spine import SpineMeasurements
    from ReVerteRLib.measure.tables import Table

VERTEBRAE_ROLE = "table.vertebrae"
SPINE_ROLE = "table.spine"


def add_measurements(
    scene: Any,
    found: SpineMeasurements,
    quality: Sequence[SilhouetteQuality] = (),
    parent_item: int | None = None,
) -> tuple[Any, Any]:
    """Two vtkMRMLTableNodes, "Vertebrae" (a row each) and "Spine" (a row per number); earlier ones are replaced.

    Numbers that could not be measured are NaN in columns of numbers.
    parent_item: subject-hierarchy item to put them under; the top of the scene if None.
    """
    from ReVerteRLib.measure.tables import spine_table, vertebra_table

    tables = (
        ("Vertebrae measurements", VERTEBRAE_ROLE, vertebra_table(found, quality)),
        ("Spine measurements", SPINE_ROLE, spine_table(found)),
    )
    hierarchy = scene.GetSubjectHierarchyNode()
    parent = hierarchy.GetSceneItemID() if parent_item is None else parent_item
    nodes = []
    for name, role, table in tables:
        for old in roles.nodes_with_role(scene, role):
            roles.remove_node(scene, old)
        node = add_table(scene, table, name)
        roles.mark(node, role)
        roles.put_under(scene, node, parent)
        nodes.append(node)
    return nodes[0], nodes[1]


def add_table(scene: Any, table: Table, name: str) -> Any:
    """A locked vtkMRMLTableNode of a table; its column heads carry unit and description."""
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetUseColumnTitleAsColumnHeader(True)
    for number, column in enumerate(table.columns):
        cells = [row[number] for row in table.rows]
        node.AddColumn(_array(column.head, cells))
        node.SetColumnLongName(column.head, column.head)
        node.SetColumnTitle(column.head, column.head)
        node.SetColumnDescription(column.head, column.description)
        if column.unit:
            node.SetColumnUnitLabel(column.head, column.unit)
    node.SetLocked(True)
    return node


def _array(name: str, cells: Sequence[str | float | None]) -> Any:
    import vtk

    is_text = any(isinstance(cell, str) for cell in cells)
    array: Any = vtk.vtkStringArray() if is_text else vtk.vtkDoubleArray()
    array.SetName(name)
    for cell in cells:
        if is_text:
            array.InsertNextValue("" if cell is None else str(cell))
        else:
            array.InsertNextValue(math.nan if cell is None else float(cell))
    return array
