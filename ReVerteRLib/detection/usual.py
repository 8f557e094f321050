"""What is usual along the spine: distances between neighbouring levels and sizes of the bodies.

Distances come from the shipped mean shapes' card (VerSe and TotalSegmentator masks); the bodies were measured on those
mean shapes by ReVerteRLib.measure at each level's usual size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from ReVerteRLib.anatomy import VERTEBRAE
from ReVerteRLib.geometry import Array
from ReVerteRLib.shapes.model import LevelSize

USUAL_BODY_MM: Mapping[str, tuple[float, float, float]] = {
    "C3": (15.0, 27.8, 17.2), "C4": (14.6, 27.8, 17.2), "C5": (14.5, 30.8, 17.2), "C6": (14.2, 32.2, 17.2),
    "C7": (16.6, 30.8, 17.2), "T1": (19.0, 32.2, 19.5), "T2": (19.3, 29.2, 21.8), "T3": (19.4, 27.8, 21.8),
    "T4": (21.0, 24.8, 23.2), "T5": (20.9, 26.2, 24.8), "T6": (20.7, 26.2, 25.5), "T7": (21.2, 27.8, 27.8),
    "T8": (21.3, 29.2, 28.5), "T9": (22.0, 32.2, 30.0), "T10": (23.4, 33.8, 30.0), "T11": (24.9, 35.2, 30.8),
    "T12": (25.8, 38.2, 29.2), "T13": (26.0, 38.2, 27.8), "L1": (27.4, 39.8, 30.0), "L2": (28.4, 41.2, 31.5),
    "L3": (29.3, 44.2, 33.8), "L4": (29.2, 44.2, 33.8), "L5": (28.7, 45.8, 33.0), "L6": (28.3, 45.8, 33.0),
}  # fmt: skip
"""Height (mean of the anterior and the posterior edge), width and depth of the mean shapes' bodies."""

COUNT = len(VERTEBRAE)
_T13, _L6 = (next(level.order for level in VERTEBRAE if level.name == name) for name in ("T13", "L6"))


@dataclass(frozen=True, eq=False)
class UsualSpine:
    """Usual measures by Level.order, for C1 to L6.

    place_mm: (26,) distance along the spine from C1; T13 lies at L1's usual place (it moves all below one pitch down).
    pitch_mm: (26,) distance to the next usual level; the last one's to the one above.
    body_mm:  (26, 3) height, width and depth of the body; NaN for C1 and C2.
    """

    place_mm: Array
    pitch_mm: Array
    body_mm: Array

    def distances_mm(self) -> Array:
        """(26, 26) usual distance from the upper level (row) to the lower one (column); 0 where not below."""
        found = self.place_mm[None, :] - self.place_mm[:, None]
        found[: _T13 + 1, _T13 + 1 :] = self.place_mm[None, _T13 + 1 :] - self.place_mm[: _T13 + 1, None]
        found[_T13, _T13 + 1 :] = self.pitch_mm[_T13] + self.place_mm[_T13 + 1 :] - self.place_mm[_T13 + 1]
        return np.triu(found, 1)


def steps() -> Array:
    """(26, 26) how many levels the column lies below the row in a usual spine; T13 counts only when it is an end."""
    order = np.arange(COUNT, dtype=np.float64)
    rank = order - (order > _T13)
    found = rank[None, :] - rank[:, None]
    found[_T13, _T13 + 1 :] += 1.0
    return np.triu(found, 1)


def usual_spine(sizes: Mapping[str, LevelSize]) -> UsualSpine:
    """From the mean distances to both neighbours by level, as `ShapeModel.sizes` holds them."""
    mean = np.array([sizes[level.name].spacing_mm for level in VERTEBRAE])
    pitch = np.append((mean[:-1] + mean[1:]) / 2.0, mean[-1])
    pitch[0] = mean[0]  # C1 has one neighbour, so its mean is the distance itself, and C2's other one follows
    pitch[1] = 2.0 * mean[1] - mean[0]
    lengths = pitch.copy()
    lengths[_T13] = 0.0
    place = np.concatenate([[0.0], np.cumsum(lengths[:-1])])
    body = np.array([USUAL_BODY_MM.get(level.name, (np.nan,) * 3) for level in VERTEBRAE])
    return UsualSpine(place, pitch, body)


@cache
def shipped_spine() -> UsualSpine:
    """That of the shipped mean shapes. Raises WeightsError."""
    from ReVerteRLib.shapes.store import load_shapes

    return usual_spine(load_shapes().sizes)
