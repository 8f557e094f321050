"""The work on nodes of a scene for scripts: each function waits until it is done and asks nothing.

The panel does the same through ReVerteRLib.scene.controller, without waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.anatomy import parse_levels
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging import RadiographPair
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.scene.builder import SpineScene, build_scene
from ReVerteRLib.scene.ct import ct_from_node
from ReVerteRLib.scene.layout import THREED_VIEW, camera_pose
from ReVerteRLib.scene.markups import centroids_from_node
from ReVerteRLib.scene.results import DEVICE, NOTES, WEIGHTS, WEIGHTS_SHA256, nothing_found, set_origin
from ReVerteRLib.scene.task import run_now
from ReVerteRLib.scene.task_inputs import levels_to_do
from ReVerteRLib.scene.volumes import add_radiograph, radiograph_from_node

if TYPE_CHECKING:
    from ReVerteRLib.batch import BatchResult
    from ReVerteRLib.scene.task_measure import Measured

__all__ = ["DEVICE", "NOTES", "WEIGHTS", "WEIGHTS_SHA256"]

EXPORTED = ("stl", "nifti", "seg.nrrd")


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


def import_radiographs(
    scene: Any,
    ap: Path | str,
    lateral: Path | str,
    *,
    ap_choices: Mapping[str, Any] | None = None,
    lateral_choices: Mapping[str, Any] | None = None,
    views: str = "auto",
    vertical_offset_mm: float | str = 0.0,
) -> tuple[Any, Any]:
    """Two files as two new volume nodes in their true planes; see import_session.Choices and ImportSession.

    Raises what imaging.pairing.import_pair raises, ArgumentError for choices that do not exist.
    """
    from ReVerteRLib.errors import ArgumentError
    from ReVerteRLib.scene.import_session import Choices, ImportSession

    session = ImportSession()
    session.set_files(ap, lateral)
    for view, choices in ((View.AP, ap_choices), (View.LATERAL, lateral_choices)):
        try:
            session.choose(view, Choices(**(choices or {})))
        except TypeError as error:
            known = ", ".join(Choices.__dataclass_fields__)
            raise ArgumentError(f"unknown choice ({error})", remedy=f"Known ones: {known}") from error
    estimate = vertical_offset_mm == "estimate"
    session.choose_pair(views, 0.0 if estimate else float(vertical_offset_mm), estimate_offset=estimate)
    return session.add_to_scene(scene)


def annotate_nodes(
    scene: Any,
    ap_node: Any,
    lateral_node: Any,
    centroids_node: Any = None,
    *,
    detector: str | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Any:
    """The centroid list with the vertebrae that were found; a new one if None. See AnnotateTask."""
    from ReVerteRLib.scene.task_annotate import AnnotateTask

    task = AnnotateTask(scene, ap_node, lateral_node, centroids_node, detector=detector)
    return run_now(task, progress, cancelled)


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

    levels: names or ranges such as T10-L2, as a list or as text with commas; those that are checked in the list when
            empty.
    weights: name or path; the best installed ones when None.
    The nodes are read before the work starts and nothing is added before it is finished, so a cancelled run leaves no
    trace. Raises what Reconstructor.reconstruct and load_weights raise.
    """
    from ReVerteRLib.inference import Reconstructor, load_weights

    ap, lateral = radiograph_from_node(ap_node, View.AP), radiograph_from_node(lateral_node, View.LATERAL)
    pair, centroids = RadiographPair(ap, lateral), centroids_from_node(centroids_node)
    chosen = list(levels_to_do(centroids_node, parse_levels(_text(levels))))
    loaded = load_weights(weights) if weights else load_weights()
    spine = Reconstructor(loaded, device).reconstruct(pair, centroids, chosen, progress, cancelled)
    if not spine.surfaces:
        raise nothing_found(centroids.source)
    built = build_scene(scene, labels=spine.labels, surfaces=spine.surfaces)
    set_origin(
        built.segmentation,
        weights=spine.weights_name,
        sha256=spine.weights_sha256,
        device=spine.device,
        notes=spine.notes,
        places={v.level.name: v.grid.centroid_lps_mm for v in spine.vertebrae},
    )
    return built


def measure_nodes(
    scene: Any,
    segmentation: Any,
    *,
    ap_node: Any = None,
    lateral_node: Any = None,
    centroids_node: Any = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Measured:
    """The numbers of a result as it is now, and two table nodes with them. See MeasureTask."""
    from ReVerteRLib.scene.task_measure import MeasureTask

    task = MeasureTask(scene, segmentation, ap=ap_node, lateral=lateral_node, centroids_node=centroids_node)
    found: Measured = run_now(task, progress, cancelled)
    return found


def export_nodes(
    segmentation: Any,
    folder: Path | str,
    formats: Sequence[str] = EXPORTED,
    *,
    frame: str = "LPS",
    overwrite: bool = False,
) -> dict[str, Path]:
    """Files of a segmentation node as it is now, with a person's corrections; see export.formats.export_spine.

    Raises ArgumentError (formats, frame), VolumeError (segments without a level's name), OutputError.
    """
    from ReVerteRLib.export.formats import export_spine
    from ReVerteRLib.scene.segmentation import labels_from_node

    labels = labels_from_node(segmentation)
    return export_spine(labels, Path(folder), list(formats), frame=frame, overwrite=overwrite)  # type: ignore[arg-type]


def process_batch(
    cases: Path | str,
    folder: Path | str,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    **options: Any,
) -> BatchResult:
    """Many cases without the scene; options are those of batch.BatchOptions. See batch.process.process_batch."""
    from ReVerteRLib.batch import BatchOptions
    from ReVerteRLib.batch import process_batch as run_batch
    from ReVerteRLib.errors import ArgumentError

    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        if isinstance(values.get("levels"), str):
            values["levels"] = tuple(part.strip() for part in values["levels"].split(",") if part.strip())
        chosen = BatchOptions(**values)
    except TypeError as error:
        known = ", ".join(BatchOptions.__dataclass_fields__)
        raise ArgumentError(f"unknown option ({error})", remedy=f"Known ones: {known}") from error
    return run_batch(cases, folder, options=chosen, progress=progress, cancelled=cancelled)


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
