from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.shapes.frame import local_frame


def spine(**places) -> CentroidSet:
    return CentroidSet(tuple(Centroid(level_from_name(n), tuple(map(float, p))) for n, p in places.items()))


def test_the_axis_follows_a_tilted_line_of_centroids_and_the_spacing_is_its_step():
    tilt = np.deg2rad(20.0)
    up = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    known = spine(L1=30 * up, L2=(0, 0, 0), L3=-34 * up)
    frame = local_frame(level_from_name("L2"), (0, 0, 0), known)
    np.testing.assert_allclose(frame.axes_lps[:, 2], up, atol=1e-9)
    np.testing.assert_allclose(frame.axes_lps[:, 0], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(frame.axes_lps[:, 1], [0, np.cos(tilt), np.sin(tilt)], atol=1e-9)
    assert np.linalg.det(frame.axes_lps) == pytest.approx(1.0)
    assert frame.spacing_mm == pytest.approx(32.0)


def test_a_scoliotic_line_turns_left_but_never_backwards():
    frame = local_frame(level_from_name("T5"), (0, 0, 0), spine(T4=(5, -4, 20), T6=(-5, 4, -20)))
    assert frame.axes_lps[0, 0] > 0.95
    assert frame.axes_lps[2, 0] < -0.2
    points = np.array([[3.0, -2.0, 9.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(frame.to_lps(frame.to_local(points)), points, atol=1e-12)


def test_missing_levels_are_bridged_and_t13_between_is_not_counted():
    apart = local_frame(level_from_name("T12"), (0, 0, 0), spine(T10=(0, 0, 50), L1=(0, 0, -30)))
    assert apart.spacing_mm == pytest.approx((25 + 30) / 2)
    alone = local_frame(level_from_name("L2"), (0, 0, 0), spine(T4=(0, 0, 200), S1=(0, 0, -100)))
    assert alone.spacing_mm is None
    np.testing.assert_array_equal(alone.axes_lps, np.eye(3))


def test_coinciding_centroids_are_refused():
    with pytest.raises(CentroidError, match="L1 and L2 coincide"):
        local_frame(level_from_name("L1"), (0, 0, 0), spine(L2=(0, 0.2, 0)))
