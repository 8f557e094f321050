"""`annotate`, and automatic centroids in other commands, with a detector that knows the phantom."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from phantom import CENTRES_LPS_MM, phantom
from PIL import Image

from ReVerteRLib.centroids import read_centroids
from ReVerteRLib.datasets.sample import SampleCase
from ReVerteRLib.detection.types import Detection, no_scores

BOX_MM = np.array([12.0, 9.0, 10.5])
SHIFT_MM = 1.5
OFF_MM = (SHIFT_MM, 0.0, 0.0)


class KnownDetector:
    """Sees the phantom's boxes 1.5 mm too far to the left, without their names."""

    def __init__(self, without: tuple[str, ...] = ()) -> None:
        self.centres = [np.add(c, OFF_MM) for n, c in CENTRES_LPS_MM.items() if n not in without]

    def detect(self, pair):
        return tuple(tuple(self._seen(r.projection, c) for c in self.centres) for r in pair)

    @staticmethod
    def _seen(projection, centre):
        axis = 0 if projection.view.value == "ap" else 1
        ends = [(up, side) for up in (1, -1) for side in (-1, 1)]
        points = [centre + up * BOX_MM * [0, 0, 1] + side * BOX_MM * np.eye(3)[axis] for up, side in ends]
        row, column = projection.project(centre)[0]
        return Detection((row, column), projection.project(points), 0.9, no_scores())


@pytest.fixture(autouse=True)
def _boxes_from_the_front_and_the_side_look_alike(monkeypatch):
    """So the check for one view given twice, which has tests of its own, would refuse the phantom."""
    monkeypatch.setattr("ReVerteRLib.detection.checks.check_images", lambda *_: ())


@pytest.fixture
def known(monkeypatch):
    """Every choice of a detector gives the one that knows the phantom."""
    monkeypatch.setattr("ReVerteRLib.detection.opening.open_detector", lambda *_: KnownDetector())


@pytest.fixture
def annotate(case):
    def make(*more: object, **changes: object) -> list[object]:
        views = case / "views"
        values = {"ap": views / "ap.nrrd", "lateral": views / "lateral.nrrd", "out": case / "new.mrk.json", **changes}
        return ["annotate", *(part for name, value in values.items() for part in (f"--{name}", value)), *more]

    return make


ANCHOR = ("--anchor", "L1=0,2,0")


@pytest.mark.usefixtures("known")
def test_annotate_writes_named_points_with_confidence_and_tells_them(case, reverter, annotate):
    outcome = reverter(*annotate(*ANCHOR, table=case / "posture.csv", preview=case / "view.png"))
    assert outcome.code == 0, outcome.err
    found = read_centroids(case / "new.mrk.json")
    assert [c.level.name for c in found] == list(CENTRES_LPS_MM)
    for centroid, centre in zip(found, CENTRES_LPS_MM.values(), strict=True):
        np.testing.assert_allclose(centroid.position_lps_mm, np.add(centre, OFF_MM), atol=0.05)
    points = json.loads((case / "new.mrk.json").read_text())["markups"][0]["controlPoints"]
    assert all(p["description"].startswith("confidence ") for p in points)
    assert all("residual 0.0 mm" in p["description"] for p in points)
    for part in ("T12", "L1", "L2", "confidence", "3 vertebrae found"):
        assert part in outcome.out
    assert Image.open(case / "view.png").size[1] > 800


@pytest.mark.usefixtures("known")
def test_the_table_holds_heights_and_tilts_of_the_boxes(case, reverter, annotate):
    assert reverter(*annotate(*ANCHOR, table=case / "posture.csv")).code == 0
    with (case / "posture.csv").open() as stream:
        rows = {row["level"]: row for row in csv.DictReader(stream) if row["level"] in CENTRES_LPS_MM}
    assert float(rows["L2"]["height_anterior_mm"]) == pytest.approx(2 * BOX_MM[2], abs=0.05)
    assert float(rows["T12"]["superior_coronal_deg"]) == pytest.approx(0.0, abs=0.05)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("view", ["space", "ap", "lateral"])
def test_an_anchor_in_space_or_in_a_view_names_all_the_others(case, reverter, annotate, view):
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import read_radiograph

    place = "0,2,0"
    if view != "space":
        film = read_radiograph(case / "views" / f"{view}.nrrd", View(view))
        row, column = film.projection.project([0.0, 2.0, 0.0])[0]
        place = f"{view}:{row:.1f},{column:.1f}"
    assert reverter(*annotate("--anchor", f"L4={place}")).code == 0
    assert [c.level.name for c in read_centroids(case / "new.mrk.json")] == ["L3", "L4", "L5"]


