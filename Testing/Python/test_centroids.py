"""Centroids and their Slicer Markups files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name, parse_levels
from ReVerteRLib.centroids import Centroid, CentroidSet, read_centroids, write_centroids
from ReVerteRLib.errors import CentroidError


def _set(*names: str) -> CentroidSet:
    return CentroidSet(tuple(Centroid(level_from_name(n), (i * 1.5, -20.25, 300.0 - i)) for i, n in enumerate(names)))


def _markup(path, points, system="LPS"):
    controls = [{"label": label, "position": position, "positionStatus": "defined"} for label, position in points]
    path.write_text(json.dumps({"markups": [{"coordinateSystem": system, "controlPoints": controls}]}))
    return path


def test_centroids_come_back_from_their_file(tmp_path):
    centroids = _set("T12", "L1", "C3", "T13")
    write_centroids(centroids, tmp_path / "spine.mrk.json")
    back = read_centroids(tmp_path / "spine.mrk.json")
    assert [c.level.name for c in back] == ["C3", "T12", "T13", "L1"]
    for before, after in zip(centroids, back, strict=True):
        np.testing.assert_allclose(after.position_lps_mm, before.position_lps_mm, atol=1e-4)
    assert back.source.endswith("spine.mrk.json")


def test_the_file_is_what_slicer_writes(tmp_path):
    write_centroids(_set("L2"), tmp_path / "a.mrk.json")
    record = json.loads((tmp_path / "a.mrk.json").read_text())
    assert record["@schema"].startswith("https://raw.githubusercontent.com/slicer/slicer")
    markup = record["markups"][0]
    assert (markup["type"], markup["coordinateSystem"]) == ("Fiducial", "LPS")
    assert markup["controlPoints"][0]["label"] == "L2"


@pytest.mark.parametrize("system", ["RAS", "0"])
def test_ras_files_are_turned_to_lps(tmp_path, system):
    path = _markup(tmp_path / "ras.mrk.json", [("L1", [10.0, 20.0, 30.0])], system)
    assert read_centroids(path).items[0].position_lps_mm == (-10.0, -20.0, 30.0)


@pytest.mark.parametrize("system", ["LPS", "1"])
def test_lps_files_are_taken_as_they_are(tmp_path, system):
    path = _markup(tmp_path / "lps.mrk.json", [("L1", [10.0, 20.0, 30.0])], system)
    assert read_centroids(path).items[0].position_lps_mm == (10.0, 20.0, 30.0)


def test_points_that_were_not_placed_are_left_out(tmp_path):
    path = _markup(tmp_path / "a.mrk.json", [("L1", [0.0, 0.0, 0.0]), ("L2", [0.0, 0.0, 0.0])])
    record = json.loads(path.read_text())
    record["markups"][0]["controlPoints"][1]["positionStatus"] = "undefined"
    path.write_text(json.dumps(record))
    assert [c.level.name for c in read_centroids(path)] == ["L1"]


def test_selecting_levels_keeps_them_and_names_the_missing():
    centroids = _set("T12", "L1", "L2")
    assert [c.level.name for c in centroids.selected([level_from_name("L2"), level_from_name("T12")])] == ["T12", "L2"]
    with pytest.raises(CentroidError, match=r"no centroid for L4.*Choose among T12, L1, L2"):
        centroids.selected([level_from_name("L4")])
    assert centroids.get(level_from_name("L5")) is None


def test_a_level_twice_is_refused(tmp_path):
    path = _markup(tmp_path / "twice.mrk.json", [("L1", [0, 0, 0]), ("l1", [1, 1, 1])])
    with pytest.raises(CentroidError, match=r"twice\.mrk\.json: L1 occurs more than once"):
        read_centroids(path)


def test_an_unknown_level_is_refused_with_file_and_remedy(tmp_path):
    path = _markup(tmp_path / "odd.mrk.json", [("F-1", [0, 0, 0])])
    with pytest.raises(CentroidError, match=r"odd\.mrk\.json: 'F-1' is not a vertebral level\. Use names from"):
        read_centroids(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no Slicer Markups JSON"),
        ("[]", "no Slicer Markups JSON"),
        ("{}", "no Slicer Markups JSON"),
        ('{"markups": []}', "no Slicer Markups JSON"),
        ('{"markups": [{"controlPoints": []}]}', "no placed control point"),
        ('{"markups": [{"coordinateSystem": "XYZ", "controlPoints": []}]}', "coordinate system 'XYZ'"),
        ('{"markups": [{"controlPoints": [{"label": "L1", "position": [1, 2]}]}]}', "no Slicer Markups JSON"),
        ('{"markups": [{"controlPoints": [{"label": "L1", "position": [1, 2, NaN]}]}]}', "not a number"),
        ("\xff\xfe", "no Slicer Markups JSON"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "broken.mrk.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CentroidError, match=message) as caught:
        read_centroids(path)
    assert "broken.mrk.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CentroidError, match=r"nowhere\.mrk\.json: no such file"):
        read_centroids(tmp_path / "nowhere.mrk.json")


def test_a_range_over_the_rare_levels_does_not_need_them():
    centroids = _set("T12", "L1", "L5")
    assert [c.level.name for c in centroids.selected(parse_levels("T12-L1"))] == ["T12", "L1"]
    assert [c.level.name for c in _set("T12", "T13", "L1").selected(parse_levels("T12-L1"))] == ["T12", "T13", "L1"]
    for names in ("T13", "T12,T13", "L1-L5"):
        with pytest.raises(CentroidError, match="no centroid for"):
            centroids.selected(parse_levels(names))
