"""The compared systems' losses on cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.baselines.contract import Recipe
from ReVerteRLib.networks.baselines.losses import (
    LOSSES,
    border_weights,
    build_loss,
    discriminator_channels,
    discriminator_input,
)
from ReVerteRLib.networks.registry import build_generator
from ReVerteRLib.networks.systems import SYSTEMS, system
from ReVerteRLib.training.config import LossConfig, OptimiserConfig
from ReVerteRLib.training.losses import IntegratedLoss


def loss_of(name: str):
    return build_loss(Recipe(loss=name, optimiser=OptimiserConfig(), batch=1))


@pytest.fixture
def cube() -> torch.Tensor:
    mask = torch.zeros(1, 1, 8, 8, 8, dtype=torch.bool)
    mask[..., 2:6, 2:6, 2:6] = True
    return mask


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_is_near_zero_for_the_mask_itself_and_its_total_is_the_sum_of_its_terms(name, cube):
    terms = loss_of(name)(40.0 * (cube.float() - 0.5), cube)
    assert float(terms.total) < 0.01
    wrong = loss_of(name)(-40.0 * (cube.float() - 0.5), cube)
    assert float(wrong.total) > 0.5
    assert float(wrong.total) == pytest.approx(sum(float(v) for v in wrong.weighted.values()), rel=1e-5)


def test_dice_of_half_a_mask_is_a_third_lost(cube):
    half = cube.clone()
    half[..., 4:, :, :] = False
    logits = 60.0 * (half.float() - 0.5)
    assert float(loss_of("dice")(logits, cube).total) == pytest.approx(1.0 - 2 * 32 / (32 + 64), abs=1e-4)


def test_border_weights_of_one_voxel_fall_with_the_distance():
    mask = torch.zeros(1, 1, 7, 7, 7, dtype=torch.bool)
    mask[..., 3, 3, 3] = True
    weights = border_weights(mask)[0, 0]
    assert weights[3, 3, 3] == 1.0
    assert weights[3, 3, 4] == pytest.approx(2 - 1 / 1.8)
    assert weights[3, 4, 4] == pytest.approx(2 - math.sqrt(2) / 1.8)
    assert weights[4, 4, 4] == pytest.approx(2 - math.sqrt(3) / 1.8)
    assert weights[3, 3, 5] == 1.0


def test_border_weights_are_the_published_formula_over_the_distance_transform():
    mask = np.random.default_rng(1).random((11, 12, 13)) < 0.03
    near = np.minimum(distance_transform_edt(~mask), 1.8)
    expected = np.where(mask, 1.0, 2.0 - near / 1.8)
    found = border_weights(torch.from_numpy(mask)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_weighted_cross_entropy_at_even_odds_is_log_two_times_the_mean_weight(cube):
    total = loss_of("cross_entropy_weighted")(torch.zeros(1, 1, 8, 8, 8), cube).total
    assert float(total) == pytest.approx(math.log(2) * float(border_weights(cube).mean()), rel=1e-6)
    assert float(total) > math.log(2)


def test_x2ct_terms_at_even_odds_on_an_empty_mask():
    terms = loss_of("x2ct")(torch.zeros(2, 1, 4, 4, 4), torch.zeros(2, 1, 4, 4, 4), torch.zeros(2, 1, 1, 1, 1))
    assert {k: pytest.approx(float(v)) for k, v in terms.weighted.items()} == {
        "voxel": 10 * 0.25,
        "projection": 10 * 0.5,
        "gan": 0.1,
    }


def test_x2ct_projections_do_not_see_what_cancels_along_all_axes():
    logits = torch.full((1, 1, 2, 2, 2), -40.0)
    mask = torch.zeros(1, 1, 2, 2, 2)
    for z in range(2):
        for y in range(2):
            x = (z + y) % 2
            logits[0, 0, z, y, x], mask[0, 0, z, y, 1 - x] = 40.0, 1.0
    terms = loss_of("x2ct")(logits, mask)
    assert float(terms.weighted["projection"]) == pytest.approx(0.0, abs=1e-6)
    assert float(terms.weighted["voxel"]) == pytest.approx(10.0)


def test_reverters_rows_use_the_integrated_loss_with_their_own_weights(cube):
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 8, 8, 8)
    recipe = system("without-focal-hausdorff").recipe
    terms = build_loss(recipe)(logits, cube)
    assert set(terms.weighted) == {"dice"}
    own = IntegratedLoss(LossConfig(w_focal=0.0, w_hd=0.0))(logits, cube)
    assert float(terms.total) == pytest.approx(float(own.total))


def test_every_recipe_names_a_known_loss_and_keeps_its_published_rate():
    rates = {s.key: s.recipe.optimiser.lr for s in SYSTEMS if s.kind == "baseline"}
    assert all(s.recipe.loss in LOSSES for s in SYSTEMS if s.recipe)
    assert rates.pop("bx2s-net") == 1e-2
    assert set(rates.values()) == {2e-4}
    assert system("x2ct-gan").recipe.optimiser.betas == (0.5, 0.99)
    assert [s.key for s in SYSTEMS if s.recipe and s.recipe.adversarial == "conditional"] == ["x2ct-gan"]


def test_an_unknown_loss_is_refused():
    with pytest.raises(ArgumentError, match=r"no loss 'l3'.*dice"):
        loss_of("l3")


def test_a_conditional_discriminator_sees_the_lifted_radiographs_beside_the_mask(cube):
    ap, lateral = torch.rand(2, 1, 2, 8, 8)
    seen = discriminator_input(cube.float(), ap, lateral, "conditional")
    assert seen.shape[1] == discriminator_channels("conditional") == 3
    assert torch.equal(seen[:, :1], cube.float())
    assert torch.equal(seen[0, 1, 3, :, 6], ap[0, 0, 3, 6].expand(8))
    assert torch.equal(seen[0, 2, 3, 6, :], lateral[0, 0, 3, 6].expand(8))
    plain = discriminator_input(cube.float(), ap, lateral, "plain")
    assert torch.equal(plain, cube.float())
    assert discriminator_channels("plain") == 1


def test_reverters_networks_are_those_of_its_configurations():
    paper = system("reverter-paper")
    assert paper.training is not None
    with torch.device("meta"):
        built, own = paper.build(64), build_generator(paper.training.generator)
    assert [p.shape for p in built.parameters()] == [p.shape for p in own.parameters()]
