"""The statistical shape model: mean shape, trend along the levels and principal modes per level group.

A shape is a signed distance map (negative in the bone) in the vertebra's local frame (`shapes.frame`), in units that
the vertebra's usual size takes out. Training shapes were doubled by mirror images, so means are symmetric and each
mode is either symmetric or antisymmetric: only the left half is kept. The mean of unaligned thin parts lies too far
outside them, so each mean is shifted until it holds the usual volume (T. Cootes et al., Active shape models, Computer
Vision and Image Understanding 61, 1995, for the modes; M. Leventon et al., CVPR 2000, for distance maps).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.shapes.frame import LocalFrame, local_frame

_SCALE_LIMITS = (0.8, 1.25)


@dataclass(frozen=True)
class LocalShape:
    """One shape in its local frame.

    distance_mm: float32 [z, y, x] signed distance, negative in the bone; z to the head, y to the back, x to the left.
    spacing_mm:  voxel size.
    origin_zyx:  voxel coordinates of the centroid.
    """

    distance_mm: NDArray[np.float32]
    spacing_mm: float
    origin_zyx: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        """Volume inside the surface."""
        return float(np.count_nonzero(self.distance_mm < 0.0)) * self.spacing_mm**3

    def distance_on(self, frame: LocalFrame, scale: float, grid: PatchGrid) -> NDArray[np.float32]:
        """Signed distance (mm) on a patch grid [z, y, x] after scaling and placing the shape."""
        matrix = grid.zyx_to_lps_mm
        to_local = frame.axes_lps[:, ::-1].T / (scale * self.spacing_mm)
        linear = to_local @ matrix[:3, :3]
        offset = to_local @ (matrix[:3, 3] - frame.origin_lps_mm) + np.array(self.origin_zyx)
        return _sampled(self.distance_mm, linear, offset, grid.size) * np.float32(scale)


def _sampled(values: NDArray[np.float32], linear: Array, offset: Array, size: int) -> NDArray[np.float32]:
    """Trilinear samples [z, y, x] of an array at `linear @ zyx + offset` for `size` voxels an edge.

    Beyond the outer voxels their value goes on. torch takes a third of the time of scipy.ndimage.
    """
    import torch

    # grid_sample wants x, y, z from -1 to 1 over the outer edges, and has one thread for each item of a batch
    unit = 2.0 / np.array(values.shape, dtype=np.float64)
    start, steps = (unit * (offset + 0.5) - 1.0)[::-1].astype(np.float32), (unit[:, None] * linear)[::-1]
    per_z, per_y, per_x = torch.from_numpy(np.ascontiguousarray(steps.T, dtype=np.float32))
    index = torch.arange(size, dtype=torch.float32)[:, None]
    plane = (index * per_y)[:, None] + index * per_x + torch.from_numpy(start.copy())
    grid = (index * per_z)[:, None, None] + plane
    parts = next(n for n in (4, 2, 1) if size % n == 0)
    source = torch.from_numpy(values)[None, None].expand(parts, 1, *values.shape)
    batch = grid.view(parts, size // parts, size, size, 3)
    found = torch.nn.functional.grid_sample(source, batch, "bilinear", "border", align_corners=False)
    result: NDArray[np.float32] = found.view(size, size, size).numpy()
    return result


@dataclass(frozen=True)
class GroupShapes:
    """What was learned from the vertebrae of neighbouring levels.

    levels:      names from the head down.
    mean, trend: float32 [z, y, x >= 0], the left half; shape of level k is mean + trend * (k - centre_index) with k
                 counted from the head of the group; mirrored to the right.
    modes:       float32 [m, z, y, x >= 0], each scaled to one standard deviation.
    symmetric:   per mode: +1 when it is the same on the right, -1 when it is the negative there.
    origin_zy:   voxel coordinates of the centroid; x = 0 is the middle plane.
    volume_mm3:  volume that the surface of a mean encloses.
    """

    levels: tuple[str, ...]
    spacing_mm: float
    origin_zy: tuple[float, float]
    centre_index: float
    volume_mm3: float
    mean: NDArray[np.float32]
    trend: NDArray[np.float32]
    modes: NDArray[np.float32]
    symmetric: tuple[int, ...]

    def field(self, level: Level, weights: ArrayLike = ()) -> LocalShape:
        """The mean of a level plus weighted modes (in standard deviations; missing weights are 0)."""
        index = self.levels.index(level.name)
        mean = self.mean + self.trend * np.float32(index - self.centre_index)
        full = _whole(mean, 1) - self._offset(mean)
        for weight, mode, sign in zip(np.ravel(weights), self.modes, self.symmetric, strict=False):
            full = full + np.float32(weight) * _whole(mode, sign)
        middle = float(mean.shape[2] - 1)
        return LocalShape(full.astype(np.float32), self.spacing_mm, (*self.origin_zy, middle))

    def _offset(self, half: NDArray[np.float32]) -> np.float32:
        """The distance at which the mean encloses the usual volume."""
        whole = _whole(half, 1).ravel()
        count = min(max(round(self.volume_mm3 / self.spacing_mm**3), 1), whole.size - 1)
        return np.float32(np.partition(whole, (count - 1, count))[count - 1 : count + 1].mean())


def _whole(half: NDArray[np.float32], sign: int) -> NDArray[np.float32]:
    """Both halves [z, y, x] from the left one; an antisymmetric map is 0 in the middle plane."""
    return np.concatenate([sign * half[:, :, :0:-1], half], axis=2)


@dataclass(frozen=True)
class LevelSize:
    """What is usual at one level.

    spacing_mm: distance to the neighbouring levels.
    scale:      size relative to the group's shapes (cube root of the volume).
    """

    spacing_mm: float
    scale: float


@dataclass(frozen=True)
class ShapeModel:
    """Shapes of all levels; from `load_shapes`.

    groups:           in the order of the levels.
    sizes:            by level name.
    spacing_exponent: how much of a spine's deviation in neighbour spacing a vertebra follows, 0 nothing, 1 all.
    """

    groups: tuple[GroupShapes, ...]
    sizes: Mapping[str, LevelSize]
    spacing_exponent: float

    def group(self, level: Level) -> GroupShapes:
        """The group of a level. Raises ArgumentError for the sacrum and for levels that were not learned."""
        found = self._by_level.get(level.name)
        if found is None:
            raise ArgumentError(f"there is no mean shape of {level.name}", remedy="Choose among C1 to L6")
        return found

    def mean(self, level: Level) -> LocalShape:
        """The mean shape of a level. Raises ArgumentError."""
        return self.group(level).field(level)

    def sample(self, level: Level, rng: np.random.Generator, *, strength: float = 1.0) -> LocalShape:
        """A random shape: modes drawn from normal distributions, cut at two standard deviations, times `strength`."""
        group = self.group(level)
        return group.field(level, strength * np.clip(rng.standard_normal(len(group.symmetric)), -2.0, 2.0))

    def scale(self, level: Level, spacing_mm: float | None) -> float:
        """Size of a level's shape where neighbours are `spacing_mm` apart (None: as usual)."""
        self.group(level)
        usual = self.sizes[level.name]
        if spacing_mm is None:
            return usual.scale
        relative = (spacing_mm / usual.spacing_mm) ** self.spacing_exponent
        return usual.scale * float(np.clip(relative, *_SCALE_LIMITS))

    def place(
        self,
        level: Level,
        centroid_lps_mm: ArrayLike,
        neighbours: CentroidSet,
        grid: PatchGrid,
        shape: LocalShape | None = None,
    ) -> NDArray[np.bool_]:
        """A shape (by default the mean) at a centroid, tilted and scaled as its neighbours tell: bool [z, y, x].

        neighbours: known centroids of the spine (the level itself may be among them). Raises ArgumentError for the
        sacrum and CentroidError for coinciding centroids.
        """
        return self.distance(level, centroid_lps_mm, neighbours, grid, shape) < 0.0

    def distance(
        self,
        level: Level,
        centroid_lps_mm: ArrayLike,
        neighbours: CentroidSet,
        grid: PatchGrid,
        shape: LocalShape | None = None,
    ) -> NDArray[np.float32]:
        """As `place`, but the signed distance in mm, negative in the bone; it stays at about 4 mm far from it."""
        frame = local_frame(level, centroid_lps_mm, neighbours)
        chosen = shape or self.mean(level)
        return chosen.distance_on(frame, self.scale(level, frame.spacing_mm), grid)

    @cached_property
    def _by_level(self) -> dict[str, GroupShapes]:
        return {name: group for group in self.groups for name in group.levels}


def points_local(shape_zyx: tuple[int, int, int], origin_zyx: ArrayLike, spacing_mm: float) -> Array:
    """(z, y, x, 3) left, posterior and cranial mm of the voxels of a local grid."""
    z, y, x = np.indices(shape_zyx, dtype=np.float64)
    return (np.stack([z, y, x], axis=-1) - np.asarray(origin_zyx))[..., ::-1] * spacing_mm
