"""Eq. 1 of the paper."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ReVerteRLib.networks.nonlocal_block import NonLocalBlock, _tokens


def naive(block: NonLocalBlock, x: torch.Tensor) -> torch.Tensor:
    """Eq. 1 as printed, with the whole matrix."""
    theta, phi, sigma = (conv(x).flatten(2) for conv in (block.theta, block.phi, block.sigma))
    weights = torch.softmax(theta.transpose(1, 2) @ phi, dim=-1)  # [B, N, N]
    attended = (weights @ sigma.transpose(1, 2)).transpose(1, 2).reshape(x.shape[0], -1, *x.shape[2:])
    return x + block.alpha * block.back(attended)


@pytest.mark.parametrize(("channels", "inter"), [(2, 1), (1, 1), (24, 16)])
def test_fused_attention_equals_the_printed_formula(channels: int, inter: int) -> None:
    torch.manual_seed(3)
    block = NonLocalBlock(channels, inter)
    torch.nn.init.constant_(block.alpha, 0.7)
    x = 3.0 * torch.randn(2, channels, 12, 10)
    expected = naive(block, x)
    assert (expected - x).abs().max() > 0.05
    torch.testing.assert_close(block(x), expected, atol=2e-5, rtol=1e-5)


def test_the_fused_kernel_is_used_in_the_paper_block() -> None:
    """The other path stores the whole matrix, at 120 by 120 pixels 0.8 GB a view."""
    block, x = NonLocalBlock(2), torch.randn(1, 2, 16, 16)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        block(x).sum().backward()
    names = {event.key for event in profile.key_averages()}
    assert any("flash_attention_for_cpu" in name for name in names)
    assert not any("softmax" in name or "bmm" in name for name in names)


def test_zeros_that_fill_the_width_change_nothing() -> None:
    tokens = _tokens(torch.randn(2, 3, 4, 5), 8)
    assert tokens.shape == (2, 1, 20, 8)
    assert tokens.stride(-1) == 1
    torch.testing.assert_close(
        scaled_dot_product_attention(tokens, tokens, tokens, scale=1.0)[..., :3],
        scaled_dot_product_attention(*(3 * [tokens[..., :3].contiguous()]), scale=1.0),
    )


def test_attention_starts_as_the_identity_and_can_learn() -> None:
    block = NonLocalBlock(2)
    x = torch.randn(1, 2, 8, 8)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.alpha.grad is not None
    assert block.alpha.grad.abs() > 0


def test_the_paper_block_adds_one_value_to_both_channels() -> None:
    block = NonLocalBlock(2)
    torch.nn.init.constant_(block.alpha, 1.0)
    x = torch.randn(1, 2, 8, 8)
    change = block(x) - x
    torch.testing.assert_close(change[:, 0], change[:, 1], atol=1e-6, rtol=0)
