"""Automatic centroids for the list in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import CentroidSet, write_centroids
from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.scene.annotation import Projections, held_centroids, read_record
from ReVerteRLib.scene.centroid_editor import CentroidEditor
from ReVerteRLib.scene.centroid_points import read_points
from ReVerteRLib.scene.markups import add_centroids
from ReVerteRLib.scene.task import Call, Task
from ReVerteRLib.scene.task_inputs import write_pair


class AnnotateTask(Task):
    """Finds the vertebrae in both radiographs; `finish` returns the centroid list, a new one if there was none.

    Points that are locked or were placed by hand keep place and level, and deleted ones do not come back.
    detector: as `reverter annotate --detector`. When it is done, `annotation` holds what was found.
    """

    title = "Finding the vertebrae"

    def __init__(
        self,
        scene: Any,
        ap_node: Any,
        lateral_node: Any,
        centroids_node: Any = None,
        *,
        editor: CentroidEditor | None = None,
        detector: str | None = None,
    ) -> None:
        self._scene, self._ap, self._lateral, self._node = scene, ap_node, lateral_node, centroids_node
        self._editor, self._detector = editor, detector
        self._pair: RadiographPair | None = None
        self.annotation: Annotation | None = None

    def prepare(self, folder: Path) -> Call:
        """Raises VolumeError, GeometryError, InputError, CentroidError (two held points of one level), OutputError."""
        files = write_pair(self._ap, self._lateral, folder)
        self._pair, self.places = files.pair, files.places
        arguments: dict[str, Any] = {
            "ap": files.ap,
            "lateral": files.lateral,
            "out": folder / "annotation",
            "detector": self._detector,
        }
        if self._node is not None:
            held = held_centroids(read_points(self._node))
            if len(held):
                arguments["locked"] = folder / "held.mrk.json"
                write_centroids(held, arguments["locked"])
            removed = read_record(self._node).removed
            arguments["removed"] = [",".join(f"{v:.3f}" for v in place) for place in removed]
        return Call("annotate", arguments)

    def finish(self, result: Mapping[str, Any]) -> Any:
        """The list; it is one step of undo."""
        pair = self._pair
        projections = (pair.ap.projection, pair.lateral.projection) if pair is not None else None
        self.annotation = annotation_from_record(result, projections)
        if self._node is None or self._node.GetScene() is None:
            self._node = add_centroids(self._scene, CentroidSet(()))
        if self._editor is not None and self._editor.alive and self._editor.node is self._node:
            self._editor.apply(self.annotation)
        else:
            with CentroidEditor(self._scene, self._node) as editor:
                editor.apply(self.annotation)
        return self._node


def annotation_from_record(record: Mapping[str, Any], projections: Projections | None = None) -> Annotation:
    """What the worker's annotation.json holds, as an annotation."""
    vertebrae = tuple(_vertebra(entry) for entry in record["vertebrae"])
    removed = tuple(_triple(place) for place in record.get("removed", ()))
    return Annotation(vertebrae, tuple(record.get("warnings", ())), removed, projections)


def _vertebra(entry: Mapping[str, Any]) -> AnnotatedVertebra:
    return AnnotatedVertebra(
        level=level_from_name(entry["level"]),
        position_lps_mm=_triple(entry["position_lps_mm"]),
        confidence=float(entry["confidence"]),
        residual_mm=float(entry["residual_mm"]),
        reasons=tuple(entry.get("reasons", ())),
        ap=_detection(entry.get("ap")),
        lateral=_detection(entry.get("lateral")),
        locked=bool(entry.get("locked", False)),
    )


def _detection(entry: Mapping[str, Any] | None) -> Detection | None:
    """None also where an older worker does not tell the scores."""
    if entry is None or "level_scores" not in entry:
        return None
    corners = [[np.nan, np.nan] if corner is None else corner for corner in entry["corners_rc"]]
    row, column = (float(v) for v in entry["centre_rc"])
    return Detection(
        (row, column),
        np.array(corners, dtype=np.float64),
        float(entry["score"]),
        np.array(entry["level_scores"], dtype=np.float64),
    )


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
