"""Every term against its printed formula or a reference implementation."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from monai.losses import DiceLoss, FocalLoss, HausdorffDTLoss
from scipy.ndimage import distance_transform_edt

from ReVerteRLib.training.config import LossConfig
from ReVerteRLib.training.losses import DistanceFields, IntegratedLoss, discriminator_loss, generator_gan_loss


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that half agree with a box, and the box; two samples of 12^3."""
    torch.manual_seed(7)
    target = torch.zeros(2, 1, 12, 12, 12)
    target[0, 0, 3:8, 2:9, 4:10] = 1
    target[1, 0, 5:7, 5:9, 1:4] = 1
    logits = 2.0 * torch.randn(target.shape) + 3.0 * (target.roll(1, 2) - 0.5)
    return logits, target


def test_the_paper_weights_are_the_defaults() -> None:
    config = LossConfig()
    assert (config.w_dice, config.w_hd, config.w_focal, config.w_gan, config.w_ce) == (10.0, 1e-4, 10.0, 0.1, 0.0)
    assert (config.focal_alpha, config.focal_gamma, config.hd_exponent) == (0.2, 5.0, 2.0)


def test_dice_is_eq_5_per_sample(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    p = torch.sigmoid(logits)
    expected = [1 - 2 * (p[i] * target[i]).sum() / (p[i].sum() + target[i].sum()) for i in range(2)]
    terms = IntegratedLoss(LossConfig())(logits, target)
    assert float(terms.weighted["dice"]) == pytest.approx(10 * float(sum(expected)) / 2, rel=1e-4)
    assert float(terms.weighted["dice"]) == pytest.approx(10 * float(DiceLoss(sigmoid=True)(logits, target)), rel=1e-3)


def test_focal_is_eq_7_with_a_uniform_factor(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    p = torch.sigmoid(logits)
    true = torch.where(target > 0, p, 1 - p)
    expected = (-0.2 * (1 - true) ** 5 * torch.log(true)).mean()
    terms = IntegratedLoss(LossConfig())(logits, target)
    assert float(terms.weighted["focal"]) == pytest.approx(10 * float(expected), rel=1e-4)
    half = IntegratedLoss(LossConfig(w_focal=1.0))(torch.zeros_like(logits), target).weighted["focal"]
    assert float(half) == pytest.approx(0.00433, abs=1e-5)


def test_balanced_focal_is_monais(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    terms = IntegratedLoss(LossConfig(focal_balance="balanced", w_focal=1.0))(logits, target)
    assert float(terms.weighted["focal"]) == pytest.approx(float(FocalLoss(gamma=5, alpha=0.2)(logits, target)))


def test_hausdorff_is_eq_6_and_equals_monai(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, target = pair
    value = IntegratedLoss(LossConfig()).hausdorff(logits, target)
    p, total = torch.sigmoid(logits).numpy(), []
    for i in range(2):
        distance = 0.0
        for mask in (p[i, 0] >= 0.5, target[i, 0].numpy() >= 0.5):
            distance = distance + (distance_transform_edt(mask) + distance_transform_edt(~mask)) ** 2
        total.append(((p[i, 0] - target[i, 0].numpy()) ** 2 * distance).mean())
    assert float(value) == pytest.approx(np.mean(total), rel=1e-4)
    assert float(value) == pytest.approx(float(HausdorffDTLoss(alpha=2.0, sigmoid=True)(logits, target)), rel=1e-4)


def test_hausdorff_sum_is_mean_times_voxels(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    mean = IntegratedLoss(LossConfig()).hausdorff(*pair)
    total = IntegratedLoss(LossConfig(hd_reduction="sum")).hausdorff(*pair)
    assert float(total) == pytest.approx(float(mean) * 12**3, rel=1e-5)


def test_distance_fields_equal_scipys_and_are_zero_without_a_border() -> None:
    rng = np.random.default_rng(1)
    masks = torch.from_numpy(rng.random((3, 1, 9, 10, 11)) > 0.6)
    masks[1], masks[2] = False, True
    fields = DistanceFields()(masks).numpy()
    first = masks[0, 0].numpy()
    assert np.allclose(fields[0, 0], distance_transform_edt(first) + distance_transform_edt(~first), atol=1e-5)
    assert fields[0].max() > 1.0
    assert not fields[1:].any()


def test_distance_fields_are_the_same_without_simpleitk(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = torch.rand((2, 1, 14, 12, 10), generator=torch.Generator().manual_seed(3)) < 0.2
    expected = DistanceFields()(masks)
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    assert torch.allclose(DistanceFields()(masks), expected, atol=1e-5)


def test_cached_fields_are_the_same_and_bounded() -> None:
    rng = np.random.default_rng(2)
    masks = torch.from_numpy(rng.random((4, 1, 6, 6, 6)) > 0.5)
    cached, plain = DistanceFields(cache=2), DistanceFields()
    for _ in range(2):
        assert torch.equal(cached(masks, remember=True), plain(masks))
    assert len(cached._known) == 2


def test_adversarial_terms_are_eqs_3_and_4() -> None:
    real, fake = torch.tensor([1.5, 0.5]), torch.tensor([0.0, 2.0])
    assert float(generator_gan_loss(fake)) == pytest.approx(1.0)
    assert float(discriminator_loss(real, fake)) == pytest.approx(0.25 + 2.0)
    assert float(discriminator_loss(real, fake, real_label=0.5)) == pytest.approx(0.5 + 2.0)


def test_total_is_the_sum_of_the_logged_terms_and_zero_weights_vanish(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    scores = torch.tensor([0.5])
    full = IntegratedLoss(LossConfig(w_ce=2.0))(*pair, scores)
    assert set(full.weighted) == {"dice", "hausdorff", "focal", "ce", "gan"}
    assert float(full.total) == pytest.approx(sum(float(v) for v in full.weighted.values()), rel=1e-5)
    assert float(full.weighted["gan"]) == pytest.approx(0.1 * 0.25)
    only = IntegratedLoss(LossConfig(w_dice=0.0, w_hd=0.0, w_gan=0.0))(*pair, scores)
    assert set(only.weighted) == {"focal"}


def test_hausdorff_comes_every_kth_step(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    loss = IntegratedLoss(LossConfig(hd_every=3))
    assert ["hausdorff" in loss(*pair, step=step).weighted for step in range(5)] == [True, False, False, True, False]


def test_hausdorff_may_wait_for_a_share_of_the_training(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    loss = IntegratedLoss(LossConfig(hd_start=0.4))
    assert ["hausdorff" in loss(*pair, share=share).weighted for share in (0.0, 0.39, 0.4, 1.0)] == [False] * 2 + [
        True
    ] * 2


@pytest.mark.parametrize("weights", [{"w_hd": 1.0}, {"w_focal": 1.0}, {"w_dice": 1.0}, {"w_ce": 1.0}])
def test_descending_each_term_brings_the_mask_nearer(
    weights: dict[str, float], pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    zero = {"w_dice": 0.0, "w_hd": 0.0, "w_focal": 0.0, "w_gan": 0.0}
    loss = IntegratedLoss(LossConfig(**{**zero, **weights}))
    logits, target = pair[0].clone().requires_grad_(), pair[1]
    optimiser = torch.optim.Adam([logits], lr=0.3)
    before = float(((logits > 0) == (target > 0)).float().mean())
    for _ in range(40):
        optimiser.zero_grad()
        loss(logits, target).total.backward()
        optimiser.step()
    assert float(((logits > 0) == (target > 0)).float().mean()) > max(before, 0.98)
