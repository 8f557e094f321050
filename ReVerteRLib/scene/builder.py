"""The whole result as one scene: built, saved as .mrb, read back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import InputError, OutputError
from ReVerteRLib.files import written_aside
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.markups import add_centroids
from ReVerteRLib.scene.messages import vtk_messages
from ReVerteRLib.scene.models import add_models, level_of_model
from ReVerteRLib.scene.segmentation import add_segmentation
from ReVerteRLib.scene.volumes import add_radiograph


@dataclass(frozen=True)
class SpineScene:
    """The nodes of one spine in a vtkMRMLScene; parts that were not given are None or missing.

    models:     model nodes by level, from the head down.
    study_item: subject-hierarchy item that all nodes lie under.
    """

    scene: Any
    name: str
    ap: Any = None
    lateral: Any = None
    centroids: Any = None
    segmentation: Any = None
    models: Mapping[Level, Any] = field(default_factory=dict)
    study_item: int = 0


def build_scene(
    scene: Any,
    *,
    radiographs: RadiographPair | None = None,
    centroids: CentroidSet | None = None,
    labels: LabelVolume | None = None,
    surfaces: Mapping[Level, Any] | None = None,
    name: str = "Spine",
) -> SpineScene:
    """Adds one spine to `scene` under one study: radiographs, centroids, segmentation, models (all given in LPS mm).

    surfaces: vtkPolyData by level. When a part cannot be added, none stays in the scene. Raises what add_radiograph,
    add_segmentation and add_models raise.
    """
    hierarchy = scene.GetSubjectHierarchyNode()
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), name)

    def place(node: Any) -> Any:
        roles.put_under(scene, node, study)
        return node

    try:
        ap, lateral = (place(add_radiograph(scene, view)) for view in radiographs) if radiographs else (None, None)
        result = SpineScene(
            scene=scene,
            name=name,
            ap=ap,
            lateral=lateral,
            centroids=place(add_centroids(scene, centroids)) if centroids is not None else None,
            segmentation=place(add_segmentation(scene, labels)) if labels is not None else None,
            models=add_models(scene, surfaces, study) if surfaces else {},
            study_item=study,
        )
    except Exception:
        roles.remove_branch(scene, study)
        raise
    _hide_what_misleads(result)
    return result


def _hide_what_misleads(spine: SpineScene) -> None:
    """A slice through the segmentation looks like an outline on the radiograph but is none; models show it in 3D."""
    if spine.segmentation is None:
        return
    display = spine.segmentation.GetDisplayNode()
    display.SetVisibility2D(spine.ap is None)
    display.SetVisibility3D(not spine.models)


def save_mrb(spine: SpineScene, path: Path) -> None:
    """Saves the whole scene that holds the spine as a Slicer bundle (.mrb), in one step. Raises OutputError.

    Inside Slicer that includes the user's other nodes.
    """
    path = Path(path)
    with written_aside(path) as aside, tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
        # The name of the file becomes the name of the folder inside the bundle, so it gets its final name here.
        bundle = Path(folder) / f"{path.stem}.mrb"
        with vtk_messages() as messages:
            written = spine.scene.WriteToMRB(str(bundle))
        if not written or messages.errors or not bundle.is_file():
            raise OutputError(
                f"the scene cannot be saved ({messages.summary() or 'no reason given'})",
                where=path,
                remedy="Check free space and permissions",
            )
        bundle.replace(aside)


def read_mrb(scene: Any, path: Path) -> SpineScene:
    """Adds the content of a bundle to `scene` and finds the spine in it. Raises InputError.

    The scene needs a data IO manager with a cache folder, as SceneHost and Slicer give it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file", where=path, remedy="Check the path")
    with vtk_messages() as messages:
        read = scene.ReadFromMRB(str(path))
    if not read or messages.errors:
        raise InputError(
            f"the scene cannot be read ({messages.summary() or 'no reason given'})",
            where=path,
            remedy="It may be damaged or no Slicer scene; save it again",
        )
    return find_spine(scene)


def find_spine(scene: Any) -> SpineScene:
    """The spine in a scene, found by node attributes; of several, the one added last. Raises InputError if none."""
    newest = {
        key: (roles.nodes_with_role(scene, role) or [None])[-1]
        for key, role in (
            ("ap", roles.AP),
            ("lateral", roles.LATERAL),
            ("centroids", roles.CENTROIDS),
            ("segmentation", roles.SEGMENTATION),
        )
    }
    models = roles.nodes_with_role(scene, roles.MODEL)
    anchor = next((node for node in newest.values() if node is not None), models[-1] if models else None)
    if anchor is None:
        raise InputError("the scene holds no spine", remedy="Read a scene that ReVerteR has saved")
    study = _study_of(scene, anchor)
    name = scene.GetSubjectHierarchyNode().GetItemName(study)
    return SpineScene(scene=scene, name=name, models=models_beside(scene, anchor), study_item=study, **newest)


def models_beside(scene: Any, node: Any) -> dict[Level, Any]:
    """The models in the same study as a node, by level from the head down."""
    study = _study_of(scene, node)
    models = [model for model in roles.nodes_with_role(scene, roles.MODEL) if _study_of(scene, model) == study]
    return dict(sorted({level_of_model(model): model for model in models}.items()))


def _study_of(scene: Any, node: Any) -> int:
    """The study above a node, or the scene's top where the user has moved it out of any."""
    hierarchy = scene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        return int(hierarchy.GetSceneItemID())
    return int(hierarchy.GetItemAncestorAtLevel(item, "Study") or hierarchy.GetSceneItemID())
