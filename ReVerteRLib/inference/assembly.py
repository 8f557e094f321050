"""Pastes the vertebrae's probability cubes into one labelled spine.

The common grid has the cubes' axes (so nothing is rotated) and spacing, and its voxel centres lie at whole multiples
of the spacing in LPS, whatever levels are chosen: results of several runs fit voxel by voxel. A cube lies at a
sub-voxel offset to it and is resampled trilinearly, which keeps its place exactly. Each voxel goes to the level with
the largest probability, if that reaches the threshold (paper: "combined ... by their centroids"; ties to the upper
level). Beyond the labels only a half-float map of the best probability is kept, whatever the number of levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.boxes import box_of
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array, PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.inference.halves import to_half, to_single

THRESHOLD = 0.5
_NEGLIGIBLE = 0.01
_ONE_VOXEL = (slice(0, 1),) * 3


@dataclass(frozen=True)
class LevelPatch:
    """One vertebra's probabilities in its cube.

    probability: [z, y, x] 0..1, any float type.
    grid:        the cube's place.
    """

    level: Level
    probability: NDArray[np.floating]
    grid: PatchGrid


@dataclass(frozen=True)
class LevelField:
    """One level in the common grid, cropped: where it is above 0.5 it owns the voxel.

    values: float32 [z, y, x] (z to the feet) with a border of zeros.
    zyx_to_lps_mm: 4x4 place of the crop.
    """

    level: Level
    values: NDArray[np.float32]
    zyx_to_lps_mm: Array


@dataclass(frozen=True)
class PasteGrid:
    """The common grid: axes [z to the feet, y to the back, x to the left].

    shape_zyx:       voxels.
    first_zyx:       whole-number lattice position of voxel (0, 0, 0) along the three axes.
    spacing_mm:      voxel size.
    """

    shape_zyx: tuple[int, int, int]
    first_zyx: tuple[int, int, int]
    spacing_mm: float

    @classmethod
    def around(cls, grids: Sequence[PatchGrid]) -> PasteGrid:
        """The smallest lattice box that holds all cubes. Raises ArgumentError for none or for mixed spacings."""
        spacings = {grid.spacing_mm for grid in grids}
        if len(spacings) != 1:
            raise ArgumentError("cubes of one voxel size are needed", remedy="Reconstruct all levels with one network")
        spacing = spacings.pop()
        starts = np.stack([_lattice_start(grid) for grid in grids])
        ends = starts + np.array([[grid.size - 1] for grid in grids])
        first, last = np.floor(starts.min(axis=0)).astype(int), np.ceil(ends.max(axis=0)).astype(int)
        z, y, x = (last - first + 1).tolist()
        return cls((z, y, x), (int(first[0]), int(first[1]), int(first[2])), spacing)

    @property
    def zyx_to_lps_mm(self) -> Array:
        """4x4 from voxel [z, y, x, 1] to LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.array([INFERIOR, POSTERIOR, LEFT]).T * self.spacing_mm
        matrix[:3, 3] = matrix[:3, :3] @ np.array(self.first_zyx, dtype=np.float64)
        return matrix

    def window(self, grid: PatchGrid) -> tuple[tuple[slice, slice, slice], Array]:
        """Voxels under a cube, and the cube coordinates (3,) of the first of them."""
        start = _lattice_start(grid) - np.array(self.first_zyx)
        low = np.floor(start).astype(int)
        high = np.minimum(np.ceil(start + grid.size - 1).astype(int) + 1, self.shape_zyx)
        z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return (z, y, x), low - start


def _lattice_start(grid: PatchGrid) -> Array:
    """Voxel (0, 0, 0) of a cube in lattice units along [z, y, x]."""
    axes = np.array([INFERIOR, POSTERIOR, LEFT])
    start: Array = axes @ grid.zyx_to_lps_mm[:3, 3] / grid.spacing_mm
    return start


def shifted(patch: LevelPatch, target: PasteGrid) -> tuple[tuple[slice, slice, slice], NDArray[np.float32]]:
    """The cube resampled to the common grid (trilinear, 0 outside) and the window that it fills.

    Only the box that holds all probabilities over 1 % is resampled; the rest cannot reach any threshold.
    """
    window, offset = target.window(patch.grid)
    whole = to_single(patch.probability)
    box = box_of(whole > _NEGLIGIBLE, margin=2) or _ONE_VOXEL
    values = whole[box]
    # One voxel more on each side, where the window has it, for the shift by part of a voxel.
    low = np.array([max(b.start - 1, 0) for b in box])
    start = offset + low - np.array([b.start for b in box])
    z, y, x = (
        slice(w.start + int(a), min(w.start + b.stop + 1, w.stop)) for w, a, b in zip(window, low, box, strict=True)
    )
    for axis, part in enumerate((z, y, x)):
        values = moved(values, axis, float(start[axis]), part.stop - part.start)
    return (z, y, x), values


