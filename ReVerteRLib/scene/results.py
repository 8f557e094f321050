"""A finished reconstruction in the scene: how it was made, what has changed since, and the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.imaging.volume import LabelVolume, read_labels
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.builder import SpineScene, build_scene, models_beside
from ReVerteRLib.scene.centroid_points import SAME_MM, read_points

WEIGHTS, WEIGHTS_SHA256, DEVICE, NOTES, CENTROIDS = (
    f"ReVerteR.{key}" for key in ("Weights", "WeightsSha256", "Device", "Notes", "Centroids")
)
"""Attributes of a segmentation node that say how it was made; the last one is JSON, LPS mm by level."""


def read_surface(path: Path) -> Any:
    """The surface in an STL file, as vtkPolyData in LPS mm."""
    import vtk

    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def add_result(scene: Any, record: Mapping[str, Any], folder: Path, name: str = "Spine") -> SpineScene:
    """What the worker wrote into `folder`, as a new study; `record` is its report.json.

    Raises CentroidError when no vertebra was found.
    """
    found = [v for v in record["vertebrae"] if not v["empty"]]
    if not found:
        raise nothing_found()
    labels: LabelVolume = read_labels(folder / "labels.nii.gz")
    surfaces = {level_from_name(v["level"]): read_surface(folder / "models" / f"{v['level']}.stl") for v in found}
    built = build_scene(scene, labels=labels, surfaces=surfaces, name=name)
    places = {v["level"]: v["centroid_lps_mm"] for v in record["vertebrae"]}
    set_origin(
        built.segmentation,
        weights=record["weights"]["name"],
        sha256=record["weights"]["sha256"],
        device=record["device"],
        notes=record.get("notes", ()),
        places=places,
    )
    return built


def nothing_found(where: str = "") -> CentroidError:
    """The error for a reconstruction that is empty."""
    return CentroidError(
        "the network found no bone at any centroid",
        where=where,
        remedy="Check that the centroids lie in the vertebral bodies and that bone is bright in both radiographs",
    )


def set_origin(
    segmentation: Any,
    *,
    weights: str,
    sha256: str,
    device: str,
    notes: Sequence[str] = (),
    places: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Keeps with the segmentation node how it was made."""
    for key, value in ((WEIGHTS, weights), (WEIGHTS_SHA256, sha256), (DEVICE, device), (NOTES, " ".join(notes))):
        segmentation.SetAttribute(key, value)
    if places is not None:
        rounded = {level: [round(float(v), 3) for v in place] for level, place in places.items()}
        segmentation.SetAttribute(CENTROIDS, json.dumps(rounded))
    segmentation.GetDisplayNode().SetVisibility3D(False)  # the models beside it are the 3D picture


def used_places(segmentation: Any) -> dict[Level, tuple[float, float, float]]:
    """Where the centroids were when the result was made (LPS mm); empty for results of others."""
    try:
        stored = json.loads(segmentation.GetAttribute(CENTROIDS) or "{}")
        return {level_from_name(name): (float(x), float(y), float(z)) for name, (x, y, z) in stored.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def changed_levels(segmentation: Any, centroids_node: Any) -> tuple[Level, ...]:
    """The checked levels whose centroid was moved or added since the result was made, from the head down."""
    from ReVerteRLib.scene.centroid_table import chosen_levels, rows_of

    if segmentation is None or centroids_node is None:
        return ()
    used = used_places(segmentation)
    now = {p.level: p.position_lps_mm for p in read_points(centroids_node) if p.level and p.position_lps_mm}
    return tuple(level for level in chosen_levels(rows_of(centroids_node)) if _moved(used.get(level), now[level]))


def _moved(before: Sequence[float] | None, now: Sequence[float]) -> bool:
    return before is None or float(np.linalg.norm(np.subtract(before, now))) > SAME_MM


def centroids_at(centroids: CentroidSet, segmentation: Any) -> CentroidSet:
    """The centroids that belong to the levels of a result: those that it was made with first."""
    from ReVerteRLib.centroids import Centroid

    used = used_places(segmentation)
    own = [Centroid(level, place) for level, place in used.items()]
    return CentroidSet((*own, *(c for c in centroids if c.level not in used)), centroids.source)


def edit_time(segmentation: Any) -> int:
    """Grows with every change of the voxels, so that a person's corrections are noticed."""
    inner = segmentation.GetSegmentation()
    times = [0]
    for number in range(inner.GetNumberOfSegments()):
        image = inner.GetNthSegment(number).GetRepresentation("Binary labelmap")
        times.append(int(image.GetMTime()) if image is not None else 0)
    return max(times)


def hide_result(segmentation: Any) -> None:
    """Hides an earlier result and its models; they stay in the scene."""
    if segmentation is None or segmentation.GetScene() is None:
        return
    for node in (segmentation, *models_beside(segmentation.GetScene(), segmentation).values()):
        if node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(False)


def remove_result(segmentation: Any) -> None:
    """Takes an earlier result out of the scene: its study with segmentation and models, when nothing else is in it."""
    scene = segmentation.GetScene()
    hierarchy = scene.GetSubjectHierarchyNode()
    models = models_beside(scene, segmentation)
    item = hierarchy.GetItemByDataNode(segmentation)
    study = int(hierarchy.GetItemAncestorAtLevel(item, "Study") or 0)
    for node in (*models.values(), segmentation):
        roles.remove_node(scene, node)
    if study and not _nodes_under(hierarchy, study):
        roles.remove_branch(scene, study)


def _nodes_under(hierarchy: Any, item: int) -> int:
    import vtk

    nodes = vtk.vtkCollection()
    hierarchy.GetDataNodesInBranch(item, nodes)
    return int(nodes.GetNumberOfItems())
