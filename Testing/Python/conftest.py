"""Shared fixtures: random image matrices, the optional real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from random_frames import random_ijk_to_lps

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


@pytest.fixture(scope="session", name="random_frame")
def _random_frame():
    """`random_ijk_to_lps` for tests in any folder."""
    return random_ijk_to_lps
