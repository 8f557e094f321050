"""One level at a time: showing, fading and finding it in all views, segmentation and models together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Projection, View
from ReVerteRLib.scene.builder import SpineScene, models_beside
from ReVerteRLib.scene.centroid_points import Position
from ReVerteRLib.scene.epipolar import VIEW_NODE_ID, plane_point_ras
from ReVerteRLib.scene.frames import points_to_ras


class LevelVisibility:
    """The levels of one result.

    segmentation: vtkMRMLSegmentationNode or None. models: model nodes by level.
    Which of both is drawn at all in 3D is not touched; both always agree on what is hidden and how opaque it is.
    The state lives in the display nodes, so it is saved with the scene. Nodes that were removed are passed over.
    """

    def __init__(self, segmentation: Any, models: Mapping[Level, Any]) -> None:
        self._segmentation, self._models = segmentation, dict(models)

    @classmethod
    def of_spine(cls, spine: SpineScene) -> LevelVisibility:
        """Of a built or found spine."""
        return cls(spine.segmentation, spine.models)

    @classmethod
    def of_segmentation(cls, segmentation: Any) -> LevelVisibility:
        """Of a result's segmentation node and the models in the same study."""
        return cls(segmentation, models_beside(segmentation.GetScene(), segmentation))

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels of the result that are still there, from the head down."""
        return tuple(sorted({*self._segments(), *self._live_models()}))

    def is_visible(self, level: Level) -> bool:
        """Whether the level is shown. Raises ArgumentError for one that the result does not hold."""
        model = self._model(level)
        if model is not None:
            return bool(model.GetDisplayNode().GetVisibility())
        return bool(self._segment_display().GetSegmentVisibility(self._segments()[level]))

    def set_visible(self, level: Level, visible: bool) -> None:
        """Shows or hides a level everywhere. Raises ArgumentError."""
        model = self._model(level)
        if model is not None:
            model.GetDisplayNode().SetVisibility(visible)
        segment = self._segments().get(level)
        if segment is not None:
            self._segment_display().SetSegmentVisibility(segment, visible)

    def show_only(self, levels: Collection[Level]) -> None:
        """Shows these and hides all others."""
        for level in self.levels:
            self.set_visible(level, level in levels)

    def show_all(self) -> None:
        """Shows every level."""
        self.show_only(self.levels)

    def opacity(self, level: Level) -> float:
        """0 (not to be seen) to 1 (solid). Raises ArgumentError."""
        model = self._model(level)
        if model is not None:
            return float(model.GetDisplayNode().GetOpacity())
        return float(self._segment_display().GetSegmentOpacity3D(self._segments()[level]))

    def set_opacity(self, level: Level, opacity: float) -> None:
        """0 to 1 for the model and for the segment in 3D and in slices. Raises ArgumentError."""
        if not 0.0 <= opacity <= 1.0:
            raise ArgumentError(f"an opacity of {opacity:g} is impossible", remedy="Use 0 to 1")
        model = self._model(level)
        if model is not None:
            model.GetDisplayNode().SetOpacity(opacity)
        segment = self._segments().get(level)
        if segment is not None:
            self._segment_display().SetSegmentOpacity(segment, opacity)

    def set_all_opacities(self, opacity: float) -> None:
        """The same for every level."""
        for level in self.levels:
            self.set_opacity(level, opacity)

    # --- parts -----------------------------------------------------------------------------------

    def _live_models(self) -> dict[Level, Any]:
        return {level: node for level, node in self._models.items() if node.GetScene() is not None}

    def _segments(self) -> dict[Level, str]:
        if self._segmentation is None or self._segmentation.GetScene() is None:
            return {}
        segmentation = self._segmentation.GetSegmentation()
        found = {}
        for number in range(segmentation.GetNumberOfSegments()):
            identifier = segmentation.GetNthSegmentID(number)
            try:
                found[level_from_name(identifier)] = identifier
            except ArgumentError:
                continue  # a segment that the user has added
        return found

    def _segment_display(self) -> Any:
        return self._segmentation.GetDisplayNode()

    def _model(self, level: Level) -> Any:
        model = self._models.get(level)
        if model is not None and model.GetScene() is not None:
            return model
        if level not in self._segments():
            have = ", ".join(known.name for known in self.levels) or "none"
            raise ArgumentError(f"the result holds no {level}", remedy=f"Choose among {have}")
        return None


def centre_slice_views(scene: Any, position_lps_mm: Position, projections: Mapping[View, Projection]) -> None:
    """Brings the shadow of a place into the middle of the AP and the lateral view; their planes stay.

    Views that were never shown are passed over.
    """
    for view, projection in projections.items():
        slice_node = scene.GetNodeByID(VIEW_NODE_ID[view])
        pixel = projection.project(position_lps_mm)[0]
        if slice_node is not None and np.isfinite(pixel).all():
            slice_node.JumpSliceByCentering(*plane_point_ras(projection, pixel))


def centre_camera(camera_node: Any, position_lps_mm: Position) -> None:
    """Lets a vtkMRMLCameraNode look at a place (LPS mm) from the same side and distance as before."""
    step = points_to_ras(position_lps_mm) - np.array(camera_node.GetFocalPoint())
    position = np.array(camera_node.GetPosition()) + step
    camera_node.SetFocalPoint(*points_to_ras(position_lps_mm))
    camera_node.SetPosition(*position)
    camera_node.ResetClippingRange()
