"""Which voxels a pixel reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ReVerteRLib.drr.taps import taps, weighted_rows


def read(line, coordinate, width):
    """Values of the pixels of one line of voxels."""
    found = taps(np.asarray(coordinate, dtype=np.float64), np.asarray(width, dtype=np.float64), len(line))
    table = torch.tensor(line, dtype=torch.float32)[:, None]
    return weighted_rows(table, found.index, found.weight)[:, 0].numpy()


def test_fine_pixels_interpolate_linearly_and_see_nothing_outside():
    line = [2.0, 4.0, 8.0]
    at = [-1.5, -0.25, 0.0, 0.5, 1.25, 2.0, 2.5, 3.0, 1e12]
    expected = [0.0, 1.5, 2.0, 3.0, 5.0, 8.0, 4.0, 0.0, 0.0]
    np.testing.assert_allclose(read(line, at, np.ones(len(at))), expected, atol=1e-6)


@pytest.mark.parametrize("width", [1.3, 2.0, 4.7])
def test_coarse_pixels_are_triangles_two_pixels_wide(width, rng):
    line, at = rng.random(60), rng.uniform(-8, 68, 40)
    places = np.arange(-20, 80)
    weight = np.maximum(1.0 - np.abs(places - at[:, None]) / width, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    padded = np.concatenate([np.zeros(20), line, np.zeros(20)])
    np.testing.assert_allclose(read(line, at, np.full(40, width)), weight @ padded, atol=1e-6)


def dense(found, voxels):
    """The same as a matrix [pixels, voxels]."""
    index, weight = (part.flatten(0, -2) for part in (found.index, found.weight))
    return torch.zeros(len(index), voxels).scatter_add_(1, index.long(), weight).numpy()


def test_each_slice_has_its_own_width(rng):
    at, widths = rng.uniform(0, 30, (3, 11)), np.array([[0.5], [1.5], [2.5]])
    together = dense(taps(at, widths, 31), 31)
    alone = [dense(taps(at[n : n + 1], widths[n : n + 1], 31), 31) for n in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
