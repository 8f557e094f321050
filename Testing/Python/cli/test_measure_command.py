"""`reverter measure` and `reverter export` on the phantom."""

from __future__ import annotations

import json

import pydicom
import pytest


def test_a_label_map_is_measured_from_its_mask_alone(case, reverter, tmp_path):
    done = reverter("measure", case / "mask.nii.gz", "--out", tmp_path / "out")
    assert done.code == 0
    record = json.loads((tmp_path / "out" / "measurements.json").read_text())
    heights = {v["level"]: v["height_middle_mm"] for v in record["vertebrae"]}
    assert heights == pytest.approx({"T12": 21.0, "L1": 21.0, "L2": 21.0}, abs=1.0)
    assert record["spine"]["lordosis_l1_l5_deg"]["value"] is None
    assert "Lumbar lordosis L1-L5" in done.out
    assert "no silhouettes" in done.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "measurements.json", "spine.csv", "vertebrae.csv",
    ]  # fmt: skip


def test_with_radiographs_it_draws_silhouettes_and_gives_their_distance(case, reverter, tmp_path):
    views = ("--ap", case / "views" / "ap.nrrd", "--lateral", case / "views" / "lateral.nrrd")
    centroids = ("--centroids", case / "centroids.mrk.json")
    done = reverter("measure", case / "mask.nii.gz", "--out", tmp_path / "out", *views, *centroids)
    assert done.code == 0
    record = json.loads((tmp_path / "out" / "measurements.json").read_text())
    assert all(q["silhouette_distance_mm"] < 1.5 for q in record["silhouettes"])
    assert (tmp_path / "out" / "silhouettes.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("absent.nii.gz",), (3, "no such file")),
        (("mask.nii.gz", "--ap", "views/ap.nrrd"), (2, "one radiograph is missing")),
        (("views",), (3, "holds neither")),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(case, reverter, tmp_path, arguments, told):
    paths = [a if str(a).startswith("--") else case / a for a in arguments]
    done = reverter("measure", *paths, "--out", tmp_path / "out")
    assert done.code == told[0]
    assert told[1] in done.err
    assert not (tmp_path / "out").exists()


def test_a_result_is_exported_once_and_again_only_when_asked(case, reverter, tmp_path):
    arguments = ("export", case / "mask.nii.gz", "--out", tmp_path / "out", "--format", "stl,dicom-seg")
    first = reverter(*arguments, "--frame", "RAS")
    assert first.code == 0
    assert "meshes in RAS mm" in first.out
    assert "frame of reference of its own" in first.err
    assert b"SPACE=RAS" in (tmp_path / "out" / "models" / "L1.stl").read_bytes()[:80]
    assert len(pydicom.dcmread(tmp_path / "out" / "spine.seg.dcm").SegmentSequence) == 3
    assert reverter(*arguments).code == 3
    assert reverter(*arguments, "--overwrite").code == 0
    assert b"SPACE=LPS" in (tmp_path / "out" / "models" / "L1.stl").read_bytes()[:80]


def test_an_unknown_format_is_refused(case, reverter, tmp_path):
    done = reverter("export", case / "mask.nii.gz", "--out", tmp_path / "out", "--format", "step")
    assert done.code == 2
    assert "Choose among stl" in done.err
