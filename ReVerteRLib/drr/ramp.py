"""What is integrated: a clipped and shifted copy of the stored values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SlabTransform = Callable[["Tensor"], "Tensor"]
"""Turns a slab of stored values (any number type) into a new float32 slab of what is integrated."""


@dataclass(frozen=True)
class Ramp:
    """min(max(value, low), high) - low, in float32; without limits the values themselves.

    A SlabTransform that can also write into memory that is there already: new memory for every slab costs more
    time than the arithmetic.
    """

    low: float | None = None
    high: float | None = None

    def __call__(self, slab: Tensor) -> Tensor:
        """A new float32 tensor."""
        import torch

        return self.into(slab, torch.empty(slab.shape, dtype=torch.float32, device=slab.device))

    def clipped(self, slab: Tensor, out: Tensor) -> Tensor:
        """Overwrites `out` (same shape) with min(max(value, low), high) and returns it."""
        out.copy_(slab)
        if self.low is not None or self.high is not None:
            out.clamp_(self.low, self.high)
        return out

    def into(self, slab: Tensor, out: Tensor) -> Tensor:
        """Overwrites `out` (same shape) and returns it."""
        self.clipped(slab, out)
        return out.sub_(self.low) if self.low else out


as_float = Ramp()
"""The stored values themselves."""


def written(transform: SlabTransform, slab: Tensor, out: Tensor) -> Tensor:
    """`transform(slab)` in the memory of `out`, without a temporary copy where the transform is a Ramp."""
    return transform.into(slab, out) if isinstance(transform, Ramp) else out.copy_(transform(slab))


def clipped(transform: SlabTransform, slab: Tensor, out: Tensor) -> Tensor:
    """`transform(slab) + shift_of(transform)` in the memory of `out`: one pass less for whoever adds many values."""
    return transform.clipped(slab, out) if isinstance(transform, Ramp) else out.copy_(transform(slab))


def shift_of(transform: SlabTransform) -> float:
    """What is still to be subtracted from each value of `clipped`."""
    return transform.low or 0.0 if isinstance(transform, Ramp) else 0.0
