"""A scene to work in: Slicer's own one inside Slicer, one with the necessary logics under slicer-core."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ReVerteRLib.errors import ResourceError
from ReVerteRLib.scene.messages import vtk_messages

# Order matters: colours before volumes, and segmentations before any segmentation node exists, because its logic
# registers the representations ("Binary labelmap", "Closed surface") that such nodes are made of.
_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
}


def import_slicer() -> Any:
    """The package `slicer`, Slicer's own or slicer-core's. Raises ResourceError where there is none."""
    try:
        import slicer
    except ImportError as error:
        raise ResourceError(
            "3D Slicer's scene library is not installed",
            where="slicer-core",
            remedy="Run 'pip install \"reverter-slicer[slicer]\"', or work in the Python console of 3D Slicer",
        ) from error
    return slicer


def inside_slicer() -> bool:
    """Whether this runs in the 3D Slicer application; the one place that tells the two worlds apart."""
    return getattr(import_slicer(), "app", None) is not None


class SceneHost:
    """A scene of its own with the logics that ReVerteR needs, for work without the application.

    Making it sets `slicer.mrmlScene` and `slicer.modules.*.logic()`, which parts of slicer.util expect; `close`
    empties the scene and takes them away again. Never used inside Slicer.
    """

    def __init__(self) -> None:
        self.slicer = import_slicer()
        self.scene = self.slicer.vtkMRMLScene()
        self._cache_folder = tempfile.TemporaryDirectory(prefix="reverter-scene-")
        # The terminologies logic looks for files that slicer-core does not ship, and says so: no fault of ours.
        with vtk_messages():
            self.application_logic = self._application_logic()
            self.logics = {name: self._logic(name, class_name) for name, class_name in _LOGICS.items()}
        self._allow_bundles()
        self._publish()

    def _application_logic(self) -> Any:
        logic = self.slicer.vtkSlicerApplicationLogic()
        logic.SetMRMLScene(self.scene)
        logic.SetTemporaryPath(self._cache_folder.name)
        return logic

    def _logic(self, name: str, class_name: str) -> Any:
        logic = getattr(self.slicer, class_name)()
        if hasattr(logic, "SetMRMLApplicationLogic"):
            logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        # Views ask the application logic for these, for example the markups view for "Markups".
        self.application_logic.SetModuleLogic(name, logic)
        if name == "Colors":
            self.application_logic.SetColorLogic(logic)
        return logic

    def _allow_bundles(self) -> None:
        """Reading an .mrb needs a cache folder; without one vtkMRMLScene.ReadFromMRB fails."""
        self._cache = self.slicer.vtkCacheManager()
        self._cache.SetRemoteCacheDirectory(self._cache_folder.name)
        self._data_io = self.slicer.vtkDataIOManager()
        self._data_io.SetCacheManager(self._cache)
        self.scene.SetDataIOManager(self._data_io)

    def _publish(self) -> None:
        self._modules = SimpleNamespace(
            **{name.lower(): SimpleNamespace(logic=lambda logic=logic: logic) for name, logic in self.logics.items()}
        )
        self.slicer.mrmlScene, self.slicer.modules = self.scene, self._modules

    def close(self) -> None:
        """Empties the scene and withdraws the shims, when they are still its own. May be called twice."""
        self._release_label_maps()
        self.scene.Clear(True)
        if getattr(self.slicer, "mrmlScene", None) is self.scene:
            del self.slicer.mrmlScene
        if getattr(self.slicer, "modules", None) is self._modules:
            del self.slicer.modules
        self._cache_folder.cleanup()

    def _release_label_maps(self) -> None:
        """Takes the label maps from the segments, which are about to end: each would erase its voxels in theirs first.

        With 24 segments in one label map that took a quarter of a second.
        """
        nodes = self.scene.GetNodesByClass("vtkMRMLSegmentationNode")
        nodes.UnRegister(None)
        for number in range(nodes.GetNumberOfItems()):
            segmentation = nodes.GetItemAsObject(number).GetSegmentation()
            for segment in range(segmentation.GetNumberOfSegments()):
                segmentation.GetNthSegment(segment).RemoveAllRepresentations()

    def __enter__(self) -> SceneHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def headless_scene() -> Iterator[Any]:
    """A vtkMRMLScene for the block: Slicer's own one (left as it is) inside Slicer, else a fresh one, emptied after.

    Raises ResourceError where slicer-core is missing.
    """
    if inside_slicer():
        yield import_slicer().mrmlScene
        return
    with SceneHost() as host:
        yield host.scene
