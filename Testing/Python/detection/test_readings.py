"""Radiographs that read better another way, with a detector that knows the right one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from annotation_spines import FakeDetector
from detector_samples import pair_of, spine

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.detection.readings import READINGS, better_readings
from ReVerteRLib.detection.types import Detection, no_corners
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair


def turned(pair, ap=None, lateral=None):
    images = (pair.ap.image_hw if ap is None else ap, pair.lateral.image_hw if lateral is None else lateral)
    views = []
    for radiograph, image in zip(pair, images, strict=True):
        projection = dataclasses.replace(radiograph.projection, image_hw=image.shape)
        views.append(Radiograph(np.ascontiguousarray(image), projection, radiograph.source))
    return RadiographPair(*views)


def row(score, count=5, levels=True):
    scores = np.log(np.full(len(LEVELS), 1.0 / len(LEVELS))) if levels else np.zeros(0)
    return tuple(Detection((10.0 * n, 5.0), no_corners(), score, scores) for n in range(count))


class Knowing:
    """Sure of each view as it was first shown to it, half as sure of every other one."""

    def __init__(self, pair, unsure=0.45):
        self.right, self.unsure = [r.image_hw.copy() for r in pair], unsure

    def detect(self, pair):
        known = [np.array_equal(r.image_hw, image) for r, image in zip(pair, self.right, strict=True)]
        return tuple(row(0.9 if k else self.unsure) for k in known)


@pytest.fixture
def pair():
    _, centroids, _ = spine()
    whole = pair_of(centroids)
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 0.1, r.image_hw.shape).astype(np.float32) for r in whole]
    return turned(whole, whole.ap.image_hw + noise[0], whole.lateral.image_hw + noise[1])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda p: turned(p, lateral=p.lateral.image_hw[:, ::-1]), "may be mirrored"),
        (lambda p: turned(p, p.lateral.image_hw, p.ap.image_hw), "with both radiographs exchanged"),
        (lambda p: turned(p, p.ap.image_hw[::-1], p.lateral.image_hw[::-1]), "may be upside down. Turn both"),
        (lambda p: turned(p, ap=p.ap.image_hw[::-1]), "AP radiograph reads better from foot to head"),
        (lambda p: turned(p, lateral=p.lateral.image_hw[::-1]), "lateral radiograph reads better from foot to head"),
    ],
)
def test_a_pair_that_reads_better_another_way_is_told(pair, change, text) -> None:
    detector = Knowing(pair)
    wrong = change(pair)
    (finding,) = better_readings(wrong, detector.detect(wrong), detector)
    assert text in finding.text
    assert finding.doubtful


def test_the_right_way_and_small_differences_are_not_told(pair) -> None:
    assert better_readings(pair, Knowing(pair).detect(pair), Knowing(pair)) == ()
    mirrored = turned(pair, lateral=pair.lateral.image_hw[:, ::-1])
    hardly = Knowing(pair, unsure=0.8)
    assert better_readings(mirrored, hardly.detect(mirrored), hardly) == ()


def test_detectors_that_know_no_levels_are_not_asked(pair) -> None:
    blind = FakeDetector((row(0.9, levels=False), row(0.9, levels=False)))
    assert better_readings(pair, blind.rows, blind) == ()
    assert blind.runs == 0
    few = FakeDetector((row(0.9, count=2), row(0.9, count=2)))
    assert better_readings(pair, few.rows, few) == ()
    assert few.runs == 0
    knowing = FakeDetector((row(0.9), row(0.9)))
    assert better_readings(pair, knowing.rows, knowing) == ()
    assert knowing.runs == len(READINGS)
