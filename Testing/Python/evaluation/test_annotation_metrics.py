from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.detection.landmarks import corners_in_view
from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection, no_scores
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.annotation import match, measure_case, summarise_annotation, tilts_of
from ReVerteRLib.evaluation.annotation_cases import AnnotationCase, ReferenceVertebra, partial_cases, reference_of
from ReVerteRLib.evaluation.annotation_plots import draw_annotation, plot_annotation_errors
from ReVerteRLib.evaluation.annotation_report import table_rows, write_annotation_report
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

NAMES = ("T11", "T12", "L1", "L2", "L3")
STEP_MM = 30.0
HALF_MM = np.array([20.0, 16.0, 12.0])


def level(name):
    return level_from_name(name)


def place(number: float) -> tuple[float, float, float]:
    return (0.0, 0.0, -STEP_MM * number)


def landmarks(number: int, tilt_deg: float = 0.0) -> np.ndarray:
    """Ends of level end-plates, turned in the coronal plane so that the left side lies higher."""
    x, y, z = HALF_MM
    local = np.array(
        [[-x, 0, z], [x, 0, z], [-x, 0, -z], [x, 0, -z], [0, -y, z], [0, y, z], [0, -y, -z], [0, y, -z]], float
    )
    angle = np.deg2rad(tilt_deg)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    return local @ turn.T + place(number)


TILTS = {"superior_coronal_deg": 0.0, "inferior_coronal_deg": 0.0, "superior_sagittal_deg": 0.0}
TILTS |= {"inferior_sagittal_deg": 0.0}


@pytest.fixture(params=[Beam.PARALLEL, Beam.CONE])
def case(request, rng) -> AnnotationCase:
    box = np.array([[x, y, z] for x in (-60, 60) for y in (-60, 60) for z in (-160, 40)], float)
    films = []
    for view in View:
        projection = Projection.covering(view, box, beam=request.param)
        films.append(Radiograph(rng.random(projection.image_hw).astype(np.float32), projection, view.value))
    reference = tuple(ReferenceVertebra(level(n), place(i), landmarks(i), TILTS) for i, n in enumerate(NAMES))
    return AnnotationCase("toy", RadiographPair(*films), reference)


class Scripted:
    """Finds what it is told, with perfect corners; an anchor corrects the names."""

    def __init__(self, found, tilts=None):
        self.found, self.tilts = found, tilts or {}

    def annotate(self, pair, *, anchors=()):
        if not self.found:
            raise InputError("no vertebra was found")
        names = dict(self.found)
        if anchors:
            names = dict(zip(NAMES, (number for _, number in self.found), strict=False))
        return Annotation(tuple(self._vertebra(pair, n, number) for n, number in names.items()), ("careful",))

    def _vertebra(self, pair, name, number):
        points = landmarks(number, self.tilts.get(number, 0.0))
        seen = []
        for film in pair:
            row, column = film.projection.project([place(number)])[0]
            seen.append(Detection((row, column), corners_in_view(points, film.projection)[0], 0.9, no_scores()))
        return AnnotatedVertebra(level(name), place(number), 0.8, 0.0, (), *seen)


ALL = tuple((n, float(i)) for i, n in enumerate(NAMES))


def test_a_perfect_annotation_has_no_error(case):
    summary = summarise_annotation([measure_case(case, Scripted(ALL))])
    assert (summary["n"], summary["recall"], summary["precision"], summary["precision_strict"]) == (5, 1.0, 1.0, 1.0)
    assert summary["label_accuracy"] == summary["label_accuracy_with_anchor"] == summary["named_of_all"] == 1.0
    for key in ("error_mm", "ap_mm", "lateral_mm", "corner_ap_mm", "corner_lateral_mm"):
        assert summary[key]["mean"] == pytest.approx(0.0, abs=1e-3), key
    assert summary["tilt_error_deg"]["mean"] == pytest.approx(0.0, abs=1e-3)
    assert summary["cobb_coronal_deg"] == pytest.approx({"mean": 0.0, "p95": 0.0, "n": 1}, abs=1e-3)


