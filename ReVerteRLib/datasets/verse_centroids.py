"""Centroid files of the VerSe releases, in all their coordinate frames, brought to LPS mm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_verse_label
from ReVerteRLib.datasets.bodies import axis_codes
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume, Volume

AxisCodes = tuple[str, str, str]

_PAIRS = {"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}
_NEAR_MM = 5.0


@dataclass(frozen=True)
class CentroidFrame:
    """How X, Y, Z of a centroid file relate to its image.

    codes: where X, Y and Z point to; None means along the image's own i, j, k.
    in_mm: millimetres from the first voxel along the (re-ordered, flipped) image axes; else voxels.
    """

    name: str
    codes: AxisCodes | None
    in_mm: bool

    def to_lps(self, xyz: Array, image: Volume) -> Array:
        """LPS positions (N, 3) of file coordinates (N, 3)."""
        own = axis_codes(image.ijk_to_lps_mm)
        size_ijk = np.array(image.array_kji.shape[::-1])
        ijk = np.empty_like(xyz)
        for column, code in enumerate(self.codes or own):
            axis = next(a for a in range(3) if _PAIRS[own[a]] == _PAIRS[code])
            steps = xyz[:, column] / (image.spacing_mm[axis] if self.in_mm else 1.0)
            ijk[:, axis] = steps if own[axis] == code else size_ijk[axis] - 1 - steps
        return image.to_lps(ijk)


OWN_VOXELS = CentroidFrame("voxels of the image", None, in_mm=False)
"""Subject-based (BIDS) releases: "centroid coordinates are given in voxels in the image space"."""

MICCAI_2020 = CentroidFrame("1 mm, origin anterior-superior-left (VerSe 2020)", ("P", "I", "R"), in_mm=True)
"""MICCAI release of 2020: "given in 1mm resolution with coordinate origin at X = anterior, Y = superior and
Z = left (ASL)" (osf.io/b2wxj). The letters name the corner of the *origin*, so the axes point to P, I and R."""

MICCAI_2019 = CentroidFrame("1 mm, origin superior-anterior-right (VerSe 2019)", ("I", "P", "L"), in_mm=True)
"""MICCAI release of 2019: X runs down from the top, Y to the back, Z to the left. Compared with the subject-based
files of verse004, verse005 and verse014, of which it gives the same places to the millimetre."""


@dataclass(frozen=True)
class FileCentroids:
    """Content of one centroid file in LPS mm.

    by_label: VerSe label to position (3,).
    frame:    the frame in which it was read.
    notes:    oddities worth telling.
    """

    by_label: dict[int, Array]
    frame: CentroidFrame
    notes: tuple[str, ...] = ()

    def level_positions(self) -> dict[Level, Array]:
        """Only the vertebrae (no sacrum, no unknown label)."""
        found = {level_from_verse_label(label): position for label, position in self.by_label.items()}
        return {level: position for level, position in found.items() if level is not None and level.name != "S1"}


def read_verse_centroids(path: Path, labels: LabelVolume) -> FileCentroids:
    """Reads a VerSe centroid JSON and brings it to LPS mm with the help of the mask that it belongs to.

    Files with a direction entry hold voxel coordinates of the image reoriented to it. Files without one are
    MICCAI releases; which of their frames applies is seen from the mask: the one that puts most centroids at
    their own label. Raises CentroidError for files that are missing, broken or empty.
    """
    path = Path(path)
    direction, entries = _parse(path)
    if not entries:
        raise CentroidError("the file holds no centroid", where=path, remedy="Delete the file to have them computed")
    notes = _duplicates(entries)
    numbers = list(dict(entries))
    xyz = np.array([dict(entries)[label] for label in numbers], dtype=np.float64)
    frame = _frame_of(direction, path) if direction else _best_frame(numbers, xyz, labels, path)
    return FileCentroids(dict(zip(numbers, frame.to_lps(xyz, labels), strict=True)), frame, notes)


def _parse(path: Path) -> tuple[list[str] | None, list[tuple[int, list[float]]]]:
    if not path.is_file():
        raise CentroidError("no such file", where=path, remedy="Check the path")
    try:
        records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        direction = next((r["direction"] for r in records if "direction" in r), None)
        entries = [(int(r["label"]), [float(r[axis]) for axis in "XYZ"]) for r in records if "label" in r]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CentroidError(
            f"the file is no VerSe centroid list ({type(error).__name__}: {error})",
            where=path,
            remedy="Fetch it again, or delete it to have the centroids computed from the mask",
        ) from error
    entries = [(label, xyz) for label, xyz in entries if np.isfinite(xyz).all()]
    return direction, entries


def _duplicates(entries: list[tuple[int, list[float]]]) -> tuple[str, ...]:
    numbers = [label for label, _ in entries]
    twice = sorted({label for label in numbers if numbers.count(label) > 1})
    return tuple(f"the centroid file names label {label} more than once, the last one is used" for label in twice)


def _frame_of(direction: list[str], path: Path) -> CentroidFrame:
    codes = [str(code).upper() for code in direction]
    if len(codes) != 3 or {_PAIRS.get(code) for code in codes} != {0, 1, 2}:
        raise CentroidError(
            f"the direction {direction} is impossible",
            where=path,
            remedy="It must name one of L/R, one of P/A and one of S/I, for example P, I, R",
        )
    return CentroidFrame("voxels along " + "".join(codes), (codes[0], codes[1], codes[2]), in_mm=False)


def _best_frame(numbers: list[int], xyz: Array, labels: LabelVolume, path: Path) -> CentroidFrame:
    """The frame that fits the mask best; on a tie the one that the file's name suggests."""
    name = path.name.lower()
    if name.startswith("sub-"):
        candidates = (OWN_VOXELS, MICCAI_2020, MICCAI_2019)
    elif "iso" in name:
        candidates = (MICCAI_2020, MICCAI_2019, OWN_VOXELS)
    else:
        candidates = (MICCAI_2019, MICCAI_2020, OWN_VOXELS)
    near = near_own_label(labels)
    scores = [
        sum(near(label, p) for label, p in zip(numbers, frame.to_lps(xyz, labels), strict=True)) for frame in candidates
    ]
    return candidates[int(np.argmax(scores))]


def near_own_label(labels: LabelVolume, margin_mm: float = _NEAR_MM) -> Callable[[int, Array], bool]:
    """A test (label, position) -> whether the position lies in the label's bounding box, grown by the margin."""
    from scipy import ndimage

    boxes = ndimage.find_objects(labels.array_kji)
    margin_kji = margin_mm / labels.spacing_mm[::-1]

    def near(label: int, position_lps_mm: Array) -> bool:
        box = boxes[label - 1] if 0 < label <= len(boxes) else None
        if box is None:
            return False
        kji = labels.to_ijk(position_lps_mm)[0][::-1]
        low = np.array([part.start for part in box]) - 0.5 - margin_kji
        high = np.array([part.stop for part in box]) - 0.5 + margin_kji
        return bool(np.all((kji >= low) & (kji <= high)))

    return near
