"""The optimisers of generator and discriminator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ReVerteRLib.training.config import OptimiserConfig


class MuonAdamW:
    """Muon for the convolutions, AdamW for everything else, under one learning rate.

    Muon (Jordan et al. 2024) orthogonalises the momentum of a matrix; a convolution counts as the matrix of its
    outputs against all its inputs. Its step is scaled to AdamW's (Liu et al. 2025), so both share rate and decay.
    Behaves like a torch optimiser as far as the training loop needs it.
    """

    def __init__(self, network: nn.Module, lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        convolutions = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)
        chosen = {
            id(part.weight)
            for part in network.modules()
            if isinstance(part, convolutions) and part.weight.numel() > part.weight.shape[0] and part.out_channels > 1
        }
        self._matrices = [p for p in network.parameters() if id(p) in chosen]
        rest = [p for p in network.parameters() if id(p) not in chosen]
        self._proxies = [nn.Parameter(_matrix(p.detach())) for p in self._matrices]
        self._muon = torch.optim.Muon(
            self._proxies, lr=lr, weight_decay=weight_decay, momentum=betas[0], adjust_lr_fn="match_rms_adamw"
        )
        self._adamw = torch.optim.AdamW(rest, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of both optimisers."""
        return [*self._muon.param_groups, *self._adamw.param_groups]

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Forgets all gradients."""
        for parameter in self._matrices:
            parameter.grad = None
        self._muon.zero_grad(set_to_none=set_to_none)
        self._adamw.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """One step of both; the matrices share the memory of the network's weights."""
        for proxy, parameter in zip(self._proxies, self._matrices, strict=True):
            proxy.grad = None if parameter.grad is None else _matrix(parameter.grad)
        self._muon.step()
        self._adamw.step()

    def state_dict(self) -> dict[str, Any]:
        """State of both."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


Optimiser = torch.optim.Optimizer | MuonAdamW


def build_optimiser(network: nn.Module, config: OptimiserConfig, lr: float) -> Optimiser:
    """'adam', 'adamw' or 'muon' over all parameters of a network."""
    if config.name == "muon":
        return MuonAdamW(network, lr, config.betas, config.weight_decay)
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(network.parameters(), lr=lr, betas=config.betas, weight_decay=config.weight_decay)


def _matrix(values: Tensor) -> Tensor:
    """[out, in, ...] as [out, ... * in]; a view where the memory order is channels-last."""
    return values.movedim(1, -1).flatten(1)
