"""The console functions of the module, on a real MRML scene with a small made-up CT."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest
from stand_ins import REPOSITORY

from ReVerteRLib.errors import (
    ArgumentError,
    CancelledError,
    CentroidError,
    GeometryError,
    InputError,
    OutputError,
    VolumeError,
)

pytestmark = pytest.mark.usefixtures("tiny_weights")
SIZE = 32


@pytest.fixture
def logic(module):
    return module.ReVerteRLogic()


@pytest.fixture
def pair(logic, ct_node):
    return logic.simulateRadiographs(ct_node)


def names_in(host) -> list[str]:
    return [host.scene.GetNthNode(i).GetName() for i in range(host.scene.GetNumberOfNodes())]


def test_a_ct_becomes_two_radiographs_that_stand_in_their_planes(logic, ct_node):
    ap, lateral = logic.simulateRadiographs(ct_node, spacingMm=2.0)
    assert (ap.GetName(), lateral.GetName()) == ("Phantom AP", "Phantom lateral")
    for node, flat_axis in ((ap, 1), (lateral, 0)):
        bounds = np.zeros(6)
        node.GetRASBounds(bounds)
        extent = np.diff(bounds.reshape(3, 2), axis=1).ravel()
        assert extent[flat_axis] == pytest.approx(1.0)
        assert extent[2] == pytest.approx(160.0, abs=4.0)
        assert extent[1 - flat_axis] == pytest.approx(120.0, abs=4.0)


def test_the_bony_column_is_bright_in_the_middle_of_both(logic, ct_node):
    from slicer.util import arrayFromVolume

    for node in logic.simulateRadiographs(ct_node):
        image = arrayFromVolume(node)[0]
        middle, beside = image[:, 50:71].mean(), image[:, 24:40].mean()
        assert middle > 1.1 * beside > 1.0


def test_a_cone_beam_is_kept_with_the_radiograph(logic, ct_node):
    from ReVerteRLib.geometry import Beam
    from ReVerteRLib.scene.volumes import radiograph_from_node

    ap, _ = logic.simulateRadiographs(ct_node, beam="cone")
    assert radiograph_from_node(ap).projection.beam is Beam.CONE


def test_what_is_no_ct_is_refused(logic, ct_node, pair, host):
    with pytest.raises(VolumeError, match="a CT volume is needed"):
        logic.simulateRadiographs(pair[0])
    mask = host.slicer.util.addVolumeFromArray(np.ones((4, 4, 4), dtype=np.uint8), name="Mask")
    with pytest.raises(VolumeError, match="Mask"):
        logic.simulateRadiographs(mask)
    turned = host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    ct_node.SetAndObserveTransformNodeID(turned.GetID())
    with pytest.raises(GeometryError, match="transform"):
        logic.simulateRadiographs(ct_node)


def test_radiographs_and_centroids_become_labelled_vertebrae(logic, pair, centroids_node, host):
    steps = []
    node = logic.reconstruct(*pair, centroids_node, progress=lambda *step: steps.append(step))
    segmentation = node.GetSegmentation()
    assert [segmentation.GetNthSegmentID(i) for i in range(2)] == ["L1", "L2"]
    assert steps == [(1, 2, "L1"), (2, 2, "L2")]
    centre = np.array(node.GetSegmentCenterRAS("L1"))
    assert np.abs(centre[:2] - 60.0).max() < 1.5
    assert abs(centre[2] - 108.0) < SIZE / 2
    assert node.GetAttribute("ReVerteR.Weights") == "tiny"
    assert len(node.GetAttribute("ReVerteR.WeightsSha256")) == 64
    models = [host.scene.GetNthNodeByClass(i, "vtkMRMLModelNode") for i in range(3)]
    assert [m.GetName() for m in models if m is not None and m.GetAttribute("ReVerteR.Level")] == ["L1", "L2"]


@pytest.mark.parametrize("levels", [["L2"], "L2", " l2 , ", ("L2",)])
def test_levels_are_given_as_a_list_or_as_text(logic, pair, centroids_node, levels):
    segmentation = logic.reconstruct(*pair, centroids_node, levels=levels).GetSegmentation()
    assert [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())] == ["L2"]


def test_bad_choices_are_named(logic, pair, centroids_node):
    with pytest.raises(ArgumentError, match="L9"):
        logic.reconstruct(*pair, centroids_node, levels="L9")
    with pytest.raises(CentroidError, match="no centroid for T3"):
        logic.reconstruct(*pair, centroids_node, levels="T3")
    centroids_node.SetNthControlPointLabel(0, "upper one")
    with pytest.raises(CentroidError, match="upper one"):
        logic.reconstruct(*pair, centroids_node)


def test_a_cancelled_run_leaves_the_scene_as_it_was(logic, pair, centroids_node, host):
    before = names_in(host)
    finished = []
    with pytest.raises(CancelledError, match="1 of 2"):
        logic.reconstruct(
            *pair, centroids_node, progress=lambda *step: finished.append(step), cancelled=lambda: len(finished) == 1
        )
    assert names_in(host) == before


def test_no_bone_anywhere_is_an_error_and_not_an_empty_result(logic, pair, centroids_node, host, monkeypatch):
    from ReVerteRLib.inference.runner import NetworkRunner

    nothing = np.zeros((1, SIZE, SIZE, SIZE), dtype=np.float32)
    monkeypatch.setattr(NetworkRunner, "probabilities", lambda *_: nothing)
    before = names_in(host)
    with pytest.raises(CentroidError, match="no bone"):
        logic.reconstruct(*pair, centroids_node)
    assert names_in(host) == before


def test_the_result_is_exported_with_a_persons_corrections(logic, pair, centroids_node, tmp_path):
    from ReVerteRLib.imaging.volume import read_labels

    node = logic.reconstruct(*pair, centroids_node)
    node.GetSegmentation().RemoveSegment("L1")
    files = logic.exportResults(node, tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in files.values()} == {
        "spine.seg.nrrd", "labels.nii.gz", "models/L2.stl", "models/spine.stl",
    }  # fmt: skip
    assert all(path.stat().st_size > 100 for path in files.values())
    labels = read_labels(files["nifti"])
    assert sorted(np.unique(labels.array_kji)) == [0, 21]
    voxels = labels.to_lps(np.argwhere(labels.array_kji == 21)[:, ::-1])
    assert np.abs(voxels.mean(axis=0)[:2] + 60.0).max() < 1.5
    low, high = _box_of_stl(files["stl L2"])
    assert low == pytest.approx(voxels.min(axis=0), abs=2.0)
    assert high == pytest.approx(voxels.max(axis=0), abs=2.0)


def test_files_of_an_earlier_export_are_replaced_only_when_asked(logic, pair, centroids_node, tmp_path):
    node = logic.reconstruct(*pair, centroids_node)
    logic.exportResults(node, tmp_path, ["obj"], frame="RAS")
    with pytest.raises(OutputError, match="there already"):
        logic.exportResults(node, tmp_path, ["obj"])
    assert "frame RAS" in (tmp_path / "models" / "L1.obj").read_text() or "RAS" in (
        tmp_path / "models" / "L1.obj"
    ).read_text(errors="replace")
    assert set(logic.exportResults(node, tmp_path, ["obj"], overwrite=True)) == {"obj L1", "obj L2", "obj spine"}


def test_files_become_radiographs_in_their_planes(logic, pair, tmp_path):
    import json

    from PIL import Image
    from slicer.util import arrayFromVolume

    for node, name in zip(pair, ("ap", "lateral"), strict=True):
        picture = arrayFromVolume(node)[0]
        Image.fromarray((picture / picture.max() * 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    choices = {"spacing_mm": 1.5}
    ap, lateral = logic.importRadiographs(
        tmp_path / "ap.png",
        tmp_path / "lateral.png",
        apChoices=choices,
        latChoices={**choices, "flip_horizontal": True},
    )
    bounds = np.zeros(6)
    ap.GetRASBounds(bounds)
    assert bounds[1] - bounds[0] == pytest.approx(1.5 * arrayFromVolume(pair[0]).shape[2])
    record = json.loads(lateral.GetAttribute("ReVerteR.Import"))
    assert str(tmp_path) not in json.dumps({k: v for k, v in record.items() if k == "decisions"})
    with pytest.raises(InputError, match=r"pixel size|spacing"):
        logic.importRadiographs(tmp_path / "ap.png", tmp_path / "lateral.png")
    with pytest.raises(ArgumentError, match="Known ones"):
        logic.importRadiographs(tmp_path / "ap.png", tmp_path / "lateral.png", apChoices={"spacing": 1})


def test_a_result_is_measured_with_its_fit_to_the_radiographs(logic, pair, centroids_node, host):
    node = logic.reconstruct(*pair, centroids_node)
    found = logic.measure(node, *pair, centroids_node)
    assert [v["level"] for v in found["vertebrae"]] == ["L1", "L2"]
    assert [q["level"] for q in found["silhouettes"]] == ["L1", "L2"]
    assert all(v["volume_ml"] > 1.0 for v in found["vertebrae"])
    assert "Vertebrae measurements" in names_in(host)


def test_automatic_centroids_keep_what_a_person_has_locked(logic, pair, centroids_node, monkeypatch):
    from ReVerteRLib.worker import registry

    asked = {}

    def annotate(arguments, _context):
        from ReVerteRLib.centroids import read_locked_centroids

        asked.update(arguments, held=read_locked_centroids(arguments["locked"]))
        vertebra = {"level": "L1", "position_lps_mm": [-60.0, -60.0, 108.0], "confidence": 1.0, "residual_mm": 0.0}
        return {"vertebrae": [{**vertebra, "locked": True}], "warnings": []}

    monkeypatch.setitem(registry.JOB_FUNCTIONS, "annotate", annotate)
    centroids_node.SetNthControlPointLocked(0, True)
    centroids_node.SetNthControlPointDescription(1, "confidence 0.5000, residual 1.000 mm")
    node = logic.annotateCentroids(*pair, centroids_node, detector="classical")
    assert node is centroids_node
    assert [c.level.name for c in asked["held"]] == ["L1"]
    assert asked["detector"] == "classical"
    assert [node.GetNthControlPointLabel(n) for n in range(node.GetNumberOfControlPoints())] == ["L1"]


def test_a_batch_needs_no_scene_and_a_failed_case_stops_nothing(logic, tmp_path, host, monkeypatch):
    from ReVerteRLib.batch import process
    from ReVerteRLib.batch.runners import DirectRunner

    monkeypatch.setattr(process, "runner_of", lambda _worker: contextlib.nullcontext(DirectRunner()))
    before = names_in(host)
    (tmp_path / "cases.csv").write_text("case,ap,lateral,centroids\none,a.nrrd,b.nrrd,c.mrk.json\n")
    result = logic.processBatch(tmp_path / "cases.csv", tmp_path / "out", pictures=False)
    assert [o.status for o in result.outcomes] == ["failed"]
    assert (tmp_path / "out" / "index.csv").read_text().count("\n") == 2
    assert names_in(host) == before
    with pytest.raises(ArgumentError, match="Known ones"):
        logic.processBatch(tmp_path / "cases.csv", tmp_path / "out", colour="red")


def _box_of_stl(path) -> np.ndarray:
    import vtk

    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    reader.Update()
    return np.array(reader.GetOutput().GetBounds()).reshape(3, 2).T


def test_sliders_turn_the_camera_without_drift(logic, pair, centroids_node, host):
    from ReVerteRLib.scene import layout

    node = logic.reconstruct(*pair, centroids_node)
    logic.turnView(0.0, 0.0, 0.0, node)  # no view yet: nothing to turn
    layout.show_layout(host.slicer.app.layoutManager().layoutLogic().GetLayoutNode())
    camera = host.slicer.vtkMRMLCameraNode()
    camera.SetLayoutName(layout.THREED_VIEW)
    camera = host.scene.AddNode(camera)
    logic.turnView(0.0, 0.0, 0.0, node)
    front = np.array(camera.GetPosition())
    for angle in (35.0, 170.0, -60.0):
        logic.turnView(angle, 20.0, 10.0, node)
    logic.turnView(0.0, 0.0, 0.0, node)
    assert np.array(camera.GetPosition()) == pytest.approx(front)
    assert front[1] > 100.0


def test_the_modules_own_test_runs(module):
    test = module.ReVerteRTest("runTest")
    test.runTest()
    assert test.message == "Test passed"


def test_inside_slicer_the_main_job_needs_nothing_but_torch_and_safetensors(tiny_store):
    """Slicer brings numpy, scipy, SimpleITK and vtk; the library's other dependencies must not be asked for."""
    code = (
        "import sys\n"
        "for name in ('monai', 'skimage', 'rich', 'pydicom', 'matplotlib', 'tqdm', 'pandas'):\n"
        "    sys.modules[name] = None\n"
        "import numpy as np\n"
        "from ReVerteRLib.scene import workflow\n"
        "from ReVerteRLib.scene.bootstrap import SceneHost\n"
        "import pathlib, tempfile\n"
        "k, j, i = np.mgrid[:40, :40, :40]\n"
        "ct = np.where(np.hypot(i - 20, j - 20) < 18, 40, -1000).astype(np.int16)\n"
        "ct[15:24, 16:24, 14:26] = 500\n"
        "host = SceneHost()\n"
        "node = host.slicer.util.addVolumeFromArray(ct, np.diag([2.0, 2.0, 2.0, 1.0]), 'CT')\n"
        "views = workflow.simulate_radiographs(host.scene, node)\n"
        "points = host.scene.AddNewNodeByClass('vtkMRMLMarkupsFiducialNode')\n"
        "points.AddControlPoint([40.0, 40.0, 40.0], 'T7')\n"
        "spine = workflow.reconstruct_nodes(host.scene, *views, points)\n"
        "files = workflow.export_nodes(spine.segmentation, pathlib.Path(tempfile.mkdtemp()))\n"
        "workflow.measure_nodes(host.scene, spine.segmentation)\n"
        "print(sorted(files))\n"
        "host.close()\n"
    )
    environment = os.environ | {"REVERTER_RESOURCES": str(tiny_store)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    assert done.stdout.strip() == "['nifti', 'seg.nrrd', 'stl T7', 'stl spine']", done.stderr
