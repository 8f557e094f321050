"""What the automatic annotation passes on: detections per view, annotated vertebrae, anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Projection, View
from ReVerteRLib.imaging.radiograph import RadiographPair

Position = tuple[float, float, float]
"""A point in LPS mm."""


def no_corners() -> NDArray[np.float64]:
    """(4, 2) NaN: no landmark known."""
    return np.full((4, 2), np.nan)


def no_scores() -> NDArray[np.float64]:
    """(0,): nothing known about the level."""
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Detection:
    """One vertebra in one view.

    centre_rc:    pixel (row, column) of the body's centre in the radiograph's own pixels.
    corners_rc:   (4, 2) pixels: superior end-plate first and second end, then inferior first and second end.
                  AP: the patient's right, then left end; lateral: anterior, then posterior end. NaN where unknown.
    score:        0..1, how sure the detector is of the vertebra.
    level_scores: (len(LEVELS),) log-probabilities by Level.order; size 0 when the detector has no idea.
    """

    centre_rc: tuple[float, float]
    corners_rc: NDArray[np.float64]
    score: float
    level_scores: NDArray[np.float64]


class ViewDetector(Protocol):
    """Finds the vertebrae of both views at once."""

    def detect(self, pair: RadiographPair) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
        """Detections of the AP and of the lateral radiograph, in any order."""
        ...


@dataclass(frozen=True, eq=False)
class AnnotatedVertebra:
    """One labelled centroid with where it came from.

    confidence:  0..1; 1 for what a person placed.
    residual_mm: distance between the rays of both views; 0 when a view is missing or a person placed it.
    reasons:     plain words on why confidence is low ("pair residual 9 mm"); empty when all is fine.
    ap, lateral: the detections behind it; None in a view where it was not found.
    locked:      a person's; place and level stay.
    """

    level: Level
    position_lps_mm: Position
    confidence: float
    residual_mm: float
    reasons: tuple[str, ...] = ()
    ap: Detection | None = None
    lateral: Detection | None = None
    locked: bool = False


@dataclass(frozen=True, eq=False)
class Annotation:
    """A labelled spine, head to foot, with what a person should know about it.

    warnings:      all of them, those about the images and detections first.
    removed:       positions (LPS mm) that a person removed and that stay empty.
    projections:   of the AP and the lateral radiograph, where known.
    about_images:  the part of the warnings that stays when vertebrae are renamed, added or removed.
    trust:         0..1 factor on all confidences, below 1 where the images contradict each other.
    """

    vertebrae: tuple[AnnotatedVertebra, ...]
    warnings: tuple[str, ...] = ()
    removed: tuple[Position, ...] = ()
    projections: tuple[Projection, Projection] | None = None
    about_images: tuple[str, ...] = ()
    trust: float = 1.0

    @property
    def centroids(self) -> CentroidSet:
        """The labelled centroids with confidence and residual."""
        return CentroidSet(
            tuple(Centroid(v.level, v.position_lps_mm, v.confidence, v.residual_mm) for v in self.vertebrae),
            "automatic annotation",
        )

    def get(self, level: Level) -> AnnotatedVertebra | None:
        """The vertebra of a level, None when it was not found."""
        return next((v for v in self.vertebrae if v.level == level), None)


@dataclass(frozen=True)
class Anchor:
    """A level with its place, in space or as a pixel (row, column) of one view: "the vertebra here is L1".

    Raises ArgumentError unless exactly one of both is given.
    """

    level: Level
    position_lps_mm: Position | None = None
    view: View | None = None
    pixel_rc: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        in_view = self.view is not None and self.pixel_rc is not None
        if in_view == (self.position_lps_mm is not None) or (self.view is None) != (self.pixel_rc is None):
            raise ArgumentError(
                f"the anchor {self.level} needs one place",
                remedy="Give a position in space, or a view and a pixel of it",
            )


Detections = tuple[Sequence[Detection], Sequence[Detection]]
"""AP and lateral detections."""
