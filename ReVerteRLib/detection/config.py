"""Settings of the detector: its network, its films, its training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.errors import ArgumentError

STRIDE = 2
"""Film pixels per cell of the heads."""
COARSEST = 16
"""Films are padded to multiples of this many pixels, the coarsest scale of the network."""
CORNERS = 4


@dataclass(frozen=True)
class FilmSettings:
    """How radiographs are brought to the network's films.

    spacing_mm: pixel size on the reference plane.
    local_mm:   width of the neighbourhood whose mean and spread local contrast refers to.
    """

    spacing_mm: float = 2.0
    local_mm: float = 64.0

    def __post_init__(self) -> None:
        if self.spacing_mm <= 0 or self.local_mm < 4 * self.spacing_mm:
            raise ArgumentError(f"films of {self.spacing_mm:g} mm pixels and {self.local_mm:g} mm are impossible")


@dataclass(frozen=True)
class DetectorConfig:
    """The network.

    widths:         channels at 2, 4, 8 and 16 times the stem's input pixel.
    blocks:         residual blocks at each scale of the encoder; the decoder has one.
    context_width:  features of a row in the exchange along the spine.
    context_layers: layers of self-attention over the rows of both views.
    heads:          attention heads.
    exchange:       whether the views see each other; without it, each is read alone by the same network.
    """

    widths: tuple[int, int, int, int] = (32, 64, 128, 192)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    context_width: int = 128
    context_layers: int = 3
    heads: int = 4
    exchange: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or any(w < 8 or w % 8 for w in self.widths):
            raise ArgumentError(f"widths {self.widths} are impossible", remedy="Use four multiples of 8")
        if len(self.blocks) != 4 or min(self.blocks) < 1:
            raise ArgumentError(f"blocks {self.blocks} are impossible", remedy="Use four numbers of one or more")
        if self.context_width % (2 * self.heads) or self.context_layers < 0:
            raise ArgumentError("the context's width must be a multiple of twice its heads")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record."""
        return {**dataclasses.asdict(self), "widths": list(self.widths), "blocks": list(self.blocks)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> DetectorConfig:
        """Inverse of `to_dict`. Raises TypeError, ArgumentError for what is not known."""
        values = dict(record)
        for key in {"widths", "blocks"} & set(values):
            values[key] = tuple(int(w) for w in values[key])
        return cls(**values)

    @property
    def outputs(self) -> int:
        """Channels of the heads: centre, offset, corners, levels."""
        return 1 + 2 + 2 * CORNERS + len(LEVELS)


@dataclass(frozen=True)
class DetectorTraining:
    """One training.

    minutes, steps:   whichever limit is reached first ends it; 0 for none (one must be given).
    pixels:           film pixels per view in a batch; the crops' size is drawn anew for each batch.
    lr, weight_decay: of Muon for the convolutions and AdamW for the rest.
    warmup_steps:     of the learning rate, which then falls along a cosine.
    average:          decay of the weight average that is exported.
    held_out:         synthetic patients kept for validation.
    validate_every, checkpoint_every: in steps and minutes.
    threads:          of the network; one more process prepares the crops.
    init:             SHA-256 of the weights that it starts from, "" for none.
    """

    minutes: float = 35.0
    steps: int = 0
    seed: int = 1
    pixels: int = 8 * 256 * 96
    lr: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    average: float = 0.995
    held_out: int = 24
    validate_every: int = 500
    checkpoint_every_minutes: float = 4.0
    threads: int = 2
    init: str = ""

    def __post_init__(self) -> None:
        if self.minutes <= 0 and self.steps <= 0:
            raise ArgumentError("the training has no end", remedy="Give minutes or steps")
        if self.pixels < COARSEST**2 or self.lr <= 0 or not 0 <= self.average < 1:
            raise ArgumentError("pixels, lr and average of the detector's training are impossible")
