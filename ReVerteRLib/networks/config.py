"""What a generator consists of; stored with its weights, so that a file alone rebuilds the network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ReVerteRLib.errors import ArgumentError

Norm = Literal["batch", "group"]
Upsampling = Literal["transpose", "trilinear"]
Skips = Literal["concat", "add"]
PRESETS = ("paper", "fast")


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
    trunk_channels:          widths of the residual 3D U-Net from fine to coarse.
    trunk_blocks:            residual blocks per level in the encoder.
    norm:                    "batch" as in the paper, or "group", which does not depend on the batch size.
    upsampling:              transposed convolution, or a 1x1x1 convolution and trilinear interpolation.
    skips:                   concatenated as in U-Net, or added, which saves a third of the decoder.
    head_bias:               start value of the last bias; -3 starts near the share of bone in a patch.
    """

    preset: str = "paper"
    use_centroid: bool = True
    use_nonlocal: bool = True
    nonlocal_inter_channels: int = 1
    nonlocal_shared: bool = False
    stem_channels: tuple[int, ...] = ()
    stem_coordinates: bool = False
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
    head_bias: float = 0.0

    def __post_init__(self) -> None:
        _check(self)

    @property
    def stride(self) -> int:
        """Patch voxels per voxel of the trunk's output."""
        return 2 if self.stem_channels else 1

    @property
    def divisor(self) -> int:
        """The patch size must be a multiple of this."""
        depth = max(len(self.trunk_channels), len(self.stem_channels) if self.stem_channels else 1)
        return int(self.stride * 2 ** (depth - 1))

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


def preset(name: str) -> GeneratorConfig:
    """'paper': the published network. 'fast': works at half resolution, made for processors without a GPU."""
    if name == "paper":
        return GeneratorConfig()
    if name == "fast":
        return GeneratorConfig(
            preset="fast",
            nonlocal_inter_channels=16,
            stem_channels=(32, 64, 96),
            stem_coordinates=True,
            product_fusion=True,
            multiscale_lifting=True,
            position_channels=True,
            level_embedding=8,
            film=True,
            trunk_channels=(16, 48, 96),
            trunk_blocks=(1, 1, 2),
            norm="group",
            upsampling="trilinear",
            skips="add",
            head_bias=-3.0,
        )
    raise ArgumentError(f"there is no network preset '{name}'", remedy=f"Use one of {', '.join(PRESETS)}")


def _check(config: GeneratorConfig) -> None:
    def refuse(what: str, remedy: str) -> None:
        raise ArgumentError(what, where="generator", remedy=remedy)

    if config.norm not in get_args(Norm):
        refuse(f"norm '{config.norm}' is unknown", "Use batch or group")
    if config.upsampling not in get_args(Upsampling):
        refuse(f"upsampling '{config.upsampling}' is unknown", "Use transpose or trilinear")
    if config.skips not in get_args(Skips):
        refuse(f"skips '{config.skips}' is unknown", "Use concat or add")
    if not config.trunk_channels or len(config.trunk_channels) != len(config.trunk_blocks):
        refuse("trunk_channels and trunk_blocks differ in length", "Give one number of blocks per level")
    widths = (*config.trunk_channels, *config.trunk_blocks, *config.stem_channels, config.nonlocal_inter_channels)
    if not all(isinstance(n, int) and n >= 1 for n in widths):
        refuse(f"widths and block counts {widths} must be positive integers", "Check the generator settings")
    if config.level_embedding < 0 or (config.film and config.level_embedding == 0):
        refuse("film needs a level embedding", "Set level_embedding to 8, or film to false")
    if not config.stem_channels and (config.product_fusion or config.multiscale_lifting or config.stem_coordinates):
        refuse("product_fusion, multiscale_lifting and stem_coordinates need a stem", "Set stem_channels")
    if config.stem_channels and len(config.stem_channels) < len(config.trunk_channels) and config.multiscale_lifting:
        refuse("multiscale_lifting needs a stem as deep as the trunk", "Give as many stem_channels as trunk_channels")
