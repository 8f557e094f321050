"""What a reconstruction returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume

if TYPE_CHECKING:
    from collections.abc import Mapping

    import vtk


@dataclass(frozen=True)
class VertebraResult:
    """One reconstructed vertebra.

    level:       which.
    mask:        bool [z, y, x] in the patch cube, before neighbours compete for shared voxels.
    probability: float16 [z, y, x], same cube; parts that are not connected with the largest are 0.
    grid:        the cube's place in patient space.
    seconds:     patches, network and clean-up of this vertebra.
    confidence:  mean probability inside the mask, 0 when it is empty.
    """

    level: Level
    mask: NDArray[np.bool_]
    probability: NDArray[np.float16]
    grid: PatchGrid
    seconds: float
    confidence: float

    @property
    def volume_mm3(self) -> float:
        """Volume of the mask."""
        return float(self.mask.sum()) * self.grid.spacing_mm**3


@dataclass(frozen=True)
class SpineReconstruction:
    """The labelled spine.

    labels:       VerSe labels, uint8, right-handed with the axes L, P, S; the voxel size of the patches (1 mm).
    vertebrae:    from the head down; levels whose mask came out empty are in it, with an empty mask.
    surfaces:     closed surfaces in LPS mm of the levels that own voxels.
    notes:        what the user should know: fall-backs, empty levels, weights that are not the shipped ones.
    timings_s:    seconds of 'network' (patches included), 'assemble' and 'surfaces'.
    device:       where the network ran at the end.
    weights_name, weights_sha256: what it ran with.
    """

    labels: LabelVolume
    vertebrae: tuple[VertebraResult, ...]
    surfaces: Mapping[Level, vtk.vtkPolyData]
    notes: tuple[str, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    weights_name: str = ""
    weights_sha256: str = ""

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels that own voxels, from the head down."""
        return tuple(v.level for v in self.vertebrae if v.level in self.surfaces)

    def get(self, level: Level) -> VertebraResult | None:
        """The result of one level, None when it was not reconstructed."""
        return next((v for v in self.vertebrae if v.level == level), None)
