from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from annotation_spines import USUAL_ROW, FakeDetector, Quality, detections_of, projections_of, random_spine
from scipy import ndimage

from ReVerteRLib.detection.annotator import Annotator
from ReVerteRLib.detection.checks import check_detections, check_images
from ReVerteRLib.errors import InputError
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

CLEAR = Quality(noise_mm=0.5, miss=0.0, ghosts=0.0, level_spread=0.5, level_noise=0.1, level_shift=0.0)
HALF_WIDTH = {View.AP: 150.0, View.LATERAL: 110.0}


def trunk(view, projection, spine, rng):
    """Soft tissue between air on both sides, ribs (arched from the front, oblique from the side), the spine."""
    row, column = np.indices(projection.image_hw, dtype=float)
    middle = projection.project(spine.points)
    at = np.interp(row, middle[:, 0], middle[:, 1])
    half = HALF_WIDTH[view] / projection.spacing_mm[1]
    centre = float(middle[:, 1].mean()) - (0.45 * half if view is View.LATERAL else 0.0)
    across = np.clip(1.0 - ((column - centre) / half) ** 2, 0.0, None)
    image = 6.0 * np.sqrt(across)
    slope = np.abs(column - centre) if view is View.AP else 1.2 * (at - column)
    image += (across > 0) * 1.6 * (np.cos((row + 0.5 * slope) / 4.0) > 0.6)
    image += (across > 0) * 3.0 * np.exp(-0.5 * ((column - at) / 14.0) ** 2)
    return ndimage.gaussian_filter(image + rng.normal(0.0, 0.05, image.shape), 0.7).astype(np.float32)


@pytest.fixture
def scene():
    rng = np.random.default_rng(20240508)  # an almost straight spine: a strong scoliosis makes an AP view asymmetric
    names = [level.name for level in USUAL_ROW]
    row = USUAL_ROW[names.index("T4") : names.index("L4") + 1]
    spine = random_spine(rng, row=row, length=len(row), spread=0.03)
    projections = projections_of(spine, spacing_mm=2.0, margin_mm=170.0)
    images = [trunk(p.view, p, spine, rng) for p in projections]
    ap, lateral = (Radiograph(i, p, f"{p.view.value}.nrrd") for i, p in zip(images, projections, strict=True))
    return RadiographPair(ap, lateral), detections_of(rng, spine, projections, CLEAR)


def with_images(pair, ap=None, lateral=None):
    images = (pair.ap.image_hw if ap is None else ap, pair.lateral.image_hw if lateral is None else lateral)
    views = []
    for radiograph, image in zip(pair, images, strict=True):
        projection = dataclasses.replace(radiograph.projection, image_hw=image.shape)
        views.append(Radiograph(np.ascontiguousarray(image, dtype=np.float32), projection, radiograph.source))
    return RadiographPair(*views)


def texts(findings):
    return " ".join(f.text for f in findings)


def flipped(radiograph, row, axis):
    """Detections as a detector that is not fooled would see them on the turned image."""
    size = np.array(radiograph.image_hw.shape, dtype=float) - 1.0
    found = []
    for d in row:
        centre, corners = np.array(d.centre_rc), d.corners_rc.copy()
        centre[axis], corners[:, axis] = size[axis] - centre[axis], size[axis] - corners[:, axis]
        found.append(dataclasses.replace(d, centre_rc=tuple(centre), corners_rc=corners))
    return tuple(found)


def test_good_radiographs_raise_no_suspicion(scene):
    pair, rows = scene
    assert check_images(pair) == ()
    assert check_detections(pair, *rows) == ()


def test_exchanged_views_are_suspected(scene):
    pair, _ = scene
    exchanged = with_images(pair, pair.lateral.image_hw, pair.ap.image_hw)
    findings = check_images(exchanged)
    assert "may be exchanged" in texts(findings)
    assert findings[0].doubtful


@pytest.mark.parametrize("change", ["grey", "mirrored", "upside down", "inverted grey"])
def test_one_view_given_twice_is_refused(scene, change):
    pair, _ = scene
    image = pair.ap.image_hw
    other = {
        "grey": 3.0 * np.clip(image, 0.0, None) ** 1.2 + 1.0,
        "mirrored": image[:, ::-1] * 1.01,
        "upside down": image[::-1] * 1.01,
        "inverted grey": image.max() - image,
    }[change]
    with pytest.raises(InputError, match="same view"):
        check_images(with_images(pair, lateral=other))


