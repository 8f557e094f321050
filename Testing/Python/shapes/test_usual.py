"""The usual shape as a network's input."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.shapes.store import load_shapes
from ReVerteRLib.shapes.usual import UsualShape

LEVELS = ("T11", "T12", "L1", "L2", "L3")
GRID = PatchGrid((12.0, -30.0, 200.0), 120, 1.0, 12.0)


def spine() -> CentroidSet:
    """L1 at the grid's centroid, bent and turned a little."""
    offsets = {-2: (3.0, 9.0, 55.0), -1: (1.0, 3.0, 27.0), 0: (0.0, 0.0, 0.0), 1: (1.0, -4.0, -30.0), 2: (4, -11, -62)}
    middle = np.array(GRID.centroid_lps_mm)
    places = [tuple(float(v) for v in middle + np.array(offset)) for offset in offsets.values()]
    return CentroidSet(tuple(Centroid(level_from_name(n), p) for n, p in zip(LEVELS, places, strict=True)), "spine")


def voxels(points: list[tuple[float, float, float]]) -> np.ndarray:
    return np.array([np.linalg.solve(GRID.zyx_to_lps_mm, [*p, 1.0])[:3] for p in points])


def test_it_is_the_mean_shape_on_a_coarser_grid() -> None:
    known = spine()
    own = known.get(level_from_name("L1"))
    coarse = UsualShape().at(own, known, GRID, 2)
    fine = load_shapes().distance(own.level, own.position_lps_mm, known, GRID)
    means = fine.reshape(60, 2, 60, 2, 60, 2).mean(axis=(1, 3, 5))
    assert coarse.shape == (60, 60, 60)
    assert np.abs(coarse - means).max() < 0.5
    assert np.abs(coarse - means).mean() < 0.02


def test_a_training_sample_sees_the_same_as_a_patient() -> None:
    known = spine()
    own = known.get(level_from_name("L1"))
    others = [c.position_lps_mm for c in known if c.level != own.level]
    near = voxels(others)[[2, 1, 0, 3]]  # any order: their rank along the body tells how far they are
    found = UsualShape().in_patch(own.level.order, GRID.centroid_zyx, near, GRID, 2)
    np.testing.assert_allclose(found, UsualShape().at(own, known, GRID, 2), atol=1e-4)


@pytest.mark.parametrize("hidden", ["T12", "L2"])
def test_a_hidden_neighbour_is_passed_over_but_counted(hidden: str) -> None:
    known = spine()
    own = known.get(level_from_name("L1"))
    others = [c for c in known if c.level != own.level]
    near = voxels([c.position_lps_mm for c in others])
    near[[c.level.name for c in others].index(hidden), 1:] = np.nan
    left = CentroidSet(tuple(c for c in known if c.level.name != hidden), "spine")
    found = UsualShape().in_patch(own.level.order, GRID.centroid_zyx, near, GRID, 2)
    np.testing.assert_allclose(found, UsualShape().at(own, left, GRID, 2), atol=1e-4)


def test_without_neighbours_it_stands_upright() -> None:
    own = spine().get(level_from_name("L1"))
    alone = CentroidSet((own,), "alone")
    found = UsualShape().in_patch(own.level.order, GRID.centroid_zyx, np.full((6, 3), np.nan), GRID, 2)
    np.testing.assert_allclose(found, UsualShape().at(own, alone, GRID, 2), atol=1e-4)
