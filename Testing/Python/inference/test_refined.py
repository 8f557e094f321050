"""Cubes of a network with large voxels are brought to 1 mm."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.inference.predictor import refined


def ball(grid: PatchGrid, centre_lps_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    zyx = np.stack(np.meshgrid(*(3 * [np.arange(grid.size)]), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid.points_lps_mm(zyx) - np.array(centre_lps_mm), axis=-1)
    return np.clip(0.5 + (radius_mm - distance) / 4.0, 0.0, 1.0)


@pytest.mark.parametrize("offset", [0.0, 12.0])
def test_a_ball_keeps_its_place_and_size_in_millimetres(offset: float) -> None:
    coarse = PatchGrid((3.3, -7.0, 11.2), size=32, spacing_mm=2.0, posterior_offset_mm=offset)
    centre = (1.0, -4.0, 13.0)
    fine, grid = refined(ball(coarse, centre, 15.0), coarse)
    assert (grid.size, grid.spacing_mm) == (64, 1.0)
    np.testing.assert_allclose(grid.centre_lps_mm, coarse.centre_lps_mm)
    inside = grid.points_lps_mm(np.argwhere(fine > 0.5))
    np.testing.assert_allclose(inside.mean(axis=0), centre, atol=0.1)
    assert len(inside) == pytest.approx(4.0 / 3.0 * np.pi * 15.0**3, rel=0.03)


def test_cubes_of_one_millimetre_are_left_alone() -> None:
    grid = PatchGrid((0.0, 0.0, 0.0), size=8)
    values = np.random.default_rng(0).random((8, 8, 8))
    fine, same = refined(values, grid)
    assert fine is values
    assert same is grid
