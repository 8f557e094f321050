"""A small asymmetric patient with three vertebrae, and reconstructors whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject
from ReVerteRLib.evaluation.systems import System
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume
from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult

T12, L1, L2 = (level_from_name(name) for name in ("T12", "L1", "L2"))
CENTRES_LPS_MM = {T12: (4.0, 21.0, 33.0), L1: (-3.0, 12.0, 0.0), L2: (-1.0, 18.0, -32.0)}
SPACING_MM = 2.0
SHAPE_KJI = (60, 48, 44)


def phantom() -> tuple[CtVolume, LabelVolume]:
    """Flesh in an ellipse, three boxes of bone, and a lump on one side so that nothing is symmetric."""
    matrix = np.diag([SPACING_MM] * 3 + [1.0])
    matrix[:3, 3] = -(np.array(SHAPE_KJI[::-1]) - 1) * SPACING_MM / 2
    k, j, i = np.indices(SHAPE_KJI)
    points = np.stack([i, j, k], axis=-1) * SPACING_MM + matrix[:3, 3]
    trunk = (points[..., 0] / 36) ** 2 + (points[..., 1] / 40) ** 2 < 1
    hu = np.where(trunk, 40.0, -1000.0).astype(np.float32)
    hu[np.linalg.norm(points - [-15.0, -10.0, 10.0], axis=-1) < 11] = 300.0
    labels = np.zeros(SHAPE_KJI, dtype=np.uint8)
    for level, centre in CENTRES_LPS_MM.items():
        inside = (np.abs(points - np.array(centre)) <= [12, 9, 10]).all(axis=-1)
        hu[inside], labels[inside] = 600.0, level.verse_label
    return CtVolume(hu, matrix, "phantom"), LabelVolume(labels, matrix, "phantom mask")


def subject(*, with_ct: bool = True) -> LoadedSubject:
    ct, labels = phantom()
    centroids = CentroidSet(tuple(Centroid(level, p) for level, p in CENTRES_LPS_MM.items()), "phantom")
    ct_path = Path("toy_ct.nii.gz") if with_ct else None
    listed = VerseSubject("sub-toy", "", Path("toy_mask.nii.gz"), ct_path)
    return LoadedSubject(listed, labels, ct if with_ct else None, centroids, (), (), ())


@dataclass
class Believer:
    """Draws every vertebra in its true shape, but where the centroid told says that it is.

    calls: (pair, known centroids, wanted levels) of every call.
    """

    labels: LabelVolume
    stop_after: int | None = None
    raising: type[BaseException] = KeyboardInterrupt
    calls: list = field(default_factory=list)

    def reconstruct(self, pair, centroids, levels, _progress=None, _cancelled=None):
        if self.stop_after is not None and len(self.calls) >= self.stop_after:
            raise self.raising("stopped by the test")
        self.calls.append((pair, centroids, list(levels)))
        found = [self._vertebra(level, np.array(centroids.get(level).position_lps_mm)) for level in levels]
        return SpineReconstruction(self.labels, tuple(found), {})

    def _vertebra(self, level, told) -> VertebraResult:
        own = min(CENTRES_LPS_MM, key=lambda known: np.linalg.norm(told - CENTRES_LPS_MM[known]))
        true = PatchGrid(CENTRES_LPS_MM[own], size=36, spacing_mm=1.0)
        mask = mask_on_grid(self.labels, own.verse_label, true)
        grid = PatchGrid(tuple(told.tolist()), size=36, spacing_mm=1.0)
        return VertebraResult(level, mask, mask.astype(np.float16), grid, 0.5, 1.0)


def system(reconstructor, name: str = "believer", *, knows_level_only: bool = False) -> System:
    blind = None if knows_level_only else reconstructor
    return System(name, f"sha-of-{name}", 1234, reconstructor, blind)