@pytest.mark.usefixtures("known")
def test_locked_points_keep_place_and_name_and_stay_locked(case, reverter, annotate):
    kept = json.loads((case / "centroids.mrk.json").read_text())
    points = kept["markups"][0]["controlPoints"]
    points[1] |= {"locked": True, "position": [0.5, 3.0, 1.0]}
    (case / "kept.mrk.json").write_text(json.dumps(kept))
    outcome = reverter(*annotate(locked=case / "kept.mrk.json"))
    assert outcome.code == 0, outcome.err
    found = {c.level.name: c.position_lps_mm for c in read_centroids(case / "new.mrk.json")}
    np.testing.assert_allclose(found["L1"], [0.5, 3.0, 1.0], atol=1e-3)
    np.testing.assert_allclose(found["T12"], np.add(CENTRES_LPS_MM["T12"], OFF_MM), atol=0.05)
    written = json.loads((case / "new.mrk.json").read_text())["markups"][0]["controlPoints"]
    assert [p["label"] for p in written if p["locked"]] == ["L1"]
    assert "placed by a person" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--anchor", "L1=3"), 2, "is no anchor"),
        (("--anchor", "L1=ap:3,4,5"), 2, "is no anchor"),
        (("--anchor", "L1=side:3,4"), 2, "is no anchor"),
        (("--anchor", "L1=nan,0,0"), 2, "is no anchor"),
        (("--anchor", "Q9=1,2,3"), 2, "'Q9' is not a vertebral level"),
        (("--out", "centroids.json"), 2, "must end with .mrk.json"),
        (("--preview", "a.jpg"), 2, "the picture is a PNG"),
        (("--locked", "none.mrk.json"), 3, "none.mrk.json: no such file"),
        (("--detector", "none.safetensors"), 3, "none.safetensors: no such weights file"),
        (("--detector", "learned"), 3, "no detector is installed"),
        (("--lateral", "none.nrrd"), 3, "none.nrrd: no such file"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(case, reverter, annotate, arguments, code, text):  # noqa: PLR0917 - pytest fills them in
    before = {p.name for p in case.iterdir()}
    outcome = reverter(*annotate(), *arguments)
    assert outcome.code == code, outcome.err
    assert text in outcome.err
    assert "Traceback" not in outcome.err
    assert {p.name for p in case.iterdir()} == before


def test_without_any_vertebra_nothing_is_written(case, reverter, annotate, monkeypatch):
    monkeypatch.setattr(
        "ReVerteRLib.detection.opening.open_detector", lambda *_: KnownDetector(without=tuple(CENTRES_LPS_MM))
    )
    outcome = reverter(*annotate(preview=case / "view.png"))
    assert outcome.code == 3
    assert "no vertebra was found" in outcome.err
    assert not (case / "new.mrk.json").exists()
    assert not (case / "view.png").exists()


def test_the_default_without_learned_weights_says_that_it_is_the_classical_one(reverter, annotate):
    outcome = reverter(*annotate())
    assert "the classical one is used" in outcome.err
    assert outcome.code in (0, 3)  # three boxes are hardly a spine; either way it was said


# --- in other commands ---------------------------------------------------------------------------


@pytest.fixture
def named(monkeypatch):
    """The phantom's boxes under their own names, whatever the spacing suggests."""
    from ReVerteRLib.anatomy import level_from_name
    from ReVerteRLib.detection.annotator import Annotator
    from ReVerteRLib.detection.types import Anchor

    plain = Annotator.annotate

    def annotate(self, pair, *, anchors=(), **more):
        return plain(self, pair, anchors=anchors or (Anchor(level_from_name("L1"), (0.0, 2.0, 0.0)),), **more)

    monkeypatch.setattr(Annotator, "annotate", annotate)


@pytest.fixture
def quick(monkeypatch):
    """Leaves out what takes longest."""
    monkeypatch.setattr("ReVerteRLib.cli.outputs.write_renderings", lambda *_: ({}, []))
    monkeypatch.setattr("ReVerteRLib.cli.outputs.write_scene", lambda *_, **__: ["no scene"])


@pytest.mark.usefixtures("known", "named", "quick")
def test_reconstruct_without_centroids_finds_them_and_writes_them_too(case, reverter):
    views = case / "views"
    outcome = reverter(
        "reconstruct", "--ap", views / "ap.nrrd", "--lateral", views / "lateral.nrrd", "--out", case / "out"
    )
    assert outcome.code == 0, outcome.err
    report = json.loads((case / "out" / "report.json").read_text())
    assert [v["level"] for v in report["vertebrae"]] == list(CENTRES_LPS_MM)
    assert report["inputs"]["centroids"] == "automatic"
    np.testing.assert_allclose(report["vertebrae"][1]["centroid_lps_mm"], [SHIFT_MM, 2.0, 0.0], atol=0.05)
    assert len(read_centroids(case / "out" / "centroids.mrk.json")) == 3


@pytest.mark.usefixtures("quick")
def test_reconstruct_refuses_a_detector_beside_given_centroids(reverter, inputs):
    outcome = reverter(*inputs(detector="classical"))
    assert outcome.code == 2
    assert "centroids are given" in outcome.err


@pytest.mark.usefixtures("named")
def test_evaluate_with_automatic_centroids_counts_what_was_not_found_with_dice_0(case, data, reverter, monkeypatch):
    detector = KnownDetector(without=("L2",))
    monkeypatch.setattr("ReVerteRLib.detection.opening.open_detector", lambda *_: detector)
    arguments = ["evaluate", "--data", data, "--subjects", "toy1", "--weights", "tiny", "--no-details"]
    outcome = reverter(*arguments, "--centroids", "auto", "--out", case / "eval")
    assert outcome.code == 0, outcome.err
    with (case / "eval" / "metrics.csv").open() as stream:
        rows = {row["level"]: row for row in csv.DictReader(stream)}
    assert {name: row["found"] for name, row in rows.items()} == {"T12": "1", "L1": "1", "L2": "0"}
    assert float(rows["L2"]["dice"]) == 0.0
    summary = json.loads((case / "eval" / "summary.json").read_text())
    assert (summary["n"], summary["found"]["n"], summary["failures"]) == (3, 2, 1)
    assert summary["dice"]["mean"] == pytest.approx(summary["found"]["dice"]["mean"] * 2 / 3, abs=1e-3)
    assert "| found | 2 |" in (case / "eval" / "report.md").read_text()
    assert "found" in outcome.out


def test_evaluate_where_nothing_is_found_scores_every_vertebra_0(case, data, reverter, monkeypatch):
    detector = KnownDetector(without=tuple(CENTRES_LPS_MM))
    monkeypatch.setattr("ReVerteRLib.detection.opening.open_detector", lambda *_: detector)
    arguments = ["evaluate", "--data", data, "--subjects", "toy1", "--weights", "tiny", "--no-details"]
    outcome = reverter(*arguments, "--centroids", "auto", "--out", case / "eval")
    assert outcome.code == 0, outcome.err
    summary = json.loads((case / "eval" / "summary.json").read_text())
    assert (summary["n"], summary["found"]["n"], summary["dice"]["mean"]) == (3, 0, 0.0)
    assert "no vertebra was found" in outcome.err


def test_evaluate_takes_a_file_of_centroids_for_one_subject_only(case, data, reverter):
    arguments = ["evaluate", "--data", data, "--weights", "tiny", "--no-details", "--out", case / "eval"]
    file = case / "centroids.mrk.json"
    outcome = reverter(*arguments, "--centroids", file, "--subjects", "toy1")
    assert outcome.code == 0, outcome.err
    several = reverter(*arguments, "--centroids", file)
    assert several.code == 2
    assert "belongs to one subject" in several.err


@pytest.mark.usefixtures("known", "named", "quick")
def test_the_demo_with_automatic_centroids_says_so(case, reverter, monkeypatch):
    ct, labels = phantom()
    sample = SampleCase(ct, labels, "phantom", "made for this test, CC0")
    monkeypatch.setattr("ReVerteRLib.datasets.sample.sample_ct", lambda: sample)
    outcome = reverter("demo", "--centroids", "auto", "--out", case / "demo")
    assert outcome.code == 0, outcome.err
    report = json.loads((case / "demo" / "report.json").read_text())
    assert report["centroids"] == "automatic"
    assert report["evaluation"]["found"]["n"] == 3
    assert "annotate" in report["stages_s"]
    assert "found in them automatically" in (case / "demo" / "report.html").read_text()
    found = read_centroids(case / "demo" / "centroids.mrk.json")
    np.testing.assert_allclose(list(found)[1].position_lps_mm, [SHIFT_MM, 2.0, 0.0], atol=0.8)


@pytest.mark.usefixtures("known")
def test_evaluate_annotation_measures_whole_spines_and_writes_tables(case, data, reverter):
    out = case / "scores"
    outcome = reverter("evaluate-annotation", "--data", data, "--subjects", "toy1", "--crops", 2, "--out", out)
    assert outcome.code == 0, outcome.err
    record = json.loads((out / "annotation.json").read_text())
    whole = record["detectors"]["classical"]["whole"]
    assert (whole["n"], whole["recall"], whole["precision"]) == (3, 1.0, 1.0)
    assert whole["ap_mm"]["mean"] == pytest.approx(SHIFT_MM, abs=0.4)  # boxes have no arch, so depth is less exact
    assert whole["label_accuracy_with_anchor"] == 1.0
    assert "Whole radiographs" in (out / "annotation.md").read_text()
    assert Image.open(out / "errors.png").size[0] > 300
    assert [p.name for p in (out / "pictures" / "classical").iterdir()] == ["sub-toy1.png"]


def test_evaluate_annotation_wants_something_to_evaluate(case, reverter):
    outcome = reverter("evaluate-annotation", "--out", case / "scores")
    assert outcome.code == 2
    assert "Give --data, --sample or both" in outcome.err