def moved(values: NDArray[np.float32], axis: int, start: float, count: int) -> NDArray[np.float32]:
    """Linear interpolation along one axis at start, start + 1, ...; 0 beyond the outer voxels.

    All voxels are moved by the same part of a voxel, so an axis needs two reads a voxel and no general interpolation,
    which looks up every place.
    """
    first = int(np.floor(start))
    part = np.float32(start - first)
    low, high = max(0, -first), min(count, values.shape[axis] - first - int(part > 0.0))
    lines = np.moveaxis(values, axis, 0)
    out = np.zeros((*values.shape[:axis], count, *values.shape[axis + 1 :]), dtype=np.float32)
    if high > low:
        target = np.moveaxis(out, axis, 0)[low:high]
        target[:] = lines[first + low : first + high]
        if part > 0.0:
            target += part * (lines[first + low + 1 : first + high + 1] - target)
    return out


class SpineAssembly:
    """Collects levels one after another; order does not matter for the result except for exact ties."""

    def __init__(self, target: PasteGrid, threshold: float = THRESHOLD) -> None:
        self.target = target
        self._threshold = threshold
        self._labels = np.zeros(target.shape_zyx, dtype=np.uint8)
        self._best = np.zeros(target.shape_zyx, dtype=np.float16)
        self._pasted: dict[Level, tuple[tuple[slice, slice, slice], NDArray[np.float32]]] = {}

    def paste(self, patch: LevelPatch) -> None:
        """Adds one level."""
        window, values = self._pasted[patch.level] = shifted(patch, self.target)
        labels, best = self._labels[window], self._best[window]
        wins = (values >= self._threshold) & (to_single(to_half(values)) > to_single(best))
        labels[wins] = patch.level.verse_label
        best[wins] = values[wins]

    def labels(self) -> LabelVolume:
        """VerSe labels, uint8, as a right-handed volume with the axes L, P, S (identity direction)."""
        matrix = self.target.zyx_to_lps_mm
        top = matrix @ np.array([self.target.shape_zyx[0] - 1, 0, 0, 1.0])
        ijk_to_lps = np.diag([self.target.spacing_mm] * 3 + [1.0])
        ijk_to_lps[:3, 3] = top[:3]
        return LabelVolume(np.ascontiguousarray(self._labels[::-1]), ijk_to_lps, "reconstruction")

    def field(self, patch: LevelPatch) -> LevelField | None:
        """The level's probabilities where it won its voxels, for its surface; None when it won none.

        Voxels lost to a neighbour get one minus the neighbour's probability, so both surfaces meet and do not cross.
        The threshold is moved to 0.5.
        """
        kept = self._pasted.pop(patch.level) if patch.level in self._pasted else shifted(patch, self.target)
        window, values = kept
        labels, best = self._labels[window], to_single(self._best[window])
        own = labels == patch.level.verse_label
        crop = box_of(own, margin=2)
        if crop is None:
            return None
        values = _to_half(values, self._threshold)
        lost = (values >= 0.5) & ~own
        values[lost] = np.minimum(1.0 - _to_half(best[lost], self._threshold), np.float32(0.5 - 1e-3))
        values[own] = np.maximum(values[own], np.float32(0.5 + 1e-3))
        cropped = np.pad(values[crop], 1)
        first = np.array([w.start + c.start - 1 for w, c in zip(window, crop, strict=True)])
        matrix = self.target.zyx_to_lps_mm
        matrix[:3, 3] += matrix[:3, :3] @ first
        return LevelField(patch.level, cropped, matrix)


def _to_half(values: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Values with `threshold` moved to 0.5, piecewise linear."""
    if threshold == 0.5:
        return values
    return np.interp(values, [0.0, threshold, 1.0], [0.0, 0.5, 1.0]).astype(np.float32)


def assemble(patches: Iterable[LevelPatch], threshold: float = THRESHOLD) -> tuple[LabelVolume, list[LevelField]]:
    """All levels at once: the label volume and each level's field (levels that won no voxel are left out)."""
    ordered = sorted(patches, key=lambda p: p.level.order)
    if not ordered:
        raise ArgumentError("there is nothing to assemble", remedy="Reconstruct at least one level")
    assembly = SpineAssembly(PasteGrid.around([p.grid for p in ordered]), threshold)
    for patch in ordered:
        assembly.paste(patch)
    fields = [assembly.field(patch) for patch in ordered]
    return assembly.labels(), [f for f in fields if f is not None]
