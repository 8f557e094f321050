"""Whether radiographs read better another way: mirrored, exchanged or turned over.

A detector that was trained on upright, un-mirrored radiographs is surer of them than of others. So the pair is shown to
it in other ways too, and where one of them gives clearly more vertebrae, or surer ones, that is told.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.detection.checks import UPSIDE_DOWN, Finding
from ReVerteRLib.detection.types import Detection, ViewDetector
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

_Views = Sequence[Sequence[Detection]]


@dataclass(frozen=True)
class Reading:
    """Another way to take a pair.

    turned: the pair taken so. counted: views (0 AP, 1 lateral) whose scores are compared. finding: what to tell.
    """

    turned: Callable[[RadiographPair], RadiographPair]
    counted: tuple[int, ...]
    finding: Finding


@dataclass(frozen=True)
class ReadingSettings:
    """Another reading is better when the sum of its scores is so many times, and so much, larger.

    least: finds that one view must show; smaller crops are not judged. On 28 pairs (12 synthetic patients whole
    and cropped, 2 CTs with both beams) no right one was called wrong; told were 24 mirrored,
    15 exchanged, 21 turned over.
    """

    ratio: float = 1.2
    excess: float = 0.8
    least: int = 3


def _with_image(radiograph: Radiograph, image: NDArray[np.float32]) -> Radiograph:
    projection = dataclasses.replace(radiograph.projection, image_hw=(image.shape[0], image.shape[1]))
    return Radiograph(np.ascontiguousarray(image), projection, radiograph.source)


def _mirrored(pair: RadiographPair) -> RadiographPair:
    return RadiographPair(pair.ap, _with_image(pair.lateral, pair.lateral.image_hw[:, ::-1]))


def _exchanged(pair: RadiographPair) -> RadiographPair:
    return RadiographPair(_with_image(pair.ap, pair.lateral.image_hw), _with_image(pair.lateral, pair.ap.image_hw))


def _turned_over(pair: RadiographPair, views: Sequence[int] = (0, 1)) -> RadiographPair:
    turned = [_with_image(r, r.image_hw[::-1]) if n in views else r for n, r in enumerate(pair)]
    return RadiographPair(turned[0], turned[1])


def _upside_down(name: str) -> Finding:
    return Finding(f"The {name} radiograph reads better from foot to head: it may be upside down", doubtful=True)


READINGS = (
    Reading(
        _mirrored,
        (1,),
        Finding("The lateral radiograph reads better the other way round: it may be mirrored. Flip it if so", True),
    ),
    Reading(
        _exchanged,
        (0, 1),
        Finding("The spine reads better with both radiographs exchanged: they may be. Check which is which", True),
    ),
    Reading(_turned_over, (0, 1), UPSIDE_DOWN),
    Reading(partial(_turned_over, views=(0,)), (0,), _upside_down("AP")),
    Reading(partial(_turned_over, views=(1,)), (1,), _upside_down("lateral")),
)


def better_readings(
    pair: RadiographPair, views: _Views, detector: ViewDetector, settings: ReadingSettings | None = None
) -> tuple[Finding, ...]:
    """What the clearly best other reading means; () when there is none.

    views: what the detector found in the pair as it is. Detectors that tell no levels know no right way and are not
    asked. Costs one run of the detector for each of READINGS.
    """
    settings = settings or ReadingSettings()
    seen = max(len(row) for row in views)
    if seen < settings.least or not any(d.level_scores.size for row in views for d in row):
        return ()
    best, found = settings.ratio, None
    for reading in READINGS:
        as_is = _evidence(views, reading.counted)
        other = _evidence(detector.detect(reading.turned(pair)), reading.counted)
        ratio = other / max(as_is, 1e-6)
        if ratio > best and other - as_is > settings.excess:
            best, found = ratio, reading.finding
    return (found,) if found is not None else ()


def _evidence(views: _Views, counted: Sequence[int]) -> float:
    return sum(d.score for view in counted for d in views[view])
