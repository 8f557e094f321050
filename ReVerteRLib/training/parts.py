"""What a training trains: a network, its loss, and the discriminator that it plays against, if any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from ReVerteRLib.networks.registry import build_discriminator, build_generator
from ReVerteRLib.training.config import TrainingConfig
from ReVerteRLib.training.losses import IntegratedLoss, LossTerms


class Criterion(Protocol):
    """A loss; `IntegratedLoss` is one."""

    def __call__(
        self, logits: Tensor, target: Tensor, scores: Tensor | None = None, step: int = 0, share: float = 1.0
    ) -> LossTerms:
        """For logits, target [B, 1, D, H, W]; the discriminator's scores of the prediction; steps done before this
        one; the share of the training that is done.
        """


@dataclass(frozen=True)
class TrainingParts:
    """What the trainer puts together.

    network:       forward(ap, lateral, level, centroid_zyx, perspective, prior=None) to logits, as the generator's.
    loss:          also weighs the discriminator's scores, where it is given them.
    discriminator: takes masks or probabilities [B, 1, S, S, S], with `conditional` [B, 3, S, S, S]; None for none.
    conditional:   the discriminator also sees both radiographs, repeated along the axis that each cannot see, as the
                   conditional discriminator of X2CT-GAN (Ying et al. 2019) does.
    """

    network: nn.Module
    loss: Criterion
    discriminator: nn.Module | None = None
    conditional: bool = False


PartsMaker = Callable[[], TrainingParts]
"""Makes the parts with fresh weights from torch's current random state, the network first."""


def default_parts(config: TrainingConfig) -> TrainingParts:
    """ReVerteR's own, as the configuration asks for them."""
    network = build_generator(config.generator)
    discriminator = build_discriminator(config.run.discriminator_width) if config.loss.w_gan else None
    return TrainingParts(network, IntegratedLoss(config.loss), discriminator)
