from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from ReVerteRLib.detection.classical import ClassicalDetector
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

ROWS, COLUMNS = 260, 220
FIRST, PITCH, COUNT = 35, 36, 5
MIDDLES = FIRST + PITCH * (np.arange(COUNT) + 0.5)


def projection(view: View) -> Projection:
    across, beam = (LEFT, POSTERIOR) if view is View.AP else (POSTERIOR, LEFT)
    origin = (-110.0, 0.0, 400.0) if view is View.AP else (0.0, -110.0, 400.0)
    return Projection(view, Beam.PARALLEL, (ROWS, COLUMNS), (1.0, 1.0), origin, INFERIOR, across, beam)


def course(view: View, rows: np.ndarray) -> np.ndarray:
    """Columns of the bodies' middles: slightly bent from the front, lordotic from the side."""
    return 108 + 4 * np.sin(rows / 60) if view is View.AP else 118 - 14 * np.sin(np.pi * rows / ROWS)


def picture(view: View, rng: np.random.Generator, *, spine: bool = True) -> Radiograph:
    """Flesh, five bodies with dense end-plates and dark discs; from the side also the arches behind them."""
    row, column = np.mgrid[:ROWS, :COLUMNS].astype(float)
    image = 2.0 * np.sqrt(np.clip(1 - ((column - 110) / 100) ** 2, 0, None))
    if spine:
        off = column - course(view, row)
        half = 23 if view is View.AP else 17
        place = (row - FIRST) % PITCH
        along = (row >= FIRST) & (row < FIRST + COUNT * PITCH)
        body = along & (np.abs(off) <= half) & (place >= 4) & (place < PITCH - 4)
        plates = body & ((place < 7) | (place >= PITCH - 7))
        image += 0.35 * body + 0.35 * plates + 0.25 * (np.abs(off) <= half)
        if view is View.LATERAL:
            image += 0.45 * ((off > 20) & (off < 45))
    image = ndimage.gaussian_filter(image, 1.0) + rng.normal(0, 0.02, image.shape)
    return Radiograph(image.astype(np.float32), projection(view), view.value)


@pytest.fixture
def pair(rng) -> RadiographPair:
    return RadiographPair(picture(View.AP, rng), picture(View.LATERAL, rng))


def near(detections, view, *, rows_mm=5.0, columns_mm=12.0):
    """How many of the true bodies have a detection on them."""
    found = np.array([d.centre_rc for d in detections])
    true = np.stack([MIDDLES, course(view, MIDDLES)], axis=1)
    off = np.abs(true[:, None] - found[None])
    return int(((off[..., 0] < rows_mm) & (off[..., 1] < columns_mm)).any(axis=1).sum())


def test_every_body_of_a_drawn_spine_is_found_in_both_views(pair):
    ap, lateral = ClassicalDetector().detect(pair)
    assert len(ap) == len(lateral) <= COUNT + 2
    assert near(ap, View.AP) == COUNT
    assert near(lateral, View.LATERAL) == COUNT


def test_corners_stand_in_their_order_around_the_centre_and_levels_stay_open(pair):
    for detections in ClassicalDetector().detect(pair):
        assert [d.centre_rc[0] for d in detections] == sorted(d.centre_rc[0] for d in detections)
        for d in detections:
            np.testing.assert_allclose(d.corners_rc.mean(axis=0), d.centre_rc, atol=1e-6)
            assert (d.corners_rc[:2, 0] < d.centre_rc[0]).all()
            assert (d.corners_rc[2:, 0] > d.centre_rc[0]).all()
            assert d.corners_rc[0, 1] < d.corners_rc[1, 1]
            assert d.corners_rc[2, 1] < d.corners_rc[3, 1]
            assert d.level_scores.size == 0
            assert 0.0 < d.score < 0.8


def test_a_film_stored_upside_down_and_from_left_to_right_gives_the_same_places(pair):
    old = pair.ap.projection
    last = tuple(old.plane_point([[ROWS - 1, COLUMNS - 1]])[0])
    turned = dataclasses.replace(
        old, origin_lps_mm=last, row_direction=(0.0, 0.0, 1.0), column_direction=(-1.0, 0.0, 0.0)
    )
    stored = Radiograph(np.ascontiguousarray(pair.ap.image_hw[::-1, ::-1]), turned)
    plain, other = (ClassicalDetector().detect(p)[0] for p in (pair, RadiographPair(stored, pair.lateral)))
    assert len(plain) == len(other)
    for a, b in zip(plain, other, strict=True):
        np.testing.assert_allclose(np.array(b.centre_rc), [ROWS - 1, COLUMNS - 1] - np.array(a.centre_rc), atol=0.6)
        np.testing.assert_allclose(b.corners_rc, [ROWS - 1, COLUMNS - 1] - a.corners_rc, atol=1.5)


def test_finer_pixels_are_counted_in_the_films_own_pixels(pair):
    fine = dataclasses.replace(pair.lateral.projection, image_hw=(2 * ROWS, 2 * COLUMNS), spacing_mm=(0.5, 0.5))
    doubled = Radiograph(np.kron(pair.lateral.image_hw, np.ones((2, 2), np.float32)), fine)
    _, lateral = ClassicalDetector().detect(RadiographPair(pair.ap, doubled))
    halved = [dataclasses.replace(d, centre_rc=(d.centre_rc[0] / 2, d.centre_rc[1] / 2)) for d in lateral]
    assert near(halved, View.LATERAL) == COUNT


def test_views_without_common_height_give_nothing(pair):
    far = dataclasses.replace(pair.lateral.projection, origin_lps_mm=(0.0, -110.0, 3000.0))
    ap, lateral = ClassicalDetector().detect(RadiographPair(pair.ap, Radiograph(pair.lateral.image_hw, far)))
    assert ap == lateral == ()


def test_flesh_without_a_spine_is_never_believed_as_much_as_a_spine(pair, rng):
    empty = RadiographPair(picture(View.AP, rng, spine=False), picture(View.LATERAL, rng, spine=False))
    ap, _ = ClassicalDetector().detect(empty)
    with_spine, _ = ClassicalDetector().detect(pair)
    assert not ap or np.mean([d.score for d in ap]) < np.mean([d.score for d in with_spine]) - 0.05
