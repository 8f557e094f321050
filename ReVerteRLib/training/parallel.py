"""Training on several devices at once: torchrun starts one process each, gradients are averaged between them.

Every process takes its part of each batch, so that N processes with batch B do what one does with batch N x B (up to
rounding; batch norm sees its own part). The first process writes everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ReVerteRLib.errors import ArgumentError, ResourceError


class Workers:
    """The processes of one training: `rank` of `size`; alone outside torchrun."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def average_gradients(self, network: nn.Module) -> None:
        """Replaces all gradients by their mean over the processes."""
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([g.reshape(-1) for g in gradients])
        torch.distributed.all_reduce(flat)
        parts = (flat / self.size).split([g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def share_first(self, value: float, device: torch.device) -> float:
        """The first process's value, in all of them."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=device)
        torch.distributed.broadcast(told, src=0)
        return float(told)

    def sum(self, values: Tensor) -> Tensor:
        """Sum over the processes."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def torchrun_workers(device: str = "auto") -> Iterator[Workers]:
    """The processes that torchrun has started (environment variables RANK, WORLD_SIZE, LOCAL_RANK); one without it.

    Each takes the GPU of its LOCAL_RANK (NCCL) where `device` allows it, else the processor (Gloo). Raises
    ArgumentError for impossible variables, ResourceError when the processes do not find each other.
    """
    try:
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
    except ValueError as error:
        raise ArgumentError("RANK, WORLD_SIZE or LOCAL_RANK is no number", remedy="Start with torchrun") from error
    if size == 1:
        yield Workers()
        return
    gpu = device != "cpu" and torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(local)
    try:
        torch.distributed.init_process_group("nccl" if gpu else "gloo", rank=rank, world_size=size)
    except (RuntimeError, ValueError) as error:
        raise ResourceError(f"the {size} processes did not find each other ({error})", remedy="Use torchrun") from error
    try:
        yield Workers(rank, size)
    finally:
        torch.distributed.destroy_process_group()
