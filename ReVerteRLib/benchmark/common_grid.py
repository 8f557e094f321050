"""All systems are judged on one grid, whatever cube and voxel size each works with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.patches import PatchSettings, VertebraPatches
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.inference.assembly import LevelPatch
from ReVerteRLib.inference.predictor import cut_patches
from ReVerteRLib.shapes.usual import UsualShape

if TYPE_CHECKING:
    from ReVerteRLib.inference.predictor import VertebraPredictor
    from ReVerteRLib.inference.runner import PatchRunner

COMMON = PatchSettings(size=136, spacing_mm=1.0, posterior_offset_mm=4.0)
"""Holds the cubes of all systems: 64 mm before the centroid (64 voxels of 2 mm) to 72 mm behind it."""


@dataclass(frozen=True)
class LevelSeconds:
    """What one vertebra cost: cutting its patches (with the usual shape, where it is asked for), and the network."""

    level: Level
    crop: float
    network: float


def on_common_grid(patch: LevelPatch) -> LevelPatch:
    """The probabilities resampled (trilinear, 0 outside their cube) onto the common grid of their centroid."""
    from scipy.ndimage import affine_transform

    own, common = patch.grid, COMMON.grid(patch.grid.centroid_lps_mm)
    to_own = np.linalg.inv(own.zyx_to_lps_mm) @ common.zyx_to_lps_mm
    values: NDArray[np.float32] = affine_transform(
        np.asarray(patch.probability, dtype=np.float32),
        np.diag(to_own[:3, :3]),
        to_own[:3, 3],
        (COMMON.size,) * 3,
        order=1,
        mode="constant",
    )
    return LevelPatch(patch.level, values, common)


class TrainedPredictor:
    """A trained network of the comparison; a `VertebraPredictor` on the common grid that notes its times.

    patches: how the network's patches are cut.
    prior_stride: of the usual shape that it also sees; 0 for none.
    """

    note = ""

    def __init__(self, name: str, runner: PatchRunner, patches: PatchSettings, prior_stride: int = 0) -> None:
        self.name, self.sha256 = name, ""
        self._runner, self._patches, self._stride = runner, patches, prior_stride
        self._usual = UsualShape() if prior_stride else None
        self.times: list[LevelSeconds] = []

    @property
    def notes(self) -> Sequence[str]:
        """The runner's."""
        return self._runner.notes

    @property
    def device(self) -> str:
        """The runner's."""
        return self._runner.device

    @property
    def batch_size(self) -> int:
        """The runner's."""
        return self._runner.batch_size

    def predict(self, pair: RadiographPair, batch: Sequence[Centroid], known: CentroidSet) -> list[LevelPatch]:
        """Probabilities on the common grid. Raises CentroidError."""
        started = time.perf_counter()
        cut = [self._cut(pair, centroid, known) for centroid in batch]
        ready = time.perf_counter()
        found = self._runner.probabilities(cut, [c.level for c in batch])
        done = time.perf_counter()
        share = len(batch)
        self.times += [LevelSeconds(c.level, (ready - started) / share, (done - ready) / share) for c in batch]
        return [
            on_common_grid(LevelPatch(c.level, probability, patches.grid))
            for c, probability, patches in zip(batch, found, cut, strict=True)
        ]

    def _cut(self, pair: RadiographPair, own: Centroid, known: CentroidSet) -> VertebraPatches:
        patches = cut_patches(pair, own, known, self._patches)
        if self._usual is None:
            return patches
        return dataclasses.replace(patches, prior=self._usual.at(own, known, patches.grid, self._stride))


class CommonGridPredictor:
    """Another predictor's vertebrae on the common grid; its time counts as the network's."""

    def __init__(self, inner: VertebraPredictor) -> None:
        self._inner = inner
        self.name, self.sha256, self.note = inner.name, inner.sha256, inner.note
        self.times: list[LevelSeconds] = []

    @property
    def notes(self) -> Sequence[str]:
        """The inner one's."""
        return self._inner.notes

    @property
    def device(self) -> str:
        """The inner one's."""
        return self._inner.device

    @property
    def batch_size(self) -> int:
        """The inner one's."""
        return self._inner.batch_size

    def predict(self, pair: RadiographPair, batch: Sequence[Centroid], known: CentroidSet) -> list[LevelPatch]:
        """Probabilities on the common grid. Raises what the inner one raises."""
        started = time.perf_counter()
        found = self._inner.predict(pair, batch, known)
        seconds = (time.perf_counter() - started) / len(batch)
        self.times += [LevelSeconds(c.level, 0.0, seconds) for c in batch]
        return [on_common_grid(patch) for patch in found]


def truth_grid(centroid: Centroid) -> PatchGrid:
    """The common grid of one vertebra."""
    return COMMON.grid(centroid.position_lps_mm)