def test_places_off_along_the_spine_show_in_space_and_in_both_views(case):
    off = tuple((n, number + 0.1) for n, number in ALL)
    summary = summarise_annotation([measure_case(case, Scripted(off))])
    for key in ("error_mm", "ap_mm", "lateral_mm", "corner_ap_mm"):
        assert summary[key]["mean"] == pytest.approx(3.0, rel=0.04), key


def test_wrong_names_do_not_matter_for_being_found_and_an_anchor_heals_them(case):
    wrong = tuple(zip(("T10", "T11", "T12", "L1", "L2"), range(5), strict=True))
    summary = summarise_annotation([measure_case(case, Scripted(wrong))])
    assert summary["recall"] == 1.0
    assert summary["label_accuracy"] == 0.0
    assert summary["label_accuracy_with_anchor"] == 1.0


def test_missed_wrong_and_beyond_are_counted_apart(case):
    found = (("T9", -1.0), ("T10", 0.5), *ALL[1:])  # one above all, one between two vertebrae; T11 is missed
    outcome = measure_case(case, Scripted(found))
    assert (outcome.wrong, outcome.beyond) == (1, 1)
    summary = summarise_annotation([outcome])
    assert summary["recall"] == pytest.approx(4 / 5)
    assert summary["precision"] == pytest.approx(4 / 5)
    assert summary["precision_strict"] == pytest.approx(4 / 6, abs=1e-4)
    assert [r.level.name for r in outcome.rows if r.error_mm is None] == ["T11"]


def test_one_find_serves_one_vertebra_only():
    reference = [ReferenceVertebra(level("L1"), (0, 0, 0)), ReferenceVertebra(level("L2"), (0, 0, -12))]
    found = [AnnotatedVertebra(level("L1"), (0, 0, -6), 0.5, 0.0)]
    assert len(match(reference, found)) == 1
    assert match(reference, [dataclasses.replace(found[0], position_lps_mm=(0, 0, 10.5))]) == {}


def test_nothing_found_is_a_failure_with_its_reason(case):
    outcome = measure_case(case, Scripted(()))
    summary = summarise_annotation([outcome])
    assert "no vertebra was found" in outcome.failure
    assert (summary["recall"], summary["precision"], summary["failures"]) == (0.0, None, 1)
    assert summary["error_mm"] is None


def test_a_bend_that_the_mask_does_not_have_is_the_cobb_error(case):
    bent = Scripted(ALL, tilts={0.0: 6.0, 4.0: -5.0})
    reference = tuple(
        dataclasses.replace(v, tilts_deg={**TILTS, "superior_coronal_deg": 1.0} if i == 0 else TILTS)
        for i, v in enumerate(case.reference)
    )
    outcome = measure_case(dataclasses.replace(case, reference=reference), bent)
    # The mask's main curve is T11 to the first level two below it: 6 - 1 degrees too much at its upper end.
    assert outcome.cobb_error_deg["coronal"] == pytest.approx(5.0, abs=0.2)
    assert outcome.cobb_error_deg["sagittal"] == pytest.approx(0.0, abs=0.2)


def test_tilts_come_from_the_corners_with_the_measures_signs(case):
    (vertebra,) = Scripted((("L1", 2.0),), tilts={2.0: 7.0}).annotate(case.pair).vertebrae
    tilts = tilts_of(vertebra, case.pair)
    assert tilts["superior_coronal_deg"] == pytest.approx(7.0, abs=0.1)
    assert tilts["inferior_sagittal_deg"] == pytest.approx(0.0, abs=0.3)