def test_blank_radiographs_are_refused(scene):
    pair, _ = scene
    blank = np.zeros_like(pair.ap.image_hw)
    blank[5, 5] = 1.0
    with pytest.raises(InputError, match="AP radiograph is blank"):
        check_images(with_images(pair, ap=blank))


def test_burnt_out_radiographs_are_told_or_refused(scene):
    pair, _ = scene
    image = pair.lateral.image_hw
    half = np.minimum(image, np.quantile(image[:, image.shape[1] // 4 : -(image.shape[1] // 4)], 0.45))
    found = texts(check_images(with_images(pair, lateral=half)))
    assert "of the middle of the lateral radiograph is burnt out" in found
    gone = np.minimum(image, np.quantile(image[:, image.shape[1] // 4 : -(image.shape[1] // 4)], 0.05))
    with pytest.raises(InputError, match="burnt out"):
        check_images(with_images(pair, lateral=gone))


def test_views_without_a_spine_are_refused_by_name(scene):
    pair, rows = scene
    with pytest.raises(InputError, match="no vertebra was found in the lateral radiograph"):
        check_detections(pair, rows[0], ())
    with pytest.raises(InputError, match="in the AP and the lateral radiograph") as caught:
        Annotator(FakeDetector(((), ()))).annotate(pair)
    assert caught.value.remedy


def test_one_view_upside_down_is_suspected(scene):
    pair, rows = scene
    turned = with_images(pair, ap=pair.ap.image_hw[::-1])
    findings = check_detections(turned, flipped(pair.ap, rows[0], 0), rows[1])
    assert "levels in the AP radiograph run from foot to head" in texts(findings)


def test_both_views_upside_down_are_never_a_confident_spine(scene):
    pair, rows = scene
    turned = with_images(pair, pair.ap.image_hw[::-1], pair.lateral.image_hw[::-1])
    over = tuple(flipped(r, row, 0) for r, row in zip(pair, rows, strict=True))
    annotation = Annotator(FakeDetector(over)).annotate(turned)
    assert any("upside down" in w for w in annotation.warnings)
    assert max(v.confidence for v in annotation.vertebrae) < 0.5


def test_a_row_that_grows_upwards_is_suspected_without_level_scores(scene):
    pair, rows = scene
    turned = with_images(pair, pair.ap.image_hw[::-1], pair.lateral.image_hw[::-1])
    over = [flipped(r, row, 0) for r, row in zip(pair, rows, strict=True)]
    blind = tuple(tuple(dataclasses.replace(d, level_scores=np.zeros(0)) for d in row) for row in over)
    annotation = Annotator(FakeDetector(blind)).annotate(turned)
    assert any("reads better from foot to head" in w for w in annotation.warnings)
    assert max(v.confidence for v in annotation.vertebrae) < 0.5


def test_a_mirrored_lateral_view_is_suspected_from_the_trunk(scene):
    pair, rows = scene
    mirrored = with_images(pair, lateral=pair.lateral.image_hw[:, ::-1])
    row = flipped(pair.lateral, rows[1], 1)
    fooled = tuple(dataclasses.replace(d, corners_rc=d.corners_rc[[1, 0, 3, 2]]) for d in row)
    assert "may be mirrored" in texts(check_detections(mirrored, rows[0], fooled))
    assert "may be mirrored" in texts(check_detections(mirrored, rows[0], row))


def test_a_cut_field_of_view_is_not_taken_for_the_trunk(scene):
    pair, rows = scene
    columns = np.array([d.centre_rc[1] for d in rows[1]])
    first, last = int(columns.min()) - 12, int(columns.max()) + 70
    assert np.median((columns - first) / (last - first)) < 0.35
    across = np.arange(pair.lateral.image_hw.shape[1])
    inside = (across >= first) & (across <= last)
    # A small scan: tissue begins at once. Then the same with skin, which rays graze.
    small = np.where(inside, pair.lateral.image_hw + 3.0, 0.0)
    assert check_detections(with_images(pair, lateral=small), *rows) == ()
    middle, half = (first + last) / 2.0, (last - first) / 2.0
    skin = 6.0 * np.sqrt(np.clip(1.0 - ((across - middle) / half) ** 2, 0.0, None))
    noise = np.random.default_rng(2).normal(0.0, 0.01, pair.lateral.image_hw.shape)
    assert "may be mirrored" in texts(check_detections(with_images(pair, lateral=skin + noise), *rows))


def test_fields_that_share_little_are_told(scene):
    pair, rows = scene
    half = pair.lateral.image_hw[: pair.lateral.image_hw.shape[0] // 2]
    findings = check_detections(with_images(pair, lateral=half), *rows)
    assert "share only" in texts(findings)
