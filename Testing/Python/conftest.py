"""Shared fixtures: random image matrices, the optional real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # busy waiting makes tests crawl on a loaded machine

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with `spines` in the VerSe layout: $REVERTER_DATA or ../shared/data; skips where there is none."""
    root = Path(os.environ.get("REVERTER_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (root / "spines" / "participants.tsv").is_file():
        pytest.skip(f"no spine data in {root} (set REVERTER_DATA)")
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded generator, fresh for each test."""
    return np.random.default_rng(20240506)


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


@pytest.fixture(scope="session", name="random_frame")
def _random_frame():
    """`random_ijk_to_lps` for tests in any folder."""
    return random_ijk_to_lps
