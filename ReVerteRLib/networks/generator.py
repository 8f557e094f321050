"""ReVerteR's generator: centroid fusion, lifting from 2D to 3D, and a residual 3D U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, interpolate, pad, relu

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.blocks import initialise, normalisation
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.lifting import Box, crop, lift_pair
from ReVerteRLib.networks.nonlocal_block import NonLocalBlock
from ReVerteRLib.networks.resunet3d import ResUNet3d
from ReVerteRLib.networks.stem import ViewStem

UNKNOWN_LEVEL = len(LEVELS)
OUTSIDE_LOGIT = -20.0
"""Of voxels outside the network's region."""
_PRIOR_UNIT = 4.0  # mm; the shapes' distances end about there
_SURFACE_MM = 1.5
_POSITION_UNIT = 60.0  # voxels; brings coordinates of a 120 voxel patch to -1..1


class ReVerteRGenerator(nn.Module):
    """Two patches of one vertebra to the logits of its mask.

    The tensors: ap, lateral [B, 2, S, S] (image, centroid mask; axes [z, x] and [z, y]); level [B] int64, the order
    of the vertebral level, negative or None for unknown; centroid_zyx [B, 3] in patch voxels, None for the patch's
    middle; perspective [B, 2, 4] as PatchGrid.perspective gives it, None or zeros for parallel rays; prior
    [B, 1, S/t, S/t, S/t] with t = `config.stride`, the signed distance in mm to the usual shape (negative inside),
    needed with `config.shape_prior` only. S must be a multiple of `config.divisor`.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        image_channels = 2 if config.use_centroid else 1
        self.nonlocal_ap, self.nonlocal_lateral = _attention_pair(config, image_channels)
        self.level = nn.Embedding(UNKNOWN_LEVEL + 1, config.level_embedding) if config.level_embedding else None
        extra = config.level_embedding + (3 if config.position_channels else 0)
        if config.stem_channels:
            stem_in = image_channels + (2 if config.stem_coordinates else 0)
            self.stem_ap, self.stem_lateral = ViewStem(stem_in, config), ViewStem(stem_in, config)
            initialise(self)
            lifted = len(config.trunk_channels) if config.multiscale_lifting else 1
            pairs = list(zip(config.stem_channels, config.trunk_channels, strict=False))[:lifted]
            self.fusion = nn.ModuleList(
                ViewFusion(*pair, config, light=config.light_finest and depth == 0) for depth, pair in enumerate(pairs)
            )
            self.extra = nn.Conv3d(extra, config.trunk_channels[0], 1) if extra else None
            trunk_in = config.trunk_channels[0]
            self.prior = PriorInput(config) if config.shape_prior else None
        else:
            self.prior = None
            trunk_in = 2 * image_channels + extra
        self.trunk = ResUNet3d(trunk_in, config)

    def forward(
        self,
        ap: Tensor,
        lateral: Tensor,
        level: Tensor | None = None,
        centroid_zyx: Tensor | None = None,
        perspective: Tensor | None = None,
        *,
        prior: Tensor | None = None,
        full_resolution: bool = True,
    ) -> Tensor:
        """Logits [B, 1, S, S, S]; with full_resolution=False those of the trunk at its stride, in its region only.

        Raises ArgumentError for patches of an impossible size and for a missing prior.
        """
        self._check(ap, lateral, prior)
        size, box = ap.shape[-1], self.config.box(ap.shape[-1])
        centre = self._centre(ap, centroid_zyx)
        embedded = self._embed(level, ap)
        if not self.config.use_centroid:
            ap, lateral = ap[:, :1], lateral[:, :1]
        if self.config.stem_channels:
            volume, injected = self._lift_features(ap, lateral, embedded, centre, box, centroid_zyx, perspective)
        else:
            volume, injected = self._lift_pixels(ap, lateral, embedded, centre, box, centroid_zyx, perspective), []
        usual = None if self.prior is None or prior is None else crop(prior, box, self.config.stride)
        if self.prior is not None and usual is not None:
            volume, injected = self.prior(volume, injected, usual)
        logits = self.trunk(volume, injected, embedded if self.config.film else None)
        if self.prior is not None and usual is not None:
            logits = logits.float() - self.prior.gain * usual
        if full_resolution and self.config.stride > 1:
            scale = float(self.config.stride)
            logits = interpolate(logits.float(), scale_factor=scale, mode="trilinear", align_corners=False)
        if full_resolution and self.config.region:
            z, y, x = ((part.start, size - part.stop) for part in box)
            logits = pad(logits, (*x, *y, *z), value=OUTSIDE_LOGIT)
        return logits

    def _check(self, ap: Tensor, lateral: Tensor, prior: Tensor | None) -> None:
        size, divisor = ap.shape[-1], self.config.divisor
        if ap.shape != lateral.shape or ap.shape[1:] != (2, size, size) or size % divisor:
            raise ArgumentError(
                f"patches of shape {tuple(ap.shape)} and {tuple(lateral.shape)} do not fit the network",
                remedy=f"Both must be [B, 2, S, S] with S a multiple of {divisor}",
            )
        wanted = (ap.shape[0], 1, *(size // self.config.stride,) * 3)
        if self.config.shape_prior and (prior is None or prior.shape != wanted):
            raise ArgumentError(
                f"the usual shape is {'missing' if prior is None else f'given as {tuple(prior.shape)}'}",
                remedy=f"This network needs its signed distance as {wanted}; see ShapeModel.distance",
            )

    def _centre(self, ap: Tensor, centroid_zyx: Tensor | None) -> Tensor:
        """[B, 3] origin of the position channels."""
        if centroid_zyx is None or not self.config.use_centroid:
            return torch.full((ap.shape[0], 3), (ap.shape[-1] - 1) / 2.0, device=ap.device)
        return centroid_zyx.to(ap.device, torch.float32)

    def _embed(self, level: Tensor | None, ap: Tensor) -> Tensor | None:
        if self.level is None:
            return None
        if level is None:
            level = torch.full((ap.shape[0],), -1, device=ap.device)
        return self.level(torch.where(level < 0, UNKNOWN_LEVEL, level))

    def _lift_pixels(
        self, ap: Tensor, lateral: Tensor, embedded: Tensor | None, centre: Tensor, box: Box, *rays: Tensor | None
    ) -> Tensor:
        centroid_zyx, perspective = rays
        if self.nonlocal_ap is not None and self.nonlocal_lateral is not None:
            ap, lateral = self.nonlocal_ap(ap), self.nonlocal_lateral(lateral)
        parts = [*lift_pair(ap, lateral, perspective, centroid_zyx, box=box)]
        parts += [crop(part, box) for part in self._condition_channels(embedded, centre, ap.shape[-1])]
        return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last_3d)

    def _lift_features(
        self, ap: Tensor, lateral: Tensor, embedded: Tensor | None, centre: Tensor, box: Box, *rays: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Volume for the trunk's finest level and those for the coarser ones."""
        centroid_zyx, perspective = rays
        size = ap.shape[-1]
        if self.config.stem_coordinates:
            ap = torch.cat([ap, _plane_position(centre[:, [0, 2]], size)], dim=1)
            lateral = torch.cat([lateral, _plane_position(centre[:, [0, 1]], size)], dim=1)
        level = embedded if self.config.film else None
        features = zip(
            self.stem_ap(ap, level, self.nonlocal_ap),
            self.stem_lateral(lateral, level, self.nonlocal_lateral),
            strict=True,
        )
        volumes = [
            fuse(*pair, perspective, centroid_zyx, 2 ** (depth + 1), box=box)
            for depth, (fuse, pair) in enumerate(zip(self.fusion, features, strict=False))
        ]
        for term in self._condition_terms(embedded, centre, box):
            volumes[0] = volumes[0] + term.to(volumes[0].dtype)
        # A light first level adds the decoder's features before its ReLU, so that it sees their sum.
        return volumes[0] if self.config.light_finest else relu(volumes[0]), volumes[1:]

    def _condition_terms(self, embedded: Tensor | None, centre: Tensor, box: Box) -> list[Tensor]:
        """The 1x1x1 convolution of position and level channels, as a plane and a line whose sum is the volume.

        It is linear and every channel depends on one axis at most, so no channel need be stored as a volume.
        """
        if self.extra is None or self.extra.bias is None:
            return []
        weight, constant = self.extra.weight.flatten(1), self.extra.bias[None]
        if embedded is not None:
            constant = constant + embedded @ weight[:, -embedded.shape[1] :].T
        if not self.config.position_channels:
            return [constant[:, :, None, None, None]]
        stride = self.config.stride
        axes = [torch.arange(b.start, b.stop, stride, device=centre.device) + (stride - 1) / 2.0 for b in box]
        relative = [(axis - centre[:, i, None]) / _POSITION_UNIT for i, axis in enumerate(axes)]
        z, y, x = (weight[None, :, i, None] * relative[i][:, None] for i in range(3))
        plane = (z + constant[:, :, None])[:, :, :, None] + x[:, :, None]
        return [plane[:, :, :, None], y[:, :, None, :, None]]

    def _condition_channels(self, embedded: Tensor | None, centre: Tensor, size: int) -> list[Tensor]:
        """Position relative to the centroid and level embedding as volumes."""
        parts: list[Tensor] = []
        if self.config.position_channels:
            axis = torch.arange(size, device=centre.device, dtype=torch.float32)
            grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
            parts.append((grid[None] - centre[:, :, None, None, None]) / _POSITION_UNIT)
        if embedded is not None:
            parts.append(embedded[:, :, None, None, None].expand(-1, -1, size, size, size))
        return parts


