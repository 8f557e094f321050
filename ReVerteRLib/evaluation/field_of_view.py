"""The rule for what the scan does not show.

A reference mask ends at the scan's border, and so do vertebrae in it. The strict figures compare whole masks: bone
predicted outside the scan counts as wrong. The figures named `..._in_fov` judge only what the scan shows: voxels and
surface elements inside its field of view, less one voxel at every face, because the face that the border cuts into a
bone is no surface of it. Bone predicted outside is unknown there, neither right nor wrong. Vertebrae that the border
cuts badly (`datasets.bodies.cut_levels`) are left out of both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import Volume

MARGIN_VOXELS = 1.0


def field_of_view(scan: Volume, grid: PatchGrid, margin_voxels: float = MARGIN_VOXELS) -> NDArray[np.bool_]:
    """Which voxels of a patch [z, y, x] lie inside a scan's voxel box, eroded by a margin in scan voxels."""
    to_ijk = np.linalg.inv(scan.ijk_to_lps_mm) @ grid.zyx_to_lps_mm
    steps = np.arange(grid.size, dtype=np.float64)
    inside = np.ones((grid.size,) * 3, dtype=bool)
    for axis, count in enumerate(scan.array_kji.shape[::-1]):
        z, y, x, start = to_ijk[axis]
        index = (start + z * steps)[:, None, None] + (y * steps)[None, :, None] + (x * steps)[None, None, :]
        inside &= (index >= margin_voxels - 0.5) & (index <= count - 0.5 - margin_voxels)
    return inside
