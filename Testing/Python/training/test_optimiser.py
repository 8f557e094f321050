"""Muon beside AdamW: which weights it takes, what its step looks like, and how it resumes."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from ReVerteRLib.networks.blocks import to_channels_last
from ReVerteRLib.training.config import OptimiserConfig
from ReVerteRLib.training.optimiser import MuonAdamW, build_optimiser

MUON = OptimiserConfig(name="muon", betas=(0.95, 0.99))


def small_network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv3d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv3d(8, 8, 1), nn.Conv3d(8, 1, 1))
    return to_channels_last(layers)


def one_step(network: nn.Module, lr: float = 0.01) -> dict[str, torch.Tensor]:
    """The change of every parameter."""
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimiser = build_optimiser(network, MUON, lr)
    torch.manual_seed(1)
    network(torch.randn(2, 3, 5, 5, 5)).square().sum().backward()
    optimiser.step()
    return {name: p.detach() - before[name] for name, p in network.named_parameters()}


def test_the_step_of_a_convolution_is_nearly_orthogonal_and_as_long_as_adams() -> None:
    change = one_step(small_network())
    matrix = change["0.weight"].flatten(1)
    values = torch.linalg.svdvals(matrix)
    assert values.max() / values.min() < 2.5
    assert 0.1 < float(matrix.square().mean().sqrt()) / 0.01 < 0.4  # 0.2 times the rate, as AdamW's typical step
    adams = [float(change[name].abs().max()) for name in ("1.weight", "1.bias", "4.weight")]
    torch.testing.assert_close(torch.tensor(adams), torch.full((3,), 0.01), rtol=1e-2, atol=0.0)


def test_every_parameter_moves_and_matrices_share_the_memory_of_the_weights() -> None:
    network = small_network()
    assert all(values.abs().max() > 0 for values in one_step(network).values())
    optimiser = MuonAdamW(network, 0.01, (0.95, 0.99), 0.0)
    shared = {p.data_ptr() for group in optimiser.param_groups[:1] for p in group["params"]}
    assert shared == {network[0].weight.data_ptr(), network[3].weight.data_ptr()}


def test_its_state_continues_exactly() -> None:
    def steps(network: nn.Module, optimiser: MuonAdamW, seeds: range) -> None:
        for seed in seeds:
            torch.manual_seed(seed)
            optimiser.zero_grad()
            network(torch.randn(2, 3, 5, 5, 5)).square().sum().backward()
            optimiser.step()

    straight = small_network()
    first = MuonAdamW(straight, 0.01, (0.95, 0.99), 0.1)
    steps(straight, first, range(4))
    halved = small_network()
    second = MuonAdamW(halved, 0.01, (0.95, 0.99), 0.1)
    steps(halved, second, range(2))
    third = MuonAdamW(halved, 0.01, (0.95, 0.99), 0.1)
    third.load_state_dict(second.state_dict())
    steps(halved, third, range(2, 4))
    for one, two in zip(straight.parameters(), halved.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_rate_of_all_groups_can_be_set() -> None:
    network = small_network()
    optimiser = build_optimiser(network, dataclasses.replace(MUON, weight_decay=0.0), 0.01)
    before = [p.detach().clone() for p in network.parameters()]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    network(torch.randn(2, 3, 5, 5, 5)).square().sum().backward()
    optimiser.step()
    assert all(torch.equal(p, old) for p, old in zip(network.parameters(), before, strict=True))
