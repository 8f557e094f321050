"""Inputs of a few voxels: convolutions give the right gradients in bfloat16, instance norms let single voxels pass."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ReVerteRLib.networks.small_inputs import exact_small_convolutions, tolerate_single_voxels


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Conv2d(16, 32, 3, 2, 1), (4, 16, 1, 1)),
        (lambda: nn.Conv3d(16, 32, 3, 1, 1), (4, 16, 2, 2, 2)),
        (lambda: nn.Conv3d(16, 32, 4, 1, 1), (4, 16, 3, 3, 3)),
        (lambda: nn.ConvTranspose3d(16, 32, 3, 1, 1), (4, 16, 2, 2, 2)),
        (lambda: nn.Conv3d(16, 32, 3, 1, 1), (2, 16, 8, 8, 8)),
    ],
)
def test_gradients_in_bfloat16_are_those_of_float32(layer, shape):
    torch.manual_seed(0)
    exact = layer()
    guarded = exact_small_convolutions(copy.deepcopy(exact))
    x = torch.randn(*shape)
    exact(x).square().sum().backward()
    for _ in range(8):  # what was wrong came and went with the contents of freed memory
        junk = [torch.full((1 << power,), float("nan")) for power in range(8, 20)]
        del junk
        guarded.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            guarded(x).float().square().sum().backward()
        found, wanted = guarded.weight.grad, exact.weight.grad
        assert torch.isfinite(found).all()
        assert float((found - wanted).norm() / wanted.norm()) < 0.02


def test_only_inputs_as_small_as_the_kernel_are_computed_in_float32_and_copies_are_guarded_too():
    network = exact_small_convolutions(nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU()))
    again = copy.deepcopy(network)
    again[0].weight.data.zero_()
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.ones(1, 1, 8, 8, 8)).dtype == torch.bfloat16
        assert network(torch.ones(1, 1, 8, 3, 8)).dtype == torch.float32
        assert again(torch.ones(1, 1, 2, 2, 2)).dtype == torch.float32
    assert float(network(torch.ones(1, 1, 8, 8, 8)).detach().std()) > 0
    assert list(network.state_dict()) == ["0.weight", "0.bias"]


def test_instance_norms_pass_single_voxels_and_normalise_the_rest():
    norm = nn.Sequential(nn.InstanceNorm3d(2))
    single, several = torch.randn(3, 2, 1, 1, 1), torch.randn(3, 2, 2, 2, 2)
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        norm(single)
    wanted = norm(several)
    tolerate_single_voxels(norm)
    assert torch.equal(norm(single), single)
    assert torch.equal(norm(several), wanted)
