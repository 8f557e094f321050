"""The losses of the compared systems, all called as `IntegratedLoss` is.

loss(logits [B, 1, D, H, W], target of that shape, bool or float, discriminator's scores of the prediction or None,
step, share of the training done) gives LossTerms: `total` to differentiate and the `weighted` terms by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.baselines.contract import Adversarial, Recipe
from ReVerteRLib.networks.lifting import lift_pair
from ReVerteRLib.training.config import LossConfig
from ReVerteRLib.training.losses import IntegratedLoss, LossTerms


class VoxelLoss(Protocol):
    """What the trainer calls."""

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """Total and weighted terms."""
        ...


class DiceOnly:
    """1 - soft Dice, as the XrayTo3D benchmark trains (MONAI's DiceLoss with its default smoothing)."""

    def __init__(self) -> None:
        from monai.losses.dice import DiceLoss

        self._dice = DiceLoss(sigmoid=True)

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """See the module."""
        del scores, step, share
        return _terms({"dice": self._dice(logits.float(), target.float())})


def _terms(parts: dict[str, Tensor]) -> LossTerms:
    total = torch.stack(list(parts.values())).sum()
    return LossTerms(total, {name: part.detach() for name, part in parts.items()})


def _integrated(recipe: Recipe) -> VoxelLoss:
    return IntegratedLoss(recipe.loss_settings or LossConfig())


LOSSES: dict[str, Callable[[Recipe], VoxelLoss]] = {
    "integrated": _integrated,
    "dice": lambda _: DiceOnly(),
}
"""Makers of losses by the name that recipes give."""


def build_loss(recipe: Recipe) -> VoxelLoss:
    """The recipe's loss. Raises ArgumentError for a name that is not in LOSSES."""
    if recipe.loss not in LOSSES:
        raise ArgumentError(f"there is no loss '{recipe.loss}'", remedy=f"Known are: {', '.join(sorted(LOSSES))}")
    return LOSSES[recipe.loss](recipe)


def discriminator_channels(adversarial: Adversarial) -> int:
    """What `build_discriminator` must be given: 1 for the mask alone, 3 with both radiographs."""
    return 3 if adversarial == "conditional" else 1


def discriminator_input(
    volume: Tensor,
    ap: Tensor,
    lateral: Tensor,
    adversarial: Adversarial,
    *,
    centroid_zyx: Tensor | None = None,
    perspective: Tensor | None = None,
) -> Tensor:
    """What the discriminator sees: the mask or probabilities [B, 1, S, S, S], and both lifted images if conditional.

    ap, lateral [B, C, S, S] of which channel 0 is the image.
    """
    if adversarial != "conditional":
        return volume
    views = lift_pair(ap[:, :1], lateral[:, :1], perspective, centroid_zyx)
    return torch.cat([volume, *(view.to(volume.dtype) for view in views)], dim=1)
