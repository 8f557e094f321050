"""What predicts a vertebra: a network on patches of the radiographs, or anything else with the same face."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import VERTEBRAE
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import PATCH_SPACING_MM, PatchGrid
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.inference.assembly import LevelPatch
from ReVerteRLib.inference.prior import ShapePrior
from ReVerteRLib.shapes.usual import UsualShape

if TYPE_CHECKING:
    from ReVerteRLib.datasets.patches import PatchSettings, VertebraPatches
    from ReVerteRLib.inference.runner import PatchRunner
    from ReVerteRLib.inference.weights import LoadedWeights


class VertebraPredictor(Protocol):
    """What the Reconstructor runs; `NetworkPredictor` and `shapes.predictor.MeanShapePredictor` are two."""

    @property
    def name(self) -> str:
        """Name in reports."""

    @property
    def sha256(self) -> str:
        """Of the file that it was read from."""

    @property
    def note(self) -> str:
        """A sentence that the user should read, or nothing."""

    @property
    def notes(self) -> Sequence[str]:
        """What happened so far: fall-backs and the like."""

    @property
    def device(self) -> str:
        """Where it runs now."""

    @property
    def batch_size(self) -> int:
        """Vertebrae that it takes at once."""

    def predict(self, pair: RadiographPair, batch: Sequence[Centroid], known: CentroidSet) -> list[LevelPatch]:
        """Probabilities of each vertebra in the batch, in its order.

        known: all centroids of the spine. Raises CentroidError for vertebrae that the radiographs do not show and
        ResourceError.
        """


class NetworkPredictor:
    """A network with its weights.

    runner: runs the network on patches.
    """

    def __init__(self, weights: LoadedWeights, runner: PatchRunner) -> None:
        self._weights = weights
        self._runner = runner
        self._prior = ShapePrior(weights.shape_prior)
        self._usual = UsualShape()
        self._config = weights.generator_config

    @property
    def name(self) -> str:
        """The weights' name."""
        return self._weights.name

    @property
    def sha256(self) -> str:
        """The weights' SHA-256."""
        return self._weights.sha256

    @property
    def note(self) -> str:
        """Says when the weights are not the shipped ones."""
        return self._weights.note

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
        """The runner's; shrinks after an out-of-memory."""
        return self._runner.batch_size

    def predict(self, pair: RadiographPair, batch: Sequence[Centroid], known: CentroidSet) -> list[LevelPatch]:
        """The network's probabilities, with the shape prior that its card asks for.

        Raises CentroidError for blank or missing parts of a radiograph and for coinciding centroids.
        """
        settings = self._weights.patch_settings
        patches = [self._with_usual(cut_patches(pair, c, known, settings), c, known) for c in batch]
        probabilities = self._runner.probabilities(patches, [c.level for c in batch])
        cubes = (refined(p, cut.grid) for p, cut in zip(probabilities, patches, strict=True))
        return [
            LevelPatch(c.level, self._prior.apply(p, c, known, grid), grid)
            for c, (p, grid) in zip(batch, cubes, strict=True)
        ]

    def _with_usual(self, patches: VertebraPatches, centroid: Centroid, known: CentroidSet) -> VertebraPatches:
        config = self._config
        if not config.shape_prior:
            return patches
        return dataclasses.replace(patches, prior=self._usual.at(centroid, known, patches.grid, config.stride))


def refined(probability: NDArray[np.floating], grid: PatchGrid) -> tuple[NDArray[np.floating], PatchGrid]:
    """The same cube at 1 mm, trilinear, where the network's voxels are larger; else what was given.

    probability: [z, y, x] 0..1. So results of all networks have one voxel size, and surfaces no steps.
    """
    size = round(grid.size * grid.spacing_mm / PATCH_SPACING_MM)
    if grid.spacing_mm <= PATCH_SPACING_MM:
        return probability, grid
    import torch

    wide = torch.from_numpy(np.ascontiguousarray(probability, dtype=np.float32))[None, None]
    fine = torch.nn.functional.interpolate(wide, size=(size, size, size), mode="trilinear", align_corners=False)
    return fine[0, 0].numpy(), dataclasses.replace(grid, size=size, spacing_mm=grid.spacing_mm * grid.size / size)


def cut_patches(pair: RadiographPair, own: Centroid, known: CentroidSet, settings: PatchSettings) -> VertebraPatches:
    """The patches of one vertebra with the other known ones as neighbours.

    Raises CentroidError, by the level's name, where a radiograph does not show it and for coinciding centroids.
    """
    from ReVerteRLib.datasets.patches import extract_patches

    neighbours = [c.position_lps_mm for c in known if c.level != own.level and c.level in VERTEBRAE]
    try:
        patches = extract_patches(pair, own.position_lps_mm, settings, np.array(neighbours).reshape(-1, 3))
    except CentroidError as error:
        raise CentroidError(f"{own.level.name}: {error.what}", where=error.where, remedy=error.remedy) from error
    for radiograph, patch in ((pair.ap, patches.ap), (pair.lateral, patches.lateral)):
        if float(np.ptp(patch[0])) <= 0.0:
            raise unseen_error(own, radiograph, "on a blank part of", known.source)
    return patches


def unseen_error(own: Centroid, radiograph: Radiograph, how: str, source: str) -> CentroidError:
    """Says where a centroid lies that a radiograph does not show; how: 'outside', 'on a blank part of'."""
    x, y, z = own.position_lps_mm
    row, column = radiograph.projection.project([own.position_lps_mm])[0]
    height, width = radiograph.projection.image_hw
    return CentroidError(
        f"the centroid of {own.level.name} at ({x:.1f}, {y:.1f}, {z:.1f}) mm LPS lies {how} the "
        f"{radiograph.view.value} radiograph (row {row:.0f}, column {column:.0f} of {height} x {width} pixels)",
        where=source,
        remedy="Check that centroids and radiographs belong to the same patient and frame, or leave this level out",
    )
