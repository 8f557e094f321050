from __future__ import annotations

import csv
import json

from ReVerteRLib.imaging.volume import read_labels


def make_csv(case):
    path = case / "cases.csv"
    path.write_text(
        "case,ct,ap,lateral,centroids,levels\n"
        "films,,views/ap.nrrd,views/lateral.nrrd,centroids.mrk.json,L1\n"
        "scan,ct.nii.gz,,,centroids.mrk.json,\n"
        "lost,,views/no.nrrd,views/lateral.nrrd,centroids.mrk.json,\n"
    )
    return path


def test_films_and_scans_are_processed_and_a_lost_one_is_told(case, reverter):
    out = case / "results"
    arguments = ("batch", make_csv(case), "--out", out, "--device", "cpu", "--no-pictures", "--no-measure")
    outcome = reverter(*arguments)
    assert outcome.code == 3
    assert "2 of 3 cases done, 1 failed" in outcome.out
    assert f"case lost failed: {case / 'views' / 'no.nrrd'}: no such file. Check the path" in outcome.err
    assert outcome.err.count("Traceback") == 0
    with (out / "index.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["case"], r["status"], r["found"]) for r in rows] == [
        ("films", "done", "L1"),
        ("scan", "done", "T12 L1 L2"),
        ("lost", "failed", ""),
    ]
    report = json.loads((out / "scan" / "report.json").read_text())
    assert report["inputs"]["ap"] == str(out / "scan" / "radiographs" / "ap.nrrd")
    assert read_labels(out / "films" / "labels.nii.gz").array_kji.max() == 20
    (case / "views" / "no.nrrd").write_bytes((case / "views" / "ap.nrrd").read_bytes())
    outcome = reverter(*arguments)
    assert outcome.code == 0
    assert "3 of 3 cases done, 2 of them before, 0 failed" in outcome.out


def test_a_list_that_cannot_be_read(case, reverter):
    outcome = reverter("batch", case / "no.csv", "--out", case / "results")
    assert outcome.code == 3
    assert "no.csv: no such file or folder" in outcome.err
    assert not (case / "results").exists()
