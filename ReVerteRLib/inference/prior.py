"""What the mean shape of a level says, added to what the network saw.

Where a vertebra is hidden (upper thoracic levels behind the shoulders), the usual shape is better knowledge than a
guess; where the views show it, the network's logits outweigh the prior.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.geometry import PatchGrid
    from ReVerteRLib.shapes.model import ShapeModel


class ShapePrior:
    """Shifts logits by the signed distance to the mean shape placed at the centroid.

    weight_per_mm: logits for each millimetre inside the mean shape (the distance ends at about 4 mm).
    shapes:        the shipped mean shapes by default; read at the first use.
    """

    def __init__(self, weight_per_mm: float, shapes: ShapeModel | None = None) -> None:
        self._weight = np.float32(weight_per_mm)
        self._shapes = shapes

    def apply(
        self, probability: NDArray[np.floating], centroid: Centroid, known: CentroidSet, grid: PatchGrid
    ) -> NDArray[np.float32]:
        """Probabilities [z, y, x] on the patch grid with the prior; unchanged for a weight of 0.

        known: all centroids of the spine, which tilt and scale the mean shape. Raises WeightsError when the shapes
        are missing or damaged.
        """
        values = np.asarray(probability, dtype=np.float32)
        if self._weight == 0.0:
            return values
        if self._shapes is None:
            from ReVerteRLib.shapes.store import load_shapes

            self._shapes = load_shapes()
        distance = self._shapes.distance(centroid.level, centroid.position_lps_mm, known, grid)
        odds = np.exp(-self._weight * distance)
        return values * odds / (values * odds + (np.float32(1.0) - values))
