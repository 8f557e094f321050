"""Half precision by torch equals NumPy's to the bit."""

from __future__ import annotations

import numpy as np

from ReVerteRLib.inference.halves import to_half, to_single


def test_all_numbers_are_rounded_as_numpy_rounds_them(rng):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = every[np.isfinite(every)]
    exact = halves.astype(np.float32)
    between = (exact[:-1] + exact[1:]) / 2.0  # ties
    values = np.concatenate([exact, between, rng.uniform(0, 1, 10_000), rng.uniform(0, 1e-7, 10_000)])
    values = values.astype(np.float32)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(to_half(values).view(np.uint16), values.astype(np.float16).view(np.uint16))
    np.testing.assert_array_equal(to_single(halves), exact)


def test_views_that_are_not_contiguous_keep_their_order(rng):
    values = rng.uniform(0, 1, (5, 6, 7)).astype(np.float32)[::-1, :, ::2]
    np.testing.assert_array_equal(to_half(values), values.astype(np.float16))
    assert to_single(values) is values or np.shares_memory(to_single(values), values)
    np.testing.assert_array_equal(to_single(to_half(values)), values.astype(np.float16).astype(np.float32))
