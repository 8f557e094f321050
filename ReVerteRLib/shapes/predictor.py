"""The floor: the mean shape at every centroid, whatever the radiographs show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.geometry import PATCH_SIZE
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.inference.assembly import LevelPatch
from ReVerteRLib.shapes.model import ShapeModel
from ReVerteRLib.shapes.store import read_shapes

NAME = "mean-shape"
_EDGE_MM = 0.5
_CUBE = PatchSettings(size=PATCH_SIZE, spacing_mm=1.0, posterior_offset_mm=12.0)


class MeanShapePredictor:
    """Places the mean shape of each level at its centroid; a `VertebraPredictor`.

    The radiographs are not looked at: place, tilt and size come from the centroids alone. The probability falls from
    1 to 0 across the surface over about 2 mm and is 0.5 on it.

    shapes:   from `load_shapes`.
    sha256:   of its file.
    settings: the cube; 120 mm with the middle 12 mm behind the centroid, so that spinous processes fit.
    """

    name = NAME
    note = ""
    notes: Sequence[str] = ()
    device = "cpu"
    batch_size = 1

    def __init__(self, shapes: ShapeModel, sha256: str = "", settings: PatchSettings = _CUBE) -> None:
        self._shapes = shapes
        self._settings = settings
        self.sha256 = sha256

    @classmethod
    def open(cls, path: Path | None = None) -> MeanShapePredictor:
        """The shipped shapes, or those of a file. Raises WeightsError."""
        stored = read_shapes(path)
        return cls(stored.model, stored.sha256)

    @property
    def parameters(self) -> int:
        """Numbers in the means and trends, which is what places a mean shape."""
        return sum(group.mean.size + group.trend.size for group in self._shapes.groups)

    def predict(self, pair: RadiographPair, batch: Sequence[Centroid], known: CentroidSet) -> list[LevelPatch]:  # noqa: ARG002 - the floor sees nothing
        """Soft mean shapes."""
        return [self._patch(centroid, known) for centroid in batch]

    def _patch(self, centroid: Centroid, known: CentroidSet) -> LevelPatch:
        grid = self._settings.grid(centroid.position_lps_mm)
        distance = self._shapes.distance(centroid.level, centroid.position_lps_mm, known, grid)
        probability = 1.0 / (1.0 + np.exp(distance / np.float32(_EDGE_MM)))
        return LevelPatch(centroid.level, probability, grid)
