"""Files of a segmentation node as it stands now, with whatever a person has corrected in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import LEVELS, Level
from ReVerteRLib.files import ensure_writable_folder
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.inference.export import write_spine
from ReVerteRLib.inference.surfaces import surface_from_mask
from ReVerteRLib.scene.segmentation import labels_from_node


def export_segmentation(node: Any, folder: Path) -> dict[str, Path]:
    """spine.seg.nrrd, labels.nii.gz and models/<LEVEL>.stl (LPS mm) in `folder`; returns the files by kind.

    The surfaces are made from the segments, so they agree with edits. Raises VolumeError for segments whose names
    are no levels, OutputError when the folder cannot be written.
    """
    folder = ensure_writable_folder(Path(folder))
    labels = labels_from_node(node)
    levels = [level for level in LEVELS if (labels.array_kji == level.verse_label).any()]
    return write_spine(labels, {level: _surface(labels, level) for level in levels}, folder)


def _surface(labels: LabelVolume, level: Level) -> Any:
    """The surface of one label; only its own box is read."""
    mask = labels.array_kji == level.verse_label
    occupied = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    box = tuple(slice(int(hit[0]), int(hit[-1]) + 1) for hit in occupied)
    matrix_kji = labels.ijk_to_lps_mm.copy()
    matrix_kji[:3, :3] = labels.ijk_to_lps_mm[:3, 2::-1]
    matrix_kji[:3, 3] = labels.to_lps([part.start for part in reversed(box)])[0]
    return surface_from_mask(mask[box], matrix_kji)
