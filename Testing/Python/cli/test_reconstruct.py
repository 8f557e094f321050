from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
import vtk
from phantom import CENTRES_LPS_MM, PATCH_SIZE
from PIL import Image

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import CentroidSet, read_centroids, write_centroids
from ReVerteRLib.imaging.volume import read_labels
from ReVerteRLib.inference.reconstructor import Reconstructor


def snapshot(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_simulated_radiographs_become_files_with_every_vertebra_in_its_place(case, reverter, inputs):
    outcome = reverter(*inputs())
    assert outcome.code == 0, outcome.err
    out = case / "out"
    expected = {
        "spine.seg.nrrd", "labels.nii.gz", "scene.mrb", "report.json", "ap.png", "lateral.png", "3d_front.png",
        "3d_side.png", "3d_60.png", "overview.png", "models/T12.stl", "models/L1.stl", "models/L2.stl",
        "vertebrae.npz",
    }  # fmt: skip
    assert set(snapshot(out)) == expected
    labels = read_labels(out / "labels.nii.gz")
    for name, centre in CENTRES_LPS_MM.items():
        own = np.argwhere(labels.array_kji == level_from_name(name).verse_label)
        np.testing.assert_allclose(labels.to_lps(own[:, ::-1].mean(axis=0))[0], centre, atol=0.6)
        assert len(own) == pytest.approx(PATCH_SIZE**3, rel=0.15)
        reader = vtk.vtkSTLReader()
        reader.SetFileName(str(out / "models" / f"{name}.stl"))
        reader.Update()
        bounds = np.array(reader.GetOutput().GetBounds()).reshape(3, 2)
        np.testing.assert_allclose(bounds.mean(axis=1), centre, atol=0.8)
    segmentation = sitk.ReadImage(str(out / "spine.seg.nrrd"))
    assert segmentation.GetMetaData("Segment0_Name") == "T12"
    assert Image.open(out / "3d_front.png").size == (600, 900)
    report = json.loads((out / "report.json").read_text())
    assert [v["level"] for v in report["vertebrae"]] == ["T12", "L1", "L2"]
    assert report["weights"]["name"] == "tiny"
    assert {"read", "network", "assemble", "surfaces", "scene"} <= set(report["stages_s"])
    assert all((out / path).is_file() for path in report["files"].values())


def test_the_scene_opens_with_everything_in_it(case, reverter, inputs):
    pytest.importorskip("slicer")
    from ReVerteRLib.scene.bootstrap import SceneHost
    from ReVerteRLib.scene.builder import read_mrb

    assert reverter(*inputs()).code == 0
    with SceneHost() as host:
        spine = read_mrb(host.scene, case / "out" / "scene.mrb")
        assert [level.name for level in spine.models] == ["T12", "L1", "L2"]
        assert spine.centroids.GetNumberOfControlPoints() == 3
        assert spine.segmentation.GetSegmentation().GetNumberOfSegments() == 3
        assert spine.ap is not None
        assert spine.lateral is not None


@pytest.fixture
def quick(monkeypatch):
    """Leaves out what takes longest, for tests that are about something else."""
    monkeypatch.setattr("ReVerteRLib.cli.outputs.write_renderings", lambda *_: ({}, []))
    monkeypatch.setattr("ReVerteRLib.cli.outputs.write_scene", lambda *_: ["no scene"])


@pytest.mark.usefixtures("quick")
def test_chosen_levels_only_and_models_of_an_earlier_run_do_not_stay(case, reverter, inputs):
    assert reverter(*inputs()).code == 0
    assert reverter(*inputs(levels="L1,T12")).code == 0
    assert sorted(p.name for p in (case / "out" / "models").iterdir()) == ["L1.stl", "T12.stl"]
    assert set(np.unique(read_labels(case / "out" / "labels.nii.gz").array_kji)) == {0, 19, 20}


@pytest.mark.usefixtures("quick")
def test_a_range_of_levels(case, reverter, inputs):
    assert reverter(*inputs(levels="L1-L2")).code == 0
    assert sorted(p.name for p in (case / "out" / "models").iterdir()) == ["L1.stl", "L2.stl"]


def test_without_slicer_core_the_scene_is_skipped_and_the_way_to_get_it_told(case, reverter, inputs, monkeypatch):
    from ReVerteRLib.errors import ResourceError
    from ReVerteRLib.scene import bootstrap

    def missing():
        raise ResourceError("3D Slicer's scene library is not installed")

    monkeypatch.setattr(bootstrap, "import_slicer", missing)
    outcome = reverter(*inputs())
    assert outcome.code == 0
    assert "scene.mrb was not written" in outcome.err
    assert 'pip install "reverter-slicer[slicer]"' in outcome.err
    report = json.loads((case / "out" / "report.json").read_text())
    assert any("scene.mrb was not written" in note for note in report["notes"])
    assert not (case / "out" / "scene.mrb").exists()
    assert (case / "out" / "spine.seg.nrrd").is_file()


# --- bad input as a user meets it -----------------------------------------------------------------


def refuse(outcome, code, *parts):
    assert outcome.code == code, outcome.err
    for part in parts:
        assert part in outcome.err
    assert outcome.err.count("reverter: error: ") == 1
    assert "Traceback" not in outcome.err


def test_a_missing_radiograph(case, reverter, inputs):
    refuse(reverter(*inputs(lateral=case / "no.nrrd")), 3, "no.nrrd: no such file", "Check the path")


def test_a_missing_centroid_file(case, reverter, inputs):
    refuse(reverter(*inputs(centroids=case / "no.mrk.json")), 3, "no.mrk.json: no such file")


def test_a_truncated_radiograph(case, reverter, inputs):
    path = case / "views" / "ap.nrrd"
    path.write_bytes(path.read_bytes()[:-2000])
    refuse(reverter(*inputs()), 3, "ap.nrrd", "damaged or cut short")


def test_one_radiograph_twice(case, reverter, inputs):
    ap = case / "views" / "ap.nrrd"
    refuse(reverter(*inputs(lateral=ap)), 3, "ap.nrrd: the same file is given", "Give one AP and one lateral")


def test_a_copy_of_the_same_radiograph(case, reverter, inputs):
    copy = case / "copy.nrrd"
    shutil.copy(case / "views" / "ap.nrrd", copy)
    refuse(reverter(*inputs(lateral=copy)), 3, "copy.nrrd", "this is the ap radiograph")


def test_exchanged_radiographs(case, reverter, inputs):
    views = case / "views"
    outcome = reverter(*inputs(ap=views / "lateral.nrrd", lateral=views / "ap.nrrd"))
    refuse(outcome, 3, "lateral.nrrd", "Exchange --ap and --lateral")


def test_a_ct_instead_of_a_radiograph(case, reverter, inputs):
    refuse(reverter(*inputs(ap=case / "ct.nii.gz")), 3, "a radiograph of one slice is needed", "reverter simulate")


def test_a_centroid_outside_the_image(case, reverter, inputs):
    text = (case / "centroids.mrk.json").read_text()
    (case / "centroids.mrk.json").write_text(text.replace("-31.0", "-310.0"))
    refuse(
        reverter(*inputs()), 3, "centroids.mrk.json",
        "centroid of L2 at (-2.0, 6.0, -310.0) mm LPS lies outside the ap", "same patient and frame",
    )  # fmt: skip


def test_an_unknown_level_on_the_command_line(reverter, inputs):
    refuse(reverter(*inputs(levels="T12,T99")), 2, "--levels", "'T99' is not a vertebral level", "for example T12")


def test_an_unknown_level_in_the_centroid_file(case, reverter, inputs):
    text = (case / "centroids.mrk.json").read_text()
    (case / "centroids.mrk.json").write_text(text.replace('"L2"', '"Q7"'))
    refuse(reverter(*inputs()), 3, "centroids.mrk.json", "'Q7' is not a vertebral level")


def test_a_level_without_centroid(reverter, inputs):
    refuse(reverter(*inputs(levels="L4")), 3, "no centroid for L4", "Choose among T12, L1, L2")


def test_a_level_twice_in_the_centroid_file(case, reverter, inputs):
    text = (case / "centroids.mrk.json").read_text()
    (case / "centroids.mrk.json").write_text(text.replace('"L2"', '"L1"'))
    refuse(reverter(*inputs()), 3, "L1 occurs more than once")


def test_altered_weights(case, reverter, inputs):
    path = case / "Resources" / "Weights" / "tiny.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refuse(reverter(*inputs()), 3, "tiny.safetensors", "is not the one that was shipped", "install ReVerteR again")


def test_unknown_weights(reverter, inputs):
    refuse(reverter(*inputs(weights="giant")), 3, "no weights called 'giant'", "Known names: tiny")


def test_a_pickle_instead_of_weights(case, reverter, inputs):
    torch.save({"a": torch.zeros(1)}, case / "model.pt")
    refuse(reverter(*inputs(weights=case / "model.pt")), 3, "model.pt: this is a pickle", ".safetensors")


@pytest.mark.usefixtures("quick")
def test_own_weights_are_used_and_named_as_not_shipped(case, reverter, inputs):
    own = case / "own.safetensors"
    shutil.copy(case / "Resources" / "Weights" / "tiny.safetensors", own)
    outcome = reverter(*inputs(weights=own))
    assert outcome.code == 0
    assert outcome.err.count("own.safetensors is not in the list of shipped weights") == 1


def test_a_folder_that_cannot_be_written_stops_before_the_work(case, reverter, inputs, monkeypatch):
    monkeypatch.setattr(Reconstructor, "reconstruct", lambda *_a, **_k: pytest.fail("work was started"))
    refuse(reverter(*inputs(out=case / "ct.nii.gz" / "out")), 3, "cannot be written", "Choose a folder")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_earlier_result_survives_any_failure(case, reverter, inputs, monkeypatch, failure):
    assert reverter(*inputs()).code == 0
    before = snapshot(case / "out")

    def stop(*_args, **_kwargs):
        raise failure

    monkeypatch.setattr("ReVerteRLib.inference.export.write_volume", stop)
    codes = {KeyboardInterrupt: 4, MemoryError: 5, RuntimeError: 1}
    assert reverter(*inputs()).code == codes[failure]
    assert snapshot(case / "out") == before
    assert not [p for p in (case / "out").iterdir() if p.name.startswith(".")]


def test_nothing_but_the_sacrum_is_refused(case, reverter, inputs):
    centroids = read_centroids(case / "centroids.mrk.json")
    first = next(iter(centroids))
    write_centroids(
        CentroidSet((type(first)(level_from_name("S1"), first.position_lps_mm),)), case / "centroids.mrk.json"
    )
    refuse(reverter(*inputs()), 3, "no vertebra to reconstruct")