class ViewFusion(nn.Module):
    """Lifts both views and mixes them: a 1x1x1 convolution of their concatenation, optionally plus their product.

    The convolution acts in 2D before lifting, which gives the same result for a small part of the cost.
    """

    def __init__(self, channels_in: int, channels_out: int, config: GeneratorConfig, *, light: bool = False) -> None:
        """light: neither product nor norm."""
        super().__init__()
        self.width = channels_out
        width = channels_out * (2 if config.product_fusion and not light else 1)
        self.ap, self.lateral = nn.Conv2d(channels_in, width, 1), nn.Conv2d(channels_in, width, 1)
        self.norm = nn.Identity() if light else normalisation(config.norm, channels_out, 3)
        initialise(self)

    def forward(
        self,
        ap: Tensor,
        lateral: Tensor,
        perspective: Tensor | None,
        centroid_zyx: Tensor | None,
        stride: int,
        *,
        box: Box | None = None,
    ) -> Tensor:
        """[B, C, S, S] twice to [B, C_out, Z, Y, X] at this stride of the patch, in the box of patch voxels."""
        # Split before lifting: the gradient of a slice of a volume would be a whole volume of zeros.
        parts = zip(self.ap(ap).split(self.width, 1), self.lateral(lateral).split(self.width, 1), strict=True)
        lifted = [lift_pair(*pair, perspective, centroid_zyx, stride, box=box) for pair in parts]
        mixed = lifted[0][0] + lifted[0][1]
        if len(lifted) > 1:
            mixed = torch.addcmul(mixed, *lifted[1])
        return self.norm(mixed.contiguous(memory_format=torch.channels_last_3d))


