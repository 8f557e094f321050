"""What a generator consists of; stored with its weights, so that a file alone rebuilds the network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ReVerteRLib.errors import ArgumentError

Norm = Literal["batch", "group"]
Upsampling = Literal["transpose", "trilinear"]
Skips = Literal["concat", "add"]
PRESETS = ("paper", "fast", "recommended")


@dataclass(frozen=True)
class GeneratorConfig:
    """Every choice in the generator. The defaults are the paper's network.

    preset:                  name that reports show; "custom" after changes by hand.
    use_centroid:            False drops the centroid channel (ablation "without centroid") and measures positions
                             from the patch's middle.
    use_nonlocal:            False drops the attention (ablation "without non-local").
    nonlocal_inter_channels: width of theta, phi and sigma; 1 in the paper ("to one dimension").
    nonlocal_shared:         one attention block for both views instead of one each.
    stem_channels:           () lifts the raw pixels as the paper does; otherwise widths of a small 2D U-Net per view
                             at strides 2, 4, 8 of the patch. The attention then works on its stride-4 features.
    stem_coordinates:        the stem also sees the pixel position relative to the centroid (2 channels).
    product_fusion:          adds the product of both views to the lifted features (a learned "seen in both").
    multiscale_lifting:      lifts the stem's coarser features into the coarser levels of the trunk as well.
    position_channels:       the trunk sees the voxel position relative to the centroid (3 channels).
    level_embedding:         length of the learned vector per vertebral level, 0 for none.
    film:                    the level also scales and shifts features of the stem and the trunk (FiLM, Perez 2018).
    stem_blocks:             residual blocks per stride of the stem's encoder.
    trunk_channels:          widths of the residual 3D U-Net from fine to coarse.
    trunk_blocks:            residual blocks per level in the encoder; 0 for the first level leaves its lifted features
                             to the decoder alone, and the encoder starts from those of the second level.
    light_finest:            the first level of the decoder is one convolution without norm instead of a residual block,
                             and its lifted features have neither norm nor product: most of the time goes there, most
                             of the shape is decided below.
    region:                  () or z0, z1, y0, y1, x0, x1 in patch voxels: the trunk works in this box only and takes
                             everything outside for background. Multiples of `divisor`; clipped to smaller patches.
    norm:                    "batch" as in the paper, or "group", which does not depend on the batch size.
    upsampling:              transposed convolution, or a 1x1x1 convolution and trilinear interpolation.
    skips:                   concatenated as in U-Net, or added, which saves a third of the decoder.
    head_bias:               start value of the last bias; -3 starts near the share of bone in a patch.
    shape_prior:             the trunk also sees the signed distance to the mean shape placed at the centroid (one
                             channel at its two finest levels), and the distance times a learned weight is added to
                             the logits: the network learns the difference from the usual shape.
    """

    preset: str = "paper"
    use_centroid: bool = True
    use_nonlocal: bool = True
    nonlocal_inter_channels: int = 1
    nonlocal_shared: bool = False
    stem_channels: tuple[int, ...] = ()
    stem_coordinates: bool = False
    stem_blocks: int = 1
    product_fusion: bool = False
    multiscale_lifting: bool = False
    position_channels: bool = False
    level_embedding: int = 0
    film: bool = False
    trunk_channels: tuple[int, ...] = (16, 32, 64, 128)
    trunk_blocks: tuple[int, ...] = (1, 1, 1, 1)
    norm: Norm = "batch"
    upsampling: Upsampling = "transpose"
    skips: Skips = "concat"
    light_finest: bool = False
    region: tuple[int, ...] = ()
    head_bias: float = 0.0
    shape_prior: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @property
    def stride(self) -> int:
        """Patch voxels per voxel of the trunk's output."""
        return 2 if self.stem_channels else 1

    @property
    def divisor(self) -> int:
        """The patch size must be a multiple of this."""
        depth = len(self.stem_channels) or len(self.trunk_channels)
        return int(self.stride * 2 ** (depth - 1))

    def box(self, size: int) -> tuple[slice, slice, slice]:
        """Where the trunk works in a patch of this size, in patch voxels. Raises ArgumentError when nothing is left."""
        if not self.region:
            return (slice(0, size),) * 3
        z0, z1, y0, y1, x0, x1 = (min(edge, size) for edge in self.region)
        if z0 >= z1 or y0 >= y1 or x0 >= x1:
            raise ArgumentError(
                f"a patch of {size} voxels does not reach the network's region", remedy="Use larger patches"
            )
        return slice(z0, z1), slice(y0, y1), slice(x0, x1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` restores an equal object."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> GeneratorConfig:
        """Inverse of `to_dict`. Raises ArgumentError for unknown names and impossible values."""
        names = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(record) - names):
            raise ArgumentError(
                f"unknown generator setting {', '.join(unknown)}", remedy=f"Known are: {', '.join(sorted(names))}"
            )
        try:
            values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
            return cls(**values)
        except TypeError as error:
            raise ArgumentError(f"a generator setting has the wrong type ({error})") from error


_OWN: dict[str, Any] = {
    "stem_coordinates": True,
    "product_fusion": True,
    "multiscale_lifting": True,
    "position_channels": True,
    "level_embedding": 16,
    "film": True,
    "trunk_blocks": (0, 1, 2, 2),
    "light_finest": True,
    "region": (16, 112, 16, 120, 0, 120),
    "norm": "group",
    "upsampling": "trilinear",
    "skips": "add",
    "head_bias": -3.0,
    "shape_prior": True,
}
"""What the networks of our own share."""


def preset(name: str) -> GeneratorConfig:
    """'paper': the published network. 'recommended': what measured best; works at half resolution in the box that
    holds a vertebra. 'fast': the same, narrower. Raises ArgumentError for other names.
    """
    if name == "paper":
        return GeneratorConfig()
    if name == "fast":
        return GeneratorConfig(
            preset="fast",
            nonlocal_inter_channels=16,
            stem_channels=(32, 48, 96),
            trunk_channels=(8, 32, 64, 96),
            **_OWN,
        )
    if name == "recommended":
        return GeneratorConfig(
            preset="recommended",
            nonlocal_inter_channels=24,
            stem_channels=(48, 96, 160),
            stem_blocks=2,
            trunk_channels=(8, 48, 96, 192),
            **_OWN,
        )
    raise ArgumentError(f"there is no network preset '{name}'", remedy=f"Use one of {', '.join(PRESETS)}")


def _check(config: GeneratorConfig) -> None:
    for wrong, what, remedy in (*_choices(config), *_structure(config), *_region(config)):
        if wrong:
            raise ArgumentError(what, where="generator", remedy=remedy)


_Rules = tuple[tuple[bool, str, str], ...]
"""Whether a rule is broken, what is wrong, and the remedy."""


def _choices(c: GeneratorConfig) -> _Rules:
    first = c.trunk_blocks[0] if c.trunk_blocks else None
    counts = (*c.trunk_blocks[1:], c.stem_blocks, c.nonlocal_inter_channels)
    widths = (*c.trunk_channels, *c.stem_channels, *counts)
    fine = all(isinstance(n, int) and n >= 1 for n in widths) and (first is None or (type(first) is int and first >= 0))
    return (
        (c.norm not in get_args(Norm), f"norm '{c.norm}' is unknown", "Use batch or group"),
        (
            c.upsampling not in get_args(Upsampling),
            f"upsampling '{c.upsampling}' is unknown",
            "Use transpose or trilinear",
        ),
        (c.skips not in get_args(Skips), f"skips '{c.skips}' is unknown", "Use concat or add"),
        (
            not c.trunk_channels or len(c.trunk_channels) != len(c.trunk_blocks),
            "trunk_channels and trunk_blocks differ in length",
            "Give one number of blocks per level",
        ),
        (not fine, f"widths and block counts {widths} must be positive integers", "Check the generator settings"),
    )


def _structure(c: GeneratorConfig) -> _Rules:
    stem, trunk = len(c.stem_channels), len(c.trunk_channels)
    skipped = c.trunk_blocks[0] == 0
    needs_stem = c.product_fusion or c.multiscale_lifting or c.stem_coordinates
    return (
        (
            c.level_embedding < 0 or (c.film and c.level_embedding == 0),
            "film needs a level embedding",
            "Set level_embedding to 8, or film to false",
        ),
        (
            stem == 0 and needs_stem,
            "product_fusion, multiscale_lifting and stem_coordinates need a stem",
            "Set stem_channels",
        ),
        (
            stem > 0 and trunk > stem and c.upsampling == "transpose",
            "a trunk deeper than the stem cannot use transposed convolutions",
            "Set upsampling to trilinear",
        ),
        (
            skipped and (not c.multiscale_lifting or min(stem, trunk) < 2),
            "a trunk without blocks at its first level needs multiscale_lifting and a second level",
            "Set trunk_blocks to 1 or more",
        ),
        (
            c.light_finest and (not skipped or c.skips != "add"),
            "light_finest needs a trunk without blocks at its first level and added skips",
            "Set the first of trunk_blocks to 0 and skips to add",
        ),
        (
            c.shape_prior and not (c.multiscale_lifting and min(stem, trunk) >= 2),
            "shape_prior needs multiscale_lifting and a second level",
            "Set multiscale_lifting, or shape_prior to false",
        ),
    )


def _region(c: GeneratorConfig) -> _Rules:
    edges = c.region
    fine = len(edges) == 6 and all(type(e) is int and e >= 0 and e % c.divisor == 0 for e in edges)
    ordered = all(low < high for low, high in zip(edges[::2], edges[1::2], strict=False))
    return (
        (bool(edges) and not fine, f"region {edges} is impossible", f"Give six multiples of {c.divisor}, 0 or more"),
        (not ordered, f"region {edges} is empty", "Give z0 < z1, y0 < y1, x0 < x1"),
    )
