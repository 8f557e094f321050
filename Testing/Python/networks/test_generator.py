"""The generator: presets, shapes, conditions, ablation switches, storage."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.blocks import to_channels_last
from ReVerteRLib.networks.config import GeneratorConfig, preset
from ReVerteRLib.networks.generator import OUTSIDE_LOGIT
from ReVerteRLib.networks.registry import build_discriminator, build_generator, count_parameters

PAPER, FAST, RECOMMENDED = preset("paper"), preset("fast"), preset("recommended")
TINY_PAPER = dataclasses.replace(PAPER, trunk_channels=(4, 8), trunk_blocks=(1, 1))
TINY_FAST = dataclasses.replace(
    FAST,
    stem_channels=(8, 8),
    trunk_channels=(4, 8),
    trunk_blocks=(1, 1),
    nonlocal_inter_channels=4,
    level_embedding=8,
    light_finest=False,
    region=(),
    shape_prior=False,
)

TINY_RECOMMENDED = dataclasses.replace(
    RECOMMENDED,
    stem_channels=(8, 8),
    trunk_channels=(4, 8, 8),
    trunk_blocks=(0, 1, 1),
    nonlocal_inter_channels=4,
    level_embedding=8,
    region=(4, 16, 0, 16, 0, 12),
    shape_prior=False,
)
TINY_PRIOR = dataclasses.replace(TINY_RECOMMENDED, shape_prior=True)


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    return torch.randn(2, 2, 16, 16), torch.randn(2, 2, 16, 16)


def tiny(config: GeneratorConfig) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_generator(config).eval()


def test_paper_preset_is_the_published_network() -> None:
    network = build_generator(PAPER)
    first = network.trunk.encoder[0][0].conv1
    assert (first.in_channels, first.out_channels, first.stride) == (4, 16, (1, 1, 1))
    assert network.nonlocal_ap.theta.weight.shape == (1, 2, 1, 1)
    assert network.nonlocal_ap is not network.nonlocal_lateral
    assert sum(isinstance(m, torch.nn.BatchNorm3d) for m in network.modules()) > 10
    assert count_parameters(network) == pytest.approx(1.42e6, rel=0.01)
    assert count_parameters(build_generator(FAST)) < 3.0e6  # under 20 MB even in float32


@pytest.mark.parametrize("name", ["paper", "fast", "recommended"])
@pytest.mark.parametrize("size", [24, 40])
def test_every_size_divisible_by_eight_gives_full_resolution_logits(name: str, size: int) -> None:
    config = preset(name)
    prior = torch.full((1, 1, *(size // 2,) * 3), 4.0) if config.shape_prior else None
    network = build_generator(config).eval()
    with torch.inference_mode():
        logits = network(torch.randn(1, 2, size, size), torch.randn(1, 2, size, size), prior=prior)
    assert logits.shape == (1, 1, size, size, size)
    assert torch.isfinite(logits).all()


def test_fast_preset_also_gives_the_logits_of_its_trunk(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    network = tiny(TINY_FAST)
    with torch.inference_mode():
        coarse, fine = network(*images, full_resolution=False), network(*images)
    assert coarse.shape == (2, 1, 8, 8, 8)
    up = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="trilinear", align_corners=False)
    torch.testing.assert_close(fine, up)


@pytest.mark.parametrize("config", [TINY_PAPER, TINY_FAST])
def test_the_ap_image_moves_z_and_x_and_the_lateral_image_z_and_y(config: GeneratorConfig) -> None:
    """A spot in one image changes the volume around its two coordinates and all along the beam."""
    depth_one = {"trunk_channels": (8,), "trunk_blocks": (1,), "stem_channels": config.stem_channels[:1]}
    network = tiny(dataclasses.replace(config, use_nonlocal=False, norm="batch", **depth_one))
    flat = torch.zeros(1, 2, 48, 48)
    spot = flat.clone()
    spot[0, 0, 8:10, 34:36] = 5.0
    with torch.inference_mode():
        nothing = network(flat, flat)
        by_ap, by_lateral = (network(spot, flat) - nothing).abs(), (network(flat, spot) - nothing).abs()
    for change, across, along in ((by_ap, 2, 1), (by_lateral, 1, 2)):
        profiles = [change[0, 0].sum(dim=[d for d in range(3) if d != axis]) for axis in range(3)]
        centres = [float((profile * torch.arange(48)).sum() / profile.sum()) for profile in profiles]
        assert centres[0] == pytest.approx(8.5, abs=2.0)
        assert centres[across] == pytest.approx(34.5, abs=2.0)
        assert float(profiles[along].min()) > 0.2 * float(profiles[along].max())


def test_level_centroid_and_perspective_reach_the_output(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.manual_seed(0)
    network = build_generator(TINY_FAST).eval()
    for module in network.modules():
        if type(module).__name__ == "Film":
            torch.nn.init.normal_(module.linear.weight, std=0.3)
    centre = torch.full((2, 3), 7.5)
    rays = torch.tensor([[[7.5, 7.5, 0.02, 0.02]] * 2] * 2)
    with torch.inference_mode():
        base = network(*images, torch.tensor([3, 3]), centre)
        other_level = network(*images, torch.tensor([3, 20]), centre)
        moved = network(*images, torch.tensor([3, 3]), centre + torch.tensor([0.0, 3.0, 0.0]))
        cone = network(*images, torch.tensor([3, 3]), centre, rays)
        parallel = network(*images, torch.tensor([3, 3]), centre, torch.zeros(2, 2, 4))
        unknown = network(*images, torch.tensor([-1, -1]), centre)
        unnamed = network(*images, None, None)
    assert torch.equal(base, parallel)
    torch.testing.assert_close(base[0], other_level[0])
    torch.testing.assert_close(unknown, unnamed)
    for changed in (other_level[1] - base[1], moved - base, cone - base, unknown - base):
        assert changed.abs().max() > 1e-3


@pytest.mark.parametrize("config", [TINY_PAPER, TINY_FAST, TINY_RECOMMENDED])
def test_ablation_switches_remove_what_they_name(
    config: GeneratorConfig, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    ap, lateral = images
    without_centroid = tiny(dataclasses.replace(config, use_centroid=False))
    other = ap.clone()
    other[:, 1] = torch.randn_like(other[:, 1])
    centre = torch.full((2, 3), 4.0)
    with torch.inference_mode():
        assert torch.equal(
            without_centroid(ap, lateral, None, centre), without_centroid(other, lateral, None, centre + 2.0)
        )
        with_centroid = tiny(config)
        assert not torch.equal(with_centroid(ap, lateral), with_centroid(other, lateral))
    names = [name for name, _ in tiny(dataclasses.replace(config, use_nonlocal=False)).named_parameters()]
    assert not [name for name in names if "nonlocal" in name]
    shared = tiny(dataclasses.replace(config, nonlocal_shared=True))
    assert shared.nonlocal_ap is shared.nonlocal_lateral


@pytest.mark.parametrize(
    "config", [TINY_PAPER, TINY_FAST, TINY_RECOMMENDED, dataclasses.replace(TINY_FAST, norm="batch")]
)
def test_every_parameter_gets_a_gradient(config: GeneratorConfig, images: tuple[torch.Tensor, torch.Tensor]) -> None:
    network = to_channels_last(build_generator(config)).train()
    for part in (network.nonlocal_ap, network.nonlocal_lateral):
        torch.nn.init.constant_(part.alpha, 0.5)
    for module in network.modules():
        if type(module).__name__ == "Film":
            torch.nn.init.normal_(module.linear.weight, std=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(*images, torch.tensor([1, 2]), torch.full((2, 3), 7.5))
    (logits.float() * torch.randn(logits.shape)).sum().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().any()]
    # A bias of phi shifts all keys alike, which softmax cancels.
    assert [name for name in missing if not name.endswith("phi.bias")] == []


def test_outside_its_region_there_is_background(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    network = tiny(TINY_RECOMMENDED)
    with torch.inference_mode():
        coarse, fine = network(*images, full_resolution=False), network(*images)
    assert coarse.shape == (2, 1, 6, 8, 6)
    up = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="trilinear", align_corners=False)
    torch.testing.assert_close(fine[:, :, 4:16, :, :12], up)
    assert (fine[:, :, :4] == OUTSIDE_LOGIT).all()
    assert (fine[..., 12:] == OUTSIDE_LOGIT).all()


def test_a_region_sees_what_the_whole_patch_sees_there(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """What reaches the trunk is the same; only the borders of its convolutions differ."""
    whole = tiny(dataclasses.replace(TINY_RECOMMENDED, region=(), norm="batch"))
    part = tiny(dataclasses.replace(TINY_RECOMMENDED, norm="batch"))
    part.load_state_dict(whole.state_dict())
    for network in (whole, part):
        network.trunk = torch.nn.Identity()
        network.trunk.forward = lambda volume, injected, _level: (volume, injected[0])
    with torch.inference_mode():
        fine, coarse = part(images[0], images[1], full_resolution=False)
        fine_whole, coarse_whole = whole(images[0], images[1], full_resolution=False)
    torch.testing.assert_close(fine, fine_whole[:, :, 2:8, :, :6])
    torch.testing.assert_close(coarse, coarse_whole[:, :, 1:4, :, :3])


def test_config_survives_json() -> None:
    for config in (PAPER, FAST, RECOMMENDED, dataclasses.replace(FAST, preset="custom", stem_channels=(8, 16, 24))):
        assert GeneratorConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert (PAPER.stride, PAPER.divisor, FAST.stride, FAST.divisor) == (1, 8, 2, 8)
    assert (RECOMMENDED.stride, RECOMMENDED.divisor) == (2, 8)
    assert [(part.start, part.stop) for part in RECOMMENDED.box(120)] == [(16, 112), (16, 120), (0, 120)]
    with pytest.raises(ArgumentError, match="does not reach"):
        RECOMMENDED.box(16)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"stem_chanels": [8]}, "unknown generator setting stem_chanels"),
        ({"norm": "layer"}, "norm 'layer'"),
        ({"trunk_channels": [8, 16]}, "differ in length"),
        ({"trunk_channels": [8, -1], "trunk_blocks": [1, 1]}, "positive integers"),
        ({"film": True}, "film needs a level embedding"),
        ({"product_fusion": True}, "need a stem"),
        ({"preset": "x", "trunk_blocks": [0, 1, 1, 1]}, "needs multiscale_lifting"),
        ({"light_finest": True}, "light_finest needs"),
        ({"region": [0, 8, 0, 8, 0]}, "region .* is impossible"),
        ({"region": [0, 8, 0, 8, 0, 9]}, "region .* is impossible"),
        ({"region": [0, 8, 8, 8, 0, 8]}, "region .* is empty"),
    ],
)
def test_impossible_configs_are_refused_by_name(record: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        GeneratorConfig.from_dict(record)


def test_unknown_preset_and_wrong_patch_size_are_refused() -> None:
    with pytest.raises(ArgumentError, match="no network preset 'slow'"):
        preset("slow")
    with pytest.raises(ArgumentError, match="multiple of 8"):
        build_generator(PAPER)(torch.zeros(1, 2, 20, 20), torch.zeros(1, 2, 20, 20))


def test_discriminator_scores_patches() -> None:
    network = build_discriminator(4)
    assert network(torch.rand(2, 1, 40, 40, 40)).shape == (2, 1, 3, 3, 3)
    assert count_parameters(build_discriminator(64)) == pytest.approx(11.05e6, rel=0.01)
    assert count_parameters(build_discriminator(16)) == pytest.approx(0.70e6, rel=0.02)
    with pytest.raises(ArgumentError):
        build_discriminator(0)


def test_split_condition_terms_add_up_to_the_linear_map_of_position_and_level() -> None:
    """The planes and lines that the fast network adds equal a 1x1x1 convolution of all position and level channels."""
    network = tiny(TINY_FAST)
    centre, embedded = torch.tensor([[3.0, 7.5, 9.0], [7.5, 7.5, 7.5]]), torch.randn(2, TINY_FAST.level_embedding)
    axis = torch.arange(8) * 2.0 + 0.5
    position = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)[None] - centre[:, None, None, None]
    channels = torch.cat([position / 60.0, embedded[:, None, None, None].expand(2, 8, 8, 8, -1)], dim=-1)
    with torch.inference_mode():
        expected = network.extra(channels.permute(0, 4, 1, 2, 3))  # noqa: S610
        terms = network._condition_terms(embedded, centre, TINY_FAST.box(16))
    torch.testing.assert_close(sum(terms), expected, atol=1e-5, rtol=1e-5)


def test_the_usual_shape_is_refused_when_it_is_missing_or_of_another_size(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    network = tiny(TINY_PRIOR)
    with pytest.raises(ArgumentError, match="missing"):
        network(*images)
    with pytest.raises(ArgumentError, match="given as"):
        network(*images, prior=torch.zeros(2, 1, 16, 16, 16))


def test_an_untrained_prior_input_only_adds_the_distance_to_the_logits(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    with_prior, without = tiny(TINY_PRIOR), tiny(TINY_RECOMMENDED)
    missing, unexpected = with_prior.load_state_dict(without.state_dict(), strict=False)
    assert all(name.startswith("prior.") for name in missing)
    assert not unexpected
    distance = torch.randn(2, 1, 8, 8, 8)
    with torch.inference_mode():
        base = without(*images, full_resolution=False)
        shifted = with_prior(*images, prior=distance, full_resolution=False)
    expected = base - with_prior.prior.gain * distance[:, :, 2:8, :, :6]
    torch.testing.assert_close(shifted, expected)


def test_the_trunk_learns_from_the_usual_shape(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    network = tiny(TINY_PRIOR)
    distance = torch.randn(2, 1, 8, 8, 8)
    network(*images, prior=distance).square().mean().backward()
    for level in network.prior.levels:
        assert level.weight.grad.abs().max() > 0
    assert float(network.prior.gain.grad.abs()) > 0
