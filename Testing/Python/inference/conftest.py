"""Fixtures around the silhouette phantom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from silhouettes import SilhouetteNetwork, card_of, centroids_at, shadows

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.inference.weights import LoadedWeights


@pytest.fixture
def make_weights(tmp_path) -> Callable[..., LoadedWeights]:
    def make(network: torch.nn.Module | None = None, note: str = "") -> LoadedWeights:
        return LoadedWeights(network or SilhouetteNetwork(), card_of(), "0" * 64, tmp_path / "none", note)

    return make


@pytest.fixture
def spine() -> CentroidSet:
    """Three vertebrae, 30 mm apart, off the voxel grid."""
    return centroids_at(T12=(2.3, -4.6, 30.4), L1=(0.0, 0.0, 0.0), L2=(-3.7, 5.2, -30.8))


@pytest.fixture
def pair(spine) -> RadiographPair:
    return shadows(spine)
