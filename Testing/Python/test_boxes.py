"""The smallest box of a mask."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects

from ReVerteRLib.boxes import box_of


def test_it_is_the_box_that_scipy_finds(rng):
    for _ in range(20):
        mask = rng.random((9, 12, 7)) > 0.985
        mask[4, 3, 2] = True
        assert box_of(mask) == find_objects(mask.astype(np.uint8))[0]


def test_a_margin_ends_at_the_array():
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[1, 5, 8:10] = True
    assert box_of(mask, 3) == (slice(0, 5), slice(2, 9), slice(5, 10))


def test_nothing_has_no_box():
    assert box_of(np.zeros((3, 4, 5), dtype=bool)) is None
    assert box_of(np.zeros((0, 4, 5), dtype=bool)) is None
