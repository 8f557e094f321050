"""A small box-and-ball phantom seen in parallel projection, and a network that intersects the silhouettes."""

from __future__ import annotations

import numpy as np
import torch

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

SIZE = 40
SETTINGS = PatchSettings(size=SIZE)
BOX_LPS_MM = np.array([[-40.0, -45.0, -80.0], [40.0, 45.0, 80.0]])


class SilhouetteNetwork(torch.nn.Module):
    """Bone where both views, cut to the middle slab around the centroid, are bright."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(40.0))

    def forward(self, ap, lateral, *, centroid_zyx, **_):
        size = ap.shape[-1]
        both = torch.minimum(ap[:, 0][:, :, None, :], lateral[:, 0][:, :, :, None])
        z = torch.arange(size, dtype=both.dtype)[None, :, None, None]
        near = (z - centroid_zyx[:, 0, None, None, None]).abs() <= 11.0
        return torch.where(near, self.gain * (both - 0.5), torch.tensor(-20.0))[:, None]


def card_of(settings: PatchSettings = SETTINGS) -> dict:
    return {
        "name": "silhouette", "preset": "test", "generator": {}, "patches": dict(vars(settings)), "seed": 0,
        "steps": 0, "metrics": {}, "data": "none", "licence": "Apache-2.0", "date": "2024-05-06",
    }  # fmt: skip


def centroids_at(**positions: tuple[float, float, float]) -> CentroidSet:
    return CentroidSet(tuple(Centroid(level_from_name(n), p) for n, p in positions.items()), "test.mrk.json")


def shadows(centroids: CentroidSet, half_mm: tuple[float, float, float] = (12.0, 9.0, 8.0)) -> RadiographPair:
    """Sharp rectangles where boxes of these half sizes (x, y, z) around the centroids project to."""
    views = {}
    for view, axis, column, beam in ((View.AP, 0, LEFT, POSTERIOR), (View.LATERAL, 1, POSTERIOR, LEFT)):
        low, high = BOX_LPS_MM
        hw = (int(high[2] - low[2]) + 1, int(high[axis] - low[axis]) + 1)
        origin = [0.0, 0.0, float(high[2])]
        origin[axis] = float(low[axis])
        projection = Projection(view, Beam.PARALLEL, hw, (1.0, 1.0), tuple(origin), INFERIOR, column, beam)
        rows = high[2] - np.arange(hw[0])
        columns = low[axis] + np.arange(hw[1])
        image = np.zeros(hw, dtype=np.float32)
        for c in centroids:
            x = np.array(c.position_lps_mm)
            image += np.outer(_coverage(rows - x[2], half_mm[2]), _coverage(columns - x[axis], half_mm[axis])).astype(
                np.float32
            )
        noise = np.random.default_rng(view is View.AP).uniform(0.0, 1e-3, hw).astype(np.float32)
        views[view] = Radiograph(image + noise, projection, f"{view.value}.nrrd")
    return RadiographPair(views[View.AP], views[View.LATERAL])


def _coverage(distance_mm: np.ndarray, half_mm: float) -> np.ndarray:
    """Share of each 1 mm pixel that the interval covers, so that edges between pixels keep their place."""
    return np.clip(half_mm + 0.5 - np.abs(distance_mm), 0.0, 1.0)