def test_crops_are_seeded_hold_their_vertebrae_whole_and_keep_the_geometry(case):
    first, again = (partial_cases(case, 5, np.random.default_rng(3)) for _ in range(2))
    assert [c.name for c in first] == [c.name for c in again]
    assert len(first) == 5
    for crop in first:
        assert 3 <= len(crop.reference) <= 4
        assert crop.partial
        for whole, part in zip(case.pair, crop.pair, strict=True):
            assert part.image_hw.shape[0] < whole.image_hw.shape[0]
            points = np.concatenate([v.landmarks_lps_mm for v in crop.reference])
            pixels = part.projection.project(points)
            assert part.projection.contains(pixels).all()
            shift = whole.projection.project(points) - pixels
            np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-6)
            row, column = np.round(shift[0]).astype(int)
            assert column == 0
            np.testing.assert_array_equal(part.image_hw, whole.image_hw[row : row + part.image_hw.shape[0]])


def test_a_short_spine_gives_no_crops(case, rng):
    assert partial_cases(dataclasses.replace(case, reference=case.reference[:3]), 2, rng) == ()


def test_the_reference_of_a_mask_has_landmarks_and_tilts_where_a_body_is():
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.imaging.volume import LabelVolume

    labels = np.zeros((60, 60, 60), np.uint8)
    labels[20:44, 14:46, 10:50] = level("L1").verse_label
    matrix = np.eye(4)
    matrix[:3, 3] = [-29.5, -29.5, -31.5]
    centroids = CentroidSet((Centroid(level("L1"), (0.0, 0.0, 0.0)),))
    (found,) = reference_of(LabelVolume(labels, matrix), [level("L1"), level("L2")], centroids)
    np.testing.assert_allclose(found.landmarks_lps_mm[0], [-20, 0, 12], atol=1.0)
    np.testing.assert_allclose(found.landmarks_lps_mm[7], [0, 16, -12], atol=1.0)
    assert found.tilts_deg["superior_sagittal_deg"] == pytest.approx(0.0, abs=0.5)


def test_report_and_pictures_hold_all_detectors(case, tmp_path):
    crop = partial_cases(case, 1, np.random.default_rng(0))[0]
    good, bad = Scripted(ALL), Scripted(ALL[:2])
    outcomes = {name: [measure_case(c, a) for c in (case, crop)] for name, a in (("good", good), ("bad", bad))}
    record = write_annotation_report(outcomes, tmp_path, skipped=[("odd", "no mask")])
    assert json.loads((tmp_path / "annotation.json").read_text()) == record
    assert record["detectors"]["bad"]["whole"]["recall"] == 0.4
    text = (tmp_path / "annotation.md").read_text()
    for part in ("| good | 5 | 1.000 |", "| bad | 5 | 0.400 |", "Partial fields of view", "odd was skipped", "careful"):
        assert part in text
    assert [row[0] for row in table_rows(outcomes, "partial")] == ["good", "bad"]
    plot_annotation_errors({n: [r for o in found for r in o.rows] for n, found in outcomes.items()}, tmp_path / "e.png")
    assert Image.open(tmp_path / "e.png").size[0] > 400


def test_the_picture_marks_low_confidence_in_red(case, tmp_path):
    annotation = Scripted(ALL).annotate(case.pair)
    doubted = tuple(dataclasses.replace(v, confidence=0.1, reasons=("odd",)) for v in annotation.vertebrae)
    colours = {}
    for name, vertebrae in (("sure", annotation.vertebrae), ("doubted", doubted)):
        draw_annotation(case.pair, Annotation(vertebrae), tmp_path / f"{name}.png")
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int)
        colours[name] = {
            "red": int((np.abs(pixels - [255, 90, 54]).max(axis=2) < 12).sum()),
            "yellow": int((np.abs(pixels - [255, 217, 51]).max(axis=2) < 12).sum()),
        }
    assert colours["sure"]["yellow"] > 500 > colours["sure"]["red"]
    assert colours["doubted"]["red"] > 500 > colours["doubted"]["yellow"]
