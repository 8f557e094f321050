"""What the panel's section 'Look' does with the scene."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.errors import ReVerteRError
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.builder import models_beside
from ReVerteRLib.scene.centroid_table import Row
from ReVerteRLib.scene.epipolar import VIEW_NODE_ID
from ReVerteRLib.scene.measurements import SPINE_ROLE, VERTEBRAE_ROLE
from ReVerteRLib.scene.models import surface_from_node
from ReVerteRLib.scene.task_inputs import pair_of_nodes

if TYPE_CHECKING:
    from ReVerteRLib.measure.quality import SilhouetteQuality

LOW_CONFIDENCE = 0.5
"""Below it the pictures of `reverter annotate`, too, mark a vertebra as one to look at."""
_DISTANCE_HEAD = "Silhouette distance"


def show_silhouettes(scene: Any, ap_node: Any, lateral_node: Any, segmentation: Any) -> int:
    """Draws the outlines of a result over both radiographs, each in its own view; returns how many there are.

    Earlier ones go. Distances are added to the names where they were measured. Raises what `pair_of_nodes` raises.
    """
    from ReVerteRLib.measure.silhouettes import silhouettes_of
    from ReVerteRLib.scene.overlay import add_silhouettes

    pair = pair_of_nodes(ap_node, lateral_node)
    surfaces = {level: surface_from_node(node) for level, node in models_beside(scene, segmentation).items()}
    found = [s for view in pair for s in silhouettes_of(surfaces, view.projection).values()]
    hierarchy = scene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(segmentation)
    study = int(hierarchy.GetItemAncestorAtLevel(item, "Study") or hierarchy.GetSceneItemID())
    nodes = add_silhouettes(
        scene,
        found,
        _quality(scene),
        parent_item=study,
        view_node_ids={view: (VIEW_NODE_ID[view],) for view in View},
    )
    return len(nodes)


def hide_silhouettes(scene: Any) -> None:
    """Takes the outlines away."""
    from ReVerteRLib.scene.overlay import remove_silhouettes

    remove_silhouettes(scene)


def silhouette_distances(scene: Any) -> dict[Level, float | None]:
    """By level in mm as measured last, None where no edge was found; empty when nothing was measured."""
    node = next(reversed(roles.nodes_with_role(scene, VERTEBRAE_ROLE)), None)
    if node is None:
        return {}
    table = node.GetTable()
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    distance = next((n for n, name in enumerate(names) if name.startswith(_DISTANCE_HEAD)), None)
    if distance is None:
        return {}
    found: dict[Level, float | None] = {}
    for row in range(table.GetNumberOfRows()):
        value = float(table.GetValue(row, distance).ToDouble())
        found[level_from_name(table.GetValue(row, 0).ToString())] = None if math.isnan(value) else value
    return found


def distance_text(distances: dict[Level, float | None], level: Level) -> tuple[str, bool]:
    """What the table says of a level, and whether a person should look."""
    from ReVerteRLib.measure.quality import SUSPICIOUS_MM

    if level not in distances:
        return "", False
    value = distances[level]
    return ("?", True) if value is None else (f"{value:.1f}", value >= SUSPICIOUS_MM)


def is_doubtful(row: Row) -> bool:
    """Whether a person should look at a vertebra: found with doubts, and not confirmed by moving or locking it."""
    confirmed = row.point.by_hand or row.point.locked
    return bool(row.problems) or (not confirmed and (bool(row.point.reasons) or row.point.confidence < LOW_CONFIDENCE))


def doubtful_names(rows: Iterable[Row]) -> str:
    """Their names with commas, from the head down; at most four, then dots."""
    names = [row.label or "?" for row in rows if row.point.checked and is_doubtful(row)]
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")


def spine_rows(scene: Any) -> list[tuple[str, str, str, str]]:
    """Measure, value with unit, levels and remark of the whole spine, as they were measured last."""
    node = next(reversed(roles.nodes_with_role(scene, SPINE_ROLE)), None)
    if node is None:
        return []
    table, rows = node.GetTable(), []
    for row in range(table.GetNumberOfRows()):
        cells = [table.GetValue(row, column) for column in range(5)]
        value = float(cells[1].ToDouble())
        number = "" if math.isnan(value) else f"{value:g} {cells[2].ToString()}".strip()
        rows.append((cells[0].ToString(), number, cells[3].ToString(), cells[4].ToString()))
    return rows


def pair_or_none(ap_node: Any, lateral_node: Any) -> tuple[RadiographPair | None, ReVerteRError | None]:
    """Both radiographs, or why they cannot be used together (nothing when one is not chosen yet)."""
    if ap_node is None or lateral_node is None:
        return None, None
    try:
        return pair_of_nodes(ap_node, lateral_node), None
    except ReVerteRError as error:
        return None, error


def _quality(scene: Any) -> list[SilhouetteQuality]:
    from ReVerteRLib.measure.quality import SilhouetteQuality

    return [
        SilhouetteQuality(level, distance, (0.0, 0.0, 0.0), ())
        for level, distance in silhouette_distances(scene).items()
    ]
