"""The detector's loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.detection.config import CORNERS

OFFSET = slice(1, 3)
CORNER = slice(3, 3 + 2 * CORNERS)
LEVEL = slice(3 + 2 * CORNERS, 3 + 2 * CORNERS + len(LEVELS))
_NEIGHBOUR_SHARE = 0.05


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts beside the centre map's, which counts 1."""

    offset: float = 0.5
    corners: float = 1.0
    level: float = 0.5


def detector_loss(maps: Tensor, targets: dict[str, Tensor], weights: LossWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum and parts of the loss of maps [..., outputs, H, W]; `targets` holds the stacked fields of `Targets`.

    Centres: penalty-reduced focal loss (Law and Deng, ECCV 2018; Zhou et al. 2019), per vertebra. Offsets and corners:
    smooth L1. Levels: cross-entropy with a little probability for the neighbours.
    """
    flat = maps.flatten(0, -4)
    parts = {"centre": _focal(flat[:, 0], *(targets[k].flatten(0, -3) for k in ("heat", "counted")))}
    near = targets["near"].flatten(0, -3)
    chosen = flat.permute(0, 2, 3, 1)[near]
    parts["offset"] = F.smooth_l1_loss(chosen[:, OFFSET], _at(targets["offset"], near), beta=0.3, reduction="mean")
    known = _at(targets["corners_known"], near)
    error = F.smooth_l1_loss(chosen[:, CORNER], _at(targets["corners"], near), beta=0.1, reduction="none")
    parts["corners"] = (error * known).sum() / known.sum().clamp(min=1)
    parts["level"] = _level_loss(chosen[:, LEVEL], targets["level"].flatten(0, -3)[near])
    if not len(chosen):
        parts = {name: part if name == "centre" else part.nan_to_num(0.0) for name, part in parts.items()}
    total = parts["centre"] + sum(getattr(weights, name) * part for name, part in parts.items() if name != "centre")
    return total, {name: part.detach() for name, part in parts.items()}


def _at(values: Tensor, near: Tensor) -> Tensor:
    """[..., C, H, W] at the chosen cells, [N, C]."""
    return values.flatten(0, -4).permute(0, 2, 3, 1)[near]


def _focal(logit: Tensor, heat: Tensor, counted: Tensor) -> Tensor:
    centre = (heat >= 0.999) & counted
    probability = logit.sigmoid()
    found = F.logsigmoid(logit) * (1 - probability) ** 2 * centre
    empty = F.logsigmoid(-logit) * probability**2 * (1 - heat) ** 4 * (counted & ~centre)
    return -(found.sum() + empty.sum()) / centre.sum().clamp(min=1)


def _level_loss(logits: Tensor, level: Tensor) -> Tensor:
    wanted = F.one_hot(level, logits.shape[1]).to(logits.dtype)
    beside = torch.zeros_like(wanted)
    beside[:, 1:] += wanted[:, :-1]
    beside[:, :-1] += wanted[:, 1:]
    wanted = (1 - _NEIGHBOUR_SHARE) * wanted + _NEIGHBOUR_SHARE * beside / beside.sum(1, keepdim=True)
    return -(wanted * logits.log_softmax(1)).sum(1).mean()
