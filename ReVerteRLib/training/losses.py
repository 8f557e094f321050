"""The integrated loss (eqs. 2 to 7 of the paper) and the discriminator's least-squares loss."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ReVerteRLib.training.config import LossConfig

TERMS = ("dice", "hausdorff", "focal", "ce", "gan")


@dataclass(frozen=True)
class LossTerms:
    """`total` to differentiate, and its weighted parts (detached) by name."""

    total: Tensor
    weighted: dict[str, Tensor]


class DistanceFields:
    """Distance of every voxel to the other side of a mask's border, in voxels (inside + outside field of eq. 6).

    Equals scipy's distance transform of the mask plus that of its complement; zero where the mask is empty or
    full. `cache` keeps the fields of that many masks.
    """

    def __init__(self, cache: int = 0) -> None:
        self._limit = cache
        self._known: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __call__(self, masks: Tensor, *, remember: bool = False) -> Tensor:
        """For masks [B, 1, D, H, W] bool: float32 of the same shape and device."""
        fields = [self._field(mask, remember) for mask in masks[:, 0].cpu().numpy()]
        return torch.from_numpy(np.stack(fields))[:, None].to(masks.device)

    def _field(self, mask: NDArray[np.bool_], remember: bool) -> NDArray[np.float32]:
        if not (remember and self._limit):
            return _distance_field(mask)
        key = hashlib.sha1(np.packbits(mask).tobytes(), usedforsecurity=False).digest()
        if key not in self._known:
            self._known[key] = _distance_field(mask)
            if len(self._known) > self._limit:
                self._known.popitem(last=False)
        return self._known[key]


def _distance_field(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """By SimpleITK, or by scipy (the same values) on a training machine without it."""
    if mask.all() or not mask.any():
        return np.zeros(mask.shape, dtype=np.float32)
    try:
        import SimpleITK as sitk  # noqa: N813
    except ImportError:
        from scipy.ndimage import distance_transform_edt

        return np.where(mask, distance_transform_edt(mask), distance_transform_edt(~mask)).astype(np.float32)

    def outside(of: NDArray[np.bool_]) -> NDArray[np.float32]:
        image = sitk.GetImageFromArray(of.astype(np.uint8))
        distance: NDArray[np.float32] = sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=False)
        )
        return distance

    # Maurer's inside values count from the border voxels of the mask, so each side is taken from its complement.
    return np.where(mask, outside(~mask), outside(mask)).astype(np.float32)


class IntegratedLoss:
    """L = w_dice Dice + w_hd Hausdorff + w_focal Focal + w_gan GAN (+ w_ce cross-entropy), eq. 2.

    Dice and focal terms are MONAI's, which equal eqs. 5 and 7. The target may be soft (the share of bone in a
    coarse voxel).
    """

    def __init__(self, config: LossConfig) -> None:
        from monai.losses.dice import DiceLoss
        from monai.losses.focal_loss import FocalLoss

        self.config = config
        epsilon = config.dice_epsilon
        self._dice = DiceLoss(sigmoid=True, smooth_nr=epsilon, smooth_dr=epsilon)
        balanced = config.focal_balance == "balanced"
        self._focal = FocalLoss(gamma=config.focal_gamma, alpha=config.focal_alpha if balanced else None)
        self._focal_factor = 1.0 if balanced else config.focal_alpha
        self._fields = DistanceFields(config.hd_cache)

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """For logits, target [B, 1, D, H, W]; discriminator scores of the prediction; the step, for hd_every, and
        the share of the training that is done, for hd_start.
        """
        c, logits, target = self.config, logits.float(), target.float()
        parts: dict[str, Tensor] = {}
        if c.w_dice:
            parts["dice"] = c.w_dice * self._dice(logits, target)
        if c.w_hd and step % c.hd_every == 0 and share >= c.hd_start:
            parts["hausdorff"] = c.w_hd * self.hausdorff(logits, target)
        if c.w_focal:
            parts["focal"] = c.w_focal * self._focal_factor * self._focal(logits, target)
        if c.w_ce:
            parts["ce"] = c.w_ce * binary_cross_entropy_with_logits(logits, target)
        if c.w_gan and scores is not None:
            parts["gan"] = c.w_gan * generator_gan_loss(scores)
        total = torch.stack(list(parts.values())).sum() if parts else 0.0 * logits.sum()
        return LossTerms(total, {name: part.detach() for name, part in parts.items()})

    def hausdorff(self, logits: Tensor, target: Tensor) -> Tensor:
        """Eq. 6: (p - q)^2 times the distances to both borders, to the power hd_exponent; unweighted."""
        probabilities = torch.sigmoid(logits)
        with torch.no_grad():
            fields = [self._fields(target >= 0.5, remember=True), self._fields(probabilities >= 0.5)]
            distance = torch.stack([field**self.config.hd_exponent for field in fields]).sum(dim=0)
        error = (probabilities - target) ** 2 * distance
        return error.mean() if self.config.hd_reduction == "mean" else error.sum() / error.shape[0]


def generator_gan_loss(scores_fake: Tensor) -> Tensor:
    """Eq. 3: (D(G(x)) - 1)^2."""
    return ((scores_fake.float() - 1.0) ** 2).mean()


def discriminator_loss(scores_real: Tensor, scores_fake: Tensor, real_label: float = 1.0) -> Tensor:
    """Eq. 4: (D(y) - 1)^2 + D(G(x))^2."""
    return ((scores_real.float() - real_label) ** 2).mean() + (scores_fake.float() ** 2).mean()