class PriorInput(nn.Module):
    """Feeds the signed distance to the usual shape to the trunk's two finest levels.

    The convolutions start at zero, so that a network trained without them starts as what it was.
    gain: weight in logits a mm of the distance that is added to the trunk's logits.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv3d(2, width, 1, bias=False) for width in config.trunk_channels[:2])
        for level in self.levels:
            nn.init.zeros_(level.weight)  # type: ignore[arg-type]
        self.gain = nn.Parameter(torch.tensor([0.9]))

    def forward(self, volume: Tensor, injected: list[Tensor], usual_mm: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The first two of the trunk's inputs with the distance [B, 1, Z, Y, X] mixed in."""
        seen = torch.cat([usual_mm / _PRIOR_UNIT, torch.exp(-((usual_mm / _SURFACE_MM) ** 2))], dim=1)
        first = volume + self.levels[0](seen).to(volume.dtype)
        second = injected[0] + self.levels[1](avg_pool3d(seen, 2)).to(injected[0].dtype)
        return first, [second, *injected[1:]]


def _attention_pair(config: GeneratorConfig, image_channels: int) -> tuple[NonLocalBlock | None, NonLocalBlock | None]:
    if not config.use_nonlocal:
        return None, None
    stem = config.stem_channels
    channels = stem[min(1, len(stem) - 1)] if stem else image_channels
    first = NonLocalBlock(channels, config.nonlocal_inter_channels)
    second = first if config.nonlocal_shared else NonLocalBlock(channels, config.nonlocal_inter_channels)
    return first, second


def _plane_position(centre: Tensor, size: int) -> Tensor:
    """[B, 2, S, S] pixel position relative to a point [B, 2]."""
    axis = torch.arange(size, device=centre.device, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    return (grid[None] - centre[:, :, None, None]) / _POSITION_UNIT
