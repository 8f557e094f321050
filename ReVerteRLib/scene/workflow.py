"""The main job on nodes of a scene: CT to radiographs, radiographs and centroids to vertebrae.

The panel and the console functions both come through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ReVerteRLib.anatomy import parse_levels
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging import RadiographPair
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.scene.builder import SpineScene, build_scene
from ReVerteRLib.scene.ct import ct_from_node
from ReVerteRLib.scene.layout import THREED_VIEW, camera_pose
from ReVerteRLib.scene.markups import centroids_from_node
from ReVerteRLib.scene.volumes import add_radiograph, radiograph_from_node

WEIGHTS, WEIGHTS_SHA256, DEVICE, NOTES = (f"ReVerteR.{key}" for key in ("Weights", "WeightsSha256", "Device", "Notes"))
"""Attributes of a segmentation node that say how it was made."""


def simulate_radiographs(
    scene: Any, ct_node: Any, *, beam: Beam = Beam.PARALLEL, spacing_mm: float = 1.0, device: str = "auto"
) -> tuple[Any, Any]:
    """The AP and the lateral radiograph of a CT node as two new volume nodes named after it.

    spacing_mm: pixel size at the patient. Raises VolumeError, GeometryError, ArgumentError, ResourceError.
    """
    from ReVerteRLib.drr import simulate_pair

    pair = simulate_pair(ct_from_node(ct_node), beam=beam, spacing_mm=spacing_mm, device=device)
    ap = add_radiograph(scene, pair.ap, f"{ct_node.GetName()} AP")
    return ap, add_radiograph(scene, pair.lateral, f"{ct_node.GetName()} lateral")


def reconstruct_nodes(
    scene: Any,
    ap_node: Any,
    lateral_node: Any,
    centroids_node: Any,
    *,
    levels: str | Sequence[str] | None = None,
    weights: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SpineScene:
    """The vertebrae as a new study: one segmentation node and a folder of models.

    levels: names or ranges such as T10-L2, as a list or as text with commas; all that have a centroid when empty.
    weights: name or path; the best installed ones when None.
    The nodes are read before the work starts and nothing is added before it is finished, so the user may go on
    working and a cancelled run leaves no trace. Raises what Reconstructor.reconstruct and load_weights raise.
    """
    from ReVerteRLib.inference import Reconstructor, load_weights

    ap, lateral = radiograph_from_node(ap_node, View.AP), radiograph_from_node(lateral_node, View.LATERAL)
    pair, centroids, chosen = (
        RadiographPair(ap, lateral),
        centroids_from_node(centroids_node),
        parse_levels(_text(levels)),
    )
    loaded = load_weights(weights) if weights else load_weights()
    spine = Reconstructor(loaded, device).reconstruct(pair, centroids, chosen or None, progress, cancelled)
    if not spine.surfaces:
        raise CentroidError(
            "the network found no bone at any centroid",
            where=centroids.source,
            remedy="Check that the centroids lie in the vertebral bodies and that bone is bright in both radiographs",
        )
    built = build_scene(scene, labels=spine.labels, surfaces=spine.surfaces)
    for key, value in (
        (WEIGHTS, spine.weights_name),
        (WEIGHTS_SHA256, spine.weights_sha256),
        (DEVICE, spine.device),
        (NOTES, " ".join(spine.notes)),
    ):
        built.segmentation.SetAttribute(key, value)
    built.segmentation.GetDisplayNode().SetVisibility3D(False)  # the models beside it are the 3D picture
    return built


def _text(levels: str | Sequence[str] | None) -> str:
    return levels if isinstance(levels, str) else ",".join(levels or ())


def turn_view(scene: Any, cameras_logic: Any, angles_deg: tuple[float, float, float], segmentation_node: Any) -> None:
    """Turns the camera of the layout's 3D view to rotation, elevation and roll about the segmentation.

    Nothing happens while the layout was never shown or the segmentation is empty.
    """
    view_node = scene.GetSingletonNode(THREED_VIEW, "vtkMRMLViewNode")
    camera = cameras_logic.GetViewActiveCameraNode(view_node) if view_node is not None else None
    bounds = [0.0] * 6
    segmentation_node.GetRASBounds(bounds)
    if camera is not None and bounds[0] <= bounds[1]:
        camera_pose(*angles_deg, bounds).apply(camera)
