"""Random orientations for tests."""

from __future__ import annotations

import numpy as np


def random_rotation(rng: np.random.Generator, max_angle_deg: float = 180.0) -> np.ndarray:
    """Random proper rotation 3x3 of at most this angle."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-max_angle_deg, max_angle_deg))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def random_ijk_to_lps(
    rng: np.random.Generator, *, left_handed: bool = False, max_angle_deg: float = 180.0
) -> np.ndarray:
    """Random oblique 4x4 with anisotropic spacing, optionally left-handed."""
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(rng, max_angle_deg) @ np.diag(rng.uniform(0.6, 2.5, 3))
    if left_handed:
        matrix[:3, 0] *= -1
    matrix[:3, 3] = rng.uniform(-200, 200, 3)
    return matrix
