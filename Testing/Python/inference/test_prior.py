"""The shape prior: what it adds to a network's probabilities, and that the cards decide about it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import WeightsError
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.inference.prior import ShapePrior
from ReVerteRLib.inference.weights import LoadedWeights, load_weights
from ReVerteRLib.shapes.store import load_shapes

LEVELS = [level_from_name(name) for name in ("T11", "T12", "L1")]
SPINE = CentroidSet(
    tuple(Centroid(level, (0.0, 0.0, 60.0 - 30.0 * n)) for n, level in enumerate(LEVELS)), "three in a row"
)
OWN = SPINE.get(LEVELS[1])
GRID = PatchGrid((0.0, 0.0, 30.0), size=120, posterior_offset_mm=12.0)


def test_where_the_network_knows_nothing_the_mean_shape_decides() -> None:
    blank = np.full((120, 120, 120), 0.5, dtype=np.float32)
    found = ShapePrior(0.9).apply(blank, OWN, SPINE, GRID) > 0.5
    mean = load_shapes().place(OWN.level, OWN.position_lps_mm, SPINE, GRID)
    assert mean.sum() > 10_000
    assert (found != mean).sum() < 0.001 * mean.sum()  # voxels exactly on the surface


def test_it_adds_the_weighted_distance_to_the_logits_and_yields_to_certainty() -> None:
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.01, 0.99, (120, 120, 120)).astype(np.float32)
    shapes = load_shapes()
    mixed = ShapePrior(0.6, shapes).apply(probability, OWN, SPINE, GRID)
    distance = shapes.distance(OWN.level, OWN.position_lps_mm, SPINE, GRID)
    moved = np.log(mixed / (1 - mixed)) - np.log(probability / (1 - probability))
    np.testing.assert_allclose(moved, -0.6 * distance, atol=2e-3)
    certain = np.zeros((120, 120, 120), dtype=np.float32)
    certain[40:60] = 1.0
    assert np.array_equal(ShapePrior(0.6, shapes).apply(certain, OWN, SPINE, GRID), certain)


def test_without_weight_nothing_changes() -> None:
    values = np.random.default_rng(1).uniform(size=(120, 120, 120)).astype(np.float32)
    assert np.array_equal(ShapePrior(0.0).apply(values, OWN, SPINE, GRID), values)


def test_cards_carry_prior_and_threshold_and_impossible_ones_are_refused() -> None:
    shipped = load_weights("recommended")
    assert (shipped.shape_prior, shipped.threshold) == (0.0, 0.2)
    plain = load_weights("fast")
    assert (plain.shape_prior, plain.threshold) == (0.0, 0.35)
    bare = {key: value for key, value in plain.card.items() if key not in ("shape_prior_per_mm", "threshold")}
    without = dataclasses.replace(plain, card=bare)
    assert (without.shape_prior, without.threshold) == (0.0, 0.5)

    def with_card(**entries: object) -> LoadedWeights:
        return dataclasses.replace(plain, card={**plain.card, **entries}, path=Path("x.safetensors"))

    for name, value in (("shape_prior_per_mm", -1.0), ("shape_prior_per_mm", "much"), ("threshold", 1.5)):
        weights = with_card(**{name: value})
        with pytest.raises(WeightsError, match="impossible"):
            _ = weights.threshold if name == "threshold" else weights.shape_prior
