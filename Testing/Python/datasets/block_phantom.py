"""A small generated spine for tests: blocks with a spinous and two transverse processes, one per level."""

from __future__ import annotations

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.imaging.volume import LabelVolume


def block_spine(names: tuple[str, ...] = ("T12", "L1", "L2", "L3")) -> tuple[LabelVolume, CentroidSet]:
    """Label map of 1.5 mm voxels (axes S, P, L) and the body centres."""
    spacing, pitch = 1.5, 33.0
    shape = (int((len(names) * pitch + 60) / spacing), 80, 72)
    labels = np.zeros(shape, dtype=np.uint8)
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = (-54.0, -40.0, 100.0)
    k, j, i = np.indices(shape)
    x, y, z = (spacing * a + o for a, o in zip((i, j, k), matrix[:3, 3], strict=True))
    items = []
    for number, name in enumerate(reversed(names)):
        height = 100.0 + 30.0 + pitch * (number + 0.5)
        body = (np.abs(x / 22.0) ** 2 + np.abs(y / 16.0) ** 2 < 1) & (np.abs(z - height) < 12.5)
        spinous = (np.abs(x) < 4.0) & (y > 10) & (y < 58) & (np.abs(z - height + 4) < 8)
        wings = (np.abs(x) < 38.0) & (np.abs(y - 24.0) < 5.0) & (np.abs(z - height) < 6)
        level = level_from_name(name)
        labels[body | spinous | wings] = level.verse_label
        items.append(Centroid(level, (0.0, 0.0, height)))
    return LabelVolume(labels, matrix, "block spine"), CentroidSet(tuple(items), "block spine")
