"""Numbers of a result as it stands in the scene, with a person's corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import ReVerteRError
from ReVerteRLib.files import write_json
from ReVerteRLib.measure.definitions import SPINE
from ReVerteRLib.measure.posture import SpineValue
from ReVerteRLib.measure.quality import SilhouetteQuality, ViewQuality
from ReVerteRLib.measure.spine import SpineMeasurements, VertebraMeasurements, centroids_of_labels
from ReVerteRLib.scene.measurements import add_measurements
from ReVerteRLib.scene.results import centroids_at
from ReVerteRLib.scene.segmentation import labels_from_node
from ReVerteRLib.scene.task import Call, Task
from ReVerteRLib.scene.task_inputs import usable_centroids, write_pair, write_quickly


@dataclass(frozen=True)
class Measured:
    """What was measured, and the two table nodes that hold it. quality: empty without radiographs."""

    found: SpineMeasurements
    quality: tuple[SilhouetteQuality, ...]
    vertebrae_table: Any
    spine_table: Any


class MeasureTask(Task):
    """Measures a segmentation node and, where both radiographs are given, how well it fits them.

    centroids_node: tells where the bodies are; taken from the segments themselves if None. `finish` returns Measured.
    """

    title = "Measuring"

    def __init__(
        self, scene: Any, segmentation: Any, *, ap: Any = None, lateral: Any = None, centroids_node: Any = None
    ) -> None:
        self._scene, self._segmentation = scene, segmentation
        self._ap, self._lateral, self._centroids = ap, lateral, centroids_node

    def prepare(self, folder: Path) -> Call:
        """Raises VolumeError (segments without a level's name), OutputError."""
        result = folder / "result"
        _write_result(result, self._segmentation, self._centroids)
        arguments: dict[str, Any] = {"result": result, "out": folder / "measurements"}
        if self._ap is not None and self._lateral is not None:
            files = write_pair(self._ap, self._lateral, folder)
            self.places = files.places
            arguments |= {"ap": files.ap, "lateral": files.lateral}
        return Call("measure", arguments)

    def finish(self, result: Mapping[str, Any]) -> Measured:
        """Two table nodes; those of an earlier measurement are replaced."""
        found, quality = measurements_from_record(result)
        return Measured(found, quality, *add_measurements(self._scene, found, quality))


def _write_result(folder: Path, segmentation: Any, centroids_node: Any) -> None:
    """The folder that the worker's measure job reads (see worker.more_jobs), from the node as it is now."""
    from ReVerteRLib.inference.surfaces import write_stl
    from ReVerteRLib.measure.silhouettes import surfaces_of_labels

    labels = labels_from_node(segmentation)
    surfaces = surfaces_of_labels(labels)
    (folder / "models").mkdir(parents=True)
    write_quickly(labels, folder / "labels.nii.gz")
    for level, surface in surfaces.items():
        write_stl(surface, folder / "models" / f"{level.name}.stl", level.name)
    usable = usable_centroids(centroids_node) if centroids_node is not None else CentroidSet(())
    known = centroids_at(usable, segmentation)
    middle = centroids_of_labels(labels)
    places = {level: (known.get(level) or middle.get(level)) for level in surfaces}
    entries = [
        {"level": level.name, "empty": False, "centroid_lps_mm": list(place.position_lps_mm)}
        for level, place in places.items()
        if place is not None
    ]
    write_json(folder / "report.json", {"vertebrae": entries})


def measurements_from_record(record: Mapping[str, Any]) -> tuple[SpineMeasurements, tuple[SilhouetteQuality, ...]]:
    """What measurements.json holds (see measure.tables), rounded as it is there. Raises ReVerteRError."""
    try:
        vertebrae = tuple(_vertebra(entry) for entry in record["vertebrae"])
        values = record["spine"]
        spine = tuple(_spine_value(d, values[d.key]) for d in SPINE if d.key in values)
        quality = tuple(_quality(entry) for entry in record.get("silhouettes", ()))
    except (KeyError, TypeError, ValueError) as error:
        raise ReVerteRError("the measurements cannot be read", remedy="Measure again") from error
    return SpineMeasurements(vertebrae, spine), quality


def _vertebra(entry: Mapping[str, Any]) -> VertebraMeasurements:
    x, y, z = (float(v) for v in entry["centre_lps_mm"])
    values = {
        key: float(value) for key, value in entry.items() if key not in ("level", "centre_lps_mm") and value is not None
    }
    return VertebraMeasurements(level_from_name(entry["level"]), (x, y, z), values)


def _spine_value(definition: Any, entry: Mapping[str, Any]) -> SpineValue:
    value = entry["value"]
    return SpineValue(definition, None if value is None else float(value), entry["levels"], entry["remark"])


def _quality(entry: Mapping[str, Any]) -> SilhouetteQuality:
    distance = entry["silhouette_distance_mm"]
    x, y, z = (float(v) for v in entry["shift_lps_mm"])
    views = tuple(
        ViewQuality(v["view"], int(v["points"]), float(v["found_share"]), float(v["residual_mm"]), bool(v["usable"]))
        for v in entry["views"]
    )
    return SilhouetteQuality(
        level_from_name(entry["level"]), None if distance is None else float(distance), (x, y, z), views
    )
