"""Metrics against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.metrics import SurfaceDiceMetric

from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.metrics import TOLERANCES_MM, diagonal_mm, dice, hd95_mm, score_masks

ONE = (1.0, 1.0, 1.0)


def cube(start, edge=20, size=48) -> np.ndarray:
    mask = np.zeros((size,) * 3, bool)
    mask[tuple(slice(s, s + edge) for s in start)] = True
    return mask


def ball(radius, centre=(23.5, 23.5, 23.5), size=48) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.arange(size),) * 3, indexing="ij"), axis=-1)
    return np.linalg.norm(grid - np.array(centre), axis=-1) <= radius


def test_equal_masks_are_perfect():
    scores = score_masks(ball(12), ball(12), ONE)
    assert scores.dice == 1.0
    assert scores.hd95_mm == 0.0
    assert scores.nsd == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert not scores.failed


def test_a_cube_shifted_by_four_voxels_has_the_dice_and_distance_worked_out_by_hand():
    first, second = cube((10, 10, 10)), cube((10, 10, 14))
    scores = score_masks(first, second, ONE)
    assert scores.dice == pytest.approx(16 / 20)  # overlap 16 of 20 slices
    assert scores.hd95_mm == pytest.approx(4.0)
    # Of each cube four sides are in reach over 16 mm and the tolerance; of its end that lies inside the other cube
    # a rim as wide as the tolerance is near the other's sides; its other end is 4 mm off.
    face = 20 * 20
    for tolerance, value in zip(TOLERANCES_MM, scores.nsd, strict=True):
        rim = face - (20 - 2 * tolerance) ** 2
        expected = (4 * face * (16 + tolerance) / 20 + rim) / (6 * face)
        assert value == pytest.approx(expected, abs=0.04)


def test_distances_follow_the_spacing_of_each_axis():
    first, second = cube((10, 10, 10)), cube((14, 10, 10))
    assert hd95_mm(first, second, (2.5, 1.0, 1.0)) == pytest.approx(10.0)
    assert hd95_mm(first, second, (0.5, 1.0, 1.0)) == pytest.approx(2.0)
    assert dice(first, second) == pytest.approx(0.8)


def test_a_ball_two_millimetres_too_large_is_found_within_two_but_not_within_one():
    scores = score_masks(ball(14), ball(12), ONE)
    assert scores.hd95_mm == pytest.approx(2.0, abs=0.5)
    assert scores.nsd[0] < 0.15
    assert scores.nsd[3] == pytest.approx(1.0, abs=1e-6)
    assert scores.dice == pytest.approx(2 * 12**3 / (12**3 + 14**3), abs=0.01)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("spacing", [ONE, (2.0, 0.8, 1.1)])
def test_cropping_changes_nothing_and_the_surface_dice_is_monais(rng, spacing):
    truth = ball(11, centre=(20.0, 24.0, 26.0))
    predicted = ball(12, centre=(21.3, 23.0, 26.5)) & (rng.random(truth.shape) > 0.02)
    scores = score_masks(predicted, truth, spacing)
    assert scores.hd95_mm == pytest.approx(hd95_mm(predicted, truth, spacing))
    assert scores.dice == pytest.approx(dice(predicted, truth))
    for tolerance, value in zip(TOLERANCES_MM, scores.nsd, strict=True):
        metric = SurfaceDiceMetric([tolerance], include_background=True, use_subvoxels=True)
        masks = (torch.from_numpy(m)[None, None].float() for m in (predicted, truth))
        assert value == pytest.approx(float(metric(*masks, spacing=list(spacing))), abs=1e-6)


def test_masks_that_touch_the_border_are_measured_too():
    first, second = cube((0, 0, 0), 20, 40), cube((0, 0, 3), 20, 40)
    assert score_masks(first, second, ONE).hd95_mm == pytest.approx(3.0)


def test_an_empty_prediction_is_a_failure_with_the_worst_numbers():
    scores = score_masks(np.zeros((120, 120, 120), bool), cube((5, 5, 5), 20, 120), ONE)
    assert scores.failed
    assert (scores.dice, scores.nsd) == (0.0, (0.0, 0.0, 0.0, 0.0))
    assert scores.hd95_mm == pytest.approx(207.846, abs=1e-3)
    assert diagonal_mm((10, 20, 20), (1.0, 0.5, 2.0)) == pytest.approx(math.sqrt(100 + 100 + 1600))


def test_two_empty_masks_and_masks_of_different_shape_are_errors():
    empty = np.zeros((8, 8, 8), bool)
    with pytest.raises(DatasetError, match="neither"):
        score_masks(empty, empty, ONE)
    with pytest.raises(DatasetError, match="differ in shape"):
        score_masks(empty, np.ones((8, 8, 9), bool), ONE)
