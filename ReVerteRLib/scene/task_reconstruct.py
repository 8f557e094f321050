"""Vertebrae from the radiographs and the centroid list of a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import write_centroids
from ReVerteRLib.scene.epipolar import as_helper, remove_helper
from ReVerteRLib.scene.frames import surface_to_ras
from ReVerteRLib.scene.results import add_result, edit_time, hide_result, read_surface, remove_result
from ReVerteRLib.scene.task import Call, Task
from ReVerteRLib.scene.task_inputs import levels_to_do, usable_centroids, write_pair


@dataclass(frozen=True)
class EarlierResult:
    """A result of this session from which single levels can be redone.

    segmentation: its node. folder: the worker's files of it. edited: `edit_time` when it was made.
    """

    segmentation: Any
    folder: Path
    edited: int

    @property
    def usable(self) -> bool:
        """Whether the node and the files are still there."""
        return self.segmentation.GetScene() is not None and (self.folder / "vertebrae.npz").is_file()

    @property
    def was_edited(self) -> bool:
        """Whether a person has changed its voxels."""
        return edit_time(self.segmentation) != self.edited


class ReconstructTask(Task):
    """The vertebrae as a new study; `finish` returns its SpineScene.

    levels:  to be done; those checked in the list if empty.
    earlier: result to keep the other levels of. It is replaced, or, when a person has edited it, hidden.
    hidden:  segmentation node that is hidden when the new result is there.
    Each finished vertebra is shown at once and belongs to no file until all are finished.
    When it is done, `earlier_result` allows to redo single levels.
    """

    title = "Reconstructing"

    def __init__(
        self,
        scene: Any,
        ap_node: Any,
        lateral_node: Any,
        centroids_node: Any,
        *,
        levels: Sequence[Level] = (),
        weights: str | None = None,
        device: str = "auto",
        earlier: EarlierResult | None = None,
        hidden: Any = None,
    ) -> None:
        self._scene, self._ap, self._lateral, self._centroids = scene, ap_node, lateral_node, centroids_node
        self._levels, self._weights, self._device = tuple(levels), weights, device
        self._earlier = earlier if earlier is not None and earlier.usable else None
        self._hidden = hidden
        self._parts: list[Any] = []
        self._out: Path | None = None
        self.earlier_result: EarlierResult | None = None

    def prepare(self, folder: Path) -> Call:
        """Raises VolumeError, GeometryError, InputError, CentroidError (no level chosen or usable), OutputError."""
        levels = levels_to_do(self._centroids, self._levels)
        centroids = usable_centroids(self._centroids)
        centroids.selected(list(levels))
        files = write_pair(self._ap, self._lateral, folder)
        write_centroids(centroids, folder / "centroids.mrk.json")
        self.places = {**files.places, str(folder / "centroids.mrk.json"): centroids.source}
        (folder / "partials").mkdir()
        self._out = folder / "result"
        arguments: dict[str, Any] = {
            "ap": files.ap,
            "lateral": files.lateral,
            "centroids": folder / "centroids.mrk.json",
            "out": self._out,
            "levels": [level.name for level in levels],
            "weights": self._weights or None,
            "device": self._device,
            "partials": folder / "partials",
            "base": self._earlier.folder if self._earlier else None,
            "pictures": False,
            "scene": False,
        }
        return Call("reconstruct", {key: value for key, value in arguments.items() if value is not None})

    def show_part(self, level: str, path: Path) -> None:
        """A model for the time until all are finished."""
        node = self._scene.AddNewNodeByClass("vtkMRMLModelNode", f"{level} (preliminary)")
        node.SetAndObservePolyData(surface_to_ras(read_surface(path)))
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetColor(*level_from_name(level).color_rgb)
        self._parts.append(as_helper(node))

    def abandon(self) -> None:
        """Takes the preliminary models away."""
        for node in self._parts:
            remove_helper(self._scene, node)
        self._parts.clear()

    def finish(self, result: Mapping[str, Any]) -> Any:
        """Raises CentroidError when no vertebra was found; the earlier result is then left as it is."""
        folder = Path(result["out"])
        built = add_result(self._scene, result, folder)
        self.abandon()
        earlier = self._earlier
        if earlier is not None and earlier.segmentation.GetScene() is not None:
            if earlier.was_edited:
                hide_result(earlier.segmentation)
            else:
                remove_result(earlier.segmentation)
        elif self._hidden is not None:
            hide_result(self._hidden)
        self.earlier_result = EarlierResult(built.segmentation, folder, edit_time(built.segmentation))
        return built
