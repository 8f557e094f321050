"""The losses of the compared systems, all called as `IntegratedLoss` is.

loss(logits [B, 1, D, H, W], target of that shape, bool or float, discriminator's scores of the prediction or None,
step, share of the training done) gives LossTerms: `total` to differentiate and the `weighted` terms by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool3d

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.baselines.contract import Adversarial, Recipe
from ReVerteRLib.networks.lifting import lift_pair
from ReVerteRLib.training.config import LossConfig
from ReVerteRLib.training.losses import IntegratedLoss, LossTerms, generator_gan_loss

_BORDER = 1.8  # voxels


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


class WeightedCrossEntropy:
    """Binary cross-entropy with the distance weight map of BX2S-Net, mean over the voxels.

    Two classes under a softmax, as published, are one logit under a sigmoid.
    """

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """See the module."""
        del scores, step, share
        weights = border_weights(target)
        return _terms({"ce": binary_cross_entropy_with_logits(logits.float(), target.float(), weights)})


class ProjectionLoss:
    """X2CT-GAN's objective on probabilities: squared error, projections, least-squares adversarial term.

    Projections are means along each of the three axes; their absolute error is averaged over the axes.
    """

    voxel_weight, projection_weight, gan_weight = 10.0, 10.0, 0.1

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """See the module."""
        del step, share
        probability, mask = torch.sigmoid(logits.float()), target.float()
        error = probability - mask
        projections = [error.mean(dim=axis).abs().mean() for axis in (2, 3, 4)]
        parts = {
            "voxel": self.voxel_weight * (error**2).mean(),
            "projection": self.projection_weight * torch.stack(projections).mean(),
        }
        if scores is not None:
            parts["gan"] = self.gan_weight * generator_gan_loss(scores)
        return _terms(parts)


def border_weights(target: Tensor) -> Tensor:
    """2 - d / 1.8 for background at d < 1.8 voxels from bone, else 1; of masks [B, 1, D, H, W].

    Only d = 1, sqrt 2 and sqrt 3 are below 1.8, which are the 6, 18 and 26 neighbours of bone.
    """
    mask = (target >= 0.5).float() if target.is_floating_point() else target.float()
    weights = torch.ones_like(mask)
    for free_axes in (3, 2, 1):
        near = torch.zeros_like(mask)
        for kernel in {tuple(order) for order in permutations((3,) * free_axes + (1,) * (3 - free_axes))}:
            near = torch.maximum(near, max_pool3d(mask, kernel, 1, tuple(edge // 2 for edge in kernel)))
        weights = torch.where(near > 0, 2.0 - math.sqrt(free_axes) / _BORDER, weights)
    return torch.where(mask > 0, 1.0, weights)


def _terms(parts: dict[str, Tensor]) -> LossTerms:
    total = torch.stack(list(parts.values())).sum()
    return LossTerms(total, {name: part.detach() for name, part in parts.items()})


def _integrated(recipe: Recipe) -> VoxelLoss:
    return IntegratedLoss(recipe.loss_settings or LossConfig())


LOSSES: dict[str, Callable[[Recipe], VoxelLoss]] = {
    "integrated": _integrated,
    "dice": lambda _: DiceOnly(),
    "cross_entropy_weighted": lambda _: WeightedCrossEntropy(),
    "x2ct": lambda _: ProjectionLoss(),
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
