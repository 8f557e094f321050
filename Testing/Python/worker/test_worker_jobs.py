"""The real jobs in the real worker, on toy radiographs with a tiny network."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest
from toy_case import TOY_CENTRES_LPS_MM, toy_centroids

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import CentroidSet, write_centroids
from ReVerteRLib.errors import ArgumentError, CentroidError, InputError, ReVerteRError, VolumeError
from ReVerteRLib.imaging.volume import read_labels
from ReVerteRLib.inference.kept import read_kept

LONG_S = 90.0


def run(client, name="reconstruct", **arguments):
    return client.request(name, **arguments).wait(LONG_S)


def voxels(folder):
    labels = read_labels(folder / "labels.nii.gz")
    return labels.array_kji, labels.ijk_to_lps_mm


def test_hello_tells_versions_device_and_weights(client):
    told = run(client, "hello", device="cpu")
    assert told["protocol"] == 1
    assert told["weights"] == ["tiny"]
    assert told["default_weights"] == "tiny"
    assert told["device"] == "cpu"
    assert "CPU threads" in told["device_name"]


def test_a_reconstruction_tells_each_vertebra_and_writes_the_files(client, reconstruction, tmp_path):
    events = []
    client._on_event = events.append
    arguments = reconstruction(partials=tmp_path / "partials")
    record = run(client, **arguments)
    client._on_event = None
    told = [e.data for e in events if e.name == "progress" and e.data["level"]]
    assert [(t["level"], t["done"], t["total"]) for t in told] == [("T12", 1, 3), ("L1", 2, 3), ("L2", 3, 3)]
    assert told[-1]["seconds_left"] == 0.0
    assert told[0]["seconds_left"] > 0.0
    for t in told:
        content = (tmp_path / "partials" / f"{t['level']}.stl").read_bytes()
        assert t["partial"] == str(tmp_path / "partials" / f"{t['level']}.stl")
        assert b"SPACE=LPS" in content[:80]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "labels.nii.gz", "models", "report.json", "spine.seg.nrrd", "vertebrae.npz",
    ]  # fmt: skip
    assert [v["level"] for v in record["vertebrae"]] == ["T12", "L1", "L2"]
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {**written, "out": str(tmp_path / "out")} == record


def test_the_partial_surface_lies_where_the_vertebra_is(client, reconstruction, tmp_path):
    import vtk

    run(client, **reconstruction(partials=tmp_path / "partials", levels=["L2"]))
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(tmp_path / "partials" / "L2.stl"))
    reader.Update()
    kept = read_kept(tmp_path / "out" / "vertebrae.npz").vertebrae[0]
    points = kept.grid.points_lps_mm(np.argwhere(kept.mask))
    bounds = np.array(reader.GetOutput().GetBounds()).reshape(3, 2)
    np.testing.assert_allclose(bounds.mean(axis=1), (points.min(axis=0) + points.max(axis=0)) / 2, atol=1.0)
    assert np.abs(bounds.mean(axis=1) - TOY_CENTRES_LPS_MM["L2"]).max() < 6.0


def test_the_network_stays_loaded(client, reconstruction):
    first = run(client, **reconstruction())
    second = run(client, **reconstruction())
    assert second["weights"] == first["weights"]
    assert client.starts == 1


def test_redoing_one_level_equals_the_full_run(client, reconstruction, tmp_path):
    moved = tmp_path / "moved.mrk.json"
    write_centroids(toy_centroids(L1=(1.3, 3.1, 2.2)), moved)
    full, redone = tmp_path / "full", tmp_path / "redone"
    run(client, **reconstruction(out=full))
    unchanged = run(client, **reconstruction(out=redone, base=full, levels=["L1"]))
    assert unchanged["kept"] == ["T12", "L2"]
    np.testing.assert_array_equal(voxels(redone)[0], voxels(full)[0])
    np.testing.assert_array_equal(voxels(redone)[1], voxels(full)[1])
    assert {p.name: p.read_bytes() for p in (redone / "models").iterdir()} == {
        p.name: p.read_bytes() for p in (full / "models").iterdir()
    }
    before = voxels(full)[0]
    masks = [v.mask.sum() for v in read_kept(full / "vertebrae.npz").vertebrae]
    assert sum(masks) > (before > 0).sum()  # the levels compete, so that merging has something to decide
    # and with a corrected centroid, written over the result that it was made from
    run(client, **reconstruction(out=full, centroids=moved))
    record = run(client, **reconstruction(out=redone, base=redone, levels=["L1"], centroids=moved))
    np.testing.assert_array_equal(voxels(redone)[0], voxels(full)[0])
    assert not np.array_equal(voxels(redone)[0], before)
    assert [v["level"] for v in record["vertebrae"]] == ["T12", "L1", "L2"]


def test_kept_levels_follow_the_centroids_that_are_left_and_those_that_moved_are_named(
    client, reconstruction, tmp_path
):
    changed = tmp_path / "changed.mrk.json"
    places = [c for c in toy_centroids(L2=(-2.0, 6.0, -24.0)) if c.level.name != "T12"]
    write_centroids(CentroidSet(tuple(places)), changed)
    run(client, **reconstruction())
    record = run(client, **reconstruction(base=tmp_path / "out", levels=["L1"], centroids=changed))
    assert [v["level"] for v in record["vertebrae"]] == ["L1", "L2"]
    assert "L2: its centroid moved by 3.0 mm since it was reconstructed" in record["notes"]
    assert level_from_name("T12").verse_label not in voxels(tmp_path / "out")[0]


def test_a_base_of_other_radiographs_or_without_vertebrae_is_refused(client, reconstruction, toy_inputs, tmp_path):
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import Radiograph, read_radiograph, write_radiograph

    run(client, **reconstruction())
    ap = read_radiograph(toy_inputs / "ap.nrrd", View.AP)
    write_radiograph(Radiograph(ap.image_hw * 2.0, ap.projection), tmp_path / "other.nrrd")
    with pytest.raises(InputError, match="made from other radiographs"):
        run(client, **reconstruction(base=tmp_path / "out", levels=["L1"], ap=tmp_path / "other.nrrd"))
    with pytest.raises(InputError, match="does not keep its vertebrae"):
        run(client, **reconstruction(base=tmp_path / "nothing", levels=["L1"]))
    (tmp_path / "out" / "vertebrae.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match="damaged"):
        run(client, **reconstruction(base=tmp_path / "out", levels=["L1"]))
    assert (tmp_path / "out" / "labels.nii.gz").is_file()


def test_errors_arrive_with_their_class_place_and_remedy(client, reconstruction, tmp_path):
    with pytest.raises(VolumeError) as caught:
        run(client, **reconstruction(ap=tmp_path / "no.nrrd"))
    assert (caught.value.where, caught.value.remedy) == (str(tmp_path / "no.nrrd"), "Check the path")
    with pytest.raises(CentroidError, match="no centroid for L4"):
        run(client, **reconstruction(levels=["L4"]))
    with pytest.raises(ArgumentError, match="unknown argument 'colour'"):
        run(client, **reconstruction(colour="red"))
    with pytest.raises(ArgumentError, match="'lateral' is missing"):
        run(client, **reconstruction(lateral=None))
    with pytest.raises(ArgumentError, match="'levels' cannot be 3"):
        run(client, **reconstruction(levels=3))
    assert not (tmp_path / "out").exists()


def test_a_worker_killed_in_mid_job_leaves_the_earlier_result(client, reconstruction, tmp_path):
    run(client, **reconstruction())
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    job = client.request("reconstruct", **reconstruction())
    while not job.progress:
        client.poll()
        time.sleep(0.001)
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(ReVerteRError, match="worker was killed"):
        job.wait(LONG_S)
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    assert not [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def test_simulated_radiographs_can_be_read(client, tmp_path):
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import read_radiograph
    from ReVerteRLib.imaging.volume import CtVolume, write_volume

    voxels_hu = np.full((40, 44, 48), -1000, np.float32)
    voxels_hu[10:30, 12:30, 14:34] = 700
    write_volume(CtVolume(voxels_hu, np.diag([2.0, 2.0, 2.0, 1.0])), tmp_path / "ct.nii.gz")
    told = run(client, "simulate", ct=tmp_path / "ct.nii.gz", out=tmp_path / "views", device="cpu")
    ap = read_radiograph(tmp_path / "views" / "ap.nrrd", View.AP)
    assert told["files"]["ap"] == str(tmp_path / "views" / "ap.nrrd")
    assert ap.image_hw.max() > 1.0
    with pytest.raises(ArgumentError, match="beam 'fan' is unknown"):
        run(client, "simulate", ct=tmp_path / "ct.nii.gz", out=tmp_path / "views", beam="fan")


def test_measurements_and_exports_of_a_stored_result(client, reconstruction, tmp_path, toy_inputs):
    run(client, **reconstruction())
    result = tmp_path / "out"
    views = {"ap": toy_inputs / "ap.nrrd", "lateral": toy_inputs / "lateral.nrrd"}
    told = run(client, "measure", result=result, out=tmp_path / "numbers", **views)
    assert [v["level"] for v in told["vertebrae"]] == ["T12", "L1", "L2"]
    volumes = {v["level"]: v["volume_ml"] for v in json.loads((result / "report.json").read_text())["vertebrae"]}
    assert {v["level"]: v["volume_ml"] for v in told["vertebrae"]} == pytest.approx(volumes, abs=0.01)
    assert [q["level"] for q in told["silhouettes"]] == ["T12", "L1", "L2"]
    assert "T12" in (tmp_path / "numbers" / "vertebrae.csv").read_text()
    formats = ["stl", "obj", "ply", "nifti", "seg.nrrd", "dicom"]
    told = run(client, "export", result=result, out=tmp_path / "files", formats=formats, levels=["T12-L1"])
    names = {p.relative_to(tmp_path / "files").as_posix() for p in (tmp_path / "files").rglob("*") if p.is_file()}
    meshes = {f"{kind}/{name}.{kind}" for kind in ("stl", "obj", "ply") for name in ("T12", "L1", "spine")}
    assert names == {*meshes, "labels.nii.gz", "spine.seg.nrrd", "spine.dcm"}
    assert set(np.unique(voxels(tmp_path / "files")[0])) == {0, 19, 20}
    assert {str(tmp_path / "files" / name) for name in names} == set(told["files"].values())
    with pytest.raises(ArgumentError, match="formats"):
        run(client, "export", result=result, out=tmp_path / "files", formats=["docx"])
    with pytest.raises(CentroidError, match="no centroid for L5"):
        run(client, "export", result=result, out=tmp_path / "files", levels=["L5"])


def test_anchors_and_positions_that_are_none_are_refused(client, tmp_path, toy_inputs):
    views = {"ap": toy_inputs / "ap.nrrd", "lateral": toy_inputs / "lateral.nrrd", "out": tmp_path / "found"}
    with pytest.raises(ArgumentError, match="'L1' is no anchor"):
        run(client, "annotate", **views, anchors=["L1"])
    with pytest.raises(ArgumentError, match="'1,2' is no position"):
        run(client, "annotate", **views, removed=["1,2"])
    assert not (tmp_path / "found").exists()


def test_a_part_that_is_not_installed_is_named():
    from ReVerteRLib.errors import ResourceError
    from ReVerteRLib.worker.more_jobs import part

    with pytest.raises(ResourceError, match=r"this installation lacks ReVerteRLib\.no_such_part"):
        part("no_such_part.module")


def test_automatic_centroids_are_written_with_what_is_to_be_checked(client, tmp_path, toy_inputs):
    from ReVerteRLib.centroids import read_centroids

    views = {"ap": toy_inputs / "ap.nrrd", "lateral": toy_inputs / "lateral.nrrd"}
    job = client.request("annotate", **views, out=tmp_path / "found", detector="classical")
    told = job.wait(LONG_S)
    written = read_centroids(tmp_path / "found" / "centroids.mrk.json")
    assert [c.level.name for c in written] == [v["level"] for v in told["vertebrae"]]
    assert told["centroids"] == str(tmp_path / "found" / "centroids.mrk.json")
    assert job.warnings == told["warnings"]
    record = json.loads((tmp_path / "found" / "annotation.json").read_text())
    assert record["detector"] == "classical"
    assert record["vertebrae"] == told["vertebrae"]
    assert all(0.0 <= v["confidence"] <= 1.0 for v in record["vertebrae"])
