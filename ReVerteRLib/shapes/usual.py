"""The usual shape of a vertebra as a network's input: the signed distance to the mean shape at its centroid."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.shapes.frame import LocalFrame, frame_between, local_frame
from ReVerteRLib.shapes.model import LocalShape, ShapeModel


class UsualShape:
    """Signed distances (mm, negative in the bone, ending near 4) to mean shapes on coarsened patch grids.

    shapes: the shipped mean shapes by default; read at the first use.
    """

    def __init__(self, shapes: ShapeModel | None = None) -> None:
        self._given = shapes
        self._mean = cache(self._fresh_mean)

    def at(self, centroid: Centroid, known: CentroidSet, grid: PatchGrid, stride: int) -> NDArray[np.float32]:
        """[S/t, S/t, S/t] for a vertebra among its neighbours (all in patient space), t = `stride`.

        Raises CentroidError for coinciding centroids and WeightsError when the shapes are missing or damaged.
        """
        frame = local_frame(centroid.level, centroid.position_lps_mm, known)
        return self._place(centroid.level, frame, grid, stride)

    def in_patch(
        self, order: int, own_zyx: ArrayLike, neighbours_zyx: ArrayLike, grid: PatchGrid, stride: int
    ) -> NDArray[np.float32]:
        """The same for a training sample, in voxels of its patch.

        order:          Level.order; the sacrum's neighbour stands in for levels without a shape.
        neighbours_zyx: (N, 3) of the nearest levels. Their rank along z tells how many levels away they are; y and x
                        are NaN for one that is hidden, all three where there is none.
        """
        level = VERTEBRAE[min(max(int(order), 0), len(VERTEBRAE) - 1)]
        own, near = np.asarray(own_zyx, dtype=np.float64), np.asarray(neighbours_zyx, dtype=np.float64).reshape(-1, 3)
        frame = frame_between(
            grid.points_lps_mm(own), *(_ranked(own, near, grid, above=above) for above in (True, False))
        )
        return self._place(level, frame, grid, stride)

    @property
    def _shapes(self) -> ShapeModel:
        if self._given is None:
            from ReVerteRLib.shapes.store import load_shapes

            self._given = load_shapes()
        return self._given

    def _fresh_mean(self, level: Level) -> LocalShape:
        return self._shapes.mean(level)

    def _place(self, level: Level, frame: LocalFrame, grid: PatchGrid, stride: int) -> NDArray[np.float32]:
        coarse = PatchGrid(
            grid.centroid_lps_mm, grid.size // stride, grid.spacing_mm * stride, grid.posterior_offset_mm
        )
        return self._mean(level).distance_on(frame, self._shapes.scale(level, frame.spacing_mm), coarse)


def _ranked(own: Array, near: Array, grid: PatchGrid, *, above: bool) -> tuple[Array, int] | None:
    """Nearest visible neighbour on one side and its rank there; the patch's z grows towards the feet."""
    distance = (own[0] - near[:, 0]) * (1.0 if above else -1.0)
    side = near[np.argsort(distance)][np.sort(distance) > 0]
    for rank, point in enumerate(side[:3]):
        if np.isfinite(point[1]):
            return grid.points_lps_mm(point), rank + 1
    return None
